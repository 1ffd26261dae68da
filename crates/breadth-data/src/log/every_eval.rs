//! every_eval_ever: one JSON object for each response (`*_samples.jsonl`), after
//! `instance_level_eval.schema.json` of evaleval/every_eval_ever.
//!
//! `model_id`, `evaluation_name`, `sample_id`, `input {raw, reference}`, `output {raw}` or
//! `messages`, and `evaluation {score, is_correct}`. The reward is `is_correct`, unless `score` is
//! asked for. A sample that stands several times was answered several times.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::entry::{Entries, Entry};
use super::format::{Format, Sign};
use super::messages::reply_text;
use super::source::{Line, Source, flag, id, show, text};
use crate::error::{Place, Result};
use crate::hash::fnv_1a;
use crate::schema::Table;
use crate::setting::Setting;

pub(super) const FORMAT: Format = Format {
    name: "every_eval_ever instances",
    help: "every_eval_ever",
    sign: Sign::Line(|has| {
        has("evaluation_id") && has("sample_id") && has("model_id") && has("evaluation")
    }),
    may_hold_likelihoods: false,
    part: None,
    read,
};

/// Reads one log.
fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let mut entries = Entries::new(Table::Samples);
    let mut counts: HashMap<(Arc<str>, Arc<str>), u64> = HashMap::new();
    let mut metrics: HashMap<String, Value> = HashMap::new();
    let mut filters: HashMap<Arc<str>, String> = HashMap::new();
    source.for_each_line(|line| {
        let place = Place::Line(line.number);
        one_metric(source, &line, &mut metrics)?;
        let model: Arc<str> = match source.ask.model {
            Some(name) => name.into(),
            None => named(source, &line, "model_id")?.into(),
        };
        let task: Arc<str> = named(source, &line, "evaluation_name")?.into();
        let metadata = line.members.get("metadata");
        if let Some(filter) = metadata.and_then(|all| all.get("filter")?.as_str()) {
            filters.insert(task.clone(), filter.into());
        }
        let prompt: Arc<str> = format!("{task}/{}", named(source, &line, "sample_id")?).into();
        let count = counts.entry((model.clone(), prompt.clone())).or_default();
        let input = line.members.get("input");
        let gold = input.and_then(|input| gold(input.get("reference")?));
        let hash = input.map(|input| format!("{:032x}", fnv_1a(input.to_string().as_bytes())));
        let entry = Entry {
            value: reward(source, &line)?,
            response: count.to_string(),
            answer: answer(&line),
            text: reply(&line),
            question: input.and_then(|input| Some(text(input.get("raw")?).into())),
            gold: gold.map(Into::into),
            group: Some(task),
            identity: hash.map(|hash| Arc::new(vec![("input", hash)])),
            ..Entry::new(place, &model, prompt)
        };
        *count += 1;
        entries.push(source, entry)
    })?;
    one_filter(source, &mut entries, &filters)?;
    Ok(entries)
}

/// The task and the filter of an evaluation's name, which the conversion of lm-evaluation-harness
/// writes as `TASK/FILTER`; `filters` has those that the lines name.
fn task_and_filter<'n>(
    name: &'n str,
    filters: &'n HashMap<Arc<str>, String>,
) -> (&'n str, &'n str) {
    let told = filters.get(name).map(String::as_str);
    let of_told = told.and_then(|filter| {
        let task = name.strip_suffix(filter)?.strip_suffix('/')?;
        Some((task, filter))
    });
    let split = || name.rsplit_once('/').filter(|_| told.is_none());
    of_told.or_else(split).unwrap_or((name, "none"))
}

/// Keeps one filter of each task whose questions stand under several: their lines repeat the same
/// responses.
fn one_filter(
    source: &Source,
    entries: &mut Entries,
    filters: &HashMap<Arc<str>, String>,
) -> Result<()> {
    let parts = |row: &Entry| {
        let name: &str = row.group.as_deref().unwrap_or_default();
        let (task, filter) = task_and_filter(name, filters);
        (
            task.to_owned(),
            filter.to_owned(),
            row.prompt[name.len()..].to_owned(),
        )
    };
    let mut first: HashMap<(&str, &str, String, String), String> = HashMap::new();
    let mut repeated: HashSet<String> = HashSet::new();
    let mut names: Vec<String> = Vec::new();
    for row in &entries.rows {
        let (task, filter, sample) = parts(row);
        if !names.contains(&filter) {
            names.push(filter.clone());
        }
        let Some(question) = row.question.as_deref().filter(|text| !text.is_empty()) else {
            continue;
        };
        let key = (&*row.model, question, task.clone(), sample);
        if *first.entry(key).or_insert_with(|| filter.clone()) != filter {
            repeated.insert(task);
        }
    }
    if repeated.is_empty() && source.ask.filter.is_none() {
        return Ok(());
    }
    let wanted = source.choose(Setting::Filter, "filter", source.ask.filter, &names)?;
    entries.rows.retain(|row| {
        let (task, filter, _) = parts(row);
        filter == wanted || !(repeated.is_empty() || repeated.contains(&task))
    });
    entries
        .notes
        .push(format!("responses are those of the filter `{wanted}`"));
    Ok(())
}

/// Refuses several metrics of one evaluation: their lines repeat the same responses.
fn one_metric(source: &Source, line: &Line, known: &mut HashMap<String, Value>) -> Result<()> {
    let result = line
        .members
        .get("evaluation_result_id")
        .filter(|id| !id.is_null());
    let run = line.members.get("evaluation_id").map(text);
    let name = line.members.get("evaluation_name").map(text);
    let (Some(result), Some(run), Some(name)) = (result, run, name) else {
        return Ok(());
    };
    let first = known
        .entry(format!("{run}\0{name}"))
        .or_insert_with(|| result.clone());
    if first == result {
        Ok(())
    } else {
        Err(source.fault(
            Place::Line(line.number),
            "evaluation_result_id",
            format!(
                "{} after {}: two metrics of one evaluation repeat its responses; keep the lines \
                 of one of them",
                show(result),
                show(first)
            ),
        ))
    }
}

fn named(source: &Source, line: &Line, field: &str) -> Result<String> {
    let found = line.members.get(field).and_then(id);
    found.ok_or_else(|| {
        source.fault(
            Place::Line(line.number),
            field,
            "no value; is this line whole?",
        )
    })
}

fn reward(source: &Source, line: &Line) -> Result<f64> {
    let place = Place::Line(line.number);
    let field = source
        .asked_reward(|name| matches!(name, "is_correct" | "score"))
        .unwrap_or("is_correct");
    let evaluation = line.members.get("evaluation");
    let found = evaluation
        .and_then(|all| all.get(field))
        .filter(|value| !value.is_null());
    let field = format!("evaluation.{field}");
    match found {
        Some(value) => match flag(value) {
            Some(value) => source.reward(place, &field, value),
            None if source.needs_no_grade() => Ok(f64::NAN),
            None => Err(source.fault(place, &field, format!("{} is not a reward", show(value)))),
        },
        None if source.ask.texts => Ok(f64::NAN),
        None => Err(source.fault(
            place,
            &field,
            "no value; choose `score` or `is_correct` with `LogOptions::reward`, or remove the line",
        )),
    }
}

/// The response: the last of `output.raw`, or what the assistant said last.
fn reply(line: &Line) -> Option<String> {
    let output = line
        .members
        .get("output")
        .and_then(|output| output.get("raw"));
    let said = output.and_then(|raw| match raw {
        Value::Array(items) => items.last()?.as_str().map(str::to_owned),
        other => other.as_str().map(str::to_owned),
    });
    said.or_else(|| reply_text(line.members.get("messages")?))
}

/// The reference, where there is one alone.
fn gold(reference: &Value) -> Option<String> {
    match reference {
        Value::Array(items) => match items.as_slice() {
            [only] => only.as_str().map(str::to_owned),
            _ => None,
        },
        other => other.as_str().map(str::to_owned),
    }
}

/// The answer that was taken from the response in the end.
fn answer(line: &Line) -> Option<String> {
    let found = line.members.get("answer_attribution")?.as_array()?;
    let last = found.iter().rev();
    let mut last =
        last.filter(|one| one.get("is_terminal").and_then(Value::as_bool) != Some(false));
    last.next()?
        .get("extracted_value")?
        .as_str()
        .map(str::to_owned)
}
