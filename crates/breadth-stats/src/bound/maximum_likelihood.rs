//! What maximum likelihood reaches (sections 3 and 4, Appendix E).

use crate::log_ratio::Level;

/// The KL (nats) that the construction of Prop 3.2 forces upon the estimate theta = 0 when the truth is 1, exactly: `H / (2n) KL(Ber(1/(1+e^-2)) || Ber(1/2))`, `= 0.1639 H/n`.
///
/// The paper prints `H/(4n)`, which its construction does not give. `None` without data or steps.
///
/// ```
/// assert!((breadth_stats::bound::mle_kl_lower(100, 8).unwrap() - 0.0131125).abs() < 1e-7);
/// assert!((breadth_stats::bound::mle_kl_lower(100, 24).unwrap() - 0.0393376).abs() < 1e-7);
/// ```
#[doc(alias = "Proposition 3.2")]
pub fn mle_kl_lower(n: u64, horizon: u64) -> Option<f64> {
    let s = 1.0 / (1.0 + (-2.0_f64).exp());
    let kl = s * (2.0 * s).ln() + (1.0 - s) * (2.0 * (1.0 - s)).ln();
    (n > 0 && horizon > 0).then(|| 0.5 * horizon as f64 / n as f64 * kl)
}

/// Thm 4.1 for N >= 8, up to a constant: `inf_e { log Ninf(e)/n + e } / log N + (log Ninf(c log N) + log(1/delta)) / n`.
///
/// `fine`: pairs of a scale e and the log of the covering number there, over which the infimum is taken; `coarse`: the log of the covering
/// number at the scale c log N. `None` outside the domain: N < 8, nothing in `fine`, n = 0, delta outside (0, 1).
///
/// ```
/// use breadth_stats::{bound::mle_coverage_covering_rate, Level};
/// let rate = mle_coverage_covering_rate(Level::from_n(8.0)?, &[(0.1, 3.0), (0.01, 5.0)], 1.0, 0.05, 100).unwrap();
/// assert!((rate - ((0.01 + 0.05) / 8_f64.ln() + (1.0 + 20_f64.ln()) / 100.0)).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
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

/// Cor 4.1 for a class with `log Ninf(a) <= d log(C/a)`, up to a constant: `( d ([log(C/log N)]_+ + log(C n)/log N) + log(1/delta) ) / n`.
///
/// `None` outside the domain: N < 8, d or C not positive, n = 0, delta outside (0, 1).
///
/// ```
/// use breadth_stats::{bound::mle_coverage_parametric_rate, Level};
/// let rate = mle_coverage_parametric_rate(Level::from_log_n(4.0)?, 2.0, 8.0, 0.5, 100).unwrap();
/// assert!((rate - (2.0 * (2_f64.ln() + 800_f64.ln() / 4.0) + 2_f64.ln()) / 100.0).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
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

/// Cor 4.2, autoregressive linear models of dimension d with features of norm B over H steps: [`mle_coverage_parametric_rate`] with C = B H.
///
/// ```
/// use breadth_stats::{bound::{mle_coverage_parametric_rate, mle_coverage_linear_rate}, Level};
/// let level = Level::from_n(16.0)?;
/// assert_eq!(mle_coverage_linear_rate(level, 3.0, 2.0, 10.0, 0.1, 50), mle_coverage_parametric_rate(level, 3.0, 20.0, 0.1, 50));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
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

/// Thm 4.2, overparameterised autoregressive linear models, up to a constant: `sqrt(s2 / (n log N)) + B^2 / n`, s2 the inherent variance. No sequence length.
///
/// `None` outside the domain: N = 1, s2 or B negative, n = 0.
///
/// ```
/// use breadth_stats::{bound::mle_coverage_overparameterised_rate, Level};
/// assert!((mle_coverage_overparameterised_rate(Level::from_log_n(4.0)?, 1.0, 2.0, 100).unwrap() - 0.09).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
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

/// Prop 4.1 (a): the lower bound `(d-1) / (10 n)` of the MLE's Cov_N with probability at least 1/2, for all `log N <= b`, in the construction with
/// `p(1) = 4n/(d-1+4n)` and the d - 1 others `1/(d-1+4n)` each.
///
/// `None` outside the domain: d < 2, n < d, `b < log(5n)`, log N > b.
///
/// ```
/// use breadth_stats::{bound::mle_coverage_lower, Level};
/// assert_eq!(mle_coverage_lower(Level::from_n(16.0)?, 11, 100, 7.0), Some(0.01));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Proposition 4.1")]
pub fn mle_coverage_lower(level: Level, d: u64, n: u64, b: f64) -> Option<f64> {
    let applies = d >= 2 && n >= d && b >= (5.0 * n as f64).ln() && level.log_n() <= b;
    applies.then(|| (d - 1) as f64 / (10.0 * n as f64))
}

/// Prop 4.1 (b): the lower bound `d / (n log N)`, up to a constant, of the MLE's Cov_N with probability at least 0.1.
///
/// `None` outside the domain: N = 1, d = 0, n = 0.
///
/// ```
/// use breadth_stats::{bound::mle_coverage_lower_rate, Level};
/// assert_eq!(mle_coverage_lower_rate(Level::from_log_n(4.0)?, 10, 100), Some(0.025));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Proposition 4.1")]
pub fn mle_coverage_lower_rate(level: Level, d: u64, n: u64) -> Option<f64> {
    (level.log_n() > 0.0 && d > 0 && n > 0).then(|| d as f64 / (n as f64 * level.log_n()))
}

/// Thm E.1: the factor `1 / N^(1-2c)` by which the fine term shrinks for convex classes, in place of `1 / log N`; up to a constant, c in [0, 1/2).
///
/// ```
/// use breadth_stats::{bound::mle_convex_class_rate, Level};
/// assert!((mle_convex_class_rate(Level::from_n(16.0)?, 0.25).unwrap() - 0.25).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Theorem E.1")]
pub fn mle_convex_class_rate(level: Level, c: f64) -> Option<f64> {
    (0.0..0.5)
        .contains(&c)
        .then(|| (-(1.0 - 2.0 * c) * level.log_n()).exp())
}

/// Prop E.1: the share `mu(-) = alpha^2 / (32 log M)` of the prompts at which maximum likelihood over a class that is not convex gives up, and the coverage
/// `Cov_M = mu(-) / 2` of the model that it then takes with probability at least 1/4, though another has coverage 0.
///
/// The paper's text and proof disagree in print; these are the values that its last step needs. `None` outside the domain: M = 1, alpha
/// outside (0, 1].
///
/// ```
/// use breadth_stats::{bound::mle_coverage_lower_nonconvex, Level};
/// assert_eq!(mle_coverage_lower_nonconvex(Level::from_log_n(2.0)?, 0.5), Some((0.00390625, 0.001953125)));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Proposition E.1")]
pub fn mle_coverage_lower_nonconvex(level: Level, alpha: f64) -> Option<(f64, f64)> {
    let applies = level.log_n() > 0.0 && alpha > 0.0 && alpha <= 1.0;
    let share = alpha * alpha / (32.0 * level.log_n());
    applies.then_some((share, 0.5 * share))
}
