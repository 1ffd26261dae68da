//! Least squares with Student's standard errors, and rank correlations.

use crate::estimate::Estimate;

/// A fitted line `y = intercept + slope x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// The slope, with k - 2 degrees of freedom for k points.
    pub slope: Estimate,
    /// The value at x = 0.
    pub intercept: Estimate,
    /// The share of the variance of y that the line explains.
    pub r_squared: f64,
}

/// Least squares of y on x.
///
/// `xs`, `ys`: (points), aligned. Two points give a line without standard errors.
///
/// # Panics
///
/// If the two have different lengths.
///
/// # Examples
///
/// ```
/// let fit = breadth_lab::line(&[0.0, 1.0, 2.0, 3.0], &[1.0, 3.1, 4.9, 7.0]);
/// assert!((fit.slope.value - 1.98).abs() < 1e-12 && (fit.intercept.value - 1.03).abs() < 1e-12);
/// assert!((fit.slope.standard_error - 0.0424264).abs() < 1e-6);
/// ```
pub fn line(xs: &[f64], ys: &[f64]) -> Line {
    assert_eq!(xs.len(), ys.len(), "as many abscissas as ordinates");
    let count = xs.len() as f64;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(xs), mean(ys));
    let points = || xs.iter().zip(ys).map(|(x, y)| (x - x_mean, y - y_mean));
    let sxx: f64 = points().map(|(x, _)| x * x).sum();
    let sxy: f64 = points().map(|(x, y)| x * y).sum();
    let syy: f64 = points().map(|(_, y)| y * y).sum();
    let slope = sxy / sxx;
    let residual: f64 = points().map(|(x, y)| (y - slope * x).powi(2)).sum();
    let degrees = count - 2.0;
    let variance = residual / degrees;
    Line {
        slope: Estimate::new(slope, (variance / sxx).sqrt(), degrees),
        intercept: Estimate::new(
            y_mean - slope * x_mean,
            (variance * (count.recip() + x_mean * x_mean / sxx)).sqrt(),
            degrees,
        ),
        r_squared: 1.0 - residual / syy,
    }
}

/// Least squares of `log y` on `log x`: the exponent of a power law.
///
/// `xs`, `ys`: (points) positive numbers, aligned.
///
/// # Panics
///
/// If the two have different lengths.
///
/// # Examples
///
/// ```
/// let fit = breadth_lab::log_log(&[1.0, 10.0, 100.0], &[3.0, 0.3, 0.03]);
/// assert!((fit.slope.value + 1.0).abs() < 1e-12);
/// ```
pub fn log_log(xs: &[f64], ys: &[f64]) -> Line {
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
    line(&logs(xs), &logs(ys))
}

/// Spearman's rank correlation, ties with their mean rank.
pub(crate) fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum()
    };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// Ranks from 0, ties with their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count() as f64;
        let equal = values.iter().filter(|other| *other == value).count() as f64;
        below + (equal - 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlations_of_known_samples() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 0.0]), [2.5, 1.0, 2.5, 0.0]);
        assert!(
            (rank_correlation(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0]) - 0.8).abs() < 1e-12
        );
        assert!((rank_correlation(&[1.0, 2.0, 3.0], &[-1.0, -2.0, -3.0]) + 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_exact_line_and_two_points() {
        let exact = line(&[1.0, 2.0, 4.0], &[5.0, 7.0, 11.0]);
        assert!((exact.slope.value - 2.0).abs() < 1e-12 && (exact.r_squared - 1.0).abs() < 1e-12);
        assert!(exact.slope.standard_error < 1e-12);
        let two = line(&[1.0, 2.0], &[5.0, 7.0]);
        assert_eq!((two.slope.value, two.slope.degrees), (2.0, 0.0));
        assert_eq!(two.slope.interval(0.95).1, f64::INFINITY);
    }

    /// What `scipy.stats.linregress` gives for the same points.
    #[test]
    fn standard_errors_are_scipys() {
        let fit = line(&[1.0, 2.0, 3.0, 4.0, 5.0], &[2.1, 3.9, 6.2, 7.8, 10.1]);
        assert!((fit.slope.value - 1.99).abs() < 1e-12);
        assert!((fit.slope.standard_error - 0.0597215).abs() < 1e-6);
        assert!((fit.intercept.value - 0.05).abs() < 1e-12);
        assert!((fit.intercept.standard_error - 0.1980740).abs() < 1e-6);
        assert!((fit.r_squared - 0.9973054).abs() < 1e-6);
    }
}
