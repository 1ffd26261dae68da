//! Hugging Face `trainer_state.json`: the validation loss at each step.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::source::{number, parse};
use crate::checked::CheckedMap;
use crate::error::{At, Error, Result};
use crate::io::open::read_error;
use crate::limit;
use crate::order::{checkpoint_step, counts_epochs};
use crate::setting::Setting;

/// What a run of the Hugging Face trainer says of its checkpoints.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TrainerState {
    /// Steps with the validation loss that was measured there, in nats per token as a rule, in the
    /// order of the steps. A step that was measured again has its last value.
    pub eval_loss: Vec<(u64, f64)>,
    /// The epoch at each of these steps, where the trainer says it.
    pub epochs: Vec<(u64, f64)>,
    /// The step of the checkpoint that the trainer holds for the best.
    pub best_step: Option<u64>,
    /// Where the run ended.
    pub last_step: u64,
}

#[derive(Deserialize)]
struct Document {
    log_history: Vec<CheckedMap>,
    #[serde(default)]
    global_step: u64,
    #[serde(default)]
    best_global_step: Option<u64>,
    #[serde(default)]
    best_model_checkpoint: Option<String>,
}

impl TrainerState {
    /// Reads a `trainer_state.json`, or the one in a folder: beside the checkpoints, or in the
    /// latest of them, whose history goes furthest. `loss` chooses among several evaluation sets:
    /// `eval_math_loss`, or `math`; without it `eval_loss` is taken, or the only one there is.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("trainer_state.json");
    /// use breadth_data::TrainerState;
    /// std::fs::write(&path, r#"{"global_step": 20, "best_model_checkpoint": "out/checkpoint-10",
    ///     "log_history": [{"step": 10, "eval_loss": 2.5}, {"step": 20, "eval_loss": 2.75}]}"#)?;
    /// let state = TrainerState::read(dir.path(), None)?;
    /// assert_eq!(state.eval_loss, [(10, 2.5), (20, 2.75)]);
    /// assert_eq!(state.best_step, Some(10));
    /// assert_eq!(state.loss_of("out/checkpoint-20"), Some(2.75));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Read`] or [`Error::NotFound`] if there is none, [`Error::Syntax`] or
    /// [`Error::Field`] if it is not what the trainer writes.
    pub fn read(path: &Path, loss: Option<&str>) -> Result<Self> {
        let path = find(path)?;
        let text = limit::read(&path).map_err(|source| read_error(&path, source))?;
        let at = At {
            path: Arc::from(path.as_path()),
            place: None,
        };
        let document: Document = parse(&text).map_err(|error| Error::Syntax {
            at: at.clone(),
            problem: format!("not a trainer_state.json ({error}); give the file that the Hugging Face trainer writes"),
        })?;
        let key = loss_key(&document, loss, &at)?;
        let of_name = document
            .best_model_checkpoint
            .as_deref()
            .and_then(checkpoint_step);
        Ok(Self {
            eval_loss: numbers(&document, &key, &key, &at)?,
            epochs: numbers(&document, &key, "epoch", &at).unwrap_or_default(),
            best_step: document.best_global_step.or(of_name),
            last_step: document.global_step,
        })
    }

    /// The training step of the checkpoint of this name: see [`checkpoint_step`]. That of `epoch-3`
    /// is where the third epoch ended.
    pub fn step_of(&self, model: &str) -> Option<u64> {
        let step = checkpoint_step(model)?;
        if !counts_epochs(model) {
            return Some(step);
        }
        let is_end = |(_, epoch): &&(u64, f64)| (epoch - step as f64).abs() < 0.01;
        let mut ends = self.epochs.iter().rev();
        ends.find(is_end).map(|(at, _)| *at)
    }

    /// The validation loss of the checkpoint of this name: see [`checkpoint_step`].
    pub fn loss_of(&self, model: &str) -> Option<f64> {
        let step = self.step_of(model)?;
        let mut losses = self.eval_loss.iter();
        losses
            .find(|(known, _)| *known == step)
            .map(|(_, loss)| *loss)
    }
}

/// The file that a path means.
fn find(path: &Path) -> Result<PathBuf> {
    const NAME: &str = "trainer_state.json";
    if !path.exists() {
        return Err(Error::NotFound(path.into()));
    }
    if !path.is_dir() {
        return Ok(path.into());
    }
    let beside = path.join(NAME);
    if beside.is_file() {
        return Ok(beside);
    }
    let entries = fs::read_dir(path).map_err(|source| read_error(path, source))?;
    let inside = entries
        .filter_map(std::result::Result::ok)
        .filter_map(|entry| {
            let step = checkpoint_step(entry.file_name().to_str()?)?;
            let file = entry.path().join(NAME);
            file.is_file().then_some((step, file))
        });
    let latest = inside.max().map(|(_, file)| file);
    latest.ok_or(Error::NotFound(beside))
}

/// `eval_loss`, or the loss of the only evaluation set where the trainer has named ones.
fn loss_key(document: &Document, asked: Option<&str>, at: &At) -> Result<String> {
    let mut names: Vec<&String> = document
        .log_history
        .iter()
        .flat_map(|CheckedMap(entry)| entry.keys())
        .collect();
    names.sort();
    names.dedup();
    let is_loss = |name: &&&String| name.starts_with("eval_") && name.ends_with("_loss");
    let named: Vec<String> = names
        .iter()
        .filter(is_loss)
        .map(|name| name.to_string())
        .collect();
    let plain = names.iter().any(|name| *name == "eval_loss");
    let fault = |problem: String| Error::Field {
        at: at.clone(),
        field: "log_history".into(),
        problem,
    };
    if let Some(asked) = asked {
        let spelled = [
            asked.to_owned(),
            format!("eval_{asked}"),
            format!("eval_{asked}_loss"),
        ];
        let mut known: Vec<String> = named.clone();
        known.extend(plain.then(|| "eval_loss".to_owned()));
        let found = spelled.into_iter().find(|name| known.contains(name));
        return found.ok_or_else(|| {
            fault(format!(
                "{} {asked}: no such loss; it has {}",
                Setting::Loss,
                crate::message::list(&known)
            ))
        });
    }
    match named.as_slice() {
        _ if plain => Ok("eval_loss".into()),
        [only] => Ok(only.clone()),
        [] => Err(fault(
            "no eval_loss at any step; train with an evaluation set (eval_strategy)".into(),
        )),
        several => Err(fault(format!(
            "{} losses and no eval_loss; choose one with {}: {}",
            several.len(),
            Setting::Loss,
            crate::message::list(several)
        ))),
    }
}

/// What the steps that have `key` say of `name`.
fn numbers(document: &Document, key: &str, name: &str, at: &At) -> Result<Vec<(u64, f64)>> {
    let mut losses = std::collections::BTreeMap::new();
    for (CheckedMap(entry), number_of) in document.log_history.iter().zip(1u64..) {
        if !entry.contains_key(key) {
            continue;
        }
        let step = entry.get("step").and_then(Value::as_u64);
        let (Some(step), Some(loss)) = (step, entry.get(name).and_then(number)) else {
            return Err(Error::Field {
                at: at.clone(),
                field: format!("log_history[{}]", number_of - 1),
                problem: format!("`step` and `{name}` must be numbers"),
            });
        };
        losses.insert(step, loss);
    }
    Ok(losses.into_iter().collect())
}
