//! How much memory an input may take: memory follows the input, whatever the input says of itself.
//!
//! One number decides, the longest record: a line, the decompressed member of an archive, a cell.
//! Some times as much is what a small file may come to as a whole: its text, its values, its rows.
//! What is compressed may be larger than that where the file itself is large; nothing real that is
//! kept shrinks a hundredfold.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{At, Error, Place};

/// The environment variable that [`max_record_bytes`] reads.
pub const MAX_RECORD_BYTES: &str = "BREADTH_MAX_RECORD_BYTES";

const DEFAULT: u64 = 32 << 20;
/// The largest limit: some times as much is still a number.
const MOST: u64 = 1 << 48;

/// 0 until it is set or first asked for.
static LIMIT: AtomicU64 = AtomicU64::new(0);

/// The longest record that is read, in bytes: 32 MiB, unless the environment variable
/// `BREADTH_MAX_RECORD_BYTES` or [`set_max_record_bytes`] says otherwise.
///
/// ```
/// assert!(breadth_data::max_record_bytes() >= 1 << 20);
/// ```
#[must_use]
pub fn max_record_bytes() -> u64 {
    match LIMIT.load(Ordering::Relaxed) {
        0 => {
            let said = std::env::var(MAX_RECORD_BYTES).ok();
            let said = said.and_then(|text| text.trim().parse().ok());
            let limit = said.filter(|&limit| limit > 0).unwrap_or(DEFAULT);
            set_max_record_bytes(limit);
            limit.min(MOST)
        }
        limit => limit,
    }
}

/// Whether the environment variable, if it is set, says a limit; a program that people start does
/// not go on by the default where they meant another.
///
/// # Errors
/// What it says instead, and what to do.
pub fn check_max_record_bytes() -> Result<(), String> {
    let Some(said) = std::env::var_os(MAX_RECORD_BYTES) else {
        return Ok(());
    };
    let limit = said
        .to_str()
        .and_then(|text| text.trim().parse::<u64>().ok());
    match limit {
        Some(1..) => Ok(()),
        _ => Err(format!(
            "{MAX_RECORD_BYTES}={}: not a whole number of bytes above 0; correct it or unset it",
            said.display()
        )),
    }
}

/// Sets the longest record that this process reads, in bytes; 0 means the default, and 2^48 is the
/// most.
pub fn set_max_record_bytes(limit: u64) {
    LIMIT.store(limit.min(MOST), Ordering::Relaxed);
}

/// The most of something that a packed form of `packed` bytes may hold: one record, or `times` as
/// much as the packed form.
pub(crate) fn most(packed: u64, times: u64) -> u64 {
    max_record_bytes().max(packed.saturating_mul(times))
}

/// The error about what is longer than the limit.
pub(crate) fn over(path: &Path, place: Option<Place>, what: impl Into<String>) -> Error {
    Error::Limit {
        at: At {
            path: path.into(),
            place,
        },
        what: what.into(),
        limit: max_record_bytes(),
    }
}

/// An [`over`] on its way through a reader.
#[derive(Debug)]
pub(crate) struct TooLong(pub(crate) String);

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooLong {}

pub(crate) fn too_long(what: impl Into<String>) -> io::Error {
    io::Error::other(TooLong(what.into()))
}

/// As [`BufRead::read_until`] a newline, but of a line within the limit.
pub(crate) fn read_line(reader: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let limit = max_record_bytes();
    let read = Read::take(&mut *reader, limit + 1).read_until(b'\n', line)?;
    if read as u64 > limit {
        Err(too_long(format!("a line of more than {limit} bytes")))
    } else {
        Ok(read)
    }
}

/// As [`std::fs::read`], but of a file that is not far longer than records are.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_file(path, whole(0))
}

/// The same of a file that nobody named; `None` where there is none that can be read. A pipe would
/// be waited for.
pub(crate) fn read_beside(path: &Path) -> Option<Vec<u8>> {
    path.is_file().then(|| read(path).ok()).flatten()
}

/// As [`std::fs::read`], of a file of at most so many bytes: what is longer, or never ends, is not
/// read further.
///
/// # Errors
/// What the file system says, or that the file is longer.
///
/// # Examples
/// ```
/// use std::path::Path;
/// let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
/// assert!(breadth_data::read_file(&file, 1 << 20)?.starts_with(b"[package]"));
/// let error = breadth_data::read_file(&file, 10).unwrap_err();
/// assert_eq!(error.to_string(), "a file of more than 10 bytes");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most_read = most.saturating_add(1);
    let read = File::open(path)?.take(most_read).read_to_end(&mut bytes)?;
    if read as u64 > most {
        return Err(too_long(format!("a file of more than {most} bytes")));
    }
    Ok(bytes)
}

/// Counts what is taken of a reader.
pub(crate) struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(crate) fn new(inner: R) -> (Self, Arc<AtomicU64>) {
        let taken = Arc::new(AtomicU64::new(0));
        let shared = taken.clone();
        (Self { inner, taken }, shared)
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.taken.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        self.inner.consume(bytes);
    }
}

/// A decompressed text, as long as it is in proportion to what it was packed in.
pub(crate) struct Inflated<R> {
    inner: R,
    packed: Arc<AtomicU64>,
    times: u64,
    read: u64,
}

/// What is packed may hold this many times its own length, where what it holds is kept: nothing real
/// does.
pub(crate) const TIMES: u64 = 64;
/// The same of a log that is read line by line, and of which what is kept has a limit of its own
/// ([`Source::room`](crate::log)): the same examples before every question pack a hundredfold.
pub(crate) const LINES_TIMES: u64 = 1000;

/// The most that a file of `packed` bytes may come to: a text, or the rows and values of a log.
pub(crate) fn whole(packed: u64) -> u64 {
    whole_of(packed, TIMES)
}

fn whole_of(packed: u64, times: u64) -> u64 {
    const RECORDS: u64 = 4;
    (RECORDS.saturating_mul(max_record_bytes())).max(times.saturating_mul(packed))
}

/// The most cells, of models by rows, of a table read so far to `given` of them out of a file of
/// `bytes`: 16 million, or two for each that is given, or 16 for each byte. All are held, and those
/// of a real table are nearly all given, though in any order: of rows that are shuffled most are
/// known to be there long before most cells are given.
pub(crate) fn cells(given: usize, bytes: u64) -> usize {
    const BYTES: usize = 16;
    let room = max_record_bytes() as usize / 2;
    room.max(2 * given).max(BYTES * bytes as usize)
}

impl<R> Inflated<R> {
    pub(crate) fn new(inner: R, packed: Arc<AtomicU64>, times: u64) -> Self {
        let read = 0;
        Self {
            inner,
            packed,
            times,
            read,
        }
    }

    fn check(&self) -> io::Result<()> {
        let packed = self.packed.load(Ordering::Relaxed);
        let most = whole_of(packed, self.times);
        if self.read > most {
            Err(too_long(format!(
                "a text of more than {most} bytes out of {packed} compressed ones"
            )))
        } else {
            Ok(())
        }
    }
}

impl<R: BufRead> Read for Inflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        let read = self.inner.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Inflated<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.check()?;
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.read += bytes as u64;
        self.inner.consume(bytes);
    }
}

thread_local! {
    /// What the values of the JSON text that this thread is parsing may still take, and what they
    /// might take at first, in bytes.
    static BUDGET: Cell<(u64, u64)> = const { Cell::new((u64::MAX, u64::MAX)) };
}

/// How the message of a parser begins that ran out of memory for values.
pub(crate) const VALUES: &str = "its values take more than";

/// What the values of a text may take: in small texts a value is many times its text.
const RECORDS: u64 = 8;

/// Sets what the values of a text may take.
pub(crate) fn allow(text: usize) {
    allow_bytes((RECORDS * max_record_bytes()).max(4 * text as u64));
}

/// Sets what values may take.
pub(crate) fn allow_bytes(bytes: u64) {
    BUDGET.set((bytes, bytes));
}

/// Parses, and parses again what `again` makes of a failure, as if for the first time.
pub(crate) fn retry<T, E>(
    parse: impl FnOnce() -> Result<T, E>,
    again: impl FnOnce(E) -> Result<T, E>,
) -> Result<T, E> {
    let before = BUDGET.get();
    parse().or_else(|error| {
        BUDGET.set(before);
        again(error)
    })
}

/// Notes that a value takes memory.
pub(crate) fn charge<E: serde::de::Error>(bytes: u64) -> Result<(), E> {
    let (left, all) = BUDGET.get();
    match left.checked_sub(bytes) {
        Some(left) => {
            BUDGET.set((left, all));
            Ok(())
        }
        None => Err(E::custom(format_args!("{VALUES} {all} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_text_out_of_nothing() {
        let (packed, taken) = Counted::new(Cursor::new(vec![0; 10]));
        drop(packed);
        let mut text = Inflated::new(Cursor::new(vec![b' '; 1 << 10]), taken, TIMES);
        text.read = whole(10) + 1;
        let error = text.fill_buf().unwrap_err();
        assert!(error.get_ref().unwrap().is::<TooLong>(), "{error}");
    }

    #[test]
    fn files_end() {
        assert!(
            read(Path::new("Cargo.toml"))
                .unwrap()
                .starts_with(b"[package]")
        );
        #[cfg(unix)]
        assert!(
            read(Path::new("/dev/zero"))
                .unwrap_err()
                .get_ref()
                .unwrap()
                .is::<TooLong>()
        );
    }

    #[test]
    fn limits_beyond_all_files_are_numbers() {
        // Of this test alone: the others take the default.
        let most = MOST;
        assert!(most.checked_mul(TIMES).is_some());
        assert!((8 * most).checked_add(1).is_some());
    }

    #[test]
    fn lines_end() {
        let mut reader = Cursor::new(b"ab\ncd".to_vec());
        let mut line = Vec::new();
        assert_eq!(read_line(&mut reader, &mut line).unwrap(), 3);
        assert_eq!(read_line(&mut reader, &mut line).unwrap(), 2);
        assert_eq!(line, b"ab\ncd");
        assert_eq!(read_line(&mut reader, &mut line).unwrap(), 0);
    }
}
