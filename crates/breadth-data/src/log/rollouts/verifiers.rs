//! `rollouts/step_{n}/train_rollouts.jsonl` of prime-rl and `results.jsonl` of `vf-eval`:
//! `example_id, prompt, completion, answer, reward, metrics` (prime-rl, `orchestrator/utils.py`;
//! verifiers, `utils/save_utils.py`).

use super::dump::{self, Dump, Parts, logged_step, said};
use super::rollout::{example, of_step, step_of_folder};
use crate::log::format::{Format, Sign};
use crate::log::messages::{prompt_text, reply_text};
use crate::log::model_name::model_beside;

pub(in crate::log) const FORMAT: Format = Format {
    name: "prime-rl rollouts",
    help: "prime-rl",
    sign: Sign::Line(|has| {
        has("prompt") && has("completion") && has("reward") && has("example_id")
    }),
    may_hold_likelihoods: false,
    part: None,
    read: |source| dump::read(source, &DUMP),
};

const DUMP: Dump = Dump {
    reward: "reward",
    prompt: "prompt",
    parts: |members| Parts {
        prompt: members.get("prompt").and_then(prompt_text),
        text: members.get("completion").and_then(reply_text),
        gold: said(members, "answer")
            .filter(|gold| !gold.is_empty())
            .map(|gold| ("answer", gold)),
        example: example(members.get("task"), members.get("example_id")),
        ..Parts::default()
    },
    model: |source, line| match logged_step(line).or_else(|| step_of_folder(&source.path)) {
        Some(step) => Ok(of_step(source, step)),
        None => model_beside(source, "metadata.json", "model"),
    },
    note: None,
};
