//! The sample table: responses drawn from each model, with their rewards.

mod build;
mod read;
mod table;
mod write;

pub(crate) use read::of_logs;
pub use table::{Outcome, SampleTable, SampleTexts};
pub use write::{SampleRow, SampleWriter, write_samples};
