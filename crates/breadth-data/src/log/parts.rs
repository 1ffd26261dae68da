//! Logs of several parts of a run: what was trained on and what was evaluated are not one set of
//! samples, and some logs repeat what others hold.

use std::path::Path;

use super::format::{Format, Part};
use crate::message::list;

/// Which of these logs are to be read, and remarks on the others.
///
/// Of the logs of one format those of evaluations are taken alone where there are any, and none
/// that stands whole in another.
pub(super) fn chosen(logs: &[(&Path, &Format)]) -> (Vec<bool>, Vec<String>) {
    let parts: Vec<Option<Part>> = logs
        .iter()
        .map(|(path, format)| format.part.and_then(|part| part(path)))
        .collect();
    let all = || logs.iter().zip(&parts);
    let is_evaluated = |name: &str| {
        let of_format = all().filter(|((_, format), _)| format.name == name);
        let mut parts = of_format.filter_map(|(_, part)| part.as_ref());
        parts.any(|part| part.is_evaluation)
    };
    let (mut trained, mut within) = (Vec::new(), Vec::new());
    let mut is_chosen = |((path, format), part): (&(&Path, &Format), &Option<Part>)| {
        let Some(part) = part else {
            return true;
        };
        let whole = part.whole.as_deref();
        let is_within = whole.is_some_and(|whole| logs.iter().any(|(path, _)| *path == whole));
        if !part.is_evaluation && is_evaluated(format.name) {
            trained.push(path.display().to_string());
        } else if is_within {
            within.push(path.display().to_string());
        } else {
            return true;
        }
        false
    };
    let chosen = all().map(&mut is_chosen).collect();
    let remark = |what: &str, names: &[String]| {
        (!names.is_empty()).then(|| format!("left out: {what}: {}", list(names)))
    };
    let trained = remark(
        "rollouts of training, as those of evaluations are there too; give them alone to read them",
        &trained,
    );
    let within = remark("logs whose rows stand in others of these, too", &within);
    (chosen, trained.into_iter().chain(within).collect())
}
