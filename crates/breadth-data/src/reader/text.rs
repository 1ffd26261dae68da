//! Text inputs: decompression, and which format it is.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;

use super::Work;
use super::csv::CsvFile;
use super::inputs::{peek, read_error};
use super::jsonl::JsonLinesFile;
use crate::error::{At, Error, Result};
use crate::limit::{Counted, Inflated};
use crate::log::format::of_head;
use crate::schema::Layout;

/// A text being read, front to back.
pub(crate) enum TextFile {
    Empty,
    JsonLines(JsonLinesFile),
    Csv(Box<CsvFile>),
}

type Reader = Box<dyn BufRead + Send>;

/// The text of a file, decompressed, from its first character.
pub(crate) fn open_text(path: &Path) -> io::Result<Reader> {
    let file = BufReader::with_capacity(1 << 16, std::fs::File::open(path)?);
    let (head, reader) = peek(decompress(Box::new(file))?, BYTE_ORDER_MARK.len())?;
    skip_byte_order_mark(&head, reader)
}

impl TextFile {
    pub(crate) fn open(path: Arc<Path>, reader: Reader, layout: &Layout) -> Result<Self> {
        let fail = |source| read_error(&path, source);
        let reader = decompress(reader).map_err(fail)?;
        let (head, reader) = peek(reader, 4096).map_err(fail)?;
        let reader = skip_byte_order_mark(&head, reader).map_err(fail)?;
        let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&head);
        if text.starts_with(b"PAR1") {
            return Err(not_text(
                &path,
                "Parquet",
                "give Parquet as an uncompressed file, not through a pipe",
            ));
        }
        if text.starts_with(b"PK\x03\x04") {
            return Err(not_text(
                &path,
                "a table",
                "it is a zip archive: unpack it first",
            ));
        }
        if text.contains(&0) {
            return Err(not_text(
                &path,
                "a table",
                "it is binary, but not Parquet; give Parquet, JSON Lines or CSV",
            ));
        }
        if let Some(format) = of_head(text).filter(|_| &*path == Path::new("-")) {
            return Err(Error::Syntax {
                at: At { path, place: None },
                problem: format!(
                    "this is a log ({format}); logs are read from files: give its path"
                ),
            });
        }
        match text.trim_ascii_start().first() {
            None if text.len() < 4000 => Ok(TextFile::Empty),
            Some(b'[') => Err(not_text(
                &path,
                "JSON Lines",
                "it is one JSON array; write one object per line (jq -c '.[]')",
            )),
            None | Some(b'{') => Ok(TextFile::JsonLines(JsonLinesFile::new(path, reader))),
            Some(_) => CsvFile::open(path, reader, layout).map(|csv| TextFile::Csv(Box::new(csv))),
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Work>> {
        match self {
            TextFile::Empty => Ok(None),
            TextFile::JsonLines(file) => Ok(file.next()?.map(Work::JsonLines)),
            TextFile::Csv(file) => Ok(file.next()?.map(Work::Csv)),
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn skip_byte_order_mark(head: &[u8], mut reader: Reader) -> io::Result<Reader> {
    if head.starts_with(BYTE_ORDER_MARK) {
        reader.read_exact(&mut [0; 3])?;
    }
    Ok(reader)
}

fn decompress(reader: Reader) -> io::Result<Reader> {
    let (head, reader) = peek(reader, 4)?;
    Ok(match head.as_slice() {
        [0x1f, 0x8b, ..] => {
            let (packed, taken) = Counted::new(reader);
            let text = BufReader::new(MultiGzDecoder::new(packed));
            Box::new(Inflated::new(text, taken))
        }
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let (packed, taken) = Counted::new(reader);
            let text = BufReader::new(zstd::Decoder::with_buffer(packed)?);
            Box::new(Inflated::new(text, taken))
        }
        _ => reader,
    })
}

fn not_text(path: &Path, format: &'static str, todo: &'static str) -> Error {
    Error::Corrupt {
        path: path.into(),
        format,
        problem: "by its first bytes".into(),
        todo,
    }
}
