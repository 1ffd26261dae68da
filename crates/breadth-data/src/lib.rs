#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod atomic;
mod checked;
mod destination;
mod error;
mod format;
mod hash;
mod import;
mod input;
mod intern;
mod io;
mod limit;
mod lock;
mod log;
mod message;
mod metrics;
mod options;
mod order;
mod overlap;
mod provenance;
mod records;
mod run_folder;
mod sample;
mod schema;
mod score;
mod setting;
mod stamp;
mod value;
mod write;

use std::collections::BTreeSet;

pub use checked::{check_json, parse_json};
pub use destination::{refuse_folder, refuse_for_table};
pub use error::{At, Error, Place, Result};
pub use hash::fnv_1a;
pub use input::TablePaths;
pub use io::open::open_lines_of;
pub use limit::{
    MAX_RECORD_BYTES, check_max_record_bytes, max_record_bytes, read_file, set_max_record_bytes,
};
pub use lock::OutputLock;
pub use log::{LogFile, Logs, TrainerState, log_formats};
pub use message::{is_unseen, listed, quoted, readable, short};
pub use metrics::Metrics;
pub use options::{LogOptions, ReadOptions, RewardMap};
pub use order::{NaturalKey, checkpoint_step};
pub use overlap::{refuse_overwriting, refuse_replacing};
pub use provenance::{KnownModel, Provenance, SCHEMA_VERSION, different_weights};
pub use records::{Records, Values};
pub use run_folder::{RunFolder, RunManifest};
pub use sample::{Outcome, SampleRow, SampleTable, SampleTexts, SampleWriter, write_samples};
pub use schema::Table;
pub use score::{ScoreRow, ScoreTable, ScoreWriter, write_scores};
pub use setting::Setting;
pub use stamp::Stamp;
pub use value::{
    LEAST_LOG_PROB, LOG_PROB_ROUNDING, TOKEN_SUM_ABSOLUTE, TOKEN_SUM_RELATIVE, right_answer, weight,
};

/// Checks the name of one of our columns, as [`ReadOptions::columns`] takes it.
///
/// ```
/// assert!(breadth_data::check_column("prompt_id").is_ok());
/// assert!(breadth_data::check_column("question").unwrap_err().contains("prompt_id"));
/// ```
///
/// # Errors
/// The names that there are.
pub fn check_column(name: &str) -> std::result::Result<(), String> {
    let columns = <ScoreRow as write::Row>::COLUMNS.iter();
    let columns = columns.chain(<SampleRow as write::Row>::COLUMNS);
    let known: BTreeSet<&str> = columns.map(|column| column.name).collect();
    if known.contains(name) {
        return Ok(());
    }
    let known: Vec<&str> = known.into_iter().collect();
    Err(format!(
        "tables have no column `{name}`; they have {}",
        known.join(", ")
    ))
}
