//! Every statement of the coverage paper, measured.
//!
//! ```
//! use breadth_lab::{Size, Verdict, statement};
//! let d2 = statement::find("d2").unwrap();
//! let checks = (d2.run)(Size::Small, 0);
//! assert!(checks.iter().all(|check| check.verdict == Verdict::Holds));
//! ```
//!
//! [`STATEMENTS`] is the list; a [`Statement`] measures itself and gives [`Check`]s, each with its
//! verdict and the [`Table`] behind it. It does **not** prove anything: a check that holds is a
//! measurement that the statement survived.

mod check;
pub mod choice;
mod estimate;
pub mod fit;
pub mod law;
mod random;
mod slope;
pub mod statement;
pub mod step;
pub mod study;
mod table;
pub mod training;

pub use check::{Check, Kind, Verdict, WorstRatio};
pub use estimate::Estimate;
pub use random::stream;
pub use slope::{Line, line, log_log};
pub use statement::{STATEMENTS, Size, Statement};
pub use table::{Cell, Plot, Table};
