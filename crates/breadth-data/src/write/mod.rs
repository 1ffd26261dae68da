//! Writing tables.

mod batch;
mod columns;
mod rows;
mod table;

pub(crate) use batch::batch;
pub(crate) use columns::{Row, Stored, columns};
pub(crate) use rows::{Fault, RowWriter};
pub(crate) use table::TableWriter;
