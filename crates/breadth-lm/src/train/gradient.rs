//! Loss and gradient of a batch.

use burn::tensor::Device;
use rayon::prelude::*;

use crate::model::{Batch, Checkpoint, Decoder, Sequence};
use crate::optim;
use crate::tree::Tree;

/// Mean over all response tokens of `-log q`, in nats, and its gradient.
///
/// The batch is split into `shards` runs of sequences, one thread each; sums are taken in the order of shards, so the number of
/// threads does not change a bit of the result.
///
/// # Panics
/// If there is no sequence.
#[must_use]
pub fn value_and_gradient(
    checkpoint: &Checkpoint,
    sequences: &[Sequence],
    shards: usize,
) -> (f64, Tree) {
    let targets: usize = sequences.iter().map(|s| s.response.len()).sum();
    let size = sequences.len().div_ceil(shards);
    let parts: Vec<(f64, Tree)> = sequences
        .par_chunks(size)
        .map(|part| shard(checkpoint, part, targets))
        .collect();
    parts
        .into_iter()
        .reduce(|(loss, mut gradient), (more, other)| {
            optim::apply_updates(&mut gradient, &other);
            (loss + more, gradient)
        })
        .expect("a batch has at least one sequence")
}

/// This shard's part of the mean over `targets` tokens.
fn shard(checkpoint: &Checkpoint, sequences: &[Sequence], targets: usize) -> (f64, Tree) {
    let decoder = Decoder::new(checkpoint, &Device::flex().autodiff());
    let batch = Batch::pack(sequences.iter().copied());
    let log_probs = decoder.log_probs(&batch);
    let loss = log_probs.sum().mul_scalar(-1.0 / targets as f32);
    let gradients = loss.backward();
    let value = f64::from(loss.into_scalar::<f32>());
    (value, decoder.gradients(&gradients))
}
