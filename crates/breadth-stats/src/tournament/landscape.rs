//! The tournament along log N: where it separates, where it ties, where the winner changes.

use super::selection::tournament;
use super::standing::Tournament;
use crate::error::Result;
use crate::interval::Design;
use crate::log_ratio::{Level, log_ratio};
use crate::numerics::error_rate;

/// Rows looked at to find the levels.
const LOOK: usize = 512;

/// Levels at which the models differ: `count` of them, evenly spaced in log N.
///
/// `columns`: (models)(rows) log-probabilities in nats. The levels run from log 2 to the 99th
/// percentile of the log-ratios of the best model of a row to the others; fewer where the models
/// hardly differ.
///
/// # Examples
///
/// ```
/// use breadth_stats::landscape_levels;
/// let levels = landscape_levels(&[&[-1.0, -1.0], &[-21.0, -21.0]], 3);
/// let log_n: Vec<f64> = levels.iter().map(|level| level.log_n()).collect();
/// assert!((log_n[0] - 2_f64.ln()).abs() < 1e-12 && (log_n[2] - 20.0).abs() < 1e-12);
/// assert_eq!(landscape_levels(&[&[-1.0]], 3).len(), 1);
/// ```
pub fn landscape_levels(columns: &[&[f64]], count: usize) -> Vec<Level> {
    let rows = columns.first().map_or(0, |column| column.len());
    let mut gaps = Vec::new();
    for row in (0..rows).step_by(rows.div_ceil(LOOK).max(1)) {
        let best = columns
            .iter()
            .map(|column| column[row])
            .fold(f64::NEG_INFINITY, f64::max);
        gaps.extend(columns.iter().map(|column| log_ratio(best, column[row])));
    }
    gaps.retain(|gap| gap.is_finite() && *gap > 0.0);
    gaps.sort_by(f64::total_cmp);
    let first = 2.0_f64.ln();
    let last = gaps
        .get(gaps.len().saturating_sub(1) * 99 / 100)
        .copied()
        .unwrap_or(0.0);
    let steps = count.saturating_sub(1).max(1);
    let log_n = |step: usize| first + (last - first) * step as f64 / steps as f64;
    let steps = if last > first { count } else { count.min(1) };
    (0..steps)
        .filter_map(|step| Level::from_log_n(log_n(step)).ok())
        .collect()
}

/// The tournament at each of several levels, with limits that hold for all models and levels at
/// once.
///
/// `columns`, `design`: those of [`tournament()`]; `levels`: L values of N. Each tournament is at
/// error `(1 - confidence) / (m L)`, so that what is said of a model or a level that was picked for
/// its limits holds with the confidence asked for.
///
/// # Errors
///
/// As [`tournament()`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, Level, landscape};
/// let columns: [&[f64]; 2] = [&[-1.0, -40.0, -1.0], &[-9.0, -9.0, -9.0]];
/// let levels = [Level::from_log_n(5.0)?, Level::from_log_n(20.0)?];
/// let winners: Vec<usize> = landscape(&columns, &Design::default(), &levels, 0.95)?
///     .iter()
///     .map(|t| t.winner)
///     .collect();
/// assert_eq!(winners, [0, 1]); // small N counts how often, large N how badly
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Eq 29, with a union bound over models and levels.
pub fn landscape(
    columns: &[&[f64]],
    design: &Design,
    levels: &[Level],
    confidence: f64,
) -> Result<Vec<Tournament>> {
    let statements = (columns.len() * levels.len()).max(1) as f64;
    let confidence = 1.0 - error_rate(confidence)? / statements;
    levels
        .iter()
        .map(|&level| tournament(columns, design, level, confidence))
        .collect()
}
