//! Parquet: row groups decoded column by column, ids kept as dictionaries.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_schema::{DataType, Field as ArrowField, Schema};
use bytes::{Buf, Bytes};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};
use rayon::prelude::*;

use super::file::{Access, Piece, TableFile, TableFormat};
use crate::error::{At, Error, Place, Result};
use crate::io::chunk::{Chunk, Places};
use crate::io::convert::{Known, Unfit, convert, fits, id_type};
use crate::io::open::read_error;
use crate::io::parquet::{check_pages, column_names, guarded, open_metadata};
use crate::limit;
use crate::provenance::{KnownModel, check_version, equal_models, known_models};
use crate::schema::{ColumnType, Layout};
use crate::stamp::Stamp;

pub(super) const FORMAT: TableFormat = TableFormat {
    extensions: &["parquet"],
    access: Access::File {
        magic: b"PAR1",
        open: |path, layout| Ok(Box::new(ParquetFile::open(path, layout)?)),
        column_names: |path| Ok(column_names(&open_metadata(path)?)),
    },
};

/// A Parquet file whose row groups are handed out one by one.
struct ParquetFile {
    shared: Arc<Shared>,
    next_group: usize,
    next_row: u64,
    equal_models: Vec<Vec<String>>,
    known_models: Vec<KnownModel>,
}

struct Shared {
    path: Arc<Path>,
    /// The file as it was when its metadata were read: row groups of another are none of it.
    stamp: Stamp,
    /// The metadata with string ids read as dictionaries: their codes come without a string being
    /// made for each row.
    metadata: ArrowReaderMetadata,
    /// The metadata with string ids read as views, for columns whose writer gave up its dictionary
    /// half-way. The decoder would build a new dictionary from these by hashing every row; ours
    /// knows that rows follow one another.
    views: ArrowReaderMetadata,
    /// Position in the file's schema of each column of the layout.
    positions: Vec<Option<usize>>,
    /// Texts of each column of the layout.
    known: Vec<Known>,
}

/// One row group of a file.
struct RowGroup {
    shared: Arc<Shared>,
    group: usize,
    first_row: u64,
}

impl ParquetFile {
    fn open(path: Arc<Path>, layout: &Layout) -> Result<Self> {
        let stamp = std::fs::metadata(&path).map_err(|source| read_error(&path, source))?;
        let stamp = Stamp::of(&stamp);
        let metadata = open_metadata(&path)?;
        check_version(&path, &metadata)?;
        let equal_models = equal_models(&metadata);
        let known_models = known_models(&path, &metadata);
        let metadata = Arc::new(metadata);
        let with = |ids: DataType| guarded(&path, || arrow_metadata(&metadata, layout, &ids));
        let (metadata, views) = (with(id_type())?, with(DataType::Utf8View)?);
        let fields = metadata.schema().fields().iter();
        let names: Vec<String> = fields.map(|field| field.name().clone()).collect();
        let at = || At {
            path: path.clone(),
            place: None,
        };
        layout.check(&names, at)?;
        let positions = (layout.columns.iter())
            .map(|column| layout.find(column.as_ref(), &names, at))
            .collect::<Result<_>>()?;
        Ok(Self {
            shared: Arc::new(Shared {
                path,
                stamp,
                metadata,
                views,
                positions,
                known: layout.columns.iter().map(|_| Known::default()).collect(),
            }),
            next_group: 0,
            next_row: 1,
            equal_models,
            known_models,
        })
    }
}

impl TableFile for ParquetFile {
    fn next(&mut self) -> Result<Option<Box<dyn Piece>>> {
        let groups = self.shared.metadata.metadata().row_groups();
        // Writers of shards leave groups without rows, of which the decoder gives nothing.
        let left = groups.iter().skip(self.next_group);
        self.next_group += left.take_while(|group| group.num_rows() == 0).count();
        if self.next_group == groups.len() {
            return Ok(None);
        }
        let group = RowGroup {
            shared: self.shared.clone(),
            group: self.next_group,
            first_row: self.next_row,
        };
        self.next_group += 1;
        self.next_row += group.rows() as u64;
        Ok(Some(Box::new(group)))
    }

    fn equal_models(&self) -> &[Vec<String>] {
        &self.equal_models
    }

    fn known_models(&self) -> &[KnownModel] {
        &self.known_models
    }
}

/// The file's own types, except that strings are read as `ids` wherever single values belong. The Arrow schema that a writer
/// may have embedded is ignored; it would only bring more string types.
fn arrow_metadata(
    metadata: &Arc<ParquetMetaData>,
    layout: &Layout,
    ids: &DataType,
) -> Result<ArrowReaderMetadata, ParquetError> {
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let inferred = ArrowReaderMetadata::try_new(metadata.clone(), plain.clone())?;
    let is_single = |name: &str| {
        let found = layout.meant_by(name);
        let column = found.and_then(|found| layout.columns[found.column]);
        column.is_some_and(|column| column.holds != ColumnType::LogProbs)
    };
    let fields = inferred.schema().fields().iter().map(|field| {
        if field.data_type() == &DataType::Utf8 && is_single(field.name()) {
            ArrowField::new(field.name(), ids.clone(), field.is_nullable()).into()
        } else {
            field.clone()
        }
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    ArrowReaderMetadata::try_new(metadata.clone(), plain.with_schema(Arc::new(schema)))
}

impl Piece for RowGroup {
    fn rows(&self) -> usize {
        let groups = self.shared.metadata.metadata();
        groups.row_group(self.group).num_rows() as usize
    }

    /// Decodes the columns in parallel: a file of one row group keeps the threads busy too.
    fn decode(self: Box<Self>, layout: &Layout) -> Result<Chunk> {
        let columns: Vec<Result<Option<ArrayRef>>> = (0..layout.columns.len())
            .into_par_iter()
            .map(|column| self.column(column, layout))
            .collect();
        Ok(Chunk {
            rows: self.rows(),
            columns: columns.into_iter().collect::<Result<_>>()?,
            places: self.places(),
        })
    }
}

impl RowGroup {
    fn places(&self) -> Places {
        Places {
            path: self.shared.path.clone(),
            first: Place::Row(self.first_row),
            numbers: None,
        }
    }

    fn column(&self, column: usize, layout: &Layout) -> Result<Option<ArrayRef>> {
        let position = self.shared.positions[column];
        let (Some(position), Some(wanted)) = (position, layout.columns[column]) else {
            return Ok(None);
        };
        let found = self.shared.metadata.schema().field(position).data_type();
        let wrong = |unfit: Unfit| unfit.error(&self.places(), &wanted, found);
        if !fits(found, wanted.holds) {
            return match wanted.holds {
                ColumnType::Group => Ok(None),
                _ => Err(wrong(Unfit::Type)),
            };
        }
        let (read, known) = (self.read(position)?, &self.shared.known[column]);
        let array = convert(read, wanted.holds, known).map_err(wrong)?;
        self.check_cells(&array, wanted.name)?;
        Ok(Some(array))
    }

    /// Refuses a text that is longer than a record may be.
    fn check_cells(&self, array: &ArrayRef, column: &str) -> Result<()> {
        let texts = array.as_dictionary_opt::<Int32Type>();
        let Some(values) = texts.and_then(|texts| texts.values().as_string_opt::<i32>()) else {
            return Ok(());
        };
        let most = limit::max_record_bytes();
        let longest = values.iter().flatten().map(str::len).max().unwrap_or(0);
        if longest as u64 > most {
            Err(limit::over(
                &self.shared.path,
                None,
                format!("a text of {longest} bytes in column `{column}`"),
            ))
        } else {
            Ok(())
        }
    }

    /// One column of the row group as one array.
    fn read(&self, position: usize) -> Result<ArrayRef> {
        let path = &self.shared.path;
        let mask = ProjectionMask::roots(self.shared.metadata.parquet_schema(), [position]);
        let group = self.shared.metadata.metadata().row_group(self.group);
        let leaves: Vec<usize> = (0..group.num_columns())
            .filter(|&leaf| mask.leaf_included(leaf))
            .collect();
        let span = Span::read(self, &leaves).map_err(|source| read_error(path, source))?;
        let span = Arc::new(span.ok_or_else(|| changed(path))?);
        let metadata = if check_pages(path, &span, group, &leaves)? {
            self.shared.metadata.clone()
        } else {
            self.shared.views.clone()
        };
        let span = Arc::unwrap_or_clone(span);
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
}

/// The bytes of the file that hold one column of one row group, read at once.
///
/// Every task opens the file for itself: clones of one descriptor share a position.
#[derive(Clone)]
struct Span {
    start: u64,
    bytes: Bytes,
}

/// Other programs replace a table while it is read, and so do jobs that add to it.
fn changed(path: &Path) -> Error {
    Error::Corrupt {
        path: path.into(),
        format: "Parquet",
        problem: "it changed while it was read".into(),
        todo: "run the command again when it is complete",
    }
}

impl Span {
    /// `None` where the file is no longer the one that was opened.
    fn read(group: &RowGroup, leaves: &[usize]) -> std::io::Result<Option<Self>> {
        let metadata = group.shared.metadata.metadata().row_group(group.group);
        let ranges = leaves
            .iter()
            .map(|&leaf| metadata.column(leaf).byte_range());
        let (start, end) = ranges.fold((u64::MAX, 0), |(start, end), (offset, length)| {
            (start.min(offset), end.max(offset.saturating_add(length)))
        });
        let mut file = File::open(&group.shared.path)?;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        let mut wanted = file.by_ref().take(end.saturating_sub(start));
        wanted.read_to_end(&mut bytes)?;
        let is_same = Stamp::of(&file.metadata()?) == group.shared.stamp;
        Ok(is_same.then(|| Self {
            start,
            bytes: bytes.into(),
        }))
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
        if to <= self.bytes.len() {
            Ok(self.bytes.slice(from..to))
        } else {
            Err(outside())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, Table};
    use crate::{Provenance, ScoreRow, write_scores};

    /// A job that adds to a table replaces it, while another reads.
    #[test]
    fn row_groups_of_another_file_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] =
            ["scores.parquet", "other.parquet"].map(|name| folder.path().join(name));
        let write = |path: &Path, logprob: f64| {
            let row = ScoreRow {
                source: "data".into(),
                model: "a".into(),
                prompt_id: "1".into(),
                response_id: "0".into(),
                logprob,
                ..ScoreRow::default()
            };
            write_scores(path, &[row], &Provenance::default()).unwrap();
        };
        write(&path, -1.0);
        write(&other, -2.0);
        let logprob = Column {
            name: "logprob",
            holds: ColumnType::LogProb,
            asked: crate::schema::Asked::Required,
        };
        let layout = Layout::new(Table::Scores, &[logprob], &[], |_| false);
        let read = |replace: bool| {
            let mut file = ParquetFile::open(path.clone().into(), &layout)?;
            let group = file.next()?.expect("a row group");
            if replace {
                std::fs::rename(&other, &path).unwrap();
            }
            group.decode(&layout)
        };
        assert_eq!(read(false).unwrap().number(0, 0), Some(-1.0));
        let error = read(true).err().unwrap().to_string();
        assert!(
            error.contains("scores.parquet: not readable as Parquet (it changed while"),
            "{error}"
        );
    }
}
