//! Finished parts of a long job, so that a killed one goes on where it was.

use std::path::{Path, PathBuf};

use breadth_data::atomic;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::{Error, Result};

/// Token lists of one part: lengths, tokens (none where they are given), log-probabilities.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Length of each list.
    pub lengths: Vec<u32>,
    /// All tokens, or nothing.
    pub tokens: Vec<u32>,
    /// `log q` of all tokens.
    pub log_probs: Vec<f32>,
}

impl Part {
    /// Each list's log-probabilities.
    pub fn lists(&self) -> impl Iterator<Item = &[f32]> {
        let mut rest = &self.log_probs[..];
        self.lengths.iter().map(move |&n| {
            let (head, tail) = rest.split_at(n as usize);
            rest = tail;
            head
        })
    }

    /// Each list's tokens; only where they are kept.
    pub fn token_lists(&self) -> impl Iterator<Item = &[u32]> {
        let mut rest = &self.tokens[..];
        self.lengths.iter().map(move |&n| {
            let (head, tail) = rest.split_at(n as usize);
            rest = tail;
            head
        })
    }

    fn write(&self, path: &Path) -> Result<()> {
        let view = |dtype, n, bytes| TensorView::new(dtype, vec![n], bytes).expect("sizes agree");
        let lengths = bytemuck::cast_slice(&self.lengths);
        let tokens = bytemuck::cast_slice(&self.tokens);
        let log_probs = bytemuck::cast_slice(&self.log_probs);
        let views = [
            ("lengths", view(Dtype::U32, self.lengths.len(), lengths)),
            ("tokens", view(Dtype::U32, self.tokens.len(), tokens)),
            (
                "log_probs",
                view(Dtype::F32, self.log_probs.len(), log_probs),
            ),
        ];
        let bytes = safetensors::serialize(views, None)
            .map_err(|e| Error::data(path.display().to_string(), e.to_string()))?;
        Ok(atomic::write_bytes(path, &bytes)?)
    }

    fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
        let file = SafeTensors::deserialize(&bytes).ok();
        let words = |name| {
            let view = file.as_ref()?.tensor(name).ok()?;
            let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            Some(view.data().chunks_exact(4).map(word).collect::<Vec<u32>>())
        };
        match (words("lengths"), words("tokens"), words("log_probs")) {
            (Some(lengths), Some(tokens), Some(bits)) => Ok(Self {
                lengths,
                tokens,
                log_probs: bits.into_iter().map(f32::from_bits).collect(),
            }),
            _ => Err(Error::data(
                path.display().to_string(),
                "not a part of breadth; remove it",
            )),
        }
    }
}

/// Refuses to touch a folder of this name that holds no parts: its marker begins with the command
/// of the job.
fn is_ours(folder: &Path, marker: Option<&str>) -> Result<()> {
    let first = marker.and_then(|text| text.split(' ').next());
    let is_folder = folder.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    let is_temp = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with(atomic::TEMP_PREFIX)
        })
    };
    // What a kill before the first part leaves.
    let is_empty = is_folder && std::fs::read_dir(folder).is_ok_and(|mut all| all.all(is_temp));
    if is_empty || (is_folder && matches!(first, Some("score" | "sample"))) {
        Ok(())
    } else {
        Err(Error::data(
            folder.display().to_string(),
            "is there and holds no parts of an unfinished table, so it is left alone; rename it, \
             or choose another output",
        ))
    }
}

/// Removes a folder of parts, the marker last: what a kill leaves of it is still known as ours.
fn remove(folder: &Path) -> Result<()> {
    let failed = |e| Error::io(folder, e);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() != MARKER {
            std::fs::remove_file(entry.path()).map_err(|e| Error::io(&entry.path(), e))?;
        }
    }
    std::fs::remove_dir_all(folder).map_err(failed)
}

/// The file that says whose parts a folder holds.
const MARKER: &str = "identity";

/// The folder of a job's parts: `OUT.parts`.
pub struct Parts {
    folder: PathBuf,
}

impl Parts {
    /// Opens the parts of the job `identity` beside `out`; those of another job are removed.
    ///
    /// # Errors
    /// If the file system refuses, or something else has this name.
    pub fn open(out: &Path, identity: &str) -> Result<Self> {
        let mut name = out.file_name().unwrap_or_default().to_os_string();
        name.push(".parts");
        let folder = out.with_file_name(name);
        let marker = folder.join(MARKER);
        let found = std::fs::read_to_string(&marker).ok();
        if found.as_deref() != Some(identity) {
            if folder.symlink_metadata().is_ok() {
                is_ours(&folder, found.as_deref())?;
                remove(&folder)?;
            }
            std::fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, e))?;
            atomic::write_bytes(&marker, identity.as_bytes())?;
        }
        crate::leftover::remove_leftovers(&folder)?;
        Ok(Self { folder })
    }

    /// Reads part `index` of model `model`, or makes and keeps it; whether it was there already.
    ///
    /// # Errors
    /// If the file system refuses, or `make` fails.
    pub fn get(
        &self,
        model: usize,
        index: usize,
        make: impl FnOnce() -> Result<Part>,
    ) -> Result<(Part, bool)> {
        let path = self.folder.join(format!("{model:04}-{index:06}"));
        if path.exists() {
            return Ok((Part::read(&path)?, true));
        }
        let part = make()?;
        part.write(&path)?;
        Ok((part, false))
    }

    /// Keeps a line about model `model`; the one that was kept first stays, and is given back.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn note(&self, model: usize, text: &str) -> Result<String> {
        let path = self.folder.join(format!("{model:04}-note"));
        if let Ok(kept) = std::fs::read_to_string(&path) {
            return Ok(kept);
        }
        atomic::write_bytes(&path, text.as_bytes())?;
        Ok(text.to_owned())
    }

    /// Removes the parts, once the output stands.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn remove(self) -> Result<()> {
        remove(&self.folder)
    }
}
