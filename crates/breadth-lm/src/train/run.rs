//! The state of a resume.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use breadth_data::{RunFolder, atomic, checkpoint_step};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files;
use crate::model::plain;
use crate::tree::Tree;

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

/// The files of a state.
const PARAMS: &str = "params.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const INFO: &str = "state.json";

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
        let folder = RunFolder::new(run).state(self.step);
        let params = self.params.to_safetensors(&folder)?;
        let optimizer = self.optimizer.to_safetensors(&folder)?;
        let info = StateInfo {
            step: self.step,
            tokens: self.tokens,
        };
        let info = serde_json::to_vec(&info).expect("plain data");
        atomic::write_dir(&folder, |dir| {
            std::fs::write(dir.join(PARAMS), &params)?;
            std::fs::write(dir.join(OPTIMIZER), &optimizer)?;
            std::fs::write(dir.join(INFO), &info)
        })?;
        State::remove_older(run)
    }

    /// Removes all states but the newest; a kill may have left some.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn remove_older(run: &Path) -> Result<()> {
        let mut older = saved(run);
        older.pop();
        older.iter().try_for_each(|old| remove(old))
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
            plain(&path)?;
            std::fs::read(&path).map_err(|e| Error::io(&path, e))
        };
        let info = folder.join(INFO);
        plain(&info)?;
        let info = files::settings(&info).map_err(|e| Error::io(&info, e))?;
        let info: StateInfo = serde_json::from_str(&info)
            .map_err(|e| Error::checkpoint(&folder, format!("{INFO}: {e}")))?;
        Ok(Some(Self {
            step: info.step,
            tokens: info.tokens,
            params: Tree::from_safetensors(&read(PARAMS)?, &folder)?,
            optimizer: Tree::from_safetensors(&read(OPTIMIZER)?, &folder)?,
        }))
    }
}

/// Removes a state; what else somebody put into its folder stays there.
fn remove(state: &Path) -> Result<()> {
    let gone = |removed: io::Result<()>, path: &Path| match removed {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|e| Error::io(path, e)),
    };
    for file in [PARAMS, OPTIMIZER, INFO].map(|name| state.join(name)) {
        gone(std::fs::remove_file(&file), &file)?;
    }
    match std::fs::remove_dir(state) {
        Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        removed => gone(removed, state),
    }
}

/// Saved states, oldest first. A half-removed old one has a smaller step than the newest, so it is
/// never read.
fn saved(run: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(RunFolder::new(run).states())
        .into_iter()
        .flatten();
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| {
            p.file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with("step-"))
        })
        .collect();
    // By number: step 1,000,000 has a digit more than the names are padded to.
    folders.sort_by_key(|p| checkpoint_step(&p.file_name().unwrap_or_default().to_string_lossy()));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A kill after the last state was saved and before the one before it was removed.
    #[test]
    fn the_newest_state_alone_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path());
        for step in [30, 999_999, 1_000_000] {
            std::fs::create_dir_all(run.state(step)).unwrap();
        }
        State::remove_older(folder.path()).unwrap();
        assert_eq!(saved(folder.path()), [run.state(1_000_000)]);
        State::remove_older(folder.path()).unwrap();
        assert_eq!(saved(folder.path()), [run.state(1_000_000)]);
        // What somebody put into an older one.
        std::fs::create_dir_all(run.state(7)).unwrap();
        let notes = run.state(7).join("notes.txt");
        std::fs::write(&notes, "mine").unwrap();
        std::fs::write(run.state(7).join(INFO), "{}").unwrap();
        State::remove_older(folder.path()).unwrap();
        assert!(notes.exists() && !run.state(7).join(INFO).exists());
        assert_eq!(saved(folder.path()).pop(), Some(run.state(1_000_000)));
    }
}
