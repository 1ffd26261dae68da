//! What the user named, as a sequence of work.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::parquet::ParquetFile;
use super::resolve::resolve;
use super::text::TextFile;
use super::{Chunk, Work};
use crate::error::{Error, Result};
use crate::limit::{self, TooLong};
use crate::log::Logs;
use crate::schema::Layout;
use crate::score::ReadOptions;

/// The files still to read, and the one being read.
pub(crate) struct Inputs {
    named: Vec<PathBuf>,
    /// Rows of other tools' logs.
    logs: VecDeque<Chunk>,
    files: VecDeque<PathBuf>,
    current: Option<Open>,
    /// What a user should know of the logs.
    pub(crate) remarks: Vec<String>,
}

enum Open {
    Parquet(ParquetFile),
    Text(TextFile),
}

impl Inputs {
    /// Resolves run folders, folders and globs; every named thing must exist before any is read.
    pub(crate) fn open(named: &[PathBuf], layout: &Layout, options: &ReadOptions) -> Result<Self> {
        let resolved = resolve(named, layout.table, &options.log)?;
        let mut inputs = Self {
            named: named.to_vec(),
            logs: VecDeque::new(),
            files: resolved.tables.into(),
            current: None,
            remarks: Vec::new(),
        };
        if !resolved.logs.is_empty() {
            let logs = Logs::gather(&resolved.logs, Some(layout.table), options)?;
            inputs.logs = logs.chunks(layout)?.into();
            inputs.remarks = logs.remarks();
        }
        Ok(inputs)
    }

    pub(crate) fn next(&mut self, layout: &Layout) -> Result<Option<Work>> {
        if let Some(chunk) = self.logs.pop_front() {
            return Ok(Some(Work::Log(Box::new(chunk))));
        }
        loop {
            let work = match &mut self.current {
                None => None,
                Some(Open::Parquet(file)) => file.next().map(Work::Parquet),
                Some(Open::Text(file)) => file.next()?,
            };
            if work.is_some() {
                return Ok(work);
            }
            let Some(path) = self.files.pop_front() else {
                return Ok(None);
            };
            self.current = Some(open(path.into(), layout)?);
        }
    }

    /// The inputs as the user named them.
    pub(crate) fn names(&self) -> String {
        let names: Vec<String> = self
            .named
            .iter()
            .map(|path| match path.to_str() {
                Some("-") => "stdin".into(),
                _ => path.display().to_string(),
            })
            .collect();
        names.join(", ")
    }
}

/// Opens a file as what its content says it is; its name does not matter.
fn open(path: Arc<Path>, layout: &Layout) -> Result<Open> {
    if &*path == Path::new("-") {
        let stdin = BufReader::with_capacity(1 << 16, io::stdin());
        return TextFile::open(path, Box::new(stdin), layout).map(Open::Text);
    }
    let fail = |source| read_error(&path, source);
    let mut file = BufReader::with_capacity(1 << 16, File::open(&path).map_err(fail)?);
    if file.fill_buf().map_err(fail)?.starts_with(b"PAR1") {
        return ParquetFile::open(path, layout).map(Open::Parquet);
    }
    let reader: Box<dyn BufRead + Send> = Box::new(file);
    TextFile::open(path, reader, layout).map(Open::Text)
}

pub(crate) fn read_error(path: &Path, source: io::Error) -> Error {
    if let Some(TooLong(what)) = source.get_ref().and_then(|inner| inner.downcast_ref()) {
        return limit::over(path, None, what);
    }
    Error::Read {
        path: path.into(),
        source,
    }
}

/// Up to `wanted` bytes from the front of a reader, which still delivers them afterwards.
pub(crate) fn peek(
    mut reader: Box<dyn BufRead + Send>,
    wanted: usize,
) -> io::Result<(Vec<u8>, Box<dyn BufRead + Send>)> {
    let mut head = Vec::with_capacity(wanted);
    reader.by_ref().take(wanted as u64).read_to_end(&mut head)?;
    let rest = io::Cursor::new(head.clone()).chain(reader);
    Ok((head, Box::new(rest)))
}
