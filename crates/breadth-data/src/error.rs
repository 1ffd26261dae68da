//! The crate's one error type. A message names the file, the row and the column, shows both
//! sides of a disagreement, and says what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::setting::Setting;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong when a table is read or written.
///
/// Each message is one paragraph that can be shown to a user as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No input was named.
    #[error("no table was given; name a file, a folder, a glob, or `-` for JSON Lines on stdin")]
    NoInput,
    /// A path that does not exist.
    #[error("{}: no such file or folder; check the path", .0.display())]
    NotFound(PathBuf),
    /// A glob that matches nothing.
    #[error(
        "{0}: no file matches this pattern; check it, and quote it so that the shell leaves it \
         alone"
    )]
    NoMatch(String),
    /// A folder without any table.
    #[error("{}: no table in this folder; looked for {looked_for}", .path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
        /// The file names that were looked for.
        looked_for: String,
    },
    /// The operating system or a decompressor refused.
    #[error("{}: cannot be read ({source}); check that the file is whole and that you may read it", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not what its first bytes promise.
    #[error("{}: not readable as {format} ({problem}); {todo}", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The format that its content announces.
        format: &'static str,
        /// What the decoder said.
        problem: String,
        /// What to do.
        todo: &'static str,
    },
    /// A record that is larger than what is read at once, see
    /// [`max_record_bytes`](crate::max_record_bytes).
    #[error(
        "{at}: {what}, which is more than is read at once; if it is meant, raise the limit: {}, or \
         BREADTH_MAX_RECORD_BYTES (now {limit})",
        Setting::MaxRecordBytes
    )]
    Limit {
        /// The file, and the row or line where it is known.
        at: At,
        /// What is too large.
        what: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// An output that is a folder.
    #[error("{}: is a folder, where a file should go; choose another output", .0.display())]
    IsFolder(PathBuf),
    /// A table under a name that ends as files of another format do.
    #[error("{}: tables are written as Parquet, and .{ending} is the ending of something else; write to {} instead", .output.display(), .instead.display())]
    Ending {
        /// The output.
        output: PathBuf,
        /// The ending, without its dot.
        ending: String,
        /// A name that fits.
        instead: PathBuf,
    },
    /// An output that would replace an input.
    #[error("{}: this is the input {}; nothing was written. Choose another output", .output.display(), .input.display())]
    Overwrites {
        /// The output.
        output: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// A folder of outputs in which an input stands.
    #[error("{}: the input {} stands in this folder, whose content is replaced; nothing was written. Choose another output", .folder.display(), .input.display())]
    Replaces {
        /// The folder.
        folder: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// An output that another job is writing.
    #[error("{}: {holder} is writing it; nothing was changed. Wait for its end, or choose another output", .output.display())]
    Held {
        /// The output.
        output: PathBuf,
        /// The process, as far as it is known.
        holder: String,
    },
    /// A line that is not in the format of the file.
    #[error("{at}: {problem}")]
    Syntax {
        /// The line.
        at: At,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A field of another tool's log that its table cannot take.
    #[error("{at}, field `{field}`: {problem}")]
    Field {
        /// The line, or the number of the sample.
        at: At,
        /// The field, as the log names it.
        field: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A log of which no response is graded.
    #[error(
        "{at}: no response of this log is graded; give the log that the evaluation writes, or judge the texts ({})",
        Setting::Texts
    )]
    Ungraded {
        /// The first line without a grade, or the log.
        at: At,
    },
    /// A file in no format that can be imported.
    #[error("{}: not a log that is known here; known are those of {known}. Tables of our own need no import", .path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
        /// The formats that are known.
        known: String,
    },
    /// Names of models that do not fit the inputs.
    #[error(
        "{names} names of models for {inputs} logs; give one name for all, or one for each in \
         their order (a folder or pattern counts as one)"
    )]
    ModelNames {
        /// How many names.
        names: usize,
        /// How many inputs.
        inputs: usize,
    },
    /// Prompts of one name that are not the same in all logs.
    #[error(
        "{differ} of {all} prompts are not the same in all logs, so their rows must not be \
         compared: {shown}. Run all models on the same version of the task with the same examples \
         and template, or leave these prompts out ({})",
        Setting::Intersect
    )]
    Joins {
        /// How many prompts differ.
        differ: usize,
        /// How many there are.
        all: usize,
        /// The first of them, with their places.
        shown: String,
    },
    /// A required column is missing.
    #[error("{at}: no column `{column}`; found {found}, and {needs}")]
    MissingColumn {
        /// The file, and the line in JSON Lines.
        at: At,
        /// The missing column.
        column: &'static str,
        /// The columns that are there.
        found: String,
        /// What this kind of table needs.
        needs: &'static str,
    },
    /// A sample table where a score table is wanted, or the other way round.
    #[error("{at}: this is a {found}, and a {wanted} is needed here; {todo}")]
    WrongTable {
        /// The file.
        at: At,
        /// The kind of table found.
        found: &'static str,
        /// The kind of table wanted.
        wanted: &'static str,
        /// Which command takes the table that was found.
        todo: &'static str,
    },
    /// A column of a type that cannot hold its meaning.
    #[error("{}: column `{column}` is of type {found}; it must hold {wanted}", .path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What it must hold.
        wanted: &'static str,
    },
    /// A value outside its domain.
    #[error("{at}, column `{column}`: {problem}")]
    Value {
        /// The row.
        at: At,
        /// The column.
        column: &'static str,
        /// What is wrong with the value, and what to do.
        problem: String,
    },
    /// Two rows with one key.
    #[error("{second}: duplicate of {first}: both give {key}; remove one of them")]
    Duplicate {
        /// The earlier row.
        first: At,
        /// The later row.
        second: At,
        /// The key, spelled out.
        key: String,
    },
    /// Two logs that give one model the same response.
    #[error(
        "{second}: duplicate of {first}: both give model `{model}` a response of one number to \
         prompt `{prompt}`; remove one of the logs, or name their models one by one, in the order of \
         the logs, with `breadth import` ({})",
        Setting::Models
    )]
    DuplicateLogs {
        /// The earlier row.
        first: At,
        /// The later row.
        second: At,
        /// The model of both.
        model: String,
        /// The prompt of both.
        prompt: String,
    },
    /// Two rows that disagree about something they share.
    #[error(
        "{second}, column `{column}`: {second_value}, but {first} has {first_value} for {shared}; \
         make them equal"
    )]
    Conflict {
        /// The earlier row.
        first: At,
        /// Its value.
        first_value: String,
        /// The later row.
        second: At,
        /// Its value.
        second_value: String,
        /// The column.
        column: &'static str,
        /// What both rows are about.
        shared: String,
    },
    /// A model without responses or prompts that others have.
    #[error(
        "model `{model}` lacks {missing} of {all} {what}; the first is {key}, which {at} gives for \
         another model; add them, or use only what all models have ({})",
        Setting::Intersect
    )]
    MissingRows {
        /// The model.
        model: String,
        /// How many it lacks.
        missing: usize,
        /// How many the table has.
        all: usize,
        /// What is counted: responses, or prompts.
        what: &'static str,
        /// The first that it lacks.
        key: String,
        /// Where another model has it.
        at: At,
    },
    /// No rows at all.
    #[error("{0}: no rows; a table needs at least one")]
    NoRows(String),
    /// Nothing is left of an intersection.
    #[error(
        "no {what} is common to all {models} models; model `{model}` has the fewest: leave it out, \
         or give it the same ones"
    )]
    NoCommonRows {
        /// How many models there are.
        models: usize,
        /// What is missing: a response, or a prompt.
        what: &'static str,
        /// The model with the fewest.
        model: String,
    },
    /// A model that the table does not have.
    #[error("no model `{model}` in the table; it has {known}")]
    UnknownModel {
        /// The model asked for.
        model: String,
        /// The models of the table.
        known: String,
    },
    /// A source that the table does not have.
    #[error("no rows with source `{wanted}` in the table; its sources are {known}")]
    UnknownSource {
        /// The source asked for.
        wanted: String,
        /// The sources of the table.
        known: String,
    },
    /// A folder without a `run.json` that can be read.
    #[error("cannot read {}: {source}; a run folder is what `breadth train` and `breadth demo` write", .path.display())]
    NoRun {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A `run.json` that is none.
    #[error("{} is not valid JSON: {source}; it was damaged or edited, so write the run again", .path.display())]
    RunManifest {
        /// The file.
        path: PathBuf,
        /// Where and why parsing stopped.
        source: serde_json::Error,
    },
    /// An output could not be written. Nothing is left under its name.
    #[error("{}: cannot be written ({source}); nothing was left under its name. Check the folder, its permissions and the free space", .path.display())]
    Write {
        /// The output.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Columns of a table of metrics or records that do not fit together.
    #[error("{}: {problem}", .path.display())]
    Metrics {
        /// The output.
        path: PathBuf,
        /// What does not fit, and what to do.
        problem: String,
    },
    /// A file of a later version of this software.
    #[error("{}: written in schema version {found} of `{schema}`; this is breadth {}, which reads up to {known}: update breadth", .path.display(), env!("CARGO_PKG_VERSION"))]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The name of the schema.
        schema: String,
        /// The version in the file.
        found: String,
        /// The version known here.
        known: u32,
    },
}

/// Where something stands: a file, and a row or a line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    /// The file as the user named it; `-` is standard input.
    pub path: Arc<Path>,
    /// The row or the line; `None` means the file as a whole.
    pub place: Option<Place>,
}

/// A row of a table or a line of a text, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The n-th data row.
    Row(u64),
    /// The n-th line of the (decompressed) text.
    Line(u64),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.to_str() {
            Some("-") => f.write_str("stdin")?,
            _ => write!(f, "{}", self.path.display())?,
        }
        match self.place {
            Some(Place::Row(row)) => write!(f, ", row {row}"),
            Some(Place::Line(line)) => write!(f, ", line {line}"),
            None => Ok(()),
        }
    }
}
