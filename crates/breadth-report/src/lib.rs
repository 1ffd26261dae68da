//! Tables of scores and samples in; one page, SVG charts and a verdict in a sentence out.
//!
//! The types to know: [`Report`] (plain data: what the page shows), [`Options`] (N, confidence, the
//! `k` of Pass@k), [`Error`]. [`from_run`] reads a run folder, [`summary::summarize`] computes a
//! report from tables at hand, [`html`] and [`svgs`] draw it, [`verdict_sentence`] says it.
//!
//! It does **not** run or train models, and it estimates nothing itself: every number comes from
//! `breadth-stats` over tables from `breadth-data`.
//!
//! ```no_run
//! use breadth_report::{Options, from_run, html, verdict_sentence};
//!
//! let report = from_run("runs/demo".as_ref(), &Options::default())?;
//! println!("{}", verdict_sentence(&report));
//! std::fs::write("report.html", html(&report)?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chart;
mod comparison;
mod error;
mod figures;
mod format;
mod json;
mod page;
mod palette;
mod report;
mod run;
pub mod summary;
mod svg;
mod verdict;

pub use comparison::{
    ComparedRun, ComparisonRow, Spread, comparison, comparison_html, comparison_sentence,
    comparison_table,
};
pub use error::{Error, Result};
pub use page::{html, svgs};
pub use report::{Checkpoint, PassPoint, Report, Rows, Verdict};
pub use run::from_run;
pub use summary::{Inputs, Options, sample_weights, summarize};
pub use verdict::{verdict_notes, verdict_sentence};
