//! Between coverage and divergences of whole sequences (Appendix D).

use crate::log_ratio::Level;

/// Upper bound `Cov_N <= KL / (log N - 1)` for N > e, cut off at 1 (Prop 3.1). `kl` in nats.
///
/// `None` outside the domain: N <= e, or `kl` negative or NaN.
///
/// ```
/// use breadth_stats::{bound::coverage_upper_from_kl, Level};
/// assert!((coverage_upper_from_kl(0.7254164, Level::from_n(8.0)?).unwrap() - 0.672029).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Proposition 3.1")]
pub fn coverage_upper_from_kl(kl: f64, level: Level) -> Option<f64> {
    share(level.log_n() > 1.0, kl, level.log_n() - 1.0)
}

/// Upper bound `Cov_N <= KL / (log N - 1 + 1/N)` for N >= 2, cut off at 1 (Lemma D.1). `kl` in nats.
///
/// `None` outside the domain: N < 2, or `kl` negative or NaN.
///
/// ```
/// use breadth_stats::{bound::coverage_upper_from_kl_sharp, Level};
/// assert!((coverage_upper_from_kl_sharp(0.7254164, Level::from_n(8.0)?).unwrap() - 0.602284).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Lemma D.1")]
pub fn coverage_upper_from_kl_sharp(kl: f64, level: Level) -> Option<f64> {
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
/// use breadth_stats::{bound::coverage_lower_from_kl_bernoulli, Level};
/// assert!((coverage_lower_from_kl_bernoulli(0.7254164, Level::from_n(8.0)?).unwrap() - 0.441804).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Lemma D.2")]
pub fn coverage_lower_from_kl_bernoulli(kl: f64, level: Level) -> Option<f64> {
    share(
        level.n() > 1.0,
        kl,
        level.log_n() - 0.5 + 0.5 * level.n().recip(),
    )
}

/// Upper bound `KL <= C (1 + log(log(W) / C))` (Lemma D.3) from the whole profile: `c` is `C = sup_N Cov_N log N`, `log_w_max` is log W (nats),
/// `W = sup p/q`. 0 for C = 0. In nats.
///
/// `None` outside the domain: C negative, or C above log W, which no pair of distributions has, or either not finite.
///
/// ```
/// use breadth_stats::bound::kl_upper_from_profile;
/// // p = Ber(1/2), q = Ber(1/16): W = 8, C = log(8)/2, KL 0.7254164.
/// assert!((kl_upper_from_profile(0.5 * 8_f64.ln(), 8_f64.ln()).unwrap() - 1.7604003).abs() < 1e-6);
/// ```
#[doc(alias = "Lemma D.3")]
pub fn kl_upper_from_profile(c: f64, log_w_max: f64) -> Option<f64> {
    let applies = c >= 0.0 && c <= log_w_max && log_w_max.is_finite();
    applies.then(|| {
        if c == 0.0 {
            0.0
        } else {
            c * (1.0 + (log_w_max / c).ln())
        }
    })
}

/// Upper bound `Cov_N <= 2N / (sqrt N - 1)^2 * H2` for N > 1, cut off at 1 (Lemma D.4), from the squared Hellinger distance
/// `H2 = 1/2 * integral (sqrt p - sqrt q)^2`.
///
/// `None` outside the domain: N = 1, or H2 outside [0, 1].
///
/// ```
/// use breadth_stats::{bound::coverage_upper_from_hellinger, Level};
/// assert!((coverage_upper_from_hellinger(0.02, Level::from_n(16.0)?).unwrap() - 0.64 / 9.0).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Lemma D.4")]
pub fn coverage_upper_from_hellinger(hellinger_squared: f64, level: Level) -> Option<f64> {
    let applies = level.n() > 1.0 && (0.0..=1.0).contains(&hellinger_squared);
    // 2N / (sqrt N - 1)^2 = 2 / (1 - N^(-1/2))^2, also where N is past f64.
    let denominator = 0.5 * (1.0 - (-0.5 * level.log_n()).exp()).powi(2);
    share(applies, hellinger_squared, denominator)
}

/// `N = e^(KL/e)`, what sub-optimality e needs when p is constantly good, up to constants (Eq 5): exponential in the sequence length where KL grows with it.
///
/// `None` outside the domain: KL negative or infinite, e not positive.
///
/// ```
/// use breadth_stats::bound::level_from_kl;
/// assert_eq!(level_from_kl(3.0, 0.1).unwrap().log_n(), 3.0 / 0.1);
/// ```
#[doc(alias = "Equation 5")]
pub fn level_from_kl(kl: f64, suboptimality: f64) -> Option<Level> {
    (kl >= 0.0 && suboptimality > 0.0)
        .then(|| Level::from_log_n(kl / suboptimality).ok())
        .flatten()
}

/// `numerator / denominator` as a share, where the statement applies.
fn share(applies: bool, numerator: f64, denominator: f64) -> Option<f64> {
    (applies && numerator >= 0.0).then(|| (numerator / denominator).min(1.0))
}
