//! The decoder and its checkpoints; the theory's linear models.

mod batch;
pub mod checkpoint;
mod config;
mod decoder;
pub mod kernels;
pub mod linear;

pub use batch::{Batch, Sequence};
pub use checkpoint::Checkpoint;
pub use config::Config;
pub use decoder::Decoder;
