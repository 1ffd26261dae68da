//! The decoder and its checkpoints; the theory's linear models.

mod activation;
pub mod adapter;
mod batch;
mod checkpoint;
pub mod config;
mod decoder;
mod family;
pub mod folders;
mod gpt2;
pub mod hub;
pub(crate) mod kernels;
mod layer;
mod layout;
pub mod linear;
mod loader;
mod read;
pub mod rotary;
mod weights;

pub use activation::Activation;
pub(crate) use batch::Batch;
pub use checkpoint::Checkpoint;
pub use config::Config;
pub(crate) use decoder::Decoder;
pub(crate) use decoder::{Attended, values};
pub use gpt2::Gpt2;
pub use layout::block_prefix;
