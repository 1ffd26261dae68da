//! CSV with a header line, its fields apart by commas, tabs or semicolons.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use arrow_array::ArrayRef;
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};

use super::csv_watch::{OpenQuote, Watched};
use super::file::{Access, LONG_ROW, Piece, TableFile, TableFormat};
use crate::error::{At, Error, Place, Result};
use crate::io::cell::{Cell, ColumnBuilder};
use crate::io::chunk::{Chunk, Places};
use crate::io::open::{Reader as Text, peek, read_error};
use crate::schema::{Column, ColumnType, Layout};

pub(super) const FORMAT: TableFormat = TableFormat {
    extensions: &["csv", "tsv"],
    access: Access::Text {
        begins: |_| true,
        open: |path, text, layout| Ok(Box::new(CsvFile::open(path, text, layout)?)),
        column_names: header,
    },
};

/// A CSV text being read, front to back.
struct CsvFile {
    path: Arc<Path>,
    reader: Reader<Watched<Text>>,
    /// Where each column of the layout stands in a record.
    positions: Arc<Vec<Option<usize>>>,
}

/// The names in a header line; none where it is no text.
fn header(line: &[u8]) -> Vec<String> {
    let mut reader = ReaderBuilder::new()
        .delimiter(separator(line))
        .trim(Trim::Headers)
        .from_reader(line);
    let names = reader
        .headers()
        .map(|names| names.iter().map(String::from).collect());
    names.unwrap_or_default()
}

/// What stands between the fields of a header line.
fn separator(header: &[u8]) -> u8 {
    let others = [b',', b'\t', b';'];
    let found = others.into_iter().find(|one| header.contains(one));
    found.unwrap_or(b',')
}

/// As much of a text as headers take.
const HEADER: usize = 1 << 16;

/// The first line of a text that is not blank, or what of it there is.
fn first_line(head: &[u8]) -> &[u8] {
    let head = head.trim_ascii_start();
    let end = head.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    &head[..end.unwrap_or(head.len())]
}

/// Some records, with the line each begins on.
struct Block {
    path: Arc<Path>,
    positions: Arc<Vec<Option<usize>>>,
    lines: Vec<u64>,
    records: Vec<StringRecord>,
    /// What the records take.
    bytes: usize,
}

const BLOCK_ROWS: usize = 1 << 14;
/// Long records fill the memory before they are many.
const BLOCK_BYTES: usize = 1 << 22;

/// What a record takes: its text, and where each field ends.
fn taken(record: &StringRecord) -> usize {
    record.as_slice().len() + record.len() * size_of::<usize>()
}

impl CsvFile {
    fn open(path: Arc<Path>, text: Text, layout: &Layout) -> Result<Self> {
        let (head, text) = peek(text, HEADER).map_err(|source| read_error(&path, source))?;
        let separator = separator(first_line(&head));
        let mut reader = ReaderBuilder::new()
            .delimiter(separator)
            .trim(Trim::Headers)
            .from_reader(Watched::new(text, separator));
        let header = reader
            .headers()
            .map(|names| names.iter().map(String::from).collect());
        let names: Vec<String> =
            header.map_err(|error| csv_error(&path, reader.get_ref(), error))?;
        layout.check(&names, || At {
            path: path.clone(),
            place: None,
        })?;
        let positions = layout
            .columns
            .iter()
            .map(|wanted| match wanted {
                Some(wanted) => position(&names, layout.names_of(wanted), &path),
                None => Ok(None),
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            path,
            reader,
            positions: Arc::new(positions),
        })
    }
}

impl TableFile for CsvFile {
    fn next(&mut self) -> Result<Option<Box<dyn Piece>>> {
        let (mut lines, mut records, mut bytes) = (Vec::new(), Vec::new(), 0);
        while records.len() < BLOCK_ROWS && bytes < BLOCK_BYTES {
            let mut record = StringRecord::new();
            let more = self.reader.read_record(&mut record);
            let watched = self.reader.get_ref();
            if !more.map_err(|error| csv_error(&self.path, watched, error))? {
                break;
            }
            bytes += taken(&record);
            lines.push(
                record
                    .position()
                    .map_or(0, |position| line(position, watched)),
            );
            records.push(record);
        }
        if records.is_empty() {
            return Ok(None);
        }
        Ok(Some(Box::new(Block {
            path: self.path.clone(),
            positions: self.positions.clone(),
            lines,
            records,
            bytes,
        })))
    }
}

/// Where the first of the wanted names that is there stands.
fn position<'a>(
    names: &[String],
    mut wanted: impl Iterator<Item = &'a str>,
    path: &Arc<Path>,
) -> Result<Option<usize>> {
    let is_there = |wanted: &&str| names.iter().any(|name| name == wanted);
    let Some(wanted) = wanted.find(is_there) else {
        return Ok(None);
    };
    let mut found = names.iter().enumerate().filter(|(_, name)| *name == wanted);
    let first = found.next().map(|(at, _)| at);
    match found.next() {
        None => Ok(first),
        Some(_) => Err(Error::Syntax {
            at: At {
                path: path.clone(),
                place: Some(Place::Line(1)),
            },
            problem: format!("the header names `{wanted}` twice; rename one of them"),
        }),
    }
}

impl Piece for Block {
    fn rows(&self) -> usize {
        self.records.len().max(self.bytes / LONG_ROW)
    }

    fn decode(self: Box<Self>, layout: &Layout) -> Result<Chunk> {
        let places = Places::of_lines(self.path, self.lines);
        let column = |(wanted, position): (&Option<Column>, &Option<usize>)| {
            let (Some(wanted), Some(position)) = (wanted, position) else {
                return Ok(None);
            };
            column(wanted, &self.records, *position, &places).map(Some)
        };
        let columns = layout.columns.iter().zip(self.positions.iter()).map(column);
        Ok(Chunk {
            rows: self.records.len(),
            columns: columns.collect::<Result<_>>()?,
            places: places.clone(),
        })
    }
}

fn column(
    wanted: &Column,
    records: &[StringRecord],
    position: usize,
    places: &Places,
) -> Result<ArrayRef> {
    let mut column = ColumnBuilder::new(wanted.holds);
    for (row, record) in records.iter().enumerate() {
        let text = record.get(position).unwrap_or_default();
        column
            .push(&cell(text, wanted.holds))
            .map_err(|found| Error::Value {
                at: places.at(row),
                column: wanted.name,
                problem: format!(
                    "found {found} where {} belong{}",
                    wanted.holds.wanted(),
                    about_commas(text)
                ),
            })?;
    }
    Ok(column.finish())
}

/// What is said behind a text that is a number but for its comma, as spreadsheets of many countries
/// write numbers in files whose fields are separated by semicolons.
fn about_commas(text: &str) -> &'static str {
    let text = text.trim();
    let is_number = text.replacen(',', ".", 1).parse::<f64>().is_ok();
    match is_number && text.contains(',') {
        true => "; a number has a decimal point and no comma: save the file with decimal points",
        false => "",
    }
}

/// CSV knows only text.
fn cell(text: &str, holds: ColumnType) -> Cell<'_> {
    match holds {
        _ if text.trim().is_empty() => Cell::Missing,
        ColumnType::LogProbs => list(text.trim()).unwrap_or(Cell::Text(Cow::Borrowed(text))),
        _ => Cell::Text(Cow::Borrowed(text)),
    }
}

/// A list of numbers as JSON and Python write it, with any spelling of an infinity.
fn list(text: &str) -> Option<Cell<'static>> {
    let items = text.strip_prefix('[')?.strip_suffix(']')?.trim();
    let number = |item: &str| item.trim().trim_matches('"').parse().ok().map(Cell::Float);
    match items {
        "" => Some(Cell::List(Vec::new())),
        items => items
            .split(',')
            .map(number)
            .collect::<Option<_>>()
            .map(Cell::List),
    }
}

/// The line at a position. The parser ends a record at the first character of a line's end, and
/// takes the second for the beginning of the next.
fn line(position: &csv::Position, watched: &Watched<Text>) -> u64 {
    let is_behind = watched.has_cr_lf() && position.record() > 0;
    position.line() + u64::from(is_behind)
}

fn csv_error(path: &Arc<Path>, watched: &Watched<Text>, error: csv::Error) -> Error {
    let line =
        |position: &Option<csv::Position>| position.as_ref().map(|p| Place::Line(line(p, watched)));
    let (place, problem) = match error.kind() {
        ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => (
            line(pos),
            format!(
                "{len} fields where the header has {expected_len}; quote fields that contain a \
                 {}",
                watched.separator()
            ),
        ),
        ErrorKind::Utf8 { pos, .. } => (line(pos), "not UTF-8; save the file as UTF-8".to_string()),
        _ => match error.into_kind() {
            ErrorKind::Io(source) => match source.get_ref().and_then(|e| e.downcast_ref()) {
                Some(OpenQuote(line)) => (
                    Some(Place::Line(*line)),
                    "the file ends inside of the quoted field that begins here; it may be truncated: copy it again, or close the quote".to_string(),
                ),
                None => return read_error(path, source),
            },
            other => (None, format!("not readable as CSV ({other:?})")),
        },
    };
    Error::Syntax {
        at: At {
            path: path.clone(),
            place,
        },
        problem,
    }
}
