//! Exact quantities of two distributions on the same finite set.
//!
//! `p` and `q` are probabilities in the same order, taken as given: weights of another sum scale
//! the results.

use crate::error::{Error, Result};
use crate::log_ratio::{Level, is_uncovered};
use crate::numerics::{check_length, sum};

/// Coverage `Cov_N(p||q) = P_p[p/q >= N]` of a known distribution, by the rule of [`is_uncovered`].
///
/// `p`, `q`: (outcomes) probabilities; `level`: N. The result is a probability.
///
/// # Errors
///
/// p and q of different lengths, or an entry that is negative, infinite or NaN.
///
/// # Examples
///
/// ```
/// use breadth_stats::{finite, Level};
/// assert_eq!(finite::coverage(&[0.5, 0.5], &[0.9375, 0.0625], Level::from_n(8.0)?)?, 0.5);
/// assert!(finite::coverage(&[0.5, 0.5], &[1.0], Level::from_n(8.0)?).is_err());
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Def 1.1.
pub fn coverage(p: &[f64], q: &[f64], level: Level) -> Result<f64> {
    check(p, q)?;
    let uncovered = p
        .iter()
        .zip(q)
        .filter(|&(p, q)| is_uncovered(p.ln(), q.ln(), level));
    Ok(sum(uncovered.map(|(p, _)| *p)))
}

/// KL divergence `KL(p||q) = sum p log(p/q)` of two known distributions, in nats.
///
/// `p`, `q`: (outcomes) probabilities; `inf` where q = 0 < p. (From samples of p: [`crate::kl`].)
///
/// # Errors
///
/// p and q of different lengths, or an entry that is negative, infinite or NaN.
///
/// # Examples
///
/// ```
/// let kl = breadth_stats::finite::kl(&[0.5, 0.5], &[0.9375, 0.0625])?;
/// assert!((kl - 0.7254164).abs() < 1e-7);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 1.
pub fn kl(p: &[f64], q: &[f64]) -> Result<f64> {
    check(p, q)?;
    let cells = p.iter().zip(q).filter(|(p, _)| **p > 0.0);
    Ok(sum(cells.map(|(p, q)| p * (p / q).ln())))
}

/// Squared Hellinger distance `1/2 sum (sqrt p - sqrt q)^2`, in [0, 1].
///
/// `p`, `q`: (outcomes) probabilities.
///
/// # Errors
///
/// p and q of different lengths, or an entry that is negative, infinite or NaN.
///
/// # Examples
///
/// ```
/// let h2 = breadth_stats::finite::hellinger_squared(&[1.0, 0.0], &[0.25, 0.75])?;
/// assert!((h2 - 0.5).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Appendix D.
pub fn hellinger_squared(p: &[f64], q: &[f64]) -> Result<f64> {
    check(p, q)?;
    let cells = p.iter().zip(q);
    Ok(0.5 * sum(cells.map(|(p, q)| (p.sqrt() - q.sqrt()).powi(2))))
}

fn check(p: &[f64], q: &[f64]) -> Result<()> {
    check_length("q", q.len(), "p", p.len())?;
    for (what, values) in [("p", p), ("q", q)] {
        let is_valid = |value: &f64| value.is_finite() && *value >= 0.0;
        if let Some(index) = values.iter().position(|value| !is_valid(value)) {
            let value = values[index];
            return Err(Error::InvalidProbability { what, index, value });
        }
    }
    Ok(())
}
