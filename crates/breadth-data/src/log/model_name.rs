//! The model of a log that does not name it.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::source::{Source, parse};
use crate::error::Result;
use crate::limit;

/// The one that was asked for, or that the file or its folder is named after.
pub(super) fn model(source: &Source) -> Result<Arc<str>> {
    source.model(|| of_file(&source.path).or_else(|| of_folder(&source.path)))
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
    let says_nothing = ["", "samples", "results", "eval"].contains(&name);
    (!says_nothing).then(|| name.to_owned())
}

/// The name of the folder that a file stands in.
pub(super) fn of_folder(path: &Path) -> Option<String> {
    let folder = std::fs::canonicalize(path).ok()?;
    Some(folder.parent()?.file_name()?.to_str()?.to_owned())
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
    }
}
