//! Optimisers as gradient transformations joined by [`chain`].
//!
//! A transformation turns gradients into updates; the famous names ([`Optimizer`]) are chains of a
//! few. All state is a [`Tree`] that can be read, saved and loaded, and the step count belongs to
//! the caller, so a run resumes to the same bits. One definition serves decoders (`f32`) and the
//! theory's models (`f64`).

mod adam;
mod ball;
mod clip;
mod config;
mod decay;
mod momentum;
mod name;
mod normalize;
mod orthogonalize;
mod proof;
mod schedule;
mod step_size;
mod transformation;

pub use adam::ScaleByAdam;
pub use ball::ProjectOntoBall;
pub use clip::ClipByGlobalNorm;
pub use config::Optimizer;
pub use decay::AddDecayedWeights;
pub use momentum::Momentum;
pub use name::OptimizerName;
pub use normalize::{Normalize, Per, Sign};
pub use orthogonalize::Muon;
pub use proof::Proof;
pub use schedule::{ScaleBySchedule, Schedule, Shape};
pub use step_size::{
    normalized_sgd_step_size, sequence_sgd_step_size, token_level_step_size,
    truncated_distillation_step_size,
};
pub use transformation::{Chain, GradientTransformation, apply_updates, chain};

#[cfg(doc)]
use crate::tree::Tree;

#[cfg(test)]
mod tests;
