//! No output over an input.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Refuses to write where one of the inputs stands: the same file by another path, link or hard
/// link, or a name inside of it.
///
/// An input may be a file, a pattern, or a folder, which stands for everything in it.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// let input = dir.path().join("in.jsonl");
/// std::fs::write(&input, "{}")?;
/// let inputs = [input.clone()];
/// assert!(breadth_data::refuse_overwriting(&dir.path().join("out.parquet"), &inputs).is_ok());
/// assert!(breadth_data::refuse_overwriting(&dir.path().join("./in.jsonl"), &inputs).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// [`Error::Overwrites`], which names both.
pub fn refuse_overwriting(output: &Path, inputs: &[PathBuf]) -> Result<()> {
    // What does not exist is nobody's input, but a part of its path may be one.
    let taken = output.ancestors().find(|path| path.is_file());
    let Some(identity) = taken.and_then(identity) else {
        return Ok(());
    };
    for input in inputs {
        if let Some(same) = find(input, &identity, DEEPEST) {
            return Err(Error::Overwrites {
                output: output.into(),
                input: same,
            });
        }
    }
    Ok(())
}

/// Refuses to write into a folder in which one of the inputs, files or folders, stands: what is in
/// it is replaced.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// let path = |name: &str| dir.path().join(name);
/// std::fs::create_dir_all(path("out/step-5"))?;
/// std::fs::write(path("out/step-5/weights"), "1")?;
/// let refused = |folder: &str, input: &str| {
///     breadth_data::refuse_replacing(&path(folder), &[path(input)]).is_err()
/// };
/// assert!(refused("out", "out/step-5/weights") && refused("out", "out/../out/step-5"));
/// assert!(!refused("other", "out/step-5") && !refused("out/step-5", "out"));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// [`Error::Replaces`], which names both.
pub fn refuse_replacing(folder: &Path, inputs: &[PathBuf]) -> Result<()> {
    let Ok(own) = folder.canonicalize() else {
        return Ok(()); // nothing stands in what is not there
    };
    let is_inside = |path: &Path| path.canonicalize().is_ok_and(|path| path.starts_with(&own));
    // A link that stands in the folder is replaced, wherever it leads.
    let is_taken = |input: &&PathBuf| is_inside(input) || input.parent().is_some_and(is_inside);
    match inputs.iter().find(is_taken) {
        Some(input) => Err(Error::Replaces {
            folder: folder.into(),
            input: input.clone(),
        }),
        None => Ok(()),
    }
}

/// Folders are not looked into further than this: links may lead in circles.
const DEEPEST: usize = 16;

/// The file of this identity among those that an input stands for.
fn find(input: &Path, wanted: &Identity, depth: usize) -> Option<PathBuf> {
    if input.is_dir() {
        let entries = fs::read_dir(input).ok()?.filter_map(|entry| entry.ok());
        let inside = |entry: fs::DirEntry| find(&entry.path(), wanted, depth.checked_sub(1)?);
        return entries.filter_map(inside).next();
    }
    if !input.exists() {
        let found = glob::glob(&input.to_string_lossy()).ok()?;
        let is_wanted = |path: &PathBuf| identity(path).as_ref() == Some(wanted);
        return found.filter_map(|path| path.ok()).find(is_wanted);
    }
    (identity(input).as_ref() == Some(wanted)).then(|| input.to_path_buf())
}

/// What tells a file from all others, whatever it is called.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((meta.dev(), meta.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    fs::canonicalize(path).ok().filter(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::refuse_overwriting;
    use std::fs;

    #[test]
    fn the_same_file_by_any_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir_all(path("logs/a")).unwrap();
        fs::write(path("logs/a/in.jsonl"), "{}").unwrap();
        fs::write(path("other.jsonl"), "{}").unwrap();
        fs::hard_link(path("logs/a/in.jsonl"), path("hard.jsonl")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(path("logs/a/in.jsonl"), path("soft.jsonl")).unwrap();
        let inputs = [
            path("logs/a/in.jsonl"),
            path("logs"),
            path("logs/*/in.jsonl"),
        ];
        for input in inputs {
            let inputs = [path("other.jsonl"), input];
            for output in [
                "logs/a/in.jsonl",
                "logs/../logs/a/in.jsonl",
                "hard.jsonl",
                #[cfg(unix)]
                "soft.jsonl",
                "logs/a/in.jsonl/inside",
            ] {
                let error = refuse_overwriting(&path(output), &inputs).unwrap_err();
                assert!(error.to_string().contains("nothing was written"), "{error}");
            }
            for output in ["new.parquet", "logs/a/new.parquet", "logs"] {
                assert!(
                    refuse_overwriting(&path(output), &inputs).is_ok(),
                    "{output}"
                );
            }
        }
    }
}
