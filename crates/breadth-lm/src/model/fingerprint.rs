//! What tells a checkpoint's files from others, and from what they become.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use breadth_data::Stamp;

use super::{adapter, inside, weights};
use crate::error::{Error, Result};

/// A file that changed so shortly before it was looked at may change again without another time: a
/// file system's clock is coarse.
const COARSE: Duration = Duration::from_secs(2);

/// The files of a model as they were at one moment: all that are read, of an adapter and of its
/// base; or one file of another kind.
#[derive(Debug)]
pub(crate) struct Fingerprint {
    what: What,
    hash: String,
    seen: Mutex<Seen>,
}

/// What has a fingerprint.
#[derive(Clone, Debug)]
enum What {
    Model {
        folder: PathBuf,
        base: Option<PathBuf>,
    },
    File(PathBuf),
}

/// When files were read, and what the file system said of each.
#[derive(Debug)]
struct Seen {
    when: SystemTime,
    files: Vec<(PathBuf, Stamp)>,
}

impl Fingerprint {
    /// Reads all files of a model; those of an adapter's base too.
    ///
    /// # Errors
    /// If one cannot be read, or changes meanwhile.
    pub(crate) fn of(folder: &Path, base: Option<&Path>) -> Result<Self> {
        Self::new(What::Model {
            folder: folder.into(),
            base: base.map(Path::to_path_buf),
        })
    }

    /// Reads one file, which is no model's.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(crate) fn of_file(path: &Path) -> Result<Self> {
        Self::new(What::File(path.into()))
    }

    fn new(what: What) -> Result<Self> {
        let mut seen = Seen {
            when: SystemTime::now(),
            files: Vec::new(),
        };
        let hash = match &what {
            What::Model { folder, base } => hash_model(folder, base.as_deref(), &mut seen.files)?,
            What::File(path) => {
                let mut hash = blake3::Hasher::new();
                let stamp = hash_file(path, &mut hash, &|e| Error::io(path, e))?;
                seen.files.push((path.clone(), stamp));
                hash.finalize().to_hex()[..16].to_string()
            }
        };
        Ok(Self {
            what,
            hash,
            seen: Mutex::new(seen),
        })
    }

    /// The files that were read.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.files.iter().map(|(path, _)| path.clone()).collect()
    }

    /// Hash of the files, 16 hexadecimal digits: equal for equal files, whatever the folder.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// Checks that the files are still what they were. They are not read again unless the file
    /// system says that one changed, or, with `thorough`, might have changed too shortly before it
    /// was read to be sure.
    ///
    /// # Errors
    /// If they changed.
    pub(crate) fn check(&self, thorough: bool) -> Result<()> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = seen.files.iter().all(|(path, stamp)| stamp.is_of(path));
        if is_same && !(thorough && seen.is_unsure()) {
            return Ok(());
        }
        match Self::new(self.what.clone()) {
            Ok(now) if now.hash == self.hash => {
                *seen = now
                    .seen
                    .into_inner()
                    .unwrap_or_else(PoisonError::into_inner);
                Ok(())
            }
            _ => Err(self.what.changed()),
        }
    }
}

impl What {
    fn changed(&self) -> Error {
        match self {
            Self::Model { folder, .. } => Error::checkpoint(
                folder,
                "changed while it was used, so what was made of it since is not kept; run the \
                 command again when the checkpoint is complete",
            ),
            Self::File(path) => Error::data(
                path.display().to_string(),
                "changed while it was read; run the command again when it is complete",
            ),
        }
    }
}

impl Seen {
    fn is_unsure(&self) -> bool {
        let mut changed = self.files.iter().map(|(_, stamp)| stamp.changed());
        changed.any(|time| time.is_none_or(|time| time + COARSE > self.when))
    }
}

/// The files that are read of a model, whether they are there or not; of an adapter's base, too.
pub(crate) fn files_of(folder: &Path, base: Option<&Path>) -> Vec<PathBuf> {
    let here = |names: Vec<String>| names.into_iter().map(|name| folder.join(name)).collect();
    if !adapter::is_one(folder) {
        // What cannot be read is an error where it is read in earnest.
        return here(whole_files(folder).unwrap_or_default());
    }
    let mut files: Vec<PathBuf> = here(adapter::files());
    if let Ok(base) = adapter::base_of(folder, base) {
        files.extend(files_of(&base, None));
    }
    files
}

/// The files of a whole model, and of an adapter that lies on top of it.
fn whole_files(folder: &Path) -> Result<Vec<String>> {
    let mut names = weights::read_files(folder)?;
    if adapter::is_on_top(folder) {
        names.extend(adapter::files());
    }
    Ok(names)
}

/// Hash of a model's files; of an adapter's and its base's.
fn hash_model(
    folder: &Path,
    base: Option<&Path>,
    seen: &mut Vec<(PathBuf, Stamp)>,
) -> Result<String> {
    if !adapter::is_one(folder) {
        return hash_files(folder, whole_files(folder)?, seen);
    }
    let mut names = adapter::files();
    // What is missing is an error where the adapter is merged.
    names.retain(|name| folder.join(name).exists());
    let own = hash_files(folder, names, seen)?;
    let base = hash_model(&adapter::base_of(folder, base)?, None, seen)?;
    let both = blake3::hash(format!("{own} {base}").as_bytes());
    Ok(both.to_hex()[..16].to_string())
}

/// Hash of names, lengths and contents. The weights are not decoded.
fn hash_files(
    folder: &Path,
    mut names: Vec<String>,
    seen: &mut Vec<(PathBuf, Stamp)>,
) -> Result<String> {
    names.sort();
    names.dedup();
    let mut hash = blake3::Hasher::new();
    for name in names {
        let path = inside::file(folder, &name)?;
        let failed = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => weights::missing(folder, &name, &e),
            _ => Error::io(&path, e),
        };
        hash.update(name.as_bytes());
        let stamp = hash_file(&path, &mut hash, &failed)?;
        seen.push((path, stamp));
    }
    Ok(hash.finalize().to_hex()[..16].to_string())
}

/// Adds a file's length and content.
fn hash_file(
    path: &Path,
    hash: &mut blake3::Hasher,
    failed: &dyn Fn(io::Error) -> Error,
) -> Result<Stamp> {
    let mut file = File::open(path).map_err(failed)?;
    let stamp = Stamp::of(&file.metadata().map_err(failed)?);
    hash.update(&stamp.length().to_le_bytes());
    io::copy(&mut file, hash).map_err(failed)?;
    if Stamp::of(&file.metadata().map_err(failed)?) != stamp {
        let message = "changed while it was read; run the command again when it is complete";
        return Err(Error::data(path.display().to_string(), message));
    }
    Ok(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn equal_files_have_equal_hashes_wherever_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let hash = |name: &str, config: &str, weights: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("config.json"), config).unwrap();
            fs::write(path.join("model.safetensors"), weights).unwrap();
            fs::write(path.join("notes.txt"), name).unwrap();
            Fingerprint::of(&path, None).unwrap().hash
        };
        let first = hash("a", "{}", b"weights");
        assert_eq!(first, hash("b", "{}", b"weights"));
        assert_ne!(first, hash("c", "{}", b"weighty"));
        assert_ne!(first, hash("d", "{ }", b"weights"));
        // Bytes that move from one file to the next make another model.
        assert_ne!(hash("e", "{}x", b"y"), hash("f", "{}", b"xy"));
    }

    /// What an index names is what is read, whatever it is called.
    #[test]
    fn all_shards_are_in_the_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let index = r#"{"weight_map": {"a": "one.bin", "b": "two.safetensors"}}"#;
        fs::write(path("config.json"), "{}").unwrap();
        fs::write(path("model.safetensors.index.json"), index).unwrap();
        fs::write(path("one.bin"), "1").unwrap();
        fs::write(path("two.safetensors"), "2").unwrap();
        let hash = || Fingerprint::of(folder.path(), None).unwrap().hash;
        let first = hash();
        fs::write(path("other.safetensors"), "3").unwrap();
        assert_eq!(hash(), first, "nobody reads it");
        fs::write(path("one.bin"), "0").unwrap();
        assert_ne!(hash(), first);
        fs::remove_file(path("one.bin")).unwrap();
        let error = Fingerprint::of(folder.path(), None)
            .unwrap_err()
            .to_string();
        assert!(error.contains("has no one.bin"), "{error}");
        for bad in ["../one.bin", "/one.bin", "a/one.bin"] {
            fs::write(
                path("model.safetensors.index.json"),
                index.replace("one.bin", bad),
            )
            .unwrap();
            let error = Fingerprint::of(folder.path(), None)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(&format!("names \"{bad}\", which is no file of this folder")),
                "{error}"
            );
        }
    }

    #[test]
    fn changes_are_noticed_and_touching_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("model.safetensors");
        fs::write(folder.path().join("config.json"), "{}").unwrap();
        fs::write(&weights, "weights").unwrap();
        let own = Fingerprint::of(folder.path(), None).unwrap();
        own.check(true).unwrap();
        let touch = |seconds| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            File::options()
                .write(true)
                .open(&weights)
                .unwrap()
                .set_modified(time)
                .unwrap();
        };
        touch(1_000);
        own.check(false).unwrap();
        // Another content of the same length and with the same time.
        fs::write(&weights, "weighty").unwrap();
        touch(1_000);
        let error = own.check(false).unwrap_err().to_string();
        assert!(error.contains("changed while it was used"), "{error}");
        fs::write(&weights, "weights").unwrap();
        own.check(true).unwrap();
        fs::remove_file(&weights).unwrap();
        assert!(own.check(false).is_err());
    }
}
