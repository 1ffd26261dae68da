//! lm-evaluation-harness: `samples_{task}_{time}.jsonl`, written with `--log_samples`.
//!
//! A line is one document under one filter. Tasks of log-likelihoods become a score table: the
//! response is the continuation that is the document's target. Tasks of generated answers become a
//! sample table, whose reward is a metric.

mod line;
mod model;
mod target;

use std::collections::HashMap;
use std::sync::Arc;

use super::entry::{Entries, Entry, Filter};
use super::format::{Format, Sign};
use super::source::Source;
use crate::error::{Error, Result};
use crate::io::json::Members;
use crate::message::{list, short};
use crate::schema::Table;
use crate::setting::Setting;
use line::{Doc, Output};
use model::Origin;

pub(super) const FORMAT: Format = Format {
    name: "lm-evaluation-harness samples",
    help: "lm-evaluation-harness (samples_*.jsonl)",
    sign: Sign::Line(|has| has("doc_id") && (has("resps") || has("filtered_resps"))),
    may_hold_likelihoods: true,
    part: None,
    read,
};

/// `json.dumps(samples, indent=2)` of earlier versions.
pub(super) const LIST: Format = Format {
    sign: Sign::List(begins),
    read: read_list,
    ..FORMAT
};

/// Whether a text begins as a list of such objects.
fn begins(head: &[u8]) -> bool {
    let items = head.trim_ascii_start().strip_prefix(b"[");
    let first = items.map(<[u8]>::trim_ascii_start);
    first.is_some_and(|first| {
        let members = Members::scan(first);
        first.starts_with(b"{") && members.has("doc_id") && members.has("doc")
    })
}

/// Reads one log.
fn read(source: &Source) -> Result<Entries> {
    of_docs(source, line::read(source)?)
}

/// Reads one log of earlier versions, a list of what later ones write as lines.
fn read_list(source: &Source) -> Result<Entries> {
    of_docs(source, line::read_list(source)?)
}

fn of_docs(source: &Source, docs: Vec<Doc>) -> Result<Entries> {
    let origin = Origin::of(source)?;
    let likely = docs.iter().all(|doc| doc.output == Output::LogLikelihood);
    match source.ask.table {
        Some(Table::Samples) => samples(source, &docs, &origin),
        _ if likely => scores(source, docs, &origin),
        _ => {
            source.only(Table::Samples)?;
            samples(source, &docs, &origin)
        }
    }
}

/// One row for each document: what the model gives its target.
fn scores(source: &Source, docs: Vec<Doc>, origin: &Origin) -> Result<Entries> {
    let mut entries = Entries::new(Table::Scores);
    entries.named = origin.named();
    let docs = once_each(source, docs, &mut entries)?;
    let reading = target::reading(source, &docs)?;
    for doc in &docs {
        let Some(choice) = target::pick(doc, reading) else {
            let why = "documents whose target is none of the choices, or several";
            entries.dropped.add(1, why);
            continue;
        };
        let entry = Entry {
            value: doc.requests[choice].logprob,
            response: choice.to_string(),
            ..row(doc, origin)
        };
        entries.push(source, entry)?;
    }
    Ok(entries)
}

/// Lines of one document under several filters repeat its log-likelihoods: one of them is enough.
fn once_each(source: &Source, docs: Vec<Doc>, entries: &mut Entries) -> Result<Vec<Doc>> {
    let mut first: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<Doc> = Vec::new();
    for doc in docs {
        let Some(&at) = first.get(&doc.id) else {
            first.insert(doc.id.clone(), kept.len());
            kept.push(doc);
            continue;
        };
        let known = &kept[at];
        if known.requests != doc.requests || known.target != doc.target {
            return Err(duplicate(source, known, &doc));
        }
        let why = if known.filter == doc.filter {
            "lines that repeat a document, as a run leaves them that is appended to the log of an earlier one"
        } else {
            "lines that repeat a document under another filter"
        };
        entries.dropped.add(1, why);
    }
    Ok(kept)
}

fn duplicate(source: &Source, first: &Doc, second: &Doc) -> Error {
    Error::Duplicate {
        first: source.at(Some(first.place)),
        second: source.at(Some(second.place)),
        key: format!(
            "doc_id {}, filter `{}`",
            short(&second.id),
            short(&second.filter)
        ),
    }
}

/// A row for each graded response; for every response where they will be judged anew.
fn samples(source: &Source, docs: &[Doc], origin: &Origin) -> Result<Entries> {
    let (filter, applied) = match filter(source, docs) {
        // The responses are the same under every filter.
        Err(_) if source.ask.texts && source.ask.filter.is_none() => (docs[0].filter.clone(), None),
        filter => filter?,
    };
    let docs: Vec<&Doc> = docs.iter().filter(|doc| doc.filter == filter).collect();
    let metric = match metric(source, &docs, origin) {
        Err(_) if source.ask.texts && source.ask.reward.is_none() => None,
        metric => Some(metric?),
    };
    let mut entries = Entries::new(Table::Samples);
    entries.named = origin.named();
    entries.filter = applied;
    let mut seen: HashMap<&str, &Doc> = HashMap::new();
    for doc in docs {
        if let Some(first) = seen.insert(&doc.id, doc) {
            return Err(duplicate(source, first, doc));
        }
        let mut rewards = match &metric {
            Some(metric) => match rewards(source, doc, metric, &mut entries) {
                Err(_) if source.needs_no_grade() => Vec::new(),
                rewards => rewards?,
            },
            None => Vec::new(),
        };
        let single = rewards.len() == 1;
        if source.ask.texts {
            rewards.resize(doc.texts.len().max(rewards.len()), f64::NAN);
        }
        for (at, value) in rewards.into_iter().enumerate() {
            let entry = Entry {
                value,
                response: at.to_string(),
                answer: doc.answer.clone().filter(|_| single && at == 0),
                text: doc.texts.get(at).cloned(),
                ..row(doc, origin)
            };
            entries.push(source, entry)?;
        }
    }
    if let Some(metric) = metric {
        entries.notes.push(format!(
            "rewards are the metric `{metric}`, filter `{filter}`"
        ));
    }
    Ok(entries)
}

/// The name of what is no filter.
const UNFILTERED: &str = "none";

/// The filter whose metrics count, and what became of the one that was asked for.
fn filter(source: &Source, docs: &[Doc]) -> Result<(String, Option<Filter>)> {
    let mut filters: Vec<String> = Vec::new();
    for doc in docs {
        if !filters.contains(&doc.filter) {
            filters.push(doc.filter.clone());
        }
    }
    let asked = source.ask.filter;
    if asked.is_some_and(|asked| asked != UNFILTERED) && filters == [UNFILTERED] {
        return Ok((UNFILTERED.into(), Some(Filter::Unfiltered)));
    }
    let filter = source.choose(Setting::Filter, "filter", asked, &filters)?;
    Ok((filter, asked.map(|_| Filter::Applied)))
}

/// What stands for a metric with `--predict_only`: a constant.
const BYPASS: &str = "bypass";

/// The metric that was asked for, or the only one that can be a reward: of one response, the higher
/// the better, and in [0, 1] for every document.
fn metric(source: &Source, docs: &[&Doc], origin: &Origin) -> Result<String> {
    let Some(first) = docs.first() else {
        return Err(source.refuse("no document in this log"));
    };
    let names: Vec<String> = first.metrics.iter().map(|(name, _)| name.clone()).collect();
    if let Some(asked) = source.asked_reward(|name| first.metric(name).is_some()) {
        let name = source.choose(Setting::Reward, "metric", Some(asked), &names)?;
        return match no_reward(source, origin, first, &name) {
            Some(problem) => Err(source.refuse(problem)),
            None => Ok(name),
        };
    }
    let fits = |name: &&String| {
        let of = |doc: &&Doc| {
            doc.metric(name)
                .is_some_and(|found| found.is_reward(source))
        };
        docs.iter().all(of)
    };
    let fitting: Vec<String> = names.iter().filter(fits).cloned().collect();
    let is_one = |name: &&String| no_reward(source, origin, first, name).is_none();
    let rewards: Vec<String> = fitting.iter().filter(is_one).cloned().collect();
    let is_ungraded = first.metrics.iter().all(|(name, _)| name == BYPASS);
    if rewards.is_empty() && is_ungraded && first.output == Output::Generated {
        return Err(source.ungraded(None));
    }
    let mut problems = fitting
        .iter()
        .filter_map(|name| no_reward(source, origin, first, name));
    if let Some(problem) = problems.next().filter(|_| rewards.is_empty()) {
        return Err(source.refuse(problem));
    }
    if rewards.is_empty() {
        return Err(source.refuse(format!(
            "no metric of this log is in [0, 1] for every document, as a reward must be; it has {}",
            if names.is_empty() {
                "none".into()
            } else {
                list(&names)
            }
        )));
    }
    source.choose(Setting::Reward, "metric", None, &rewards)
}

/// k of `pass@k`, also with a filter behind it (`pass@1,create_test`).
fn pass_at(metric: &str) -> Option<u64> {
    let after = metric.strip_prefix("pass@")?;
    let end = after.find(|c: char| !c.is_ascii_digit());
    after[..end.unwrap_or(after.len())].parse().ok()
}

/// k of a filter that makes one answer of k responses (`maj@4`), where k is more than 1.
fn made_of(filter: &str) -> Option<u64> {
    let (_, k) = filter.rsplit_once('@')?;
    k.parse().ok().filter(|&k| k > 1)
}

/// Why a metric is no reward of one response, whatever its values are; `doc` is any document under
/// the filter.
fn no_reward(source: &Source, origin: &Origin, doc: &Doc, metric: &str) -> Option<String> {
    if let Some(k) = made_of(&doc.filter) {
        return Some(format!(
            "the filter `{}` makes one answer of {k} responses, so its `{metric}` is no reward of \
             one of them; choose another filter ({}), or judge the texts ({})",
            doc.filter,
            Setting::Filter,
            Setting::Texts
        ));
    }
    if let Some(k) = pass_at(metric).filter(|&k| k != 1) {
        return Some(format!(
            "`{metric}` is about {k} responses together and no reward of one of them; evaluate \
             with pass@1 too, or judge the texts ({})",
            Setting::Texts
        ));
    }
    let favours_low = source.ask.reward_map.is_some_and(|map| map.favours_low());
    let is_wrong = origin.lower_is_better.iter().any(|known| known == metric) && !favours_low;
    is_wrong.then(|| {
        format!(
            "the lower `{metric}` is, the better (`higher_is_better` in the results beside this \
             log), so it is no reward; say what counts as right ({} '==0' or '<0.5'), or choose \
             another metric ({})",
            Setting::RewardMap,
            Setting::Reward
        )
    })
}

/// The rewards of a document's responses.
///
/// `pass@1` of n responses is their mean, which says how many were right but not which.
fn rewards(source: &Source, doc: &Doc, metric: &str, entries: &mut Entries) -> Result<Vec<f64>> {
    let place = doc.place;
    let fault = |problem: String| source.fault(place, metric, problem);
    let n = doc.responses;
    let Some(found) = doc.metric(metric) else {
        return Err(fault("no value; fill it in or remove the line".into()));
    };
    let domain = |value: f64| source.reward(place, metric, value);
    match found {
        line::Metric::Each(values) if values.len() == n && n > 1 => {
            values.iter().map(|&value| domain(value)).collect()
        }
        line::Metric::Each(values) => Err(fault(format!(
            "{} values for {n} responses; a reward is one number for each response",
            values.len()
        ))),
        line::Metric::One(value) if n > 1 && pass_at(metric) == Some(1) => {
            let c = domain(*value)? * n as f64;
            if (c - c.round()).abs() > 1e-6 {
                return Err(fault(format!("{value} is not a share of {n} responses")));
            }
            note_once(
                entries,
                "pass@1 says how many responses to a prompt were right, not which: the numbers of \
                 the responses mean nothing",
            );
            let right = c.round() as usize;
            Ok((0..n).map(|at| f64::from(u8::from(at < right))).collect())
        }
        line::Metric::One(value) => {
            let others = (doc.repeats.max(n) - 1) as u64;
            if !source.ask.texts {
                entries.dropped.add(others, REPEATS);
            }
            Ok(vec![domain(*value)?])
        }
        line::Metric::Other(value) => Err(fault(format!(
            "{value} is not a reward; choose a metric in [0, 1] with {}",
            Setting::Reward
        ))),
    }
}

const REPEATS: &str = "responses without a grade of their own (repeats that the filter left out; `ReadOptions::texts` judges all responses anew)";

fn note_once(entries: &mut Entries, note: &str) {
    if !entries.notes.iter().any(|known| known == note) {
        entries.notes.push(note.into());
    }
}

fn row(doc: &Doc, origin: &Origin) -> Entry {
    let prompt = match &origin.task {
        Some(task) => format!("{task}/{}", doc.id),
        None => doc.id.clone(),
    };
    let context = doc.requests.first().map(|request| request.context.clone());
    let gold = (doc.output == Output::Generated && !doc.target.is_empty()).then_some(&doc.target);
    Entry {
        question: context,
        gold: gold.map(|gold| gold.as_str().into()),
        group: origin.task.clone(),
        identity: Some(Arc::new(doc.identity.clone())),
        ..Entry::new(doc.place, &origin.model, prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::{made_of, pass_at};

    #[test]
    fn only_pass_at_1_is_pass_at_1() {
        assert_eq!(pass_at("pass@1"), Some(1));
        assert_eq!(pass_at("pass@1,create_test"), Some(1));
        assert_eq!(pass_at("pass@10"), Some(10));
        assert_eq!(pass_at("pass@16,none"), Some(16));
        assert_eq!(pass_at("pass@"), None);
        assert_eq!(pass_at("acc"), None);
        let made = ["maj@4", "maj@1", "take_first", "none", "@"].map(made_of);
        assert_eq!(made, [Some(4), None, None, None, None]);
    }
}
