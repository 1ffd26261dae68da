//! The one error type of this crate.

use std::fmt;

/// What can go wrong between tables and an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A table lacks what the question needs; the message is the reader's own.
    #[error(transparent)]
    Data(#[from] breadth_data::Error),
    /// A statistic refused its input.
    #[error(transparent)]
    Statistics(#[from] breadth_stats::Error),
    /// The tables do not answer this question, and what to do.
    #[error("{0}")]
    Tables(String),
    /// An option that does not fit the tables or another option.
    #[error("{setting}: {why}")]
    Setting {
        /// The option.
        setting: Setting,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// Tables of the same models do not fit one another.
    #[error("{place}: {error}")]
    At {
        /// Which rows or file it is about.
        place: String,
        /// What is wrong there.
        error: Box<Error>,
    },
}

/// The result of every fallible function here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An option of a question, for callers that name options in their own way (flags, keyword
/// arguments).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// The fixed model that candidates are compared with.
    Against,
    /// Final answers in the place of responses.
    Answers,
    /// The coverage to certify.
    Certify,
    /// How much the outcomes of one prompt's responses correlate.
    Correlation,
    /// Pass@k beyond the samples.
    Extrapolate,
    /// What each group of prompts counts in the population.
    GroupWeights,
    /// The majority vote of answers.
    Majority,
    /// Responses to a prompt.
    PerPrompt,
    /// The tournament from as few scores as decide it.
    Race,
    /// N, where an answer of probability 1/N is to be seen.
    See,
    /// The profile token by token.
    Tokens,
}

impl Setting {
    /// Its name in words, `group weights`.
    pub fn name(self) -> &'static str {
        match self {
            Setting::Against => "against",
            Setting::Answers => "answers",
            Setting::Certify => "certify",
            Setting::Correlation => "correlation",
            Setting::Extrapolate => "extrapolate",
            Setting::GroupWeights => "group weights",
            Setting::Majority => "majority",
            Setting::PerPrompt => "per prompt",
            Setting::Race => "race",
            Setting::See => "see",
            Setting::Tokens => "tokens",
        }
    }

    /// An error about this option.
    pub(crate) fn refused(self, why: impl Into<String>) -> Error {
        Error::Setting {
            setting: self,
            why: why.into(),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Error {
    /// The same error with the rows or the file that it is about.
    pub(crate) fn at(self, place: impl Into<String>) -> Error {
        Error::At {
            place: place.into(),
            error: Box::new(self),
        }
    }
}
