//! Training: a configuration in, a run folder out; killed at any moment, it goes on where it was.

pub mod config;
mod gradient;
pub mod run;
mod source;

use std::path::Path;

use breadth_data::{Metrics, Provenance};

pub use config::TrainConfig;
pub use gradient::value_and_gradient;
pub use run::{RunInfo, State, checkpoint_folder};
pub use source::Source;

use crate::error::{Error, Result};
use crate::model::{Checkpoint, Sequence};
use crate::optim::{self, Chain, GradientTransformation};
use crate::rng;

/// What the caller hears after every step.
#[derive(Clone, Copy, Debug)]
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

/// Trains `config` in the folder `out`, or finishes what is there.
///
/// `metrics.parquet` has one row per `log_every` steps: `step` (steps done), `loss` (mean over the response tokens of
/// that step's batch, nats), `gradient_norm` (before clipping), `learning_rate`, `tokens` (response tokens so far).
///
/// # Errors
/// If the configuration is impossible, the folder holds another run, or the file system refuses.
pub fn train(
    config: &TrainConfig,
    out: &Path,
    command: &str,
    progress: &mut dyn FnMut(Progress),
) -> Result<()> {
    // Everything that can be wrong with a configuration is found before the folder is made.
    let source = Source::new(config)?;
    let model = initial_model(config, &source)?;
    source.check(&model.config)?;
    let mut info = open_run(config, out, command)?;
    if info.status == "finished" {
        return Ok(());
    }
    let mut trainer = Trainer::start(config, out, &source, model)?;
    while trainer.step < config.train.steps {
        let seen = trainer.advance(&source)?;
        progress(seen);
    }
    info.status = "finished".into();
    info.write(out)
}

/// Makes the folder, or checks that it holds this very run.
fn open_run(config: &TrainConfig, out: &Path, command: &str) -> Result<RunInfo> {
    for folder in [
        out.to_path_buf(),
        out.join("checkpoints"),
        out.join("state"),
    ] {
        std::fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, e))?;
        run::remove_leftovers(&folder)?;
    }
    let mut stored = config.clone();
    stored.out = None; // a moved folder is still the same run
    let config = serde_json::to_value(&stored).expect("plain data");
    match RunInfo::read(out)? {
        Some(info) if info.config == config => Ok(info),
        Some(_) => Err(Error::config(
            out.display().to_string(),
            "holds a run with another configuration (see its run.json); choose another --out, or remove the folder",
        )),
        None => {
            let info = RunInfo {
                command: command.into(),
                version: env!("CARGO_PKG_VERSION").into(),
                seed: stored.seed,
                status: "running".into(),
                config,
                reference: None,
                single_correct_response: false,
                n: None,
            };
            info.write(out)?;
            Ok(info)
        }
    }
}

struct Trainer<'a> {
    config: &'a TrainConfig,
    out: &'a Path,
    extra: Vec<(&'static str, String)>,
    model: Checkpoint,
    optimizer: Chain,
    metrics: Metrics,
    step: u64,
    tokens: u64,
}

impl<'a> Trainer<'a> {
    /// At the newest saved state, or at step 0 with its checkpoint.
    fn start(
        config: &'a TrainConfig,
        out: &'a Path,
        source: &Source,
        mut model: Checkpoint,
    ) -> Result<Self> {
        let mut optimizer = config.optimizer.build(config.train.steps, &model.weights);
        let (mut step, mut tokens) = (0, 0);
        if let Some(state) = State::load(out)? {
            (step, tokens) = (state.step, state.tokens);
            model.weights = state.params;
            optimizer.load(state.optimizer);
        }
        let metrics = metrics_until(out, step)?;
        let extra = source.tokenizer_files();
        let trainer = Self {
            config,
            out,
            extra,
            model,
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
        let examples = source.batch(self.config.seed, self.step, settings.batch_size);
        let sequences: Vec<Sequence> = examples
            .iter()
            .map(|(prompt, response)| Sequence { prompt, response })
            .collect();
        let inputs = sequences.iter().map(|s| s.inputs() as u64).sum();
        let (loss, mut updates) = value_and_gradient(&self.model, &sequences, settings.shards);
        if !loss.is_finite() {
            let message = format!(
                "loss is {loss} at step {}; lower learning_rate or clip_norm",
                self.step
            );
            return Err(Error::config(self.out.display().to_string(), message));
        }
        self.tokens += sequences
            .iter()
            .map(|s| s.response.len() as u64)
            .sum::<u64>();
        let done = self.step + 1;
        if done.is_multiple_of(settings.log_every) || done == settings.steps {
            self.log(loss, updates.global_norm());
        }
        self.optimizer
            .update(&mut updates, &self.model.weights, self.step);
        optim::apply_updates(&mut self.model.weights, &updates);
        self.step = done;
        if done.is_multiple_of(settings.checkpoint_every) || done == settings.steps {
            self.save()?;
        }
        Ok(Progress {
            step: done,
            steps: settings.steps,
            loss,
            tokens: inputs,
        })
    }

    fn log(&mut self, loss: f64, gradient_norm: f64) {
        let schedule = self.config.optimizer.schedule(self.config.train.steps);
        let row = [
            (self.step + 1) as f64,
            loss,
            gradient_norm,
            schedule.at(self.step),
            self.tokens as f64,
        ];
        for ((_, column), value) in self.metrics.columns.iter_mut().zip(row) {
            column.push(value);
        }
    }

    /// Checkpoint, metrics, state, in this order: a state is never newer than what it continues.
    fn save(&self) -> Result<()> {
        let extra: Vec<(&str, String)> = self.extra.iter().map(|(n, t)| (*n, t.clone())).collect();
        self.model
            .write(&checkpoint_folder(self.out, self.step), &extra)?;
        if self.step > 0 {
            let provenance = Provenance {
                command: "breadth train".into(),
                seed: Some(self.config.seed),
                ..Provenance::default()
            };
            self.metrics
                .write(&self.out.join("metrics.parquet"), &provenance)?;
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

/// The logged rows up to and including `step`; later ones are made again.
fn metrics_until(out: &Path, step: u64) -> Result<Metrics> {
    let path = out.join("metrics.parquet");
    let empty = Metrics {
        columns: COLUMNS.map(|name| (name.to_string(), Vec::new())).to_vec(),
    };
    if step == 0 || !path.exists() {
        return Ok(empty);
    }
    let mut metrics = Metrics::read(&path)?;
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

fn initial_model(config: &TrainConfig, source: &Source) -> Result<Checkpoint> {
    if let Some(init) = &config.init {
        return Checkpoint::read(init);
    }
    let sizes = config
        .model
        .as_ref()
        .expect("checked with the configuration");
    let config_of_model = crate::model::Config {
        vocab_size: source.vocab_size(),
        positions: sizes.positions.unwrap_or_else(|| source.longest()),
        width: sizes.width,
        layers: sizes.layers,
        heads: sizes.heads,
        inner: sizes.inner.unwrap_or(4 * sizes.width),
        layer_norm_epsilon: 1e-5,
    };
    config_of_model.validate("[model]")?;
    let mut rng = rng::stream(config.seed, "train/init", 0);
    Ok(Checkpoint::random(config_of_model, &mut rng))
}
