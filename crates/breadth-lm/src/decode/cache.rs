//! Keys and values of prompts and of the responses grown from them.
//!
//! A prompt's keys and values are computed once and read by all of its responses; each response
//! keeps only its own.

use std::ops::Range;

use crate::gemm::{Matrix, matmul};
use crate::generation::Sequence;
use crate::model::kernels::attention::cap_softly;
use crate::model::kernels::{Heads, math};
use crate::model::{Attended, Batch, Decoder, Tensor};
use crate::vectorized;

/// Keys and values, row by row.
#[derive(Clone, Debug, Default)]
struct KeysValues {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// Prompts that went through the model: keys and values of every layer, and what the head sees at
/// their ends.
pub struct Prompts {
    layers: Vec<KeysValues>,
    /// First row of each prompt, and one past the last prompt's end.
    starts: Vec<usize>,
    /// (prompts, width).
    pub ends: Tensor,
}

impl Prompts {
    /// Runs the prompts.
    pub fn new(decoder: &Decoder, prompts: &[&[u32]]) -> Self {
        let mut starts = vec![0];
        for prompt in prompts {
            starts.push(starts[starts.len() - 1] + prompt.len());
        }
        let mut layers = Vec::new();
        // A response of one token stands for "predict what follows the prompt"; which token it is
        // does not matter.
        let batch = Batch::pack_apart(prompts.iter().map(|&prompt| Sequence {
            prompt,
            response: &[0],
        }));
        let ends = decoder.hidden(&batch, |attended| {
            layers.push(KeysValues {
                keys: attended.key.data().to_vec(),
                values: attended.value.data().to_vec(),
            });
        });
        Self {
            layers,
            starts,
            ends,
        }
    }

    fn rows(&self, prompt: usize) -> Range<usize> {
        self.starts[prompt]..self.starts[prompt + 1]
    }

    /// Tokens of a prompt.
    pub fn len(&self, prompt: usize) -> usize {
        self.rows(prompt).len()
    }
}

/// What responses to prompts have grown so far.
pub struct Responses<'a> {
    prompts: &'a Prompts,
    /// Prompt of each response; responses to one prompt follow one another.
    of: Vec<usize>,
    /// By layer, then by response.
    layers: Vec<Vec<KeysValues>>,
}

impl<'a> Responses<'a> {
    /// Responses to these prompts; none has a token yet.
    pub fn new(prompts: &'a Prompts, of: Vec<usize>) -> Self {
        let layers = vec![vec![KeysValues::default(); of.len()]; prompts.layers.len()];
        Self {
            prompts,
            of,
            layers,
        }
    }

    /// Appends a key and a value row to each of the responses `active` (ascending), then lets each
    /// one's query attend to its prompt and to its own rows: attention output, (active, query
    /// width).
    pub fn attend(&mut self, attended: &Attended, active: &[usize]) -> Vec<f32> {
        let heads = attended.heads;
        let width = heads.key_value * heads.width;
        let [query, keys, new] = [&attended.query, attended.key, attended.value].map(Tensor::data);
        let own = &mut self.layers[attended.layer];
        let rows = keys.chunks_exact(width).zip(new.chunks_exact(width));
        for (&response, (key, value)) in active.iter().zip(rows) {
            own[response].keys.extend_from_slice(key);
            own[response].values.extend_from_slice(value);
        }
        let mut out = vec![0.0; query.len()];
        let (mut queries, mut rest) = (query, &mut out[..]);
        for members in active.chunk_by(|&a, &b| self.of[a] == self.of[b]) {
            let count = members.len() * heads.query * heads.width;
            let (query, others) = queries.split_at(count);
            let (out, tail) = std::mem::take(&mut rest).split_at_mut(count);
            self.attend_group(attended.layer, heads, query, members, out);
            (queries, rest) = (others, tail);
        }
        out
    }

    /// The responses to one prompt: their scores against the prompt are one matrix product per
    /// head.
    fn attend_group(
        &self,
        layer: usize,
        heads: Heads,
        query: &[f32],
        members: &[usize],
        out: &mut [f32],
    ) {
        let (d, key_width) = (heads.width, heads.key_value * heads.width);
        let width = heads.query * d;
        let prompt = self.prompts.rows(self.of[members[0]]);
        let shared = &self.prompts.layers[layer];
        let own = &self.layers[layer];
        let length = own[members[0]].keys.len() / key_width;
        // The first position that the window leaves in sight.
        let begin = heads
            .window
            .map_or(0, |window| (prompt.len() + length).saturating_sub(window));
        let seen = prompt.start + begin.min(prompt.len())..prompt.end;
        let from = begin.saturating_sub(prompt.len()) * key_width;
        let (n, keys) = (members.len(), seen.len());
        let stride = keys + length - from / key_width;
        let mut scores = vec![0.0; n * stride];
        for head in 0..heads.query {
            let column = head * d;
            let shared_column = head / (heads.query / heads.key_value) * d;
            let place = |rows: &Vec<f32>| (seen.start * key_width + shared_column).min(rows.len());
            let q = Matrix::new(&query[column..], n, d, width);
            let k = Matrix::new(&shared.keys[place(&shared.keys)..], keys, d, key_width);
            matmul(&mut scores, stride, q, k.t(), heads.scale, false);
            for (j, &member) in members.iter().enumerate() {
                let row = &mut scores[j * stride..][..stride];
                let q = &query[j * width + column..][..d];
                let own = &own[member].keys[from + shared_column..];
                own_scores(&mut row[keys..], q, own, key_width, heads.scale);
                if let Some(cap) = heads.softcap {
                    cap_softly(row, cap);
                }
                softmax(row);
            }
            if keys > 0 {
                let p = Matrix::new(&scores, n, keys, stride);
                let v = Matrix::new(&shared.values[place(&shared.values)..], keys, d, key_width);
                matmul(&mut out[column..], width, p, v, 1.0, false);
            }
            for (j, &member) in members.iter().enumerate() {
                let target = &mut out[j * width + column..][..d];
                let weights = &scores[j * stride + keys..][..stride - keys];
                let own = &own[member].values[from + shared_column..];
                add_own_values(target, weights, own, key_width);
            }
        }
    }
}

vectorized! {
    /// Scores against a response's own keys, rows `row_stride` apart.
    fn own_scores(scores: &mut [f32], query: &[f32], own: &[f32], row_stride: usize, scale: f32) {
        for (i, score) in scores.iter_mut().enumerate() {
            *score = scale * math::dot(query, &own[i * row_stride..][..query.len()]);
        }
    }
}

vectorized! {
    fn softmax(row: &mut [f32]) {
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
