//! The writer behind all tables: Parquet, encoded for what each column holds, whole or not at all.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::atomic::{Pending, write_error};
use crate::error::{Error, Result};
use crate::provenance::Provenance;

/// Rows in a row group: a large file gets enough groups to keep several readers busy.
const GROUP_ROWS: usize = 1 << 18;

/// A Parquet file that appears under its name when it is finished.
pub(crate) struct TableWriter {
    path: PathBuf,
    writer: ArrowWriter<Pending>,
    schema: Arc<Schema>,
}

impl TableWriter {
    /// `streams` names the columns of floating-point numbers that hardly repeat: for these a
    /// dictionary is waste, and splitting the bytes into streams compresses far better.
    pub(crate) fn create(
        path: &Path,
        table: &str,
        fields: Vec<Field>,
        streams: &[&str],
        provenance: &Provenance,
    ) -> Result<Self> {
        let level = ZstdLevel::try_new(3).expect("3 is a zstd level");
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_key_value_metadata(Some(provenance.to_metadata(table)));
        for &name in streams {
            let column = leaf(name, &fields);
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::BYTE_STREAM_SPLIT);
        }
        let schema = Arc::new(Schema::new(fields));
        let pending = Pending::create(path)?;
        let writer = ArrowWriter::try_new(pending, schema.clone(), Some(properties.build()))
            .map_err(|error| failed(path, error))?;
        Ok(Self {
            path: path.to_path_buf(),
            writer,
            schema,
        })
    }

    pub(crate) fn write(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(ParquetError::from)
            .and_then(|batch| self.writer.write(&batch))
            .map_err(|error| failed(&self.path, error))
    }

    pub(crate) fn finish(self) -> Result<()> {
        let path = self.path;
        let pending = self
            .writer
            .into_inner()
            .map_err(|error| failed(&path, error))?;
        pending.commit()
    }
}

/// The path of a column's values in the Parquet schema.
fn leaf(name: &str, fields: &[Field]) -> ColumnPath {
    let list = fields
        .iter()
        .any(|f| f.name() == name && f.data_type().is_list());
    let path = if list {
        vec![name.into(), "list".into(), "item".into()]
    } else {
        vec![name.to_string()]
    };
    ColumnPath::new(path)
}

/// Finds the operating system's error inside, which is what a user can act upon.
fn failed(path: &Path, error: ParquetError) -> Error {
    let source = match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(io) => *io,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    };
    write_error(path, source)
}
