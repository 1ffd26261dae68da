//! Language models, and all that needs tensors: a decoder, its training, scoring and sampling.
//!
//! ```
//! use breadth_lm::decode::{score, sequence_log_prob};
//! use breadth_lm::generation::Sequence;
//! use breadth_lm::model::{Checkpoint, Gpt2};
//! use breadth_lm::rng;
//!
//! let sizes = Gpt2 {
//!     vocab_size: 7, max_position_embeddings: 16, hidden_size: 8, layers: 1, heads: 2,
//!     intermediate_size: 32, layer_norm_epsilon: 1e-5,
//! };
//! let model = Checkpoint::random(sizes.config("example")?, &mut rng::stream(0, "doc/init", 0));
//! let sequence = Sequence { prompt: &[1, 2], response: &[3, 4, 5] };
//! let log_probs = score(&model, &[sequence])?;
//! // A fresh model is nearly uniform over its 7 tokens.
//! assert!((sequence_log_prob(&log_probs[0]) + 3.0 * 7f64.ln()).abs() < 0.1);
//! # Ok::<(), breadth_lm::Error>(())
//! ```
//!
//! The types to know:
//! - [`model::Checkpoint`]: sizes and weights, read from and written to a Hugging Face folder;
//! - [`optim::GradientTransformation`]: one link of an optimiser;
//! - [`train::TrainConfig`] and [`train::train`]: a run that resumes to the same bits;
//! - [`job::ScoreJob`] and [`job::SampleJob`]: many models over many responses, into a table;
//! - [`server::Server`]: a model behind vLLM, SGLang or llama.cpp, probed before it is believed;
//! - [`task::graph_search::GraphSearch`]: a task whose distribution is known exactly.
//!
//! This crate computes no statistic of its results, beyond what a training step logs: that is
//! `breadth-stats`, over the tables that this crate writes.

pub mod decode;
pub mod error;
mod files;
mod gemm;
pub mod generation;
pub mod job;
mod memory;
pub mod model;
pub mod optim;
pub mod programs;
pub mod rng;
pub mod server;
pub mod task;
pub mod text;
pub mod train;
pub mod tree;
mod vectorized;
pub mod verifier;

pub use error::{Error, Result};
pub(crate) use vectorized::vectorized;
