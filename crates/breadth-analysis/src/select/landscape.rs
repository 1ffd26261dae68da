//! The choice along log N.

use breadth_stats::{Level, Standing, Tournament, landscape_levels};
use serde::Serialize;

use crate::number::Number;

/// Levels shown beside the one asked for.
const LEVELS: usize = 10;

/// The choice at one level.
#[derive(Clone, Debug, Serialize)]
pub struct Stop {
    /// The level in nats.
    pub log_n: Number,
    /// The level N.
    pub n: Number,
    /// The tournament's choice there.
    pub winner: String,
    /// All models with its value.
    pub tied: Vec<String>,
    /// The winner's value.
    pub value: Number,
    /// How far the next value lies above the winner's; nothing if all models have the same.
    pub runner_up_gap: Option<Number>,
    /// Whether every other model is excluded at this level, with the confidence asked for at all
    /// levels at once.
    pub certain: bool,
    /// Share of the responses on which the median pair of models differs by a factor of n or more.
    pub apart: Option<Number>,
    /// Limits of Cov_n of each model, whatever the data distribution is: with the confidence asked
    /// for, for all models and levels at once.
    pub certified: Vec<CertifiedCoverage>,
}

/// The certified bracket of a model.
#[derive(Clone, Debug, Serialize)]
pub struct CertifiedCoverage {
    /// The model.
    pub model: String,
    /// Lower limit.
    pub low: Number,
    /// Upper limit.
    pub high: Number,
}

/// Levels where the models differ, the one asked for among them.
pub(super) fn levels(columns: &[&[f64]], asked: Level) -> Vec<Level> {
    let mut levels = landscape_levels(columns, LEVELS);
    levels.push(asked);
    levels.sort_by(|a, b| a.log_n().total_cmp(&b.log_n()));
    levels.dedup();
    levels
}

impl Stop {
    pub(super) fn new(fought: &Tournament, names: &[&str]) -> Self {
        let best = fought.standings[fought.winner].value;
        let above = fought
            .standings
            .iter()
            .map(|s| s.value - best)
            .filter(|gap| *gap > 0.0);
        let gap = above.fold(f64::INFINITY, f64::min);
        let certified = |(standing, &model): (&Standing, &&str)| CertifiedCoverage {
            model: model.to_owned(),
            low: Number(standing.certified_low),
            high: Number(standing.certified_high),
        };
        Stop {
            log_n: Number(fought.level.log_n()),
            n: Number(fought.level.n()),
            winner: names[fought.winner].to_owned(),
            tied: fought.tied.iter().map(|&at| names[at].to_owned()).collect(),
            value: Number(best),
            runner_up_gap: gap.is_finite().then_some(Number(gap)),
            certain: fought.not_excluded.len() == 1 && names.len() > 1,
            apart: fought.separated_share().map(Number),
            certified: fought.standings.iter().zip(names).map(certified).collect(),
        }
    }
}
