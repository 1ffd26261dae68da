//! Which folders are checkpoints.

use std::path::{Path, PathBuf};

use breadth_data::{NaturalKey, checkpoint_step};

use super::weights::missing;
use super::{adapter, hub};
use crate::error::{Error, Result};

/// The checkpoint folders a command was given: a folder with `config.json`, or with a LoRA adapter,
/// is one; any other folder stands for those inside it (or inside its `checkpoints/`), in the order
/// of their names, numbers in them by value: `checkpoint-400` before `checkpoint-1600`.
///
/// A trainer leaves its final model beside the folders of its steps. Then all are meant:
/// `run/checkpoint-20`, `run/checkpoint-100`, and `run`, the final one, last.
///
/// A path that is not there may be the name of a model in the local cache of the Hugging Face hub.
///
/// # Errors
/// If there is none.
pub fn find(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    if !path.exists() {
        return find_in_cache(path);
    }
    if is_checkpoint(path) {
        let own = name_of(path);
        let is_step = |folder: &PathBuf| checkpoint_step(&name_of(folder)).is_some();
        let steps = folders_in(path)?.into_iter().filter(is_step);
        let mut found: Vec<(String, PathBuf)> = steps
            .map(|folder| (format!("{own}/{}", name_of(&folder)), folder))
            .collect();
        found.push((own, path.to_path_buf()));
        return Ok(found);
    }
    let inside = path.join("checkpoints");
    let parent = if inside.is_dir() { &inside } else { path };
    let folders = folders_in(parent)?;
    if folders.is_empty() {
        return Err(Error::checkpoint(
            path,
            "has no config.json, nor has any folder in it",
        ));
    }
    Ok(folders.into_iter().map(|p| (name_of(&p), p)).collect())
}

/// A model that other tools downloaded, by its name on the Hugging Face hub.
fn find_in_cache(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    let name = path.to_str().unwrap_or_default();
    if let Some(snapshot) = hub::snapshot(name) {
        return Ok(vec![(name_of(path), snapshot)]);
    }
    let message = match hub::place(name) {
        None => "no such folder".to_owned(),
        Some(place) => format!(
            "no such folder, nor is a model of this name in the local Hugging Face cache ({}); `hf \
             download {name}` puts it there",
            place.display()
        ),
    };
    Err(Error::checkpoint(path, message))
}

/// Whether a folder is a checkpoint: it says what the model computes, or it is an adapter of one
/// that does.
fn is_checkpoint(folder: &Path) -> bool {
    folder.join("config.json").exists() || adapter::is_one(folder)
}

/// The checkpoints directly in a folder.
fn folders_in(parent: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(parent).map_err(|e| missing(parent, "config.json", &e))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| is_checkpoint(p))
        .filter(|p| !name_of(p).starts_with('.'))
        .collect();
    folders.sort_by_cached_key(|folder| NaturalKey::of(&name_of(folder)));
    Ok(folders)
}

/// Folders inside of one that was given that look like checkpoints and are none of those that
/// [`find`] takes: those without a `config.json` (an unfinished one), and in a checkpoint those
/// that are named after no step.
#[must_use]
pub fn left_out(path: &Path) -> Vec<PathBuf> {
    let taken: Vec<PathBuf> = find(path)
        .map(|found| found.into_iter().map(|(_, folder)| folder).collect())
        .unwrap_or_default();
    let inside = path.join("checkpoints");
    let parent = if inside.is_dir() { &inside } else { path };
    let entries = std::fs::read_dir(parent).into_iter().flatten();
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_left = |folder: &PathBuf| {
        let looks = is_checkpoint(folder) || checkpoint_step(&name_of(folder)).is_some();
        folder.is_dir() && looks && !taken.contains(folder) && !name_of(folder).starts_with('.')
    };
    let mut left: Vec<PathBuf> = folders.filter(is_left).collect();
    left.sort_by_cached_key(|folder| NaturalKey::of(&name_of(folder)));
    left
}

fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    full.file_name()
        .map_or_else(|| "model".into(), |n| n.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let found = find(path).unwrap();
        found.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_final_model_beside_the_steps() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        for inside in ["checkpoint-100", "checkpoint-20", "onnx"] {
            std::fs::create_dir_all(run.join(inside)).unwrap();
            std::fs::write(run.join(inside).join("config.json"), "{}").unwrap();
        }
        std::fs::create_dir(run.join("checkpoint-300")).unwrap();
        assert_eq!(names(&run), ["checkpoint-20", "checkpoint-100", "onnx"]);
        std::fs::write(run.join("config.json"), "{}").unwrap();
        assert_eq!(
            names(&run),
            ["run/checkpoint-20", "run/checkpoint-100", "run"]
        );
        let left = left_out(&run);
        assert_eq!(left, [run.join("checkpoint-300"), run.join("onnx")]);
        assert_eq!(names(&run.join("checkpoint-20")), ["checkpoint-20"]);
        assert!(left_out(&run.join("checkpoint-20")).is_empty());
    }
}
