//! The one error type of this crate.

/// What can go wrong between a document and its page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The page template failed, which is a defect of this crate.
    #[error("the page could not be rendered: {0}; please report this as a bug")]
    Template(#[from] minijinja::Error),
    /// The data of the page could not be written as JSON.
    #[error("the report could not be written as JSON: {0}; please report this as a bug")]
    Json(#[from] serde_json::Error),
}

/// The result of every fallible function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
