//! Rollouts in JSON Lines, one response a line, whatever the names of the fields.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::rollout::{Names, Rollout, UNGRADED};
use crate::error::{Place, Result};
use crate::log::entry::Entries;
use crate::log::source::{Line, REWARD_MAP, Source, flag, show, text};
use crate::message::list;
use crate::schema::Table;
use crate::setting::Setting;
use crate::value::right_answer;

/// How one program writes its lines.
pub(super) struct Dump {
    /// The field of the reward.
    pub(super) reward: &'static str,
    /// The field of the prompt.
    pub(super) prompt: &'static str,
    pub(super) parts: fn(&Map<String, Value>) -> Parts,
    pub(super) model: fn(&Source, &Line) -> Result<Arc<str>>,
    /// What the user should know of such logs.
    pub(super) note: Option<&'static str>,
}

/// What a line holds.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) prompt: Option<String>,
    pub(super) text: Option<String>,
    pub(super) gold: Option<(&'static str, String)>,
    /// The field of a right answer that verifiers could not read.
    pub(super) odd_gold: Option<&'static str>,
    pub(super) example: Option<String>,
    pub(super) answer: Option<String>,
}

/// The training step that a line says it is of.
pub(super) fn logged_step(line: &Line) -> Option<u64> {
    line.members.get("step").and_then(Value::as_u64)
}

/// A field that is there and not null, as text.
pub(super) fn said(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name).filter(|value| !value.is_null()).map(text)
}

/// `input, output` and what the reward function returned beside.
pub(super) fn input_output(members: &Map<String, Value>) -> Parts {
    const GOLD: &str = "gts";
    let object = members.get(GOLD).filter(|value| value.is_object());
    let gold = match object {
        Some(object) => right_answer(object),
        None => said(members, GOLD),
    };
    let is_odd = object.is_some() && gold.is_none();
    Parts {
        prompt: said(members, "input"),
        text: said(members, "output"),
        gold: gold.map(|gold| (GOLD, gold)),
        odd_gold: is_odd.then_some(GOLD),
        answer: members
            .get("pred")
            .and_then(Value::as_str)
            .map(str::to_owned),
        example: None,
    }
}

/// Reads one log. The reward is the format's own field, unless another is asked for.
pub(super) fn read(source: &Source, dump: &Dump) -> Result<Entries> {
    source.only(Table::Samples)?;
    let mut entries = Entries::new(Table::Samples);
    let mut names = Names::new(source);
    let mut has_odd_gold = false;
    source.for_each_line(|line| {
        let place = Place::Line(line.number);
        let field = source
            .asked_reward(|name| found(&line, name).is_some())
            .unwrap_or(dump.reward);
        let parts = (dump.parts)(&line.members);
        let Some(prompt) = parts.prompt else {
            let problem = if line.members.contains_key(dump.prompt) {
                "no prompt in it apart from the response; log conversations as lists of messages"
            } else {
                "no value; is this line whole?"
            };
            return Err(source.fault(place, dump.prompt, problem));
        };
        if let Some(field) = parts.odd_gold {
            if source.needs_no_grade() {
                let problem = "an object that does not say which text is right: a verifier reads a \
                               text, a list of texts, or one of them under target, ground_truth or \
                               answer alone";
                return Err(source.fault(place, field, problem));
            }
            has_odd_gold = true;
        }
        let graded = match reward(source, &line, field) {
            Err(_) if source.needs_no_grade() => None,
            graded => graded?,
        };
        let reward = match graded {
            Some(reward) => reward,
            None if source.ask.texts => f64::NAN,
            None => {
                entries.dropped.add(1, UNGRADED);
                return Ok(());
            }
        };
        let rollout = Rollout {
            place,
            model: (dump.model)(source, &line)?,
            prompt: &prompt,
            reward,
            text: parts.text,
            answer: parts.answer,
            gold: parts.gold,
            example: parts.example,
        };
        names.push(&mut entries, rollout)
    })?;
    entries.notes.extend(dump.note.map(str::to_owned));
    if has_odd_gold {
        let note = "right answers that are objects are left out: no verifier reads them";
        entries.notes.push(note.into());
    }
    Ok(entries)
}

/// A field of a line, or of its `metrics`; of a batch of one, what is in it.
fn found<'l>(line: &'l Line, field: &str) -> Option<&'l Value> {
    let inner = || line.members.get("metrics")?.get(field);
    let value = line.members.get(field).or_else(inner)?;
    match value.as_array().map(Vec::as_slice) {
        Some([only]) => Some(only),
        _ => Some(value),
    }
}

/// The reward of a line, or nothing where it has none.
fn reward(source: &Source, line: &Line, field: &str) -> Result<Option<f64>> {
    let place = Place::Line(line.number);
    let fault = |problem: String| source.fault(place, field, problem);
    let Some(found) = found(line, field) else {
        let names: Vec<String> = fitting(source, line).collect();
        return Err(fault(if names.is_empty() {
            "no such field, and no other on this line is a reward".into()
        } else {
            format!(
                "no such field; those in [0, 1] on this line: {}",
                list(&names)
            )
        }));
    };
    let value = match flag(found).or_else(|| sum(found)) {
        Some(value) => value,
        None if found.is_null() => return Ok(None),
        None => return Err(fault(format!("{} is not a reward", show(found)))),
    };
    if value.is_nan() {
        return Ok(None);
    }
    let others: Vec<String> = fitting(source, line).filter(|name| name != field).collect();
    if source.is_reward(value) || source.ask.reward_map.is_some() || others.is_empty() {
        return source.reward(place, field, value).map(Some);
    }
    let problem = crate::value::reward(value).err().unwrap_or_default();
    Err(fault(format!(
        "{problem}; or choose another field with {}: {}; {REWARD_MAP}",
        Setting::Reward,
        list(&others)
    )))
}

/// Rewards of tokens add up.
fn sum(value: &Value) -> Option<f64> {
    let items = value.as_array().filter(|items| !items.is_empty())?;
    items.iter().map(Value::as_f64).sum()
}

/// The fields of a line that could be a reward.
fn fitting<'l>(source: &'l Source, line: &'l Line) -> impl Iterator<Item = String> + 'l {
    const OTHERS: [&str; 4] = ["step", "idx", "example_id", "input_lengths"];
    let fits = |value: &Value| {
        let is_number = value.is_number() || value.is_boolean();
        is_number && flag(value).is_some_and(|value| source.is_reward(value))
    };
    let inner = line.members.get("metrics").and_then(Value::as_object);
    let named = line.members.iter().chain(inner.into_iter().flatten());
    let named = named.filter(move |(name, value)| !OTHERS.contains(&name.as_str()) && fits(value));
    named.map(|(name, _)| name.clone())
}
