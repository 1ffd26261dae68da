//! Outcomes by task: `{"task_id", "pass_flags": [..]}` of sharpening-tax, or the counts `{"id",
//! "n", "c"}` that scripts around Pass@k keep, as its estimator takes them (human-eval,
//! `evaluation.py`).
//!
//! The model stands in `{log}.config.json` beside the log, or the file or its folder is named after
//! it.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::entry::{Entries, Entry};
use super::format::{Format, Has, Sign};
use super::model_name;
use super::source::{Line, Source, flag, id, number, parse, show};
use crate::checked::Checked;
use crate::error::{Place, Result};
use crate::limit;
use crate::schema::Table;
use crate::value;

/// More rollouts of one task than this are a slip.
const MOST: u64 = 1_000_000;

/// The names that a task goes by; the first one present counts.
const IDS: [&str; 5] = ["task_id", "id", "problem_id", "question_id", "name"];

/// Whether a line has the fields of this format.
fn is_one(has: Has) -> bool {
    let counts = has("n") && has("c") && !has("model");
    (has("task_id") && has("pass_flags")) || (counts && IDS.iter().any(|name| has(name)))
}

pub(super) const FORMAT: Format = Format {
    name: "outcomes or counts by task",
    help: "sharpening-tax and counts {id, n, c}",
    sign: Sign::Line(is_one),
    may_hold_likelihoods: false,
    part: None,
    read,
};

/// Reads one log.
fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let model = model(source)?;
    let mut entries = Entries::new(Table::Samples);
    source.for_each_line(|line| {
        let place = Place::Line(line.number);
        let mut ids = IDS.into_iter();
        let Some(task) = ids.find_map(|name| line.members.get(name)).and_then(id) else {
            return Err(source.fault(place, "task_id", "no value; is this line whole?"));
        };
        let prompt: Arc<str> = task.into();
        let category = line.members.get("category").and_then(Value::as_str);
        let group: Option<Arc<str>> = category.map(Into::into);
        for (at, reward) in flags(source, &line)?.into_iter().enumerate() {
            let entry = Entry {
                response: at.to_string(),
                value: reward,
                group: group.clone(),
                ..Entry::new(place, &model, prompt.clone())
            };
            entries.push(source, entry)?;
        }
        Ok(())
    })?;
    Ok(entries)
}

fn flags(source: &Source, line: &Line) -> Result<Vec<f64>> {
    let fault =
        |field: &str, problem: String| source.fault(Place::Line(line.number), field, problem);
    let Some(flags) = line.members.get("pass_flags") else {
        return counts(line, &fault);
    };
    let Some(items) = flags.as_array().filter(|items| !items.is_empty()) else {
        let problem = format!("{} is not a list of outcomes", show(flags));
        return Err(fault("pass_flags", problem));
    };
    let outcome = |item: &Value| {
        let value = flag(item)
            .ok_or_else(|| fault("pass_flags", format!("{} is not an outcome", show(item))))?;
        source.reward(Place::Line(line.number), "pass_flags", value)
    };
    items.iter().map(outcome).collect()
}

fn counts(line: &Line, fault: &impl Fn(&str, String) -> crate::error::Error) -> Result<Vec<f64>> {
    let count = |field: &str| {
        let found = line.members.get(field).and_then(number);
        let found = found.ok_or_else(value::missing).and_then(value::count);
        found.map_err(|problem| fault(field, problem))
    };
    let (n, c) = (count("n")?, count("c")?);
    match n {
        0 => Err(fault("n", "0 samples say nothing; remove the line".into())),
        _ if n > MOST => Err(fault(
            "n",
            format!("{n} samples of one task; at most {MOST} are read"),
        )),
        _ if c > n => Err(fault(
            "c",
            format!("{c} right of {n} samples; at most `n` can be right"),
        )),
        _ => Ok((0..n).map(|at| f64::from(u8::from(at < c))).collect()),
    }
}

/// `policy.model` of the configuration, with its mode: a model is run with a harness and without.
fn model(source: &Source) -> Result<Arc<str>> {
    match of_config(&source.path) {
        Some(found) => source.model(|| Some(found)),
        None => model_name::model(source),
    }
}

fn of_config(path: &Path) -> Option<String> {
    let config = format!("{}.config.json", path.to_str()?);
    let Checked(config) = parse(&limit::read_beside(config.as_ref())?).ok()?;
    let policy = config.get("policy")?;
    let model = policy.get("model")?.as_str()?;
    Some(match policy.get("mode").and_then(Value::as_str) {
        Some(mode) => format!("{model}:{mode}"),
        None => model.into(),
    })
}
