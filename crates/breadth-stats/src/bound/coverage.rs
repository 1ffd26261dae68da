//! Between coverage profiles.

use super::are_shares;
use crate::log_ratio::Level;

/// Chain rule: upper bound `Cov_{M1}(t||q) <= M2 Cov_{M1/M2}(p||q) + Cov_{M2}(t||p)`, cut off at 1 (Prop D.5), for a target t other than the data.
///
/// `cov_q`: `Cov_{M1/M2}(p||q)`; `cov_p`: `Cov_{M2}(t||p)`. `None` if either is no share.
///
/// ```
/// use breadth_stats::{bound::coverage_upper_chain_rule, Level};
/// // p is right one time in ten: then Cov_10(t||p) = 0 at any M2 above 10, and e of coverage costs 10e.
/// assert!((coverage_upper_chain_rule(Level::from_n(10.0)?, 0.02, 0.0).unwrap() - 0.2).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Proposition D.5")]
pub fn coverage_upper_chain_rule(m2: Level, cov_q: f64, cov_p: f64) -> Option<f64> {
    let bound = if cov_q == 0.0 {
        cov_p
    } else {
        m2.n() * cov_q + cov_p
    };
    are_shares(&[cov_q, cov_p]).then(|| bound.min(1.0))
}

/// Triangle: upper bound `Cov^p_{N'N''}(q'||q) <= Cov^p_{N'}(q'||r) + Cov^p_{N''}(r||q)`, all under p, cut off at 1 (Eq 95).
///
/// `None` if either is no share.
///
/// ```
/// assert_eq!(breadth_stats::bound::coverage_upper_triangle(0.25, 0.125), Some(0.375));
/// ```
#[doc(alias = "Equation 95")]
pub fn coverage_upper_triangle(first: f64, second: f64) -> Option<f64> {
    are_shares(&[first, second]).then(|| (first + second).min(1.0))
}

/// Upper bound `Cov^p_A(q'||p) = P_p[q'/p >= A] <= 1/A` for every q' (Markov; beside Eq 95).
///
/// ```
/// use breadth_stats::{bound::coverage_upper_markov, Level};
/// assert!((coverage_upper_markov(Level::from_n(8.0)?) - 0.125).abs() < 1e-15);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
#[doc(alias = "Markov inequality")]
pub fn coverage_upper_markov(level: Level) -> f64 {
    (-level.log_n()).exp()
}

/// Upper bound `Cov^ans_N <= c/(c-1) Cov_{N/c}`, c > 1, cut off at 1 (section 7.1): of answers, whose chains of thought are summed, from that of whole responses.
///
/// `cov`: `Cov_{N/c}` of whole responses. The paper prints `Cov^ans_N <= Cov_N`, which fails: inside an answer with ratio N or more, only the
/// chains with ratio below N/c are known to carry less than 1/c of its probability. `None` if c <= 1 or `cov` is no share.
///
/// ```
/// use breadth_stats::bound::answer_coverage_upper;
/// assert_eq!(answer_coverage_upper(2.0, 0.25), Some(0.5));
/// assert_eq!(answer_coverage_upper(1.0, 0.25), None);
/// ```
#[doc(alias = "Section 7.1")]
pub fn answer_coverage_upper(c: f64, cov: f64) -> Option<f64> {
    (c > 1.0 && c.is_finite() && are_shares(&[cov])).then(|| (c / (c - 1.0) * cov).min(1.0))
}
