//! The same from a pilot: rows like those that are there.

use std::collections::hash_map::Entry;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{MOST, rows_to_certify, rows_to_separate, separation_tail};
use crate::error::Result;
use crate::interval::{BoundedMean, CheckedDesign, Design, ExpectedUnits};
use crate::log_ratio::{Level, is_uncovered};
use crate::numerics::{TOLERANCE, check_length, check_log_probs, error_rate};
use crate::tournament::{Tournament, tournament};

/// A pilot's winner against another model, and the sample size that excludes the latter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Separation {
    /// The other model.
    pub model: usize,
    /// As in [`rows_to_separate`].
    pub ahead: f64,
    /// As in [`rows_to_separate`].
    pub behind: f64,
    /// How many of the pilot's rows count as one independent row by the variance of their
    /// difference.
    pub design_effect: f64,
    /// Sample size, in rows like the pilot's, that excludes the model with about the chance asked
    /// for if the pilot's shares are the true ones; `None` if the model is not behind or it takes
    /// more than 2^32 rows.
    pub rows: Option<u64>,
}

/// Runs the tournament on a pilot and plans, for every other model, the rows that would exclude it.
///
/// `columns`: (models, rows) log-probabilities in nats; one [`Separation`] per model but the
/// winner, in the order of the ranking. The shares come from the pilot and are uncertain
/// themselves: where models hardly differ the number may be off by any factor. Rows like the
/// pilot's are as many to a prompt, with weights as different, and as many of each stratum in
/// proportion.
///
/// # Errors
///
/// As [`tournament()`]; also a power outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, Level, separations};
/// let steady = [-2.0; 40];
/// let wild: Vec<f64> = (0..40)
///     .map(|row| if row % 4 == 0 { -9.0 } else { -1.9 })
///     .collect();
/// let (outcome, plan) = separations(
///     &[&steady, &wild],
///     &Design::default(),
///     Level::from_n(8.0)?,
///     0.95,
///     0.9,
/// )?;
/// assert_eq!(
///     (outcome.winner, plan[0].model, plan[0].ahead, plan[0].rows),
///     (0, 1, 0.25, Some(30))
/// );
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// [`rows_to_separate`] at the pilot's shares, for independent rows of equal weight. For others the
/// larger of that times the design effect, and the least number with which the test itself excludes
/// the model in a sample of the pilot's units, so many times over, that is worse for it than a share
/// `power` of all: the units are tilted by `exp(h a)`, a being what one more of them adds to the
/// logarithm of the test's p-value, so that the sum of a is z standard deviations above the expected
/// (z: the normal quantile of `power`). What is drawn besides the outcomes, such as how heavy the
/// prompts are, counts with them. Where weights vary continuously, further units are taken to be
/// heavier than the pilot's by a power law (Hill, Annals of Statistics 3 (1975)).
pub fn separations(
    columns: &[&[f64]],
    design: &Design,
    level: Level,
    confidence: f64,
    power: f64,
) -> Result<(Tournament, Vec<Separation>)> {
    let outcome = tournament(columns, design, level, confidence)?;
    let rows = CheckedDesign::new(design, columns[0].len())?;
    let tail = separation_tail(columns.len(), confidence)?;
    error_rate(power)?;
    let is_behind = |row: usize, q: usize| {
        let rival = outcome.standings[q].worst_rival;
        rival.is_some_and(|r| is_uncovered(columns[r][row], columns[q][row], level))
    };
    let seen = |&model: &usize| {
        let difference = |row: usize| {
            let (own, winner) = (is_behind(row, model), is_behind(row, outcome.winner));
            f64::from(i8::from(own) - i8::from(winner))
        };
        let share = |wanted: f64| rows.mean(|row| f64::from(u8::from(difference(row) == wanted)));
        let (ahead, behind) = (share(1.0), share(-1.0));
        let drift = ahead - behind;
        let variance = 0.25 * (ahead + behind - drift * drift);
        let mean = || BoundedMean::of_values(&rows, |row| 0.5 * (1.0 - difference(row)));
        let more = Rows::of(&rows, variance, mean);
        let most = MOST as f64 / rows.n as f64;
        let times = more.units.as_ref().and_then(|units| {
            (drift > 0.0)
                .then(|| units.times_until_upper(0.5, tail, power, most))
                .flatten()
        });
        (model, ahead, behind, more, times)
    };
    // Of many models on few rows most have the same shares as some other.
    let mut planned: FxHashMap<[u64; 2], Option<u64>> = FxHashMap::default();
    let separation = |(model, ahead, behind, more, times): (usize, f64, f64, Rows, Option<f64>)| {
        let independent = match planned.entry([ahead, behind].map(f64::to_bits)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(new) => {
                let models = columns.len();
                *new.insert(rows_to_separate(ahead, behind, models, confidence, power)?)
            }
        };
        Ok(Separation {
            model,
            ahead,
            behind,
            design_effect: more.effect,
            rows: more.needed(independent, times),
        })
    };
    let seen: Vec<_> = outcome.ranking[1..].par_iter().map(seen).collect();
    let plan = seen.into_iter().map(separation).collect::<Result<_>>()?;
    Ok((outcome, plan))
}

/// A pilot's coverage profile at a level, and the sample size that certifies less.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Certification {
    /// `Cov_N` in the pilot.
    pub coverage: f64,
    /// As in [`Separation`].
    pub design_effect: f64,
    /// Sample size, in rows like the pilot's, after which the upper limit of `Cov_N` is at most e
    /// with about the chance asked for if the pilot's share is the true one; `None` if no number is
    /// enough or it takes more than 2^32 rows.
    pub rows: Option<u64>,
}

/// Plans, for every model of a pilot, the rows that certify `Cov_N <= e` against a reference.
///
/// `log_p`: (rows) log-probabilities under the reference; `columns`: (models, rows) the same under
/// the models; `e`: as in [`rows_to_certify`]; one [`Certification`] per model. As with
/// [`separations`], the number is as uncertain as the pilot.
///
/// # Errors
///
/// As [`crate::coverage_profile`] and [`rows_to_certify`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, Level, certifications};
/// let (truth, model) = ([-1.0; 40], [-1.5; 40]);
/// // Four rows of each prompt: what counts is the ten prompts.
/// let prompts: Vec<u32> = (0..40).map(|row| row / 4).collect();
/// let design = Design {
///     clusters: Some(&prompts),
///     ..Design::default()
/// };
/// let level = Level::from_n(8.0)?;
/// let plan = certifications(&truth, &[&model], &design, level, 0.05, 0.95, 0.9)?;
/// assert_eq!((plan[0].coverage, plan[0].rows), (0.0, Some(4 * 72)));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// As [`separations`], with [`rows_to_certify`] and the limit of the profile.
pub fn certifications(
    log_p: &[f64],
    columns: &[&[f64]],
    design: &Design,
    level: Level,
    e: f64,
    confidence: f64,
    power: f64,
) -> Result<Vec<Certification>> {
    let tail = 0.5 * error_rate(confidence)?;
    error_rate(power)?;
    let rows = CheckedDesign::new(design, log_p.len())?;
    for column in columns {
        check_length("log_q", column.len(), "log_p", rows.n)?;
        check_log_probs("log_q", column)?;
    }
    check_log_probs("log_p", log_p)?;
    let certification = |column: &&[f64]| {
        let is_missed = |row| is_uncovered(log_p[row], column[row], level);
        let missed = BoundedMean::of_all_rows(&rows, is_missed);
        let coverage = missed.value;
        let independent = rows_to_certify(coverage, e, confidence, power)?;
        let more = Rows::of(&rows, coverage * (1.0 - coverage), || missed);
        let most = MOST as f64 / rows.n as f64;
        let units = more.units.as_ref();
        let times = units.and_then(|units| units.times_until_upper(e, tail, power, most));
        Ok(Certification {
            coverage,
            design_effect: more.effect,
            rows: more.needed(independent, times),
        })
    };
    columns.par_iter().map(certification).collect()
}

/// More rows like those of a pilot.
struct Rows {
    rows: f64,
    /// How many of them count as one independent row.
    effect: f64,
    /// None where they are independent and of equal weight.
    units: Option<ExpectedUnits>,
}

impl Rows {
    /// `variance`: that of the value of one independent row.
    fn of(rows: &CheckedDesign, variance: f64, mean: impl FnOnce() -> BoundedMean) -> Rows {
        let n = rows.n as f64;
        if rows.is_iid() {
            return Rows {
                rows: n,
                effect: 1.0,
                units: None,
            };
        }
        let units = ExpectedUnits::like(&mean());
        Rows {
            rows: n,
            effect: if variance > 0.0 {
                units.variance() * n / variance
            } else {
                1.0
            },
            units: Some(units),
        }
    }

    /// The larger of both numbers, in rows.
    fn needed(&self, independent: Option<u64>, times: Option<f64>) -> Option<u64> {
        let independent = independent? as f64 * self.effect;
        let rows = match self.units {
            None => independent,
            Some(_) => independent.max(times? * self.rows),
        };
        Some((rows - TOLERANCE).ceil() as u64).filter(|&rows| rows <= MOST)
    }
}
