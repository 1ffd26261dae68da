//! large_language_monkeys: a YAML file for each problem, with `samples` and `is_corrects`.
//!
//! The problem is named by the file, the model by the folder. The evaluation of CodeContests leaves
//! the extension out of the name.

use std::path::Path;
use std::sync::Arc;

use super::entry::{Entries, Entry};
use super::format::{Format, Sign};
use super::model_name::of_folder;
use super::source::{Source, text};
use crate::checked::Checked;
use crate::error::{Error, Place, Result};
use crate::limit;
use crate::schema::Table;
use serde::Deserialize;

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    samples: Option<Vec<Checked>>,
    #[serde(default)]
    question: Option<String>,
    #[serde(default)]
    gt_answer: Option<Checked>,
    #[serde(default, alias = "is_correct")]
    is_corrects: Option<Vec<bool>>,
}

pub(super) const FORMAT: Format = Format {
    name: "large_language_monkeys YAML",
    help: "large_language_monkeys (YAML)",
    sign: Sign::Yaml(|has| has("is_corrects") || has("is_correct") || has("samples")),
    may_hold_likelihoods: false,
    read,
};

/// Reads one file.
fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let problem = parse(source)?;
    let samples = problem.samples.unwrap_or_default();
    let rewards: Vec<f64> = match problem.is_corrects {
        Some(outcomes) => outcomes
            .into_iter()
            .map(|right| f64::from(u8::from(right)))
            .collect(),
        None if source.ask.texts => vec![f64::NAN; samples.len()],
        None => return Err(source.ungraded(None)),
    };
    if !samples.is_empty() && samples.len() != rewards.len() {
        let problem = format!("{} outcomes for {} samples", rewards.len(), samples.len());
        return Err(source.fault(None, "is_corrects", problem));
    }
    let model = source.model(|| of_folder(&source.path))?;
    let prompt: Arc<str> = name(&source.path).into();
    let question: Option<Arc<str>> = problem.question.map(Into::into);
    let gold: Option<Arc<str>> = problem.gt_answer.as_ref().map(|gold| text(&gold.0).into());
    let mut entries = Entries::new(Table::Samples);
    for (at, reward) in rewards.into_iter().enumerate() {
        let entry = Entry {
            response: at.to_string(),
            value: reward,
            text: samples
                .get(at)
                .and_then(|sample| sample.0.as_str())
                .map(str::to_owned),
            question: question.clone(),
            gold: gold.clone(),
            ..Entry::new(Place::Row(at as u64 + 1), &model, prompt.clone())
        };
        entries.push(source, entry)?;
    }
    Ok(entries)
}

fn parse(source: &Source) -> Result<Problem> {
    let text = source.text()?;
    let Ok(text) = String::from_utf8(text) else {
        return Err(source.refuse("not UTF-8; save the file as UTF-8"));
    };
    limit::allow(text.len());
    // Ten thousand samples of a problem are usual, far beyond what a configuration file holds. The
    // depth and aliases stay limited.
    let most = text.len() + 1;
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: most,
            max_nodes: most,
            max_total_scalar_bytes: most,
        },
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(&text, options).map_err(|error| {
        let place = error
            .location()
            .map(|location| Place::Line(location.line()));
        let text = error.without_snippet().to_string();
        Error::Syntax {
            at: source.at(place),
            problem: format!(
                "not readable as YAML ({}); the file may be truncated: copy it again",
                text.lines().next().unwrap_or_default()
            ),
        }
    })
}

/// The problem: the file's name without `.yaml`.
fn name(path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let plain = name
        .strip_suffix(".yaml")
        .or_else(|| name.strip_suffix(".yml"));
    plain.map_or(name.clone(), str::to_owned)
}
