//! The formats of tables. To add one: its file here, and its line in [`FORMATS`].

mod csv;
mod csv_watch;
mod file;
mod jsonl;
mod parquet;

use std::io::{BufRead, Read};
use std::path::Path;
use std::sync::Arc;

pub(crate) use file::{Opened, Piece, TableFile};

use crate::error::{Error, Result};
use crate::io::open::{Reader, decompressed, open_raw, open_text, peek, read_error};
use crate::limit::read_line;
use crate::schema::Layout;
use file::{Access, TableFormat};

/// The formats; the first that takes a file reads it.
static FORMATS: [TableFormat; 3] = [parquet::FORMAT, jsonl::FORMAT, csv::FORMAT];

/// The endings of the files of all formats.
pub(crate) fn extensions() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().flat_map(|format| format.extensions).copied()
}

/// Opens a file as what its content says it is; its name does not matter.
pub(crate) fn open(path: Arc<Path>, layout: &Layout) -> Opened {
    let fail = |source| read_error(&path, source);
    let mut reader = open_raw(&path).map_err(fail)?;
    let head = reader.fill_buf().map_err(fail)?;
    for format in &FORMATS {
        if let Access::File { magic, open, .. } = format.access
            && head.starts_with(magic)
        {
            return open(path, layout);
        }
    }
    open_table_text(path, reader, layout)
}

/// Opens a text, compressed or not, as what its first bytes say it is.
pub(crate) fn open_table_text(path: Arc<Path>, reader: Reader, layout: &Layout) -> Opened {
    let fail = |source| read_error(&path, source);
    let reader = decompressed(reader).map_err(fail)?;
    let (head, reader) = peek(reader, HEAD).map_err(fail)?;
    check_head(&path, &head)?;
    let first = head.trim_ascii_start().first().copied();
    if first.is_none() && head.len() < HEAD {
        return Ok(Box::new(Empty));
    }
    for format in &FORMATS {
        if let Access::Text { begins, open, .. } = format.access
            && begins(first)
        {
            return open(path, reader, layout);
        }
    }
    Err(not_text(
        &path,
        "a table",
        "give Parquet, JSON Lines or CSV",
    ))
}

/// As much of a text as it takes to know it.
const HEAD: usize = 4096;

/// A text of blanks.
struct Empty;

impl TableFile for Empty {
    fn next(&mut self) -> Result<Option<Box<dyn Piece>>> {
        Ok(None)
    }
}

/// Refuses what is no text of a table, and says what to do with it.
fn check_head(path: &Path, head: &[u8]) -> Result<()> {
    let (format, todo) = if head.starts_with(b"PAR1") {
        let todo = "give Parquet as an uncompressed file, not through a pipe";
        ("Parquet", todo)
    } else if head.starts_with(b"PK\x03\x04") {
        ("a table", "it is a zip archive: unpack it first")
    } else if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        let todo = "it is UTF-16: save it as UTF-8 (iconv -f UTF-16 -t UTF-8)";
        ("a table", todo)
    } else if head.contains(&0) {
        let todo = "it is binary, but not Parquet; give Parquet, JSON Lines or CSV";
        ("a table", todo)
    } else if head.trim_ascii_start().starts_with(b"[") {
        let todo = "it is one JSON array; write one object per line (jq -c '.[]')";
        ("JSON Lines", todo)
    } else {
        return Ok(());
    };
    Err(not_text(path, format, todo))
}

fn not_text(path: &Path, format: &'static str, todo: &'static str) -> Error {
    Error::Corrupt {
        path: path.into(),
        format,
        problem: "by its first bytes".into(),
        todo,
    }
}

/// The names of a table's columns, from its first bytes.
pub(crate) fn column_names(path: &Path) -> Result<Vec<String>> {
    let fail = |source| read_error(path, source);
    let mut magic_bytes = Vec::new();
    let raw = open_raw(path).map_err(fail)?;
    raw.take(4).read_to_end(&mut magic_bytes).map_err(fail)?;
    for format in &FORMATS {
        if let Access::File {
            magic,
            column_names,
            ..
        } = format.access
            && magic_bytes.starts_with(magic)
        {
            return column_names(path);
        }
    }
    let mut reader = open_text(path).map_err(fail)?;
    let mut line = Vec::new();
    while line.trim_ascii().is_empty() {
        line.clear();
        if read_line(&mut *reader, &mut line).map_err(fail)? == 0 {
            return Ok(Vec::new());
        }
    }
    let line = line.trim_ascii();
    let names = FORMATS.iter().find_map(|format| match format.access {
        Access::Text {
            begins,
            column_names,
            ..
        } if begins(line.first().copied()) => Some(column_names(line)),
        Access::Text { .. } | Access::File { .. } => None,
    });
    Ok(names.unwrap_or_default())
}
