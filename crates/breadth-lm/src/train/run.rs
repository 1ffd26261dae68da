//! The run folder: `run.json`, checkpoints, the state of a resume.

use std::path::{Path, PathBuf};

use breadth_data::atomic;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::tree::Tree;

/// `run.json`: what made the folder and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// `train` or `demo`.
    pub command: String,
    /// Version of breadth.
    pub version: String,
    /// Seed.
    pub seed: u64,
    /// `running` or `finished`.
    pub status: String,
    /// The whole configuration.
    pub config: Value,
    /// Model name of the exact distribution in `scores.parquet`, if it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether each row of `scores.parquet` is the one correct response of its prompt.
    #[serde(default)]
    pub single_correct_response: bool,
    /// Level of the tournament, if the run fixes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<f64>,
}

impl RunInfo {
    /// Reads a folder's `run.json`; `None` if there is none.
    ///
    /// # Errors
    /// If it is there but not readable.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("run.json");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io(&path, e)),
        };
        let place = path.display().to_string();
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|e| Error::config(place, format!("not a run.json of breadth: {e}")))
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).expect("plain data") + "\n";
        Ok(atomic::write_bytes(
            &folder.join("run.json"),
            text.as_bytes(),
        )?)
    }
}

/// Where step `step`'s checkpoint lies.
#[must_use]
pub fn checkpoint_folder(run: &Path, step: u64) -> PathBuf {
    run.join("checkpoints").join(format!("step-{step:06}"))
}

/// What a resume needs beyond the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Response tokens seen.
    pub tokens: u64,
    /// Parameters.
    pub params: Tree,
    /// The optimiser's state.
    pub optimizer: Tree,
}

#[derive(Serialize, Deserialize)]
struct StateInfo {
    step: u64,
    tokens: u64,
}

impl State {
    /// Saves under `state/step-..`, then removes older ones.
    ///
    /// # Errors
    /// If the file system refuses; what was there stays.
    pub fn save(&self, run: &Path) -> Result<()> {
        let folder = run.join("state").join(format!("step-{:06}", self.step));
        let params = self.params.to_safetensors(&folder)?;
        let optimizer = self.optimizer.to_safetensors(&folder)?;
        let info = StateInfo {
            step: self.step,
            tokens: self.tokens,
        };
        let info = serde_json::to_vec(&info).expect("plain data");
        atomic::write_dir(&folder, |dir| {
            std::fs::write(dir.join("params.safetensors"), &params)?;
            std::fs::write(dir.join("optimizer.safetensors"), &optimizer)?;
            std::fs::write(dir.join("state.json"), &info)
        })?;
        for old in saved(run).into_iter().filter(|p| *p != folder) {
            std::fs::remove_dir_all(&old).map_err(|e| Error::io(&old, e))?;
        }
        Ok(())
    }

    /// The newest saved state, if any.
    ///
    /// # Errors
    /// If its files cannot be read.
    pub fn load(run: &Path) -> Result<Option<Self>> {
        let Some(folder) = saved(run).pop() else {
            return Ok(None);
        };
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|e| Error::io(&path, e))
        };
        let info: StateInfo = serde_json::from_slice(&read("state.json")?)
            .map_err(|e| Error::checkpoint(&folder, format!("state.json: {e}")))?;
        Ok(Some(Self {
            step: info.step,
            tokens: info.tokens,
            params: Tree::from_safetensors(&read("params.safetensors")?, &folder)?,
            optimizer: Tree::from_safetensors(&read("optimizer.safetensors")?, &folder)?,
        }))
    }
}

/// Saved states, oldest first. A half-removed old one has a smaller step than the newest, so it is never read.
fn saved(run: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(run.join("state")).into_iter().flatten();
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| {
            p.file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with("step-"))
        })
        .collect();
    folders.sort();
    folders
}
