//! Exact quantities of two distributions on the same finite set.
//!
//! `p` and `q` are probabilities in the same order; they are taken as given, so weights of another sum scale the results.

use crate::log_ratio::{Level, is_uncovered};
use crate::numerics::sum;

/// `Cov_N(p||q) = P_p[p/q >= N]`, by the rule of [`is_uncovered`].
///
/// ```
/// use breadth_stats::{finite, Level};
/// assert_eq!(finite::coverage(&[0.5, 0.5], &[0.9375, 0.0625], Level::from_n(8.0)?), 0.5);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// Source: Def 1.1.
pub fn coverage(p: &[f64], q: &[f64], level: Level) -> f64 {
    let uncovered = p
        .iter()
        .zip(q)
        .filter(|&(p, q)| is_uncovered(p.ln(), q.ln(), level));
    sum(uncovered.map(|(p, _)| *p))
}

/// `KL(p||q) = sum p log(p/q)` in nats; `inf` where q = 0 < p.
///
/// ```
/// let kl = breadth_stats::finite::kl(&[0.5, 0.5], &[0.9375, 0.0625]);
/// assert!((kl - 0.7254164).abs() < 1e-7);
/// ```
pub fn kl(p: &[f64], q: &[f64]) -> f64 {
    let cells = p.iter().zip(q).filter(|(p, _)| **p > 0.0);
    sum(cells.map(|(p, q)| p * (p / q).ln()))
}

/// The squared Hellinger distance `1/2 sum (sqrt p - sqrt q)^2`, in [0, 1].
///
/// ```
/// let h2 = breadth_stats::finite::hellinger_squared(&[1.0, 0.0], &[0.25, 0.75]);
/// assert!((h2 - 0.5).abs() < 1e-15);
/// ```
pub fn hellinger_squared(p: &[f64], q: &[f64]) -> f64 {
    0.5 * sum(p.iter().zip(q).map(|(p, q)| (p.sqrt() - q.sqrt()).powi(2)))
}
