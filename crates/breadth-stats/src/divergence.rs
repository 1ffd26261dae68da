//! KL divergence and cross-entropy of sequences, with intervals.

use crate::error::{Error, Result};
use crate::interval::{Design, Estimate, Rows, mean_interval};
use crate::log_ratio::{Level, log_ratio};
use crate::numerics::{check_length, check_log_probs, error_rate};

/// Estimates of KL or cross-entropy that are infinite are so with certainty: one response with q = 0 < p was seen.
const INFINITE: Estimate = Estimate {
    value: f64::INFINITY,
    low: f64::INFINITY,
    high: f64::INFINITY,
};

/// `KL(p||q) = E_p[ log p(y|x) - log q(y|x) ]` in nats, sequence level, from responses drawn from p.
///
/// `log_p`, `log_q`: (rows). The weighted mean with a Student t interval from the between-cluster variance. A row with q = 0 < p makes the
/// value and both limits `inf`: a response of positive probability that q cannot produce has been seen. With one row or one cluster the spread is
/// unknown, and the interval is everything a KL can be: `[min(0, value), inf]`. The estimate itself may be slightly negative; the true KL is not.
///
/// Errors: as [`crate::coverage_profile`]; also a row with p = 0 < q, which cannot have been drawn from p.
///
/// ```
/// use breadth_stats::{kl, Design};
/// let estimate = kl(&[-1.0, -1.0, -2.0], &[-1.5, -2.5, -3.0], &Design::default(), 0.95)?;
/// assert_eq!(estimate.value, 1.0);
/// assert!((estimate.low - (1.0 - 4.302653 * 0.5 / 3.0_f64.sqrt())).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// Source: section 1 of the paper; Rem 2.2 on when p is known.
pub fn kl(log_p: &[f64], log_q: &[f64], design: &Design, confidence: f64) -> Result<Estimate> {
    let alpha = error_rate(confidence)?;
    check_length("log_q", log_q.len(), "log_p", log_p.len())?;
    let rows = Rows::new(design, log_p.len())?;
    check_log_probs("log_p", log_p)?;
    check_log_probs("log_q", log_q)?;
    let ratio = |row: usize| log_ratio(log_p[row], log_q[row]);
    if let Some(row) = (0..rows.n).find(|&row| ratio(row) == f64::NEG_INFINITY) {
        return Err(Error::ImpossibleReference {
            row,
            log_q: log_q[row],
        });
    }
    if (0..rows.n).any(|row| ratio(row) == f64::INFINITY) {
        return Ok(INFINITE);
    }
    let estimate = mean_interval(&rows, ratio, alpha);
    let low = if rows.cluster_count < 2 {
        estimate.value.min(0.0)
    } else {
        estimate.low
    };
    Ok(Estimate { low, ..estimate })
}

/// Cross-entropy `CE(q) = E_p[ -log q(y|x) ]` in nats per response, from responses drawn from p.
///
/// `log_q`: (rows). Interval as in [`kl`], cut off at 0, below which no cross-entropy lies; with one cluster it is `[0, inf]`.
///
/// Errors: as [`crate::coverage_profile`].
///
/// ```
/// use breadth_stats::{cross_entropy, Design};
/// let weights = [1.0, 3.0];
/// let design = Design { weights: Some(&weights), ..Design::default() };
/// assert_eq!(cross_entropy(&[-1.0, -2.0], &design, 0.95)?.value, 1.75);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// Source: section 1 of the paper.
pub fn cross_entropy(log_q: &[f64], design: &Design, confidence: f64) -> Result<Estimate> {
    let alpha = error_rate(confidence)?;
    let rows = Rows::new(design, log_q.len())?;
    check_log_probs("log_q", log_q)?;
    if log_q.contains(&f64::NEG_INFINITY) {
        return Ok(INFINITE);
    }
    let estimate = mean_interval(&rows, |row| -log_q[row], alpha);
    Ok(Estimate {
        low: estimate.low.max(0.0),
        ..estimate
    })
}

/// The stopped KL `Dseq_N = E_p min{ log N, sum_h a_h }` in nats, `a_h = KL(p(.|x,y_<h) || q(.|x,y_<h))`, from sequences drawn from p.
///
/// `sums`: (rows) the sum over steps of the next-token KLs along each sequence, at least 0, `inf` allowed. It needs both next-token distributions in full: the
/// log-ratios of the tokens that happened to be drawn are not the a_h. Interval as in [`kl`], cut off to [0, log N].
///
/// Errors: no rows, a negative or NaN sum, bad weights, confidence outside (0, 1).
///
/// ```
/// use breadth_stats::{stopped_kl, Design, Level};
/// let estimate = stopped_kl(&[0.5, 1.0, f64::INFINITY], Level::from_log_n(3.0)?, &Design::default(), 0.95)?;
/// assert_eq!(estimate.value, 1.5);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// Source: Lemma D.10.
pub fn stopped_kl(
    sums: &[f64],
    level: Level,
    design: &Design,
    confidence: f64,
) -> Result<Estimate> {
    let alpha = error_rate(confidence)?;
    let rows = Rows::new(design, sums.len())?;
    if let Some(row) = sums.iter().position(|sum| sum.is_nan() || *sum < 0.0) {
        return Err(Error::InvalidDivergence {
            row,
            value: sums[row],
        });
    }
    let estimate = mean_interval(&rows, |row| sums[row].min(level.log_n()), alpha);
    Ok(Estimate {
        value: estimate.value,
        low: estimate.low.max(0.0),
        high: estimate.high.min(level.log_n()),
    })
}
