//! Coverage is sufficient and necessary for Best-of-N.

use super::are_shares;
use crate::log_ratio::Level;

/// Upper bound on the regret of Best-of-n: `Cov_M(t||q) + e^(-n/(2M))`, at most 1.
///
/// It holds for every reward in [0, 1] and every comparator t. `n`: number of samples drawn from
/// q; `m`: the level M; `cov`: `Cov_M(t||q)`, a probability. `None` unless `cov <= 1/2` and n > 0.
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::best_of_n_regret_upper, Level};
/// let regret = best_of_n_regret_upper(64.0, Level::from_n(8.0)?, 0.05).unwrap();
/// assert!((regret - (0.05 + (-4.0_f64).exp())).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Prop D.6.
#[doc(alias = "Proposition D.6")]
pub fn best_of_n_regret_upper(n: f64, m: Level, cov: f64) -> Option<f64> {
    let applies = n > 0.0 && (0.0..=0.5).contains(&cov);
    applies.then(|| (cov + (-0.5 * n / m.n()).exp()).min(1.0))
}

/// Number of samples with which Best-of-N has regret at most `Cov_M + e`: `N = 2 M log(1/e)`.
///
/// `m`: the level M; `e`: the regret allowed beside the coverage, in units of reward. Round the
/// result up. `None` unless e is in (0, 1].
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::best_of_n_samples, Level};
/// assert!((best_of_n_samples(Level::from_n(8.0)?, 0.01).unwrap() - 73.682723).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Prop D.6.
#[doc(alias = "Proposition D.6")]
pub fn best_of_n_samples(m: Level, e: f64) -> Option<f64> {
    (e > 0.0 && e <= 1.0).then(|| 2.0 * m.n() * -e.ln())
}

/// Lower bound on the regret of Best-of-n for some 0/1 reward: `Cov_{2n}(t||q) / 2`.
///
/// The reward is 1 where `t/q >= 2n`. `n`: number of samples; `cov`: `Cov_{2n}(t||q)`, a
/// probability. `None` unless n >= 2 and `cov` is in [0, 1].
///
/// # Examples
///
/// ```
/// assert_eq!(breadth_stats::bound::best_of_n_regret_lower(8.0, 0.25), Some(0.125));
/// ```
///
/// # Source
///
/// Prop D.7.
#[doc(alias = "Proposition D.7")]
pub fn best_of_n_regret_lower(n: f64, cov: f64) -> Option<f64> {
    (n >= 2.0 && are_shares(&[cov])).then_some(0.5 * cov)
}
