//! What a format of logs is.

use std::path::Path;

use super::entry::Entries;
use super::source::Source;
use crate::error::Result;

/// A format of other tools' logs.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    /// The program and its files, for the list of what can be read; equal ones are said once.
    pub(crate) help: &'static str,
    pub(super) sign: Sign,
    /// Whether a log may hold log-likelihoods of given responses, and so make a score table.
    pub(super) may_hold_likelihoods: bool,
    pub(super) read: fn(&Source) -> Result<Entries>,
}

/// Whether an object has a member of this name.
pub(super) type Has<'a> = &'a dyn Fn(&str) -> bool;

/// What tells a format from others.
pub(super) enum Sign {
    /// A Parquet file.
    Parquet(fn(&Path) -> Result<bool>),
    /// A zip archive.
    Zip(fn(&Path) -> Result<bool>),
    /// A JSON document, by those of its members that were seen.
    Document(fn(Has) -> bool),
    /// JSON Lines, by the members of the first line.
    Line(fn(Has) -> bool),
    /// A JSON list, by how it begins.
    List(fn(&[u8]) -> bool),
    /// A YAML mapping, by those of its names that were seen.
    Yaml(fn(Has) -> bool),
}
