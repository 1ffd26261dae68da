//! Errors as Python exceptions of the usual kinds.

use std::io;

use breadth_data::{Setting, readable};
use pyo3::PyErr;
use pyo3::exceptions::{PyBlockingIOError, PyFileNotFoundError, PyOSError, PyValueError};

/// What can go wrong between Python and an answer.
pub enum Error {
    /// Of tables, files and questions.
    Analysis(breadth_analysis::Error),
    /// Of drawing the page.
    Report(breadth_report::Error),
    /// An argument that does not fit the others, and what to do.
    Value(String),
}

pub type Result<T> = std::result::Result<T, Error>;

impl From<breadth_analysis::Error> for Error {
    fn from(error: breadth_analysis::Error) -> Self {
        Error::Analysis(error)
    }
}

impl From<breadth_data::Error> for Error {
    fn from(error: breadth_data::Error) -> Self {
        Error::Analysis(error.into())
    }
}

impl From<breadth_stats::Error> for Error {
    fn from(error: breadth_stats::Error) -> Self {
        Error::Analysis(error.into())
    }
}

impl From<breadth_report::Error> for Error {
    fn from(error: breadth_report::Error) -> Self {
        Error::Report(error)
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> PyErr {
        use breadth_data::Error as Data;
        let (data, text) = match error {
            Error::Value(text) => return PyValueError::new_err(readable(&text)),
            Error::Report(error) => return PyValueError::new_err(readable(&error.to_string())),
            Error::Analysis(error) => {
                let text = readable(&named(&error.to_string()));
                match error {
                    breadth_analysis::Error::Data(data) => (data, text),
                    _ => return PyValueError::new_err(text),
                }
            }
        };
        match &data {
            Data::NotFound(_) | Data::NoMatch(_) => PyFileNotFoundError::new_err(text),
            Data::Read { source, .. } | Data::NoRun { source, .. } | Data::Write { source, .. }
                if source.kind() == io::ErrorKind::NotFound =>
            {
                PyFileNotFoundError::new_err(text)
            }
            Data::Held { .. } => PyBlockingIOError::new_err(text),
            Data::Read { .. } | Data::NoRun { .. } | Data::Write { .. } => PyOSError::new_err(text),
            _ => PyValueError::new_err(text),
        }
    }
}

/// A message or a remark with the keyword arguments that its readers know.
pub fn named(text: &str) -> String {
    let text = Setting::rename(text, |setting| match setting {
        Setting::Intersect => "intersect=True",
        Setting::Columns => "columns={..}",
        Setting::Models => "read_logs(.., models=[..])",
        Setting::Reward => "read_logs(.., reward=..)",
        Setting::RewardMap => "read_logs(.., reward_map=..)",
        Setting::Filter => "read_logs(.., filter=..)",
        Setting::MaxRecordBytes => "BREADTH_MAX_RECORD_BYTES",
        // What Python has no argument for, as the command line has it.
        Setting::Texts => "`breadth pass --verifier`",
        Setting::Samples => "`breadth import --kind samples`",
        Setting::Loss => "`breadth select --loss`",
        Setting::TrainerState => "`breadth select --trainer-state`",
        _ => "an option of the command line",
    });
    // Where others have an option beside the variable, Python has the variable alone.
    text.replace(
        "BREADTH_MAX_RECORD_BYTES, or BREADTH_MAX_RECORD_BYTES",
        "BREADTH_MAX_RECORD_BYTES",
    )
}
