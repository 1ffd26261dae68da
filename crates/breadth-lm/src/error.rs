//! The one error type of this crate.

use std::path::{Path, PathBuf};

/// What can go wrong; every message says where and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A configuration asks for something impossible.
    #[error("{place}: {message}")]
    Config {
        /// File, or section and key.
        place: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// A checkpoint folder cannot be used.
    #[error("checkpoint {}: {message}", path.display())]
    Checkpoint {
        /// The folder.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// Text or token ids that the model cannot take.
    #[error("{place}: {message}")]
    Data {
        /// File and line, or the sequence.
        place: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// A server gave no answer, or one that must not be taken for a score.
    #[error("server {place}: {message}")]
    Server {
        /// `http://host:port`.
        place: String,
        /// What was asked, what came, and what to do.
        message: String,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A table could not be read or written.
    #[error(transparent)]
    Table(#[from] breadth_data::Error),
    /// A statistic could not be computed.
    #[error(transparent)]
    Stats(#[from] breadth_stats::Error),
}

impl Error {
    pub(crate) fn config(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Config {
            place: place.into(),
            message: message.into(),
        }
    }

    pub(crate) fn checkpoint(path: &Path, message: impl Into<String>) -> Self {
        Self::Checkpoint {
            path: path.into(),
            message: message.into(),
        }
    }

    /// A checkpoint of finite numbers that computes what is none, first for `what`.
    pub(crate) fn not_a_number(folder: &Path, what: &str) -> Self {
        let message = format!(
            "computes NaN for {what}: its numbers leave the range of 32-bit floats; look at its \
             weights (are some huge?), at rope_theta and rope_scaling of its config.json, and at \
             lora_alpha if it is an adapter"
        );
        Self::checkpoint(folder, message)
    }

    pub(crate) fn data(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Data {
            place: place.into(),
            message: message.into(),
        }
    }

    pub(crate) fn server(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Server {
            place: place.into(),
            message: message.into(),
        }
    }

    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.into(),
            source,
        }
    }
}

/// Result with [`enum@Error`].
pub type Result<T> = std::result::Result<T, Error>;
