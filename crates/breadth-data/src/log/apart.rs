//! Prompts that have one name and are not one.
//!
//! Rollouts are named after the texts of their prompts, which may be the same for other images:
//! then the right answer tells them apart. Documents of a task that is not known are numbered, as
//! those of every other task are: then what is in them does. Names stay what they are where this is
//! not needed, so that tables of other times fit.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::entry::{Entry, NamedAfter, short_id};
use super::found::ReadLog;

/// Gives prompts names of their own, and says what should be known of those that keep theirs.
pub(super) fn tell_apart(logs: &mut [ReadLog]) -> Vec<String> {
    let mut said = Vec::from_iter(by_gold(logs));
    said.extend(by_document(logs));
    said.extend(several_as_one(logs));
    said
}

/// Texts that have several right answers in one log: each answer is that of another prompt. Two
/// logs that differ are not the same task, which [`join`](super::join) says.
fn by_gold(logs: &mut [ReadLog]) -> Option<String> {
    let of_texts = |log: &&mut ReadLog| log.entries.named == NamedAfter::Text;
    let mut several: HashSet<Arc<str>> = HashSet::new();
    for log in logs.iter_mut().filter(of_texts) {
        let mut golds: HashMap<&Arc<str>, &Arc<str>> = HashMap::new();
        for row in log.entries.rows.iter().filter(|row| is_text(row)) {
            if let Some(gold) = &row.gold
                && golds.entry(&row.prompt).or_insert(gold) != &gold
            {
                several.insert(row.prompt.clone());
            }
        }
    }
    if several.is_empty() {
        return None;
    }
    for log in logs.iter_mut().filter(of_texts) {
        let mut counts: HashMap<(Arc<str>, Arc<str>), u64> = HashMap::new();
        let rows = log.entries.rows.iter_mut();
        for row in rows.filter(|row| several.contains(&row.prompt)) {
            if let Some(gold) = &row.gold {
                row.prompt = format!("{}/{}", row.prompt, short_id(gold)).into();
            }
            let key = (row.model.clone(), row.prompt.clone());
            let count = counts.entry(key).or_default();
            row.response = count.to_string();
            *count += 1;
        }
    }
    Some(format!(
        "texts of prompts that have several right answers in one log ({}): each answer is taken as \
         that of a prompt of its own (of other images, say)",
        several.len()
    ))
}

/// Whether a prompt is named after its text alone.
fn is_text(row: &Entry) -> bool {
    !row.prompt.contains('/')
}

/// Numbered documents of tasks that are not known, where one model has other ones under the same
/// numbers.
fn by_document(logs: &mut [ReadLog]) -> Option<String> {
    let of_numbers = |log: &&mut ReadLog| log.entries.named == NamedAfter::Number;
    let mut first: HashMap<(&Arc<str>, &Arc<str>), &str> = HashMap::new();
    let rows = logs
        .iter()
        .filter(|log| log.entries.named == NamedAfter::Number);
    let mut rows = rows.flat_map(|log| &log.entries.rows);
    let are_several = rows.any(|row| {
        let document = document(row);
        *first.entry((&row.model, &row.prompt)).or_insert(document) != document
    });
    if !are_several {
        return None;
    }
    for log in logs.iter_mut().filter(of_numbers) {
        for row in &mut log.entries.rows {
            row.prompt = format!("{}/{}", short_id(document(row)), row.prompt).into();
        }
    }
    Some(
        "several tasks in logs whose names do not say which (samples_{task}_{time}.jsonl): prompts \
         are named after their documents"
            .into(),
    )
}

/// What a log says of the document itself.
fn document(row: &Entry) -> &str {
    let mut identity = row.identity.iter().flat_map(|identity| identity.iter());
    identity.next().map_or("", |(_, hash)| hash)
}

/// Texts that have a multiple of the responses that most others have: perhaps several prompts with
/// one right answer too, which nothing tells apart.
fn several_as_one(logs: &[ReadLog]) -> Vec<String> {
    let mut said = Vec::new();
    for log in logs
        .iter()
        .filter(|log| log.entries.named == NamedAfter::Text)
    {
        let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
        for row in &log.entries.rows {
            *counts.entry((&row.model, &row.prompt)).or_default() += 1;
        }
        let usual = |n: usize| counts.values().filter(|&&count| count == n).count();
        let least = counts.values().copied().min().unwrap_or(0);
        let are_multiples = counts.values().all(|count| count.is_multiple_of(least));
        let more = counts.len() - usual(least);
        if more > 0 && are_multiples && 2 * usual(least) > counts.len() {
            said.push(format!(
                "{}: prompts that have twice as many responses as others, or another multiple of \
                 their {least} ({more} of {}): perhaps several prompts of one text and one right \
                 answer (of other images, say), which the log does not tell apart; they count as one",
                log.path.display(),
                counts.len(),
            ));
        }
    }
    said
}
