//! Everything about a set of checkpoints, as one document.

use breadth_stats::numerics::TOLERANCE;
use breadth_stats::{CoveragePoint, Estimate, Level};
use serde::Serialize;

use super::json;
use crate::losses::Losses;
use crate::number::Number;
use crate::select::{SelectedModel, Selection};
use crate::verdict::{Verdict, k_words, pass_name, wanted};

/// Everything the page, the charts and `--json` need; it holds no models and no tables.
///
/// What the tables say nothing of is not there: [`Report::left_out`] says what would add it.
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
    pub choices: Choices,
    /// What to take on all the evidence, and why: the document of `select`. None for graded samples
    /// alone whose rewards are not 0 and 1, between which there is no tournament.
    pub selection: Option<Selection>,
    /// The verdict of such samples.
    pub by_rewards: Option<Verdict>,
    /// The candidates.
    pub checkpoints: Vec<Checkpoint>,
    /// `m * m` shares, row-major `[rival * m + candidate]`: the share of the selection rows whose
    /// probability under the rival is N times that under the candidate, or more (Eq 28). Empty
    /// without a tournament.
    pub matrix: Vec<f64>,
    /// Rows behind cross-entropy, KL, coverage and the exact Pass@k; none without scores.
    pub evaluation: Option<Rows>,
    /// Rows behind the tournament; none without a tournament over responses.
    pub selection_rows: Option<Rows>,
    /// Graded samples behind the sampled Pass@k.
    pub graded: Option<Graded>,
    /// How the intervals of the coverage profile were made; empty without a reference.
    pub method: String,
    /// Training loss as it was logged: (step, nats per response token). Empty when nothing was
    /// logged.
    pub training_loss: Vec<(f64, f64)>,
    /// Where the numbers come from: (what, value), shown at the foot of the page.
    pub provenance: Vec<(String, String)>,
}

/// Indices into [`Report::checkpoints`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Choices {
    /// Winner of the tournament.
    pub winner: Option<usize>,
    /// The checkpoint with the lowest cross-entropy on the evaluation rows, hence the lowest KL.
    pub lowest_loss: Option<usize>,
}

/// How much data a figure rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// Scored responses.
    pub rows: usize,
    /// Distinct prompts.
    pub prompts: usize,
}

/// How many graded samples there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Graded {
    /// Prompts of the checkpoint with the most.
    pub prompts: usize,
    /// The fewest samples of a prompt, over all checkpoints that have some.
    pub fewest: u64,
    /// Whether some rewards lie between 0 and 1: Pass@k then is Best-of-k, the mean best reward.
    pub is_best_of: bool,
}

/// One candidate and all that is known about it.
#[derive(Clone, Debug, Serialize)]
pub struct Checkpoint {
    /// The model's name, as in the tables.
    pub model: String,
    /// Training step, where every candidate's name tells one.
    pub step: Option<u64>,
    /// KL from the reference, nats per response; `None` without a reference.
    #[serde(serialize_with = "json::estimate")]
    pub kl: Option<Estimate>,
    /// Mean of `-log q(y|x)` over the evaluation rows, nats per response; `None` without scores.
    #[serde(serialize_with = "json::estimate")]
    pub cross_entropy: Option<Estimate>,
    /// `Cov_N` at half of every `k` of [`Checkpoint::pass`] and at the tournament's level.
    #[serde(serialize_with = "json::coverage")]
    pub coverage: Vec<CoveragePoint>,
    /// `Cov_N` on a fine grid of levels, for the profile's curve.
    #[serde(serialize_with = "json::coverage")]
    pub profile: Vec<CoveragePoint>,
    /// Pass@k.
    pub pass: Vec<PassPoint>,
    /// Pass@k at k = 1, 2, 4, .. as far as the samples go, for its curve; empty without samples.
    pub pass_curve: Vec<PassPoint>,
    /// Reach at k = 2N on the rows of the tournament: how often k samples contain a held-out
    /// response; none where the responses of a prompt have probabilities that add up to more than
    /// 1, and without scores.
    #[serde(serialize_with = "json::estimate")]
    pub reach: Option<Estimate>,
    /// Its place in the tournament; none without one.
    #[serde(flatten)]
    pub standing: Option<Standing>,
    /// The trainer's own validation loss, if it was asked and has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_loss: Option<Number>,
}

/// A checkpoint's place in the tournament, as the document of `select` has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// From 1, for the winner.
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

impl Standing {
    pub(super) fn new(model: &SelectedModel, selection: &Selection) -> Self {
        Self {
            rank: model.rank,
            value: model.value.0,
            value_low: model.low.0,
            value_high: model.high.0,
            worst_rival: model.worst_rival.clone(),
            tied: selection.tied.contains(&model.model),
            not_excluded: selection.not_excluded.contains(&model.model),
            certified_low: model.certified_low.0,
            certified_high: model.certified_high.0,
        }
    }
}

/// Pass@k of one checkpoint.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PassPoint {
    /// Number of samples per prompt of which one must be right.
    pub k: u64,
    /// From the known probability of the only correct response.
    pub exact: Option<f64>,
    /// From drawn samples, with an interval over prompts.
    #[serde(serialize_with = "json::estimate")]
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
    /// A checkpoint of which nothing is known yet.
    pub(super) fn bare(model: String, step: Option<u64>) -> Self {
        Self {
            model,
            step,
            kl: None,
            cross_entropy: None,
            coverage: Vec::new(),
            profile: Vec::new(),
            pass: Vec::new(),
            pass_curve: Vec::new(),
            reach: None,
            standing: None,
            eval_loss: None,
        }
    }

    /// `Cov_N` at one of the report's levels.
    pub fn coverage_at(&self, log_n: f64) -> Option<&CoveragePoint> {
        self.coverage
            .iter()
            .find(|point| (point.level.log_n() - log_n).abs() < TOLERANCE)
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
    /// The verdict over all evidence; none where answers of a reference stand for the data.
    pub fn decision(&self) -> Option<&Verdict> {
        let selected = self.selection.as_ref();
        selected
            .and_then(|selection| selection.verdict.as_ref())
            .or(self.by_rewards.as_ref())
    }

    /// The tournament's choice.
    pub fn winner(&self) -> Option<&Checkpoint> {
        self.choices.winner.map(|at| &self.checkpoints[at])
    }

    /// The checkpoint that the loss would have taken.
    pub fn lowest_loss(&self) -> Option<&Checkpoint> {
        self.choices.lowest_loss.map(|at| &self.checkpoints[at])
    }

    /// Which checkpoint the verdict over all evidence takes, if it takes one.
    pub fn taken(&self) -> Option<usize> {
        let take = self.decision()?.take.as_ref()?;
        self.checkpoints.iter().position(|c| c.model == *take)
    }

    /// The checkpoint that charts bring out: the one to take, else the tournament's choice.
    pub fn highlighted(&self) -> Option<usize> {
        self.taken().or(self.choices.winner)
    }

    /// What checkpoint `i` is the choice of, in words.
    pub fn choice_of(&self, i: usize) -> Vec<&'static str> {
        let is_taken = self.taken() == Some(i);
        let of = [
            (is_taken, "take this"),
            (self.choices.winner == Some(i) && !is_taken, "tournament"),
            (self.choices.lowest_loss == Some(i), "lowest loss"),
        ];
        of.into_iter().filter(|of| of.0).map(|of| of.1).collect()
    }

    /// Whether the tournament compares final answers of samples, not responses.
    pub fn is_over_answers(&self) -> bool {
        let selected = self.selection.as_ref();
        selected.is_some_and(|selection| selection.answers.is_some())
    }

    /// `Cov_N` of a checkpoint at the report's level.
    pub fn coverage_of(&self, checkpoint: &Checkpoint) -> Option<f64> {
        Some(checkpoint.coverage_at(self.level.log_n())?.cov)
    }

    /// The number of samples that goes with N, the paper's pairing: 2N as a whole number.
    pub fn k(&self) -> f64 {
        wanted(2.0 * self.level.n())
    }

    /// The same as it is written.
    pub fn k_in_words(&self) -> String {
        k_words(self.k())
    }

    /// The level whose coverage goes with Pass@k: N = k/2.
    pub fn level_for(&self, k: u64) -> Option<Level> {
        Level::from_n(k as f64 / 2.0).ok()
    }

    /// The `k` for which some checkpoint has a Pass@k.
    pub fn known_ks(&self) -> Vec<u64> {
        let known = |k: &u64| {
            let mut all = self.checkpoints.iter();
            all.any(|c| c.best_pass_at(Some(*k)).is_some())
        };
        self.ks().filter(known).collect()
    }

    fn ks(&self) -> impl Iterator<Item = u64> {
        let points = self.checkpoints.first().map_or(&[][..], |c| &c.pass);
        points.iter().map(|point| point.k)
    }

    /// The `k` of Pass@k that speaks for the tournament's level: of those that are known, or else
    /// of all, the one nearest to `2 N`.
    pub fn headline_k(&self) -> Option<u64> {
        let target = 2.0 * self.level.n();
        let distance = |k: u64| (k as f64 / target).ln().abs();
        let nearest = |ks: Vec<u64>| {
            ks.into_iter()
                .min_by(|a, b| distance(*a).total_cmp(&distance(*b)))
        };
        nearest(self.known_ks()).or_else(|| nearest(self.ks().collect()))
    }

    /// `Pass@8`, or `Best-of-8` where some rewards lie between 0 and 1.
    pub fn pass_name(&self, k: impl std::fmt::Display) -> String {
        pass_name(self.graded.is_some_and(|graded| graded.is_best_of), k)
    }

    /// Adds what the trainer says of these models, as [`Selection::add_losses`].
    pub fn add_losses(&mut self, losses: &Losses, names: &[&str]) {
        if let Some(selection) = &mut self.selection {
            selection.add_losses(losses, names);
        }
        for checkpoint in &mut self.checkpoints {
            let trained = losses.of(&checkpoint.model);
            checkpoint.eval_loss = trained.and_then(|trained| trained.eval_loss);
        }
    }
}
