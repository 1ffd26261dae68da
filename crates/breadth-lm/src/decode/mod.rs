//! Using a trained model: log-probabilities of given responses, and sampled responses.

mod cache;
mod job;
mod part;
mod sample;
mod score;
pub mod verifier;

pub use job::{JobProgress, SampleJob, ScoreJob};
pub use sample::{Sample, SampleOptions, sample};
pub use score::{score, sequence_log_prob};
