//! The words of a verdict.

use breadth_data::{listed, quoted};
use breadth_stats::{Estimate, Leader};

use crate::number;

/// Names beyond this many are counted, not listed.
const MOST_NAMES: usize = 4;

pub(super) fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// `, at least 21.0 points above every other candidate`.
///
/// `certain`: what the leader reaches for certain, whoever leads; no other can be better than 1.
pub(super) fn ahead(leader: &Leader, models: &[&str], certain: f64) -> String {
    let points = |share: f64| format!("{:.1} points", share);
    if leader.not_excluded.len() == 1 {
        return format!(
            ", at least {} above every other candidate",
            points(number::at_least(leader.lead.max(0.0)))
        );
    }
    let open: Vec<String> = leader
        .not_excluded
        .iter()
        .filter(|&&at| at != leader.best)
        .map(|&at| models[at].to_owned())
        .collect();
    format!(
        ", and {} may be better by up to {}",
        list(&open),
        points(number::at_most(leader.behind.min(1.0 - certain)))
    )
}

/// The number of samples that a choice is for, as a whole number where f64 has those.
pub(crate) fn wanted(k: f64) -> f64 {
    k.round().clamp(1.0, 1e300)
}

/// That number in words.
pub(crate) fn k_words(k: f64) -> String {
    let k = wanted(k);
    if k < 1e15 {
        number::trimmed(k)
    } else {
        format!("{k:.3e}")
    }
}

/// `Pass@8`, or `Best-of-8` where some rewards lie between 0 and 1.
pub(crate) fn pass_name(is_best_of: bool, k: impl std::fmt::Display) -> String {
    if is_best_of {
        format!("Best-of-{k}")
    } else {
        format!("Pass@{k}")
    }
}

/// Graded samples of a prompt to ask for where there are so many: what the choice is for, within
/// reason, or several times as many as did not decide.
pub(crate) fn samples_wanted(k: f64, have: u64) -> u64 {
    let asked = wanted(k).clamp(16.0, 256.0) as u64;
    let more = 4 * have;
    match have {
        _ if have < asked => asked,
        _ if (have as f64) < wanted(k) => more.min(wanted(k) as u64),
        _ => more,
    }
}

/// The command that draws so many. Names may come from other people's logs: each is one word.
pub(crate) fn sample_command(names: &[String], samples: u64) -> String {
    let folders = if names.len() <= MOST_NAMES {
        // A model may be named by its whole path.
        let in_folder = |name: &String| match name.starts_with('/') {
            true => name.clone(),
            false => format!("DIR/{name}"),
        };
        let folders = names.iter().map(in_folder);
        let words = folders.map(|folder| quoted(&folder).into_owned());
        words.collect::<Vec<_>>().join(" ")
    } else {
        "CHECKPOINTS".into()
    };
    format!(
        "breadth sample {folders} --prompts PROMPTS.jsonl -k {samples} --verifier VERIFIER -o \
         samples.parquet"
    )
}

pub(super) fn with_limits(estimate: &Estimate) -> String {
    number::share_with_limits(estimate.value, estimate.low, estimate.high)
}

/// `a, b and c`; past a few names how many more.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => "no other".into(),
        [only] => only.clone(),
        [most @ .., last] if names.len() <= MOST_NAMES => format!("{} and {last}", most.join(", ")),
        _ => listed(names, MOST_NAMES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_of_the_command() {
        let names = ["step-100".to_owned(), "x;touch y".to_owned()];
        let command = sample_command(&names, 16);
        assert!(
            command.starts_with("breadth sample DIR/step-100 'DIR/x;touch y' --prompts"),
            "{command}"
        );
    }

    /// No advice is to be followed twice.
    #[test]
    fn more_samples_are_asked_for_than_there_are() {
        let cases = [
            (8.0, 0, 16),
            (8.0, 16, 64),
            (64.0, 16, 64),
            (8000.0, 0, 256),
            (8000.0, 256, 1024),
            (300.0, 256, 300),
        ];
        for (k, have, asked) in cases {
            assert_eq!(samples_wanted(k, have), asked, "k = {k}, {have} samples");
        }
    }

    #[test]
    fn models_that_are_paths_are_named_by_them() {
        let names = ["/x/m1", "run/step-2"].map(str::to_owned);
        let command = sample_command(&names, 16);
        assert!(
            command.starts_with("breadth sample /x/m1 DIR/run/step-2 --prompts "),
            "{command}"
        );
    }
}
