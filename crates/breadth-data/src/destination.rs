//! Where an output cannot go, seen before the work.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The endings of files in other formats than that of tables.
const OTHER: [&str; 21] = [
    "arrow",
    "csv",
    "eval",
    "feather",
    "gz",
    "htm",
    "html",
    "json",
    "jsonl",
    "md",
    "ndjson",
    "pt",
    "safetensors",
    "svg",
    "toml",
    "tsv",
    "txt",
    "xlsx",
    "yaml",
    "yml",
    "zst",
];

/// Refuses to write a file where a folder stands.
///
/// # Errors
/// [`Error::IsFolder`].
pub fn refuse_folder(output: &Path) -> Result<()> {
    match output.is_dir() {
        true => Err(Error::IsFolder(output.into())),
        false => Ok(()),
    }
}

/// Refuses to write a table where a folder stands, or under a name that ends as files of another
/// format do: tables are written as Parquet.
///
/// ```
/// use std::path::Path;
/// use breadth_data::refuse_for_table;
/// assert!(refuse_for_table(Path::new("scores.parquet")).is_ok());
/// assert!(refuse_for_table(Path::new("/dev/stdout")).is_ok());
/// let error = refuse_for_table(Path::new("scores.csv")).unwrap_err();
/// assert!(error.to_string().ends_with("write to scores.parquet instead"));
/// ```
///
/// # Errors
/// [`Error::IsFolder`], [`Error::Ending`].
pub fn refuse_for_table(output: &Path) -> Result<()> {
    refuse_folder(output)?;
    if !is_of_another_format(output) {
        return Ok(());
    }
    let ending = output.extension().unwrap_or_default();
    Err(Error::Ending {
        output: output.into(),
        ending: ending.to_string_lossy().into_owned(),
        instead: as_parquet(output),
    })
}

fn is_of_another_format(output: &Path) -> bool {
    let ending = output.extension().unwrap_or_default();
    OTHER.iter().any(|other| ending.eq_ignore_ascii_case(other))
}

/// The same name with the ending of Parquet: `scores.parquet` of `scores.jsonl.gz`.
fn as_parquet(output: &Path) -> PathBuf {
    let mut name = output.to_path_buf();
    while is_of_another_format(&name) {
        name.set_extension("");
    }
    if name.extension() != Some("parquet".as_ref()) {
        name.as_mut_os_string().push(".parquet");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_formats_and_folders() {
        let said = |name: &str| refuse_for_table(Path::new(name)).map_err(|e| e.to_string());
        for name in [
            "a.parquet",
            "a.PARQUET",
            "a",
            "a.pq",
            "step-1.5",
            "csv",
            ".csv",
        ] {
            assert_eq!(said(name), Ok(()), "{name}");
        }
        for (name, instead) in [
            ("a.csv", "a.parquet"),
            ("out/a.b.JSON", "out/a.b.parquet"),
            ("a.jsonl.gz", "a.parquet"),
            ("a.parquet.gz", "a.parquet"),
        ] {
            let said = said(name).unwrap_err();
            assert!(
                said.ends_with(&format!("; write to {instead} instead")),
                "{said}"
            );
        }
        let dir = tempfile::tempdir().unwrap();
        let said = said(dir.path().to_str().unwrap()).unwrap_err();
        assert!(said.contains("is a folder"), "{said}");
    }
}
