//! What maximum likelihood attains (sections 3 and 4, Appendix E).

use crate::finite;
use crate::log_ratio::Level;

/// KL (nats) of the maximum likelihood estimate in the construction of Prop 3.2.
///
/// Exactly `H / (2n) KL(Ber(s) || Ber(1/2))`, `s = 1/(1+e^-2)`, about `0.1639 H/n`: the estimate is
/// theta = 0 where the truth is 1. `n`: number of responses; `horizon`: H, tokens of a response.
/// The paper prints `H/(4n)`, which its construction does not give. `None` if n or H is 0.
///
/// # Examples
///
/// ```
/// use breadth_stats::bound::mle_kl_lower;
/// assert!((mle_kl_lower(100, 8).unwrap() - 0.0131125).abs() < 1e-7);
/// assert!((mle_kl_lower(100, 24).unwrap() - 0.0393376).abs() < 1e-7);
/// ```
///
/// # Source
///
/// Prop 3.2, corrected.
#[doc(alias = "Proposition 3.2")]
pub fn mle_kl_lower(n: u64, horizon: u64) -> Option<f64> {
    let s = 1.0 / (1.0 + (-2.0_f64).exp());
    let kl = finite::kl(&[s, 1.0 - s], &[0.5, 0.5]).ok()?;
    (n > 0 && horizon > 0).then(|| 0.5 * horizon as f64 / n as f64 * kl)
}

/// Rate of the coverage of maximum likelihood over any class, from its covering numbers.
///
/// `inf_e { log Ninf(e)/n + e } / log N + (log Ninf(c log N) + log(1/delta)) / n`, up to a
/// constant, for N >= 8. `fine`: pairs of a scale e and the log of the covering number there, over
/// which the infimum is taken; `coarse`: the log of the covering number at the scale c log N; `n`:
/// number of responses. `None` if N < 8, `fine` is empty, n = 0, or delta is outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::mle_coverage_covering_rate, Level};
/// let fine = [(0.1, 3.0), (0.01, 5.0)];
/// let rate = mle_coverage_covering_rate(Level::from_n(8.0)?, &fine, 1.0, 0.05, 100).unwrap();
/// let expected = (0.01 + 0.05) / 8_f64.ln() + (1.0 + 20_f64.ln()) / 100.0;
/// assert!((rate - expected).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Thm 4.1.
#[doc(alias = "Theorem 4.1")]
pub fn mle_coverage_covering_rate(
    level: Level,
    fine: &[(f64, f64)],
    coarse: f64,
    delta: f64,
    n: u64,
) -> Option<f64> {
    let n = n as f64;
    let least = fine
        .iter()
        .map(|(e, log_cover)| log_cover / n + e)
        .fold(f64::INFINITY, f64::min);
    let applies = level.n() >= 8.0 && n > 0.0 && least.is_finite() && delta > 0.0 && delta < 1.0;
    applies.then(|| least / level.log_n() + (coarse - delta.ln()) / n)
}

/// Rate of the coverage of maximum likelihood over a class of finite dimension.
///
/// `( d ([log(C/log N)]_+ + log(C n)/log N) + log(1/delta) ) / n`, up to a constant, where
/// `log Ninf(a) <= d log(C/a)`. `d`, `c`: the dimension and C; `n`: number of responses. `None` if
/// N < 8, d or C is not positive, n = 0, or delta is outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::mle_coverage_parametric_rate, Level};
/// let level = Level::from_log_n(4.0)?;
/// let rate = mle_coverage_parametric_rate(level, 2.0, 8.0, 0.5, 100).unwrap();
/// let expected = (2.0 * (2_f64.ln() + 800_f64.ln() / 4.0) + 2_f64.ln()) / 100.0;
/// assert!((rate - expected).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Cor 4.1.
#[doc(alias = "Corollary 4.1")]
pub fn mle_coverage_parametric_rate(
    level: Level,
    d: f64,
    c: f64,
    delta: f64,
    n: u64,
) -> Option<f64> {
    let applies = level.n() >= 8.0 && d > 0.0 && c > 0.0 && n > 0 && delta > 0.0 && delta < 1.0;
    let (n, log_n) = (n as f64, level.log_n());
    applies.then(|| (d * ((c / log_n).ln().max(0.0) + (c * n).ln() / log_n) - delta.ln()) / n)
}

/// Rate of the coverage of maximum likelihood over autoregressive linear models.
///
/// [`mle_coverage_parametric_rate`] with C = B H. `d`: dimension; `b`: bound B on the norm of the
/// features; `horizon`: H, tokens of a response. `None` as there.
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::{mle_coverage_linear_rate, mle_coverage_parametric_rate}, Level};
/// let level = Level::from_n(16.0)?;
/// let linear = mle_coverage_linear_rate(level, 3.0, 2.0, 10.0, 0.1, 50);
/// assert_eq!(linear, mle_coverage_parametric_rate(level, 3.0, 20.0, 0.1, 50));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Cor 4.2.
#[doc(alias = "Corollary 4.2")]
pub fn mle_coverage_linear_rate(
    level: Level,
    d: f64,
    b: f64,
    horizon: f64,
    delta: f64,
    n: u64,
) -> Option<f64> {
    mle_coverage_parametric_rate(level, d, b * horizon, delta, n)
}

/// Rate of the coverage of maximum likelihood over linear models of any dimension.
///
/// `sqrt(s2 / (n log N)) + B^2 / n`, up to a constant: neither the dimension nor the sequence
/// length enters. `inherent_variance`: s2; `b`: bound B on the norm of the features. `None` if
/// N = 1, s2 or B is negative, or n = 0.
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::mle_coverage_overparameterised_rate, Level};
/// let level = Level::from_log_n(4.0)?;
/// let rate = mle_coverage_overparameterised_rate(level, 1.0, 2.0, 100).unwrap();
/// assert!((rate - 0.09).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Thm 4.2.
#[doc(alias = "Theorem 4.2")]
#[doc(alias = "overparameterized")]
pub fn mle_coverage_overparameterised_rate(
    level: Level,
    inherent_variance: f64,
    b: f64,
    n: u64,
) -> Option<f64> {
    let applies = level.log_n() > 0.0 && inherent_variance >= 0.0 && b >= 0.0 && n > 0;
    let n = n as f64;
    applies.then(|| (inherent_variance / (n * level.log_n())).sqrt() + b * b / n)
}

/// Lower bound on the coverage of maximum likelihood over d outcomes: `(d-1) / (10 n)`.
///
/// It holds with probability at least 1/2, for all `log N <= b`, where `p(1) = 4n/(d-1+4n)` and
/// the d - 1 other outcomes have `1/(d-1+4n)` each. `n`: number of responses. `None` if d < 2,
/// n < d, `b < log(5n)`, or log N > b.
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::mle_coverage_lower, Level};
/// assert_eq!(mle_coverage_lower(Level::from_n(16.0)?, 11, 100, 7.0), Some(0.01));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Prop 4.1 (a).
#[doc(alias = "Proposition 4.1")]
pub fn mle_coverage_lower(level: Level, d: u64, n: u64, b: f64) -> Option<f64> {
    let applies = d >= 2 && n >= d && b >= (5.0 * n as f64).ln() && level.log_n() <= b;
    applies.then(|| (d - 1) as f64 / (10.0 * n as f64))
}

/// Rate of a lower bound on the coverage of maximum likelihood: `d / (n log N)`, up to a constant.
///
/// It holds with probability at least 0.1. `d`: dimension; `n`: number of responses. `None` if
/// N = 1, d = 0, or n = 0.
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::mle_coverage_lower_rate, Level};
/// assert_eq!(mle_coverage_lower_rate(Level::from_log_n(4.0)?, 10, 100), Some(0.025));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Prop 4.1 (b).
#[doc(alias = "Proposition 4.1")]
pub fn mle_coverage_lower_rate(level: Level, d: u64, n: u64) -> Option<f64> {
    (level.log_n() > 0.0 && d > 0 && n > 0).then(|| d as f64 / (n as f64 * level.log_n()))
}

/// The factor by which a convex class improves the fine term of Thm 4.1: `1 / N^(1-2c)`.
///
/// It takes the place of `1 / log N`, up to a constant. `None` unless c is in [0, 1/2).
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::mle_convex_class_rate, Level};
/// assert!((mle_convex_class_rate(Level::from_n(16.0)?, 0.25).unwrap() - 0.25).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Thm E.1.
#[doc(alias = "Theorem E.1")]
pub fn mle_convex_class_rate(level: Level, c: f64) -> Option<f64> {
    (0.0..0.5)
        .contains(&c)
        .then(|| (-(1.0 - 2.0 * c) * level.log_n()).exp())
}

/// Lower bound on the coverage of maximum likelihood over a class that is not convex.
///
/// Returns `(mu, mu / 2)` with `mu = alpha^2 / (32 log M)`: the share of the prompts at which
/// maximum likelihood gives up, and the coverage `Cov_M` of the model that it then chooses with
/// probability at least 1/4, though another has coverage 0. `level`: M. The paper's text and proof
/// disagree; these are the values that the last step of the proof needs. `None` if M = 1, or alpha
/// is outside (0, 1].
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::mle_coverage_lower_nonconvex, Level};
/// let found = mle_coverage_lower_nonconvex(Level::from_log_n(2.0)?, 0.5);
/// assert_eq!(found, Some((0.00390625, 0.001953125)));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Prop E.1.
#[doc(alias = "Proposition E.1")]
pub fn mle_coverage_lower_nonconvex(level: Level, alpha: f64) -> Option<(f64, f64)> {
    let applies = level.log_n() > 0.0 && alpha > 0.0 && alpha <= 1.0;
    let share = alpha * alpha / (32.0 * level.log_n());
    applies.then_some((share, 0.5 * share))
}
