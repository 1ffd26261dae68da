//! Which checkpoint should I take?

mod answers;
mod candidates;
mod document;
mod landscape;
mod options;
mod race;
mod ranked;
mod words;

pub use answers::{AnswersSummary, Certified};
pub use candidates::Candidates;
pub(crate) use candidates::Compared;
pub use document::{Certificate, SampledPass, SelectedModel, Selection};
pub use landscape::{CertifiedCoverage, Stop};
pub use options::{SelectOptions, SelectionRule};
pub use race::{Dropped, Race, RaceModel, RaceScores};
