//! OpenRLHF: `--eval_task rm` of `openrlhf.cli.batch_inference`: `input, output, reward`
//! (OpenRLHF, `openrlhf/cli/batch_inference.py`).

use super::dump::{self, Dump, input_output};
use crate::log::format::{Format, Sign};
use crate::log::model_name;

pub(in crate::log) const FORMAT: Format = Format {
    name: "OpenRLHF rewards",
    help: "OpenRLHF",
    sign: Sign::Line(|has| has("input") && has("output") && has("reward")),
    may_hold_likelihoods: false,
    part: None,
    read: |source| dump::read(source, &DUMP),
};

const DUMP: Dump = Dump {
    reward: "reward",
    prompt: "input",
    parts: input_output,
    model: |source, _| model_name::model(source),
    note: None,
};
