//! A log that was recognised, and one that was read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entry::Entries;
use super::format::Format;
use super::source::Source;
use crate::error::{Error, Result};
use crate::options::ReadOptions;
use crate::schema::Table;

/// Whether nobody graded any response of a log.
fn is_ungraded(read: &Result<Entries>) -> bool {
    match read {
        Err(Error::Ungraded { .. }) => true,
        Ok(entries) => entries.rows.is_empty() && entries.table == Table::Samples,
        Err(_) => false,
    }
}

/// A file that was recognised, and the name of its model if the user gave one.
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) format: &'static Format,
    /// Whether the user named this file, and not a folder or pattern that it is in.
    pub(crate) is_named: bool,
    pub(crate) model: Option<String>,
}

impl Found {
    fn source<'a>(&'a self, table: Option<Table>, options: &'a ReadOptions) -> Source<'a> {
        Source::new(&self.path, self.model.as_deref(), table, options)
    }

    /// The table that the log makes where nobody asks for one.
    pub(crate) fn table(&self, options: &ReadOptions) -> Result<Table> {
        if !self.format.may_hold_likelihoods {
            return Ok(Table::Samples);
        }
        let source = self.source(None, options);
        Ok((self.format.read)(&source)?.table)
    }
}

/// A log that was read.
pub(super) struct ReadLog<'a> {
    pub(super) file: &'a Found,
    pub(super) path: Arc<Path>,
    pub(super) entries: Entries,
    /// Whether its model is named after its path.
    pub(super) named_by_path: bool,
}

impl Found {
    /// Reads the log for the table that is wanted.
    pub(super) fn read(&self, wanted: Option<Table>, options: &ReadOptions) -> Result<ReadLog<'_>> {
        let mut source = self.source(wanted, options);
        let mut read = (self.format.read)(&source);
        if options.log.ungraded && is_ungraded(&read) {
            source.ask.texts = true;
            read = (self.format.read)(&source);
        }
        let mut entries = read?;
        entries.notes.extend(source.lost_note());
        let untold = entries.rows.iter().find(|row| row.text.is_none());
        if let Some(row) = untold.filter(|_| source.ask.texts) {
            let problem = "no text of the response in this log, so that it cannot be judged anew; take the grades of the log (leave `ReadOptions::texts` out)";
            return Err(source.fault(row.place, "text", problem));
        }
        Ok(ReadLog {
            file: self,
            entries,
            named_by_path: source.named_by_path.get(),
            path: source.path,
        })
    }
}
