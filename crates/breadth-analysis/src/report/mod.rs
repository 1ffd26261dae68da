//! Everything about the checkpoints of a run, for a page.

mod build;
mod concordance;
mod document;
mod json;
mod run;
mod words;

pub use build::{ReportInputs, ReportOptions, summarize};
pub use concordance::concordance;
pub use document::{Checkpoint, Choices, PassPoint, Report, Rows};
pub use run::from_run;
