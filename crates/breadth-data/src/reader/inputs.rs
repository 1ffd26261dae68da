//! What the user named, as a sequence of work.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Work;
use super::parquet::ParquetFile;
use super::text::TextFile;
use crate::atomic::TEMP_PREFIX;
use crate::error::{Error, Result};
use crate::schema::{Layout, Table};

/// The files still to read, and the one being read.
pub(crate) struct Inputs {
    named: Vec<PathBuf>,
    files: VecDeque<PathBuf>,
    current: Option<Open>,
}

enum Open {
    Parquet(ParquetFile),
    Text(TextFile),
}

impl Inputs {
    /// Resolves run folders, folders and globs; every named thing must exist before any is read.
    pub(crate) fn open(named: &[PathBuf], layout: &Layout) -> Result<Self> {
        if named.is_empty() {
            return Err(Error::NoInput);
        }
        let mut files = VecDeque::new();
        for path in named {
            files.extend(expand(path, layout.table)?);
        }
        Ok(Self {
            named: named.to_vec(),
            files,
            current: None,
        })
    }

    pub(crate) fn next(&mut self, layout: &Layout) -> Result<Option<Work>> {
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

const EXTENSIONS: [&str; 4] = ["parquet", "jsonl", "ndjson", "csv"];
const LOOKED_FOR: &str = "*.parquet, *.jsonl, *.ndjson and *.csv, also with .gz or .zst";

fn expand(path: &Path, table: Table) -> Result<Vec<PathBuf>> {
    if path == Path::new("-") {
        return Ok(vec![path.into()]);
    }
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() && path.join("run.json").is_file() => {
            expand(&path.join(table.file_name()), table)
        }
        Ok(meta) if meta.is_dir() => folder(path),
        Ok(_) => Ok(vec![path.into()]),
        Err(error) if error.kind() == io::ErrorKind::NotFound => matches(path),
        Err(source) => Err(read_error(path, source)),
    }
}

/// The tables directly in a folder, by name; other files may lie beside them.
fn folder(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(path).map_err(|source| read_error(path, source))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| read_error(path, source))?;
        let name = entry.file_name();
        if is_table_name(&name.to_string_lossy()) && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    match files.is_empty() {
        false => Ok(files),
        true => Err(Error::EmptyFolder {
            path: path.into(),
            looked_for: LOOKED_FOR,
        }),
    }
}

fn is_table_name(name: &str) -> bool {
    let plain = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"));
    let extension = Path::new(plain.unwrap_or(name)).extension();
    let known = |ext: &&str| extension.is_some_and(|found| found.eq_ignore_ascii_case(ext));
    !name.starts_with('.') && !name.starts_with(TEMP_PREFIX) && EXTENSIONS.iter().any(known)
}

fn matches(path: &Path) -> Result<Vec<PathBuf>> {
    let pattern = path.to_string_lossy();
    if !pattern.contains(['*', '?', '[']) {
        return Err(Error::NotFound(path.into()));
    }
    let no_match = || Error::NoMatch(pattern.to_string());
    let found = glob::glob(&pattern).map_err(|_| no_match())?;
    let mut files = Vec::new();
    for entry in found {
        let entry = entry.map_err(|error| {
            let path = error.path().to_path_buf();
            read_error(&path, error.into())
        })?;
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if entry.is_file() && !name.starts_with(TEMP_PREFIX) {
            files.push(entry);
        }
    }
    match files.is_empty() {
        false => Ok(files),
        true => Err(no_match()),
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
