//! Optimisers as gradient transformations joined by [`chain`].
//!
//! A transformation turns gradients into updates; the famous names ([`Optimizer`]) are chains of a few. All state is a [`Tree`]
//! that can be read, saved and loaded, and the step count belongs to the caller, so a run resumes to the same bits. One definition serves decoders (`f32`) and the
//! theory's models (`f64`).

mod adam;
mod ball;
mod clip;
mod config;
mod decay;
mod momentum;
mod normalize;
mod orthogonalize;
mod proof;
mod schedule;
mod step_size;

pub use adam::ScaleByAdam;
pub use ball::ProjectOntoBall;
pub use clip::ClipByGlobalNorm;
pub use config::{Optimizer, OptimizerName};
pub use decay::AddDecayedWeights;
pub use momentum::Momentum;
pub use normalize::{Normalize, Per, Sign};
pub use orthogonalize::Muon;
pub use proof::Proof;
pub use schedule::{ScaleBySchedule, Schedule, Shape};
pub use step_size::{
    normalized_sgd_step_size, sequence_sgd_step_size, token_level_step_size,
    truncated_distillation_step_size,
};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::tree::{Array, Real, Tree};

/// Turns gradients into updates, one step at a time.
pub trait GradientTransformation<T: Real = f32>: Send {
    /// Replaces `updates` (at first the gradients of the loss). `step` counts from 0.
    fn update(&mut self, updates: &mut Tree<T>, params: &Tree<T>, step: u64);

    /// What must be saved for a resume; empty for a transformation without memory.
    fn state(&self) -> Tree<T> {
        Tree::default()
    }

    /// Takes back what [`GradientTransformation::state`] gave.
    fn load(&mut self, state: Tree<T>) {
        debug_assert!(state.is_empty());
    }
}

/// Transformations applied one after another.
pub struct Chain<T: Real = f32>(Vec<Box<dyn GradientTransformation<T>>>);

/// Joins transformations: the updates of one are the input of the next.
#[must_use]
pub fn chain<T: Real>(parts: Vec<Box<dyn GradientTransformation<T>>>) -> Chain<T> {
    Chain(parts)
}

impl<T: Real> GradientTransformation<T> for Chain<T> {
    fn update(&mut self, updates: &mut Tree<T>, params: &Tree<T>, step: u64) {
        for part in &mut self.0 {
            part.update(updates, params, step);
        }
    }

    fn state(&self) -> Tree<T> {
        let mut all = Tree::default();
        for (i, part) in self.0.iter().enumerate() {
            all.extend_with_prefix(&format!("{i}."), part.state());
        }
        all
    }

    fn load(&mut self, state: Tree<T>) {
        for (i, part) in self.0.iter_mut().enumerate() {
            part.load(state.with_prefix(&format!("{i}.")));
        }
    }
}

/// `params += updates`.
///
/// # Panics
/// If the trees differ in names or shapes.
pub fn apply_updates<T: Real>(params: &mut Tree<T>, updates: &Tree<T>) {
    zip_leaves(params, updates, |p, u| {
        for (p, &u) in p.iter_mut().zip(u) {
            *p += u;
        }
    });
}

/// Runs `f` on the elements of every array of `a` and its namesake in `b`, arrays in parallel.
fn zip_leaves<T: Real>(a: &mut Tree<T>, b: &Tree<T>, f: impl Fn(&mut [T], &[T]) + Sync) {
    let pairs: Vec<(&mut Array<T>, &Array<T>)> =
        a.iter_mut().map(|(name, a)| (a, &b[name])).collect();
    pairs.into_par_iter().for_each(|(a, b)| {
        assert_eq!(a.shape, b.shape, "trees differ in shape");
        f(&mut a.data, &b.data);
    });
}

/// Multiplies every element, arrays in parallel.
fn scale_all<T: Real>(tree: &mut Tree<T>, by: f64) {
    let by = T::of(by);
    let arrays: Vec<&mut Array<T>> = tree.iter_mut().map(|(_, a)| a).collect();
    arrays
        .into_par_iter()
        .for_each(|array| array.data.iter_mut().for_each(|v| *v *= by));
}

/// Settings of [`adamw`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamW {
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Steps of linear warm-up from 0.
    pub warmup_steps: u64,
    /// Learning rate at the last step as a share of the peak, reached linearly; 1 keeps it constant.
    pub decay_to: f64,
    /// Averaging of the first and the second moment.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay, on matrices only.
    pub weight_decay: f64,
    /// Largest global gradient norm; absent means no clipping.
    pub clip_norm: Option<f64>,
}

impl Default for AdamW {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            warmup_steps: 0,
            decay_to: 1.0,
            betas: [0.9, 0.99],
            epsilon: 1e-8,
            weight_decay: 0.01,
            clip_norm: Some(1.0),
        }
    }
}

impl AdamW {
    /// The learning rate over `steps` steps.
    #[must_use]
    pub fn schedule(&self, steps: u64) -> Schedule {
        Schedule {
            peak: self.learning_rate,
            warmup_steps: self.warmup_steps,
            decay_to: self.decay_to,
            shape: Shape::Linear,
            steps,
        }
    }

    /// Checks every value's domain.
    ///
    /// # Errors
    /// Names the value that is outside.
    pub fn validate(&self, place: &str) -> Result<()> {
        let in_unit = |v: f64| (0.0..1.0).contains(&v);
        let checks = [
            (
                "learning_rate",
                self.learning_rate,
                self.learning_rate > 0.0,
                "above 0",
            ),
            (
                "decay_to",
                self.decay_to,
                (0.0..=1.0).contains(&self.decay_to),
                "in [0, 1]",
            ),
            (
                "betas[0]",
                self.betas[0],
                in_unit(self.betas[0]),
                "in [0, 1)",
            ),
            (
                "betas[1]",
                self.betas[1],
                in_unit(self.betas[1]),
                "in [0, 1)",
            ),
            ("epsilon", self.epsilon, self.epsilon > 0.0, "above 0"),
            (
                "weight_decay",
                self.weight_decay,
                self.weight_decay >= 0.0,
                "at least 0",
            ),
            (
                "clip_norm",
                self.clip_norm.unwrap_or(1.0),
                self.clip_norm.is_none_or(|c| c > 0.0),
                "above 0",
            ),
        ];
        for (name, value, good, domain) in checks {
            if !(good && value.is_finite()) {
                return Err(Error::config(
                    place,
                    format!("{name} = {value} must be {domain}"),
                ));
            }
        }
        Ok(())
    }
}

/// AdamW over `steps` steps: clipping by global norm, Adam's scaling, decoupled decay, the learning-rate schedule
/// (Loshchilov and Hutter 2019). [`Optimizer`] builds the same from a TOML file.
///
/// ```
/// use breadth_lm::optim::{AdamW, GradientTransformation, adamw, apply_updates};
/// use breadth_lm::tree::{Array, Tree};
/// let mut params: Tree = [("w".to_string(), Array::full([1, 1], 1.0))].into_iter().collect();
/// let settings = AdamW { learning_rate: 0.1, weight_decay: 0.0, ..AdamW::default() };
/// let mut optimizer = adamw(&settings, 10, &params);
/// let mut updates = params.clone(); // the gradient of w^2 / 2
/// optimizer.update(&mut updates, &params, 0);
/// apply_updates(&mut params, &updates);
/// assert!((params["w"].data[0] - 0.9).abs() < 1e-6); // the first step of Adam has length learning_rate
/// ```
#[must_use]
pub fn adamw<T: Real>(settings: &AdamW, steps: u64, params: &Tree<T>) -> Chain<T> {
    let mut parts: Vec<Box<dyn GradientTransformation<T>>> = Vec::new();
    if let Some(limit) = settings.clip_norm {
        parts.push(Box::new(ClipByGlobalNorm { limit }));
    }
    parts.push(Box::new(ScaleByAdam::new(
        settings.betas,
        settings.epsilon,
        params,
    )));
    parts.push(Box::new(AddDecayedWeights {
        rate: settings.weight_decay,
    }));
    parts.push(Box::new(ScaleBySchedule(settings.schedule(steps))));
    chain(parts)
}

#[cfg(test)]
mod tests;
