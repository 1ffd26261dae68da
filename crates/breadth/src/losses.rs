//! Validation losses beside coverage: `--trainer-state`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use breadth_data::TrainerState;
use serde::Serialize;

use crate::number::Number;

/// Where the validation losses stand.
#[derive(Debug, Default, clap::Args)]
pub struct LossChoice {
    /// Also the validation loss of every checkpoint, from Hugging Face's trainer_state.json or a folder with one; models are matched by the step that ends their names
    #[arg(long, value_name = "PATH")]
    trainer_state: Option<PathBuf>,
    /// With --trainer-state of a run with several evaluation sets: whose loss is meant (eval_math_loss, or math)
    #[arg(long, value_name = "NAME", requires = "trainer_state")]
    loss: Option<String>,
}

/// The losses of the models at hand.
pub struct Losses {
    state: TrainerState,
}

/// What the trainer says of one model.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Trained {
    pub step: u64,
    /// None where the trainer did not evaluate at this step, or the loss was NaN.
    pub eval_loss: Option<Number>,
}

/// What the trainer says of its checkpoints.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    /// The model with the lowest loss.
    pub lowest: Option<&'a str>,
    /// The model that the trainer holds for the best, if it is in the table.
    pub best: Option<&'a str>,
    pub best_step: Option<u64>,
}

impl LossChoice {
    pub fn is_asked(&self) -> bool {
        self.trainer_state.is_some()
    }

    /// The losses, if they were asked for; some of the models must have one.
    pub fn read<'a>(&self, models: impl IntoIterator<Item = &'a str>) -> Result<Option<Losses>> {
        let Some(path) = &self.trainer_state else {
            return Ok(None);
        };
        let state = TrainerState::read(path, self.loss.as_deref()).context("--trainer-state")?;
        let losses = Losses { state };
        let is_known = |model: &str| losses.of(model).is_some_and(|one| one.eval_loss.is_some());
        if !models.into_iter().any(is_known) {
            bail!(
                "--trainer-state {}: no model of the table is a checkpoint with a loss there; their names must end in the step, such as checkpoint-500 or step-500",
                path.display()
            );
        }
        Ok(Some(losses))
    }
}

impl Losses {
    /// The step in a model's name, and the loss there; nothing for a name without one.
    pub fn of(&self, model: &str) -> Option<Trained> {
        let step = self.state.step_of(model)?;
        let loss = self.state.loss_of(model).filter(|loss| !loss.is_nan());
        Some(Trained {
            step,
            eval_loss: loss.map(Number),
        })
    }

    pub fn summary<'a>(&self, models: &[&'a str]) -> Summary<'a> {
        let loss = |model: &&&'a str| self.of(model).and_then(|one| one.eval_loss);
        let known = models.iter().filter(|model| loss(model).is_some());
        let value = |model: &&&'a str| loss(model).map_or(f64::INFINITY, |loss| loss.0);
        let lowest = known.min_by(|a, b| value(a).total_cmp(&value(b)));
        let is_best = |model: &&&'a str| {
            let step = self.state.step_of(model);
            step.is_some() && step == self.state.best_step
        };
        Summary {
            lowest: lowest.copied(),
            best: models.iter().find(is_best).copied(),
            best_step: self.state.best_step,
        }
    }

    /// Puts models in the order of their steps; those without one stay in front.
    pub fn sort<'a>(&self, models: &mut [&'a str]) {
        models.sort_by_key(|model: &&'a str| self.state.step_of(model));
    }
}

/// A loss as a table shows it.
pub fn cell(trained: Option<Trained>) -> String {
    let loss = trained.and_then(|one| one.eval_loss);
    loss.map_or("-".to_owned(), |loss| format!("{:.4}", loss.0))
}
