//! Which model and which task a log is about: neither stands in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::error::Result;
use crate::limit;
use crate::log::source::{Source, parse};

/// Where a log comes from.
pub(super) struct Origin {
    pub(super) model: Arc<str>,
    pub(super) task: Option<Arc<str>>,
}

impl Origin {
    /// The model is the one asked for, that of the results file of the same run, or the name of the
    /// folder, which the tool names after the model. The task is in the file's name.
    pub(super) fn of(source: &Source) -> Result<Self> {
        let (task, time) = name_parts(&source.path);
        let path = &source.path;
        let found = || of_results(path, time.as_deref()).or_else(|| folder_name(path));
        Ok(Self {
            model: source.model(found)?,
            task: task.map(Into::into),
        })
    }
}

/// The task and the time of `samples_{task}_{time}.jsonl`.
fn name_parts(path: &Path) -> (Option<String>, Option<String>) {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let plain = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(&name);
    let inner = plain
        .strip_prefix("samples_")
        .and_then(|name| name.strip_suffix(".jsonl"));
    let parts = inner.and_then(|inner| inner.rsplit_once('_'));
    match parts {
        Some((task, time)) if time.starts_with(|c: char| c.is_ascii_digit()) => {
            (Some(task.into()), Some(time.into()))
        }
        _ => (inner.map(str::to_owned), None),
    }
}

/// The model of the results file of the same time, or else of the only one in the folder.
fn of_results(path: &Path, time: Option<&str>) -> Option<String> {
    let folder = folder(path);
    let same = time.map(|time| folder.join(format!("results_{time}.json")));
    let of_same = same.and_then(|path| model_of(&path));
    of_same.or_else(|| {
        let entries = std::fs::read_dir(&folder)
            .ok()?
            .filter_map(std::result::Result::ok);
        let is_results = |path: &PathBuf| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            name.starts_with("results_") && name.ends_with(".json")
        };
        let results: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(is_results)
            .collect();
        match results.as_slice() {
            [only] => model_of(only),
            _ => None,
        }
    })
}

/// `model_name`, with the revision that the arguments of the model name: checkpoints of one
/// repository differ in nothing else.
fn model_of(path: &Path) -> Option<String> {
    let results: Value = parse(&limit::read_beside(path)?).ok()?;
    let name = results
        .get("model_name")?
        .as_str()
        .filter(|name| !name.is_empty())?;
    let revision = match &results["config"]["model_args"] {
        Value::String(text) => text
            .split(',')
            .find_map(|one| one.trim().strip_prefix("revision=")),
        other => other.get("revision").and_then(Value::as_str),
    };
    Some(match revision.filter(|revision| !revision.is_empty()) {
        Some(revision) => format!("{name}@{revision}"),
        None => name.into(),
    })
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.into(),
        _ => ".".into(),
    }
}

fn folder_name(path: &Path) -> Option<String> {
    let folder = std::fs::canonicalize(folder(path)).ok()?;
    Some(folder.file_name()?.to_string_lossy().into_owned())
}
