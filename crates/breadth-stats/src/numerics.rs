//! Tolerances and sums, with their policy.
//!
//! A tolerance on which a result depends stands here, with its reason. Where an iteration stops, and
//! what only decides by which way the same number is computed, is said where it is done.

use crate::error::{Error, Result};

/// Tolerance of the comparison `log p - log q >= log N - TOLERANCE`, in nats.
///
/// Sums of log-probabilities miss exact powers by a few units in the last place (`10 * ln 2`
/// against `ln 1024`); 1e-9 is far above that and far below any difference that means something. A
/// log-probability may exceed 0 by as much.
pub const TOLERANCE: f64 = 1e-9;

/// A single log-probability above 0 by no more than this is a rounded 0, as in sums of
/// half-precision numbers; more is an error.
pub const LOG_PROB_ROUNDING: f64 = 1e-3;

/// Below this, in nats, only `-inf` is a log-probability: no response is that unlikely, programs
/// write such numbers for "impossible", and their squares are beyond f64.
pub const LEAST_LOG_PROB: f64 = -1e30;

/// Probabilities of distinct responses may add up to this much more than 1: rounding.
pub(crate) const MASS_ROUNDING: f64 = 1e-6;

/// Weights added up one after the other may exceed a share of their sum by this much of it:
/// rounding.
pub(crate) const WEIGHT_ROUNDING: f64 = 1e-12;

/// Log-likelihood ratios of counts that differ by no more than this, relative to them or absolutely
/// where they are below 1, are equal: two ways to compute the same one differ in the last digits.
pub(crate) const STATISTIC_ROUNDING: f64 = 1e-9;

/// Sum with Neumaier's compensation: the error does not grow with the number of terms.
///
/// # Examples
///
/// ```
/// assert_eq!(breadth_stats::numerics::sum([1.0, 1e100, 1.0, -1e100]), 2.0);
/// ```
///
/// # Source
///
/// Neumaier, ZAMM 54 (1974).
pub fn sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let mut total = Sum::default();
    terms.into_iter().for_each(|term| total.add(term));
    total.value()
}

/// A compensated sum in the making; see [`sum`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, term: f64) {
        let next = self.total + term;
        self.lost += if self.total.abs() >= term.abs() {
            (self.total - next) + term
        } else {
            (term - next) + self.total
        };
        self.total = next;
    }

    pub(crate) fn value(self) -> f64 {
        // With an infinite term the compensation is NaN, and the plain sum already right.
        if self.lost.is_finite() {
            self.total + self.lost
        } else {
            self.total
        }
    }
}

/// `log sum e^x` without overflow, `-inf` where all terms are.
///
/// `terms`: logarithms.
///
/// # Examples
///
/// ```
/// use breadth_stats::numerics::log_sum_exp;
/// let halves = [0.5_f64.ln(), 0.25_f64.ln(), f64::NEG_INFINITY];
/// assert!((log_sum_exp(halves.into_iter()) - 0.75_f64.ln()).abs() < 1e-15);
/// assert_eq!(log_sum_exp([f64::NEG_INFINITY].into_iter()), f64::NEG_INFINITY);
/// ```
pub fn log_sum_exp(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + sum(terms.map(|x| (x - largest).exp())).ln()
}

/// `log( (1/k) sum e^x )` of k logarithms, `-inf` where all are.
pub(crate) fn log_mean_exp(terms: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let count = terms.len() as f64;
    log_sum_exp(terms) - count.ln()
}

/// `confidence` as the error probability `1 - confidence`.
pub(crate) fn error_rate(confidence: f64) -> Result<f64> {
    if confidence > 0.0 && confidence < 1.0 {
        Ok(1.0 - confidence)
    } else {
        Err(Error::InvalidConfidence(confidence))
    }
}

/// Refuses NaN, positive log-probabilities and finite ones below [`LEAST_LOG_PROB`], naming the
/// column and the row.
pub(crate) fn check_log_probs(column: &str, values: &[f64]) -> Result<()> {
    let is_valid = |v: f64| (LEAST_LOG_PROB..=TOLERANCE).contains(&v) || v == f64::NEG_INFINITY;
    match values.iter().position(|&v| !is_valid(v)) {
        Some(row) => Err(Error::InvalidLogProb {
            column: column.to_string(),
            row,
            value: values[row],
        }),
        None => Ok(()),
    }
}

/// The z with `P[Z > z] = tail`.
pub(crate) fn normal_quantile(tail: f64) -> f64 {
    std::f64::consts::SQRT_2 * statrs::function::erf::erfc_inv(2.0 * tail)
}

/// Refuses slices that are not aligned.
pub(crate) fn check_length(
    what: &str,
    found: usize,
    reference: &'static str,
    expected: usize,
) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::LengthMismatch {
        what: what.to_string(),
        found,
        reference,
        expected,
    })
}
