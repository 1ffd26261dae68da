//! Writing tables.

mod table;

pub(crate) use table::TableWriter;
