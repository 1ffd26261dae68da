//! The score table: what each model thinks of each response.

mod build;
mod columns;
mod keys;
mod model_values;
mod read;
mod table;
mod write;

pub use columns::ScoreRow;
pub(crate) use read::of_logs;
pub use table::ScoreTable;
pub use write::{ScoreWriter, write_scores};
