//! The sample table: responses drawn from each model, with their rewards.

mod build;
mod columns;
mod observe;
mod read;
mod table;
mod write;

pub use columns::SampleRow;
pub(crate) use read::of_logs;
pub use table::{Outcome, SampleTable, SampleTexts};
pub use write::{SampleWriter, write_samples};
