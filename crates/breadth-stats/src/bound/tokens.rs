//! Token by token: the stopped KL and its weights.

use super::are_shares;
use crate::log_ratio::Level;

/// Upper bound `Cov_N <= 2 / (log N - 1) * Dseq_N` for N > e, cut off at 1 (Lemma D.10), from the stopped KL (nats, see [`crate::stopped_kl`]).
///
/// `None` outside the domain: N <= e, or the stopped KL outside [0, log N].
///
/// ```
/// use breadth_stats::{bound::coverage_upper_from_stopped_kl, Level};
/// assert!((coverage_upper_from_stopped_kl(0.1, Level::from_log_n(3.0)?).unwrap() - 0.1).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Lemma D.10")]
pub fn coverage_upper_from_stopped_kl(stopped_kl: f64, level: Level) -> Option<f64> {
    let applies = level.log_n() > 1.0 && (0.0..=level.log_n()).contains(&stopped_kl);
    applies.then(|| (2.0 / (level.log_n() - 1.0) * stopped_kl).min(1.0))
}

/// Lower bound `Cov_N >= P_p( sum_h H2_h >= log(N/delta) ) - delta`, cut off at 0 (Lemma D.11).
///
/// `share`: the probability under p that the next-token squared Hellinger distances of a sequence sum to `log(N/delta)` or more. `None` unless both are shares and delta > 0.
///
/// ```
/// assert_eq!(breadth_stats::bound::coverage_lower_from_hellinger(0.5, 0.125), Some(0.375));
/// ```
#[doc(alias = "Lemma D.11")]
pub fn coverage_lower_from_hellinger(share: f64, delta: f64) -> Option<f64> {
    (are_shares(&[share, delta]) && delta > 0.0).then(|| (share - delta).max(0.0))
}

/// The truncation weights of distillation (Eq 25, Lemma I.4): with `kls` the next-token KLs a_h >= 0 (nats) and `budget` A = log N, 1 while the running sum
/// including h stays within A, 0 once the sum before h exceeds A, and `(A - sum before) / a_h` at the crossing; so that `sum_h alpha_h a_h = min(A, sum_h a_h)`.
///
/// `None` if any number is negative or not a number.
///
/// ```
/// let alpha = breadth_stats::bound::truncation_weights(&[0.3, 0.9, 0.1, 2.0, 0.5], 8_f64.ln()).unwrap();
/// assert_eq!(alpha[..3], [1.0; 3]);
/// assert!((alpha[3] - 0.389721).abs() < 1e-6);
/// assert_eq!(alpha[4], 0.0);
/// ```
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
