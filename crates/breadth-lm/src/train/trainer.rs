//! The loop.

use std::path::{Path, PathBuf};

use breadth_data::atomic::NewFolders;
use breadth_data::{Metrics, OutputLock, Provenance, RunFolder, RunManifest, atomic};
use breadth_stats::{Level, is_uncovered};

use super::batch::Pair;
use super::config::TrainConfig;
use super::gradient::{Distilled, distilled_gradient, weighted_gradient};
use super::inputs::Inputs;
use super::objective::{ObjectiveName, Targets};
use super::rl::{Judge, RlConfig};
use super::run::State;
use super::source::Source;
use super::teacher::Teacher;
use crate::decode::{ParameterSet, Ttt, score_and_update, sequence_log_prob};
use crate::error::{Error, Result};
use crate::generation::Sequence;
use crate::memory;
use crate::model::{Checkpoint, DistillTarget};
use crate::optim::{self, Chain, GradientTransformation};
use crate::rng;
use crate::text::Item;
use crate::tree::Tree;
use crate::verifier::Verifier;

/// What the caller hears after every step.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Mean loss of this step, nats per response token.
    pub loss: f64,
    /// Input tokens of this step.
    pub tokens: u64,
}

/// Column names of `metrics.parquet`.
const COLUMNS: [&str; 5] = ["step", "loss", "gradient_norm", "learning_rate", "tokens"];
/// Further ones with a teacher: of its responses in the step's batch, the mean KL from teacher to
/// student (nats), the stopped KL at N = 4 and the shares that the student under-weights by 2, 4
/// and 16.
const WITH_TEACHER: [&str; 5] = ["teacher_kl", "stopped_kl_4", "cov_2", "cov_4", "cov_16"];
/// A further one with `[rl]`: the mean reward of the step's responses.
const WITH_RL: [&str; 1] = ["reward"];

/// Trains `config` in the folder `out`, or finishes what is there.
///
/// `metrics.parquet` has one row per `log_every` steps: `step` (steps done), `loss` (mean over the
/// response tokens of that step's batch, nats; or what the objective says; or minus the mean
/// reward), `gradient_norm` (before clipping), `learning_rate`, `tokens` (response tokens so far).
///
/// The folder is held meanwhile, so that no other training writes there.
///
/// # Errors
/// If the configuration is impossible, the folder holds another run, another training is writing
/// there, or the file system refuses.
pub fn train(
    config: &TrainConfig,
    out: &Path,
    command: &str,
    progress: &mut dyn FnMut(Progress),
) -> Result<()> {
    let mut go_on = |seen| {
        progress(seen);
        true
    };
    train_while(config, out, command, &mut go_on).map(drop)
}

/// As [`train`], for as long as `go_on` wants another step; whether the run is finished.
///
/// A run that is not keeps its state, and the next call goes on at that very step, to the same
/// bits.
///
/// # Errors
/// As [`train`].
pub fn train_while(
    config: &TrainConfig,
    out: &Path,
    command: &str,
    go_on: &mut dyn FnMut(Progress) -> bool,
) -> Result<bool> {
    if out.exists() && !out.is_dir() {
        let message = "is no folder, and a run is one; choose another output";
        return Err(Error::config(out.display().to_string(), message));
    }
    // Everything that can be wrong with a configuration is found before the folder is made.
    let verifier = config.rl.as_ref().map(RlConfig::verifier).transpose()?;
    // Hashed before they are read; what is wrong with one is said best by its reader.
    let inputs = Inputs::of(config, verifier.as_ref());
    let source = Source::new(config)?;
    check_batch(config, &source)?;
    let model = initial_model(config, &source)?;
    source.check(&model.config)?;
    let teacher = Teacher::open(config, &model, &source)?;
    verifier
        .iter()
        .try_for_each(|verifier| source.check_verifier(verifier))?;
    let inputs = inputs?;
    inputs.check()?;
    let of_teacher = teacher.as_ref().map(Teacher::paths).unwrap_or_default();
    inputs.refuse_overwriting(out, &of_teacher)?;
    // The lock, which stands in the folder, goes before the folder does.
    let (mut info, _made, _lock) = open_run(config, out, command, &inputs, teacher.as_ref())?;
    if info.status == "finished" {
        return Ok(true);
    }
    let mut trainer = Trainer::start(config, out, &source, model, teacher)?;
    trainer.verifier = verifier.as_ref();
    let mut wants_more = true;
    while wants_more && trainer.step < config.train.steps {
        let seen = trainer.advance(&source)?;
        wants_more = go_on(seen);
    }
    verifier
        .iter()
        .try_for_each(|verifier| verifier.finish().map(drop))?;
    if trainer.step < config.train.steps {
        trainer.keep()?;
        return Ok(false);
    }
    info.status = "finished".into();
    RunFolder::new(out).write_manifest(&info)?;
    Ok(true)
}

/// Makes the folder, or checks that it holds this very run; holds it. What was made goes again
/// where nothing comes to be in it.
fn open_run(
    config: &TrainConfig,
    out: &Path,
    command: &str,
    inputs: &Inputs,
    teacher: Option<&Teacher>,
) -> Result<(RunManifest, Vec<NewFolders>, OutputLock)> {
    let run = RunFolder::new(out);
    let make = |folder: &Path| NewFolders::make(folder).map_err(|e| Error::io(folder, e));
    let mut made = vec![make(out)?];
    let lock = OutputLock::hold(out)?;
    let mut stored = config.clone();
    stored.out = None; // a moved folder is still the same run
    let config = serde_json::to_value(&stored).expect("plain data");
    let begun = RunFolder::is_one(out).then(|| run.manifest()).transpose()?;
    if begun.as_ref().is_some_and(|begun| begun.config != config) {
        return Err(Error::config(
            out.display().to_string(),
            "holds a run with another configuration (see its run.json); choose another output \
             folder, or remove the folder",
        ));
    }
    match &begun {
        Some(begun) => inputs.check_same(begun, out)?,
        None => refuse_strange(&run)?,
    }
    let teacher = teacher.and_then(Teacher::hash).map(str::to_owned);
    let before = begun.as_ref().and_then(|begun| begun.teacher.clone());
    if before.is_some() && before != teacher {
        return Err(Error::config(
            out.display().to_string(),
            "holds a run whose teacher had other files (see its run.json); put them back, choose \
             another output folder, or remove the folder",
        ));
    }
    // From here on the folder is ours.
    for folder in [run.checkpoints(), run.states()] {
        made.insert(0, make(&folder)?);
        if lock.is_exclusive() {
            atomic::remove_all_dead(&folder)?;
        }
    }
    for file in [run.manifest_file(), run.metrics()] {
        lock.remove_dead_inside(&file)?;
    }
    State::remove_older(out)?;
    if let Some(begun) = begun {
        return Ok((begun, made, lock));
    }
    let info = RunManifest {
        command: command.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        seed: Some(stored.seed),
        status: "running".into(),
        config,
        teacher,
        inputs: inputs.hashes(),
        ..RunManifest::default()
    };
    run.write_manifest(&info)?;
    Ok((info, made, lock))
}

/// Refuses a folder without a `run.json` that holds what a run would replace.
fn refuse_strange(run: &RunFolder) -> Result<()> {
    let is_shown = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
    };
    let is_filled = |folder: &PathBuf| {
        let entries = std::fs::read_dir(folder);
        entries.is_ok_and(|mut entries| entries.any(is_shown))
    };
    let folders = [run.checkpoints(), run.states()];
    let metrics = Some(run.metrics()).filter(|path| path.exists());
    let Some(strange) = folders.into_iter().find(is_filled).or(metrics) else {
        return Ok(());
    };
    let message = format!(
        "has {} and no run.json, so that is not known to be of a run; nothing was written. Choose \
         another output folder, or move it away",
        strange.file_name().unwrap_or_default().display()
    );
    Err(Error::config(run.path().display().to_string(), message))
}

struct Trainer<'a> {
    config: &'a TrainConfig,
    out: &'a Path,
    extra: Vec<(&'static str, String)>,
    model: Checkpoint,
    teacher: Option<Teacher>,
    verifier: Option<&'a Verifier>,
    optimizer: Chain,
    metrics: Metrics,
    step: u64,
    tokens: u64,
}

/// What one step saw.
struct StepOutcome {
    loss: f64,
    gradient_norm: f64,
    /// Input tokens.
    inputs: u64,
    /// Response tokens.
    tokens: u64,
    /// Values of the further columns.
    further: Vec<f64>,
}

impl<'a> Trainer<'a> {
    /// At the newest saved state, or at step 0 with its checkpoint.
    fn start(
        config: &'a TrainConfig,
        out: &'a Path,
        source: &Source,
        mut model: Checkpoint,
        teacher: Option<Teacher>,
    ) -> Result<Self> {
        let mut optimizer = config.optimizer.build(config.updates(), &model.weights);
        let (mut step, mut tokens) = (0, 0);
        if let Some(state) = State::load(out)? {
            state.check(out, &model.weights, &optimizer.state(), config.train.steps)?;
            (step, tokens) = (state.step, state.tokens);
            model.weights = state.params;
            optimizer.load(state.optimizer);
        }
        let metrics = metrics_until(out, step, &config.columns())?;
        let extra = source.tokenizer_files();
        let trainer = Self {
            config,
            out,
            extra,
            model,
            teacher,
            verifier: None,
            optimizer,
            metrics,
            step,
            tokens,
        };
        if step == 0 {
            trainer.save()?;
        }
        Ok(trainer)
    }

    fn advance(&mut self, source: &Source) -> Result<Progress> {
        let settings = &self.config.train;
        let pairs = || source.batch(self.config.seed, self.step, settings.batch_size);
        let seen = match (&self.config.rl, self.verifier) {
            (Some(rl), Some(verifier)) => {
                let items = source.items(self.config.seed, self.step, settings.batch_size);
                let text = source.text();
                self.reinforce(rl, &items, Judge { verifier, text })?
            }
            _ if self.teacher.is_some() => self.distill(pairs())?,
            _ if self.config.objective.name == ObjectiveName::TokenLevel => {
                self.after_every_token(&pairs())
            }
            _ => self.descend(&pairs()),
        };
        if !seen.loss.is_finite() {
            if let Some(init) = self.config.init.as_ref().filter(|_| self.is_untouched()) {
                return Err(Error::not_a_number(init, "the first batch"));
            }
            let message = format!(
                "loss is {} at step {}; lower learning_rate or clip_norm",
                seen.loss, self.step
            );
            return Err(Error::config(self.out.display().to_string(), message));
        }
        self.tokens += seen.tokens;
        let done = self.step + 1;
        if done.is_multiple_of(settings.log_every) || done == settings.steps {
            self.log(&seen);
        }
        self.step = done;
        if done.is_multiple_of(settings.checkpoint_every) || done == settings.steps {
            self.save()?;
        }
        Ok(Progress {
            step: done,
            steps: settings.steps,
            loss: seen.loss,
            tokens: seen.inputs,
        })
    }

    /// Whether what was just seen is of the weights that the run began with, and of nothing else.
    fn is_untouched(&self) -> bool {
        self.step == 0
            && self.teacher.is_none()
            && self.config.rl.is_none()
            && self.config.objective.name != ObjectiveName::TokenLevel
    }

    /// One step on the objective of given responses.
    fn descend(&mut self, pairs: &[Pair]) -> StepOutcome {
        let sequences = sequences(pairs);
        let tokens = sequences.iter().map(|s| s.response.len()).sum();
        let (objective, shards) = (&self.config.objective, self.config.train.shards);
        let (loss, gradient) = weighted_gradient(&self.model, &sequences, shards, &|_, own| {
            objective.weigh(own, sequences.len(), tokens)
        });
        self.apply_gradient(&sequences, loss, gradient, self.step)
    }

    /// One step towards a teacher.
    fn distill(&mut self, mut pairs: Vec<Pair>) -> Result<StepOutcome> {
        let teacher = self.teacher.as_ref().expect("a distillation has a teacher");
        let (objective, shards) = (&self.config.objective, self.config.train.shards);
        if self.config.is_by_teacher() {
            pairs = self.written_by(teacher, pairs)?;
        }
        let sequences = sequences(&pairs);
        let target = DistillTarget {
            distributions: objective.targets != Some(Targets::Tokens),
            budget: objective.truncate.map(f64::ln),
        };
        let vocab_size = self.model.config.vocab_size;
        let distributions =
            teacher.distributions(&sequences, vocab_size, objective.needs_distributions())?;
        let distilled = distilled_gradient(&self.model, &distributions, &sequences, shards, target);
        let further = distilled.columns();
        let (loss, gradient) = (distilled.loss, distilled.gradient);
        let mut seen = self.apply_gradient(&sequences, loss, gradient, self.step);
        seen.further = further;
        Ok(seen)
    }

    /// The same prompts with responses of the teacher.
    fn written_by(&self, teacher: &Teacher, pairs: Vec<Pair>) -> Result<Vec<Pair>> {
        let seed = self.config.seed.wrapping_add(0x7465);
        let drawn = teacher.respond(&pairs, seed, self.step * pairs.len() as u64)?;
        let written = pairs
            .into_iter()
            .zip(drawn)
            .map(|((prompt, _), mut drawn)| {
                let response = drawn.pop().expect("one response per prompt").tokens;
                (prompt, response)
            });
        Ok(written.collect())
    }

    /// Draws, judges, and takes the steps of one batch of responses.
    fn reinforce(&mut self, rl: &RlConfig, items: &[Item], judge: Judge) -> Result<StepOutcome> {
        let rollouts = rl.rollouts(&self.model, items, judge, self.config.seed, self.step)?;
        let drawn: Vec<Pair> = rollouts.iter().map(|one| one.pair.clone()).collect();
        let sequences = sequences(&drawn);
        let shards = self.config.train.shards;
        let mut last = None;
        for update in 0..rl.updates as u64 {
            let (loss, gradient) =
                weighted_gradient(&self.model, &sequences, shards, &|at, own| {
                    rl.weigh(&rollouts[at], own, sequences.len())
                });
            let number = self.step * rl.updates as u64 + update;
            last = Some(self.apply_gradient(&sequences, loss, gradient, number));
        }
        let mut seen = last.expect("at least one update");
        seen.further = vec![-seen.loss];
        Ok(seen)
    }

    /// A step after every token of every sequence, one after another (Eq 21).
    fn after_every_token(&mut self, pairs: &[Pair]) -> StepOutcome {
        let sequences = sequences(pairs);
        let rate = self.config.optimizer.schedule(self.config.updates());
        let ttt = Ttt {
            learning_rate: rate.at(self.step),
            set: ParameterSet::All,
        };
        let before = self.model.weights.clone();
        let mut log_probs = Vec::new();
        for sequence in &sequences {
            let (own, moved) = score_and_update(&self.model, sequence, &ttt);
            log_probs.extend(own);
            self.model = moved;
        }
        let mut way = before;
        for (name, array) in way.iter_mut() {
            for (from, to) in array.data.iter_mut().zip(&self.model.weights[name].data) {
                *from = to - *from;
            }
        }
        StepOutcome {
            loss: -sequence_log_prob(&log_probs) / log_probs.len() as f64,
            gradient_norm: way.global_norm() / ttt.learning_rate.max(f64::MIN_POSITIVE),
            inputs: sequences.iter().map(|s| s.inputs() as u64).sum(),
            tokens: log_probs.len() as u64,
            further: Vec::new(),
        }
    }

    /// Takes the optimiser's step number `number` and notes what it saw.
    fn apply_gradient(
        &mut self,
        sequences: &[Sequence],
        loss: f64,
        mut updates: Tree,
        number: u64,
    ) -> StepOutcome {
        let gradient_norm = updates.global_norm();
        if loss.is_finite() {
            self.optimizer
                .update(&mut updates, &self.model.weights, number);
            optim::apply_updates(&mut self.model.weights, &updates);
        }
        StepOutcome {
            loss,
            gradient_norm,
            inputs: sequences.iter().map(|s| s.inputs() as u64).sum(),
            tokens: sequences.iter().map(|s| s.response.len() as u64).sum(),
            further: Vec::new(),
        }
    }

    fn log(&mut self, seen: &StepOutcome) {
        let updates = self.config.rl.as_ref().map_or(1, |rl| rl.updates as u64);
        let schedule = self.config.optimizer.schedule(self.config.updates());
        let row = [
            (self.step + 1) as f64,
            seen.loss,
            seen.gradient_norm,
            schedule.at(self.step * updates),
            self.tokens as f64,
        ];
        let row = row.iter().chain(&seen.further);
        for ((_, column), &value) in self.metrics.columns.iter_mut().zip(row) {
            column.push(value);
        }
    }

    /// Checkpoint, metrics, state, in this order: a state is never newer than what it continues.
    fn save(&self) -> Result<()> {
        let is_last = self.step == self.config.train.steps;
        self.teacher
            .iter()
            .try_for_each(|teacher| teacher.check(is_last))?;
        let extra: Vec<(&str, String)> = self.extra.iter().map(|(n, t)| (*n, t.clone())).collect();
        self.model
            .write(&RunFolder::new(self.out).checkpoint(self.step), &extra)?;
        self.keep()
    }

    /// Metrics and state, in this order.
    fn keep(&self) -> Result<()> {
        if self.step > 0 {
            let provenance = Provenance {
                command: "breadth train".into(),
                seed: Some(self.config.seed),
                ..Provenance::default()
            };
            self.metrics
                .write(&RunFolder::new(self.out).metrics(), &provenance)?;
        }
        let state = State {
            step: self.step,
            tokens: self.tokens,
            params: self.model.weights.clone(),
            optimizer: self.optimizer.state(),
        };
        state.save(self.out)
    }
}

impl TrainConfig {
    /// Steps of the optimiser in all.
    fn updates(&self) -> u64 {
        self.train.steps * self.rl.as_ref().map_or(1, |rl| rl.updates as u64)
    }

    /// Column names of `metrics.parquet`.
    fn columns(&self) -> Vec<&'static str> {
        let further = match (&self.rl, self.objective.name) {
            (Some(_), _) => &WITH_RL[..],
            (None, ObjectiveName::Distill) => &WITH_TEACHER[..],
            _ => &[],
        };
        COLUMNS.iter().chain(further).copied().collect()
    }
}

impl Distilled {
    /// The values of [`WITH_TEACHER`].
    fn columns(&self) -> Vec<f64> {
        let n = self.kls.len() as f64;
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / n;
        let level = |n| Level::from_n(n).expect("a level");
        let covered = |n: f64| {
            let missed = |ratio: &f64| f64::from(u8::from(is_uncovered(*ratio, 0.0, level(n))));
            mean(&mut self.log_ratios.iter().map(missed))
        };
        let stop = level(4.0).log_n();
        vec![
            mean(&mut self.kls.iter().copied()),
            mean(&mut self.kls.iter().map(|kl| kl.min(stop))),
            covered(2.0),
            covered(4.0),
            covered(16.0),
        ]
    }
}

fn sequences(pairs: &[Pair]) -> Vec<Sequence<'_>> {
    pairs
        .iter()
        .map(|(prompt, response)| Sequence { prompt, response })
        .collect()
}

/// The logged rows up to and including `step`; later ones are made again.
fn metrics_until(out: &Path, step: u64, columns: &[&str]) -> Result<Metrics> {
    let path = RunFolder::new(out).metrics();
    let empty = Metrics {
        columns: columns
            .iter()
            .map(|name| (name.to_string(), Vec::new()))
            .collect(),
    };
    if step == 0 {
        return Ok(empty);
    }
    if !path.exists() {
        let message = format!(
            "is missing, and the run stands at step {step}: put it back, or train from the \
             beginning in another folder"
        );
        return Err(Error::data(path.display().to_string(), message));
    }
    let mut metrics = Metrics::read(&path)?;
    let found: Vec<&str> = metrics.columns.iter().map(|(name, _)| &**name).collect();
    if found != columns {
        let message = format!(
            "has the columns {}, and this run logs {}; put the run's own back, or train from the \
             beginning in another folder",
            found.join(", "),
            columns.join(", ")
        );
        return Err(Error::data(path.display().to_string(), message));
    }
    let steps = metrics.columns[0].1.clone();
    for (_, column) in &mut metrics.columns {
        let rows = steps.iter().zip(std::mem::take(column));
        *column = rows
            .filter(|(s, _)| **s <= step as f64)
            .map(|(_, v)| v)
            .collect();
    }
    Ok(metrics)
}

/// Refuses a batch whose tokens alone do not fit into memory.
fn check_batch(config: &TrainConfig, source: &Source) -> Result<()> {
    let group = config.rl.as_ref().map_or(1, |rl| rl.group);
    let sizes = [config.train.batch_size, group, source.longest()];
    let tokens = sizes
        .iter()
        .fold(1u128, |all, &size| all.saturating_mul(size as u128));
    match memory::lacks(tokens.saturating_mul(4)) {
        Some(what) => {
            let message = format!("the tokens of a batch alone take {what}");
            Err(Error::config("[train] batch_size", message))
        }
        None => Ok(()),
    }
}

fn initial_model(config: &TrainConfig, source: &Source) -> Result<Checkpoint> {
    if let Some(init) = &config.init {
        return Checkpoint::read(init);
    }
    let sizes = config
        .model
        .as_ref()
        .expect("checked with the configuration");
    let sizes_of_model = crate::model::Gpt2 {
        vocab_size: source.vocab_size(),
        max_position_embeddings: sizes
            .max_position_embeddings
            .unwrap_or_else(|| source.longest()),
        hidden_size: sizes.width,
        layers: sizes.layers,
        heads: sizes.heads,
        intermediate_size: sizes.intermediate_size.unwrap_or(4 * sizes.width),
        layer_norm_epsilon: 1e-5,
    };
    let config_of_model = sizes_of_model.config("[model]")?;
    let mut rng = rng::stream(config.seed, "train/init", 0);
    Ok(Checkpoint::random(config_of_model, &mut rng))
}
