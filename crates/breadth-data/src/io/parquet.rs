//! Parquet files: the footer, checked before a decoder believes it, and decoders that may panic.

use std::cell::Cell;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::open::read_error;
use crate::error::{Error, Result};
use crate::limit;

/// Reads the footer of a Parquet file.
pub(crate) fn open_metadata(path: &Path) -> Result<ParquetMetaData> {
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    let length = file
        .metadata()
        .map_err(|source| read_error(path, source))?
        .len();
    let metadata = guarded(path, || {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        check_footer(&metadata, length).map_err(|text| ParquetError::General(text.into()))?;
        Ok(metadata)
    })?;
    match out_of_proportion(&metadata, length) {
        Some(what) => Err(limit::over(path, None, what)),
        None => Ok(metadata),
    }
}

/// The names of a file's columns, lists and all.
pub(crate) fn column_names(metadata: &ParquetMetaData) -> Vec<String> {
    let schema = metadata.file_metadata().schema_descr();
    let columns = schema.root_schema().get_fields().iter();
    columns.map(|column| column.name().to_owned()).collect()
}

/// A whole file whose columns are not known beforehand; at least one batch, which has them.
pub(crate) fn read_batches(path: &Path) -> Result<Vec<RecordBatch>> {
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    guarded(path, || {
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)?;
        let empty = RecordBatch::new_empty(reader.schema().clone());
        let batches = reader.build()?.collect::<Result<Vec<_>, _>>()?;
        Ok(if batches.is_empty() {
            vec![empty]
        } else {
            batches
        })
    })
}

/// A column that says it holds far more than its bytes: decoders make room for all of it at once.
fn out_of_proportion(metadata: &ParquetMetaData, file_length: u64) -> Option<String> {
    const PAGES: u64 = 100;
    const ITEMS: u64 = 64;
    const ROWS: u64 = 8;
    let limit = limit::max_record_bytes();
    let rows = metadata.file_metadata().num_rows() as u64;
    if rows > (limit / 8).max(ROWS.saturating_mul(file_length)) {
        return Some(format!("{rows} rows in a file of {file_length} bytes"));
    }
    let columns = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns());
    columns.into_iter().find_map(|column| {
        let (packed, pages) = (
            column.compressed_size() as u64,
            column.uncompressed_size() as u64,
        );
        let name = column.column_path().string();
        if pages > limit::most(packed, PAGES) {
            return Some(format!(
                "{pages} bytes of column `{name}` out of {packed} compressed ones"
            ));
        }
        let (items, flat) = (
            column.num_values() as u64,
            column.column_descr().max_rep_level() == 0,
        );
        let most = (limit / 16).max(ITEMS.saturating_mul(packed));
        (!flat && items > most)
            .then(|| format!("{items} items in the lists of column `{name}`, in {packed} bytes"))
    })
}

/// What the decoders take for granted: a damaged footer would make them panic, or ask for more
/// memory than there is.
fn check_footer(metadata: &ParquetMetaData, file_length: u64) -> Result<(), &'static str> {
    let within = |start: i64, length: i64| {
        let end = start.checked_add(length);
        start >= 0 && length >= 0 && end.is_some_and(|end| end as u64 <= file_length)
    };
    let mut rows = 0i64;
    for group in metadata.row_groups() {
        rows = rows.saturating_add(group.num_rows());
        for column in group.columns() {
            let start = column
                .dictionary_page_offset()
                .unwrap_or(column.data_page_offset());
            if !within(start, column.compressed_size()) || column.data_page_offset() < 0 {
                return Err("a column lies outside of the file");
            }
            let flat = column.column_descr().max_rep_level() == 0;
            let (values, rows) = (column.num_values(), group.num_rows());
            if rows < 0 || (flat && values != rows) || values < 0 {
                return Err("a column has not as many values as rows");
            }
        }
    }
    if rows == metadata.file_metadata().num_rows() {
        Ok(())
    } else {
        Err("the row groups do not add up to the rows of the file")
    }
}

/// Runs a decoder. On damaged files some of them panic instead of returning an error.
pub(crate) fn guarded<T>(
    path: &Path,
    decode: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T> {
    silence();
    let before = QUIET.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(decode));
    QUIET.set(before);
    let outcome = outcome.unwrap_or_else(|_| {
        Err(ParquetError::General(
            "its content contradicts itself".into(),
        ))
    });
    outcome.map_err(|error| corrupt(path, error))
}

thread_local! {
    /// Whether a panic of this thread is caught and told as an error, so that nobody need see it.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the messages of panics that [`guarded`] catches off the terminal; all others go where they
/// went before.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
}

fn corrupt(path: &Path, error: ParquetError) -> Error {
    let problem = match error {
        ParquetError::General(text) | ParquetError::EOF(text) => text,
        other => other.to_string(),
    };
    Error::Corrupt {
        path: path.into(),
        format: "Parquet",
        problem,
        todo: "it may be truncated: write or copy it again",
    }
}
