//! TRL: `completions/completions_{step}.parquet`, written with `log_completions=True`.
//!
//! Columns: `step`, `prompt`, `completion`, one for each reward function under that function's
//! name, whatever the user logged beside, and `advantage`. Their weighted sum, which the training
//! maximises, is not in the file.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch};
use arrow_schema::DataType;

use super::rollout::{Names, Rollout, UNGRADED, of_step, step_of_name};
use crate::error::{Place, Result};
use crate::io::convert::numbers;
use crate::io::parquet::{column_names, open_metadata, read_batches};
use crate::limit;
use crate::log::entry::Entries;
use crate::log::format::{Format, Sign};
use crate::log::source::Source;
use crate::schema::Table;
use crate::setting::Setting;

pub(in crate::log) const FORMAT: Format = Format {
    name: "TRL completions",
    help: "TRL (completions)",
    sign: Sign::Parquet(is_completions),
    may_hold_likelihoods: false,
    part: None,
    read,
};

/// Whether columns of these names are TRL's.
fn is_completions(path: &Path) -> Result<bool> {
    let names = column_names(&open_metadata(path)?);
    let has = |name: &str| names.iter().any(|known| known == name);
    Ok(has("prompt") && has("completion") && has("step") && !has("prompt_id"))
}

/// Reads one log.
fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let batches = read_batches(&source.path)?;
    let names = rewards(&batches);
    let asked = source.asked_reward(|name| names.iter().any(|known| known == name));
    let field = match source.choose(Setting::Reward, "reward column", asked, &names) {
        Ok(field) => Some(field),
        // Whoever judges anew needs no grade.
        Err(_) if source.ask.texts => None,
        Err(error) => return Err(error),
    };
    let mut entries = Entries::new(Table::Samples);
    if let Some(field) = field.as_ref().filter(|_| asked.is_none()) {
        let note = format!("rewards are the column `{field}`, the only one of numbers");
        entries.notes.push(note);
    }
    let mut known = Names::new(source);
    let mut first = 1;
    for batch in &batches {
        let columns = Columns::of(source, batch, field.as_deref())?;
        for row in 0..batch.num_rows() {
            let place = Place::Row(first + row as u64);
            let reward = match columns.reward(row) {
                Some(reward) => source.reward(place, field.as_deref().unwrap_or_default(), reward),
                None if source.ask.texts => Ok(f64::NAN),
                None => {
                    entries.dropped.add(1, UNGRADED);
                    continue;
                }
            };
            let too_long = |length| {
                let what = format!("a text of {length} bytes or more");
                limit::over(&source.path, Some(place), what)
            };
            let prompt = render(&columns.prompt, row).map_err(too_long)?;
            let prompt = prompt.ok_or_else(|| {
                source.fault(
                    place,
                    "prompt",
                    "no value; a prompt is a text or a list of messages",
                )
            })?;
            let rollout = Rollout {
                place,
                model: of_step(source, columns.step(source, row, place)?),
                prompt: &prompt,
                reward: reward?,
                text: columns.text(row).map_err(too_long)?,
                answer: None,
                gold: None,
                example: None,
            };
            known.push(&mut entries, rollout)?;
        }
        first += batch.num_rows() as u64;
    }
    Ok(entries)
}

/// What the columns are called in which pandas keeps the numbers of rows.
const PANDAS_INDEX: &str = "__index_level_";

/// The columns of numbers that are neither TRL's own nor pandas'.
fn rewards(batches: &[RecordBatch]) -> Vec<String> {
    let Some(batch) = batches.first() else {
        return Vec::new();
    };
    let schema = batch.schema_ref();
    let fields = schema.fields().iter().zip(batch.columns());
    let is_reward = |name: &str, array: &ArrayRef| {
        let is_own = matches!(name, "step" | "advantage" | "prompt" | "completion");
        !is_own && !name.starts_with(PANDAS_INDEX) && numbers(array).is_some()
    };
    let kept = fields.filter(|(field, array)| is_reward(field.name(), array));
    kept.map(|(field, _)| field.name().clone()).collect()
}

struct Columns {
    prompt: ArrayRef,
    completion: Option<ArrayRef>,
    step: Option<Float64Array>,
    reward: Option<Float64Array>,
}

impl Columns {
    fn of(source: &Source, batch: &RecordBatch, field: Option<&str>) -> Result<Self> {
        let missing = |name: &str| source.refuse(format!("no column `{name}` of numbers"));
        let column = |name: &str| batch.column_by_name(name);
        let reward = |field| {
            column(field)
                .and_then(numbers)
                .ok_or_else(|| missing(field))
        };
        Ok(Self {
            prompt: column("prompt").cloned().ok_or_else(|| missing("prompt"))?,
            completion: column("completion").cloned(),
            step: column("step").and_then(numbers),
            reward: field.map(reward).transpose()?,
        })
    }

    fn reward(&self, row: usize) -> Option<f64> {
        let rewards = self.reward.as_ref()?;
        let value = rewards.is_valid(row).then(|| rewards.value(row));
        value.filter(|value| !value.is_nan())
    }

    /// The response: a text, or the content of the last message.
    fn text(&self, row: usize) -> Result<Option<String>, usize> {
        let Some(completion) = self.completion.as_ref() else {
            return Ok(None);
        };
        let messages = completion.as_list_opt::<i32>();
        let Some(messages) = messages.filter(|messages| messages.is_valid(row)) else {
            return render(completion, row);
        };
        let messages = messages.value(row);
        let contents = messages
            .as_struct_opt()
            .and_then(|message| message.column_by_name("content"));
        match (contents, messages.len().checked_sub(1)) {
            (Some(contents), Some(last)) => render(contents, last),
            _ => Ok(None),
        }
    }

    fn step(&self, source: &Source, row: usize, place: Place) -> Result<u64> {
        let logged = self.step.as_ref().filter(|steps| steps.is_valid(row));
        let whole = |step: f64| (step >= 0.0 && step.fract() == 0.0).then_some(step as u64);
        let step = logged.and_then(|steps| whole(steps.value(row)));
        step.or_else(|| step_of_name(&source.path)).ok_or_else(|| {
            let problem = "no training step, here or in the name of the file";
            source.fault(place, "step", problem)
        })
    }
}

/// A prompt as one text: a string, or messages with their roles; nothing where there is no value.
///
/// # Errors
/// Its length so far, where it is longer than a record may be: items of a list may share a text.
fn render(array: &ArrayRef, row: usize) -> Result<Option<String>, usize> {
    let mut text = String::new();
    Ok(write(&mut text, array, row)?.then_some(text))
}

/// Appends a value; whether there is one.
fn write(text: &mut String, array: &ArrayRef, row: usize) -> Result<bool, usize> {
    if array.is_null(row) {
        return Ok(false);
    }
    match array.data_type() {
        DataType::Utf8View => text.push_str(array.as_string_view().value(row)),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            for item in 0..items.len() {
                text.push_str(if item > 0 { "\n" } else { "" });
                if !write(text, &items, item)? {
                    return Ok(false);
                }
            }
        }
        DataType::Struct(_) => {
            let parts = array.as_struct();
            let mut is_first = true;
            for (field, part) in parts.fields().iter().zip(parts.columns()) {
                let before = text.len();
                text.push_str(if is_first { "" } else { " " });
                text.push_str(field.name());
                text.push('=');
                // Members that one message has and another lacks are null there.
                if write(text, part, row)? {
                    is_first = false;
                } else {
                    text.truncate(before);
                }
            }
        }
        _ => return Ok(false),
    }
    match text.len() {
        length if length as u64 > limit::max_record_bytes() => Err(length),
        _ => Ok(true),
    }
}
