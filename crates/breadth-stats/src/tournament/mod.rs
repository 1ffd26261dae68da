//! Selecting the model with the best coverage without knowing the data distribution (Sec 6.3, Eq 28-29).

mod answers;
mod certificate;
mod confidence_set;
mod cross_entropy;
mod kernel;
mod landscape;
mod offset;
mod pairs;
mod race;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use rayon::prelude::*;

pub use answers::{DataAnswers, answer_tournament};
pub use certificate::SLACKS;
pub use cross_entropy::lowest_cross_entropy;
pub use kernel::{Minimax, RivalCounts, minimax, rival_counts, rival_counts_at};
pub use landscape::{landscape, landscape_levels};
pub use offset::{OFFSET_LEAST, OnPolicy, offset_applies, offset_parameter, offset_tournament};
pub use race::{Dropped, Race, race};

use crate::error::{Error, Result};
use crate::interval::{CheckedDesign, Design};
use crate::log_ratio::Level;
use crate::numerics::{check_length, check_log_probs, error_rate};
use pairs::Pairs;

/// The outcome of a tournament at one level.
#[derive(Clone, Debug, PartialEq)]
pub struct Tournament {
    /// N.
    pub level: Level,
    /// `S_N(rival||q)` at `[rival * m + q]`, (m * m), diagonal 0.
    pub rival_shares: Vec<f64>,
    /// One per model, in the order of the columns.
    pub standings: Vec<Standing>,
    /// Model indices, best first: by value, then cross-entropy, then order of the columns.
    pub ranking: Vec<usize>,
    /// The first of the ranking.
    pub winner: usize,
    /// All models with exactly the winner's value, in the order of the columns.
    pub tied: Vec<usize>,
    /// A set that contains the model with the smallest true value with the stated confidence, in the order of the columns.
    pub not_excluded: Vec<usize>,
    /// The model with the lowest cross-entropy, the first one among equals.
    pub cross_entropy_winner: usize,
}

impl Tournament {
    /// The share of the rows on which two models differ by a factor of N or more, either way: the median over the pairs of models, `None` for one model.
    ///
    /// Near 1 the tournament says nothing about N: `S_N(r||q) = 1 - S_N(q||r)` then is how often r gives more, which is a coin toss between checkpoints whose responses
    /// differ by many nats either way.
    ///
    /// ```
    /// use breadth_stats::{tournament, Design, Level};
    /// let columns: [&[f64]; 2] = [&[-10.0, -50.0, -30.0], &[-40.0, -20.0, -30.5]];
    /// let outcome = tournament(&columns, &Design::default(), Level::from_n(16.0)?, 0.95)?;
    /// assert_eq!(outcome.separated_share(), Some(2.0 / 3.0));
    /// # Ok::<(), breadth_stats::Error>(())
    /// ```
    pub fn separated_share(&self) -> Option<f64> {
        let m = self.standings.len();
        let pairs = (0..m).flat_map(|r| (0..r).map(move |q| (r, q)));
        let mut shares: Vec<f64> = pairs
            .map(|(r, q)| (self.rival_shares[r * m + q] + self.rival_shares[q * m + r]).min(1.0))
            .collect();
        shares.sort_by(f64::total_cmp);
        shares.get(shares.len() / 2).copied()
    }
}

/// How one model did.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Place in the ranking, from 1.
    pub rank: usize,
    /// `max over rivals q' != q of S_N(q'||q)`; 0 for a model without rivals.
    pub value: f64,
    /// The rival that attains it, the first one among equals; `None` without rivals.
    pub worst_rival: Option<usize>,
    /// Lower limit of the true `max over rivals of P_p[ q'/q >= N ]`.
    pub low: f64,
    /// Upper limit of the same.
    pub high: f64,
    /// What this model q misses at most beyond any other: `Cov_{M N}(p||q) <= Cov_M(p||q') + excess` for every M >= 1 and every model q', with the stated confidence
    /// for all models at once, hence also for one that was picked.
    pub excess: f64,
    /// Cross-entropy in nats per response.
    pub cross_entropy: f64,
    /// Lower limit of the unobservable `Cov_N(p||q)`.
    pub certified_low: f64,
    /// Upper limit of the same.
    pub certified_high: f64,
}

/// The tournament `argmin_q max_{q' != q} S_N(q'||q)`, `S_N(q'||q)` = share of the rows with `q'(y|x) / q(y|x) >= N` (Eq 28-29).
///
/// `columns`: one slice of log q (nats) per model, aligned rows, responses drawn from the data. Weighted shares are ratios of exact integer sums
/// (weights in units of 2^-40 of the largest or finer), so values do not depend on the order of the rows and ties are true ties.
///
/// Each with the stated confidence:
/// - `low`, `high` of a model hold for the true maximum over its rivals. The lower limit is the largest of the rivals' lower limits at error
///   `alpha / (2 (m-1))` each (a union bound, as the largest is picked); the upper one is the largest of their upper limits at error `alpha / 2` (no
///   union bound: it is at least that of the true worst rival).
/// - `not_excluded` contains the model with the smallest true value. A model q is excluded if some q' does better for certain: on q's worst
///   rival r, the rows where r leaves q behind outnumber, for *every* rival r', the rows where r' leaves q' behind. Each comparison is a paired sign
///   test (the lower limit of the share among rows on which the two disagree exceeds 1/2) at error `alpha / (m-1)^2`: a union bound over q' and r;
///   over r' none is needed, as all must reject. The winner is never excluded.
/// - `excess` is the upper limit of the same at error `alpha / m` (a union bound over the models): by the triangle (Eq 95)
///   `Cov_{M N}(p||q) <= Cov_M(p||q') + P_p[ q'/q >= N ]`.
/// - `certified_low`, `certified_high` bracket `Cov_N(p||q)` itself, without any assumption on p: see [`SLACKS`].
///
/// Limits of shares are those of [`crate::interval::BoundedMean`].
///
/// Errors: no models, no rows, columns of different length, NaN or positive log-probabilities, bad weights, confidence outside (0, 1).
///
/// ```
/// use breadth_stats::{tournament, Design, Level};
/// let good = [-1.0, -2.0, -1.5, -2.0];
/// let forgetful = [-0.5, -0.5, -9.0, -0.5];
/// let outcome = tournament(&[&forgetful, &good], &Design::default(), Level::from_n(8.0)?, 0.95)?;
/// assert_eq!(outcome.rival_shares, [0.0, 0.0, 0.25, 0.0]);
/// assert_eq!((outcome.winner, outcome.standings[0].value), (1, 0.25));
/// assert_eq!(outcome.not_excluded, [0, 1]); // four rows prove nothing
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// Source: Eq 28-29, Thm 6.3.
#[doc(alias = "Equation 28")]
#[doc(alias = "Equation 29")]
pub fn tournament(
    columns: &[&[f64]],
    design: &Design,
    level: Level,
    confidence: f64,
) -> Result<Tournament> {
    let alpha = error_rate(confidence)?;
    let rows = check(columns, design)?;
    let pairs = Pairs::new(columns, &rows);
    let rival_shares = pairs.shares(level, None);
    let m = columns.len();
    let cross_entropies: Vec<f64> = columns
        .par_iter()
        .map(|column| rows.mean(|row| -column[row]))
        .collect();
    let values: Vec<f64> = (0..m)
        .map(|q| {
            rivals(m, q)
                .map(|r| rival_shares[r * m + q])
                .fold(0.0, f64::max)
        })
        .collect();
    let ranking = rank(&values, &cross_entropies);
    let certified = certificate::bracket(&pairs, &rival_shares, level, alpha);
    let limits = pairs.limits_of_maximum(&rival_shares, level, alpha);
    let standings: Vec<Standing> = (0..m)
        .map(|q| Standing {
            rank: 0,
            value: values[q],
            worst_rival: rivals(m, q).find(|r| rival_shares[r * m + q] == values[q]),
            low: limits[q].low,
            high: limits[q].high,
            excess: limits[q].excess,
            cross_entropy: cross_entropies[q],
            certified_low: certified[q].0,
            certified_high: certified[q].1,
        })
        .collect();
    let mut result = Tournament {
        level,
        tied: Vec::new(),
        not_excluded: confidence_set::not_excluded(&pairs, &standings, &ranking, level, alpha),
        cross_entropy_winner: rank(&cross_entropies, &cross_entropies)[0],
        rival_shares,
        standings,
        ranking: Vec::new(),
        winner: 0,
    };
    result.ranked(ranking);
    Ok(result)
}

impl Tournament {
    /// Sets what follows from a ranking by value: winner, ranks and ties.
    fn ranked(&mut self, ranking: Vec<usize>) {
        self.winner = ranking[0];
        for (place, &q) in ranking.iter().enumerate() {
            self.standings[q].rank = place + 1;
        }
        let best = self.standings[self.winner].value;
        self.tied = (0..ranking.len())
            .filter(|&q| self.standings[q].value == best)
            .collect();
        self.ranking = ranking;
    }
}

/// Model indices by the first key, then the second, then as they come.
fn rank(first: &[f64], second: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..first.len()).collect();
    let by =
        |keys: &[f64], a: usize, b: usize| keys[a].partial_cmp(&keys[b]).unwrap_or(Ordering::Equal);
    order.sort_by(|&a, &b| by(first, a, b).then(by(second, a, b)));
    order
}

/// All models but q.
fn rivals(m: usize, q: usize) -> impl Iterator<Item = usize> {
    (0..m).filter(move |&r| r != q)
}

fn check(columns: &[&[f64]], design: &Design) -> Result<CheckedDesign> {
    let Some(first) = columns.first() else {
        return Err(Error::Empty {
            what: "the set of models",
        });
    };
    let rows = CheckedDesign::new(design, first.len())?;
    let check = |(index, column): (usize, &&[f64])| {
        let name = format!("column {index}");
        check_length(&name, column.len(), "column 0", first.len())?;
        check_log_probs(&name, column)
    };
    // Collected in order, so that the first fault is the one reported.
    columns
        .par_iter()
        .enumerate()
        .map(check)
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<()>>()?;
    Ok(rows)
}
