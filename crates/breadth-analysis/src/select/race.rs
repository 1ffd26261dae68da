//! A race to the tournament: the same choice from fewer scores.

use breadth_stats::race;
use serde::Serialize;

use super::candidates::Candidates;
use super::options::{SelectOptions, SelectionRule};
use crate::error::{Result, Setting};
use crate::number::{self, Number};

/// The result of a race.
#[derive(Clone, Debug, Serialize)]
pub struct Race {
    /// Version of this document.
    pub schema: u32,
    /// `select`.
    pub command: &'static str,
    /// The rule.
    pub rule: SelectionRule,
    /// The level N.
    pub n: Number,
    /// The level in nats.
    pub log_n: Number,
    /// Of all limits, such as 0.95.
    pub confidence: f64,
    /// What the order of rows was made from.
    pub seed: u64,
    /// Rows.
    pub rows: usize,
    /// Prompts.
    pub prompts: usize,
    /// The choice.
    pub winner: String,
    /// All models that may have the smallest value on this table.
    pub tied: Vec<String>,
    /// Models that may win the tournament on the whole table, with the confidence asked for; the
    /// limits of [`RaceModel`] are of their values there, too. Which of them is best where the
    /// table comes from, only the whole tournament says.
    pub not_excluded: Vec<String>,
    /// How many scores it took.
    pub race: RaceScores,
}

/// How many scores a race took.
#[derive(Clone, Debug, Serialize)]
pub struct RaceScores {
    /// Scores that were needed.
    pub scores_used: usize,
    /// Scores of the whole table.
    pub scores_all: usize,
    /// The first of these as a share of the second.
    pub share: f64,
    /// In the order of the table.
    pub models: Vec<RaceModel>,
}

/// One model in a race.
#[derive(Clone, Debug, Serialize)]
pub struct RaceModel {
    /// The model.
    pub model: String,
    /// Rows scored.
    pub scored: usize,
    /// Lower limit of its value on the whole table.
    pub low: Number,
    /// Upper limit of the same.
    pub high: Number,
    /// Why it was dropped; none where it may have the smallest value.
    pub dropped: Option<Dropped>,
}

/// Why a model was dropped.
#[derive(Clone, Debug, Serialize)]
pub struct Dropped {
    /// After how many rows.
    pub rows: usize,
    /// Who kept it from winning.
    pub rival: String,
    /// Who is certainly better.
    pub better: String,
}

impl Race {
    /// The choice, and whether others may still win, in a sentence.
    pub fn sentence(&self) -> String {
        match self.tied.as_slice() {
            [only] => format!("The tournament takes {only}: no other model can win it."),
            several => format!(
                "The tournament takes {}: {} models are still in the race.",
                self.winner,
                several.len()
            ),
        }
    }

    /// How many scores it took, in a sentence.
    pub fn scores_say(&self) -> String {
        format!(
            "The race used {} of {} scores ({}).",
            number::grouped(self.race.scores_used),
            number::grouped(self.race.scores_all),
            number::percent(self.race.share),
        )
    }

    /// What holds of it, and with which confidence.
    pub fn guarantee(&self) -> String {
        format!(
            "Race to the tournament (Eq 29) at N = {} on {}, {}: with {} confidence over all \
             looks, the winners of the whole table are among those left.",
            number::level_in_words(self.n.0, self.log_n.0),
            number::count(self.rows, "row"),
            number::count(self.prompts, "prompt"),
            number::confidence(self.confidence),
        )
    }
}

impl Candidates {
    /// Runs the race over the rows of the table in this order, a permutation of the rows that
    /// `seed` stands for.
    ///
    /// # Errors
    /// Another rule than the tournament, and rows with weights.
    pub fn race(&self, choice: SelectOptions, order: &[usize], seed: u64) -> Result<Race> {
        if choice.rule != SelectionRule::Tournament {
            return Err(
                Setting::Race.refused("a race plays the tournament and takes no other rule")
            );
        }
        if self.scores.design().weights.is_some() {
            return Err(Setting::Race
                .refused("a race takes rows that count the same, and this table has weights"));
        }
        let (columns, names) = (self.columns(), self.names());
        let rows = self.scores.table.rows();
        let found = race(
            names.len(),
            rows,
            choice.level,
            choice.confidence,
            |models, rows| {
                let column = |&model: &usize| {
                    order[rows.clone()]
                        .iter()
                        .map(|&row| columns[model][row])
                        .collect()
                };
                Ok(models.iter().map(column).collect())
            },
        )?;
        let dropped = |model: usize| {
            let dropped = found
                .dropped
                .iter()
                .find(|dropped| dropped.model == model)?;
            Some(Dropped {
                rows: dropped.rows,
                rival: names[dropped.rival].to_owned(),
                better: names[dropped.better].to_owned(),
            })
        };
        let mut models = Vec::with_capacity(names.len());
        for (at, &model) in names.iter().enumerate() {
            models.push(RaceModel {
                model: model.to_owned(),
                scored: found.scored[at],
                low: Number(found.values[at].0),
                high: Number(found.values[at].1),
                dropped: dropped(at),
            });
        }
        let left: Vec<String> = found
            .winners
            .iter()
            .map(|&at| names[at].to_owned())
            .collect();
        // Among those left, the least upper limit; the first among equals.
        let high = |at: &usize| found.values[*at].1;
        let winner = found
            .winners
            .iter()
            .copied()
            .min_by(|a, b| high(a).total_cmp(&high(b)))
            .unwrap_or(0);
        Ok(Race {
            schema: 2,
            command: "select",
            rule: choice.rule,
            n: Number(choice.level.n()),
            log_n: Number(choice.level.log_n()),
            confidence: choice.confidence,
            seed,
            rows,
            prompts: self.scores.prompts,
            winner: names[winner].to_owned(),
            tied: left.clone(),
            not_excluded: left,
            race: RaceScores {
                scores_used: found.scored.iter().sum(),
                scores_all: rows * names.len(),
                share: found.share_scored(),
                models,
            },
        })
    }
}
