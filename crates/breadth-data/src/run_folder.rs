//! The run folder: the names of its parts, and `run.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::atomic;
use crate::checked;
use crate::error::{Error, Result};
use crate::limit;
use crate::schema::Table;

/// Where the parts of a run stand. The paths are names; whether a part is there is for its reader
/// to say.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// use breadth_data::{RunFolder, RunManifest};
/// let run = RunFolder::new(dir.path());
/// assert!(!RunFolder::is_one(run.path()));
/// run.write_manifest(&RunManifest { seed: Some(7), ..RunManifest::default() })?;
/// assert_eq!(run.manifest()?.seed, Some(7));
/// assert!(run.checkpoint(90).ends_with("checkpoints/step-000090"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

/// `run.json`: what made the folder, how far it is, and what its tables mean.
///
/// A member that is missing has its default, so that runs of earlier versions can be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunManifest {
    /// `train` or `demo`.
    pub command: String,
    /// The version of breadth.
    pub version: String,
    /// The seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// `running` or `finished`.
    pub status: String,
    /// The whole configuration of the training.
    #[serde(deserialize_with = "checked::value")]
    pub config: Value,
    /// Hash of the files of the checkpoint that teaches, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<String>,
    /// Hashes of all other files that the training reads (the checkpoint that it starts from, data,
    /// tokenizer), by the name that the configuration gives them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// The model of `scores.parquet` that is the exact law, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether each row of `scores.parquet` is the one correct response to its prompt.
    pub single_correct_response: bool,
    /// The level N of the tournament, if the run fixes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<f64>,
}

const MANIFEST: &str = "run.json";

impl RunFolder {
    /// The run in a folder, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Whether a folder holds a run: it has a `run.json`.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        path.join(MANIFEST).is_file()
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `run.json`.
    #[must_use]
    pub fn manifest_file(&self) -> PathBuf {
        self.0.join(MANIFEST)
    }

    /// Reads `run.json`.
    ///
    /// # Errors
    /// [`Error::NoRun`] if it cannot be read, [`Error::RunManifest`] if it is not what a run writes.
    pub fn manifest(&self) -> Result<RunManifest> {
        let path = self.manifest_file();
        let text = match limit::read(&path) {
            Ok(text) => text,
            Err(source) => return Err(Error::NoRun { path, source }),
        };
        limit::allow(text.len());
        serde_json::from_slice(&text).map_err(|source| Error::RunManifest { path, source })
    }

    /// Writes `run.json`; it appears whole, or not at all.
    ///
    /// # Errors
    /// [`Error::Write`] if the file system refuses.
    pub fn write_manifest(&self, manifest: &RunManifest) -> Result<()> {
        let text = serde_json::to_string_pretty(manifest).expect("plain data") + "\n";
        atomic::write_bytes(&self.manifest_file(), text.as_bytes())
    }

    /// The folder of all checkpoints.
    #[must_use]
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }

    /// The checkpoint after a number of steps: a Hugging Face folder.
    #[must_use]
    pub fn checkpoint(&self, step: u64) -> PathBuf {
        self.checkpoints().join(step_name(step))
    }

    /// The folder of what a resume needs.
    #[must_use]
    pub fn states(&self) -> PathBuf {
        self.0.join("state")
    }

    /// What a resume after a number of steps needs: a folder.
    #[must_use]
    pub fn state(&self, step: u64) -> PathBuf {
        self.states().join(step_name(step))
    }

    /// The table of what the training logged, for [`Metrics`](crate::Metrics).
    #[must_use]
    pub fn metrics(&self) -> PathBuf {
        self.0.join("metrics.parquet")
    }

    /// The score table or the sample table of the evaluation.
    #[must_use]
    pub fn table(&self, table: Table) -> PathBuf {
        self.0.join(match table {
            Table::Scores => "scores.parquet",
            Table::Samples => "samples.parquet",
        })
    }

    /// The score table of the evaluation, for [`ScoreTable`](crate::ScoreTable).
    #[must_use]
    pub fn scores(&self) -> PathBuf {
        self.table(Table::Scores)
    }

    /// The sample table of the evaluation, for [`SampleTable`](crate::SampleTable).
    #[must_use]
    pub fn samples(&self) -> PathBuf {
        self.table(Table::Samples)
    }

    /// The score table of fresh responses, for the tournament.
    #[must_use]
    pub fn selection(&self) -> PathBuf {
        self.0.join("selection.parquet")
    }

    /// The prompts and responses of [`scores`](Self::scores).
    #[must_use]
    pub fn evaluation_items(&self) -> PathBuf {
        self.0.join("evaluation.jsonl")
    }

    /// The prompts and responses of [`selection`](Self::selection).
    #[must_use]
    pub fn selection_items(&self) -> PathBuf {
        self.0.join("selection.jsonl")
    }

    /// All right responses to the prompts of the evaluation, where a prompt has several.
    #[must_use]
    pub fn right_items(&self) -> PathBuf {
        self.0.join("right.jsonl")
    }

    /// The page about the run.
    #[must_use]
    pub fn report(&self) -> PathBuf {
        self.0.join("report.html")
    }

    /// All that a page about the run is made of or that a resume needs, for
    /// [`refuse_overwriting`](crate::refuse_overwriting).
    #[must_use]
    pub fn inputs(&self) -> Vec<PathBuf> {
        vec![
            self.manifest_file(),
            self.metrics(),
            self.scores(),
            self.selection(),
            self.samples(),
            self.checkpoints(),
            self.states(),
        ]
    }
}

/// Zeros in front let other tools list steps in their order.
fn step_name(step: u64) -> String {
    format!("step-{step:06}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{RunFolder, RunManifest};

    /// Another byte would change the files of every run.
    #[test]
    fn the_bytes_of_a_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunFolder::new(dir.path());
        let mut manifest = RunManifest {
            command: "train".into(),
            version: "0.1.0".into(),
            seed: Some(3),
            status: "running".into(),
            config: serde_json::json!({"seed": 3}),
            ..RunManifest::default()
        };
        let bytes = |manifest: &RunManifest| {
            run.write_manifest(manifest).unwrap();
            std::fs::read_to_string(dir.path().join("run.json")).unwrap()
        };
        let begun = concat!(
            "{\n  \"command\": \"train\",\n  \"version\": \"0.1.0\",\n  \"seed\": 3,\n",
            "  \"status\": \"running\",\n  \"config\": {\n    \"seed\": 3\n  },\n",
            "  \"single_correct_response\": false\n}\n"
        );
        assert_eq!(bytes(&manifest), begun);
        manifest.inputs = BTreeMap::from([("a.jsonl".into(), "0f".into())]);
        let inputs = "  \"inputs\": {\n    \"a.jsonl\": \"0f\"\n  },\n  \"single";
        assert_eq!(bytes(&manifest), begun.replace("  \"single", inputs));
        assert_eq!(run.manifest().unwrap(), manifest);
        manifest.inputs.clear();
        manifest.reference = Some("exact".into());
        manifest.n = Some(4.0);
        let measured = begun.replace("  \"single", "  \"reference\": \"exact\",\n  \"single");
        let measured = measured.replace("false\n}", "false,\n  \"n\": 4.0\n}");
        assert_eq!(bytes(&manifest), measured);
        assert_eq!(run.manifest().unwrap(), manifest);
    }

    #[test]
    fn members_may_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("run.json"), r#"{"reference": "teacher"}"#).unwrap();
        let manifest = RunFolder::new(dir.path()).manifest().unwrap();
        assert_eq!(manifest.reference.as_deref(), Some("teacher"));
        assert_eq!(manifest.seed, None);
    }
}
