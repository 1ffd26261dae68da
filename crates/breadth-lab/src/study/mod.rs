//! What the paper leaves open, in the form of its statements: a check that holds confirms the
//! hypothesis, one that fails refutes it.

mod answers;
mod constants;
mod misspec;
mod objective;
mod reach;

use crate::statement::Statement;

/// Every study of exact or tabular models.
pub static STUDIES: &[Statement] = &[
    misspec::STATEMENT,
    answers::STATEMENT,
    objective::STATEMENT,
    reach::STATEMENT,
    constants::STATEMENT,
];
