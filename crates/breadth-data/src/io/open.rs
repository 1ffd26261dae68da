//! Opening a file or standard input: decompression, the first bytes, and the errors of reading.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, Place};
use crate::limit::{self, Counted, Inflated, LINES_TIMES, TIMES, TooLong};

/// A file or standard input, front to back.
pub(crate) type Reader = Box<dyn BufRead + Send>;

/// A file as it is, or standard input (`-`).
pub(crate) fn open_raw(path: &Path) -> io::Result<Reader> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(CAPACITY, io::stdin())));
    }
    let file = std::fs::File::open(path)?;
    Ok(Box::new(BufReader::with_capacity(CAPACITY, file)))
}

const CAPACITY: usize = 1 << 16;

/// The text of a file, decompressed, from its first character.
pub(crate) fn open_text(path: &Path) -> io::Result<Reader> {
    decompressed(open_raw(path)?)
}

/// The same of a log that is read line by line.
pub(crate) fn open_lines(path: &Path) -> io::Result<Reader> {
    unpacked(open_raw(path)?, LINES_TIMES)
}

/// The text of a file of lines as tables are read: decompressed (gzip, Zstandard) and without its
/// byte-order mark. A file called `-` is a file.
///
/// ```
/// # use std::io::Read;
/// let file = std::env::temp_dir().join(format!("breadth-{}.jsonl", std::process::id()));
/// std::fs::write(&file, "\u{feff}{}")?;
/// let mut text = String::new();
/// breadth_data::open_lines_of(&file)?.read_to_string(&mut text)?;
/// assert_eq!(text, "{}");
/// # std::fs::remove_file(&file)?;
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// What the file system says.
pub fn open_lines_of(path: &Path) -> io::Result<Box<dyn BufRead + Send>> {
    let file = std::fs::File::open(path)?;
    let reader = Box::new(BufReader::with_capacity(CAPACITY, file));
    unpacked(reader, LINES_TIMES)
}

/// A text without what compresses it and without its byte order mark.
pub(crate) fn decompressed(reader: Reader) -> io::Result<Reader> {
    unpacked(reader, TIMES)
}

fn unpacked(reader: Reader, times: u64) -> io::Result<Reader> {
    let (head, mut reader) = peek(decompress(reader, times)?, BYTE_ORDER_MARK.len())?;
    if head == BYTE_ORDER_MARK {
        reader.read_exact(&mut [0; 3])?;
    }
    Ok(reader)
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn decompress(reader: Reader, times: u64) -> io::Result<Reader> {
    let (head, reader) = peek(reader, 4)?;
    Ok(match head.as_slice() {
        [0x1f, 0x8b, ..] => {
            let (packed, taken) = Counted::new(reader);
            let text = BufReader::new(MultiGzDecoder::new(packed));
            Box::new(Inflated::new(text, taken, times))
        }
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let (packed, taken) = Counted::new(reader);
            let text = BufReader::new(zstd::Decoder::with_buffer(packed)?);
            Box::new(Inflated::new(text, taken, times))
        }
        _ => reader,
    })
}

/// Up to `wanted` bytes from the front of a reader, which still delivers them afterwards.
pub(crate) fn peek(mut reader: Reader, wanted: usize) -> io::Result<(Vec<u8>, Reader)> {
    let mut head = Vec::with_capacity(wanted);
    reader.by_ref().take(wanted as u64).read_to_end(&mut head)?;
    let rest = io::Cursor::new(head.clone()).chain(reader);
    Ok((head, Box::new(rest)))
}

/// A file that could not be read.
pub(crate) fn read_error(path: &Path, source: io::Error) -> Error {
    if let Some(TooLong(what)) = source.get_ref().and_then(|inner| inner.downcast_ref()) {
        return limit::over(path, None, what);
    }
    Error::Read {
        path: path.into(),
        source,
    }
}

/// A line that could not be read, and which.
pub(crate) fn line_error(path: &Path, place: Place, source: io::Error) -> Error {
    match read_error(path, source) {
        Error::Limit {
            mut at,
            what,
            limit,
        } => {
            at.place = Some(place);
            Error::Limit { at, what, limit }
        }
        other => other,
    }
}
