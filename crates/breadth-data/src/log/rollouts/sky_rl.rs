//! SkyRL: `dumped_evals/global_step_{n}_evals/{data_source}.jsonl`: `input_prompt, output_response,
//! score, env_extras, data_source`; a score is a number, or a list with one for each token (SkyRL,
//! `utils/trainer_utils.py`).

use serde_json::Value;

use super::dump::{self, Dump, Parts, said};
use super::rollout::{of_step, step_of_folder};
use crate::log::format::{Format, Sign};
use crate::log::model_name;
use crate::log::source::text;

pub(in crate::log) const FORMAT: Format = Format {
    name: "SkyRL evaluations",
    help: "SkyRL",
    sign: Sign::Line(|has| has("input_prompt") && has("output_response") && has("score")),
    may_hold_likelihoods: false,
    part: None,
    read: |source| dump::read(source, &DUMP),
};

const DUMP: Dump = Dump {
    reward: "score",
    prompt: "input_prompt",
    parts: |members| Parts {
        prompt: said(members, "input_prompt"),
        text: said(members, "output_response"),
        gold: members.get("env_extras").and_then(ground_truth),
        ..Parts::default()
    },
    model: |source, _| match step_of_folder(&source.path) {
        Some(step) => Ok(of_step(source, step)),
        None => model_name::model(source),
    },
    note: None,
};

/// `reward_spec.ground_truth`, as the data sets of SkyRL name it (`reward_model` in those of verl).
fn ground_truth(extras: &Value) -> Option<(&'static str, String)> {
    let mut specs = ["reward_spec", "reward_model"].into_iter();
    let found = specs.find_map(|name| extras.get(name)?.get("ground_truth"));
    let found = found.filter(|value| !value.is_null());
    found.map(|value| ("ground_truth", text(value)))
}
