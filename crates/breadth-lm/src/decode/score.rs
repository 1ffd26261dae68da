//! Log-probabilities of given responses.

use burn::tensor::Device;
use rayon::prelude::*;

use crate::error::Result;
use crate::model::{Batch, Checkpoint, Decoder, Sequence};

/// Input tokens in one forward pass: enough for the matrix products to run at full speed, few enough for their activations to
/// stay small.
const BATCH_TOKENS: usize = 1024;

/// `log q(y_h | x, y_<h)` of every response token, in nats: one list per sequence.
///
/// Sequences are packed without padding and batches run in parallel; the result does not depend on the number of threads.
///
/// # Errors
/// If a sequence is empty, too long, or has a token outside the vocabulary.
pub fn score(checkpoint: &Checkpoint, sequences: &[Sequence]) -> Result<Vec<Vec<f32>>> {
    for (i, sequence) in sequences.iter().enumerate() {
        sequence.check(&checkpoint.config, &format!("sequence {}", i + 1))?;
    }
    let decoder = Decoder::new(checkpoint, &Device::flex());
    let scored: Vec<Vec<Vec<f32>>> = batches(sequences)
        .into_par_iter()
        .map(|batch| forward(&decoder, batch))
        .collect();
    Ok(scored.into_iter().flatten().collect())
}

/// `log q(y|x)`: the sum, in `f64`, of the token log-probabilities.
///
/// ```
/// assert_eq!(breadth_lm::decode::sequence_log_prob(&[-0.5, -1.25]), -1.75);
/// ```
#[must_use]
pub fn sequence_log_prob(tokens: &[f32]) -> f64 {
    tokens.iter().map(|&v| f64::from(v)).sum()
}

/// Runs of sequences of at most [`BATCH_TOKENS`] input tokens, or one sequence.
fn batches<'a, 'b>(mut sequences: &'b [Sequence<'a>]) -> Vec<&'b [Sequence<'a>]> {
    let mut out = Vec::new();
    while !sequences.is_empty() {
        let mut tokens = 0;
        let over = sequences.iter().position(|s| {
            tokens += s.inputs();
            tokens > BATCH_TOKENS
        });
        let count = over.unwrap_or(sequences.len()).max(1);
        let (batch, rest) = sequences.split_at(count);
        out.push(batch);
        sequences = rest;
    }
    out
}

fn forward(decoder: &Decoder, sequences: &[Sequence]) -> Vec<Vec<f32>> {
    let batch = Batch::pack(sequences.iter().copied());
    let data = decoder.log_probs(&batch).into_data();
    let flat = data.as_slice::<f32>().expect("log-probabilities are f32");
    let mut rest = flat;
    let take = |s: &Sequence| {
        let (head, tail) = rest.split_at(s.response.len());
        rest = tail;
        head.to_vec()
    };
    sequences.iter().map(take).collect()
}
