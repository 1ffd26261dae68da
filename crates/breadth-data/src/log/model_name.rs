//! The model of a log that does not name it.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::source::{Source, parse};
use crate::error::Result;
use crate::limit;

/// The one that was asked for, or that the file or its folder is named after.
pub(super) fn model(source: &Source) -> Result<Arc<str>> {
    by_path(source, || {
        of_file(&source.path).or_else(|| folder(&source.path, 1))
    })
}

/// The one that was asked for, or that the folder is named after.
pub(super) fn by_folder(source: &Source) -> Result<Arc<str>> {
    by_path(source, || folder(&source.path, 1))
}

/// The one that was asked for, or that is found in the path, of which [`Logs`](super::Logs) is
/// told: other logs may have the same name.
pub(super) fn by_path(source: &Source, found: impl FnOnce() -> Option<String>) -> Result<Arc<str>> {
    source.model(|| {
        source.named_by_path.set(true);
        found()
    })
}

/// For files whose paths gave them one name: those that the folders give them which are the nearest
/// to the files and differ; nothing where none do.
pub(super) fn told_apart(paths: &[&Path]) -> Option<Vec<String>> {
    const DEEPEST: usize = 16;
    let all_at = |level| paths.iter().map(|path| folder(path, level)).collect();
    let differ = |names: &Vec<String>| names.iter().collect::<HashSet<_>>().len() == names.len();
    let mut levels = (1..=DEEPEST).map_while(all_at);
    levels.find(differ)
}

/// The model that a file beside the log names.
pub(super) fn model_beside(source: &Source, file: &str, member: &str) -> Result<Arc<str>> {
    let beside = source.path.with_file_name(file);
    let named = || {
        parse::<Value>(&limit::read_beside(&beside)?)
            .ok()?
            .get(member)?
            .as_str()
            .map(str::to_owned)
    };
    match named() {
        Some(found) => source.model(|| Some(found)),
        None => model(source),
    }
}

/// `qwen-7b` of `qwen-7b.jsonl_results.jsonl` or `qwen-7b.eval_results.json`; nothing of a name
/// that says only what the file is.
fn of_file(path: &Path) -> Option<String> {
    const ENDS: [&str; 8] = [
        ".gz",
        ".zst",
        ".json",
        ".jsonl",
        "_eval_results",
        ".eval_results",
        "_results",
        "-sanitized",
    ];
    let mut name = path.file_name()?.to_str()?;
    while let Some(shorter) = ENDS.iter().find_map(|end| name.strip_suffix(end)) {
        name = shorter;
    }
    const NOTHING: [&str; 13] = [
        "",
        "samples",
        "results",
        "eval",
        "evals",
        "counts",
        "rewards",
        "generations",
        "rollouts",
        "traces",
        "outcomes",
        "scores",
        "outputs",
    ];
    // BigCode appends the task.
    let says_nothing = NOTHING.contains(&name) || name.starts_with("generations_");
    (!says_nothing).then(|| name.to_owned())
}

/// The name of the folder that a file stands in, at level 1, or of one further up.
pub(super) fn folder(path: &Path, level: usize) -> Option<String> {
    let path = std::fs::canonicalize(path).ok()?;
    let folder = path.ancestors().nth(level)?;
    Some(folder.file_name()?.to_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_by_the_names_of_files() {
        let of = |name: &str| of_file(Path::new(name));
        assert_eq!(
            of("runs/qwen-7b.jsonl_results.jsonl"),
            Some("qwen-7b".into())
        );
        assert_eq!(
            of("qwen_vllm_temp_0.8.eval_results.json"),
            Some("qwen_vllm_temp_0.8".into())
        );
        assert_eq!(of("qwen_eval_results.json"), Some("qwen".into()));
        assert_eq!(of("qwen/samples.jsonl_results.jsonl"), None);
        assert_eq!(of("qwen/eval_results.json"), None);
        assert_eq!(of("qwen/counts.jsonl.gz"), None);
        assert_eq!(of("qwen/generations_humaneval.json"), None);
        assert_eq!(of("my_generations.json"), Some("my_generations".into()));
    }
}
