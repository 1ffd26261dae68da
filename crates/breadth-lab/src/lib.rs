//! Every statement of the coverage paper, measured.
//!
//! ```
//! use breadth_lab::{Runs, Size, Verdict, find};
//! let d2 = find("d2").unwrap();
//! let measured = d2.measure(&Runs::new("runs"), Size::Small, 0).unwrap();
//! assert!(measured.checks.iter().all(|check| check.verdict == Verdict::Holds));
//! ```
//!
//! [`all`] is the list of statements, figures and studies; a [`Statement`] measures itself and
//! gives [`Check`]s, each with its verdict and the [`Table`] behind it. [`Results`] keeps
//! measurements, [`Runs`] the training runs of the figures, [`page()`] shows them. It does **not**
//! prove anything: a check that holds is a measurement that the statement survived.

mod catalog;
mod check;
pub mod choice;
mod document;
mod estimate;
pub mod figure;
pub mod fit;
pub mod law;
mod page;
mod picture;
mod random;
mod results;
mod runs;
mod slope;
pub mod statement;
pub mod step;
pub mod study;
mod table;
pub mod training;
pub mod words;

pub use catalog::{all, choose, find};
pub use check::{Check, Kind, Shown, Verdict, WorstRatio};
pub use document::{CellDocument, CheckDocument, MeasuredDocument, StatementDocument};
pub use estimate::Estimate;
pub use page::{page, svgs};
pub use picture::picture;
pub use random::stream;
pub use results::{Measured, Results, SOURCES};
pub use runs::{Runs, Trained};
pub use slope::{Line, line, log_log};
pub use statement::{Outcome, Run, Size, Statement};
pub use table::{Cell, Plot, Table, significant};
