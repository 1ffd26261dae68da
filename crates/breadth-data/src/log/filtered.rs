//! Whether a filter that was asked for is one of the logs.
//!
//! Tasks of one run have filters or none, so a log without any is read as it is. Nobody is to
//! believe that a filter counted that no log has, or that counts for one model and not for another.

use std::collections::HashSet;
use std::sync::Arc;

use super::entry::Filter;
use super::found::ReadLog;
use crate::error::{At, Error, Result};
use crate::setting::Setting;

/// Refuses a log without filters where no log has the one that was asked for, or another log of its
/// task has it.
pub(super) fn check(logs: &[ReadLog], asked: Option<&str>) -> Result<()> {
    let Some(asked) = asked else {
        return Ok(());
    };
    let of = |filter: Filter| {
        logs.iter()
            .filter(move |log| log.entries.filter == Some(filter))
    };
    let tasks = |log: &ReadLog| -> HashSet<Option<Arc<str>>> {
        log.entries
            .rows
            .iter()
            .map(|row| row.group.clone())
            .collect()
    };
    let applied: HashSet<Option<Arc<str>>> = of(Filter::Applied).flat_map(tasks).collect();
    let is_nowhere = applied.is_empty();
    let mut wrong =
        of(Filter::Unfiltered).filter(|log| is_nowhere || !tasks(log).is_disjoint(&applied));
    let Some(log) = wrong.next() else {
        return Ok(());
    };
    let why = if is_nowhere {
        "and no other log here has it; leave it out".to_owned()
    } else {
        "but another log of the same task has it, and grades of different filters must not be \
         compared; run the models on the same version of the task"
            .to_owned()
    };
    Err(Error::Syntax {
        at: At {
            path: log.path.clone(),
            place: None,
        },
        problem: format!(
            "{} {asked}: no such filter in this log, which has none, {why}",
            Setting::Filter
        ),
    })
}
