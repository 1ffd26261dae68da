//! Parquet files: the footer, checked before a decoder believes it, and decoders that may panic.

use std::cell::Cell;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Once};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, FieldRef, Schema};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::reader::ChunkReader;

use super::open::read_error;
use super::pages::{self, Refusal};
use crate::error::{Error, Result};
use crate::limit;

/// Reads the footer of a Parquet file.
pub(crate) fn open_metadata(path: &Path) -> Result<ParquetMetaData> {
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    let length = length(path)?;
    let metadata = guarded(path, || {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        check_footer(&metadata, length).map_err(ParquetError::General)?;
        Ok(metadata)
    })?;
    if let Some(problem) = unknown_codec(&metadata) {
        return Err(Error::Corrupt {
            path: path.into(),
            format: "Parquet",
            problem,
            todo: "write it again with zstd, snappy, gzip or lz4",
        });
    }
    match out_of_proportion(&metadata, length) {
        Some(what) => Err(limit::over(path, None, what)),
        None => Ok(metadata),
    }
}

fn length(path: &Path) -> Result<u64> {
    let about = std::fs::metadata(path).map_err(|source| read_error(path, source))?;
    Ok(about.len())
}

/// The names of a file's columns, lists and all.
pub(crate) fn column_names(metadata: &ParquetMetaData) -> Vec<String> {
    let schema = metadata.file_metadata().schema_descr();
    let columns = schema.root_schema().get_fields().iter();
    columns.map(|column| column.name().to_owned()).collect()
}

/// A whole file whose columns are not known beforehand; at least one batch, which has them. Texts
/// are views: many that are the same take the room of one.
pub(crate) fn read_batches(path: &Path) -> Result<Vec<RecordBatch>> {
    let metadata = Arc::new(open_metadata(path)?);
    let values: u64 = columns(&metadata)
        .map(|column| column.num_values() as u64)
        .sum();
    let length = length(path)?;
    if values > (limit::max_record_bytes() / 2).max(ITEMS.saturating_mul(length)) {
        let what = format!("{values} values in a file of {length} bytes");
        return Err(limit::over(path, None, what));
    }
    let bytes = std::fs::read(path).map_err(|source| read_error(path, source))?;
    let bytes = Arc::new(Bytes::from(bytes));
    for group in metadata.row_groups() {
        let leaves: Vec<usize> = (0..group.num_columns()).collect();
        check_pages(path, &bytes, group, &leaves)?;
    }
    guarded(path, || {
        let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let inferred = ArrowReaderMetadata::try_new(metadata.clone(), plain.clone())?;
        let fields: Vec<FieldRef> = inferred.schema().fields().iter().map(with_views).collect();
        let options = plain.with_schema(Arc::new(Schema::new(fields)));
        let metadata = ArrowReaderMetadata::try_new(metadata, options)?;
        let bytes = Bytes::clone(&bytes);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes, metadata);
        let empty = RecordBatch::new_empty(reader.schema().clone());
        let batches = reader.build()?.collect::<Result<Vec<_>, _>>()?;
        Ok(if batches.is_empty() {
            vec![empty]
        } else {
            batches
        })
    })
}

/// A field whose texts, however deep, are views.
fn with_views(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        DataType::List(item) => DataType::List(with_views(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(with_views).collect()),
        other => other.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// Looks at the pages of some columns of a row group before they are decoded; whether all of them
/// hold codes of dictionaries and nothing else.
pub(crate) fn check_pages<R: ChunkReader + 'static>(
    path: &Path,
    reader: &Arc<R>,
    group: &RowGroupMetaData,
    leaves: &[usize],
) -> Result<bool> {
    let mut is_coded = true;
    for &leaf in leaves {
        let column = group.column(leaf);
        let checked = guarded(path, || {
            Ok(pages::check(reader, column, group.num_rows() as usize))
        });
        match checked? {
            Ok(pages) => is_coded &= pages.is_coded,
            Err(Refusal::TooMuch(what)) => return Err(limit::over(path, None, what)),
            Err(Refusal::Damaged(what)) => return Err(corrupt(path, ParquetError::General(what))),
        }
    }
    Ok(is_coded)
}

fn columns(metadata: &ParquetMetaData) -> impl Iterator<Item = &ColumnChunkMetaData> {
    metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns())
}

/// As many values a byte may stand for: a bit is the least that one takes in a real file.
const ITEMS: u64 = 8;

/// A column that says it holds far more than its bytes: decoders make room for all of it at once.
fn out_of_proportion(metadata: &ParquetMetaData, file_length: u64) -> Option<String> {
    const ROWS: u64 = 1;
    let limit = limit::max_record_bytes();
    let rows = metadata.file_metadata().num_rows() as u64;
    if rows > (limit / 20).max(ROWS.saturating_mul(file_length)) {
        return Some(format!("{rows} rows in a file of {file_length} bytes"));
    }
    columns(metadata).find_map(|column| {
        let (packed, pages) = (
            column.compressed_size() as u64,
            column.uncompressed_size() as u64,
        );
        let name = column.column_path().string();
        if pages > limit::most(packed, pages::TIMES) {
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
fn check_footer(metadata: &ParquetMetaData, file_length: u64) -> Result<(), String> {
    let within = |start: i64, length: i64| {
        let end = start.checked_add(length);
        start >= 0 && length >= 0 && end.is_some_and(|end| end as u64 <= file_length)
    };
    let (mut rows, mut bytes) = (0i64, 0u64);
    for group in metadata.row_groups() {
        rows = rows.saturating_add(group.num_rows());
        for column in group.columns() {
            let start = column
                .dictionary_page_offset()
                .unwrap_or(column.data_page_offset());
            if !within(start, column.compressed_size()) || column.data_page_offset() < 0 {
                return Err("a column lies outside of the file".into());
            }
            bytes += column.compressed_size() as u64;
            if bytes > file_length {
                return Err("columns lie over one another".into());
            }
            let flat = column.column_descr().max_rep_level() == 0;
            let (values, rows) = (column.num_values(), group.num_rows());
            if rows < 0 || (flat && values != rows) || values < 0 {
                return Err("a column has not as many values as rows".into());
            }
        }
    }
    if rows == metadata.file_metadata().num_rows() {
        Ok(())
    } else {
        Err("the row groups do not add up to the rows of the file".into())
    }
}

/// A column whose pages are compressed in a way that is not read here.
fn unknown_codec(metadata: &ParquetMetaData) -> Option<String> {
    let known = |codec: Compression| match codec {
        Compression::UNCOMPRESSED
        | Compression::SNAPPY
        | Compression::GZIP(_)
        | Compression::LZ4
        | Compression::LZ4_RAW
        | Compression::ZSTD(_) => true,
        Compression::BROTLI(_) | Compression::LZO => false,
    };
    let column = columns(metadata).find(|column| !known(column.compression()))?;
    let codec = column.compression().to_string();
    let codec = codec.split('(').next().unwrap_or_default();
    let name = column.column_path().string();
    Some(format!("column `{name}` is compressed with {codec}"))
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
