//! The compiled half of the Python package `breadth`: a thin binding over `breadth-analysis`.
//!
//! Tables come in as paths or by the Arrow PyCapsule interface, documents go out as the JSON text of
//! the command line with the sentences that a reader sees. No number is computed here.

#[path = "../../crates/breadth/src/allocator.rs"]
mod allocator;
mod errors;
mod questions;
mod table;
mod work;

use std::ffi::OsString;

use pyo3::prelude::*;

/// Runs the command line on the arguments, of which the first is the name of the program, and
/// returns its exit status.
#[pyfunction]
fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    allocator::keep_freed_memory();
    py.detach(|| breadth::run(arguments))
}

#[pymodule]
#[pyo3(name = "_native")]
mod native {
    #[pymodule_export]
    use super::main;
    #[pymodule_export]
    use super::questions::{pass_at, plan, profile, reach, report, select};
    #[pymodule_export]
    use super::table::{Table, read_logs, score_table};
}
