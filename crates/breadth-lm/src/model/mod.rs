//! The decoder and its checkpoints; the theory's linear models.

mod activation;
pub mod adapter;
mod batch;
mod checkpoint;
pub mod config;
mod decoder;
pub(crate) mod distillation;
mod family;
mod fingerprint;
pub mod folders;
mod gpt2;
pub mod hub;
mod inside;
pub(crate) mod kernels;
mod layer;
mod layout;
pub mod linear;
mod loader;
mod mapped;
pub(crate) mod operations;
mod read;
pub mod rotary;
pub(crate) mod tensor;
mod weights;

pub use activation::Activation;
pub(crate) use batch::Batch;
pub use checkpoint::Checkpoint;
pub use config::Config;
pub(crate) use decoder::{Attended, Decoder};
pub use distillation::DistillTarget;
pub(crate) use fingerprint::{Fingerprint, files_of};
pub use gpt2::Gpt2;
pub(crate) use inside::{file as file_in, kind_at, plain};
pub use layout::block_prefix;
pub use mapped::mapped_file;
pub(crate) use tensor::Tensor;
