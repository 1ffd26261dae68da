//! What a tournament guarantees.

use super::are_shares;
use crate::log_ratio::Level;
use crate::numerics::TOLERANCE;

/// Upper bound on the coverage of the tournament's winner, `Cov_{N^(1+a)}(p||winner)`.
///
/// `5 min_q Cov_{N^a}(p||q) + 4 N^-(1-a) + 32 log(4 m / delta) / n` with probability 1 - delta, at
/// most 1. `least_cov`: the smallest `Cov_{N^a}` of any candidate, or an upper limit of it;
/// `level`: N; `models`: m; `rows`: n. `None` if a or `least_cov` is outside [0, 1], delta outside
/// (0, 1), or there are no models or rows.
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::tournament_coverage_upper, Level};
/// let level = Level::from_n(256.0)?;
/// let bound = tournament_coverage_upper(0.01, level, 0.0, 20, 100_000, 0.05).unwrap();
/// assert!((bound - (0.05 + 4.0 / 256.0 + 32.0 * 1600_f64.ln() / 1e5)).abs() < 1e-12);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Thm 6.3 with the constants of App J.1.
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

/// Rate of the coverage of the offset tournament's winner: `log(m / delta) / n`, up to a constant.
///
/// It concerns `Cov_{2N^(1+a)}` and needs `N^(1-2a) >= 8` and a model within a factor `N^a` of the
/// data distribution everywhere. `models`: m; `rows`: n. `None` where the theorem does not apply
/// ([`offset_applies`]), and as in [`tournament_coverage_upper`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::offset_tournament_coverage_rate, Level};
/// let rate = offset_tournament_coverage_rate(Level::from_n(64.0)?, 0.2, 20, 1000, 0.05).unwrap();
/// assert!((rate - 400_f64.ln() / 1e3).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Thm 6.4.
#[doc(alias = "Theorem 6.4")]
pub fn offset_tournament_coverage_rate(
    level: Level,
    a: f64,
    models: usize,
    rows: usize,
    delta: f64,
) -> Option<f64> {
    let valid = are_shares(&[a]) && models > 0 && rows > 0 && delta > 0.0 && delta < 1.0;
    (valid && offset_applies(level, a)).then(|| (models as f64 / delta).ln() / rows as f64)
}

/// The least `N^(1-2a)` for which Thm 6.4 holds.
pub const OFFSET_LEAST: f64 = 8.0;

/// The largest a with `N^(1-2a) >= 8`, at least 0.
///
/// `a = (1 - log 8 / log N) / 2`: the weakest assumption on the best model under which Thm 6.4
/// holds at this N.
///
/// # Examples
///
/// ```
/// use breadth_stats::{offset_parameter, Level};
/// assert!((offset_parameter(Level::from_n(64.0)?) - 0.25).abs() < 1e-15);
/// assert_eq!(offset_parameter(Level::from_n(4.0)?), 0.0); // N is too small for any a
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Thm 6.4.
#[doc(alias = "Theorem 6.4")]
pub fn offset_parameter(level: Level) -> f64 {
    if level.log_n() <= OFFSET_LEAST.ln() {
        return 0.0;
    }
    0.5 * (1.0 - OFFSET_LEAST.ln() / level.log_n())
}

/// Whether `N^(1-2a) >= 8`, which Thm 6.4 needs.
///
/// # Examples
///
/// ```
/// use breadth_stats::{offset_applies, Level};
/// let level = Level::from_n(8.0)?;
/// assert!(offset_applies(level, 0.0) && !offset_applies(level, 0.1));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Thm 6.4.
#[doc(alias = "Theorem 6.4")]
pub fn offset_applies(level: Level, a: f64) -> bool {
    (1.0 - 2.0 * a) * level.log_n() >= OFFSET_LEAST.ln() - TOLERANCE
}
