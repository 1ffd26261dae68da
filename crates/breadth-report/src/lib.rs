//! Documents in; one page and SVG charts out.
//!
//! [`html`] and [`svgs`] draw a [`Report`](breadth_analysis::Report), which
//! [`from_run`](breadth_analysis::from_run) reads from a run folder; [`draw_selection`] and its
//! sisters draw single documents.
//!
//! It does **not** run or train models, and it estimates nothing: every number comes from
//! `breadth-analysis`.
//!
//! ```no_run
//! use breadth_analysis::{ReportOptions, from_run};
//! use breadth_report::html;
//!
//! let report = from_run("runs/demo".as_ref(), &ReportOptions::default())?;
//! println!("{}", report.headline());
//! std::fs::write("report.html", html(&report)?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod chart;
mod comparison;
mod documents;
mod error;
mod figures;
mod format;
mod names;
mod page;
mod palette;
mod plot;
mod svg;

pub use comparison::{comparison_html, comparison_table};
pub use documents::{Drawing, draw_pass, draw_profile, draw_reach, draw_selection};
pub use error::{Error, Result};
pub use names::common_start;
pub use page::{content_policy, html, page_style, svgs};
pub use plot::{Curve, Plot};
