//! How often is the best of k samples right?

mod build;
mod document;
mod words;

pub use build::{Fewest, PassOptions, fewest_samples, pass_at};
pub use document::{
    BestForK, Crossing, PassAtK, PassModel, PassReport, Rates, Regraded, VerifierFailures,
};
