//! What k samples find for certain, as one document.

use serde::{Serialize, Serializer};

use crate::number::Number;

/// A number of samples: without a point where it is whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Whole(pub f64);

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            whole if whole.fract() == 0.0 && whole.abs() < 2_f64.powi(53) => {
                serializer.serialize_i64(whole as i64)
            }
            value => Number(value).serialize(serializer),
        }
    }
}

/// The answer to "what do k samples find for certain?".
#[derive(Clone, Debug, Serialize)]
pub struct ReachReport {
    /// Version of this document.
    pub schema: u32,
    /// `reach`.
    pub command: &'static str,
    /// Whether graded samples said something of prompts too.
    #[serde(skip)]
    pub has_samples: bool,
    /// Of all limits, such as 0.95.
    pub confidence: f64,
    /// Rows.
    pub rows: usize,
    /// Prompts.
    pub prompts: usize,
    /// Rows that repeat a response of their prompt.
    pub repeated: usize,
    /// Prompts with several distinct responses.
    pub several: usize,
    /// Names of models that are one and the same: equal log-probabilities throughout, or equal
    /// files. They count as one in `best`.
    pub same: Vec<Vec<String>>,
    /// One for each model.
    pub models: Vec<ReachModel>,
    /// The model with the largest reach for each k.
    pub best: Vec<FurthestReach>,
    /// What the numbers rest on, a sentence each: which rest on too few prompts to decide anything,
    /// and which rows and models count once.
    pub notes: Vec<String>,
}

/// The model with the largest reach at one k.
#[derive(Clone, Debug, Serialize)]
pub struct FurthestReach {
    /// Number of samples.
    pub k: Whole,
    /// The model.
    pub model: String,
    /// Models that may be best, with the confidence asked for.
    pub not_excluded: Vec<String>,
}

/// Reach of one model.
#[derive(Clone, Debug, Serialize)]
pub struct ReachModel {
    /// The model.
    pub model: String,
    /// Prompts.
    pub prompts: usize,
    /// One for each k.
    pub reach: Vec<ReachPoint>,
    /// Likelihood quantiles: all but a share of the prompts have right responses that likely.
    pub quantiles: Vec<LikelihoodQuantile>,
    /// Prompts within a budget of samples.
    pub prompts_at: PromptsAt,
}

/// Reach at one k.
#[derive(Clone, Debug, Serialize)]
pub struct ReachPoint {
    /// Number of samples.
    pub k: Whole,
    /// The estimate.
    pub value: Number,
    /// Lower limit.
    pub low: Number,
    /// Upper limit.
    pub high: Number,
    /// How many equal prompts would carry as much.
    pub effective_prompts: Number,
}

/// A likelihood quantile.
#[derive(Clone, Debug, Serialize)]
pub struct LikelihoodQuantile {
    /// The share of prompts whose right responses may be less likely than the quantile.
    pub share: f64,
    /// In nats: of all but that share of the prompts the right responses together are at least as
    /// likely.
    pub log_q: Number,
    /// The same of the least likely token of each prompt's easiest response; none where the table has
    /// no log-probabilities token by token.
    pub log_q_token: Option<Number>,
}

/// How many prompts a budget of samples reaches.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PromptsAt {
    /// Samples that a prompt may cost.
    pub budget: Whole,
    /// Prompts within reach.
    pub reachable: usize,
    /// Prompts of which nobody knows.
    pub unknown: usize,
    /// Prompts out of reach.
    pub not: usize,
}

impl PromptsAt {
    /// Prompts that have scores, samples or both.
    pub fn all(&self) -> usize {
        self.reachable + self.unknown + self.not
    }
}
