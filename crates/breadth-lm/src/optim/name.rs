//! The names of optimisers.

use serde::{Deserialize, Serialize};

/// The named optimisers; each is a chain, see [`Optimizer::build`](super::Optimizer::build).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OptimizerName {
    /// Adam with decoupled weight decay.
    #[default]
    Adamw,
    /// The gradient itself.
    Sgd,
    /// `g / (lambda + |g|)` (Eq 18).
    NormalizedSgd,
    /// `sign(g)` (Eq 20).
    SignSgd,
    /// Orthogonalised momentum of hidden matrices.
    Muon,
}
