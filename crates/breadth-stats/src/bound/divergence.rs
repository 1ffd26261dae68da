//! Between coverage and divergences of whole sequences (Appendix D).

use crate::log_ratio::Level;

/// Upper bound on coverage from the KL: `Cov_N <= KL / (log N - 1)`, at most 1.
///
/// `kl`: `KL(p||q)` of whole responses, in nats; `level`: N > e. `None` if N <= e, or `kl` is
/// negative or NaN. [`coverage_upper_from_kl_sharp`] is never larger.
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::coverage_upper_from_kl, Level};
/// let cov = coverage_upper_from_kl(0.7254164, Level::from_n(8.0)?).unwrap();
/// assert!((cov - 0.672029).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Prop 3.1.
#[doc(alias = "Proposition 3.1")]
pub fn coverage_upper_from_kl(kl: f64, level: Level) -> Option<f64> {
    share(level.log_n() > 1.0, kl, level.log_n() - 1.0)
}

/// Upper bound on coverage from the KL: `Cov_N <= KL / (log N - 1 + 1/N)`, at most 1.
///
/// `kl`: `KL(p||q)` of whole responses, in nats; `level`: N >= 2. `None` if N < 2, or `kl` is
/// negative or NaN.
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::coverage_upper_from_kl_sharp, Level};
/// let cov = coverage_upper_from_kl_sharp(0.7254164, Level::from_n(8.0)?).unwrap();
/// assert!((cov - 0.602284).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Lemma D.1.
#[doc(alias = "Lemma D.1")]
pub fn coverage_upper_from_kl_sharp(kl: f64, level: Level) -> Option<f64> {
    share(
        level.n() >= 2.0,
        kl,
        level.log_n() - 1.0 + level.n().recip(),
    )
}

/// Lower bound on coverage for one Bernoulli family: `Cov_N >= KL / (log N - 1/2 + 1/(2N))`.
///
/// It holds for p = Ber(s), q = Ber(s/N), s <= 1/2, not for every pair, and shows that the upper
/// bounds are tight up to a constant. `kl`: `KL(p||q)` in nats; `level`: N > 1. `None` if N = 1,
/// or `kl` is negative or NaN.
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::coverage_lower_from_kl_bernoulli, Level};
/// let cov = coverage_lower_from_kl_bernoulli(0.7254164, Level::from_n(8.0)?).unwrap();
/// assert!((cov - 0.441804).abs() < 1e-6);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Lemma D.2.
#[doc(alias = "Lemma D.2")]
pub fn coverage_lower_from_kl_bernoulli(kl: f64, level: Level) -> Option<f64> {
    share(
        level.n() > 1.0,
        kl,
        level.log_n() - 0.5 + 0.5 * level.n().recip(),
    )
}

/// Upper bound on the KL from the whole coverage profile: `KL <= C (1 + log(log(W) / C))`, in nats.
///
/// `c`: `C = sup_N Cov_N log N`, in nats; `log_w_max`: log W in nats, `W = sup p/q`. 0 for C = 0.
/// `None` if C is negative, above log W (which no pair of distributions has), or either is not
/// finite.
///
/// # Examples
///
/// ```
/// use breadth_stats::bound::kl_upper_from_profile;
/// // p = Ber(1/2), q = Ber(1/16): W = 8, C = log(8)/2, KL 0.7254164.
/// let kl = kl_upper_from_profile(0.5 * 8_f64.ln(), 8_f64.ln()).unwrap();
/// assert!((kl - 1.7604003).abs() < 1e-6);
/// ```
///
/// # Source
///
/// Lemma D.3.
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

/// Upper bound on coverage from the Hellinger distance: `Cov_N <= 2N / (sqrt N - 1)^2 * H2`, at
/// most 1.
///
/// `hellinger_squared`: `H2 = 1/2 * integral (sqrt p - sqrt q)^2`, in [0, 1]; `level`: N > 1.
/// `None` if N = 1, or H2 is outside [0, 1].
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::coverage_upper_from_hellinger, Level};
/// let cov = coverage_upper_from_hellinger(0.02, Level::from_n(16.0)?).unwrap();
/// assert!((cov - 0.64 / 9.0).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Lemma D.4.
#[doc(alias = "Lemma D.4")]
pub fn coverage_upper_from_hellinger(hellinger_squared: f64, level: Level) -> Option<f64> {
    let applies = level.n() > 1.0 && (0.0..=1.0).contains(&hellinger_squared);
    // 2N / (sqrt N - 1)^2 = 2 / (1 - N^(-1/2))^2, also where N is past f64.
    let denominator = 0.5 * (1.0 - (-0.5 * level.log_n()).exp()).powi(2);
    share(applies, hellinger_squared, denominator)
}

/// The number of samples that a KL asks for: `N = e^(KL/e)`, up to constants.
///
/// It is what suboptimality e needs where p is good on every prompt, and exponential in the
/// sequence length where the KL grows with it. `kl`: nats; `suboptimality`: e, in units of reward.
/// `None` if the KL is negative or infinite, or e is not positive.
///
/// # Examples
///
/// ```
/// use breadth_stats::bound::level_from_kl;
/// assert_eq!(level_from_kl(3.0, 0.1).unwrap().log_n(), 3.0 / 0.1);
/// ```
///
/// # Source
///
/// Eq 5.
#[doc(alias = "Equation 5")]
pub fn level_from_kl(kl: f64, suboptimality: f64) -> Option<Level> {
    (kl >= 0.0 && suboptimality > 0.0)
        .then(|| Level::from_log_n(kl / suboptimality).ok())
        .flatten()
}

/// `numerator / denominator`, at most 1, where the statement applies.
fn share(applies: bool, numerator: f64, denominator: f64) -> Option<f64> {
    (applies && numerator >= 0.0).then(|| (numerator / denominator).min(1.0))
}
