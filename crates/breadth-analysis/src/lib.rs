//! The questions that breadth answers, as a library: tables and options in, one typed document out.
//!
//! | question | function | document |
//! |---|---|---|
//! | which checkpoint should I take? | [`Candidates::selection`] | [`Selection`], with its [`Verdict`] |
//! | the same from fewer scores | [`Candidates::race`] | [`Race`] |
//! | how much of the data does a model under-weight? | [`profile`] | [`Profile`] |
//! | what do k samples find for certain? | [`reach`] | [`ReachReport`] |
//! | how often is the best of k samples right? | [`pass_at`] | [`PassReport`] |
//! | how many rows and samples does that need? | [`Plan`] | [`Plan`] |
//! | everything about candidates, or a run, for a page | [`summarize_candidates`], [`summarize`] | [`Report`] |
//! | several ways of training side by side | [`comparison`] | [`ComparisonRow`] |
//!
//! A document serializes to the JSON that the command line prints, holds the sentences that a
//! reader sees, and says its version in the field `schema`. The command line prints documents, the
//! page draws them, and neither computes a number.
//!
//! Nothing here prints, writes a file or knows a model.

mod comparison;
mod error;
mod losses;
pub mod number;
mod pass;
mod plan;
mod profile;
mod reach;
mod report;
mod samples;
mod scores;
mod select;
mod verdict;

pub use comparison::{
    ComparedRun, ComparisonRow, Spread, comparison, comparison_sentence, run_names,
};
pub use error::{Error, Result, Setting};
pub use losses::{Losses, Trained, TrainerSummary};
pub use pass::*;
pub use plan::{Need, Pilot, Plan, PlannedGoal, RowDesign};
pub use profile::*;
pub use reach::*;
pub use report::*;
pub use samples::Samples;
pub use scores::Scores;
pub use select::*;
pub use verdict::{
    Bracket, Evidence, Next, Opinion, Rule, Sampled, Scored, State, Verdict, VerdictError, decide,
};

/// The front page, whose example is run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub mod readme {}
