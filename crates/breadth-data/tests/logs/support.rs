//! Golden logs, folders for made ones, and rows in a short form.

use std::path::{Path, PathBuf};

use breadth_data::{LogOptions, Logs, ReadOptions, Table};
use tempfile::TempDir;

pub fn golden(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../../tests/golden/logs").join(name)
}

/// Model, prompt, response, log-probability or reward.
pub type Row = (String, String, String, f64);

pub fn row(model: &str, prompt: &str, response: &str, value: f64) -> Row {
    (model.into(), prompt.into(), response.into(), value)
}

pub fn rows(logs: &Logs) -> Vec<Row> {
    let scores = logs.score_rows();
    let scores = scores.map(|r| (r.model, r.prompt_id, r.response_id, r.logprob));
    let samples = logs.sample_rows();
    let samples = samples.map(|r| (r.model, r.prompt_id, r.response_id, r.reward));
    scores.chain(samples).collect()
}

/// What is asked for, in the order of the command's flags.
#[derive(Default)]
pub struct Ask {
    pub table: Option<Table>,
    pub model: &'static str,
    pub reward: &'static str,
    pub filter: &'static str,
    pub reward_map: &'static str,
    pub texts: bool,
    pub intersect: bool,
}

impl Ask {
    pub fn options(&self) -> ReadOptions {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        ReadOptions {
            intersect: self.intersect,
            texts: self.texts,
            log: LogOptions {
                models: some(self.model).into_iter().collect(),
                reward: some(self.reward),
                filter: some(self.filter),
                reward_map: some(self.reward_map).map(|map| map.parse().unwrap()),
                ungraded: false,
            },
            ..ReadOptions::default()
        }
    }

    pub fn read(&self, paths: &[PathBuf]) -> breadth_data::Result<Logs> {
        Logs::read(paths, self.table, &self.options())
    }

    /// A log that is right.
    #[track_caller]
    pub fn logs(&self, names: &[&str]) -> Logs {
        let paths: Vec<PathBuf> = names.iter().map(|name| golden(name)).collect();
        self.read(&paths).unwrap_or_else(|error| panic!("{error}"))
    }
}

#[track_caller]
pub fn logs(names: &[&str]) -> Logs {
    Ask::default().logs(names)
}

/// A folder for one test, whose path is left out of messages.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().into()
    }

    pub fn message(&self, error: impl std::fmt::Display) -> String {
        let folder = format!("{}/", self.0.path().display());
        error.to_string().replace(&folder, "")
    }

    /// Why these cannot be imported.
    #[track_caller]
    pub fn refusal(&self, ask: &Ask, paths: &[PathBuf]) -> String {
        match ask.read(paths) {
            Err(error) => self.message(error),
            Ok(logs) => panic!("imported {:?}", rows(&logs)),
        }
    }
}

/// Why a log of this content cannot be imported.
#[track_caller]
pub fn refusal(name: &str, content: impl AsRef<[u8]>) -> String {
    asked_refusal(&Ask::default(), name, content)
}

#[track_caller]
pub fn asked_refusal(ask: &Ask, name: &str, content: impl AsRef<[u8]>) -> String {
    let folder = Folder::new();
    let path = folder.file(name, content);
    folder.refusal(ask, &[path])
}
