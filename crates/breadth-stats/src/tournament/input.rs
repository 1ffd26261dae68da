//! The columns of a tournament, checked.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::interval::{CheckedDesign, Design};
use crate::numerics::{check_length, check_log_probs};

/// Refuses columns that are not aligned or hold what is no log-probability.
pub(super) fn check(columns: &[&[f64]], design: &Design) -> Result<CheckedDesign> {
    let Some(first) = columns.first() else {
        return Err(Error::Empty {
            what: "the set of models",
        });
    };
    let rows = CheckedDesign::new(design, first.len())?;
    let check = |(index, column): (usize, &&[f64])| {
        let name = format!("column {index}");
        check_length(&name, column.len(), "column 0", first.len())?;
        check_log_probs(&name, column)
    };
    // Collected in order, so that the first fault is the one reported.
    columns
        .par_iter()
        .enumerate()
        .map(check)
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<()>>()?;
    Ok(rows)
}

/// What [`super::tournament()`] checks of the same input.
pub(super) fn check_all(columns: &[&[f64]], weights: Option<&[f64]>) -> Result<()> {
    let design = Design {
        weights,
        ..Design::default()
    };
    check(columns, &design).map(|_| ())
}

/// All models but q.
pub(super) fn rivals(m: usize, q: usize) -> impl Iterator<Item = usize> {
    (0..m).filter(move |&r| r != q)
}
