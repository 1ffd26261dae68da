//! Causal multi-head attention over packed sequences, and its gradient.

use super::Span;
use super::gemm::{Matrix, matmul};
use super::math;
use crate::vectorized;

/// Queries of one head are taken this many at a time, so that keys nobody in the block may see are never multiplied.
const BLOCK: usize = 64;

/// Sizes shared by all heads of one call.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Model width.
    pub width: usize,
    /// Number of heads.
    pub heads: usize,
    /// Distance between rows of the query tensor.
    pub query_stride: usize,
    /// Distance between rows of the key-value tensor.
    pub key_stride: usize,
}

impl Shape {
    fn head_width(&self) -> usize {
        self.width / self.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_width() as f32).sqrt()
    }
}

/// One block of queries of one head of one sequence.
#[derive(Clone, Copy)]
struct Tile {
    query_start: usize,
    queries: usize,
    key_start: usize,
    keys: usize,
    first_position: usize,
    column: usize,
}

fn tiles(spans: &[Span], shape: Shape) -> impl Iterator<Item = Tile> + '_ {
    spans.iter().flat_map(move |span| {
        (0..shape.heads).flat_map(move |head| {
            (0..span.query_len).step_by(BLOCK).map(move |start| {
                let queries = BLOCK.min(span.query_len - start);
                let first_position = span.first_position + start;
                Tile {
                    query_start: span.query_start + start,
                    queries,
                    key_start: span.key_start,
                    keys: first_position + queries,
                    first_position,
                    column: head * shape.head_width(),
                }
            })
        })
    })
}

/// The views that a tile needs.
struct Views<'a> {
    query: Matrix<'a>,
    key: Matrix<'a>,
    value: Matrix<'a>,
}

impl Tile {
    fn views<'a>(&self, query: &'a [f32], key_value: &'a [f32], shape: Shape) -> Views<'a> {
        let d = shape.head_width();
        let keys = &key_value[self.key_start * shape.key_stride + self.column..];
        Views {
            query: Matrix::new(
                &query[self.query_start * shape.query_stride + self.column..],
                self.queries,
                d,
                shape.query_stride,
            ),
            key: Matrix::new(keys, self.keys, d, shape.key_stride),
            value: Matrix::new(&keys[shape.width..], self.keys, d, shape.key_stride),
        }
    }

    /// `probabilities[j, k] = softmax_k(scale q_j k_k)` for `k <= position of j`, 0 beyond.
    fn probabilities(&self, views: &Views, shape: Shape, out: &mut Vec<f32>) {
        out.resize(self.queries * self.keys, 0.0);
        matmul(
            out,
            self.keys,
            views.query,
            views.key.t(),
            shape.scale(),
            false,
        );
        causal_softmax(out, self.keys, self.first_position);
    }
}

/// Attention output, (queries, width).
pub fn attention(
    query: &[f32],
    key_value: &[f32],
    spans: &[Span],
    shape: Shape,
    rows: usize,
) -> Vec<f32> {
    let mut out = vec![0.0; rows * shape.width];
    let mut scores = Vec::new();
    for tile in tiles(spans, shape) {
        let views = tile.views(query, key_value, shape);
        tile.probabilities(&views, shape, &mut scores);
        let scores = Matrix::new(&scores, tile.queries, tile.keys, tile.keys);
        let target = &mut out[tile.query_start * shape.width + tile.column..];
        matmul(target, shape.width, scores, views.value, 1.0, false);
    }
    out
}

/// `(dquery, dkey_value)` of [`attention`], both without gaps between rows.
pub fn attention_backward(
    query: &[f32],
    key_value: &[f32],
    spans: &[Span],
    shape: Shape,
    grad: &[f32],
    key_rows: usize,
) -> [Vec<f32>; 2] {
    let (width, d) = (shape.width, shape.head_width());
    let mut dquery = vec![0.0; grad.len()];
    let mut dkey_value = vec![0.0; key_rows * 2 * width];
    let (mut scores, mut dscores) = (Vec::new(), Vec::new());
    for tile in tiles(spans, shape) {
        let Tile { queries, keys, .. } = tile;
        let views = tile.views(query, key_value, shape);
        tile.probabilities(&views, shape, &mut scores);
        let place = tile.query_start * width + tile.column;
        let dout = Matrix::new(&grad[place..], queries, d, width);
        dscores.resize(queries * keys, 0.0);
        matmul(&mut dscores, keys, dout, views.value.t(), 1.0, false);
        softmax_backward(&scores, &mut dscores, keys);

        let scores = Matrix::new(&scores, queries, keys, keys);
        let dscores = Matrix::new(&dscores, queries, keys, keys);
        matmul(
            &mut dquery[place..],
            width,
            dscores,
            views.key,
            shape.scale(),
            false,
        );
        let place = tile.key_start * 2 * width + tile.column;
        let dkeys = &mut dkey_value[place..];
        matmul(
            dkeys,
            2 * width,
            dscores.t(),
            views.query,
            shape.scale(),
            true,
        );
        matmul(&mut dkeys[width..], 2 * width, scores.t(), dout, 1.0, true);
    }
    [dquery, dkey_value]
}

vectorized! {
    /// Softmax of each row over the keys up to the row's position, 0 beyond.
    fn causal_softmax(scores: &mut [f32], keys: usize, first_position: usize) {
        for (j, row) in scores.chunks_exact_mut(keys).enumerate() {
            let (seen, hidden) = row.split_at_mut(first_position + j + 1);
            math::softmax_in_place(seen);
            hidden.fill(0.0);
        }
    }
}

vectorized! {
    /// Replaces `dp` by `p (dp - sum_k p_k dp_k)` row by row.
    fn softmax_backward(p: &[f32], dp: &mut [f32], width: usize) {
        for (p, dp) in p.chunks_exact(width).zip(dp.chunks_exact_mut(width)) {
            let mean = math::dot(p, dp);
            for (dp, &p) in dp.iter_mut().zip(p) {
                *dp = p * (*dp - mean);
            }
        }
    }
}
