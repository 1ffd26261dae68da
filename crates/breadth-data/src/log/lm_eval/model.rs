//! Which model and which task a log is about: neither stands in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::error::Result;
use crate::limit;
use crate::log::entry::NamedAfter;
use crate::log::model_name;
use crate::log::source::{Source, parse};

/// Where a log comes from.
pub(super) struct Origin {
    pub(super) model: Arc<str>,
    pub(super) task: Option<Arc<str>>,
    /// The metrics of the task that are better the lower they are.
    pub(super) lower_is_better: Vec<String>,
}

impl Origin {
    /// The model is the one asked for, that of the results file of the same run, or the name of the
    /// folder, which the tool names after the model. The task is in the file's name.
    pub(super) fn of(source: &Source) -> Result<Self> {
        let (task, time) = name_parts(&source.path);
        let results = results(&source.path, time.as_deref());
        let lower_is_better = match (&results, &task) {
            (Some(results), Some(task)) => lower_is_better(results, task),
            _ => Vec::new(),
        };
        let model = match results.as_ref().and_then(model_of) {
            Some(name) => source.model(|| Some(name))?,
            None => model_name::by_folder(source)?,
        };
        Ok(Self {
            model,
            task: task.map(Into::into),
            lower_is_better,
        })
    }

    /// What documents are named after.
    pub(super) fn named(&self) -> NamedAfter {
        match self.task {
            Some(_) => NamedAfter::Log,
            None => NamedAfter::Number,
        }
    }
}

/// The task and the time of `samples_{task}_{time}.jsonl`, in earlier versions `.json`.
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
    let inner = plain.strip_prefix("samples_").and_then(|name| {
        name.strip_suffix(".jsonl")
            .or_else(|| name.strip_suffix(".json"))
    });
    let parts = inner.and_then(|inner| inner.rsplit_once('_'));
    match parts {
        Some((task, time)) if is_time(time) => (Some(task.into()), Some(time.into())),
        _ => (inner.map(str::to_owned), None),
    }
}

/// Whether a part of a name is the time of a run.
fn is_time(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_digit())
}

/// The results file of the same time, or else the only one in the folder, unless both names have a
/// time: then it is that of another run, maybe of another model.
fn results(path: &Path, time: Option<&str>) -> Option<Value> {
    let read = |path: PathBuf| parse(&limit::read_beside(&path)?).ok();
    let folder = folder(path);
    let same = time.map(|time| folder.join(format!("results_{time}.json")));
    same.and_then(read).or_else(|| {
        let entries = std::fs::read_dir(&folder)
            .ok()?
            .filter_map(std::result::Result::ok);
        let is_results = |path: &PathBuf| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let own = name.strip_prefix("results_");
            let own = own.and_then(|own| own.strip_suffix(".json"));
            own.is_some_and(|own| time.is_none() || !is_time(own))
        };
        let mut results = entries.map(|entry| entry.path()).filter(is_results);
        match (results.next(), results.next()) {
            (Some(only), None) => read(only),
            _ => None,
        }
    })
}

/// The metrics of a task of which `higher_is_better` says that they are not.
fn lower_is_better(results: &Value, task: &str) -> Vec<String> {
    let metrics = results["higher_is_better"][task].as_object();
    let lower = metrics.into_iter().flatten();
    let lower = lower.filter(|(_, higher)| **higher == Value::Bool(false));
    lower.map(|(name, _)| name.clone()).collect()
}

/// `model_name`, with the revision and the adapter that the arguments of the model name:
/// checkpoints of one repository, or of one base under vLLM, differ in nothing else.
fn model_of(results: &Value) -> Option<String> {
    let name = results
        .get("model_name")?
        .as_str()
        .filter(|name| !name.is_empty())?;
    let argument = |name: &str| {
        let found = match &results["config"]["model_args"] {
            Value::String(text) => text
                .split(',')
                .find_map(|one| one.trim().strip_prefix(name)?.strip_prefix('=')),
            other => other.get(name).and_then(Value::as_str),
        };
        found.filter(|value| !value.is_empty())
    };
    let mut model = name.to_owned();
    for (argument, sign) in [
        (argument("revision"), '@'),
        (argument("lora_local_path"), '+'),
    ] {
        if let Some(value) = argument {
            model.push(sign);
            model.push_str(value);
        }
    }
    Some(model)
}

fn folder(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.into(),
        _ => ".".into(),
    }
}
