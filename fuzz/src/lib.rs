//! What the targets do with their bytes: hand them to a reader as a file of a name that the reader
//! expects.
//!
//! A reader may refuse; it may not panic, hang, or take more memory than `-rss_limit_mb`.

#[cfg(feature = "lm")]
pub mod models;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use breadth_data::{
    Logs, Metrics, Provenance, ReadOptions, RunFolder, SampleTable, ScoreTable, TablePaths,
    TrainerState,
};

/// The folder of the inputs: `FUZZ_FOLDER`, or one of this process.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let own = || std::env::temp_dir().join(format!("breadth-fuzz-{}", std::process::id()));
        let folder = std::env::var_os("FUZZ_FOLDER").map_or_else(own, PathBuf::from);
        std::fs::create_dir_all(&folder).expect("a folder for the inputs");
        folder
    })
}

/// The bytes as a file.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    std::fs::write(&path, bytes).expect("the inputs' folder takes files");
    path
}

/// A table in any format, read as each kind of table.
pub fn table(name: &str, bytes: &[u8]) {
    let inputs = [file(name, bytes)];
    let options = ReadOptions {
        intersect: true,
        tokens: true,
        token_logprobs: true,
        texts: true,
        ..ReadOptions::default()
    };
    let _ = TablePaths::find(&inputs, &options);
    if let Ok(table) = ScoreTable::read(&inputs, &options) {
        assert!(table.rows() > 0);
        for column in &table.logprob {
            assert_eq!(column.len(), table.rows());
            assert!(column.iter().all(|value| *value <= 0.0));
        }
    }
    if let Ok(table) = SampleTable::read(&inputs, &options) {
        assert!(!table.prompts.is_empty());
    }
}

/// A log, read as what its content says it is.
pub fn log(name: &str, bytes: &[u8]) {
    let inputs = [file(name, bytes)];
    for texts in [false, true] {
        let options = ReadOptions {
            intersect: true,
            texts,
            ..ReadOptions::default()
        };
        if let Ok(logs) = Logs::read(&inputs, None, &options) {
            assert!(logs.rows() > 0);
        }
    }
}

/// What else is Parquet.
pub fn metrics(bytes: &[u8]) {
    let path = file("metrics.parquet", bytes);
    if let Ok(metrics) = Metrics::read(&path) {
        assert_eq!(metrics.columns[0].0, "step");
    }
    let _ = Provenance::read(&path);
}

/// `trainer_state.json`.
pub fn trainer_state(bytes: &[u8]) {
    let _ = TrainerState::read(&file("trainer_state.json", bytes), None);
}

/// `run.json`.
pub fn run_json(bytes: &[u8]) {
    let path = file("run.json", bytes);
    let _ = RunFolder::new(path.parent().expect("it stands in a folder")).manifest();
}
