//! Which folders are checkpoints.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use breadth_data::{NaturalKey, checkpoint_step};

use super::weights::{has_value_head, missing, other_form};
use super::{adapter, hub};
use crate::error::{Error, Result};

/// The checkpoint folders a command was given: a folder with `config.json`, or with a LoRA adapter,
/// is one; any other folder stands for those inside it (or inside its `checkpoints/`), in the order
/// of their names, numbers in them by value: `checkpoint-400` before `checkpoint-1600`.
///
/// A trainer leaves its final model beside the folders of its steps. Then all are meant:
/// `run/checkpoint-20`, `run/checkpoint-100`, and `run`, the final one, last.
///
/// A link to a folder beside it is that folder, and not taken again ([`left_out`] names it).
///
/// A path that is not there may be the name of a model in the local cache of the Hugging Face hub.
///
/// # Errors
/// If there is none.
pub fn find(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    if !path.exists() {
        return find_in_cache(path);
    }
    let actors = [path, &path.join("actor")];
    if let Some(actor) = actors.iter().find_map(|path| shards_of_verl(path)) {
        return Err(unmerged(path, &actor));
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
        let steps = std::fs::read_dir(parent).into_iter().flatten();
        let mut steps = steps.filter_map(|entry| Some(entry.ok()?.path()));
        if let Some(actor) = steps.find_map(|step| shards_of_verl(&step.join("actor"))) {
            return Err(unmerged(path, &actor));
        }
        let mut message = "has no config.json, nor has any folder in it".to_owned();
        if let Some(other) = other_form(parent) {
            message.push_str("; ");
            message.push_str(&other);
        }
        return Err(Error::checkpoint(path, message));
    }
    Ok(folders.into_iter().map(|p| (name_of(&p), p)).collect())
}

/// The checkpoints of several arguments, each as [`find`] finds it.
///
/// Where two would have one name, all names begin with the folders above, as many of them as it
/// takes: `a/checkpoint-10` and `b/checkpoint-10`.
///
/// # Errors
/// As [`find`], or if one folder is given twice.
pub fn find_all(paths: &[&Path]) -> Result<Vec<Vec<(String, PathBuf)>>> {
    let found = paths.iter().map(|path| find(path));
    let found = found.collect::<Result<Vec<_>>>()?;
    let mut seen = HashSet::new();
    for (_, folder) in found.iter().flatten() {
        if !seen.insert(full(folder)) {
            return Err(Error::checkpoint(folder, "is given twice; give it once"));
        }
    }
    let above: Vec<Vec<String>> = paths.iter().map(|path| folders_above(path)).collect();
    let most = above.iter().map(Vec::len).max().unwrap_or(0);
    let names = (0..=most).map(|depth| named(&found, &above, depth));
    let is_unique = |found: &Vec<Vec<(String, PathBuf)>>| {
        let mut names = HashSet::new();
        found
            .iter()
            .flatten()
            .all(|(name, _)| names.insert(name.clone()))
    };
    Ok(names.into_iter().find(is_unique).unwrap_or(found))
}

/// The same checkpoints with so many folders before their names.
fn named(
    found: &[Vec<(String, PathBuf)>],
    above: &[Vec<String>],
    depth: usize,
) -> Vec<Vec<(String, PathBuf)>> {
    let name = |above: &[String], own: &String| {
        let from = above.len().saturating_sub(depth);
        [&above[from..], std::slice::from_ref(own)]
            .concat()
            .join("/")
    };
    let group = |(found, above): (&Vec<(String, PathBuf)>, &Vec<String>)| {
        let names = found.iter();
        names
            .map(|(own, folder)| (name(above, own), folder.clone()))
            .collect()
    };
    found.iter().zip(above).map(group).collect()
}

/// The names of the folders in which the checkpoints of an argument lie, outermost first.
fn folders_above(path: &Path) -> Vec<String> {
    let mut full = full(path);
    if is_checkpoint(path) || !path.exists() {
        full.pop();
    }
    let names = full.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    names.collect()
}

/// The folder with the shards of a checkpoint of verl, if `path` is that, or its `huggingface`,
/// and holds no merged weights.
fn shards_of_verl(path: &Path) -> Option<PathBuf> {
    let actor = if path.ends_with("huggingface") {
        path.parent()?
    } else {
        path
    };
    let merged = actor.join("huggingface");
    let has_weights = ["model.safetensors", "model.safetensors.index.json"]
        .iter()
        .any(|name| merged.join(name).exists());
    (merged.join("config.json").exists() && !has_weights).then(|| actor.to_path_buf())
}

fn unmerged(path: &Path, actor: &Path) -> Error {
    let message = format!(
        "{0} holds the shards of a checkpoint of verl; merge each step first: python -m \
         verl.model_merger merge --backend fsdp --local_dir {0} --target_dir RUN/STEP (--backend \
         megatron for its shards), and give RUN",
        actor.display()
    );
    Error::checkpoint(path, message)
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
    // A link to another of them, such as to the best one, is that one.
    let own = folders.iter().filter(|folder| !folder.is_symlink());
    let mut seen: HashSet<PathBuf> = own.map(|folder| full(folder)).collect();
    folders.retain(|folder| !folder.is_symlink() || seen.insert(full(folder)));
    Ok(folders)
}

/// A folder inside of one that was given, which is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The folder.
    pub folder: PathBuf,
    /// The checkpoint that is taken, where the folder is a link to it.
    pub link_to: Option<PathBuf>,
}

/// Folders inside of one that was given that look like checkpoints and are none of those that
/// [`find`] takes: those without a `config.json` (an unfinished one), in a checkpoint those that are
/// named after no step, and links to what is taken.
#[must_use]
pub fn left_out(path: &Path) -> Vec<LeftOut> {
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
    let link_to = |folder: &PathBuf| {
        let target = folder.is_symlink().then(|| full(folder))?;
        taken.iter().find(|other| full(other) == target).cloned()
    };
    let with_target = |folder: PathBuf| LeftOut {
        link_to: link_to(&folder),
        folder,
    };
    left.into_iter().map(with_target).collect()
}

/// What is to be said of a checkpoint before it is read: what is added to its weights, and what is
/// left out of them.
#[must_use]
pub fn remarks(folder: &Path) -> Vec<String> {
    let place = folder.display();
    let mut remarks = Vec::new();
    if adapter::is_on_top(folder) {
        remarks.push(format!(
            "note: adapter_model.safetensors in {place} is applied on top of the weights in {place}, \
             as transformers 5 does; move it and adapter_config.json away if they hold it already"
        ));
    }
    if has_value_head(folder) {
        remarks.push(format!(
            "note: the value head (v_head) in {place} is passed over: no probability depends on it"
        ));
    }
    remarks
}

/// The folder itself, behind links.
fn full(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

fn name_of(path: &Path) -> String {
    full(path)
        .file_name()
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
    fn what_lies_there_instead_of_a_model() {
        for (name, expected) in [
            ("pytorch_model_fsdp_0", "accelerate merge-weights "),
            ("global_step10", "zero_to_fp32.py "),
            ("model-Q4_K_M.gguf", "take the model's Hugging Face form"),
            ("consolidated.safetensors", "take its Hugging Face form"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(name), "").unwrap();
            let error = find(folder.path()).unwrap_err().to_string();
            let said = format!("has no config.json, nor has any folder in it; {name} ");
            assert!(error.contains(&said) && error.contains(expected), "{error}");
        }
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
        let left: Vec<PathBuf> = left_out(&run).into_iter().map(|one| one.folder).collect();
        assert_eq!(left, [run.join("checkpoint-300"), run.join("onnx")]);
        assert_eq!(names(&run.join("checkpoint-20")), ["checkpoint-20"]);
        assert!(left_out(&run.join("checkpoint-20")).is_empty());
    }

    fn checkpoints(folder: &Path, names: &[&str]) {
        for name in names {
            std::fs::create_dir_all(folder.join(name)).unwrap();
            std::fs::write(folder.join(name).join("config.json"), "{}").unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_to_what_is_taken_anyway_are_left_out() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let (run, other) = (folder.path().join("run"), folder.path().join("other"));
        checkpoints(&run, &["checkpoint-10", "checkpoint-20"]);
        checkpoints(&other, &["checkpoint-30"]);
        symlink("checkpoint-20", run.join("best")).unwrap();
        symlink("best", run.join("a-link-to-it")).unwrap();
        symlink("checkpoint-40", run.join("nowhere")).unwrap();
        symlink("../other/checkpoint-30", run.join("last")).unwrap();
        let steps = ["checkpoint-10", "checkpoint-20", "checkpoint-30"];
        assert_eq!(names(&run), steps);
        let link = |name: &str, target: &str| LeftOut {
            folder: run.join(name),
            link_to: Some(run.join(target)),
        };
        let expected = [
            link("a-link-to-it", "checkpoint-20"),
            link("best", "checkpoint-20"),
        ];
        let mut left = left_out(&run);
        left.sort_by_key(|one| one.folder.clone());
        assert_eq!(left, expected);
        // The same beside a final model.
        checkpoints(folder.path(), &["run"]);
        let beside = [
            "run/checkpoint-10",
            "run/checkpoint-20",
            "run/checkpoint-30",
            "run",
        ];
        assert_eq!(names(&run), beside);
        let mut left = left_out(&run);
        left.sort_by_key(|one| one.folder.clone());
        assert_eq!(left, expected);
    }

    #[test]
    fn checkpoints_of_several_runs_have_names_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let run = ["checkpoint-10", "checkpoint-20"];
        for name in ["runs/a", "runs/b", "x/checkpoints", "y/checkpoints"] {
            checkpoints(&path(name), &run);
        }
        checkpoints(&path("runs"), &["base"]);
        let all = |given: &[&str]| {
            let paths: Vec<PathBuf> = given.iter().map(|name| path(name)).collect();
            let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
            let names = |found: Vec<Vec<(String, PathBuf)>>| {
                let found = found.into_iter().flatten();
                found.map(|(name, _)| name).collect::<Vec<_>>().join(" ")
            };
            find_all(&paths).map(names).map_err(|e| e.to_string())
        };
        // One run, and models that differ by their names, keep them.
        assert_eq!(
            all(&["runs/a", "runs/base"]).unwrap(),
            "checkpoint-10 checkpoint-20 base"
        );
        for (given, expected) in [
            (
                &["runs/a", "runs/b"][..],
                "a/checkpoint-10 a/checkpoint-20 b/checkpoint-10 b/checkpoint-20",
            ),
            (
                &["runs/a/checkpoint-10", "runs/b/checkpoint-10", "runs/base"],
                "a/checkpoint-10 b/checkpoint-10 runs/base",
            ),
            (
                &["runs/a", "runs/b/checkpoint-10"],
                "a/checkpoint-10 a/checkpoint-20 b/checkpoint-10",
            ),
            (
                &["x", "y"],
                "x/checkpoint-10 x/checkpoint-20 y/checkpoint-10 y/checkpoint-20",
            ),
            (
                &["x/checkpoints/checkpoint-10", "y/checkpoints/checkpoint-10"],
                "x/checkpoints/checkpoint-10 y/checkpoints/checkpoint-10",
            ),
        ] {
            assert_eq!(all(given).as_deref(), Ok(expected), "{given:?}");
        }
        let error = all(&["runs/a", "runs/a/checkpoint-10"]).unwrap_err();
        assert!(error.contains("checkpoint-10: is given twice"), "{error}");
    }

    #[test]
    fn a_run_of_verl_is_to_be_merged() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let actor = run.join("global_step_20/actor");
        checkpoints(&actor, &["huggingface"]);
        for given in [
            &run,
            &run.join("global_step_20"),
            &actor,
            &actor.join("huggingface"),
        ] {
            let error = find(given).unwrap_err().to_string();
            let command = format!("merge --backend fsdp --local_dir {} ", actor.display());
            assert!(error.contains(&command), "{}: {error}", given.display());
        }
        std::fs::write(actor.join("huggingface/model.safetensors"), "").unwrap();
        assert_eq!(names(&actor), ["huggingface"]);
    }
}
