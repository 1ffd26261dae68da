//! Between coverage profiles.

use super::are_shares;
use crate::log_ratio::Level;

/// Upper bound on the coverage of another target t: `M2 Cov_{M1/M2}(p||q) + Cov_{M2}(t||p)`.
///
/// The chain rule: it bounds `Cov_{M1}(t||q)`, for a target t other than the data distribution p,
/// and is at most 1. `m2`: the level M2; `cov_q`: `Cov_{M1/M2}(p||q)`; `cov_p`: `Cov_{M2}(t||p)`,
/// both probabilities. `None` if either is outside [0, 1].
///
/// # Examples
///
/// ```
/// use breadth_stats::{Level, bound::coverage_upper_chain_rule};
/// // p is right one time in ten: then Cov_M(t||p) = 0 at any M above 10, and e of coverage costs 10e.
/// let bound = coverage_upper_chain_rule(Level::from_n(10.0)?, 0.02, 0.0).unwrap();
/// assert!((bound - 0.2).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Prop D.5.
#[doc(alias = "Proposition D.5")]
pub fn coverage_upper_chain_rule(m2: Level, cov_q: f64, cov_p: f64) -> Option<f64> {
    let bound = if cov_q == 0.0 {
        cov_p
    } else {
        m2.n() * cov_q + cov_p
    };
    are_shares(&[cov_q, cov_p]).then(|| bound.min(1.0))
}

/// Upper bound on coverage through a third model r: `Cov^p_{N'}(q'||r) + Cov^p_{N''}(r||q)`.
///
/// The triangle inequality: it bounds `Cov^p_{N'N''}(q'||q)`, all probabilities being under p, and
/// is at most 1. `first`, `second`: the two terms. `None` if either is outside [0, 1].
///
/// # Examples
///
/// ```
/// assert_eq!(breadth_stats::bound::coverage_upper_triangle(0.25, 0.125), Some(0.375));
/// ```
///
/// # Source
///
/// Eq 95.
#[doc(alias = "Equation 95")]
pub fn coverage_upper_triangle(first: f64, second: f64) -> Option<f64> {
    are_shares(&[first, second]).then(|| (first + second).min(1.0))
}

/// Upper bound on how often any model q' exceeds the data distribution: `P_p[q'/p >= A] <= 1/A`.
///
/// Markov's inequality, for every q'. `level`: A.
///
/// # Examples
///
/// ```
/// use breadth_stats::{bound::coverage_upper_markov, Level};
/// assert!((coverage_upper_markov(Level::from_n(8.0)?) - 0.125).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Beside Eq 95.
#[doc(alias = "Markov inequality")]
pub fn coverage_upper_markov(level: Level) -> f64 {
    (-level.log_n()).exp()
}

/// Upper bound on the coverage of final answers: `Cov^ans_N <= c/(c-1) Cov_{N/c}`, at most 1.
///
/// An answer's probability is the sum over the chains of thought that end in it. `c`: any number
/// above 1; `cov`: `Cov_{N/c}` of whole responses. The paper prints `Cov^ans_N <= Cov_N`, which
/// fails: inside an answer with ratio N or more, only the chains with ratio below N/c are known to
/// carry less than 1/c of its probability. `None` if c <= 1 or `cov` is outside [0, 1].
///
/// # Examples
///
/// ```
/// use breadth_stats::bound::answer_coverage_upper;
/// assert_eq!(answer_coverage_upper(2.0, 0.25), Some(0.5));
/// assert_eq!(answer_coverage_upper(1.0, 0.25), None);
/// ```
///
/// # Source
///
/// Section 7.1, corrected.
#[doc(alias = "Section 7.1")]
pub fn answer_coverage_upper(c: f64, cov: f64) -> Option<f64> {
    (c > 1.0 && c.is_finite() && are_shares(&[cov])).then(|| (c / (c - 1.0) * cov).min(1.0))
}
