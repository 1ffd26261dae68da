//! Intervals: what is known about a mean or a share after so many rows.
//!
//! | rows | values in [0, 1] (coverage, Pass@k, tournament) | unbounded means (KL, cross-entropy) | whole profile |
//! |---|---|---|---|
//! | independent, equal weights | [`BoundedMean`]; for 0 and 1 that is [`clopper_pearson`] | Student t, or [`NoLimits`] | [`dkw_half_width`] |
//! | weighted, clustered, stratified | [`BoundedMean`] | linearised variance, Student t, or [`NoLimits`] | the same at the effective number of clusters |

mod beta;
mod binomial;
mod bounded_mean;
mod clopper_pearson;
mod design;
mod dirichlet;
mod dkw;
mod expected;
mod influence;
mod mean;
mod sum;
mod weight_tail;

pub(crate) use beta::ln_beta;
pub use beta::student_t_upper;
pub use binomial::at_most;
pub use bounded_mean::BoundedMean;
pub(crate) use bounded_mean::is_upper_at_most;
pub use clopper_pearson::clopper_pearson;
pub(crate) use clopper_pearson::{lower, upper};
pub(crate) use design::CheckedDesign;
pub use design::{Design, stratified_weights};
pub use dkw::dkw_half_width;
pub(crate) use expected::ExpectedUnits;
pub(crate) use mean::mean_interval;
pub use mean::{MeanEstimate, NoLimits};

/// A number with its confidence limits.
#[derive(Clone, Copy, Debug, PartialEq)]
#[doc(alias = "confidence_interval")]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Lower confidence limit.
    pub low: f64,
    /// Upper confidence limit.
    pub high: f64,
}
