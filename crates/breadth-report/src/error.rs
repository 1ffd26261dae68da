//! The one error type of this crate.

/// What can go wrong between a run folder and its report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table could not be read; the message is the reader's own.
    #[error(transparent)]
    Data(#[from] breadth_data::Error),
    /// A statistic refused its input.
    #[error(transparent)]
    Stats(#[from] breadth_stats::Error),
    /// The reference distribution is not in the scores.
    #[error(
        "the scores have no reference `{reference}`; they have the models {models}: name one of them as the reference"
    )]
    UnknownReference {
        /// The name that was asked for.
        reference: String,
        /// The names there are.
        models: String,
    },
    /// Nothing is left to choose from once the reference is set aside.
    #[error(
        "the scores hold no model beside the reference `{reference}`: score at least one checkpoint"
    )]
    NoCheckpoints {
        /// The reference.
        reference: String,
    },
    /// A model is missing from one of the two score tables.
    #[error(
        "model `{model}` is in the {has} but not in the {lacks}: score it on both, or on neither"
    )]
    MissingModel {
        /// The model.
        model: String,
        /// The table that has it.
        has: &'static str,
        /// The table that lacks it.
        lacks: &'static str,
    },
    /// A prompt was sampled whose weight the scores do not tell.
    #[error(
        "the samples have {what}, which the scores lack: its weight is unknown, so draw samples for the prompts and groups that were scored"
    )]
    UnknownStratum {
        /// The prompt or group.
        what: String,
    },
    /// A group carries weight in the scores but was never sampled.
    #[error(
        "group `{group}` has weight in the scores but no samples of model `{model}`: sample every group, or Pass@k would speak of another mixture"
    )]
    UnsampledGroup {
        /// The group.
        group: String,
        /// The model.
        model: String,
    },
    /// The page template failed, which is a defect of this crate.
    #[error("the page could not be rendered: {0}; please report this as a bug")]
    Template(#[from] minijinja::Error),
    /// The data of the page could not be written as JSON.
    #[error("the report could not be written as JSON: {0}; please report this as a bug")]
    Json(#[from] serde_json::Error),
}

/// The result of every fallible function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;
