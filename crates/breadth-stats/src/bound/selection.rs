//! What a tournament guarantees.

use super::are_shares;
use crate::log_ratio::Level;

/// Upper bound on `Cov_{N^(1+a)}` of the tournament's winner: `5 min_q Cov_{N^a}(q) + 4 N^-(1-a) + 32 log(4 m / delta) / n`, with probability 1 - delta, cut off at 1
/// (Thm 6.3 with the constants of App J.1, m models, n rows).
///
/// `least_cov`: the smallest `Cov_{N^a}` of any candidate, or an upper limit of it. `None` outside the domain: a outside [0, 1], no models or rows, delta
/// outside (0, 1), `least_cov` no share.
///
/// ```
/// use breadth_stats::{bound::tournament_coverage_upper, Level};
/// let bound = tournament_coverage_upper(0.01, Level::from_n(256.0)?, 0.0, 20, 100_000, 0.05).unwrap();
/// assert!((bound - (0.05 + 4.0 / 256.0 + 32.0 * 1600_f64.ln() / 1e5)).abs() < 1e-12);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Theorem 6.3")]
pub fn tournament_coverage_upper(
    least_cov: f64,
    level: Level,
    a: f64,
    models: usize,
    rows: usize,
    delta: f64,
) -> Option<f64> {
    let applies =
        are_shares(&[a, least_cov]) && models > 0 && rows > 0 && delta > 0.0 && delta < 1.0;
    let own = 5.0 * least_cov;
    let markov = 4.0 * (-(1.0 - a) * level.log_n()).exp();
    let sampling = 32.0 * (4.0 * models as f64 / delta).ln() / rows as f64;
    applies.then(|| (own + markov + sampling).min(1.0))
}

/// The rate `log(m / delta) / n` of `Cov_{2N^(1+a)}` of the offset tournament's winner, up to a constant (Thm 6.4), if `N^(1-2a) >= 8` and some model is within N^a
/// of the truth everywhere.
///
/// `None` where the theorem says nothing ([`crate::offset_applies`]), and outside the domain as in [`tournament_coverage_upper`].
///
/// ```
/// use breadth_stats::{bound::offset_tournament_coverage_rate, Level};
/// assert!((offset_tournament_coverage_rate(Level::from_n(64.0)?, 0.2, 20, 1000, 0.05).unwrap() - 400_f64.ln() / 1e3).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Theorem 6.4")]
pub fn offset_tournament_coverage_rate(
    level: Level,
    a: f64,
    models: usize,
    rows: usize,
    delta: f64,
) -> Option<f64> {
    let valid = are_shares(&[a]) && models > 0 && rows > 0 && delta > 0.0 && delta < 1.0;
    (valid && crate::offset_applies(level, a)).then(|| (models as f64 / delta).ln() / rows as f64)
}
