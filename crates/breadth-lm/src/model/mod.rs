//! The decoder and its checkpoints; the theory's linear models.

pub mod adapter;
mod batch;
pub mod checkpoint;
pub mod config;
mod decoder;
mod family;
pub mod hub;
pub mod kernels;
mod layout;
pub mod linear;
pub mod rotary;

pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use config::{Config, Gpt2};
pub(crate) use decoder::Attended;
pub use decoder::Decoder;
pub use layout::block_prefix;
