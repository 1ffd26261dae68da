//! A log as a whole: which table it makes, and the rows of it.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::sample::{Sample, Score};
use crate::checked;
use crate::error::{Place, Result};
use crate::log::entry::{Entries, Entry};
use crate::log::source::{Source, show};
use crate::schema::Table;
use crate::setting::Setting;
use crate::value;

/// The part of a log's head that is used.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Header {
    #[serde(default)]
    pub(super) status: Option<String>,
    pub(super) eval: Spec,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Spec {
    #[serde(default)]
    task: String,
    #[serde(default)]
    model: Option<String>,
    #[serde(default, deserialize_with = "checked::value")]
    model_args: Value,
}

/// A log as a whole, wherever it stood.
pub(super) struct Log {
    pub(super) header: Header,
    pub(super) samples: Vec<Sample>,
    /// Whether the archive has a head of a finished run.
    pub(super) finished: bool,
}

impl Log {
    /// What is said of a run that did not end well: its samples may be the easy ones.
    fn state(&self) -> Option<String> {
        let count = self.samples.len();
        let ended = match self.header.status.as_deref() {
            Some("started") => "is unfinished".to_owned(),
            _ if !self.finished => "is unfinished".to_owned(),
            Some(status) if status != "success" => format!("ended with status `{status}`"),
            _ => return None,
        };
        Some(format!("the run {ended}; samples written: {count}"))
    }
}

/// The rows of a log.
pub(super) fn entries(source: &Source, mut log: Log) -> Result<Entries> {
    if log.samples.is_empty() {
        return Err(
            source.refuse("no sample in this log; is it only the head of one (--no-log-samples)?")
        );
    }
    if log.header.eval.model_name().is_none() {
        log.header.eval.model = Some(source.model(|| None)?.to_string());
    }
    let written = log.samples.len();
    log.samples.retain(|sample| !sample.invalidated);
    if log.samples.is_empty() {
        return Err(source.refuse("all samples of this log are marked as invalid"));
    }
    let names = score_names(&log.samples);
    let likely = names
        .iter()
        .any(|name| log.samples.iter().any(|s| s.likelihood(name).is_some()));
    let mut found = match source.ask.table {
        Some(Table::Samples) => rewards(source, &log, &names)?,
        _ if likely => likelihoods(source, &log, &names)?,
        _ => {
            source.only(Table::Samples)?;
            rewards(source, &log, &names)?
        }
    };
    let invalid = written - log.samples.len();
    let why = "samples that are marked as invalid, which Inspect runs anew when it retries";
    found.dropped.add(invalid as u64, why);
    found.notes.extend(log.state());
    Ok(found)
}

/// The names of scores, `scorer` or `scorer/key` where a scorer gives several, in order of
/// appearance.
fn score_names(samples: &[Sample]) -> Vec<String> {
    let mut seen = HashSet::new();
    let names = samples.iter().flat_map(Sample::score_names);
    names.filter(|name| seen.insert(name.clone())).collect()
}

/// The log-probability of each sample's text. It does not depend on the epoch.
fn likelihoods(source: &Source, log: &Log, names: &[String]) -> Result<Entries> {
    let likely = |name: &&String| log.samples.iter().any(|s| s.likelihood(name).is_some());
    let likely: Vec<String> = names.iter().filter(likely).cloned().collect();
    let name = source.choose(
        Setting::Reward,
        "scorer of log-probabilities",
        source.ask.reward,
        &likely,
    )?;
    let mut entries = Entries::new(Table::Scores);
    let mut seen = HashSet::new();
    for sample in &log.samples {
        let Some(found) = sample.likelihood(&name) else {
            entries.dropped.add(1, "samples that were not scored");
            continue;
        };
        let place = Place::Row(sample.place);
        let fault = |field: &str, problem| {
            source.fault(place, &format!("scores.{name}.metadata.{field}"), problem)
        };
        let value = value::log_prob(found.sum_log_probs).map_err(|p| fault("sum_log_probs", p))?;
        let tokens = value::tokens(found.num_tokens).map_err(|p| fault("num_tokens", p))?;
        if !seen.insert(sample.id.clone()) {
            entries
                .dropped
                .add(1, "further epochs of a text whose log-probability is known");
            continue;
        }
        let entry = Entry {
            value,
            tokens: Some(tokens),
            response: "0".into(),
            ..row(log, sample)
        };
        entries.push(source, entry)?;
    }
    Ok(entries)
}

fn rewards(source: &Source, log: &Log, names: &[String]) -> Result<Entries> {
    let likely = |name: &String| log.samples.iter().any(|s| s.likelihood(name).is_some());
    let graded: Vec<String> = names.iter().filter(|name| !likely(name)).cloned().collect();
    if graded.is_empty() && names.len() > graded.len() {
        return Err(Table::Samples.wrong(Table::Scores, source.at(None)));
    }
    let asked = source.asked_reward(|name| graded.iter().any(|known| known == name));
    let name = match source.choose(Setting::Reward, "score", asked, &graded) {
        // Whoever judges anew needs no grade.
        Err(_) if source.ask.texts && source.ask.reward.is_none() => String::new(),
        name => name?,
    };
    let mut entries = Entries::new(Table::Samples);
    for sample in &log.samples {
        let score = match sample.score(&name) {
            Score::Other(_) if source.needs_no_grade() => Score::Missing,
            score => score,
        };
        match score {
            Score::Missing if source.ask.texts && sample.text().is_some() => {
                let entry = Entry {
                    response: sample.epoch.to_string(),
                    ..row(log, sample)
                };
                entries.push(source, entry)?;
            }
            Score::Missing if sample.failed => {
                entries.dropped.add(1, "samples that ended in an error")
            }
            Score::Missing => entries.dropped.add(1, "samples that were not scored"),
            Score::Number(value) => {
                let place = Place::Row(sample.place);
                let entry = Entry {
                    value: source.reward(place, &format!("scores.{name}"), value)?,
                    answer: sample.answer(&name),
                    response: sample.epoch.to_string(),
                    ..row(log, sample)
                };
                entries.push(source, entry)?;
            }
            Score::Other(value) => {
                let problem = format!(
                    "{} is not a reward; choose a score that is a number in [0, 1] or one of C, P, \
                     I, N ({})",
                    show(&value),
                    Setting::Reward
                );
                return Err(source.fault(
                    Place::Row(sample.place),
                    &format!("scores.{name}"),
                    problem,
                ));
            }
        }
    }
    if !entries.dropped.0.is_empty() {
        entries.notes.push("samples without a score are left out, which makes Pass@k too high if they were failures".into());
    }
    Ok(entries)
}

fn row(log: &Log, sample: &Sample) -> Entry {
    let spec = &log.header.eval;
    let model = spec.model_name().unwrap_or_default().into();
    let place = Place::Row(sample.place);
    let prompt = format!("{}/{}", spec.task, sample.id);
    Entry {
        text: sample.text(),
        question: sample.question().map(Into::into),
        gold: sample.gold().map(Into::into),
        group: (!spec.task.is_empty()).then(|| spec.task.as_str().into()),
        identity: Some(Arc::new(sample.identity())),
        ..Entry::new(place, &model, prompt)
    }
}

impl Spec {
    /// The model, or the folder that it was loaded from, with the revision if one was named:
    /// checkpoints of one model may differ in nothing else.
    fn model_name(&self) -> Option<String> {
        let argument = |name: &str| self.model_args.get(name).and_then(Value::as_str);
        let name = argument("model_path").or(self.model.as_deref())?;
        Some(match argument("revision") {
            Some(revision) => format!("{name}@{revision}"),
            None => name.into(),
        })
    }
}
