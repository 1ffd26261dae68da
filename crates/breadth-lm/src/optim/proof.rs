//! The step sizes of the paper's proofs, by the name of the statement.

use serde::{Deserialize, Serialize};

use super::name::OptimizerName;
use super::step_size::{
    normalized_sgd_step_size, sequence_sgd_step_size, token_level_step_size,
    truncated_distillation_step_size,
};
use crate::error::{Error, Result};

/// A statement whose proof fixes the step size, with what it assumes of the model: features no
/// longer than `bound` (B), responses of at most `horizon` tokens (H), inherent variance `variance`
/// (s2), coverage wanted at `n` (N). The number of steps T is that of the run; `steps` may say it
/// again, and is refused where it is another.
///
/// A run with another objective than the statement's own is refused, as is one whose `truncate` is
/// another N: the step size says nothing about those.
///
/// A decoder is not a linear model: B is then the length of the gradient of one token's
/// log-probability, to be guessed or measured.
///
/// ```
/// use breadth_lm::optim::Optimizer;
/// let text = "name = 'normalized_sgd'\nproof = { statement = 'thm-5.1', bound = 1.0, variance = 1.0, n = 4.0 }";
/// let optimizer: Optimizer = toml::from_str(text)?;
/// optimizer.validate("[optimizer]")?;
/// assert_eq!(optimizer.schedule(1000).at(999), 1.0 / 128.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: section 5 and 6's table of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "statement", deny_unknown_fields)]
#[non_exhaustive]
pub enum Proof {
    /// Sequence-level SGD (Eq 14): `1 / (2 H B^2)`.
    #[serde(rename = "prop-5.1")]
    SequenceSgd {
        /// H.
        horizon: f64,
        /// B.
        bound: f64,
        /// T, if the file says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        steps: Option<u64>,
    },
    /// Normalised SGD (Eq 18): `min{ 1/(128 B), (log N / (s2 T))^(1/4) }`, and `lambda = log N /
    /// (16 eta)`.
    #[serde(rename = "thm-5.1")]
    NormalizedSgd {
        /// B.
        bound: f64,
        /// s2.
        variance: f64,
        /// N.
        n: f64,
        /// T, if the file says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        steps: Option<u64>,
    },
    /// Token-level SGD (Eq 21): `min{ 1/(2 B^2), 1/sqrt(s2 T) }`.
    #[serde(rename = "thm-6.1")]
    TokenLevel {
        /// B.
        bound: f64,
        /// s2.
        variance: f64,
        /// T, if the file says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        steps: Option<u64>,
    },
    /// Truncated distillation (Eq 24-26): `min{ 1/((64 log N + 2) B^2), 1/sqrt(T s2 log N) }`, as
    /// printed; the proof closes with `1/(256 log N B^2)` in the first place.
    #[serde(rename = "thm-6.2")]
    TruncatedDistillation {
        /// B.
        bound: f64,
        /// s2.
        variance: f64,
        /// N.
        n: f64,
        /// T, if the file says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        steps: Option<u64>,
    },
}

impl Proof {
    /// The step size of a run of so many steps.
    #[must_use]
    pub fn learning_rate(&self, steps: u64) -> f64 {
        let steps = steps.max(1) as f64;
        match *self {
            Proof::SequenceSgd { horizon, bound, .. } => sequence_sgd_step_size(horizon, bound),
            Proof::NormalizedSgd {
                bound, variance, n, ..
            } => normalized_sgd_step_size(bound, variance, n.ln(), steps).0,
            Proof::TokenLevel {
                bound, variance, ..
            } => token_level_step_size(bound, variance, steps),
            Proof::TruncatedDistillation {
                bound, variance, n, ..
            } => truncated_distillation_step_size(bound, variance, n.ln(), steps),
        }
    }

    /// The lambda that goes with it, where the statement has one.
    #[must_use]
    pub fn lambda(&self, steps: u64) -> Option<f64> {
        match *self {
            Proof::NormalizedSgd {
                bound, variance, n, ..
            } => Some(normalized_sgd_step_size(bound, variance, n.ln(), steps.max(1) as f64).1),
            _ => None,
        }
    }

    /// T, where the file says it.
    pub(crate) fn said_steps(&self) -> Option<u64> {
        match *self {
            Proof::SequenceSgd { steps, .. }
            | Proof::NormalizedSgd { steps, .. }
            | Proof::TokenLevel { steps, .. }
            | Proof::TruncatedDistillation { steps, .. } => steps,
        }
    }

    /// The statement as a file names it.
    pub(crate) fn statement(&self) -> &'static str {
        self.about().0
    }

    /// The statement as a file names it, and the optimiser that it is about.
    fn about(&self) -> (&'static str, OptimizerName, &'static str) {
        match self {
            Proof::SequenceSgd { .. } => ("prop-5.1", OptimizerName::Sgd, "sgd"),
            Proof::NormalizedSgd { .. } => {
                ("thm-5.1", OptimizerName::NormalizedSgd, "normalized_sgd")
            }
            Proof::TokenLevel { .. } => ("thm-6.1", OptimizerName::Sgd, "sgd"),
            Proof::TruncatedDistillation { .. } => ("thm-6.2", OptimizerName::Sgd, "sgd"),
        }
    }

    /// Checks that the statement is about the optimiser `name` and every number in its domain.
    pub(super) fn validate(&self, name: OptimizerName, place: &str) -> Result<()> {
        let (statement, wanted, its_name) = self.about();
        if name != wanted {
            let message = format!("proof: {statement} is about name = \"{its_name}\"");
            return Err(Error::config(place, message));
        }
        let (horizon, bound, variance, n) = match *self {
            Proof::SequenceSgd { horizon, bound, .. } => (horizon, bound, 1.0, 2.0),
            Proof::TokenLevel {
                bound, variance, ..
            } => (1.0, bound, variance, 2.0),
            Proof::NormalizedSgd {
                bound, variance, n, ..
            }
            | Proof::TruncatedDistillation {
                bound, variance, n, ..
            } => (1.0, bound, variance, n),
        };
        let checks = [
            ("horizon", horizon, horizon >= 1.0, "at least 1"),
            ("bound", bound, bound > 0.0, "above 0"),
            ("variance", variance, variance > 0.0, "above 0"),
            ("n", n, n > 1.0, "above 1"),
        ];
        match checks
            .iter()
            .find(|(_, v, good, _)| !(*good && v.is_finite()))
        {
            Some((what, value, _, domain)) => Err(Error::config(
                place,
                format!("proof: {what} = {value} must be {domain}"),
            )),
            None => Ok(()),
        }
    }
}
