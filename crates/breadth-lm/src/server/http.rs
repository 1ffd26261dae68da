//! What may go wrong with a request.

use std::time::Duration;

/// Why a request gave nothing.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Failure {
    /// Nothing came, or nothing whole: another attempt may go well.
    Passing {
        /// What happened.
        reason: String,
        /// The server's `Retry-After`.
        wait: Option<Duration>,
    },
    /// An answer that another attempt would not change.
    Refused(String),
    /// The work was called off.
    Stopped,
}

/// What one attempt gives.
pub(super) type Attempt<T> = std::result::Result<T, Failure>;
