//! What the paper leaves open, in the form of its statements.

use crate::statement::Statement;

/// Every study.
pub static STUDIES: &[Statement] = &[];
