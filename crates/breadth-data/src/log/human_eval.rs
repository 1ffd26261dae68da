//! human-eval: `{samples}_results.jsonl`, a line for each program, with `passed`.

use std::collections::HashMap;

use super::entry::{Entries, Entry};
use super::format::{Format, Sign};
use super::model_name;
use super::source::{Source, flag, id};
use crate::error::{Place, Result};
use crate::schema::Table;

pub(super) const FORMAT: Format = Format {
    name: "human-eval results",
    help: "human-eval (results)",
    sign: Sign::Line(|has| {
        has("task_id") && (has("passed") || has("completion") || has("solution"))
    }),
    may_hold_likelihoods: false,
    part: None,
    read,
};

fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let model = model_name::model(source)?;
    let mut entries = Entries::new(Table::Samples);
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut ungraded = None;
    source.for_each_line(|line| {
        let place = Place::Line(line.number);
        let Some(task) = line.members.get("task_id").and_then(id) else {
            return Err(source.fault(place, "task_id", "no value; is this line whole?"));
        };
        let passed = line.members.get("passed").and_then(flag);
        let reward = match passed {
            Some(passed) => source.reward(place, "passed", passed)?,
            None if source.ask.texts => f64::NAN,
            None => {
                ungraded = ungraded.or(Some(place));
                return Ok(());
            }
        };
        let count = counts.entry(task.clone()).or_default();
        let mut names = ["completion", "solution"].into_iter();
        let program = names.find_map(|name| line.members.get(name)?.as_str());
        let entry = Entry {
            response: count.to_string(),
            value: reward,
            text: program.map(str::to_owned),
            ..Entry::new(place, &model, task)
        };
        *count += 1;
        entries.push(source, entry)
    })?;
    match ungraded {
        Some(place) if entries.rows.is_empty() => Err(source.ungraded(Some(place))),
        Some(place) => {
            let problem = "not graded; give the file of results that the evaluation writes (.._results.jsonl)";
            Err(source.fault(place, "passed", problem))
        }
        None => Ok(entries),
    }
}
