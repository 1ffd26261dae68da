//! slime: `--save-debug-rollout-data`, a `torch.save` of `{"rollout_id", "samples": [..]}`, each
//! sample a `Sample.to_dict()`: `prompt, response, label, reward, ..` (slime, `ray/rollout.py`,
//! `utils/types.py`).
//!
//! Such a file is a zip archive with a pickle, of which [`pickle`](super::pickle) reads plain data
//! and calls nothing.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use zip::ZipArchive;

use super::pickle;
use super::rollout::{Names, Rollout, UNGRADED, of_step};
use crate::error::{Place, Result};
use crate::io::open::read_error;
use crate::limit;
use crate::log::entry::Entries;
use crate::log::format::{Format, Part, Sign};
use crate::log::messages::prompt_text;
use crate::log::source::{Source, flag, show, text};
use crate::schema::Table;
use crate::setting::Setting;

pub(in crate::log) const FORMAT: Format = Format {
    name: "slime rollouts",
    help: "slime",
    sign: Sign::Zip(|path| Ok(is_archive(path))),
    may_hold_likelihoods: false,
    part: Some(part),
    read,
};

/// `eval_7.pt` is of an evaluation, `7.pt` of training (slime, `ray/rollout.py`).
fn part(path: &Path) -> Option<Part> {
    let stem = path.file_stem()?.to_str()?;
    let name = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    Some(Part::of(name.ends_with("eval_")))
}

/// The pickle of an archive of PyTorch: `{name}/data.pkl`.
fn pickle_name(archive: &ZipArchive<BufReader<File>>) -> Option<String> {
    let names = archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.into_owned()));
    names.into_iter().find(|name| name.ends_with("/data.pkl"))
}

fn open(path: &Path) -> std::io::Result<ZipArchive<BufReader<File>>> {
    let file = BufReader::new(File::open(path)?);
    ZipArchive::new(file).map_err(std::io::Error::other)
}

/// Whether a zip archive is one of PyTorch.
fn is_archive(path: &Path) -> bool {
    open(path).is_ok_and(|archive| pickle_name(&archive).is_some())
}

/// Reads one dump. The reward is `reward`, or a member of it that is asked for where rewards are
/// objects.
fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let document = document(source)?;
    let samples = document.get("samples").and_then(Value::as_array);
    let Some(samples) = samples else {
        return Err(source.refuse("a file of PyTorch without `samples`; known are the rollouts that slime saves (--save-debug-rollout-data)"));
    };
    let step = document.get("rollout_id").and_then(Value::as_u64);
    let mut entries = Entries::new(Table::Samples);
    let mut names = Names::new(source);
    let model = of_step(source, step.unwrap_or(0));
    for (sample, number) in samples.iter().zip(1..) {
        let place = Place::Row(number);
        let is_plain = |value: &&Value| !value.is_null() && pickle::class_of(value).is_none();
        let said = |name: &str| sample.get(name).filter(is_plain);
        let Some(prompt) = said("prompt").and_then(prompt_text) else {
            return Err(source.fault(place, "prompt", "no value; is this sample whole?"));
        };
        let graded = match reward(source, sample, place) {
            Err(_) if source.needs_no_grade() => None,
            graded => graded?,
        };
        let reward = match graded {
            Some(reward) => reward,
            None if source.ask.texts => f64::NAN,
            None => {
                entries.dropped.add(1, UNGRADED);
                continue;
            }
        };
        let rollout = Rollout {
            place,
            model: Arc::clone(&model),
            prompt: &prompt,
            reward,
            text: said("response").map(text),
            answer: None,
            gold: said("label").map(|label| ("label", text(label))),
            example: None,
        };
        names.push(&mut entries, rollout)?;
    }
    Ok(entries)
}

/// PyTorch stores its members as they are; others may pack them a little.
const TIMES: u64 = 4;

fn document(source: &Source) -> Result<Value> {
    let path = &source.path;
    let fail = |error| read_error(path, error);
    let mut archive = open(path).map_err(fail)?;
    let name = pickle_name(&archive).unwrap_or_default();
    let member = archive
        .by_name(&name)
        .map_err(|error| fail(std::io::Error::other(error)))?;
    let packed = member.compressed_size();
    let most = limit::most(packed, TIMES);
    let mut bytes = Vec::new();
    member
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    if bytes.len() as u64 > most {
        return Err(limit::over(
            path,
            None,
            format!("`{name}` of more than {most} bytes"),
        ));
    }
    pickle::read(&bytes, (limit::max_record_bytes() / 8).max(packed)).map_err(|problem| {
        if problem.starts_with(limit::VALUES) {
            limit::over(path, None, problem)
        } else {
            source.refuse(format!(
                "`{name}` is not plain data as slime saves them ({problem})"
            ))
        }
    })
}

fn reward(source: &Source, sample: &Value, place: Place) -> Result<Option<f64>> {
    let refuse = |class: &str| {
        let problem = format!(
            "an object of `{class}`, of which nothing is read; save plain numbers, as \
             float(reward) gives them"
        );
        source.fault(place, "reward", problem)
    };
    let found = match sample.get("reward") {
        Some(one) if pickle::class_of(one).is_some() => one,
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(several)) => {
            let names: Vec<String> = several.keys().cloned().collect();
            let asked = source.asked_reward(|name| several.contains_key(name));
            &several[&source.choose(Setting::Reward, "reward", asked, &names)?]
        }
        Some(one) => one,
    };
    if let Some(class) = pickle::class_of(found) {
        return Err(refuse(class));
    }
    match flag(found) {
        Some(value) if value.is_nan() => Ok(None),
        Some(value) => source.reward(place, "reward", value).map(Some),
        None => Err(source.fault(place, "reward", format!("{} is not a reward", show(found)))),
    }
}
