//! The writer of rows: each is checked, and none is lost or left half written.

use std::path::{Path, PathBuf};

use super::columns::Row;
use super::table::TableWriter;
use crate::error::{At, Error, Place, Result};
use crate::provenance::Provenance;
use crate::schema::ColumnType;

/// Which column of a row is wrong, and what is wrong with it.
pub(crate) type Fault = (&'static str, String);

/// Writes a table row by row; the file appears at the end, whole.
pub(crate) struct RowWriter<R: Row> {
    path: PathBuf,
    rows: u64,
    builders: R::Builders,
    table: TableWriter,
    check: fn(&R) -> Result<(), Fault>,
}

/// Rows kept before they are encoded.
const BATCH_ROWS: u64 = 1 << 13;

impl<R: Row> RowWriter<R> {
    pub(crate) fn create(
        path: &Path,
        table: &str,
        check: fn(&R) -> Result<(), Fault>,
        provenance: &Provenance,
    ) -> Result<Self> {
        // Log-probabilities hardly repeat.
        let is_stream = |holds| matches!(holds, ColumnType::LogProb | ColumnType::LogProbs);
        let streams = R::COLUMNS.iter().filter(|column| is_stream(column.holds));
        let streams: Vec<&str> = streams.map(|column| column.name).collect();
        Ok(Self {
            path: path.to_path_buf(),
            rows: 0,
            builders: R::Builders::default(),
            table: TableWriter::create(path, table, R::fields(), &streams, provenance)?,
            check,
        })
    }

    pub(crate) fn push(&mut self, row: &R) -> Result<()> {
        self.rows += 1;
        (self.check)(row).map_err(|(column, problem)| Error::Value {
            at: At {
                path: self.path.as_path().into(),
                place: Some(Place::Row(self.rows)),
            },
            column,
            problem,
        })?;
        row.append(&mut self.builders);
        match self.rows % BATCH_ROWS {
            0 => self.table.write(R::take(&mut self.builders)),
            _ => Ok(()),
        }
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        self.table.write(R::take(&mut self.builders))?;
        self.table.finish()
    }
}
