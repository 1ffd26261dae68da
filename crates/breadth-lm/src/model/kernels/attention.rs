//! Causal multi-head attention over packed sequences, and its gradient.

use super::math;
use super::{Heads, Span};
use crate::gemm::{Matrix, matmul};
use crate::vectorized;

/// Queries of one head are taken this many at a time, so that keys nobody in the block may see are
/// never multiplied.
const BLOCK: usize = 64;

/// Neighbouring keys that a tile sees.
#[derive(Clone, Copy)]
struct Segment {
    /// First row among the keys.
    row: usize,
    /// Number of keys.
    count: usize,
    /// First column in the tile's scores.
    at: usize,
}

/// One block of queries of one head of one sequence, and the keys that some of them see.
#[derive(Clone, Copy)]
struct Tile {
    query_start: usize,
    queries: usize,
    /// Keys of the prefix, then the sequence's own.
    segments: [Segment; 2],
    /// Columns of the scores.
    keys: usize,
    /// Column of the key at the position of the first query.
    first: usize,
    query_column: usize,
    key_column: usize,
}

fn tiles(spans: &[Span], heads: Heads) -> impl Iterator<Item = Tile> + '_ {
    spans.iter().flat_map(move |span| {
        (0..heads.query).flat_map(move |head| {
            (0..span.query_len)
                .step_by(BLOCK)
                .map(move |start| tile(span, heads, head, start))
        })
    })
}

fn tile(span: &Span, heads: Heads, head: usize, start: usize) -> Tile {
    let queries = BLOCK.min(span.query_len - start);
    let position = span.first_position + start;
    let end = position + queries;
    let begin = heads
        .window
        .map_or(0, |window| (position + 1).saturating_sub(window));
    let shared = span.prefix_len.min(end).saturating_sub(begin);
    let own = begin.max(span.prefix_len);
    Tile {
        query_start: span.query_start + start,
        queries,
        segments: [
            Segment {
                row: span.prefix_start + begin,
                count: shared,
                at: 0,
            },
            Segment {
                row: span.key_start + own - span.prefix_len,
                count: end.saturating_sub(own),
                at: shared,
            },
        ],
        keys: end - begin,
        first: position - begin,
        query_column: head * heads.width,
        key_column: head / (heads.query / heads.key_value) * heads.width,
    }
}

impl Tile {
    fn segments(&self) -> impl Iterator<Item = Segment> {
        self.segments.into_iter().filter(|s| s.count > 0)
    }

    fn query<'a>(&self, query: Matrix<'a>, heads: Heads) -> Matrix<'a> {
        query
            .rows(self.query_start, self.queries)
            .columns(self.query_column, heads.width)
    }

    fn keys<'a>(&self, keys: Matrix<'a>, segment: Segment, heads: Heads) -> Matrix<'a> {
        keys.rows(segment.row, segment.count)
            .columns(self.key_column, heads.width)
    }

    /// The part of a tile's scores that belongs to a segment.
    fn part<'a>(&self, scores: &'a [f32], segment: Segment) -> Matrix<'a> {
        Matrix::new(
            &scores[segment.at..],
            self.queries,
            segment.count,
            self.keys,
        )
    }

    /// `scale q_j k_k`, softly capped.
    fn scores(&self, query: Matrix, key: Matrix, heads: Heads, out: &mut Vec<f32>) {
        out.resize(self.queries * self.keys, 0.0);
        let q = self.query(query, heads);
        for segment in self.segments() {
            let k = self.keys(key, segment, heads);
            matmul(
                &mut out[segment.at..],
                self.keys,
                q,
                k.t(),
                heads.scale,
                false,
            );
        }
        if let Some(cap) = heads.softcap {
            cap_softly(out, cap);
        }
    }

    /// Adds `weights' x` to the rows of each segment of `out`, which has the shape of the keys.
    fn add_to_keys(&self, out: &mut [f32], weights: &[f32], x: Matrix, heads: Heads, scale: f32) {
        let stride = heads.key_value * heads.width;
        for segment in self.segments() {
            let place = segment.row * stride + self.key_column;
            let w = self.part(weights, segment);
            matmul(&mut out[place..], stride, w.t(), x, scale, true);
        }
    }
}

/// Attention output: `query` (queries, query heads * head width), `key` and `value` (keys, key-value
/// heads * head width) to the shape of `query`.
pub fn attention(
    query: Matrix,
    key: Matrix,
    value: Matrix,
    spans: &[Span],
    heads: Heads,
) -> Vec<f32> {
    let width = heads.query * heads.width;
    let mut out = vec![0.0; query.height() * width];
    let mut scores = Vec::new();
    for tile in tiles(spans, heads) {
        tile.scores(query, key, heads, &mut scores);
        causal_softmax(&mut scores, tile.keys, tile.first, heads.window);
        let target = &mut out[tile.query_start * width + tile.query_column..];
        for segment in tile.segments() {
            let v = tile.keys(value, segment, heads);
            let p = tile.part(&scores, segment);
            matmul(target, width, p, v, 1.0, true);
        }
    }
    out
}

/// `(dquery, dkey, dvalue)` of [`attention`].
pub fn attention_backward(
    query: Matrix,
    key: Matrix,
    value: Matrix,
    spans: &[Span],
    heads: Heads,
    grad: &[f32],
) -> [Vec<f32>; 3] {
    let width = heads.query * heads.width;
    let mut dquery = vec![0.0; grad.len()];
    let mut dkey = vec![0.0; key.height() * heads.key_value * heads.width];
    let mut dvalue = dkey.clone();
    let (mut scores, mut dscores, mut capped) = (Vec::new(), Vec::new(), Vec::new());
    for tile in tiles(spans, heads) {
        tile.scores(query, key, heads, &mut scores);
        if heads.softcap.is_some() {
            capped.clone_from(&scores);
        }
        causal_softmax(&mut scores, tile.keys, tile.first, heads.window);
        let place = tile.query_start * width + tile.query_column;
        let dout = Matrix::new(&grad[place..], tile.queries, heads.width, width);
        dscores.resize(tile.queries * tile.keys, 0.0);
        for segment in tile.segments() {
            let v = tile.keys(value, segment, heads);
            matmul(
                &mut dscores[segment.at..],
                tile.keys,
                dout,
                v.t(),
                1.0,
                false,
            );
        }
        softmax_backward(&scores, &mut dscores, tile.keys);
        if let Some(cap) = heads.softcap {
            cap_backward(&mut dscores, &capped, cap);
        }
        for segment in tile.segments() {
            let k = tile.keys(key, segment, heads);
            let ds = tile.part(&dscores, segment);
            matmul(&mut dquery[place..], width, ds, k, heads.scale, true);
        }
        let q = tile.query(query, heads);
        tile.add_to_keys(&mut dkey, &dscores, q, heads, heads.scale);
        tile.add_to_keys(&mut dvalue, &scores, dout, heads, 1.0);
    }
    [dquery, dkey, dvalue]
}

vectorized! {
    /// `cap tanh(s / cap)` of every score.
    pub fn cap_softly(scores: &mut [f32], cap: f32) {
        for s in scores.iter_mut() {
            *s = cap * math::tanh(*s / cap);
        }
    }
}

vectorized! {
    /// The gradient before the cap, given the capped scores.
    pub fn cap_backward(dscores: &mut [f32], capped: &[f32], cap: f32) {
        for (d, &s) in dscores.iter_mut().zip(capped) {
            let t = s / cap;
            *d *= 1.0 - t * t;
        }
    }
}

vectorized! {
    /// Softmax of each row over the keys up to the row's position and inside its window, 0
    /// elsewhere. Row `j` stands at column `first + j`.
    fn causal_softmax(scores: &mut [f32], keys: usize, first: usize, window: Option<usize>) {
        for (j, row) in scores.chunks_exact_mut(keys).enumerate() {
            let end = first + j + 1;
            let begin = window.map_or(0, |window| end.saturating_sub(window));
            row[..begin].fill(0.0);
            row[end..].fill(0.0);
            math::softmax_in_place(&mut row[begin..end]);
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
