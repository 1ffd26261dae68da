//! Inspect: `.eval` archives and `.json` logs.
//!
//! An epoch of a sample is one response. Scores are rewards, `"C"`, `"P"`, `"I"`, `"N"` standing
//! for 1, 0.5, 0, 0 as in Inspect's own metrics; those of `perplexity` and `target_perplexity` hold
//! the log-probability of a text and become a score table.

pub(super) mod archive;
pub(super) mod json;
mod log;
mod sample;
