//! `--against BASE`: coverage with a fixed checkpoint in the place of the data's distribution.

use anyhow::Result;
use breadth_stats::{Design, Tournament, coverage_difference, coverage_profile};

use super::Choice;

/// The tournament's models ranked by `Cov_N(base||q)` on the data rows, from the smallest up; ties go to the lower cross-entropy.
pub fn ranked(
    mut result: Tournament,
    base: &[f64],
    columns: &[&[f64]],
    design: &Design,
    choice: Choice,
) -> Result<Tournament> {
    let (level, confidence) = (choice.level, choice.confidence);
    for (standing, column) in result.standings.iter_mut().zip(columns) {
        let profile = coverage_profile(base, column, design, &[level], confidence)?;
        let point = &profile.points[0];
        (standing.value, standing.low, standing.high) = (point.cov, point.low, point.high);
        standing.worst_rival = None;
    }
    super::rank(&mut result, |a, b| a.value.total_cmp(&b.value));
    let best = columns[result.winner];
    let others = columns.len().saturating_sub(1).max(1) as f64;
    // One-sided, for all others at once.
    let each = 1.0 - 2.0 * (1.0 - confidence) / others;
    result.not_excluded = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let is_open = at == result.winner || each <= 0.0 || {
            let more = coverage_difference(base, column, best, design, level, each)?;
            more.low <= 0.0
        };
        if is_open {
            result.not_excluded.push(at);
        }
    }
    Ok(result)
}
