//! Parquet: row groups decoded column by column, ids kept as dictionaries.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Once};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field as ArrowField, Schema};
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};
use rayon::prelude::*;

use super::convert::{convert, id_type};
use super::inputs::read_error;
use super::{Chunk, Places};
use crate::error::{At, Error, Place, Result};
use crate::limit;
use crate::provenance::check_version;
use crate::schema::{Kind, Layout};

/// A Parquet file whose row groups are handed out one by one.
pub(crate) struct ParquetFile {
    shared: Arc<Shared>,
    next_group: usize,
    next_row: u64,
}

struct Shared {
    path: Arc<Path>,
    /// The metadata with string ids read as dictionaries: their codes come without a string being
    /// made for each row.
    metadata: ArrowReaderMetadata,
    /// The metadata with string ids read as views, for columns whose writer gave up its dictionary
    /// half-way. The decoder would build a new dictionary from these by hashing every row; ours
    /// knows that rows follow one another.
    views: ArrowReaderMetadata,
    /// Position in the file's schema of each column of the layout.
    positions: Vec<Option<usize>>,
}

/// One row group of a file.
pub(crate) struct RowGroup {
    shared: Arc<Shared>,
    group: usize,
    first_row: u64,
}

impl ParquetFile {
    pub(crate) fn open(path: Arc<Path>, layout: &Layout) -> Result<Self> {
        let metadata = open_metadata(&path)?;
        check_version(&path, &metadata)?;
        let metadata = Arc::new(metadata);
        let with = |ids: DataType| guarded(&path, || arrow_metadata(&metadata, layout, &ids));
        let (metadata, views) = (with(id_type())?, with(DataType::Utf8View)?);
        let names: Vec<&String> = metadata
            .schema()
            .fields()
            .iter()
            .map(|f| f.name())
            .collect();
        let owned: Vec<String> = names.iter().map(|name| name.to_string()).collect();
        layout.table.check(&owned, || At {
            path: path.clone(),
            place: None,
        })?;
        let find = |name: &str| names.iter().position(|known| *known == name);
        let positions = layout.fields.iter().map(|f| find(f.name)).collect();
        Ok(Self {
            shared: Arc::new(Shared {
                path,
                metadata,
                views,
                positions,
            }),
            next_group: 0,
            next_row: 1,
        })
    }

    pub(crate) fn next(&mut self) -> Option<RowGroup> {
        let groups = self.shared.metadata.metadata().num_row_groups();
        if self.next_group == groups {
            return None;
        }
        let group = RowGroup {
            shared: self.shared.clone(),
            group: self.next_group,
            first_row: self.next_row,
        };
        self.next_group += 1;
        self.next_row += group.rows() as u64;
        Some(group)
    }
}

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
pub(super) fn column_names(metadata: &ParquetMetaData) -> Vec<String> {
    let schema = metadata.file_metadata().schema_descr();
    let columns = schema.root_schema().get_fields().iter();
    columns.map(|column| column.name().to_owned()).collect()
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
    match rows == metadata.file_metadata().num_rows() {
        true => Ok(()),
        false => Err("the row groups do not add up to the rows of the file"),
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

/// Keeps the messages of panics that [`guarded`] catches off the terminal; all others go where they went before.
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

/// The file's own types, except that string ids are read as `ids`. The Arrow schema that a writer
/// may have embedded is ignored; it would only bring more string types.
fn arrow_metadata(
    metadata: &Arc<ParquetMetaData>,
    layout: &Layout,
    ids: &DataType,
) -> Result<ArrowReaderMetadata, ParquetError> {
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let inferred = ArrowReaderMetadata::try_new(metadata.clone(), plain.clone())?;
    let is_id = |name: &str| {
        let mut fields = layout.fields.iter();
        fields.any(|field| field.name == name && field.kind == Kind::Id)
    };
    let fields = inferred.schema().fields().iter().map(|field| {
        match field.data_type() == &DataType::Utf8 && is_id(field.name()) {
            true => ArrowField::new(field.name(), ids.clone(), field.is_nullable()).into(),
            false => field.clone(),
        }
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    ArrowReaderMetadata::try_new(metadata.clone(), plain.with_schema(Arc::new(schema)))
}

impl RowGroup {
    pub(crate) fn rows(&self) -> usize {
        let groups = self.shared.metadata.metadata();
        groups.row_group(self.group).num_rows() as usize
    }

    /// Decodes the columns in parallel: a file of one row group keeps the threads busy too.
    pub(crate) fn decode(self, layout: &Layout) -> Result<Chunk> {
        let columns: Vec<Result<Option<ArrayRef>>> = (0..layout.fields.len())
            .into_par_iter()
            .map(|column| self.column(column, layout))
            .collect();
        Ok(Chunk {
            rows: self.rows(),
            columns: columns.into_iter().collect::<Result<_>>()?,
            places: Places {
                path: self.shared.path.clone(),
                first: Place::Row(self.first_row),
                numbers: None,
            },
        })
    }

    fn column(&self, column: usize, layout: &Layout) -> Result<Option<ArrayRef>> {
        let Some(position) = self.shared.positions[column] else {
            return Ok(None);
        };
        let field = layout.fields[column];
        let array = self.read(position)?;
        let found = array.data_type().to_string();
        match convert(array, field.kind) {
            Some(array) => self.check_cells(&array, field.name).map(|()| Some(array)),
            None => Err(Error::ColumnType {
                path: self.shared.path.to_path_buf(),
                column: field.name.into(),
                found,
                wanted: field.kind.wanted(),
            }),
        }
    }

    /// Refuses a text that is longer than a record may be.
    fn check_cells(&self, array: &ArrayRef, column: &str) -> Result<()> {
        let texts = array.as_dictionary_opt::<Int32Type>();
        let Some(values) = texts.and_then(|texts| texts.values().as_string_opt::<i32>()) else {
            return Ok(());
        };
        let most = limit::max_record_bytes();
        let longest = values.iter().flatten().map(str::len).max().unwrap_or(0);
        match longest as u64 > most {
            true => Err(limit::over(
                &self.shared.path,
                None,
                format!("a text of {longest} bytes in column `{column}`"),
            )),
            false => Ok(()),
        }
    }

    /// One column of the row group as one array.
    fn read(&self, position: usize) -> Result<ArrayRef> {
        let path = &self.shared.path;
        let mask = ProjectionMask::roots(self.shared.metadata.parquet_schema(), [position]);
        let metadata = match self.gave_up_dictionary(&mask) {
            true => self.shared.views.clone(),
            false => self.shared.metadata.clone(),
        };
        let span = Span::read(self, &mask).map_err(|source| read_error(path, source))?;
        let rows = self.rows();
        guarded(path, || {
            let mut batches = ParquetRecordBatchReaderBuilder::new_with_metadata(span, metadata)
                .with_row_groups(vec![self.group])
                .with_projection(mask)
                .with_batch_size(rows.max(1))
                .build()?;
            match batches.next().transpose()? {
                Some(batch) if batch.num_rows() == rows => Ok(batch.column(0).clone()),
                _ => Err(ParquetError::General(
                    "a column has fewer values than rows".into(),
                )),
            }
        })
    }

    /// Whether some pages of these columns are known not to use a dictionary.
    fn gave_up_dictionary(&self, mask: &ProjectionMask) -> bool {
        let group = self.shared.metadata.metadata().row_group(self.group);
        let mut leaves = (0..group.num_columns()).filter(|&leaf| mask.leaf_included(leaf));
        leaves.any(|leaf| {
            let encodings = group.column(leaf).page_encoding_stats_mask();
            encodings.is_some_and(|mask| {
                !mask.is_only(Encoding::RLE_DICTIONARY) && !mask.is_only(Encoding::PLAIN_DICTIONARY)
            })
        })
    }
}

/// The bytes of the file that hold one column of one row group, read at once.
///
/// Every task opens the file for itself: clones of one descriptor share a position.
struct Span {
    start: u64,
    bytes: Bytes,
}

impl Span {
    fn read(group: &RowGroup, mask: &ProjectionMask) -> std::io::Result<Self> {
        let metadata = group.shared.metadata.metadata().row_group(group.group);
        let leaves = (0..metadata.num_columns()).filter(|&leaf| mask.leaf_included(leaf));
        let ranges = leaves.map(|leaf| metadata.column(leaf).byte_range());
        let (start, end) = ranges.fold((u64::MAX, 0), |(start, end), (offset, length)| {
            (start.min(offset), end.max(offset.saturating_add(length)))
        });
        let mut file = File::open(&group.shared.path)?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(end.saturating_sub(start))
            .read_to_end(&mut bytes)?;
        Ok(Self {
            start,
            bytes: bytes.into(),
        })
    }
}

impl Length for Span {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Span {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let rest = self.get_bytes(start, self.len().saturating_sub(start) as usize)?;
        Ok(rest.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let outside = || ParquetError::EOF("a page lies outside of its column".into());
        let from = start.checked_sub(self.start).ok_or_else(outside)? as usize;
        let to = from.checked_add(length).ok_or_else(outside)?;
        match to <= self.bytes.len() {
            true => Ok(self.bytes.slice(from..to)),
            false => Err(outside()),
        }
    }
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
