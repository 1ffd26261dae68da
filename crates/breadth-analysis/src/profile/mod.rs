//! How much of the data does a model under-weight, by how much?

mod answers;
mod build;
mod document;
mod words;

pub use answers::{ProfileAnswers, answer_scores};
pub use build::{ProfileOptions, profile};
pub use document::{
    ForetoldPass, ForgivenPoint, Guarantee, Profile, ProfileBound, ProfilePoint, ProfiledModel,
    TokenProfile, TokenRange, WorstToken,
};
