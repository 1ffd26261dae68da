//! verl: `{step}.jsonl` of `trainer.rollout_data_dir` and `trainer.validation_data_dir`: `input,
//! output, gts, score, step` and what the reward function returned beside (verl,
//! `trainer/ppo/ray_trainer.py`).

use std::sync::Arc;

use super::dump::{self, Dump, input_output, logged_step};
use super::rollout::{of_step, step_of_name};
use crate::error::{Place, Result};
use crate::log::format::{Format, Sign};
use crate::log::source::{Line, Source};

pub(in crate::log) const FORMAT: Format = Format {
    name: "verl generations",
    help: "verl ({step}.jsonl)",
    sign: Sign::Line(|has| has("input") && has("output") && has("score")),
    may_hold_likelihoods: false,
    part: None,
    read: |source| dump::read(source, &DUMP),
};

const DUMP: Dump = Dump {
    reward: "score",
    prompt: "input",
    parts: input_output,
    model,
    note: Some(BIASED),
};

/// verl's own figure for 1 right response of 4 is `1 - (3/4)^4`.
const BIASED: &str = "verl's own best@N draws N of the logged responses with replacement and is biased low \
    (1 right of 4 gives best@4 = 0.684, where Pass@4 is 1); Pass@k of this table is unbiased";

fn model(source: &Source, line: &Line) -> Result<Arc<str>> {
    match logged_step(line).or_else(|| step_of_name(&source.path)) {
        Some(step) => Ok(of_step(source, step)),
        None => {
            let problem = "no training step, here or in the name of the file; call it {step}.jsonl as verl does";
            Err(source.fault(Place::Line(line.number), "step", problem))
        }
    }
}
