//! Finished parts of a long job, so that a killed one goes on where it was.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::DirEntry;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use breadth_data::{LOG_PROB_ROUNDING, OutputLock, atomic};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::{Error, Result};
use crate::memory;
use crate::model::kind_at;

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

/// What a part is of: its members in the file's metadata.
const JOB: &str = "job";
const PLACE: &str = "part";

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

    /// Whether there are so many lists, with a number for every token.
    fn has_lists(&self, lists: usize) -> bool {
        let total: u64 = self.lengths.iter().map(|&n| u64::from(n)).sum();
        let fits = |len: usize| len as u64 == total;
        self.lengths.len() == lists
            && fits(self.log_probs.len())
            && (self.tokens.is_empty() || fits(self.tokens.len()))
    }

    fn write(&self, path: &Path, job: &str) -> Result<()> {
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
        let bytes = safetensors::serialize(views, Some(origin(path, job)))
            .map_err(|e| Error::data(path.display().to_string(), e.to_string()))?;
        Ok(atomic::write_bytes(path, &bytes)?)
    }

    fn read(path: &Path, job: &str, lists: usize) -> Result<Self> {
        let wrong = |what: &str| wrong(path, what);
        let bytes = bytes_of(path)?;
        let Ok((_, head)) = SafeTensors::read_metadata(&bytes) else {
            return Err(wrong("is not a part of breadth"));
        };
        if head.metadata().as_ref() != Some(&origin(path, job)) {
            return Err(wrong("is a part of another job"));
        }
        let file = SafeTensors::deserialize(&bytes).ok();
        let words = |name| {
            let view = file.as_ref()?.tensor(name).ok()?;
            let word = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            Some(view.data().chunks_exact(4).map(word).collect::<Vec<u32>>())
        };
        let part = match (words("lengths"), words("tokens"), words("log_probs")) {
            (Some(lengths), Some(tokens), Some(bits)) => Self {
                lengths,
                tokens,
                log_probs: bits.into_iter().map(f32::from_bits).collect(),
            },
            _ => return Err(wrong("is not a part of breadth")),
        };
        if !part.has_lists(lists) {
            return Err(wrong("does not hold a number for every token of the part"));
        }
        let is_none = |value: &&f32| value.is_nan() || f64::from(**value) > LOG_PROB_ROUNDING;
        match part.log_probs.iter().find(is_none) {
            Some(value) => Err(wrong(&format!(
                "holds {value}, which is no log-probability"
            ))),
            None => Ok(part),
        }
    }
}

/// What to do about a part that cannot be used.
fn wrong(path: &Path, what: &str) -> Error {
    let message = format!("{what}; remove it, and run the command again");
    Error::data(path.display().to_string(), message)
}

/// The content of a file of the folder.
///
/// # Errors
/// If it is no file, which could be waited for without end, or the file system refuses.
fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    if let Some(kind) = kind_at(path) {
        return Err(wrong(path, &format!("is {kind}, where a file is needed")));
    }
    let failed = |e| Error::io(path, e);
    let length = std::fs::metadata(path).map_err(failed)?.len();
    match memory::lacks(length.into()) {
        Some(lacks) => Err(wrong(path, &format!("takes {lacks}"))),
        None => std::fs::read(path).map_err(failed),
    }
}

/// The text of a file of the folder, if it is there.
///
/// # Errors
/// As [`bytes_of`].
fn text_of(path: &Path) -> Result<Option<String>> {
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&bytes_of(path)?).into_owned()))
}

/// What the file of a part says of itself.
fn origin(path: &Path, job: &str) -> HashMap<String, String> {
    let place = path.file_name().unwrap_or_default().to_string_lossy();
    [(JOB, job), (PLACE, &place)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// The file that says whose parts a folder holds: the job in the first line, then its command.
const MARKER: &str = "identity";
/// What stands in the place of a part's number in the names of lines about models.
const NOTE: &str = "note";

/// What a file in a folder of parts is by its name.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Marker,
    Part,
    /// A line about a model.
    Note,
    /// What was being written when a job was killed.
    Temporary,
    /// Nothing that a job writes.
    Stranger,
}

impl Role {
    /// Jobs write files and nothing else.
    fn of(entry: &DirEntry) -> std::io::Result<Self> {
        match entry.file_type()?.is_file() {
            true => Ok(Self::of_name(&entry.file_name())),
            false => Ok(Self::Stranger),
        }
    }

    fn of_name(name: &OsStr) -> Self {
        let is_number = |text: &str, digits: usize| {
            text.len() >= digits && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let text = name.to_str().unwrap_or_default();
        match text.split_once('-') {
            _ if atomic::is_temporary(name) => Self::Temporary,
            _ if text == MARKER => Self::Marker,
            Some((model, NOTE)) if is_number(model, 4) => Self::Note,
            Some((model, part)) if is_number(model, 4) && is_number(part, 6) => Self::Part,
            _ => Self::Stranger,
        }
    }
}

/// What stands in a folder that has the name of a job's parts.
#[derive(Debug, PartialEq)]
enum Found {
    /// Nothing, or what a kill before the first part leaves.
    Nothing,
    /// Parts of this very job.
    Own,
    /// Parts of another job, with its command.
    Others {
        command: String,
        /// Whether only the servers are started in another way.
        by_servers: bool,
    },
    /// No parts.
    Foreign,
}

/// What a folder holds by its names, but for temporary ones; `None` if it cannot be read.
fn roles(folder: &Path) -> Option<Vec<Role>> {
    let entries = std::fs::read_dir(folder).ok()?;
    let roles = entries.filter_map(|entry| Role::of(&entry.ok()?).ok());
    Some(roles.filter(|role| *role != Role::Temporary).collect())
}

impl Found {
    fn at(folder: &Path, job: &str) -> Result<Self> {
        let Ok(meta) = folder.symlink_metadata() else {
            return Ok(Self::Nothing);
        };
        let Some(roles) = roles(folder).filter(|_| meta.is_dir()) else {
            return Ok(Self::Foreign);
        };
        if roles.is_empty() {
            return Ok(Self::Nothing);
        }
        let marker = text_of(&folder.join(MARKER))?.unwrap_or_default();
        let (first, command) = marker.split_once('\n').unwrap_or((&marker, ""));
        if first == job {
            return Ok(Self::Own);
        }
        let is_ours = matches!(first.split(' ').next(), Some("score" | "sample"));
        Ok(if !is_ours {
            Self::Foreign
        } else if !roles.contains(&Role::Part) {
            Self::Nothing
        } else {
            Self::Others {
                command: command.trim().to_owned(),
                by_servers: all_but_servers(first) == all_but_servers(job),
            }
        })
    }
}

/// Name, version and hash of a job, without what says how its servers are started.
fn all_but_servers(job: &str) -> Vec<&str> {
    job.split(' ').take(3).collect()
}

/// Removes what jobs wrote into a folder of parts, and the folder, if nothing else is in it; the
/// marker last: what a kill leaves is still known as ours. The name of something else that is left.
fn remove(folder: &Path) -> Result<Option<OsString>> {
    let failed = |e| Error::io(folder, e);
    let mut stranger = None;
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        match Role::of(&entry).map_err(failed)? {
            Role::Marker => {}
            Role::Part | Role::Note | Role::Temporary => {
                std::fs::remove_file(entry.path()).map_err(|e| Error::io(&entry.path(), e))?;
            }
            Role::Stranger => stranger = stranger.max(Some(entry.file_name())),
        }
    }
    let marker = folder.join(MARKER);
    match std::fs::remove_file(&marker) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::io(&marker, e)),
        _ => {}
    }
    if stranger.is_none() {
        std::fs::remove_dir(folder).map_err(failed)?;
    }
    Ok(stranger)
}

/// The folder of a job's parts, `OUT.parts`, held together with the output.
pub struct Parts {
    folder: PathBuf,
    job: String,
    /// Given up last.
    _lock: OutputLock,
}

impl Parts {
    /// Opens the parts of `job` beside `out`, which is held.
    ///
    /// # Errors
    /// If there are finished parts of another job, something else has this name, or the file system
    /// refuses; then nothing was changed.
    pub fn open(lock: OutputLock, out: &Path, job: &str, command: &str) -> Result<Self> {
        let mut name = out.file_name().unwrap_or_default().to_os_string();
        name.push(".parts");
        let folder = out.with_file_name(name);
        let refused = |message: String| Err(Error::data(folder.display().to_string(), message));
        let found = Found::at(&folder, job)?;
        match &found {
            Found::Foreign => {
                return refused(
                    "is there and holds no parts of an unfinished table, so it is left alone; \
                     rename it, or choose another output"
                        .into(),
                );
            }
            Found::Others {
                command,
                by_servers,
            } => {
                let whose = match &command[..] {
                    "" => String::new(),
                    command => format!(" (`{command}`)"),
                };
                let how = match by_servers {
                    true => {
                        "whose servers were started by another --serve command; one table has \
                             the numbers of one kind of server"
                    }
                    false => "of other models, data or settings, or of another version",
                };
                return refused(format!(
                    "holds finished parts of another job{whose}: {how}. Run that one to its end, \
                     remove the folder, or choose another output"
                ));
            }
            Found::Nothing | Found::Own => {}
        }
        lock.remove_dead()?;
        if lock.is_exclusive() && folder.is_dir() {
            atomic::remove_all_dead(&folder)?;
        }
        if found == Found::Nothing {
            if folder.is_dir() {
                remove(&folder)?;
            }
            std::fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, e))?;
        }
        // From here on what fails removes the folder.
        let parts = Self {
            folder,
            job: job.to_owned(),
            _lock: lock,
        };
        if found == Found::Nothing {
            let marker = format!("{job}\n{command}\n");
            atomic::write_bytes(&parts.folder.join(MARKER), marker.as_bytes())?;
        }
        Ok(parts)
    }

    fn path(&self, model: usize, index: usize) -> PathBuf {
        self.folder.join(format!("{model:04}-{index:06}"))
    }

    /// Whether part `index` of model `model` is there.
    pub fn has(&self, model: usize, index: usize) -> bool {
        self.path(model, index).exists()
    }

    /// Reads part `index` of model `model`, which has so many lists, if it is there.
    ///
    /// # Errors
    /// If it is of another job, not whole, or holds what is no log-probability.
    pub fn read(&self, model: usize, index: usize, lists: usize) -> Result<Option<Part>> {
        if self.has(model, index) {
            Part::read(&self.path(model, index), &self.job, lists).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The error that part `index` of model `model` is not what it should be.
    pub fn wrong(&self, model: usize, index: usize, what: &str) -> Error {
        wrong(&self.path(model, index), what)
    }

    /// Keeps part `index` of model `model`.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write(&self, model: usize, index: usize, part: &Part) -> Result<()> {
        part.write(&self.path(model, index), &self.job)
    }

    /// Removes the `count` parts of model `model`, as far as they are there.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn forget(&self, model: usize, count: usize) -> Result<()> {
        for path in (0..count).map(|index| self.path(model, index)) {
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::io(&path, e));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Keeps a line about model `model`; the one that was kept first stays, and is given back.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn note(&self, model: usize, text: &str) -> Result<String> {
        let path = self.folder.join(format!("{model:04}-{NOTE}"));
        if let Some(kept) = text_of(&path)? {
            return Ok(kept);
        }
        atomic::write_bytes(&path, text.as_bytes())?;
        Ok(text.to_owned())
    }

    /// The line that is kept about model `model`.
    pub fn noted(&self, model: usize) -> Option<String> {
        text_of(&self.folder.join(format!("{model:04}-{NOTE}"))).ok()?
    }

    /// Removes the parts, once the output stands; what to say where something stays that no job
    /// wrote.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn remove(self) -> Result<Option<String>> {
        let stranger = remove(&self.folder)?;
        Ok(stranger.map(|name| {
            format!(
                "{} stays, for it holds `{}`, which no job wrote; the table is complete",
                self.folder.display(),
                name.display()
            )
        }))
    }
}

impl Drop for Parts {
    /// A job that ends before its first part is finished leaves no folder.
    fn drop(&mut self) {
        if roles(&self.folder).is_some_and(|roles| !roles.contains(&Role::Part)) {
            // What stays is taken over by the next job.
            let _ = remove(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(out: &Path, job: &str) -> Result<Parts> {
        Parts::open(OutputLock::hold(out)?, out, job, "breadth score a")
    }

    fn part() -> Part {
        Part {
            lengths: vec![2, 0, 1],
            tokens: Vec::new(),
            log_probs: vec![-1.0, -2.0, f32::NEG_INFINITY],
        }
    }

    #[test]
    fn parts_are_of_one_job_and_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a.parquet");
        let parts = open(&out, "score 1 aa").unwrap();
        parts.write(0, 0, &part()).unwrap();
        assert_eq!(parts.read(0, 0, 3).unwrap(), Some(part()));
        assert_eq!(parts.read(0, 1, 3).unwrap(), None);
        let said = |error: Error| error.to_string();
        let error = said(parts.read(0, 0, 4).unwrap_err());
        assert!(
            error.contains("does not hold a number for every token"),
            "{error}"
        );
        // A part in another's place, and one of another job.
        let own = parts.path(0, 0);
        std::fs::copy(&own, parts.path(1, 0)).unwrap();
        let error = said(parts.read(1, 0, 3).unwrap_err());
        assert!(
            error.contains("0001-000000: is a part of another job"),
            "{error}"
        );
        part().write(&own, "score 1 bb").unwrap();
        let error = said(parts.read(0, 0, 3).unwrap_err());
        assert!(
            error.contains("remove it, and run the command again"),
            "{error}"
        );
        std::fs::write(&own, "not a part").unwrap();
        let error = said(parts.read(0, 0, 3).unwrap_err());
        assert!(error.contains("is not a part of breadth"), "{error}");
    }

    #[test]
    fn numbers_of_a_part_are_log_probabilities() {
        let folder = tempfile::tempdir().unwrap();
        let parts = open(&folder.path().join("a.parquet"), "score 1 aa").unwrap();
        for (value, is_one) in [
            (f32::NAN, false),
            (f32::INFINITY, false),
            (0.5, false),
            (f32::NEG_INFINITY, true),
            (1e-6, true),
        ] {
            let mut part = part();
            part.log_probs[1] = value;
            parts.write(0, 0, &part).unwrap();
            let read = parts.read(0, 0, 3);
            assert_eq!(read.is_ok(), is_one, "{value}");
            if let Err(error) = read {
                let expected = format!(
                    "a.parquet.parts/0000-000000: holds {value}, which is no log-probability; \
                     remove it, and run the command again"
                );
                assert!(error.to_string().ends_with(&expected), "{error}");
            }
        }
    }

    /// Only what jobs write goes, and the folder if that was all.
    #[test]
    fn what_no_job_wrote_stays() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a.parquet");
        let names = |folder: &Path| {
            let entries = std::fs::read_dir(folder).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let strangers = ["0000-00000", "0000-000000.bak", "000-note", "more", "notes"];
        let fill = |parts: &Parts| {
            for name in strangers {
                std::fs::write(parts.folder.join(name), "mine").unwrap();
            }
            std::fs::create_dir_all(parts.folder.join("0007-000000")).unwrap();
        };
        let parts = open(&out, "score 1 aa").unwrap();
        fill(&parts);
        parts.note(0, "a server").unwrap();
        parts.write(0, 0, &part()).unwrap();
        std::fs::write(parts.folder.join(".breadth-tmp-x-abcdef"), "half").unwrap();
        let at = parts.folder.clone();
        let said = parts.remove().unwrap().unwrap();
        assert!(
            said.contains("stays, for it holds `notes`, which no job wrote"),
            "{said}"
        );
        assert_eq!(names(&at)[3], "0007-000000");
        assert_eq!(names(&at).len(), strangers.len() + 1);
        let error = open(&out, "score 1 aa").err().unwrap().to_string();
        assert!(
            error.contains("holds no parts of an unfinished table"),
            "{error}"
        );
        // Before its first part a job leaves nothing of its own.
        std::fs::remove_dir_all(&at).unwrap();
        let parts = open(&out, "score 1 aa").unwrap();
        fill(&parts);
        drop(parts);
        assert_eq!(names(&at).len(), strangers.len() + 1);
        std::fs::remove_dir_all(&at).unwrap();
        drop(open(&out, "score 1 aa").unwrap());
        assert_eq!(names(folder.path()).len(), 0);
    }

    /// Opening a pipe waits for a writer.
    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a.parquet");
        let pipe = |path: &Path| {
            let made = std::process::Command::new("mkfifo").arg(path).status();
            assert!(made.unwrap().success());
        };
        let said = |error: Error| error.to_string();
        let parts = open(&out, "score 1 aa").unwrap();
        parts.write(0, 0, &part()).unwrap();
        pipe(&parts.path(0, 1));
        pipe(&parts.folder.join("0000-note"));
        let error = said(parts.read(0, 1, 3).unwrap_err());
        let expected = "0000-000001: is a named pipe, where a file is needed; remove it, and run \
                        the command again";
        assert!(error.ends_with(expected), "{error}");
        let error = said(parts.note(0, "a server").unwrap_err());
        assert!(error.contains("0000-note: is a named pipe"), "{error}");
        assert_eq!(parts.noted(0), None);
        let marker = parts.folder.join(MARKER);
        std::fs::remove_file(&marker).unwrap();
        pipe(&marker);
        drop(parts);
        let error = said(open(&out, "score 1 aa").err().unwrap());
        assert!(error.contains("identity: is a named pipe"), "{error}");
    }

    /// What was finished is not lost to a job that has the same output by mistake.
    #[test]
    fn parts_of_another_job_stay() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a.parquet");
        drop(open(&out, "score 1 aa").unwrap());
        // Before its first part a job leaves nothing worth keeping.
        let parts = open(&out, "score 1 bb").unwrap();
        assert!(open(&out, "score 1 bb").is_err_and(|e| e.to_string().contains("is writing it")));
        parts.write(0, 0, &part()).unwrap();
        drop(parts);
        let error = open(&out, "score 1 cc").err().unwrap().to_string();
        assert!(
            error.contains(
                "a.parquet.parts: holds finished parts of another job (`breadth score a`)"
            ),
            "{error}"
        );
        let parts = open(&out, "score 1 bb").unwrap();
        assert_eq!(parts.read(0, 0, 3).unwrap(), Some(part()));
        parts.forget(0, 5).unwrap();
        assert_eq!(parts.read(0, 0, 3).unwrap(), None);
        parts.remove().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
