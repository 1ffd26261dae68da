//! What a format of logs is.

use std::path::{Path, PathBuf};

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
    /// Which part of a run a file is, where its path tells.
    pub(super) part: Option<fn(&Path) -> Option<Part>>,
    pub(super) read: fn(&Source) -> Result<Entries>,
}

/// A part of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Whether it was evaluated, and not trained on.
    pub(super) is_evaluation: bool,
    /// The file that has all its rows, and more.
    pub(super) whole: Option<PathBuf>,
}

impl Part {
    /// The rollouts of training, or of evaluation.
    pub(super) fn of(is_evaluation: bool) -> Self {
        Self {
            is_evaluation,
            whole: None,
        }
    }
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
