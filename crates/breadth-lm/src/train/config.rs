//! The TOML file of `breadth train`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::objective::{Objective, ObjectiveName, ResponseSource};
use super::rl::RlConfig;
use super::statement;
use crate::error::{Error, Result};
use crate::files;
use crate::optim::{Optimizer, OptimizerName};
use crate::task::{Task, TaskConfig};
use crate::text::EndToken;

/// A training run, as its TOML file says it.
///
/// ```
/// use breadth_lm::train::TrainConfig;
/// let config = TrainConfig::parse(r#"
///     [task]
///     mixture = { g1 = 0.9, g2 = 0.1 }
///     [task.graph-search]
///     middle_layers = 3
///     width = 2
///     names = 16
///     edge_order = "slot"
///     family = { figure = "1", branching = 2, label = "drawn" }
///     [model]
///     layers = 2
///     width = 64
///     heads = 4
///     [train]
///     steps = 100
///     batch_size = 64
/// "#, "train.toml")?;
/// assert_eq!(config.train.checkpoint_every, 100); // at the end only, unless the file says otherwise
/// # Ok::<(), breadth_lm::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Seed of the initial weights and of the data order.
    #[serde(default)]
    pub seed: u64,
    /// Run folder; `--out` overrides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<PathBuf>,
    /// Checkpoint folder to start from; absent means fresh weights of the sizes in `[model]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// A synthetic task; fresh examples at every step. Either this or `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskConfig>,
    /// Files of prompts and responses. Either this or `task`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataConfig>,
    /// Sizes of a fresh model; absent with `init`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelConfig>,
    /// The optimiser and its schedule.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// What is minimised.
    #[serde(default)]
    pub objective: Objective,
    /// Reinforcement learning in place of an objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rl: Option<RlConfig>,
    /// The loop.
    pub train: LoopConfig,
}

/// `[data]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// JSON Lines files with `prompt` and `response`, as text or as token ids, or with `messages`
    /// (see [`crate::text`]); from the folder of the program, or of the configuration.
    pub files: Vec<PathBuf>,
    /// `tokenizer.json`, looked for like `files`; absent means that of `init`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<PathBuf>,
    /// Which responses get the model's end token if they lack it: auto (those given as text),
    /// always, or never (the default).
    #[serde(default, skip_serializing_if = "EndToken::is_never")]
    pub end_token: EndToken,
}

/// `[model]`: a GPT-2-like decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Number of blocks.
    pub layers: usize,
    /// Model width.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width inside the MLP; absent means four times `width`.
    #[serde(rename = "inner", default, skip_serializing_if = "Option::is_none")]
    pub intermediate_size: Option<usize>,
    /// Longest sequence; absent means the longest of the task or data.
    #[serde(rename = "positions", default, skip_serializing_if = "Option::is_none")]
    pub max_position_embeddings: Option<usize>,
}

/// `[train]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoopConfig {
    /// Optimiser steps.
    pub steps: u64,
    /// Sequences per step.
    pub batch_size: usize,
    /// Steps between checkpoints (one at step 0 and one at the end besides); absent means at the
    /// end only.
    #[serde(default)]
    pub checkpoint_every: u64,
    /// Steps between rows of `metrics.parquet`.
    #[serde(default = "default_log_every")]
    pub log_every: u64,
    /// Parts a batch is split into, each on one thread; the result depends on it, but not on the
    /// number of threads.
    #[serde(default = "default_shards")]
    pub shards: usize,
}

/// A file that a configuration names: where the program runs, or else beside the configuration.
fn found(config: &Path, file: &Path) -> Result<PathBuf> {
    let beside = config.with_file_name(file);
    let same = |one: &Path, other: &Path| one.canonicalize().ok() == other.canonicalize().ok();
    match (file.exists(), beside.exists()) {
        (false, true) => Ok(beside),
        (true, true) if !same(file, &beside) => {
            let [file, beside] = [file.display(), beside.display()];
            let message = format!(
                "[data] `{file}` is there twice, from here and as {beside}; write the whole path of \
                 the one that is meant"
            );
            Err(Error::config(config.display().to_string(), message))
        }
        _ => Ok(file.to_path_buf()),
    }
}

fn default_log_every() -> u64 {
    10
}

fn default_shards() -> usize {
    2
}

impl TrainConfig {
    /// Reads a file. Files of `[data]` that are not where the program runs are looked for beside
    /// it.
    ///
    /// # Errors
    /// If it cannot be read, is not TOML, has an unknown key or an impossible value; if a file of
    /// `[data]` is in both places.
    pub fn read(path: &Path) -> Result<Self> {
        let text = files::settings(path).map_err(|e| Error::io(path, e))?;
        let mut config = Self::parse(&text, &path.display().to_string())?;
        if let Some(data) = &mut config.data {
            for file in data.files.iter_mut().chain(&mut data.tokenizer) {
                *file = found(path, file)?;
            }
        }
        Ok(config)
    }

    /// Reads a text; `place` names it in errors.
    ///
    /// # Errors
    /// As [`TrainConfig::read`].
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let mut config: Self =
            toml::from_str(text).map_err(|e| Error::config(place, e.to_string().trim_end()))?;
        if config.train.checkpoint_every == 0 {
            config.train.checkpoint_every = config.train.steps;
        }
        config.validate(place)?;
        Ok(config)
    }

    /// The same run under another seed, which also replaces `{seed}` in the paths of `init` and of
    /// the teacher.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        let filled = |text: &str| text.replace("{seed}", &seed.to_string());
        if let Some(init) = &mut self.init {
            *init = PathBuf::from(filled(&init.to_string_lossy()));
        }
        if let Some(teacher) = &mut self.objective.teacher {
            *teacher = filled(teacher);
        }
        self
    }

    fn validate(&self, place: &str) -> Result<()> {
        let error = |message: String| Err(Error::config(place, message));
        for (name, value) in [
            ("steps", self.train.steps),
            ("batch_size", self.train.batch_size as u64),
            ("log_every", self.train.log_every),
            ("shards", self.train.shards as u64),
        ] {
            if value == 0 {
                return error(format!("[train] {name} = 0; at least 1 is needed"));
            }
        }
        if self.task.is_some() == self.data.is_some() {
            return error("give either [task] or [data]".into());
        }
        match (&self.init, &self.model) {
            (None, None) => {
                return error("give [model] for fresh weights, or init = \"CHECKPOINT\"".into());
            }
            (Some(_), Some(_)) => {
                return error("[model] and init are both given; init brings its own sizes".into());
            }
            _ => {}
        }
        if let (Some(data), None) = (&self.data, &self.init)
            && data.tokenizer.is_none()
        {
            return error(
                "[data] needs tokenizer = \"tokenizer.json\" when there is no init".into(),
            );
        }
        self.check_objective(place)?;
        self.optimizer.validate(&format!("{place}: [optimizer]"))?;
        let Some(proof) = &self.optimizer.proof else {
            return Ok(());
        };
        let objective = self.rl.is_none().then_some(&self.objective);
        let size = (self.train.steps, self.train.batch_size);
        statement::check(proof, objective, size, place)
    }

    /// Whether a teacher writes the responses of a distillation.
    pub(crate) fn is_by_teacher(&self) -> bool {
        let objective = &self.objective;
        objective.name == ObjectiveName::Distill
            && self.task.is_some()
            && objective.responses != Some(ResponseSource::Data)
    }

    fn check_objective(&self, place: &str) -> Result<()> {
        let error = |message: &str| Err(Error::config(place, message));
        self.objective.validate(&format!("{place}: [objective]"))?;
        if let Some(rl) = &self.rl {
            if self.objective != Objective::default() {
                return error("give either [objective] or [rl]");
            }
            return rl.validate(&format!("{place}: [rl]"));
        }
        let ends_by_itself =
            |task: &TaskConfig| Task::new(task).is_ok_and(|task| !task.has_one_length());
        if self.is_by_teacher() && self.task.as_ref().is_some_and(ends_by_itself) {
            return error(
                "[objective] a teacher writes responses of one length, and those of this task end \
                 where they end; add responses = \"data\"",
            );
        }
        if self.data.is_some() && self.objective.responses == Some(ResponseSource::Teacher) {
            return error(
                "[objective] responses = \"teacher\" needs a [task]; with [data] let breadth \
                 sample draw them first",
            );
        }
        let plain = Optimizer {
            name: OptimizerName::Sgd,
            learning_rate: self.optimizer.learning_rate,
            proof: self.optimizer.proof.clone(),
            warmup_steps: self.optimizer.warmup_steps,
            decay_to: self.optimizer.decay_to,
            schedule: self.optimizer.schedule,
            ..Optimizer::default()
        };
        if self.objective.name == ObjectiveName::TokenLevel && self.optimizer != plain {
            return error(
                "token_level is plain SGD: [optimizer] name = \"sgd\" with a learning rate and a \
                 schedule, and nothing else",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[task]
mixture = { g1 = 0.9, g2 = 0.1 }
[task.graph-search]
middle_layers = 3
width = 2
names = 16
edge_order = "slot"
family = { figure = "1", branching = 2, label = "drawn" }
[model]
layers = 2
width = 64
heads = 4
[train]
steps = 100
batch_size = 64
"#;

    fn error(text: &str) -> String {
        TrainConfig::parse(text, "train.toml")
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn unknown_keys_and_impossible_values_are_named() {
        insta::assert_snapshot!(error(&GOOD.replace("steps = 100", "step = 100")), @r#"
        train.toml: TOML parse error at line 15, column 1
           |
        15 | step = 100
           | ^^^^
        unknown field `step`, expected one of `steps`, `batch_size`, `checkpoint_every`, `log_every`, `shards`
        "#);
        insta::assert_snapshot!(error(&GOOD.replace("batch_size = 64", "batch_size = 0")),
            @"train.toml: [train] batch_size = 0; at least 1 is needed");
        insta::assert_snapshot!(error(&GOOD.replace("[model]\nlayers = 2\nwidth = 64\nheads = 4", "")),
            @r#"train.toml: give [model] for fresh weights, or init = "CHECKPOINT""#);
        insta::assert_snapshot!(error("[train]\nsteps = 1\nbatch_size = 1"),
            @"train.toml: give either [task] or [data]");
    }

    #[test]
    fn survives_json() {
        let config = TrainConfig::parse(GOOD, "train.toml").unwrap();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&json).unwrap(), config);
    }
}
