//! The answer to "which checkpoint should I take?", as one document.

use breadth_stats::{Level, Standing, Tournament};
use serde::Serialize;

use super::answers::AnswersSummary;
use super::landscape::Stop;
use super::options::{SelectOptions, SelectionRule};
use crate::losses::{Losses, Trained, TrainerSummary};
use crate::number::{self, Interval, Mean, Number};
use crate::scores::Scores;
use crate::verdict::Verdict;

/// The answer to "which checkpoint should I take?": the verdict on all evidence, and the ranking by
/// one rule.
///
/// The command line prints it as text or JSON, the page draws it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Selection {
    /// Version of this document.
    pub schema: u32,
    /// `select`.
    pub command: &'static str,
    /// What to take on all the evidence; none where answers of a reference stand for the data.
    pub verdict: Option<Verdict>,
    /// The rule that ranks.
    pub rule: SelectionRule,
    /// The a of the offset rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<f64>,
    /// The fixed model that candidates are compared with, where that is the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// The level N.
    pub n: Number,
    /// The level in nats.
    pub log_n: Number,
    /// Of all limits.
    pub confidence: f64,
    /// Rows compared.
    pub rows: usize,
    /// Prompts among them.
    pub prompts: usize,
    /// Rows sampled from the models, for the offset rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled_rows: Option<usize>,
    /// Whose answers were compared, where it was answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<AnswersSummary>,
    /// The rule's choice; what to take is in the verdict.
    pub winner: String,
    /// All models with the winner's exact value.
    pub tied: Vec<String>,
    /// Contains the model with the best true value, with the confidence asked for (of a race: that
    /// may win on the whole table).
    pub not_excluded: Vec<String>,
    /// The model with the lowest cross-entropy.
    pub cross_entropy_winner: String,
    /// What the trainer says of its checkpoints, if it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trainer: Option<TrainerSummary>,
    /// Share of the responses on which two models differ by a factor of n or more, for the median
    /// pair; none for a single model and for other rules.
    pub apart: Option<Number>,
    /// What the winner misses at most.
    pub certificate: Certificate,
    /// In the order of their ranks.
    pub models: Vec<SelectedModel>,
    /// What to know before acting on it, a sentence each.
    pub notes: Vec<String>,
    /// The choice along log N, if it was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub landscape: Vec<Stop>,
    /// What that says, a sentence each: where the choice changes, and what is certain of coverage at
    /// all levels at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub landscape_notes: Vec<String>,
}

/// What the winner misses at most: `Cov_n_winner(winner) <= Cov_n_some(any candidate) + excess`,
/// with the confidence asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// The level at which some candidate is assumed to cover.
    pub n_some: Number,
    /// Its logarithm.
    pub log_n_some: Number,
    /// The level at which the winner then covers: the square.
    pub n_winner: Number,
    /// Its logarithm.
    pub log_n_winner: Number,
    /// What is added.
    pub excess: Number,
}

impl Certificate {
    fn new(level: Level, excess: f64) -> Self {
        Certificate {
            n_some: Number(level.n()),
            log_n_some: Number(level.log_n()),
            n_winner: Number((2.0 * level.log_n()).exp()),
            log_n_winner: Number(2.0 * level.log_n()),
            excess: Number(excess),
        }
    }
}

/// One model's place and why.
#[derive(Clone, Debug, Serialize)]
pub struct SelectedModel {
    /// Its name.
    pub model: String,
    /// From 1 up.
    pub rank: usize,
    /// By the rule.
    pub value: Number,
    /// Who makes the value.
    pub worst_rival: Option<String>,
    /// Lower limit of the value.
    pub low: Number,
    /// Upper limit of the value.
    pub high: Number,
    /// Mean of -log q, nats per response.
    pub cross_entropy: Number,
    /// Limits of `Cov_N(p||q)` itself, whatever the data distribution p is.
    pub certified_low: Number,
    /// Upper limit of the same.
    pub certified_high: Number,
    /// Cross-entropy less that of the winner, with paired limits; none where each gives some
    /// response probability 0 that the other does not, and for answers.
    pub cross_entropy_above_winner: Option<Mean>,
    /// The same under its older name.
    pub difference_to_winner: Option<Mean>,
    /// Pass@k of its graded samples, where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<SampledPass>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    /// What the trainer says of it, if it was asked.
    pub trained: Option<Trained>,
}

/// Pass@k of samples, or Best-of-k where rewards are not 0 and 1.
#[derive(Clone, Debug, Serialize)]
pub struct SampledPass {
    /// Number of samples.
    pub k: u64,
    #[serde(flatten)]
    /// Its value with limits.
    pub interval: Interval,
    /// Whether some rewards lie between 0 and 1: then it is Best-of-k, the mean best reward.
    #[serde(skip)]
    pub is_best_of: bool,
}

impl Selection {
    pub(super) fn new(
        choice: SelectOptions,
        scores: &Scores,
        names: &[&str],
        result: &Tournament,
    ) -> Self {
        let in_order = |set: &[usize]| {
            let mut set = set.to_vec();
            set.sort_unstable();
            set.into_iter().map(|at| names[at].to_owned()).collect()
        };
        let model = |&at: &usize| SelectedModel::new(names[at], &result.standings[at], names);
        Selection {
            schema: 2,
            command: "select",
            verdict: None,
            rule: choice.rule,
            a: (choice.rule == SelectionRule::Offset).then(|| choice.offset()),
            against: None,
            n: Number(choice.level.n()),
            log_n: Number(choice.level.log_n()),
            confidence: choice.confidence,
            rows: scores.table.rows(),
            prompts: scores.prompts,
            sampled_rows: None,
            answers: None,
            winner: names[result.winner].to_owned(),
            tied: in_order(&result.tied),
            not_excluded: in_order(&result.not_excluded),
            cross_entropy_winner: names[result.cross_entropy_winner].to_owned(),
            trainer: None,
            apart: result
                .separated_share()
                .filter(|_| choice.rule == SelectionRule::Tournament)
                .map(Number),
            certificate: Certificate::new(choice.level, result.standings[result.winner].excess),
            models: result.ranking.iter().map(model).collect(),
            notes: Vec::new(),
            landscape: Vec::new(),
            landscape_notes: Vec::new(),
        }
    }
}

impl Selection {
    /// Adds what the trainer says, and a note where it would take another checkpoint.
    pub fn add_losses(&mut self, losses: &Losses, names: &[&str]) {
        for model in &mut self.models {
            model.trained = losses.of(&model.model);
        }
        let summary = losses.summary(names);
        let loss = |name: &str| losses.of(name).and_then(|one| one.eval_loss);
        if let Some((name, loss)) = summary
            .lowest
            .as_deref()
            .and_then(|name| Some((name, loss(name)?)))
        {
            self.notes.push(if name == self.winner {
                format!(
                    "{name} also has the lowest eval loss of the trainer, {}.",
                    number::trimmed(loss.0)
                )
            } else {
                format!(
                    "The lowest eval loss of the trainer is that of {name}, {}.",
                    number::trimmed(loss.0)
                )
            });
        }
        if let Some(best) = summary
            .best
            .as_deref()
            .filter(|best| Some(*best) != summary.lowest.as_deref())
        {
            self.notes
                .push(format!("The trainer holds {best} for its best checkpoint."));
        }
        self.trainer = Some(summary);
    }
}

impl SelectedModel {
    fn new(model: &str, standing: &Standing, names: &[&str]) -> Self {
        SelectedModel {
            model: model.to_owned(),
            rank: standing.rank,
            value: Number(standing.value),
            worst_rival: standing.worst_rival.map(|at| names[at].to_owned()),
            low: Number(standing.low),
            high: Number(standing.high),
            cross_entropy: Number(standing.cross_entropy),
            certified_low: Number(standing.certified_low),
            certified_high: Number(standing.certified_high),
            cross_entropy_above_winner: None,
            difference_to_winner: None,
            pass: None,
            trained: None,
        }
    }
}
