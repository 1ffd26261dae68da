//! NeMo Gym: `gym eval run` and `ng_collect_rollouts`, and the collections of NeMo-RL:
//! `responses_create_params, response, reward` and the fields of the task (NeMo Gym,
//! `nemo_gym/rollout_collection.py`; `data/example_rollouts.jsonl` of its environments).

use std::sync::Arc;

use serde_json::Value;

use super::dump::{self, Dump, Parts, said};
use super::rollout::example;
use crate::error::Result;
use crate::log::format::{Format, Sign};
use crate::log::messages::{prompt_text, reply_text};
use crate::log::model_name;
use crate::log::source::{Line, Source};

pub(in crate::log) const FORMAT: Format = Format {
    name: "NeMo Gym rollouts",
    help: "NeMo Gym",
    sign: Sign::Line(|has| has("responses_create_params") && has("response") && has("reward")),
    may_hold_likelihoods: false,
    part: None,
    read: |source| dump::read(source, &DUMP),
};

const DUMP: Dump = Dump {
    reward: "reward",
    prompt: "responses_create_params",
    parts: |members| {
        let asked = members.get("responses_create_params");
        let mut golds = ["expected_answer", "ground_truth", "answer"].into_iter();
        Parts {
            prompt: asked.and_then(|asked| prompt_text(asked.get("input")?)),
            text: members.get("response").and_then(reply),
            gold: golds.find_map(|name| Some((name, said(members, name)?))),
            answer: said(members, "extracted_answer"),
            // Equal rows of the data have one index, whatever else is sampled.
            example: example(None, members.get("_ng_task_index")),
            ..Parts::default()
        }
    },
    model,
    note: None,
};

/// The last message; beside it stand reasoning and calls of tools.
fn reply(response: &Value) -> Option<String> {
    let items = response.get("output")?.as_array()?.iter();
    let is_message = |item: &&Value| item.get("type").and_then(Value::as_str) == Some("message");
    reply_text(&items.filter(is_message).cloned().collect())
}

fn model(source: &Source, line: &Line) -> Result<Arc<str>> {
    let named = line.members.get("response").and_then(|r| r.get("model"));
    match named
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty())
    {
        Some(name) => source.model(|| Some(name.to_owned())),
        None => model_name::model(source),
    }
}
