//! Traces of verifiers, as prime-rl keeps them too (`rollouts/step_{n}/{train,eval}/{all,
//! effective}/traces.jsonl`): `task, nodes, rewards, calls`, and in prime-rl `env_name, eval_step,
//! policy_version` (verifiers, `v1/trace.py`, `v1/graph.py`; prime-rl, `orchestrator/types.py`).
//!
//! Nodes are messages, each with the number of the one before it. What stands before the first that
//! the model wrote is the prompt, what it wrote last the response.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::rollout::{Names, Rollout, UNGRADED, example, of_step, step_of_folder};
use crate::error::{Place, Result};
use crate::log::entry::{Entries, short_id};
use crate::log::format::{Format, Part, Sign};
use crate::log::messages::{prompt_text, reply_text};
use crate::log::model_name;
use crate::log::source::{Line, Source, flag, show, text};
use crate::schema::Table;
use crate::setting::Setting;

pub(in crate::log) const FORMAT: Format = Format {
    name: "verifiers traces",
    help: "prime-rl",
    sign: Sign::Line(|has| has("nodes") && has("rewards") && has("task")),
    may_hold_likelihoods: false,
    part: Some(part),
    read,
};

/// `{train,eval}/{all,effective}/traces.jsonl` of prime-rl.
fn part(path: &Path) -> Option<Part> {
    let folder = path.parent()?;
    let kind = folder.parent()?;
    let is_evaluation = match kind.file_name()?.to_str()? {
        "train" => false,
        "eval" => true,
        _ => return None,
    };
    let is_effective = folder.file_name()? == "effective";
    let all = || Some(kind.join("all").join(path.file_name()?));
    Some(Part {
        is_evaluation,
        whole: is_effective.then(all).flatten(),
    })
}

/// Reads one log. The reward is the sum that the training maximises, unless one of those it is made
/// of, or a metric, is asked for.
fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let mut entries = Entries::new(Table::Samples);
    let mut names = Names::new(source);
    source.for_each_line(|line| {
        let place = Place::Line(line.number);
        let talk = Talk::of(source, &line)?;
        let graded = match reward(source, &line) {
            Err(_) if source.needs_no_grade() => None,
            graded => graded?,
        };
        let reward = match graded {
            Some(reward) => reward,
            None if source.ask.texts && talk.reply.is_some() => f64::NAN,
            None => {
                entries.dropped.add(1, UNGRADED);
                return Ok(());
            }
        };
        let task = line.members.get("task");
        let data = task.map(|task| task.get("data").unwrap_or(task));
        let gold = data.and_then(|data| data.get("answer"));
        let gold = gold.filter(|gold| !gold.is_null());
        let rollout = Rollout {
            place,
            model: model(source, &line)?,
            prompt: &talk.prompt,
            reward,
            text: talk.reply,
            answer: None,
            gold: gold.map(|gold| ("answer", text(gold))),
            example: task.and_then(|task| named(&line, task)),
        };
        names.push(&mut entries, rollout)
    })?;
    Ok(entries)
}

/// The example: the key of its task, which is the same in every run and for most tasks a long hash,
/// else its number.
fn named(line: &Line, task: &Value) -> Option<String> {
    const LONGEST: usize = 32;
    let environment = line.members.get("env_name");
    match task.get("key").and_then(Value::as_str) {
        Some(key) if key.len() > LONGEST => example(environment, Some(&short_id(key).into())),
        Some(key) => example(environment, Some(&key.into())),
        None => example(environment, task.get("data")?.get("idx")),
    }
}

/// What was asked, and what the model said in the end.
struct Talk {
    prompt: String,
    reply: Option<String>,
}

impl Talk {
    fn of(source: &Source, line: &Line) -> Result<Self> {
        let fault = |problem: &str| source.fault(Place::Line(line.number), "nodes", problem);
        let nodes = line.members.get("nodes").and_then(Value::as_array);
        let nodes = nodes.ok_or_else(|| fault("no list of messages; is this line whole?"))?;
        let is_sampled = |node: &&Value| node.get("sampled") == Some(&Value::Bool(true));
        let last = nodes.iter().rposition(|node| is_sampled(&node));
        let mut path = Vec::new();
        let mut next = last.or(nodes.len().checked_sub(1));
        while let Some(at) = next {
            path.push(&nodes[at]);
            next = match nodes[at].get("parent").and_then(Value::as_u64) {
                // Each message stands behind the one that it answers.
                Some(parent) if (parent as usize) < at => Some(parent as usize),
                Some(_) => return Err(fault("a message before itself")),
                None => None,
            };
        }
        path.reverse();
        let asked = path.iter().take_while(|node| !is_sampled(node));
        let asked: Vec<Value> = asked
            .filter_map(|node| node.get("message"))
            .cloned()
            .collect();
        let own = line
            .members
            .get("root_reply")
            .filter(|reply| !reply.is_null());
        let said = last.and_then(|at| nodes[at].get("message"));
        Ok(Self {
            prompt: prompt_text(&Value::Array(asked)).ok_or_else(|| fault("no prompt in it"))?,
            reply: match own {
                Some(reply) => Some(text(reply)),
                None => said.and_then(|message| reply_text(&Value::Array(vec![message.clone()]))),
            },
        })
    }
}

/// The reward of a line, or nothing where it was not scored.
fn reward(source: &Source, line: &Line) -> Result<Option<f64>> {
    let place = Place::Line(line.number);
    let empty = Map::new();
    let object = |name: &str| line.members.get(name).and_then(Value::as_object);
    let (rewards, metrics) = (object("rewards").unwrap_or(&empty), object("metrics"));
    let metrics = metrics.unwrap_or(&empty);
    let Some(name) = source.asked_reward(|n| rewards.contains_key(n) || metrics.contains_key(n))
    else {
        if rewards.is_empty() || rewards.values().any(Value::is_null) {
            return Ok(None);
        }
        let parts = rewards
            .iter()
            .map(|(name, reward)| weighted(source, place, name, reward));
        let sum: f64 = parts.sum::<Result<f64>>()?;
        return source.reward(place, "rewards", sum).map(Some);
    };
    let found = rewards
        .get(name)
        .map(|reward| reward.get("score").unwrap_or(reward));
    match found.or(metrics.get(name)) {
        Some(Value::Null) => Ok(None),
        Some(value) => match flag(value) {
            Some(value) if value.is_nan() => Ok(None),
            Some(value) => source.reward(place, name, value).map(Some),
            None => Err(source.fault(place, name, format!("{} is not a reward", show(value)))),
        },
        None => {
            let all: Vec<String> = rewards.keys().chain(metrics.keys()).cloned().collect();
            let unknown = source.choose(Setting::Reward, "reward", Some(name), &all);
            unknown.map(|_| None)
        }
    }
}

/// What a reward adds to the sum: its score times its weight, or the number that it is.
fn weighted(source: &Source, place: Place, name: &str, reward: &Value) -> Result<f64> {
    let number = |value: Option<&Value>| value.and_then(flag);
    let parts = match number(Some(reward)) {
        Some(value) => Some((value, 1.0)),
        None => number(reward.get("score")).zip(number(reward.get("weight")).or(Some(1.0))),
    };
    let found = parts.map(|(score, weight)| score * weight);
    found.ok_or_else(|| source.fault(place, name, format!("{} is not a reward", show(reward))))
}

/// The step that a line, or a folder above it, says; else the model that was called.
fn model(source: &Source, line: &Line) -> Result<Arc<str>> {
    let logged = |name: &str| line.members.get(name).and_then(Value::as_u64);
    let folders = || source.path.ancestors().find_map(step_of_folder);
    if let Some(step) = logged("eval_step").or_else(folders) {
        return Ok(of_step(source, step));
    }
    let mut calls = line.members.get("calls").and_then(Value::as_array);
    let called = calls
        .take()
        .and_then(|calls| calls.first()?.get("model")?.as_str());
    match called {
        Some(name) => source.model(|| Some(name.to_owned())),
        None => model_name::model(source),
    }
}

#[cfg(test)]
mod tests {
    use super::step_of_folder;
    use std::path::Path;

    #[test]
    fn the_step_is_that_of_the_nearest_folder_that_has_one() {
        let of = |path: &str| Path::new(path).ancestors().find_map(step_of_folder);
        assert_eq!(
            of("step_1/rollouts/step_20/eval/all/traces.jsonl"),
            Some(20)
        );
        assert_eq!(of("outputs/traces.jsonl"), None);
    }
}
