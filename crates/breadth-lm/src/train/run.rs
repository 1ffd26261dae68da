//! The state of a resume.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use breadth_data::{RunFolder, atomic, checkpoint_step};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files;
use crate::model::plain;
use crate::tree::{Array, Tree};

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
    /// If its files cannot be read, or it is of another step than its folder.
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
        if folder != RunFolder::new(run).state(info.step) {
            let what = format!("says step {}, which is not that of its folder", info.step);
            return Err(contradiction(&folder, INFO, &what));
        }
        Ok(Some(Self {
            step: info.step,
            tokens: info.tokens,
            params: Tree::from_safetensors(&read(PARAMS)?, &folder)?,
            optimizer: Tree::from_safetensors(&read(OPTIMIZER)?, &folder)?,
        }))
    }
}

impl State {
    /// Checks that it is one of this model, this optimiser and a run of so many steps.
    ///
    /// # Errors
    /// Names the file that is of something else, or holds what is no number.
    pub(super) fn check(
        &self,
        run: &Path,
        model: &Tree,
        optimizer: &Tree,
        steps: u64,
    ) -> Result<()> {
        let folder = RunFolder::new(run).state(self.step);
        if self.step > steps {
            let what = format!("says step {} of a run of {steps}", self.step);
            return Err(contradiction(&folder, INFO, &what));
        }
        let wrong = |name: &'static str| {
            let folder = &folder;
            move |what: String| contradiction(folder, name, &what)
        };
        same_arrays(&self.params, model, "the model").map_err(wrong(PARAMS))?;
        same_arrays(&self.optimizer, optimizer, "the optimiser").map_err(wrong(OPTIMIZER))?;
        let is_strange = |array: &Array| array.data.iter().any(|v| !v.is_finite());
        if let Some((name, _)) = self.params.iter().find(|(_, array)| is_strange(array)) {
            let place = folder.join(PARAMS).display().to_string();
            let message = format!(
                "{name} holds what is no finite number; the training diverged before this step \
                 (lower learning_rate or clip_norm, in another output folder), or the file was \
                 damaged (remove {} to train from the start)",
                folder.display()
            );
            return Err(Error::data(place, message));
        }
        let is_nan = |array: &Array| array.data.iter().any(|v| v.is_nan());
        match self.optimizer.iter().find(|(_, array)| is_nan(array)) {
            Some((name, _)) => Err(wrong(OPTIMIZER)(format!("holds NaN in {name}"))),
            None => Ok(()),
        }
    }
}

/// A file of a state that is not what was saved with the others.
fn contradiction(folder: &Path, file: &str, what: &str) -> Error {
    let message = format!(
        "{what}; it was damaged or edited: put it back, or remove {} to train from the start",
        folder.display()
    );
    Error::data(folder.join(file).display().to_string(), message)
}

/// Checks that two trees have the same names and shapes.
fn same_arrays(found: &Tree, wanted: &Tree, whose: &str) -> std::result::Result<(), String> {
    for (name, array) in wanted.iter() {
        match found.get(name) {
            None => return Err(format!("lacks {name} of {whose}")),
            Some(own) if own.shape != array.shape => {
                let [own, shape] = [&own.shape, &array.shape];
                return Err(format!(
                    "has {name} of shape {own:?}, and {whose} of {shape:?}"
                ));
            }
            Some(_) => {}
        }
    }
    match found.iter().find(|(name, _)| wanted.get(name).is_none()) {
        Some((name, _)) => Err(format!("has {name}, which is nothing of {whose}")),
        None => Ok(()),
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
