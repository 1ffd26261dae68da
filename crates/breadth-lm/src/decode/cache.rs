//! Keys and values of prompts and of the responses grown from them.
//!
//! A prompt's keys and values are computed once and read by all of its responses; each response keeps only its own.

use rayon::prelude::*;

use crate::model::kernels::gemm::{Matrix, matmul};
use crate::model::kernels::math;
use crate::vectorized;

/// Keys and values of one layer. A row is `2 width` numbers: key, then value.
pub struct LayerCache {
    /// All prompts' rows, one prompt after another.
    prompts: Vec<f32>,
    /// Each response's rows; responses of one prompt follow one another.
    responses: Vec<Vec<f32>>,
}

/// Sizes that all layers share.
#[derive(Clone, Debug)]
pub struct CacheShape {
    /// Model width.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// First row of each prompt in the packed prompt rows, and one past the last prompt's end.
    pub prompt_starts: Vec<usize>,
    /// Responses per prompt.
    pub samples: usize,
}

impl LayerCache {
    /// Takes the prompts' rows; no response has a row yet.
    pub fn new(prompts: Vec<f32>, shape: &CacheShape, capacity: usize) -> Self {
        let count = (shape.prompt_starts.len() - 1) * shape.samples;
        let responses = (0..count)
            .map(|_| Vec::with_capacity(capacity * 2 * shape.width))
            .collect();
        Self { prompts, responses }
    }

    /// Appends one key-value row to each of the responses `active` (ascending), then lets each one's query attend to its prompt and to its own
    /// rows. `query` (active, width), `key_value` (active, 2 width) to (active, width).
    pub fn attend(
        &mut self,
        query: &[f32],
        key_value: &[f32],
        active: &[usize],
        shape: &CacheShape,
    ) -> Vec<f32> {
        let width = shape.width;
        for (&response, row) in active.iter().zip(key_value.chunks_exact(2 * width)) {
            self.responses[response].extend_from_slice(row);
        }
        let mut out = vec![0.0; query.len()];
        let mut groups = Vec::new();
        let (mut rest, mut first) = (&mut out[..], 0);
        while first < active.len() {
            let prompt = active[first] / shape.samples;
            let count = active[first..]
                .iter()
                .take_while(|&&r| r / shape.samples == prompt)
                .count();
            let (part, tail) = rest.split_at_mut(count * width);
            groups.push((prompt, first, &active[first..first + count], part));
            (rest, first) = (tail, first + count);
        }
        let this = &*self;
        groups
            .into_par_iter()
            .for_each(|(prompt, first, members, out)| {
                let query = &query[first * width..][..members.len() * width];
                this.attend_group(query, prompt, members, shape, out);
            });
        out
    }

    /// The responses of one prompt: their scores against the prompt are one matrix product per head.
    fn attend_group(
        &self,
        query: &[f32],
        prompt: usize,
        members: &[usize],
        shape: &CacheShape,
        out: &mut [f32],
    ) {
        let (width, d) = (shape.width, shape.width / shape.heads);
        let [start, end] = [shape.prompt_starts[prompt], shape.prompt_starts[prompt + 1]];
        let (n, keys) = (members.len(), end - start);
        let own = self.responses[members[0]].len() / (2 * width);
        let stride = keys + own;
        let scale = 1.0 / (d as f32).sqrt();
        let rows = &self.prompts[start * 2 * width..end * 2 * width];
        let mut scores = vec![0.0; n * stride];
        for head in 0..shape.heads {
            let column = head * d;
            let q = Matrix::new(&query[column..], n, d, width);
            let k = Matrix::new(&rows[column..], keys, d, 2 * width);
            matmul(&mut scores, stride, q, k.t(), scale, false);
            for (j, &member) in members.iter().enumerate() {
                let q = &query[j * width + column..][..d];
                let row = &mut scores[j * stride..][..stride];
                let own = &self.responses[member][column..];
                own_scores_and_softmax(row, keys, q, own, 2 * width, scale);
            }
            let p = Matrix::new(&scores, n, keys, stride);
            let v = Matrix::new(&rows[width + column..], keys, d, 2 * width);
            matmul(&mut out[column..], width, p, v, 1.0, false);
            for (j, &member) in members.iter().enumerate() {
                let target = &mut out[j * width + column..][..d];
                let own_scores = &scores[j * stride + keys..][..own];
                add_own_values(
                    target,
                    own_scores,
                    &self.responses[member][width + column..],
                    2 * width,
                );
            }
        }
    }
}

vectorized! {
    /// Fills the scores from `keys` on against a response's own keys (rows `row_stride` apart), then takes the softmax of the whole row.
    fn own_scores_and_softmax(
        row: &mut [f32],
        keys: usize,
        query: &[f32],
        own: &[f32],
        row_stride: usize,
        scale: f32,
    ) {
        for (i, score) in row[keys..].iter_mut().enumerate() {
            *score = scale * math::dot(query, &own[i * row_stride..][..query.len()]);
        }
        math::softmax_in_place(row);
    }
}

vectorized! {
    /// Adds a response's own values (rows `row_stride` apart), weighted.
    fn add_own_values(target: &mut [f32], weights: &[f32], own: &[f32], row_stride: usize) {
        for (i, &weight) in weights.iter().enumerate() {
            let value = &own[i * row_stride..][..target.len()];
            for (t, v) in target.iter_mut().zip(value) {
                *t = weight.mul_add(*v, *t);
            }
        }
    }
}
