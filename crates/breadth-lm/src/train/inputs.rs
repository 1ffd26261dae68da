//! What a run reads: a resume needs the same, and no output may replace it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use breadth_data::{RunFolder, RunManifest, refuse_overwriting, refuse_replacing};

use super::config::TrainConfig;
use super::source::tokenizer_paths;
use crate::error::{Error, Result};
use crate::model::Fingerprint;
use crate::verifier::Verifier;

/// The files that a run reads, but for its teacher's.
pub(super) struct Inputs {
    /// By the name that the configuration gives them.
    read: BTreeMap<String, Fingerprint>,
    /// Hash of a policy, by its file.
    rules: Option<(String, String)>,
    /// Files that a verifier names.
    verifier: Vec<PathBuf>,
}

impl Inputs {
    /// Reads all files of the checkpoint to start from, the data and the tokenizer. What is no
    /// plain file, such as a pipe, can be read only once, and is left out.
    ///
    /// # Errors
    /// If one cannot be read, or changes meanwhile.
    pub(super) fn of(config: &TrainConfig, verifier: Option<&Verifier>) -> Result<Self> {
        let mut read = BTreeMap::new();
        if let Some(init) = &config.init {
            read.insert(init.display().to_string(), Fingerprint::of(init, None)?);
        }
        if let Some(data) = &config.data {
            let files = data.files.iter().cloned();
            let tokenizer = tokenizer_paths(data, config.init.as_deref());
            for path in files.chain(tokenizer).filter(|path| path.is_file()) {
                read.insert(path.display().to_string(), Fingerprint::of_file(&path)?);
            }
        }
        let rules = verifier.and_then(Verifier::rules);
        Ok(Self {
            read,
            rules: rules.map(|(path, hash)| (path.display().to_string(), hash)),
            verifier: verifier.map(Verifier::files).unwrap_or_default(),
        })
    }

    /// Checks that the files are still those that were hashed, once they were read.
    ///
    /// # Errors
    /// Names the one that changed.
    pub(super) fn check(&self) -> Result<()> {
        self.read.values().try_for_each(|files| files.check(false))
    }

    /// Hashes by name, for `run.json`.
    pub(super) fn hashes(&self) -> BTreeMap<String, String> {
        let read = self.read.iter();
        read.map(|(name, files)| (name.clone(), files.hash().to_owned()))
            .chain(self.rules.clone())
            .collect()
    }

    /// Refuses a run that is over these files, or those of its teacher.
    ///
    /// # Errors
    /// Names the output and the input.
    pub(super) fn refuse_overwriting(&self, out: &Path, teacher: &[PathBuf]) -> Result<()> {
        let mut paths: Vec<PathBuf> = self.read.values().flat_map(Fingerprint::paths).collect();
        paths.extend(self.verifier.iter().chain(teacher).cloned());
        let run = RunFolder::new(out);
        for file in [run.manifest_file(), run.metrics()] {
            refuse_overwriting(&file, &paths)?;
        }
        for folder in [run.checkpoints(), run.states()] {
            refuse_replacing(&folder, &paths)?;
        }
        Ok(())
    }

    /// Checks that a run which was begun before read the same files, if it says what it read.
    ///
    /// # Errors
    /// Names the first that is another.
    pub(super) fn check_same(&self, begun: &RunManifest, out: &Path) -> Result<()> {
        let (before, now) = (&begun.inputs, self.hashes());
        if before.is_empty() {
            return Ok(());
        }
        let mut names = before.keys().chain(now.keys());
        let Some(name) = names.find(|name| before.get(*name) != now.get(*name)) else {
            return Ok(());
        };
        let what = match (before.contains_key(name), now.contains_key(name)) {
            (true, true) => "had another content",
            (true, false) => "was there",
            (false, _) => "was not there",
        };
        let message = format!(
            "holds a run that read other files: when it began, {name} {what} (see its run.json); \
             put things back, choose another output folder, or remove the folder"
        );
        Err(Error::config(out.display().to_string(), message))
    }
}

/// What a person should know before a run goes on: that nothing says which files it read, as it
/// was begun by a version that did not keep their hashes. Nothing where there is no such run.
///
/// ```
/// use breadth_lm::train::{TrainConfig, resume_remark};
/// let config = TrainConfig::parse(r#"
///     init = "ckpt"
///     [data]
///     files = ["train.jsonl"]
///     [train]
///     steps = 1
///     batch_size = 1
/// "#, "train.toml")?;
/// let dir = tempfile::tempdir().unwrap();
/// assert_eq!(resume_remark(&config, dir.path()), None);
/// std::fs::write(dir.path().join("run.json"), "{}").unwrap();
/// assert!(resume_remark(&config, dir.path()).unwrap().contains("cannot be checked"));
/// # Ok::<(), breadth_lm::Error>(())
/// ```
#[must_use]
pub fn resume_remark(config: &TrainConfig, out: &Path) -> Option<String> {
    let of_policy = |text: &str| text.starts_with("policy:");
    let reads_files = config.init.is_some()
        || config.data.is_some()
        || config.rl.as_ref().is_some_and(|rl| of_policy(&rl.verifier));
    let begun = RunFolder::new(out).manifest().ok()?;
    (reads_files && begun.inputs.is_empty()).then(|| {
        format!(
            "note: {} was begun by a version that kept no hashes of what it read, so it cannot be \
             checked that data, tokenizer and init are what they were",
            out.display()
        )
    })
}
