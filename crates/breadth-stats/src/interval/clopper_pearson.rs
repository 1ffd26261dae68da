//! Clopper and Pearson's exact binomial limits.

use super::beta::beta_quantile;
use crate::error::{Error, Result};
use crate::numerics::error_rate;

/// Clopper and Pearson's exact two-sided confidence limits `(low, high)` of a binomial proportion.
///
/// `low = Beta^-1(alpha/2; c, n-c+1)` and `high = Beta^-1(1-alpha/2; c+1, n-c)` for c `successes`
/// among n `trials`; `low = 0` at c = 0 and `high = 1` at c = n.
///
/// # Errors
///
/// No trials, more successes than trials, or a confidence outside (0, 1).
///
/// # Examples
///
/// ```
/// let (low, high) = breadth_stats::interval::clopper_pearson(3, 10, 0.95)?;
/// assert!((low - 0.06673951).abs() < 1e-8 && (high - 0.65245285).abs() < 1e-8);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Clopper and Pearson, Biometrika 26 (1934).
#[doc(alias = "confidence_interval")]
pub fn clopper_pearson(successes: u64, trials: u64, confidence: f64) -> Result<(f64, f64)> {
    let tail = 0.5 * error_rate(confidence)?;
    if trials == 0 {
        return Err(Error::Empty {
            what: "the set of trials",
        });
    }
    if successes > trials {
        return Err(Error::InvalidCounts {
            samples: trials,
            correct: successes,
        });
    }
    let (c, n) = (successes as f64, trials as f64);
    Ok((lower(c, n, tail), upper(c, n, tail)))
}

/// One-sided lower limit with error `tail`; `c` and `n` need not be whole numbers.
pub(crate) fn lower(c: f64, n: f64, tail: f64) -> f64 {
    if c <= 0.0 {
        0.0
    } else {
        beta_quantile(c, (n - c).max(0.0) + 1.0, tail).x()
    }
}

/// One-sided upper limit with error `tail`.
pub(crate) fn upper(c: f64, n: f64, tail: f64) -> f64 {
    if c >= n {
        1.0
    } else {
        beta_quantile(n - c, c.max(0.0) + 1.0, tail).complement()
    }
}
