//! The compiled half of the Python package `breadth`: a thin binding over `breadth-analysis`.
//!
//! Tables come in as paths or by the Arrow PyCapsule interface, documents go out as the JSON text of
//! the command line with the sentences that a reader sees. No number is computed here.

mod errors;
mod questions;
mod table;
mod work;

use pyo3::prelude::*;

#[pymodule]
#[pyo3(name = "_native")]
mod native {
    #[pymodule_export]
    use super::questions::{pass_at, plan, profile, reach, report, select};
    #[pymodule_export]
    use super::table::{Table, read_logs, score_table};
}
