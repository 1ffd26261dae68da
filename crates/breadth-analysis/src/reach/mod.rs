//! What do k samples find for certain?

mod build;
mod document;
mod prompts;
mod words;

pub use build::{ReachOptions, reach};
pub use document::{
    FurthestReach, LikelihoodQuantile, PromptsAt, ReachModel, ReachPoint, ReachReport, Whole,
};
