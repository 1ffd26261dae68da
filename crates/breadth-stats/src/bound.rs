//! The paper's inequalities between coverage and divergences, as functions named after their statements.

use crate::log_ratio::Level;

/// Upper bound `Cov_N <= KL / (log N - 1)` for N > e, cut off at 1 (Prop 3.1). `kl` in nats.
///
/// `None` outside the domain: N <= e, or `kl` negative or NaN.
///
/// ```
/// use breadth_stats::{bound::prop_3_1, Level};
/// assert!((prop_3_1(0.7254164, Level::from_n(8.0)?).unwrap() - 0.672029).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn prop_3_1(kl: f64, level: Level) -> Option<f64> {
    share(level.log_n() > 1.0, kl, level.log_n() - 1.0)
}

/// Upper bound `Cov_N <= KL / (log N - 1 + 1/N)` for N >= 2, cut off at 1 (Lemma D.1). `kl` in nats.
///
/// `None` outside the domain: N < 2, or `kl` negative or NaN.
///
/// ```
/// use breadth_stats::{bound::lemma_d_1, Level};
/// assert!((lemma_d_1(0.7254164, Level::from_n(8.0)?).unwrap() - 0.602284).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn lemma_d_1(kl: f64, level: Level) -> Option<f64> {
    share(
        level.n() >= 2.0,
        kl,
        level.log_n() - 1.0 + level.n().recip(),
    )
}

/// Lower bound `Cov_N >= KL / (log N - 1/2 + 1/(2N))` of the family p = Ber(s), q = Ber(s/N), s <= 1/2 (Lemma D.2): the upper bounds
/// are tight up to a constant. It holds for that family, not for every pair. `kl` in nats, N > 1.
///
/// `None` outside the domain: N = 1, or `kl` negative or NaN.
///
/// ```
/// use breadth_stats::{bound::lemma_d_2, Level};
/// assert!((lemma_d_2(0.7254164, Level::from_n(8.0)?).unwrap() - 0.441804).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn lemma_d_2(kl: f64, level: Level) -> Option<f64> {
    share(
        level.n() > 1.0,
        kl,
        level.log_n() - 0.5 + 0.5 * level.n().recip(),
    )
}

/// `numerator / denominator` as a share, where the statement applies.
fn share(applies: bool, numerator: f64, denominator: f64) -> Option<f64> {
    (applies && numerator >= 0.0).then(|| (numerator / denominator).min(1.0))
}
