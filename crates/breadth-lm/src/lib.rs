//! Language models, and all that needs tensors: the decoder, its training, scoring and sampling.

pub mod decode;
pub mod error;
pub mod model;
pub mod optim;
pub mod rng;
pub mod task;
pub mod text;
pub mod tokenizer;
pub mod train;
pub mod tree;
mod vectorized;

pub use error::{Error, Result};
pub(crate) use vectorized::vectorized;
