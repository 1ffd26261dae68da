//! large_language_monkeys: a YAML file for each problem, with `samples` and `is_corrects`.
//!
//! The problem is named by the file, the model by the folder; a folder that is named after a data
//! set may stand between them, or around. The evaluation of CodeContests leaves the extension out
//! of the name.

use std::path::Path;
use std::sync::Arc;

use super::entry::{Entries, Entry, Identity};
use super::format::{Format, Sign};
use super::model_name::{self, folder};
use super::source::{Source, text};
use crate::checked::Checked;
use crate::error::{Error, Place, Result};
use crate::hash::fnv_1a;
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
    prompt: Option<Checked>,
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
    part: None,
    read,
};

/// Reads one file.
fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    let mut problem = parse(source)?;
    let samples = problem.samples.take().unwrap_or_default();
    let rewards: Vec<f64> = match problem.is_corrects.take() {
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
    let folders = Folders::of(&source.path);
    let model = model_name::by_path(source, || folders.model)?;
    let task: Option<Arc<str>> = folders.task.map(Into::into);
    let prompt: Arc<str> = match &task {
        Some(task) => format!("{task}/{}", name(&source.path)).into(),
        None => name(&source.path).into(),
    };
    let identity = Arc::new(identity(&problem));
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
            group: task.clone(),
            identity: Some(identity.clone()),
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

/// What the folders of a file say.
struct Folders {
    model: Option<String>,
    task: Option<String>,
}

impl Folders {
    /// `MODEL/`, `MODEL/TASK/` or `TASK/MODEL/`, where TASK is a data set that
    /// large_language_monkeys samples.
    fn of(path: &Path) -> Self {
        let (inner, outer) = (folder(path, 1), folder(path, 2));
        let is_task = |name: &String| {
            const TASKS: [&str; 6] = [
                "gsm8k",
                "math",
                "codecontests",
                "minif2f",
                "minif2fmath",
                "swebenchlite",
            ];
            let plain = name.chars().filter(char::is_ascii_alphanumeric);
            TASKS.contains(&plain.collect::<String>().to_ascii_lowercase().as_str())
        };
        let (model, task) = match (inner, outer) {
            (Some(inner), Some(outer)) if is_task(&inner) => (Some(outer), Some(inner)),
            (inner, outer) => (inner, outer.filter(is_task)),
        };
        Self { model, task }
    }
}

/// The question, else the whole prompt, and the right answer.
fn identity(problem: &Problem) -> Identity {
    let hash = |text: &str| format!("{:032x}", fnv_1a(text.as_bytes()));
    let asked = match (&problem.question, &problem.prompt) {
        (Some(question), _) => Some(("question", hash(question))),
        (None, Some(prompt)) => Some(("prompt", hash(&text(&prompt.0)))),
        (None, None) => None,
    };
    let gold = problem.gt_answer.as_ref();
    let gold = gold.map(|gold| ("gt_answer", hash(&text(&gold.0))));
    asked.into_iter().chain(gold).collect()
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
