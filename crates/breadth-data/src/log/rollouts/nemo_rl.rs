//! NeMo-RL: `train_data_step{n}.jsonl` and `val_data_step{n}.jsonl`: `content, rewards, idx`, each
//! a batch of one (NeMo-RL, `algorithms/grpo.py`, `utils/logger.py`).

use std::path::Path;

use serde_json::Value;

use super::dump::{self, Dump, Parts, logged_step};
use super::rollout::{of_step, step_of_name};
use crate::log::format::{Format, Part, Sign};
use crate::log::messages::{prompt_text, reply_text};
use crate::log::model_name;

pub(in crate::log) const FORMAT: Format = Format {
    name: "NeMo-RL rollouts",
    help: "NeMo-RL",
    sign: Sign::Line(|has| has("content") && has("rewards") && has("idx")),
    may_hold_likelihoods: false,
    part: Some(part),
    read: |source| dump::read(source, &DUMP),
};

fn part(path: &Path) -> Option<Part> {
    match path.file_name()?.to_str()? {
        name if name.starts_with("val_") => Some(Part::of(true)),
        name if name.starts_with("train_") => Some(Part::of(false)),
        _ => None,
    }
}

const DUMP: Dump = Dump {
    reward: "rewards",
    prompt: "content",
    parts: |members| conversation(members.get("content")),
    model: |source, line| match logged_step(line).or_else(|| step_of_name(&source.path)) {
        Some(step) => Ok(of_step(source, step)),
        None => model_name::model(source),
    },
    note: None,
};

/// A whole conversation in one field: what stands before the assistant's last message is the
/// prompt; of texts without roles, what stands before the last.
fn conversation(content: Option<&Value>) -> Parts {
    let mut inner = content;
    // A batch of one conversation, which is a list of messages itself.
    while let Some(Value::Array(only)) = inner {
        match only.as_slice() {
            [Value::Array(_)] => inner = only.first(),
            _ => break,
        }
    }
    let Some(all) = inner.and_then(Value::as_array) else {
        return Parts::default();
    };
    let said = |message: &Value| match message.get("role").and_then(Value::as_str) {
        Some(role) => role == "assistant",
        None => true,
    };
    match all.iter().rposition(said) {
        Some(last) if last > 0 => Parts {
            prompt: prompt_text(&Value::Array(all[..last].to_vec())),
            text: reply_text(&Value::Array(all[last..=last].to_vec())),
            ..Parts::default()
        },
        _ => Parts::default(),
    }
}
