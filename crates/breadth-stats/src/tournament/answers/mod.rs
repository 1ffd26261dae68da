//! The tournament over final answers, whose rates are known from samples only.

mod ratio;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use rayon::prelude::*;

use super::input::rivals;
use super::selection::tournament;
use super::standing::{Standing, Tournament};
use crate::error::Result;
use crate::interval::{BoundedMean, CheckedDesign, Design};
use crate::log_ratio::Level;
use crate::numerics::error_rate;
use crate::outcome::{PromptOutcome, binary_counts};
use crate::pass_at_n::{answer_coverage, answer_log_prob};
use ratio::{Claim, Count, failures};

/// Which answers of the data an answer tournament counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DataAnswers {
    /// The one correct answer of each prompt: the data give it with probability 1.
    Correct,
    /// Answers drawn from the data distribution, whose probabilities are not known.
    Drawn,
}

/// Errors at which a row is proved to be behind: their share is taken off a lower limit, so they
/// are small.
const BEHIND: [f64; 3] = [0.01, 0.05, 0.2];

/// Errors at which a row is proved not to be behind: an upper limit is divided by what they leave,
/// so they may be large where few rows are behind.
const NOT_BEHIND: [f64; 3] = [0.05, 0.2, 0.5];

/// The tournament over final answers, from how often samples of each model gave each answer of the
/// data.
///
/// `counts`: (models)(rows) one outcome per row, rows being answers of the data; the number of
/// samples may differ between models and rows. `of`: which answers these are; `design`, `level`: as
/// in [`tournament()`]. Values, ranks and cross-entropies are those of [`tournament()`] on the
/// rates `(c + 1/2)/(n + 1)` ([`answer_log_prob`]). The limits and the confidence set hold for the
/// true rates, whatever the number of samples:
///
/// - Let F be the share of rows on which the rival's true rate is at least N times the model's own
///   (both 0: not, for N > 1). A row is *behind* at error b if a test on its counts rejects "below
///   N" at that error, and *not behind* if one rejects "at least N", so that the shares A of rows
///   behind and B of rows that may be (all but those not behind) have `E[A] <= F + (1-F) b` and
///   `E[B] >= F (1-b)`. Hence `low = (A.low - b)/(1 - b)` and `high = B.high/(1 - b)` with the
///   limits of [`BoundedMean`], the best over three errors b, each at a third of the error. `low`,
///   `high` and `excess` take the maximum over rivals as [`tournament()`] does.
/// - `not_excluded` contains the model with the smallest true value. A model q is excluded if some
///   q' has a smaller value with confidence: for one rival r and *every* rival r', the lower limit
///   of the mean of `[q is behind r]/(1-b) - [q' may be behind r']/(1-b')` exceeds `b/(1-b)`, which
///   the mean does not where F(r, q) is at most F(r', q'). Error `alpha / (m-1)^2` each: a union
///   bound over q' and r.
/// - `certified_low`, `certified_high`: where the answers are [`DataAnswers::Correct`], limits of
///   `Cov_N(p||q)` itself, which then is `P[q <= 1/N]` ([`answer_coverage`]). Where they are
///   [`DataAnswers::Drawn`] that is an upper bound of it, and the lower limit is 0.
///
/// # Errors
///
/// As [`tournament()`]; also rewards other than 0 and 1, more correct than samples, or lists of
/// different length.
///
/// # Examples
///
/// ```
/// use breadth_stats::{DataAnswers, Design, Level, PromptOutcome::Counts, answer_tournament};
/// let of = |c: u64| vec![Counts { n: 64, c }; 100];
/// let (solid, blind, likewise) = (of(40), of(0), of(38));
/// let found = answer_tournament(
///     &[&solid, &blind, &likewise],
///     DataAnswers::Correct,
///     &Design::default(),
///     Level::from_n(8.0)?,
///     0.95,
/// )?;
/// assert_eq!((found.winner, found.not_excluded), (0, vec![0, 2]));
/// assert!(found.standings[1].low > 0.9);
/// // 4 samples show no rate of an eighth: no limit says anything.
/// let (some, none) = (
///     vec![Counts { n: 4, c: 1 }; 100],
///     vec![Counts { n: 4, c: 0 }; 100],
/// );
/// let found = answer_tournament(
///     &[&some, &none],
///     DataAnswers::Correct,
///     &Design::default(),
///     Level::from_n(8.0)?,
///     0.95,
/// )?;
/// assert_eq!(
///     (
///         found.standings[1].low,
///         found.standings[1].high,
///         found.not_excluded
///     ),
///     (0.0, 1.0, vec![0, 1])
/// );
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 7.1, Eq 28-29.
pub fn answer_tournament(
    counts: &[&[PromptOutcome]],
    of: DataAnswers,
    design: &Design,
    level: Level,
    confidence: f64,
) -> Result<Tournament> {
    let alpha = error_rate(confidence)?;
    let binary: Vec<Vec<Count>> = counts
        .iter()
        .map(|outcomes| binary_counts(outcomes))
        .collect::<Result<_>>()?;
    let columns: Vec<Vec<f64>> = binary
        .iter()
        .map(|counts| counts.iter().map(|&(n, c)| answer_log_prob(c, n)).collect())
        .collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let mut result = tournament(&columns, design, level, confidence)?;
    let rows = CheckedDesign::new(design, columns[0].len())?;
    let proofs = Proofs::new(&binary, &rows, level);
    for (q, standing) in result.standings.iter_mut().enumerate() {
        let missed = answer_coverage(counts[q], level, design, confidence)?;
        standing.certified_high = missed.high;
        standing.certified_low = match of {
            DataAnswers::Correct => missed.low,
            DataAnswers::Drawn => 0.0,
        };
        proofs.limit(q, standing, alpha);
    }
    result.not_excluded = proofs.not_excluded(&result, alpha);
    Ok(result)
}

/// What the samples prove of every ordered pair of models on every row.
struct Proofs<'a> {
    models: usize,
    rows: &'a CheckedDesign,
    /// `[rival * models + q]`
    pairs: Vec<Vec<Proof>>,
}

/// At how many of the errors ([`BEHIND`], [`NOT_BEHIND`]) either claim is not proved.
#[derive(Clone, Copy)]
struct Proof {
    behind: u8,
    not_behind: u8,
}

impl Proof {
    fn of((rival, own): (Count, Count), level: Level) -> Proof {
        let of = |claim, errors: &[f64]| failures(claim, rival, own, level, errors) as u8;
        Proof {
            behind: of(Claim::Behind, &BEHIND),
            not_behind: of(Claim::NotBehind, &NOT_BEHIND),
        }
    }

    /// Whether the rival is proved to be N times ahead, at the error of this place in [`BEHIND`].
    fn is_behind(self, at: usize) -> bool {
        usize::from(self.behind) <= at
    }

    /// Whether the rival may be N times ahead, at the error of this place in [`NOT_BEHIND`].
    fn may_be_behind(self, at: usize) -> bool {
        usize::from(self.not_behind) > at
    }
}

impl<'a> Proofs<'a> {
    fn new(counts: &[Vec<Count>], rows: &'a CheckedDesign, level: Level) -> Proofs<'a> {
        let models = counts.len();
        let of_pair = |pair: usize| {
            let (rival, q) = (&counts[pair / models], &counts[pair % models]);
            rival.iter().copied().zip(q.iter().copied())
        };
        // Counts recur: each combination is tested once.
        let pairs = (0..models * models).filter(|pair| pair / models != pair % models);
        let seen: HashMap<(Count, Count), ()> =
            pairs.flat_map(of_pair).map(|key| (key, ())).collect();
        let proofs: HashMap<(Count, Count), Proof> = seen
            .into_par_iter()
            .map(|(key, ())| (key, Proof::of(key, level)))
            .collect();
        let proofs_of = |pair: usize| {
            if pair / models == pair % models {
                Vec::new()
            } else {
                of_pair(pair).map(|key| proofs[&key]).collect()
            }
        };
        Proofs {
            models,
            rows,
            pairs: (0..models * models).map(proofs_of).collect(),
        }
    }

    fn of(&self, rival: usize, q: usize) -> &[Proof] {
        &self.pairs[rival * self.models + q]
    }

    /// Lower limit of the share of rows on which the true rate of `rival` is N times that of `q`.
    fn low(&self, rival: usize, q: usize, tail: f64) -> f64 {
        let proofs = self.of(rival, q);
        let limit = |(at, b): (usize, f64)| {
            let behind = BoundedMean::of_all_rows(self.rows, |row| proofs[row].is_behind(at));
            (behind.lower(tail / BEHIND.len() as f64) - b) / (1.0 - b)
        };
        BEHIND
            .into_iter()
            .enumerate()
            .map(limit)
            .fold(0.0, f64::max)
    }

    fn high(&self, rival: usize, q: usize, tail: f64) -> f64 {
        let proofs = self.of(rival, q);
        let limit = |(at, b): (usize, f64)| {
            let possible = BoundedMean::of_all_rows(self.rows, |row| proofs[row].may_be_behind(at));
            possible.upper(tail / NOT_BEHIND.len() as f64) / (1.0 - b)
        };
        let limits = NOT_BEHIND.into_iter().enumerate().map(limit);
        limits.fold(1.0, f64::min)
    }

    /// Limits of the true maximum over rivals, with the errors of [`tournament()`]; they hold the
    /// value, which is no part of what they promise.
    fn limit(&self, q: usize, standing: &mut Standing, alpha: f64) {
        let m = self.models;
        let most = |limit: &dyn Fn(usize) -> f64| rivals(m, q).map(limit).fold(0.0, f64::max);
        let low_tail = 0.5 * alpha / (m - 1).max(1) as f64;
        let low = most(&|rival| self.low(rival, q, low_tail));
        let high = most(&|rival| self.high(rival, q, 0.5 * alpha));
        standing.low = low.min(standing.value);
        standing.high = high.max(standing.value);
        standing.excess = most(&|rival| self.high(rival, q, alpha / m as f64));
    }

    /// Whether `q` is behind `rival` on more rows than `other` is behind `others_rival`, with
    /// confidence.
    fn outnumbers(
        &self,
        (rival, q): (usize, usize),
        (others_rival, other): (usize, usize),
        tail: f64,
    ) -> bool {
        let (own, others) = (self.of(rival, q), self.of(others_rival, other));
        let errors = BEHIND.into_iter().zip(NOT_BEHIND).enumerate();
        errors.into_iter().any(|(at, (b, possible))| {
            // Brought to [0, 1]: from "only the other may be behind" to "only q is".
            let (gain, loss) = (1.0 / (1.0 - b), 1.0 / (1.0 - possible));
            let share = |is: bool, weight: f64| if is { weight / (gain + loss) } else { 0.0 };
            let score = |row: usize| {
                share(own[row].is_behind(at), gain) + share(!others[row].may_be_behind(at), loss)
            };
            let limit = BoundedMean::of_values(self.rows, score).lower(tail / BEHIND.len() as f64);
            limit > (b * gain + loss) / (gain + loss)
        })
    }

    fn not_excluded(&self, result: &Tournament, alpha: f64) -> Vec<usize> {
        let m = self.models;
        let tail = alpha / ((m - 1).max(1) as f64).powi(2);
        let is_excluded = |q: usize| {
            let standing = &result.standings[q];
            let Some(rival) = standing.worst_rival else {
                return false;
            };
            let better = result.ranking.iter().copied();
            better
                .take_while(|&other| result.standings[other].value < standing.value)
                .any(|other| {
                    rivals(m, other).all(|r| self.outnumbers((rival, q), (r, other), tail))
                })
        };
        (0..m)
            .into_par_iter()
            .filter(|&q| !is_excluded(q))
            .collect()
    }
}
