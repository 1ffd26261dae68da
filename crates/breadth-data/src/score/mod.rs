//! The score table: what each model thinks of each response.

mod build;
mod read;
mod table;
mod write;

pub(crate) use read::of_logs;
pub use table::ScoreTable;
pub use write::{ScoreRow, ScoreWriter, write_scores};
