//! The decoder and its checkpoints.

mod batch;
pub mod checkpoint;
mod config;
mod decoder;
pub mod kernels;

pub use batch::{Batch, Sequence};
pub use checkpoint::Checkpoint;
pub use config::Config;
pub use decoder::Decoder;
