//! Validation losses beside coverage, as a trainer logged them.

use breadth_data::TrainerState;
use serde::Serialize;

use crate::number::Number;

/// The losses of the models at hand.
#[derive(Debug)]
pub struct Losses {
    state: TrainerState,
}

/// What the trainer says of one model.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Trained {
    /// The step in the model's name.
    pub step: u64,
    /// None where the trainer did not evaluate at this step, or the loss was NaN.
    pub eval_loss: Option<Number>,
}

/// What the trainer says of its checkpoints.
#[derive(Clone, Debug, Serialize)]
pub struct TrainerSummary {
    /// The model with the lowest loss.
    pub lowest: Option<String>,
    /// The model that the trainer holds for the best, if it is in the table.
    pub best: Option<String>,
    /// Its step.
    pub best_step: Option<u64>,
}

impl Losses {
    /// The losses of a trainer, if some of the models have one.
    pub fn of_models<'a>(
        state: TrainerState,
        models: impl IntoIterator<Item = &'a str>,
    ) -> Option<Losses> {
        let losses = Losses { state };
        let is_known = |model: &str| losses.of(model).is_some_and(|one| one.eval_loss.is_some());
        models.into_iter().any(is_known).then_some(losses)
    }

    /// The step in a model's name, and the loss there; nothing for a name without one.
    pub fn of(&self, model: &str) -> Option<Trained> {
        let step = self.state.step_of(model)?;
        let loss = self.state.loss_of(model).filter(|loss| !loss.is_nan());
        Some(Trained {
            step,
            eval_loss: loss.map(Number),
        })
    }

    /// The best checkpoints by loss and by the trainer's own word.
    pub fn summary(&self, models: &[&str]) -> TrainerSummary {
        let loss = |model: &&&str| self.of(model).and_then(|one| one.eval_loss);
        let known = models.iter().filter(|model| loss(model).is_some());
        let value = |model: &&&str| loss(model).map_or(f64::INFINITY, |loss| loss.0);
        let lowest = known.min_by(|a, b| value(a).total_cmp(&value(b)));
        let is_best = |model: &&&str| {
            let step = self.state.step_of(model);
            step.is_some() && step == self.state.best_step
        };
        TrainerSummary {
            lowest: lowest.map(|name| (*name).to_owned()),
            best: models.iter().find(is_best).map(|name| (*name).to_owned()),
            best_step: self.state.best_step,
        }
    }

    /// Puts models in the order of their steps; those without one stay in front.
    pub fn sort<'a>(&self, models: &mut [&'a str]) {
        models.sort_by_key(|model: &&'a str| self.state.step_of(model));
    }
}
