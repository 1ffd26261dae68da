//! Selection by the lowest cross-entropy, to compare the tournament with.

use super::standing::{Tournament, rank};
use crate::divergence::{cross_entropy, kl};
use crate::error::Result;
use crate::interval::Design;

/// Redoes the choice of a tournament by the lowest cross-entropy, the usual rule, for comparison.
///
/// `result`: the tournament; `columns`: (models)(rows) log-probabilities in nats, one slice per
/// model, of the same responses drawn from the data, and `design`, `confidence`: those of the
/// tournament. `value` becomes the cross-entropy in nats per response with its own limits, and no
/// model has a worst rival; the certified limits stay. `not_excluded` holds the model with the
/// lowest true cross-entropy with the stated confidence: a model is excluded if its paired
/// difference to the winner, the mean log-ratio of the two columns, has a positive lower limit.
/// There is one test per model, hence a union bound over the m - 1 others. If the winner's
/// cross-entropy is infinite no model is excluded.
///
/// # Errors
///
/// As [`super::tournament()`].
///
/// # Examples
///
/// ```
/// use breadth_stats::{Design, Level, lowest_cross_entropy, tournament};
/// let columns: [&[f64]; 2] = [&[-1.0, -2.0, -1.5, -2.0], &[-0.5, -0.5, -4.5, -0.5]];
/// let fought = tournament(&columns, &Design::default(), Level::from_n(8.0)?, 0.95)?;
/// let lowest = lowest_cross_entropy(fought.clone(), &columns, &Design::default(), 0.95)?;
/// assert_eq!((fought.winner, lowest.winner, lowest.standings[1].value), (0, 1, 1.5));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Section 6.3, the baseline.
pub fn lowest_cross_entropy(
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
    let values: Vec<f64> = result.standings.iter().map(|s| s.value).collect();
    result.ranked(rank(&values, &values));
    let best = columns[result.winner];
    let others = columns.len().saturating_sub(1).max(1) as f64;
    let each = 1.0 - (1.0 - confidence) / others;
    result.not_excluded = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let is_open = at == result.winner || values[result.winner].is_infinite();
        if is_open || kl(best, column, design, each)?.low <= 0.0 {
            result.not_excluded.push(at);
        }
    }
    Ok(result)
}
