//! `--rule reach`: what k samples contain for certain.

use anyhow::Result;
use breadth_stats::{CorrectResponses, Design, Tournament};

use super::Choice;

/// The tournament's models ranked by reach at k = 2N, from the largest down; ties go to the lower cross-entropy.
pub fn ranked(
    mut result: Tournament,
    columns: &[&[f64]],
    design: &Design,
    choice: Choice,
) -> Result<Tournament> {
    let right = CorrectResponses::new(columns, design)?;
    let k = (2.0 * choice.level.n()).min(1e300);
    let all: Vec<usize> = (0..columns.len()).collect();
    for (model, standing) in result.standings.iter_mut().enumerate() {
        let reach = right.reach(model, k, choice.confidence)?;
        (standing.value, standing.low, standing.high) = (reach.value, reach.low, reach.high);
        standing.worst_rival = None;
    }
    super::rank(&mut result, |a, b| b.value.total_cmp(&a.value));
    result.not_excluded = right.leader(&all, k, choice.confidence)?.not_excluded;
    Ok(result)
}
