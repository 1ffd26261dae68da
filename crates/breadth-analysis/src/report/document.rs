//! Everything about a set of checkpoints, as one document.

use breadth_stats::{CoveragePoint, Estimate, Level};
use serde::Serialize;

use super::json;
use crate::select::Selection;

/// Everything the page, the charts and `--json` need; it holds no models and no tables.
///
/// Checkpoints come in the order in which they are drawn: by training step where every model's
/// name tells one, otherwise in order of first appearance.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Heading of the page.
    pub title: String,
    /// Level of every interval and band, such as 0.95.
    pub confidence: f64,
    /// N of the tournament.
    #[serde(flatten, serialize_with = "json::level")]
    pub level: Level,
    /// Name of the distribution that coverage and KL are measured against, if there is one.
    pub reference: Option<String>,
    /// What the tournament and the loss would take.
    pub verdict: Choices,
    /// What to take on all the evidence, and why: the document of `select`.
    pub selection: Selection,
    /// The candidates.
    pub checkpoints: Vec<Checkpoint>,
    /// `m * m` shares, row-major `[rival * m + candidate]`: the share of the selection rows whose
    /// probability under the rival is N times that under the candidate, or more (Eq 28).
    pub matrix: Vec<f64>,
    /// Rows behind cross-entropy, KL, coverage and the exact Pass@k.
    pub evaluation: Rows,
    /// Rows behind the tournament.
    pub selection_rows: Rows,
    /// How the intervals of the coverage profile were made; empty without a reference.
    pub method: String,
    /// Training loss as it was logged: (step, nats per response token). Empty when nothing was
    /// logged.
    pub training_loss: Vec<(f64, f64)>,
    /// Where the numbers come from: (what, value), shown at the foot of the page.
    pub provenance: Vec<(String, String)>,
}

/// Indices into [`Report::checkpoints`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Choices {
    /// Winner of the tournament: the checkpoint to take.
    pub winner: usize,
    /// The checkpoint with the lowest cross-entropy on the evaluation rows, hence the lowest KL.
    pub lowest_loss: usize,
}

/// How much data a figure rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// Scored responses.
    pub rows: usize,
    /// Distinct prompts.
    pub prompts: usize,
}

/// One candidate and all that is known about it.
#[derive(Clone, Debug, Serialize)]
pub struct Checkpoint {
    /// The model's name, as in the tables.
    pub model: String,
    /// Training step, where every candidate's name tells one.
    pub step: Option<u64>,
    /// KL from the reference, nats per response; `None` without a reference.
    #[serde(serialize_with = "json::option_estimate")]
    pub kl: Option<Estimate>,
    /// Mean of `-log q(y|x)` over the evaluation rows, nats per response.
    #[serde(serialize_with = "json::estimate")]
    pub cross_entropy: Estimate,
    /// `Cov_N` at half of every `k` of [`Checkpoint::pass`] and at the tournament's level.
    #[serde(serialize_with = "json::coverage")]
    pub coverage: Vec<CoveragePoint>,
    /// `Cov_N` on a fine grid of levels, for the profile's curve.
    #[serde(serialize_with = "json::coverage")]
    pub profile: Vec<CoveragePoint>,
    /// Pass@k.
    pub pass: Vec<PassPoint>,
    /// Reach at k = 2N on the rows of the tournament: how often k samples contain a held-out
    /// response; none where the responses of a prompt have probabilities that add up to more than
    /// 1.
    #[serde(serialize_with = "json::option_estimate")]
    pub reach: Option<Estimate>,
    /// Place in the tournament, 1 for the winner.
    pub rank: usize,
    /// Largest share over rivals at the tournament's level (Eq 29); small is good.
    #[serde(serialize_with = "json::number")]
    pub value: f64,
    /// Lower end of the interval of `value`.
    #[serde(serialize_with = "json::number")]
    pub value_low: f64,
    /// Upper end of the interval of `value`.
    #[serde(serialize_with = "json::number")]
    pub value_high: f64,
    /// The rival that attains `value`; `None` for a lone candidate.
    pub worst_rival: Option<String>,
    /// Whether `value` equals the winner's exactly.
    pub tied: bool,
    /// Whether the data leaves open that this is the best candidate.
    pub not_excluded: bool,
    /// Certified lower end of the unobservable `Cov_N` itself.
    #[serde(serialize_with = "json::number")]
    pub certified_low: f64,
    /// Certified upper end of the unobservable `Cov_N` itself.
    #[serde(serialize_with = "json::number")]
    pub certified_high: f64,
}

/// Pass@k of one checkpoint.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PassPoint {
    /// Number of samples per prompt of which one must be right.
    pub k: u64,
    /// From the known probability of the only correct response.
    pub exact: Option<f64>,
    /// From drawn samples, with an interval over prompts.
    #[serde(serialize_with = "json::option_estimate")]
    pub sampled: Option<Estimate>,
}

impl PassPoint {
    /// The exact value where it is known, otherwise the estimate from samples.
    pub fn best(&self) -> Option<f64> {
        self.exact
            .or(self.sampled.as_ref().map(|estimate| estimate.value))
    }
}

impl Checkpoint {
    /// What to call the checkpoint in a sentence: `step 90`, or the model's name.
    pub fn label(&self) -> String {
        match self.step {
            Some(step) => format!("step {step}"),
            None => self.model.clone(),
        }
    }

    /// `Cov_N` at one of the report's levels.
    pub fn coverage_at(&self, log_n: f64) -> Option<&CoveragePoint> {
        self.coverage
            .iter()
            .find(|point| (point.level.log_n() - log_n).abs() < 1e-9)
    }

    /// Pass@k for one of the report's `k`: exact where it is known, otherwise from samples.
    pub fn best_pass_at(&self, k: Option<u64>) -> Option<f64> {
        self.pass_at(k?)?.best()
    }

    /// Pass@k for one of the report's `k`.
    pub fn pass_at(&self, k: u64) -> Option<&PassPoint> {
        self.pass.iter().find(|point| point.k == k)
    }
}

impl Report {
    /// The tournament's choice.
    pub fn winner(&self) -> &Checkpoint {
        &self.checkpoints[self.verdict.winner]
    }

    /// Which checkpoint the verdict over all evidence takes, if it takes one.
    pub fn taken(&self) -> Option<usize> {
        let take = self.selection.verdict.as_ref()?.take.as_ref()?;
        self.checkpoints.iter().position(|c| c.model == *take)
    }

    /// The checkpoint that charts bring out: the one to take, else the tournament's choice.
    pub fn highlighted(&self) -> usize {
        self.taken().unwrap_or(self.verdict.winner)
    }

    /// What checkpoint `i` is the choice of, in words.
    pub fn choice_of(&self, i: usize) -> Vec<&'static str> {
        let is_taken = self.taken() == Some(i);
        let of = [
            (is_taken, "take this"),
            (i == self.verdict.winner && !is_taken, "tournament"),
            (i == self.verdict.lowest_loss, "lowest loss"),
        ];
        of.into_iter().filter(|of| of.0).map(|of| of.1).collect()
    }

    /// `Cov_N` of a checkpoint at the report's level.
    pub fn coverage_of(&self, checkpoint: &Checkpoint) -> Option<f64> {
        Some(checkpoint.coverage_at(self.level.log_n())?.cov)
    }

    /// The checkpoint that the loss would have taken.
    pub fn lowest_loss(&self) -> &Checkpoint {
        &self.checkpoints[self.verdict.lowest_loss]
    }

    /// The `k` of Pass@k that speaks for the tournament's level: the one nearest to `2 N`, the
    /// paper's pairing.
    pub fn headline_k(&self) -> Option<u64> {
        let target = 2.0 * self.level.n();
        let distance = |k: u64| (k as f64 / target).ln().abs();
        let points = &self.checkpoints.first()?.pass;
        points
            .iter()
            .map(|point| point.k)
            .min_by(|a, b| distance(*a).total_cmp(&distance(*b)))
    }
}
