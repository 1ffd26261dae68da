//! The interval for a weighted mean.

use super::beta::student_t_upper;
use super::design::spread;
use super::{Estimate, Rows};

/// Weighted mean with a Student t interval: `mean +- t_{m-1} * sqrt(v)`, `v = m/(m-1) * sum_c R_c^2 / W^2`, where R_c is cluster c's weighted
/// sum of deviations from the mean, m the number of clusters (rows, when unclustered) and W the total weight. With strata the variance is that within them, with
/// Satterthwaite's degrees of freedom.
///
/// One cluster says nothing about the spread: the limits are then infinite. Values must be finite.
pub(crate) fn mean_interval(rows: &Rows, value: impl Fn(usize) -> f64, alpha: f64) -> Estimate {
    let mean = rows.mean(&value);
    let m = rows.cluster_count as f64;
    if rows.cluster_count < 2 {
        return Estimate {
            value: mean,
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
        };
    }
    let residuals = rows.cluster_totals(|row| value(row) - mean);
    let spread = spread(&residuals, rows.strata.as_ref(), |_| true, m);
    let variance = spread.squares / rows.total_weight().powi(2);
    let margin = student_t_upper(spread.freedom.max(1.0), 0.5 * alpha) * variance.sqrt();
    Estimate {
        value: mean,
        low: mean - margin,
        high: mean + margin,
    }
}
