//! KL divergence and cross-entropy of sequences, with intervals.

use crate::error::{Error, Result};
use crate::interval::{BoundedMean, CheckedDesign, Design, Estimate, MeanEstimate, mean_interval};
use crate::log_ratio::{Level, log_ratio};
use crate::numerics::{check_length, check_log_probs, error_rate};

/// Sequence-level KL divergence `KL(p||q) = E_p[ log p(y|x) - log q(y|x) ]`, in nats.
///
/// `log_p`, `log_q`: (rows) log-probabilities in nats of responses drawn from p. The weighted mean
/// of the log-ratio, with a Student t interval from the variance between clusters. A row with q = 0
/// < p makes the value and both limits `inf`: a response of positive probability that q cannot
/// produce has been seen. Where too few independent units determine the mean no limits can be
/// given, and the interval is `[0, inf]` with the reason in `no_limits`. The estimate itself may be
/// negative, where the model gives the data more probability than the reference does; the true KL
/// is not, and the limits are cut off at 0. (For two known distributions there is
/// [`crate::finite::kl`].)
///
/// # Errors
///
/// As [`crate::coverage_profile`]; also a row with p = 0 < q, which cannot have been drawn from p.
///
/// # Examples
///
/// ```
/// use breadth_stats::{kl, Design};
/// let log_q: Vec<f64> = (0..40).map(|row| -2.0 - f64::from(row % 2)).collect();
/// let estimate = kl(&[-1.0; 40], &log_q, &Design::default(), 0.95)?;
/// assert_eq!(estimate.value, 1.5);
/// assert!((estimate.low - (1.5 - 2.022691 * 0.5 / 39.0_f64.sqrt())).abs() < 1e-6);
/// // Three rows are no basis for limits.
/// let few = kl(&[-1.0; 3], &log_q[..3], &Design::default(), 0.95)?;
/// assert_eq!((few.low, few.high), (0.0, f64::INFINITY));
/// assert!(few.no_limits.is_some());
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 1; Rem 2.2 on when p is known.
#[doc(alias = "Kullback-Leibler")]
pub fn kl(log_p: &[f64], log_q: &[f64], design: &Design, confidence: f64) -> Result<MeanEstimate> {
    let alpha = error_rate(confidence)?;
    check_length("log_q", log_q.len(), "log_p", log_p.len())?;
    let rows = CheckedDesign::new(design, log_p.len())?;
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
        return Ok(MeanEstimate::certain(f64::INFINITY));
    }
    Ok(mean_interval(&rows, ratio, alpha).within(0.0, f64::INFINITY))
}

/// Cross-entropy `CE(q) = E_p[ -log q(y|x) ]`, in nats per response.
///
/// `log_q`: (rows) log-probabilities in nats of responses drawn from p. Interval as in [`kl`], cut
/// off at 0, the least possible cross-entropy.
///
/// # Errors
///
/// As [`crate::coverage_profile`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{cross_entropy, Design};
/// let weights = [1.0, 3.0];
/// let design = Design { weights: Some(&weights), ..Design::default() };
/// assert_eq!(cross_entropy(&[-1.0, -2.0], &design, 0.95)?.value, 1.75);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 1.
pub fn cross_entropy(log_q: &[f64], design: &Design, confidence: f64) -> Result<MeanEstimate> {
    let alpha = error_rate(confidence)?;
    let rows = CheckedDesign::new(design, log_q.len())?;
    check_log_probs("log_q", log_q)?;
    if log_q.contains(&f64::NEG_INFINITY) {
        return Ok(MeanEstimate::certain(f64::INFINITY));
    }
    Ok(mean_interval(&rows, |row| -log_q[row], alpha).within(0.0, f64::INFINITY))
}

/// Stopped KL `Dseq_N = E_p min{ log N, sum_h a_h }`, in nats, from sequences drawn from p.
///
/// `a_h = KL(p(.|x,y_<h) || q(.|x,y_<h))` is the KL of the next-token distributions. `sums`: (rows)
/// its sum over the tokens of each sequence, in nats, at least 0, `inf` allowed; `level`: N. The
/// sums need both next-token distributions in full: the log-ratios of the tokens that happened to
/// be drawn are not the a_h. The values lie in [0, log N], so the limits are those of a bounded
/// mean ([`BoundedMean`]).
///
/// # Errors
///
/// No rows, a negative or NaN sum, an invalid [`Design`], or a confidence outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, Level, stopped_kl};
/// let estimate = stopped_kl(
///     &[0.5, 1.0, f64::INFINITY],
///     Level::from_log_n(3.0)?,
///     &Design::default(),
///     0.95,
/// )?;
/// assert_eq!(estimate.value, 1.5);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Lemma D.10.
#[doc(alias = "Dseq_N")]
pub fn stopped_kl(
    sums: &[f64],
    level: Level,
    design: &Design,
    confidence: f64,
) -> Result<Estimate> {
    let alpha = error_rate(confidence)?;
    let rows = CheckedDesign::new(design, sums.len())?;
    if let Some(row) = sums.iter().position(|sum| sum.is_nan() || *sum < 0.0) {
        return Err(Error::InvalidDivergence {
            row,
            value: sums[row],
        });
    }
    let largest = level.log_n();
    if largest == 0.0 {
        return Ok(Estimate {
            value: 0.0,
            low: 0.0,
            high: 0.0,
        });
    }
    let share = BoundedMean::of_values(&rows, |row| sums[row].min(largest) / largest);
    Ok(Estimate {
        value: share.value * largest,
        low: share.lower(0.5 * alpha) * largest,
        high: share.upper(0.5 * alpha) * largest,
    })
}
