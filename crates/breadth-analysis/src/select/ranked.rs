//! Other rules than the tournament: its models ranked by something else.

use std::cmp::Ordering;

use breadth_stats::{
    CorrectResponses, Design, Standing, Tournament, coverage_difference, coverage_profile,
};

use super::options::SelectOptions;
use crate::error::Result;
use crate::scores::{distinct, first_same};

/// Ranks models by their values, the better first; ties go to the lower cross-entropy.
fn rank(result: &mut Tournament, better: impl Fn(&Standing, &Standing) -> Ordering) {
    let place = |a: &usize, b: &usize| {
        let (a, b) = (&result.standings[*a], &result.standings[*b]);
        better(a, b).then(a.cross_entropy.total_cmp(&b.cross_entropy))
    };
    let mut ranking: Vec<usize> = (0..result.standings.len()).collect();
    ranking.sort_by(place);
    let best = result.standings[ranking[0]].value;
    let is_best = |&model: &usize| result.standings[model].value == best;
    result.tied = (0..result.standings.len()).filter(is_best).collect();
    for (at, &model) in ranking.iter().enumerate() {
        result.standings[model].rank = at + 1;
    }
    result.winner = ranking[0];
    result.ranking = ranking;
}

/// The tournament's models ranked by reach at k = 2N, from the largest down; ties go to the lower
/// cross-entropy.
pub(super) fn by_reach(
    mut result: Tournament,
    columns: &[&[f64]],
    design: &Design,
    choice: SelectOptions,
) -> Result<Tournament> {
    let right = CorrectResponses::new(columns, design)?;
    let k = (2.0 * choice.level.n()).min(1e300);
    // Of models that are the same the first is compared, and all of them are open with it.
    let first = first_same(columns.len(), |a, b| columns[a] == columns[b]);
    let own = distinct(&first);
    for (model, standing) in result.standings.iter_mut().enumerate() {
        let reach = right.reach(model, k, choice.confidence)?;
        (standing.value, standing.low, standing.high) = (reach.value, reach.low, reach.high);
        standing.worst_rival = None;
    }
    rank(&mut result, |a, b| b.value.total_cmp(&a.value));
    let leader = right.leader(&own, k, choice.confidence)?;
    let open: Vec<usize> = leader.not_excluded.iter().map(|&at| own[at]).collect();
    result.not_excluded = (0..columns.len())
        .filter(|&at| open.contains(&first[at]))
        .collect();
    Ok(result)
}

/// The tournament's models ranked by `Cov_N(base||q)` on the data rows, from the smallest up; ties
/// go to the lower cross-entropy.
pub(super) fn by_coverage_against(
    mut result: Tournament,
    base: &[f64],
    columns: &[&[f64]],
    design: &Design,
    choice: SelectOptions,
) -> Result<Tournament> {
    let (level, confidence) = (choice.level, choice.confidence);
    for (standing, column) in result.standings.iter_mut().zip(columns) {
        let profile = coverage_profile(base, column, design, &[level], confidence)?;
        let point = &profile.points[0];
        (standing.value, standing.low, standing.high) = (point.cov, point.low, point.high);
        standing.worst_rival = None;
    }
    rank(&mut result, |a, b| a.value.total_cmp(&b.value));
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
