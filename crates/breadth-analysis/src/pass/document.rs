//! How often the best of k samples is right, as one document.

use breadth_stats::RateModel;
use serde::Serialize;

use crate::number::{Interval, Number};

/// The answer to "how often is the best of k samples right?".
#[derive(Clone, Debug, Serialize)]
pub struct PassReport {
    /// Version of this document.
    pub schema: u32,
    /// `pass`.
    pub command: &'static str,
    /// Of all limits, such as 0.95.
    pub confidence: f64,
    /// What prompts count: `equal`, `by group` or `as scored`.
    pub weighting: &'static str,
    /// What a verifier changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regraded: Option<Regraded>,
    /// What is assumed of success rates beyond the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rates: Option<Rates>,
    /// The success rate of `solved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// Whether some rewards lie between 0 and 1: then it is Best-of-k, the mean best reward.
    #[serde(skip)]
    pub is_best_of: bool,
    /// One for each model of the table.
    pub models: Vec<PassModel>,
    /// The best model for each k; nothing where prompts are weighted.
    pub best: Vec<BestForK>,
    /// Where the best model changes with k.
    pub crossings: Vec<Crossing>,
    /// What takes the limits away, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The best model for one k.
#[derive(Clone, Debug, Serialize)]
pub struct BestForK {
    /// Number of samples.
    pub k: u64,
    /// The model; of several with the same value the one that is the best for the k before.
    pub model: String,
    /// The models with the highest value, where they are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tied: Vec<String>,
    /// Models that may be best, with the confidence asked for.
    pub not_excluded: Vec<String>,
}

/// A change of the best model.
#[derive(Clone, Debug, Serialize)]
pub struct Crossing {
    /// The last k at which `from` is best.
    pub from_k: u64,
    /// The first k at which `to` is best.
    pub to_k: u64,
    /// The model that was best.
    pub from: String,
    /// The model that is best from there on.
    pub to: String,
    /// Whether each is excluded where the other is the best.
    pub certain: bool,
}

/// Pass@k of one model.
#[derive(Clone, Debug, Serialize)]
pub struct PassModel {
    /// The model.
    pub model: String,
    /// Prompts.
    pub prompts: usize,
    /// The fewest samples of a prompt.
    pub samples_min: u64,
    /// The most samples of a prompt.
    pub samples_max: u64,
    /// Pass@k, one for each k.
    pub pass: Vec<PassAtK>,
    /// pass^k, if asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub all_of: Vec<PassAtK>,
    /// The majority vote, if asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub majority: Vec<PassAtK>,
    /// Share of prompts solved with a rate of at least tau.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solved: Option<Interval>,
}

/// Pass@k at one k.
#[derive(Clone, Debug, Serialize)]
pub struct PassAtK {
    /// Number of samples.
    pub k: u64,
    /// The estimate.
    pub value: Number,
    /// Lower limit.
    pub low: Number,
    /// Upper limit.
    pub high: Number,
    /// Whether k is beyond the samples.
    pub extrapolated: bool,
}

impl PassAtK {
    /// Its value with limits.
    pub fn interval(&self) -> Interval {
        Interval {
            value: self.value,
            low: self.low,
            high: self.high,
        }
    }
}

/// What is assumed of success rates beyond the samples.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rates {
    /// Any distribution
    Any,
    /// A beta distribution, with a share of prompts never and one always solved
    Beta,
}

impl From<Rates> for RateModel {
    fn from(rates: Rates) -> RateModel {
        match rates {
            Rates::Any => RateModel::Nonparametric,
            Rates::Beta => RateModel::Beta,
        }
    }
}

/// What the verifier changed.
#[derive(Clone, Debug, Serialize)]
pub struct Regraded {
    /// Its name.
    pub verifier: String,
    /// Responses judged.
    pub judged: u64,
    /// Rewards that are others than in the table.
    pub changed: u64,
    /// Responses that had no reward before.
    #[serde(skip_serializing_if = "is_zero")]
    pub ungraded: u64,
    /// Prompts that were compared with the table's own right answers.
    #[serde(skip_serializing_if = "is_zero")]
    pub own_answers: u64,
    /// Prompts of the data with several right answers, any of which counts.
    #[serde(skip_serializing_if = "is_zero")]
    pub several: u64,
    /// How often the verifier's program failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<VerifierFailures>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How often a verifier's program failed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct VerifierFailures {
    /// Responses judged.
    pub judged: u64,
    /// Times the program ended.
    pub crashed: u64,
    /// Times it took too long.
    pub timed_out: u64,
}

impl VerifierFailures {
    /// What to say of a program that failed.
    pub fn sentence(&self) -> Option<String> {
        let VerifierFailures {
            judged,
            crashed,
            timed_out,
        } = self;
        let failed = crashed + timed_out;
        (failed > 0).then(|| {
            format!(
                "the verifier's program failed on {failed} of {judged} responses, which got reward \
                 0: {crashed} times it ended, {timed_out} times it took too long"
            )
        })
    }
}
