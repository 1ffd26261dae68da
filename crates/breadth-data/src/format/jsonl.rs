//! JSON Lines: one object per line.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::file::{Access, LONG_ROW, Piece, TableFile, TableFormat};
use crate::error::{At, Error, Place, Result};
use crate::io::cell::{Cell, ColumnBuilder};
use crate::io::chunk::{Chunk, Places};
use crate::io::json::{LOST, Members, mend};
use crate::io::open::{Reader, line_error};
use crate::limit::{VALUES, allow, charge, over, read_line};
use crate::message::short;
use crate::schema::{Asked, Column, ColumnType, Layout, Position};

pub(super) const FORMAT: TableFormat = TableFormat {
    extensions: &["jsonl", "ndjson"],
    access: Access::Text {
        begins: |first| matches!(first, None | Some(b'{')),
        open: |path, reader, _| Ok(Box::new(JsonLinesFile::new(path, reader))),
        column_names: names,
    },
};

/// A JSON Lines text being read, front to back.
struct JsonLinesFile {
    path: Arc<Path>,
    reader: Reader,
    next_line: u64,
}

/// Some whole lines.
struct Block {
    path: Arc<Path>,
    first_line: u64,
    lines: usize,
    text: Vec<u8>,
}

/// Large enough that a block is worth a thread, small enough to have several.
const BLOCK_BYTES: usize = 1 << 20;

impl JsonLinesFile {
    fn new(path: Arc<Path>, reader: Reader) -> Self {
        Self {
            path,
            reader,
            next_line: 1,
        }
    }
}

impl TableFile for JsonLinesFile {
    fn next(&mut self) -> Result<Option<Box<dyn Piece>>> {
        let mut text = Vec::with_capacity(BLOCK_BYTES + 4096);
        let mut lines = 0;
        while text.len() < BLOCK_BYTES {
            let read = read_line(&mut *self.reader, &mut text);
            let place = Place::Line(self.next_line + lines as u64);
            if read.map_err(|source| line_error(&self.path, place, source))? == 0 {
                break;
            }
            lines += 1;
        }
        let first_line = self.next_line;
        self.next_line += lines as u64;
        if lines == 0 {
            return Ok(None);
        }
        // Of many small files each would keep the room of a large one.
        text.shrink_to_fit();
        Ok(Some(Box::new(Block {
            path: self.path.clone(),
            first_line,
            lines,
            text,
        })))
    }
}

impl Piece for Block {
    /// Long lines fill the memory before they are many.
    fn rows(&self) -> usize {
        self.lines.max(self.text.len() / LONG_ROW)
    }

    fn decode(self: Box<Self>, layout: &Layout) -> Result<Chunk> {
        let mut rows = Rows::new(layout);
        for (line, number) in self
            .text
            .split(|&byte| byte == b'\n')
            .zip(self.first_line..)
        {
            let line = line.trim_ascii();
            if !line.is_empty() {
                let at = || At {
                    path: self.path.clone(),
                    place: Some(Place::Line(number)),
                };
                rows.push(line, number, at)?;
            }
        }
        Ok(Chunk {
            rows: rows.lines.len(),
            columns: (rows.columns.into_iter())
                .map(|column| column.map(ColumnBuilder::finish))
                .collect(),
            places: Places::of_lines(self.path, rows.lines),
        })
    }
}

/// The rows of a block so far.
struct Rows<'l> {
    layout: &'l Layout,
    columns: Vec<Option<ColumnBuilder>>,
    lines: Vec<u64>,
}

impl<'l> Rows<'l> {
    fn new(layout: &'l Layout) -> Self {
        Self {
            layout,
            columns: layout
                .columns
                .iter()
                .map(|wanted| wanted.map(|wanted| ColumnBuilder::new(wanted.holds)))
                .collect(),
            lines: Vec::new(),
        }
    }

    fn push(&mut self, line: &[u8], number: u64, at: impl Fn() -> At) -> Result<()> {
        let patched; // must outlive the cells, which borrow from it
        let cells = match parse(line, self.layout) {
            Ok(cells) => cells,
            Err(error) => match mend(line) {
                None => return Err(syntax(at(), line, &error)),
                Some(mended) => {
                    patched = mended.text;
                    let cells = parse(&patched, self.layout)
                        .map_err(|error| syntax(at(), &patched, &error))?;
                    if mended.lost {
                        self.check_names(&cells, &at)?;
                    }
                    cells
                }
            },
        };
        self.check(line, &cells, &at)?;
        let wanted = self.layout.columns.iter().zip(&mut self.columns);
        for (cell, wanted) in cells.iter().zip(wanted) {
            let (Some(wanted), Some(column)) = wanted else {
                continue;
            };
            let listed = (wanted.name == RIGHT_ANSWER)
                .then(|| cell.listed())
                .flatten();
            column
                .push(listed.as_ref().unwrap_or(cell))
                .map_err(|found| Error::Value {
                    at: at(),
                    column: wanted.name,
                    problem: format!("found {found} where {} belong", wanted.holds.wanted()),
                })?;
        }
        self.lines.push(number);
        Ok(())
    }

    /// Refuses names in which characters could not be read.
    fn check_names(&self, cells: &[Cell], at: impl Fn() -> At) -> Result<()> {
        let is_lost = |cell: &Cell| matches!(cell, Cell::Text(text) if text.contains('\u{fffd}'));
        for (cell, wanted) in cells.iter().zip(&self.layout.columns) {
            match wanted {
                Some(wanted) if wanted.holds == ColumnType::Id && is_lost(cell) => {
                    return Err(Error::Value {
                        at: at(),
                        column: wanted.name,
                        problem: LOST.into(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether this line can be a row of the table. The names in it are looked at once in a block
    /// and whenever a required one is missing: the lines of a file are alike, unless it is wrong.
    fn check(&self, line: &[u8], cells: &[Cell], at: impl Fn() -> At) -> Result<()> {
        let is_required =
            |wanted: &Option<Column>| wanted.is_some_and(|column| column.asked == Asked::Required);
        let mut pairs = cells.iter().zip(&self.layout.columns);
        let suspicious = pairs.any(|(cell, wanted)| is_required(wanted) && *cell == Cell::Missing);
        if !suspicious && !self.lines.is_empty() {
            return Ok(());
        }
        let names = names(line);
        self.layout.check(&names, at)
    }
}

/// The column in which a list of texts is one value, too: any of them is right.
const RIGHT_ANSWER: &str = "gold";

/// What an item of a list takes while it is read.
const CELL: u64 = 64;

fn syntax(at: At, line: &[u8], error: &serde_json::Error) -> Error {
    // What programs that indent begin a document with.
    if line == b"{" {
        let problem = "one JSON document over several lines; write one object per line (jq -c . \
                       puts a document on one)";
        return Error::Syntax {
            at,
            problem: problem.into(),
        };
    }
    let text = error.to_string();
    // serde_json counts the one line it was given; `at` has the real number.
    let problem = text.split(" at line ").next().unwrap_or(&text);
    if problem.starts_with(VALUES) {
        return over(&at.path, at.place, problem);
    }
    Error::Syntax {
        at,
        problem: format!(
            "not a JSON object ({problem}, character {}); every line must be one whole object",
            error.column()
        ),
    }
}

fn parse<'a>(line: &'a [u8], layout: &Layout) -> Result<Vec<Cell<'a>>, serde_json::Error> {
    allow(line.len());
    let mut json = serde_json::Deserializer::from_slice(line);
    let cells = RowSeed(layout).deserialize(&mut json)?;
    json.end()?;
    Ok(cells)
}

/// The names of an object's members, for messages.
fn names(line: &[u8]) -> Vec<String> {
    let patched = mend(line);
    let line = patched.as_ref().map_or(line, |mended| &mended.text);
    let mut names = Members::scan(line).names;
    names.sort();
    names
}

/// Reads an object's members into cells in the layout's order; other members are skipped.
struct RowSeed<'l>(&'l Layout);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = Vec<Cell<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = Vec<Cell<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut cells = vec![Cell::Missing; self.0.columns.len()];
        let mut seen: Vec<Option<Position>> = vec![None; cells.len()];
        while let Some(name) = map.next_key::<Key>()? {
            let Some(meant) = self.0.meant_by(&name.0) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let before = seen[meant.column].replace(meant);
            match before {
                Some(before) if before == meant => {
                    let name = short(&name.0);
                    return Err(de::Error::custom(format_args!("`{name}` is given twice")));
                }
                // The other name stands for the column.
                Some(before) if meant.yields => {
                    seen[meant.column] = Some(before);
                    map.next_value::<IgnoredAny>()?;
                }
                _ => cells[meant.column] = map.next_value()?,
            }
        }
        Ok(cells)
    }
}

/// A member's name, borrowed from the line where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        match json.deserialize_str(CellVisitor)? {
            Cell::Text(text) => Ok(Key(text)),
            _ => Err(de::Error::custom("a name must be a string")),
        }
    }
}

impl<'de> Deserialize<'de> for Cell<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Cell::Missing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Cell::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Cell::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Cell::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Cell::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Owned(text.into())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cell::Text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            charge(CELL)?;
            items.push(item);
        }
        Ok(Cell::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Object)
    }
}
