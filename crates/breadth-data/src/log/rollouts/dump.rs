//! Rollouts in JSON Lines, one response a line: verl, OpenRLHF, prime-rl and verifiers, NeMo-RL, SkyRL.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::code;
use super::super::entry::Entries;
use super::super::source::{Line, REWARD_MAP, Source, flag, show, text};
use super::messages::{prompt_text, reply_text};
use super::{Names, Rollout, of_step, step_of_folder, step_of_name};
use crate::error::{Place, Result, list};
use crate::schema::Table;

/// verl's own figure for 1 right response of 4 is `1 - (3/4)^4`.
const BIASED: &str = "verl's own best@N draws N of the logged responses with replacement and is biased low \
    (1 right of 4 gives best@4 = 0.684, where Pass@4 is 1); Pass@k of this table is unbiased";

/// Which program wrote the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dump {
    /// `{step}.jsonl` of `trainer.rollout_data_dir` and `trainer.validation_data_dir`: `input, output,
    /// gts, score, step` and what the reward function returned beside (verl, `trainer/ppo/ray_trainer.py`).
    Verl,
    /// `--eval_task rm` of `openrlhf.cli.batch_inference`: `input, output, reward` (OpenRLHF,
    /// `openrlhf/cli/batch_inference.py`).
    OpenRlhf,
    /// `rollouts/step_{n}/train_rollouts.jsonl` of prime-rl and `results.jsonl` of `vf-eval`: `example_id,
    /// prompt, completion, answer, reward, metrics` (prime-rl, `orchestrator/utils.py`; verifiers, `utils/save_utils.py`).
    Verifiers,
    /// `train_data_step{n}.jsonl` and `val_data_step{n}.jsonl`: `content, rewards, idx`, each a batch of
    /// one (NeMo-RL, `algorithms/grpo.py`, `utils/logger.py`).
    NemoRl,
    /// `dumped_evals/global_step_{n}_evals/{data_source}.jsonl`: `input_prompt, output_response, score,
    /// env_extras, data_source`; a score is a number, or a list with one for each token (SkyRL,
    /// `utils/trainer_utils.py`).
    SkyRl,
}

/// What a line holds, whatever the names of its fields.
struct Parts {
    prompt: Option<String>,
    text: Option<String>,
    gold: Option<String>,
    answer: Option<String>,
}

impl Dump {
    pub(in super::super) fn name(self) -> &'static str {
        match self {
            Dump::Verl => "verl generations",
            Dump::OpenRlhf => "OpenRLHF rewards",
            Dump::Verifiers => "prime-rl rollouts",
            Dump::NemoRl => "NeMo-RL rollouts",
            Dump::SkyRl => "SkyRL evaluations",
        }
    }

    /// The format whose fields a line has.
    pub(in super::super) fn of(has: &impl Fn(&str) -> bool) -> Option<Self> {
        if has("input") && has("output") && has("score") {
            Some(Dump::Verl)
        } else if has("input") && has("output") && has("reward") {
            Some(Dump::OpenRlhf)
        } else if has("prompt") && has("completion") && has("reward") && has("example_id") {
            Some(Dump::Verifiers)
        } else if has("content") && has("rewards") && has("idx") {
            Some(Dump::NemoRl)
        } else if has("input_prompt") && has("output_response") && has("score") {
            Some(Dump::SkyRl)
        } else {
            None
        }
    }

    /// The field of the reward, and that of the prompt.
    fn fields(self) -> [&'static str; 2] {
        match self {
            Dump::Verl => ["score", "input"],
            Dump::OpenRlhf => ["reward", "input"],
            Dump::Verifiers => ["reward", "prompt"],
            Dump::NemoRl => ["rewards", "content"],
            Dump::SkyRl => ["score", "input_prompt"],
        }
    }

    fn parts(self, members: &Map<String, Value>) -> Parts {
        let value = |name: &str| members.get(name);
        let said = |name: &str| value(name).filter(|value| !value.is_null()).map(text);
        match self {
            Dump::Verl | Dump::OpenRlhf => Parts {
                prompt: said("input"),
                text: said("output"),
                gold: said("gts"),
                answer: value("pred").and_then(Value::as_str).map(str::to_owned),
            },
            Dump::Verifiers => Parts {
                prompt: value("prompt").and_then(prompt_text),
                text: value("completion").and_then(reply_text),
                gold: said("answer").filter(|gold| !gold.is_empty()),
                answer: None,
            },
            Dump::NemoRl => conversation(value("content")),
            Dump::SkyRl => Parts {
                prompt: said("input_prompt"),
                text: said("output_response"),
                gold: value("env_extras").and_then(ground_truth),
                answer: None,
            },
        }
    }
}

/// A whole conversation in one field: what stands before the assistant's last message is the prompt; of texts without
/// roles, what stands before the last.
fn conversation(content: Option<&Value>) -> Parts {
    let nothing = Parts {
        prompt: None,
        text: None,
        gold: None,
        answer: None,
    };
    let mut inner = content;
    // A batch of one conversation, which is a list of messages itself.
    while let Some(Value::Array(only)) = inner {
        match only.as_slice() {
            [Value::Array(_)] => inner = only.first(),
            _ => break,
        }
    }
    let Some(all) = inner.and_then(Value::as_array) else {
        return nothing;
    };
    let said = |message: &Value| match message.get("role").and_then(Value::as_str) {
        Some(role) => role == "assistant",
        None => true,
    };
    match all.iter().rposition(said) {
        Some(last) if last > 0 => Parts {
            prompt: prompt_text(&Value::Array(all[..last].to_vec())),
            text: reply_text(&Value::Array(all[last..=last].to_vec())),
            ..nothing
        },
        _ => nothing,
    }
}

/// `reward_spec.ground_truth`, as the data sets of SkyRL name it (`reward_model` in those of verl).
fn ground_truth(extras: &Value) -> Option<String> {
    let mut specs = ["reward_spec", "reward_model"].into_iter();
    let found = specs.find_map(|name| extras.get(name)?.get("ground_truth"));
    found.filter(|value| !value.is_null()).map(text)
}

/// Reads one log. The reward is the format's own field, unless another is asked for.
pub(in super::super) fn read(source: &Source, dump: Dump) -> Result<Entries> {
    source.only(Table::Samples)?;
    let [usual, prompt_field] = dump.fields();
    let mut entries = Entries::new(Table::Samples);
    let mut names = Names::new(source);
    source.for_each_line(|line| {
        let place = Place::Line(line.number);
        let field = source.asked_reward(|name| found(&line, name).is_some()).unwrap_or(usual);
        let parts = dump.parts(&line.members);
        let Some(prompt) = parts.prompt else {
            let problem = match line.members.contains_key(prompt_field) {
                true => "no prompt in it apart from the response; log conversations as lists of messages",
                false => "no value; is this line whole?",
            };
            return Err(source.fault(place, prompt_field, problem));
        };
        let reward = match reward(source, &line, field)? {
            Some(reward) => reward,
            None if source.ask.texts => f64::NAN,
            None => {
                entries.dropped.add(1, UNGRADED);
                return Ok(());
            }
        };
        entries.rows.push(names.entry(Rollout {
            place,
            model: model(source, &line, dump)?,
            prompt: &prompt,
            reward,
            text: parts.text,
            answer: parts.answer,
            gold: parts.gold,
        })?);
        Ok(())
    })?;
    if dump == Dump::Verl {
        entries.notes.push(BIASED.into());
    }
    Ok(entries)
}

pub(super) const UNGRADED: &str = "responses whose reward is NaN or null";

/// The model of a training step. Two of the programs also judge without training.
fn model(source: &Source, line: &Line, dump: Dump) -> Result<Arc<str>> {
    let logged = line.members.get("step").and_then(Value::as_u64);
    let step = match dump {
        Dump::Verl | Dump::NemoRl => logged.or_else(|| step_of_name(&source.path)),
        Dump::SkyRl => step_of_folder(&source.path),
        Dump::Verifiers => logged.or_else(|| step_of_folder(&source.path)),
        Dump::OpenRlhf => None,
    };
    match (step, dump) {
        (Some(step), _) => Ok(of_step(source, step)),
        (None, Dump::Verl) => {
            let problem = "no training step, here or in the name of the file; call it {step}.jsonl as verl does";
            Err(source.fault(Place::Line(line.number), "step", problem))
        }
        (None, Dump::Verifiers) => code::model_beside(source, "metadata.json", "model"),
        (None, _) => code::model(source),
    }
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
        return Err(fault(match names.is_empty() {
            true => "no such field, and no other on this line is a reward".into(),
            false => format!(
                "no such field; those in [0, 1] on this line: {}",
                list(&names)
            ),
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
        "{problem}; or choose another field with --reward: {}; {REWARD_MAP}",
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
