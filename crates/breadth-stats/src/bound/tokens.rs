//! Token by token: the stopped KL and its weights.

use super::are_shares;
use crate::log_ratio::Level;

/// Upper bound on coverage from the stopped KL: `Cov_N <= 2 Dseq_N / (log N - 1)`, at most 1.
///
/// `stopped_kl`: `Dseq_N` in nats, see [`crate::stopped_kl`]; `level`: N > e. `None` if N <= e or
/// the stopped KL is outside [0, log N].
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::coverage_upper_from_stopped_kl, Level};
/// let cov = coverage_upper_from_stopped_kl(0.1, Level::from_log_n(3.0)?).unwrap();
/// assert!((cov - 0.1).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Lemma D.10.
#[doc(alias = "Lemma D.10")]
pub fn coverage_upper_from_stopped_kl(stopped_kl: f64, level: Level) -> Option<f64> {
    let applies = level.log_n() > 1.0 && (0.0..=level.log_n()).contains(&stopped_kl);
    applies.then(|| (2.0 / (level.log_n() - 1.0) * stopped_kl).min(1.0))
}

/// Lower bound on coverage: `Cov_N >= P_p( sum_h H2_h >= log(N/delta) ) - delta`, at least 0.
///
/// `share`: the probability under p that the squared Hellinger distances between the next-token
/// distributions, summed along a response, reach `log(N/delta)`; `delta`: a probability above 0.
/// `None` if either is outside [0, 1] or delta is 0.
///
/// # Examples
///
/// ```
/// assert_eq!(breadth_stats::bound::coverage_lower_from_hellinger(0.5, 0.125), Some(0.375));
/// ```
///
/// # Source
///
/// Lemma D.11.
#[doc(alias = "Lemma D.11")]
pub fn coverage_lower_from_hellinger(share: f64, delta: f64) -> Option<f64> {
    (are_shares(&[share, delta]) && delta > 0.0).then(|| (share - delta).max(0.0))
}

/// Weights of the tokens of a response that stop its summed KL at a budget.
///
/// `kls`: (tokens) next-token KLs `a_h >= 0`, in nats; `budget`: `A = log N`, in nats. The weight
/// is 1 while the sum up to and including token h stays within A, 0 once the sum before h exceeds
/// A, and `(A - sum before h) / a_h` where it crosses, so that `sum_h w_h a_h = min(A, sum_h a_h)`.
/// Returns (tokens) weights in [0, 1]; `None` if any number is negative or NaN.
///
/// # Examples
///
/// ```
/// use breadth_stats::bound::truncation_weights;
/// let weights = truncation_weights(&[0.3, 0.9, 0.1, 2.0, 0.5], 8_f64.ln()).unwrap();
/// assert_eq!(weights[..3], [1.0; 3]);
/// assert!((weights[3] - 0.389721).abs() < 1e-6);
/// assert_eq!(weights[4], 0.0);
/// ```
///
/// # Source
///
/// Eq 25, Lemma I.4.
#[doc(alias = "Equation 25")]
#[doc(alias = "Lemma I.4")]
pub fn truncation_weights(kls: &[f64], budget: f64) -> Option<Vec<f64>> {
    let valid = kls.iter().chain([&budget]).all(|&v| v >= 0.0);
    let mut before = 0.0;
    let weight = |&kl: &f64| {
        let left = budget - before;
        before += kl;
        match (kl <= left, left > 0.0) {
            (true, _) => 1.0,
            (false, true) => left / kl,
            (false, false) => 0.0,
        }
    };
    valid.then(|| kls.iter().map(weight).collect())
}
