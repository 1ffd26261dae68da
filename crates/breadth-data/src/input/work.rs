//! What the user named, as a sequence of pieces to decode.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::resolve::resolve;
use crate::error::{At, Error, Result};
use crate::format::{self, Opened, Piece, TableFile};
use crate::io::chunk::Chunk;
use crate::io::open::{decompressed, open_raw, peek, read_error};
use crate::log::{Logs, of_head};
use crate::message::listed;
use crate::options::ReadOptions;
use crate::provenance::KnownModel;
use crate::schema::Layout;

/// Files without rows beyond this many are counted, not listed.
const MOST_NAMES: usize = 4;

/// What is decoded by itself: a piece of a table, or the rows of a log, which are decoded already.
pub(super) enum Work {
    Piece(Box<dyn Piece>),
    Log(Box<Chunk>),
}

impl Work {
    pub(super) fn rows(&self) -> usize {
        match self {
            Work::Piece(piece) => piece.rows(),
            Work::Log(chunk) => chunk.rows,
        }
    }

    pub(super) fn decode(self, layout: &Layout) -> Result<Chunk> {
        match self {
            Work::Piece(piece) => piece.decode(layout),
            Work::Log(chunk) => Ok(*chunk),
        }
    }
}

/// The files still to read, and the one being read.
pub(super) struct Inputs {
    named: Vec<PathBuf>,
    /// Rows of other tools' logs.
    logs: VecDeque<Chunk>,
    files: VecDeque<PathBuf>,
    current: Option<Current>,
    /// Files that ended before their first row.
    empty: Vec<String>,
    /// What the files say beside their rows.
    said: Said,
}

/// The file being read.
struct Current {
    path: Arc<Path>,
    file: Box<dyn TableFile>,
    has_rows: bool,
}

/// What inputs say beside their rows.
#[derive(Default)]
pub(crate) struct Said {
    /// What a user should know of the logs.
    pub(crate) remarks: Vec<String>,
    /// Names of models that are one model, as a file knows by hashes of their content.
    pub(crate) same: Vec<Vec<String>>,
    /// The models whose content files know.
    pub(crate) known: Vec<KnownModel>,
}

impl Inputs {
    /// Resolves run folders, folders and globs; every named thing must exist before any is read.
    pub(super) fn open(named: &[PathBuf], layout: &Layout, options: &ReadOptions) -> Result<Self> {
        let resolved = resolve(named, layout.table, &options.log)?;
        let mut inputs = Self {
            named: named.to_vec(),
            logs: VecDeque::new(),
            files: resolved.tables.into(),
            current: None,
            empty: Vec::new(),
            said: Said::default(),
        };
        if !resolved.logs.is_empty() {
            let logs = Logs::gather(&resolved.logs, Some(layout.table), options)?;
            inputs.logs = logs.chunks(layout)?.into();
            inputs.said.remarks = logs.remarks();
        }
        Ok(inputs)
    }

    pub(super) fn next(&mut self, layout: &Layout) -> Result<Option<Work>> {
        if let Some(chunk) = self.logs.pop_front() {
            return Ok(Some(Work::Log(Box::new(chunk))));
        }
        loop {
            if let Some(current) = &mut self.current {
                if let Some(piece) = current.file.next()? {
                    current.has_rows = true;
                    return Ok(Some(Work::Piece(piece)));
                }
                if !current.has_rows {
                    self.empty.push(current.path.display().to_string());
                }
            }
            let Some(path) = self.files.pop_front() else {
                self.current = None;
                return Ok(None);
            };
            let path: Arc<Path> = path.into();
            let file = open(path.clone(), layout)?;
            self.said.same.extend_from_slice(file.equal_models());
            self.said.known.extend_from_slice(file.known_models());
            self.current = Some(Current {
                path,
                file,
                has_rows: false,
            });
        }
    }

    /// What the files said, at their end.
    pub(super) fn said(mut self) -> Said {
        if !self.empty.is_empty() {
            let empty = listed(&self.empty, MOST_NAMES);
            self.said.remarks.push(format!("without rows: {empty}"));
        }
        self.said
    }

    /// The inputs as the user named them.
    pub(super) fn names(&self) -> String {
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

fn open(path: Arc<Path>, layout: &Layout) -> Opened {
    if &*path == Path::new("-") {
        return open_stdin(path, layout);
    }
    format::open(path, layout)
}

/// Standard input can be read but once, and logs are looked at before they are read.
fn open_stdin(path: Arc<Path>, layout: &Layout) -> Opened {
    let fail = |source| read_error(&path, source);
    let text = open_raw(&path).and_then(decompressed).map_err(fail)?;
    let (head, text) = peek(text, 4096).map_err(fail)?;
    match of_head(&head) {
        None => format::open_table_text(path, text, layout),
        Some(format) => Err(Error::Syntax {
            at: At { path, place: None },
            problem: format!("this is a log ({format}); logs are read from files: give its path"),
        }),
    }
}
