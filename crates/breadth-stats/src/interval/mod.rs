//! Intervals: what is known about a mean or a share after so many rows.
//!
//! | rows | share (coverage, tournament) | mean (KL, cross-entropy) | whole profile |
//! |---|---|---|---|
//! | independent, equal weights | [`clopper_pearson`] | Student t | [`dkw_half_width`] |
//! | weighted, clustered, stratified | [`Share`] (Korn-Graubard) | linearised variance, Student t | the same at the effective number of clusters |

mod beta;
mod binomial;
mod clopper_pearson;
mod design;
mod dkw;
mod mean;
mod share;

pub(crate) use beta::ln_beta;
pub(crate) use binomial::at_most;
pub use clopper_pearson::clopper_pearson;
pub(crate) use clopper_pearson::{lower, upper};
pub(crate) use design::{ClusterWeights, Rows};
pub use design::{Design, stratified_weights};
pub use dkw::dkw_half_width;
pub(crate) use mean::mean_interval;
pub use share::Share;

/// A number with an interval around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// Lower confidence limit.
    pub low: f64,
    /// Upper confidence limit.
    pub high: f64,
}
