//! The result of a selection: what `--json` prints and what the text is made of.

use breadth_analysis::Verdict;
use breadth_stats::{Level, Standing, Tournament};
use serde::Serialize;

use super::answers::Summary;
use super::landscape::Stop;
use super::{Choice, Rule};
use crate::input::Scores;
use crate::losses::{self, Losses, Trained};
use crate::number::{self, Interval, Mean, Number};

/// The result of a selection, as JSON and as the source of the text.
#[derive(Serialize)]
pub struct Document<'a> {
    /// Version of this document.
    pub schema: u32,
    pub command: &'static str,
    /// What to take on all the evidence; none where answers of a reference stand for the data.
    pub verdict: Option<Verdict>,
    pub rule: Rule,
    /// The a of the offset rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<f64>,
    /// The fixed model of `--against`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<&'a str>,
    pub n: Number,
    pub log_n: Number,
    pub confidence: f64,
    pub rows: usize,
    pub prompts: usize,
    /// Rows sampled from the models, for the offset rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled_rows: Option<usize>,
    /// Whose answers were compared, where it was answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<Summary>,
    pub winner: &'a str,
    pub tied: Vec<&'a str>,
    pub not_excluded: Vec<&'a str>,
    pub cross_entropy_winner: &'a str,
    /// What the trainer says of its checkpoints, if it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trainer: Option<losses::Summary<'a>>,
    /// Share of the responses on which two models differ by a factor of n or more, for the median pair; none for a single model and for other rules.
    pub apart: Option<Number>,
    pub certificate: Certificate,
    /// In the order of their ranks.
    pub models: Vec<Model<'a>>,
    pub notes: Vec<String>,
    /// The choice along log N.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub landscape: Vec<Stop<'a>>,
}

/// What the winner misses at most: `Cov_n_winner(winner) <= Cov_n_some(any candidate) + excess`, with the confidence asked for.
#[derive(Serialize)]
pub struct Certificate {
    pub n_some: Number,
    pub log_n_some: Number,
    pub n_winner: Number,
    pub log_n_winner: Number,
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
#[derive(Serialize)]
pub struct Model<'a> {
    pub model: &'a str,
    pub rank: usize,
    pub value: Number,
    pub worst_rival: Option<&'a str>,
    pub low: Number,
    pub high: Number,
    pub cross_entropy: Number,
    pub certified_low: Number,
    pub certified_high: Number,
    /// Cross-entropy less that of the winner, with paired limits; none where each gives some response probability 0 that the other does not, and for answers.
    pub cross_entropy_above_winner: Option<Mean>,
    /// The same under its older name.
    pub difference_to_winner: Option<Mean>,
    /// Pass@k of its graded samples, where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<Pass>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub trained: Option<Trained>,
}

/// Pass@k of samples, or Best-of-k where rewards are not 0 and 1.
#[derive(Clone, Serialize)]
pub struct Pass {
    pub k: u64,
    #[serde(flatten)]
    pub interval: Interval,
}

impl<'a> Document<'a> {
    pub fn new(choice: Choice, scores: &Scores, names: &[&'a str], result: &Tournament) -> Self {
        let in_order = |set: &[usize]| {
            let mut set = set.to_vec();
            set.sort_unstable();
            set.into_iter().map(|at| names[at]).collect()
        };
        let model = |&at: &usize| Model::new(names[at], &result.standings[at], names);
        Document {
            schema: 2,
            command: "select",
            verdict: None,
            rule: choice.rule,
            a: (choice.rule == Rule::Offset).then(|| choice.offset()),
            against: None,
            n: Number(choice.level.n()),
            log_n: Number(choice.level.log_n()),
            confidence: choice.confidence,
            rows: scores.table.rows(),
            prompts: scores.prompts,
            sampled_rows: None,
            answers: None,
            winner: names[result.winner],
            tied: in_order(&result.tied),
            not_excluded: in_order(&result.not_excluded),
            cross_entropy_winner: names[result.cross_entropy_winner],
            trainer: None,
            apart: result
                .separated_share()
                .filter(|_| choice.rule == Rule::Tournament)
                .map(Number),
            certificate: Certificate::new(choice.level, result.standings[result.winner].excess),
            models: result.ranking.iter().map(model).collect(),
            notes: Vec::new(),
            landscape: Vec::new(),
        }
    }
}

impl<'a> Document<'a> {
    /// Adds what the trainer says, and a note where it would take another checkpoint.
    pub fn add_losses(&mut self, losses: &Losses, names: &[&'a str]) {
        for model in &mut self.models {
            model.trained = losses.of(model.model);
        }
        let summary = losses.summary(names);
        let loss = |name: &str| losses.of(name).and_then(|one| one.eval_loss);
        if let Some((name, loss)) = summary.lowest.and_then(|name| Some((name, loss(name)?))) {
            self.notes.push(match name == self.winner {
                true => format!(
                    "It also has the lowest eval loss of the trainer, {}.",
                    number::trimmed(loss.0)
                ),
                false => format!(
                    "The lowest eval loss of the trainer is that of {name}, {}.",
                    number::trimmed(loss.0)
                ),
            });
        }
        if let Some(best) = summary.best.filter(|best| Some(*best) != summary.lowest) {
            self.notes
                .push(format!("The trainer holds {best} for its best checkpoint."));
        }
        self.trainer = Some(summary);
    }
}

impl<'a> Model<'a> {
    fn new(model: &'a str, standing: &Standing, names: &[&'a str]) -> Self {
        Model {
            model,
            rank: standing.rank,
            value: Number(standing.value),
            worst_rival: standing.worst_rival.map(|at| names[at]),
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
