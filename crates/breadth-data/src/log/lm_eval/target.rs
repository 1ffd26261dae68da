//! Which of a document's continuations is its target.
//!
//! The log has the target as text: the number of a choice, or the choice itself. Where choices are
//! numbers it could be both; then the logged accuracy tells, as it says whether the most likely
//! choice is the target.

use super::line::{Doc, Metric};
use crate::error::Result;
use crate::log::source::Source;

/// How targets are meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reading {
    /// As the number of a choice, from 0.
    Number,
    /// As the text of a choice.
    Text,
}

/// The reading under which targets are choices and agree with the logged accuracy.
pub(super) fn reading(source: &Source, docs: &[Doc]) -> Result<Reading> {
    let picks = |reading| {
        docs.iter()
            .filter(|doc| pick(doc, reading).is_some())
            .count()
    };
    let wrong = |reading| docs.iter().find(|doc| contradicts(doc, reading));
    if docs.iter().all(are_contexts) {
        return if docs.iter().any(|doc| pick(doc, Reading::Text).is_some()) {
            Ok(Reading::Text)
        } else {
            Err(source.refuse(
                "the choices of this task are contexts before one continuation, and no metric \
                 `acc` tells which context is right; log `acc` too, or import the metrics \
                 (`Table::Samples`)",
            ))
        };
    }
    let readings = [Reading::Number, Reading::Text];
    let most = readings.map(picks).into_iter().max().unwrap_or(0);
    if most == 0 {
        return Err(source.refuse(
            "no target is among the choices that were scored; import the metrics instead \
             (`Table::Samples`)",
        ));
    }
    let possible = readings
        .into_iter()
        .filter(|reading| picks(*reading) == most);
    let possible: Vec<Reading> = possible.collect();
    let consistent = possible
        .iter()
        .copied()
        .filter(|reading| wrong(*reading).is_none());
    let consistent: Vec<Reading> = consistent.collect();
    match (consistent.as_slice(), possible.as_slice()) {
        ([only], _) => Ok(*only),
        ([first, second], _) => match docs
            .iter()
            .find(|doc| pick(doc, *first) != pick(doc, *second))
        {
            None => Ok(*first),
            Some(doc) => Err(source.fault(
                doc.place,
                "target",
                format!(
                    "`{}` is the number of one choice and the text of another, and no metric `acc` \
                     tells which is meant; log `acc` too, or import the metrics (`Table::Samples`)",
                    doc.target
                ),
            )),
        },
        (_, [first, ..]) => {
            let doc = wrong(*first).expect("no reading is consistent");
            Err(source.fault(
                doc.place,
                "target",
                format!(
                    "`{}` does not agree with `acc`, which says whether the most likely choice is \
                     the target; import the metrics instead (`Table::Samples`)",
                    doc.target
                ),
            ))
        }
        (_, []) => unreachable!("some reading has the most picks"),
    }
}

/// The request that is about the target.
pub(super) fn pick(doc: &Doc, reading: Reading) -> Option<usize> {
    let choices = choices(doc);
    if choices == 1 {
        return Some(0);
    }
    if are_contexts(doc) {
        return right_context(doc);
    }
    match reading {
        Reading::Number => doc.target.trim().parse().ok().filter(|at| *at < choices),
        Reading::Text => {
            let only = |same: &dyn Fn(&str) -> bool| {
                let mut found = (0..choices).filter(|&at| same(&doc.requests[at].continuation));
                found.next().filter(|_| found.next().is_none())
            };
            let target = &doc.target;
            only(&|text| text == target).or_else(|| only(&|text| text.trim() == target.trim()))
        }
    }
}

/// The number of choices: with `acc_mutual_info` each is asked about again without its context.
fn choices(doc: &Doc) -> usize {
    let asked = doc.requests.len();
    match doc.metric("acc_mutual_info") {
        Some(_) if asked.is_multiple_of(2) => asked / 2,
        _ => asked,
    }
}

/// Whether the choices are what stands before the continuation, which is the same for all of them
/// ("multiple input", as in WinoGrande).
fn are_contexts(doc: &Doc) -> bool {
    let requests = &doc.requests[..choices(doc)];
    let (Some(first), Some(second)) = (requests.first(), requests.get(1)) else {
        return false;
    };
    first.context != second.context
        && requests
            .iter()
            .all(|one| one.continuation == first.continuation)
}

/// The context that is right: the target is the continuation and does not tell, but `acc` says
/// whether the most likely one is, and of two the other one is right if it is not.
fn right_context(doc: &Doc) -> Option<usize> {
    let best = most_likely(doc);
    match doc.metric("acc")? {
        Metric::One(acc) if *acc == 1.0 => Some(best),
        Metric::One(acc) if *acc == 0.0 && choices(doc) == 2 => Some(1 - best),
        _ => None,
    }
}

/// The choice with the highest log-likelihood, the first of equal ones.
fn most_likely(doc: &Doc) -> usize {
    let logprob = |at: usize| doc.requests[at].logprob;
    (1..choices(doc)).fold(0, |best, at| {
        if logprob(at) > logprob(best) {
            at
        } else {
            best
        }
    })
}

/// Whether `acc` says that the most likely choice is the target and it is not, or the reverse.
fn contradicts(doc: &Doc, reading: Reading) -> bool {
    let choices = choices(doc);
    let (Some(picked), Some(Metric::One(acc))) = (pick(doc, reading), doc.metric("acc")) else {
        return false;
    };
    if choices < 2 || (*acc != 0.0 && *acc != 1.0) {
        return false;
    }
    (most_likely(doc) == picked) != (*acc == 1.0)
}
