//! verl: `{step}.jsonl` of `trainer.rollout_data_dir` and `trainer.validation_data_dir`.

use serde_json::Value;

use super::super::entry::{Entries, Identity, fnv};
use super::super::source::{Line, Source, flag, show, text};
use super::{Names, Rollout, step_of_name};
use crate::error::{Place, Result};
use crate::schema::Table;
use crate::value;

/// verl's own figure for 1 right response of 4 is `1 - (3/4)^4`.
const BIASED: &str = "verl's own best@N draws N of the logged responses with replacement and is biased low \
    (1 right of 4 gives best@4 = 0.684, where Pass@4 is 1); Pass@k of this table is unbiased";

/// Reads one log. The reward is `score`, unless another field is asked for.
pub(in super::super) fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let field = source.ask.reward.unwrap_or("score");
    let mut entries = Entries::new(Table::Samples);
    let mut names = Names::new(source);
    source.for_each_line(|line| {
        let place = Place::Line(line.number);
        let Some(input) = line.members.get("input") else {
            return Err(source.fault(place, "input", "no value; is this line whole?"));
        };
        let Some(reward) = reward(source, &line, field)? else {
            entries
                .dropped
                .add(1, "responses whose reward is NaN or null");
            return Ok(());
        };
        let input = text(input);
        entries.rows.push(
            names.entry(Rollout {
                place,
                step: step(source, &line)?,
                prompt: &input,
                reward,
                answer: line
                    .members
                    .get("pred")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                identity: identity(&line),
            })?,
        );
        Ok(())
    })?;
    entries.notes.push(BIASED.into());
    Ok(entries)
}

fn step(source: &Source, line: &Line) -> Result<u64> {
    let logged = line.members.get("step").and_then(Value::as_u64);
    logged.or_else(|| step_of_name(&source.path)).ok_or_else(|| {
        let problem = "no training step, here or in the name of the file; call it {step}.jsonl as verl does";
        source.fault(Place::Line(line.number), "step", problem)
    })
}

/// The reward of a line, or nothing where it has none.
fn reward(source: &Source, line: &Line, field: &str) -> Result<Option<f64>> {
    let fault = |problem: String| source.fault(Place::Line(line.number), field, problem);
    let Some(found) = line.members.get(field) else {
        let names: Vec<String> = fitting(line).collect();
        let known = crate::error::list(&names);
        return Err(fault(format!(
            "no such field; those in [0, 1] on this line: {known}"
        )));
    };
    let value = match flag(found) {
        Some(value) => value,
        None if found.is_null() => return Ok(None),
        None => return Err(fault(format!("{} is not a reward", show(found)))),
    };
    if value.is_nan() {
        return Ok(None);
    }
    value::reward(value).map(Some).map_err(|problem| {
        let others: Vec<String> = fitting(line).filter(|name| name != field).collect();
        match others.is_empty() {
            true => fault(problem),
            false => fault(format!(
                "{problem}; or choose another field with --reward: {}",
                crate::error::list(&others)
            )),
        }
    })
}

/// The fields of a line that could be a reward.
fn fitting(line: &Line) -> impl Iterator<Item = String> + '_ {
    let fits = |value: &Value| {
        let is_number = value.is_number() || value.is_boolean();
        is_number && flag(value).is_some_and(|value| (0.0..=1.0).contains(&value))
    };
    let named = line
        .members
        .iter()
        .filter(move |(name, value)| *name != "step" && fits(value));
    named.map(|(name, _)| name.clone())
}

/// The expected answer belongs to the prompt.
fn identity(line: &Line) -> Option<Identity> {
    let expected = line.members.get("gts").filter(|value| !value.is_null())?;
    Some(vec![(
        "gts",
        format!("{:032x}", fnv(text(expected).as_bytes())),
    )])
}
