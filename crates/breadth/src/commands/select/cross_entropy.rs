//! The rule that everybody uses, to compare the tournament with: the lowest cross-entropy.

use anyhow::Result;
use breadth_stats::{Design, Tournament, cross_entropy, kl};

/// The tournament's result with everything about the choice redone by cross-entropy: `value` is the cross-entropy in
/// nats with its own limits, and nobody has a worst rival. The certified bracket stays.
///
/// `not_excluded` holds the model with the lowest true cross-entropy with the stated confidence: a model is excluded
/// if its paired difference to the winner, which is what the mean log-ratio of two columns estimates, is certainly
/// positive. One test per model, hence a union bound over the m - 1 others.
pub fn ranked(
    mut result: Tournament,
    columns: &[&[f64]],
    design: &Design,
    confidence: f64,
) -> Result<Tournament> {
    for (standing, column) in result.standings.iter_mut().zip(columns) {
        let estimate = cross_entropy(column, design, confidence)?;
        (standing.value, standing.low, standing.high) =
            (estimate.value, estimate.low, estimate.high);
        standing.worst_rival = None;
    }
    let value = |at: usize| result.standings[at].value;
    // Stable: equal ones stay in order of first appearance.
    result.ranking = (0..columns.len()).collect();
    result
        .ranking
        .sort_by(|&a, &b| value(a).total_cmp(&value(b)));
    result.winner = result.ranking[0];
    result.tied = (0..columns.len())
        .filter(|&at| value(at) == value(result.winner))
        .collect();
    let best = columns[result.winner];
    let is_open = value(result.winner).is_infinite();
    let others = columns.len().saturating_sub(1).max(1) as f64;
    let each = 1.0 - (1.0 - confidence) / others;
    result.not_excluded = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        if at == result.winner || is_open || kl(best, column, design, each)?.low <= 0.0 {
            result.not_excluded.push(at);
        }
    }
    for (place, &at) in result.ranking.iter().enumerate() {
        result.standings[at].rank = place + 1;
    }
    Ok(result)
}
