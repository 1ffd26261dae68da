//! Differences between two models on the same rows, with paired intervals.

use crate::error::Result;
use crate::interval::{BoundedMean, CheckedDesign, Design, Estimate, MeanEstimate, mean_interval};
use crate::log_ratio::{Level, is_uncovered, log_ratio};
use crate::numerics::{check_length, check_log_probs, error_rate};

/// Difference of two models' coverages, `Cov_N(p||a) - Cov_N(p||b)`, with a paired interval.
///
/// `log_p`, `log_a`, `log_b`: (rows) log-probabilities in nats of responses drawn from the data;
/// `level`: N. The difference is `P[only a misses] - P[only b misses]`: rows on which both models
/// miss, or neither does, cancel, so the limits are closer than those of two separate profiles. It
/// is the mean of d in {-1, 0, 1}; its limits are those of the mean of `(d + 1) / 2` in [0, 1]
/// ([`BoundedMean`]), which have a width even where no row tells the models apart.
///
/// # Errors
///
/// As [`crate::coverage_profile`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, Level, coverage_difference};
/// let log_p = [-1.0; 8];
/// let a = [-9.0, -9.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0];
/// let b = [-9.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0];
/// let difference = coverage_difference(
///     &log_p,
///     &a,
///     &b,
///     &Design::default(),
///     Level::from_n(4.0)?,
///     0.95,
/// )?;
/// assert_eq!(difference.value, 0.125);
/// assert!(difference.low < 0.0 && difference.high > 0.125);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Def 1.1.
pub fn coverage_difference(
    log_p: &[f64],
    log_a: &[f64],
    log_b: &[f64],
    design: &Design,
    level: Level,
    confidence: f64,
) -> Result<Estimate> {
    let alpha = error_rate(confidence)?;
    check_length("log_a", log_a.len(), "log_p", log_p.len())?;
    check_length("log_b", log_b.len(), "log_p", log_p.len())?;
    let rows = CheckedDesign::new(design, log_p.len())?;
    for (name, column) in [("log_p", log_p), ("log_a", log_a), ("log_b", log_b)] {
        check_log_probs(name, column)?;
    }
    let misses = |column: &[f64], row: usize| is_uncovered(log_p[row], column[row], level);
    let value = |row: usize| match (misses(log_a, row), misses(log_b, row)) {
        (true, false) => 1.0,
        (false, true) => 0.0,
        _ => 0.5,
    };
    let share = BoundedMean::of_values(&rows, value);
    Ok(Estimate {
        value: rows.mean(|row| 2.0 * value(row) - 1.0),
        low: 2.0 * share.lower(0.5 * alpha) - 1.0,
        high: 2.0 * share.upper(0.5 * alpha) - 1.0,
    })
}

/// Difference of two models' cross-entropies, `CE(a) - CE(b) = KL(p||a) - KL(p||b)`, with a paired
/// interval.
///
/// `log_a`, `log_b`: (rows) log-probabilities in nats of responses drawn from the data; no
/// reference is needed. The result is in nats per response: the weighted mean of `log b - log a`
/// with the interval of [`crate::kl`]. A response to which both models give probability 0 counts 0.
/// Where only a gives a response probability 0 the difference and its limits are `inf`, where only
/// b does `-inf`, and where both occur there is no difference: `None`.
///
/// # Errors
///
/// As [`crate::cross_entropy`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, cross_entropy_difference};
/// let difference =
///     cross_entropy_difference(&[-1.0, -3.0], &[-2.0, -2.5], &Design::default(), 0.95)?;
/// assert_eq!(difference.map(|d| d.value), Some(-0.25));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 1.
pub fn cross_entropy_difference(
    log_a: &[f64],
    log_b: &[f64],
    design: &Design,
    confidence: f64,
) -> Result<Option<MeanEstimate>> {
    let alpha = error_rate(confidence)?;
    check_length("log_b", log_b.len(), "log_a", log_a.len())?;
    let rows = CheckedDesign::new(design, log_a.len())?;
    check_log_probs("log_a", log_a)?;
    check_log_probs("log_b", log_b)?;
    let more = |row: usize| log_ratio(log_b[row], log_a[row]);
    let (mut above, mut below) = (false, false);
    for row in 0..rows.n {
        above |= more(row) == f64::INFINITY;
        below |= more(row) == f64::NEG_INFINITY;
    }
    Ok(match (above, below) {
        (true, true) => None,
        (true, false) => Some(MeanEstimate::certain(f64::INFINITY)),
        (false, true) => Some(MeanEstimate::certain(f64::NEG_INFINITY)),
        (false, false) => Some(mean_interval(&rows, more, alpha)),
    })
}
