//! The offset tournament (Eq 32): rival shares on the data, less those on the model's own samples.

use std::collections::HashMap;

use super::input::{check, rivals};
use super::kernel::Minimax;
use super::standing::{Tournament, rank};
use crate::error::{Error, Result};
use crate::interval::{BoundedMean, CheckedDesign, Design};
use crate::log_ratio::{Level, is_uncovered};
use crate::numerics::error_rate;

/// Responses sampled from one model, as every model scores them.
#[derive(Clone, Debug)]
pub struct OnPolicy<'a> {
    /// (models)(rows) log-probabilities in nats, in the order of the tournament's columns.
    pub columns: Vec<&'a [f64]>,
    /// (rows) the prompt of each row, where a prompt has several: prompts then have the same
    /// weight, however many responses were sampled.
    pub prompts: Option<&'a [u32]>,
    /// (rows) positive sampling weights of prompts; a prompt's weight is the mean of its rows'.
    pub weights: Option<&'a [f64]>,
    /// (rows) stratum labels, where prompts of each were sampled apart from the others. A stratum
    /// has the total weight of its rows, as in [`Design::strata`] and after
    /// [`crate::stratified_weights`], however its rows are spread over prompts. A prompt lies in
    /// one stratum.
    pub strata: Option<&'a [u32]>,
}

/// Redoes the choice of a tournament by the offset rule, which needs samples of the models.
///
/// `argmin_q max_{q'} { S_N(q'||q) - 2 N^a Con_N(q'||q) }`,
/// `Con_N(q'||q) = mean_i P_{y~q(.|x_i)}[ q'(y|x_i)/q(y|x_i) >= N ]`: a rival's share on the data
/// rows, less a multiple of its share on q's own samples, where it cannot be right
/// (`P_q[q'/q >= N] <= 1/N`).
///
/// `result`: the tournament; `columns`, `design`: its data rows; `samples`: for every model,
/// responses sampled from it, scored by all; `a`: in [0, 1], see [`crate::offset_parameter`]. The
/// maximum includes q' = q, whose expression is 0, so that values are at least 0 and most are
/// exactly 0; such a model has no worst rival. Certified limits and cross-entropies stay. Con is
/// the mean over prompts of the share of a prompt's responses, weighted as [`OnPolicy`] says;
/// prompts should represent the population that the data rows do.
///
/// Limits: with A the limits of S and B those of Con (see [`BoundedMean`]),
/// `[A.low - c B.high, A.high - c B.low]`, `c = 2 N^a`, cut off at 0. For `low` each of the 2(m-1)
/// limits is at error `alpha / (4 (m-1))`; for `high`, which needs the true worst rival only, also
/// (the confidence set uses all of them). `not_excluded`: all models whose `low` is at most every
/// other's `high`; it contains the model with the smallest true value with the stated confidence.
///
/// # Errors
///
/// As [`super::tournament()`], for data rows and for samples; a not in [0, 1]; not as many sets of
/// samples as models.
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, Level, OnPolicy, offset_tournament, tournament};
/// let (good, bad) = ([-1.0, -2.0, -1.5, -2.0], [-0.5, -0.5, -9.0, -0.5]);
/// let fought = tournament(
///     &[&good, &bad],
///     &Design::default(),
///     Level::from_n(8.0)?,
///     0.95,
/// )?;
/// let own = |columns| OnPolicy {
///     columns,
///     prompts: None,
///     weights: None,
///     strata: None,
/// };
/// // On its own samples `bad` is never 8 times less likely than `good`.
/// let samples = [
///     own(vec![&good[..2], &bad[..2]]),
///     own(vec![&good[..2], &bad[..2]]),
/// ];
/// let offset = offset_tournament(
///     fought,
///     &[&good, &bad],
///     &Design::default(),
///     &samples,
///     0.0,
///     0.95,
/// )?;
/// assert_eq!((offset.winner, offset.standings[1].value), (0, 0.25));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Eq 32, Thm 6.4.
#[doc(alias = "Equation 32")]
pub fn offset_tournament(
    mut result: Tournament,
    columns: &[&[f64]],
    design: &Design,
    samples: &[OnPolicy],
    a: f64,
    confidence: f64,
) -> Result<Tournament> {
    let alpha = error_rate(confidence)?;
    let m = columns.len();
    let rule = Rule::new(columns, design, samples, result.level, a)?;
    let tail = 0.25 * alpha / (m - 1).max(1) as f64;
    let factor = rule.factor;
    for (q, samples) in samples.iter().enumerate() {
        let own = Own::new(samples, m)?;
        let score = |rival: usize| {
            let [on_data, on_policy] = rule.shares(rival, q, &own);
            Score {
                rival,
                value: on_data.value - factor * on_policy.value,
                low: on_data.lower(tail) - factor * on_policy.upper(tail),
                high: on_data.upper(tail) - factor * on_policy.lower(tail),
            }
        };
        let scores: Vec<Score> = rivals(m, q).map(score).collect();
        let most = |of: fn(&Score) -> f64| scores.iter().map(of).fold(0.0, f64::max);
        let standing = &mut result.standings[q];
        standing.value = most(|s| s.value);
        (standing.low, standing.high) = (most(|s| s.low), most(|s| s.high));
        let worst = scores
            .iter()
            .find(|s| s.value == standing.value && s.value > 0.0);
        standing.worst_rival = worst.map(|s| s.rival);
    }
    let values: Vec<f64> = result.standings.iter().map(|s| s.value).collect();
    let cross_entropies: Vec<f64> = result.standings.iter().map(|s| s.cross_entropy).collect();
    result.ranked(rank(&values, &cross_entropies));
    let least_high = result
        .standings
        .iter()
        .map(|s| s.high)
        .fold(f64::INFINITY, f64::min);
    result.not_excluded = (0..m)
        .filter(|&q| result.standings[q].low <= least_high)
        .collect();
    Ok(result)
}

/// The value of an offset tournament and all models that attain it, without limits, ranking and
/// confidence set: what Eq 32 takes.
///
/// `columns`, `design`, `samples`, `a`: as in [`offset_tournament`]; `level`: N.
///
/// # Errors
///
/// As [`offset_tournament`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, Level, OnPolicy, offset_minimax};
/// let (good, bad) = ([-1.0, -2.0, -1.5, -2.0], [-0.5, -0.5, -9.0, -0.5]);
/// let own = || OnPolicy {
///     columns: vec![&good[..2], &bad[..2]],
///     prompts: None,
///     weights: None,
///     strata: None,
/// };
/// let level = Level::from_n(8.0)?;
/// let samples = [own(), own()];
/// let found = offset_minimax(&[&good, &bad], &Design::default(), &samples, level, 0.0)?;
/// assert_eq!((found.value, found.models), (0.0, vec![0]));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Eq 32.
#[doc(alias = "Equation 32")]
pub fn offset_minimax(
    columns: &[&[f64]],
    design: &Design,
    samples: &[OnPolicy],
    level: Level,
    a: f64,
) -> Result<Minimax> {
    let m = columns.len();
    let rule = Rule::new(columns, design, samples, level, a)?;
    let mut values = Vec::with_capacity(m);
    for (q, samples) in samples.iter().enumerate() {
        let own = Own::new(samples, m)?;
        let score = |rival| {
            let [on_data, on_policy] = rule.shares(rival, q, &own);
            on_data.value - rule.factor * on_policy.value
        };
        values.push(rivals(m, q).map(score).fold(0.0, f64::max));
    }
    let value = values.iter().copied().fold(f64::INFINITY, f64::min);
    Ok(Minimax {
        value,
        models: (0..m).filter(|&q| values[q] == value).collect(),
    })
}

/// The checked input of the rule.
struct Rule<'a> {
    columns: &'a [&'a [f64]],
    data: CheckedDesign,
    level: Level,
    /// `2 N^a`
    factor: f64,
}

impl<'a> Rule<'a> {
    fn new(
        columns: &'a [&'a [f64]],
        design: &Design,
        samples: &[OnPolicy],
        level: Level,
        a: f64,
    ) -> Result<Rule<'a>> {
        if !(0.0..=1.0).contains(&a) {
            return Err(Error::InvalidOffset(a));
        }
        if samples.len() != columns.len() {
            return Err(Error::LengthMismatch {
                what: "the list of on-policy samples".into(),
                found: samples.len(),
                reference: "the list of models",
                expected: columns.len(),
            });
        }
        Ok(Rule {
            columns,
            data: check(columns, design)?,
            level,
            factor: 2.0 * (a * level.log_n()).exp(),
        })
    }

    /// The shares of the data and of q's own samples on which the rival is ahead by N.
    fn shares(&self, rival: usize, q: usize, own: &Own) -> [BoundedMean; 2] {
        [
            ahead(&self.data, self.columns[rival], self.columns[q], self.level),
            ahead(&own.rows, own.columns[rival], own.columns[q], self.level),
        ]
    }
}

struct Score {
    rival: usize,
    value: f64,
    low: f64,
    high: f64,
}

/// Checked samples of one model.
struct Own<'a> {
    columns: &'a [&'a [f64]],
    rows: CheckedDesign,
}

impl<'a> Own<'a> {
    /// The rows of a prompt share what it weighs.
    fn new(samples: &'a OnPolicy, models: usize) -> Result<Own<'a>> {
        if samples.columns.len() != models {
            return Err(Error::LengthMismatch {
                what: "a set of on-policy samples (columns)".into(),
                found: samples.columns.len(),
                reference: "the list of models",
                expected: models,
            });
        }
        let rows = samples.columns[0].len();
        // The lengths of weights, prompts and strata are checked before they are joined.
        let as_given = Design {
            weights: samples.weights,
            clusters: samples.prompts,
            strata: samples.strata,
        };
        check(&samples.columns, &as_given)?;
        let weights = samples
            .prompts
            .map(|prompts| prompt_weights(samples, prompts, rows));
        let design = Design {
            weights: weights.as_deref().or(samples.weights),
            ..as_given
        };
        Ok(Own {
            columns: &samples.columns,
            rows: check(&samples.columns, &design)?,
        })
    }
}

/// Weights under which a prompt counts the mean of its rows, and a stratum what its rows count in
/// all.
fn prompt_weights(samples: &OnPolicy, prompts: &[u32], rows: usize) -> Vec<f64> {
    let given = |row: usize| samples.weights.map_or(1.0, |weights| weights[row]);
    let stratum = |row: usize| samples.strata.map_or(0, |strata| strata[row]);
    let mut count = HashMap::new();
    for prompt in prompts {
        *count.entry(prompt).or_insert(0.0) += 1.0;
    }
    let of_row = |row: usize| given(row) / count[&prompts[row]];
    let mut totals = HashMap::new();
    for row in 0..rows {
        let (all, shared) = totals.entry(stratum(row)).or_insert((0.0, 0.0));
        *all += given(row);
        *shared += of_row(row);
    }
    let weight = |row: usize| match samples.strata {
        Some(_) => {
            let (all, shared) = totals[&stratum(row)];
            of_row(row) * (all / shared)
        }
        None => of_row(row),
    };
    (0..rows).map(weight).collect()
}

/// The share of rows to which `rival` assigns at least N times the probability that `q` does.
fn ahead(rows: &CheckedDesign, rival: &[f64], q: &[f64], level: Level) -> BoundedMean {
    BoundedMean::of_all_rows(rows, |row| is_uncovered(rival[row], q[row], level))
}
