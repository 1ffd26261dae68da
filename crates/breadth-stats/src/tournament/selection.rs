//! The tournament itself: the model with the smallest largest rival share (Sec 6.3, Eq 28-29).

use rayon::prelude::*;

use super::certificate::bracket;
use super::confidence_set::not_excluded;
use super::input::{check, rivals};
use super::pairs::Pairs;
use super::standing::{Standing, Tournament, rank};
use crate::error::Result;
use crate::interval::Design;
use crate::log_ratio::Level;
use crate::numerics::error_rate;

/// Selects the model with the best coverage without log p: `argmin_q max_{q' != q} S_N(q'||q)`.
///
/// For each model q and each rival q' we count the responses to which the rival assigns at least N
/// times the probability that q does: the rival share `S_N(q'||q)`, written with a hat in the
/// paper. A model's value is its largest rival share, and the winner has the smallest value.
/// `columns`: (models)(rows) log-probabilities in nats, one slice per model, of the same responses
/// drawn from the data; `design`: their weights, clusters and strata; `level`: N. Weighted shares
/// are ratios of exact integer sums (weights in units of 2^-40 of the largest or finer), so values
/// do not depend on the order of the rows and ties are true ties.
///
/// Each with the stated confidence:
///
/// - `low`, `high` of a model hold for the true maximum over its rivals. The lower limit is the
///   largest of the rivals' lower limits at error `alpha / (2 (m-1))` each (a union bound, as the
///   largest is picked); the upper one is the largest of their upper limits at error `alpha / 2`
///   (no union bound: it is at least that of the true worst rival).
/// - `not_excluded` contains the model with the smallest true value. A model q is excluded if some
///   q' has a smaller value with confidence: the rows on which q's worst rival r assigns N times
///   the probability that q does outnumber, for *every* rival r', the rows on which r' does so to
///   q'. Each comparison is a paired sign test (the lower limit of the share among rows on which
///   the two differ exceeds 1/2) at error `alpha / (m-1)^2`: a union bound over q' and r; over r'
///   none is needed, as all must reject. The winner is never excluded.
/// - `excess` is the upper limit of the value at error `alpha / m` (a union bound over the models):
///   by the triangle inequality (Eq 95) `Cov_{M N}(p||q) <= Cov_M(p||q') + P_p[ q'/q >= N ]`.
/// - `certified_low`, `certified_high` are limits of `Cov_N(p||q)` itself, without any assumption
///   on p: see [`super::SLACKS`].
///
/// Limits of shares are those of [`crate::interval::BoundedMean`].
///
/// # Errors
///
/// No models, no rows, columns of different length, NaN or positive log-probabilities, an invalid
/// [`Design`], or a confidence outside (0, 1).
///
/// # Examples
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
/// # Source
///
/// Eq 28-29, Thm 6.3.
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
    let certified = bracket(&pairs, &rival_shares, level, alpha);
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
        not_excluded: not_excluded(&pairs, &standings, &ranking, level, alpha),
        cross_entropy_winner: rank(&cross_entropies, &cross_entropies)[0],
        rival_shares,
        standings,
        ranking: Vec::new(),
        winner: 0,
    };
    result.ranked(ranking);
    Ok(result)
}
