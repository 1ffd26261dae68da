//! What the limits are compared with in width: those that shares had before, Korn and Graubard's
//! with imaginary clusters, for clusters of one stratum.
//!
//! They are right where the sample shows what there is to see, and too narrow where it happens to
//! hold no bad cluster. Korn and Graubard, Survey Methodology 24 (1998).

use statrs::distribution::{Beta, ContinuousCDF, StudentsT};

/// Limits of the weighted share of `hits` among clusters that weigh `weights`, of `rows` rows in
/// all, each with error `tail`.
///
/// The effective size is at most `largest`.
pub fn limits(weights: &[f64], hits: &[f64], rows: f64, largest: f64, tail: f64) -> (f64, f64) {
    let total: f64 = weights.iter().sum();
    let clusters = weights.len() as f64;
    let floor = total * total / weights.iter().map(|w| w * w).sum::<f64>();
    let value = (hits.iter().sum::<f64>() / total).min(1.0);
    let has_rarer = |(&w, &h): (&f64, &f64)| if value <= 0.5 { h > 0.0 } else { h < w };
    let informative = weights
        .iter()
        .zip(hits)
        .filter(|&pair| has_rarer(pair))
        .count() as f64;
    let squares: f64 = weights
        .iter()
        .zip(hits)
        .map(|(w, h)| (h - value * w).powi(2))
        .sum::<f64>();
    let variance = squares * clusters / (clusters - 1.0) / (total * total);
    let of_one = value * (1.0 - value);
    let ratio = if of_one > 0.0 {
        variance * floor / of_one
    } else {
        1.0
    };
    let prior = 1.0 + informative.sqrt() * (1.0 - 2.0 * value).abs();
    let student = |freedom: f64| {
        StudentsT::new(0.0, 1.0, freedom)
            .unwrap()
            .inverse_cdf(1.0 - tail)
    };
    let penalty = (student(clusters - 1.0) / student(rows - 1.0))
        .powi(2)
        .max(1.0);
    let size = floor * (informative + prior) / (informative * ratio * penalty + prior);
    clopper_pearson(value, size.min(largest), tail)
}

/// Clopper and Pearson's limits of a share of `size` trials, which need not be whole.
pub fn clopper_pearson(value: f64, size: f64, tail: f64) -> (f64, f64) {
    let (hits, misses) = (value * size, (1.0 - value) * size);
    let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).unwrap().inverse_cdf(p);
    let low = if hits > 0.0 {
        quantile(hits, misses + 1.0, tail)
    } else {
        0.0
    };
    let high = if misses > 0.0 {
        quantile(hits + 1.0, misses, 1.0 - tail)
    } else {
        1.0
    };
    (low, high)
}
