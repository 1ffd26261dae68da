//! A CSV text as it passes by: whether it ends inside of a quoted field, and records that do not
//! end.

use std::io::{self, BufRead, Read};

use crate::limit::{max_record_bytes, too_long};

/// Hands a text on and watches its quotes, as the parser understands them: a quote opens a field
/// that it begins, and two of them inside of it are one of its characters.
pub(super) struct Watched<R> {
    inner: R,
    separator: u8,
    state: State,
    /// The byte before the next.
    last: u8,
    /// Whether the first line ends with a carriage return and a line feed.
    has_cr_lf: Option<bool>,
    /// The line that is being read, and the one on which the open quote stands.
    line: u64,
    opened: u64,
    /// Bytes of the record so far, and its fields.
    record: u64,
    fields: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

impl<R: BufRead> Watched<R> {
    pub(super) fn new(inner: R, separator: u8) -> Self {
        Self {
            inner,
            separator,
            state: State::FieldStart,
            last: 0,
            has_cr_lf: None,
            line: 1,
            opened: 1,
            record: 0,
            fields: 0,
        }
    }

    /// What stands between fields, in a word.
    pub(super) fn separator(&self) -> &'static str {
        match self.separator {
            b'\t' => "tab",
            b';' => "semicolon",
            _ => "comma",
        }
    }

    /// Whether lines end with a carriage return and a line feed, as the first one did.
    pub(super) fn has_cr_lf(&self) -> bool {
        self.has_cr_lf == Some(true)
    }

    fn see(&mut self, bytes: &[u8]) -> io::Result<()> {
        for &byte in bytes {
            if byte == b'\n' && self.has_cr_lf.is_none() {
                self.has_cr_lf = Some(self.last == b'\r');
            }
            self.last = byte;
            self.record += 1;
            self.line += u64::from(byte == b'\n');
            self.state = match (self.state, byte) {
                (State::Quoted, b'"') => State::QuoteInQuoted,
                (State::Quoted, _) => State::Quoted,
                (State::QuoteInQuoted, b'"') => State::Quoted,
                (State::FieldStart, b'"') => {
                    self.opened = self.line;
                    State::Quoted
                }
                (_, byte) if byte == self.separator => {
                    self.fields += 1;
                    State::FieldStart
                }
                (_, b'\n' | b'\r') => {
                    (self.record, self.fields) = (0, 0);
                    State::FieldStart
                }
                _ => State::Plain,
            };
            let limit = max_record_bytes();
            let next = self.line + 1;
            if self.record > limit {
                return Err(too_long(format!(
                    "a record of more than {limit} bytes before line {next}"
                )));
            }
            // The parser keeps where each field ends, which takes more than an empty one.
            let most = limit / 64;
            if self.fields > most {
                return Err(too_long(format!(
                    "a record of more than {most} fields before line {next}"
                )));
            }
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.see(&buffer[..read])?;
        if read == 0 && !buffer.is_empty() && self.state == State::Quoted {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                OpenQuote(self.opened),
            ));
        }
        Ok(read)
    }
}

/// A text that ends inside of a field; the line on which its quote stands.
#[derive(Debug)]
pub(super) struct OpenQuote(pub(super) u64);

impl std::fmt::Display for OpenQuote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the file ends inside of a quoted field")
    }
}

impl std::error::Error for OpenQuote {}
