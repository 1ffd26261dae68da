//! Score and sample tables: read from the files people have, checked, and written as Parquet.
//!
//! ```
//! use breadth_data::{Provenance, ReadOptions, ScoreRow, ScoreTable, write_scores};
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("scores.parquet");
//! let rows = [("a", -1.5), ("b", f64::NEG_INFINITY)].map(|(model, logprob)| ScoreRow {
//!     source: "data".into(),
//!     prompt_id: "p1".into(),
//!     response_id: "0".into(),
//!     model: model.into(),
//!     logprob,
//!     ..ScoreRow::default()
//! });
//! write_scores(&path, &rows, &Provenance::default())?;
//! let table = ScoreTable::read(&[path], &ReadOptions::default())?;
//! assert_eq!(table.models, ["a", "b"]);
//! assert_eq!(table.column("a")?, [-1.5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The types to know:
//! - [`ScoreTable`]: log q(y|x) of the same responses under several models, a column for each;
//! - [`SampleTable`]: rewards of responses drawn from each model, by prompt;
//! - [`TablePaths`]: which of the paths that a user gave are score tables, and which sample tables;
//! - [`Metrics`]: what a training run logged;
//! - [`RunFolder`]: where the parts of a run stand, and its `run.json`;
//! - [`Logs`]: rows of other tools' logs, to be written as a table; [`TrainerState`]: the
//!   validation losses of a Hugging Face trainer;
//! - [`Provenance`]: which command made a file, kept inside it;
//! - [`Error`]: a message names the file, the row and the column, and says what to do.
//!
//! Tables are read from Parquet, JSON Lines and CSV, plain or compressed with gzip or Zstandard,
//! and recognised by their content; other tools' logs too (lm-evaluation-harness, Inspect, verl and
//! others). What could make a number wrong is refused: see [`Error`].
//!
//! This crate computes no statistic, knows no tensor, and draws nothing.

pub mod atomic;
mod error;
mod format;
mod import;
mod input;
mod intern;
mod io;
mod limit;
mod log;
mod metrics;
mod options;
mod order;
mod overlap;
mod provenance;
mod run_folder;
mod sample;
mod schema;
mod score;
mod setting;
mod value;
mod write;

pub use error::{At, Error, Place, Result};
pub use input::TablePaths;
pub use limit::{MAX_RECORD_BYTES, max_record_bytes, set_max_record_bytes};
pub use log::{LogFile, Logs, TrainerState};
pub use metrics::Metrics;
pub use options::{LogOptions, ReadOptions, RewardMap};
pub use order::{NaturalKey, checkpoint_step};
pub use overlap::refuse_overwriting;
pub use provenance::{Provenance, SCHEMA_VERSION};
pub use run_folder::{RunFolder, RunManifest};
pub use sample::{Outcome, SampleRow, SampleTable, SampleTexts, SampleWriter, write_samples};
pub use schema::Table;
pub use score::{ScoreRow, ScoreTable, ScoreWriter, write_scores};
pub use setting::Setting;
pub use value::{LEAST_LOG_PROB, LOG_PROB_ROUNDING, TOKEN_SUM_ABSOLUTE, TOKEN_SUM_RELATIVE};
