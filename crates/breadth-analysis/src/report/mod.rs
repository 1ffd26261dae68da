//! Everything about a set of checkpoints, for a page.

mod build;
mod concordance;
mod document;
mod evaluation;
mod json;
mod left_out;
mod of_document;
mod options;
mod pairs;
mod passes;
mod run;
mod tables;
mod words;

pub use concordance::concordance;
pub use document::{Checkpoint, Choices, Graded, PassPoint, Report, Rows, Standing};
pub use options::ReportOptions;
pub use pairs::PairGroups;
pub use run::from_run;
pub use tables::{ReportInputs, summarize, summarize_candidates, summarize_samples};
