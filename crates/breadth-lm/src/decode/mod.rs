//! Using a trained model: log-probabilities of given responses, and sampled responses.

mod cache;
mod choose;
mod sample;
mod score;
mod ttt;

pub(crate) use sample::check_prompt;
pub use sample::{sample, sample_ttt};
pub use score::{score, sequence_log_prob};
pub(crate) use ttt::score_and_update;
pub use ttt::{ParameterSet, Ttt, score_ttt};
