//! Fused operations of the decoder, with their gradients, as a backend extension of burn.
//!
//! Composed from burn's primitives, layer normalisation, GELU, attention and the log-softmax cost
//! more than the matrix products around them: each primitive makes a full pass over memory forward
//! and two backward. Here each is one pass. [`Kernels`] is implemented for burn's CPU backend;
//! `autodiff` registers the hand-written gradients, which the tests check against finite
//! differences and PyTorch.
//!
//! Kernels run on the calling thread: the trainer and the scorer split a *batch* over threads,
//! never one kernel.

mod attention;
mod autodiff;
mod few_rows;
mod flex;
pub(crate) mod math;
mod rows;

use std::sync::Arc;

pub(crate) use attention::cap_softly;

use burn::backend::{Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor;

use super::activation::Activation;

/// One sequence of a packed batch, as attention sees it.
///
/// Sequences lie one after another without padding. Queries may be fewer than keys: query `j`
/// stands at position `first_position + j` of its sequence and sees the keys `0..=first_position +
/// j`. Responses to one prompt share its keys: the first `prefix_len` positions then lie at
/// `prefix_start`, the others at `key_start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First row of the sequence in the query tensor.
    pub query_start: usize,
    /// Number of queries.
    pub query_len: usize,
    /// Row of the first key that does not belong to the shared prefix.
    pub key_start: usize,
    /// Row of the first key of the prefix.
    pub prefix_start: usize,
    /// Keys of the prefix; 0 for a sequence that shares nothing.
    pub prefix_len: usize,
    /// Position, within the sequence, of the first query.
    pub first_position: usize,
}

/// How attention treats its heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heads {
    /// Heads of the query.
    pub query: usize,
    /// Heads of keys and values; each serves `query / key_value` neighbouring heads of the query.
    pub key_value: usize,
    /// Width of one head.
    pub width: usize,
    /// Softmax scale, usually `1 / sqrt(head_dim)`.
    pub scale: f32,
    /// A query sees its own and the `window - 1` positions before; all of them without a window.
    pub window: Option<usize>,
    /// Scores `s` become `cap tanh(s / cap)`.
    pub softcap: Option<f32>,
}

/// Cosines and sines by which rotary positions turn a head, a row of `half` of each per position;
/// where long sequences turn differently, theirs follow.
#[derive(Clone, Debug, PartialEq)]
pub struct RotaryTable {
    /// Pairs that turn: the first `2 half` numbers of a head; the rest stay.
    pub half: usize,
    /// Rows of one kind.
    pub positions: usize,
    /// (rows, half).
    pub cos: Vec<f32>,
    /// (rows, half).
    pub sin: Vec<f32>,
}

/// The fused operations. All tensors are `f32`, row-major.
#[backend_extension(Flex, Autodiff)]
pub trait Kernels: burn::backend::Backend {
    /// See [`linear`].
    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    /// See [`layer_norm`].
    fn layer_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;
    /// See [`rms_norm`].
    fn rms_norm(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        offset: f32,
        epsilon: f32,
    ) -> FloatTensor<Self>;
    /// See [`activate`].
    fn activate(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self>;
    /// See [`gated`].
    fn gated(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;
    /// See [`rotate`].
    fn rotate(
        x: FloatTensor<Self>,
        angles: Arc<RotaryTable>,
        positions: Arc<[u32]>,
        head_dim: usize,
    ) -> FloatTensor<Self>;
    /// See [`attention`].
    fn attention(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        spans: Arc<[Span]>,
        heads: Heads,
    ) -> FloatTensor<Self>;
    /// See [`embed`].
    fn embed(
        tokens_table: FloatTensor<Self>,
        positions_table: FloatTensor<Self>,
        tokens: Arc<[u32]>,
        positions: Arc<[u32]>,
    ) -> FloatTensor<Self>;
    /// See [`token_log_probs`].
    fn token_log_probs(logits: FloatTensor<Self>, targets: Arc<[u32]>) -> FloatTensor<Self>;
}

/// Gradients of [`Kernels`]: each takes the inputs it needs again and the gradient of the output.
pub(crate) trait KernelGradients: Kernels {
    /// `(dx, dweight, dbias)`.
    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];
    /// `(dx, dgain, dbias)`.
    fn layer_norm_backward(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        epsilon: f32,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];
    /// `(dx, dgain)`.
    fn rms_norm_backward(
        x: FloatTensor<Self>,
        gain: FloatTensor<Self>,
        offset: f32,
        epsilon: f32,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];
    /// `dx`.
    fn activate_backward(
        x: FloatTensor<Self>,
        activation: Activation,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
    /// `(dgate, dup)`.
    fn gated_backward(
        gate: FloatTensor<Self>,
        up: FloatTensor<Self>,
        activation: Activation,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];
    /// `dx`.
    fn rotate_backward(
        grad: FloatTensor<Self>,
        angles: &RotaryTable,
        positions: &[u32],
        head_dim: usize,
    ) -> FloatTensor<Self>;
    /// `(dquery, dkey, dvalue)`.
    fn attention_backward(
        query: FloatTensor<Self>,
        key: FloatTensor<Self>,
        value: FloatTensor<Self>,
        spans: &[Span],
        heads: Heads,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];
    /// `(dtokens_table, dpositions_table)`, given the number of rows of each table.
    fn embed_backward(
        rows: [usize; 2],
        tokens: &[u32],
        positions: &[u32],
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];
    /// `dlogits`.
    fn token_log_probs_backward(
        logits: FloatTensor<Self>,
        targets: &[u32],
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// `x W + b`: `x` (rows, in), `weight` (in, out), `bias` (out) to (rows, out).
#[must_use]
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// `gain * (x - mean) / sqrt(var + epsilon) + bias` over the last axis, with the biased variance:
/// `x` (rows, width).
#[must_use]
pub fn layer_norm(x: Tensor<2>, gain: Tensor<1>, bias: Tensor<1>, epsilon: f32) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::layer_norm(
        x.into_dispatch(),
        gain.into_dispatch(),
        bias.into_dispatch(),
        epsilon,
    ))
}

/// `(gain + offset) * x / sqrt(mean(x^2) + epsilon)` over each run of as many numbers as `gain`
/// has: `x` (rows, width), where width is a multiple of that, so that one gain can serve every
/// head.
#[must_use]
pub fn rms_norm(x: Tensor<2>, gain: Tensor<1>, offset: f32, epsilon: f32) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::rms_norm(
        x.into_dispatch(),
        gain.into_dispatch(),
        offset,
        epsilon,
    ))
}

/// `activation(x)` of every number.
#[must_use]
pub fn activate(x: Tensor<2>, activation: Activation) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::activate(
        x.into_dispatch(),
        activation,
    ))
}

/// `activation(gate) * up`, number by number.
#[must_use]
pub fn gated(gate: Tensor<2>, up: Tensor<2>, activation: Activation) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::gated(
        gate.into_dispatch(),
        up.into_dispatch(),
        activation,
    ))
}

/// Rotary positions: in every head of row `r`, the pair `(x_i, x_(i + half))` turns by the angle
/// `i` of row `positions[r]` of `angles`. `x` (rows, heads * `head_dim`).
#[must_use]
pub fn rotate(
    x: Tensor<2>,
    angles: Arc<RotaryTable>,
    positions: Arc<[u32]>,
    head_dim: usize,
) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::rotate(
        x.into_dispatch(),
        angles,
        positions,
        head_dim,
    ))
}

/// Causal multi-head attention over packed sequences.
///
/// `query` (queries, query heads * head width), `key` and `value` (keys, key-value heads * head
/// width) to the shape of `query`. Heads are consecutive blocks of columns.
#[must_use]
pub fn attention(
    query: Tensor<2>,
    key: Tensor<2>,
    value: Tensor<2>,
    spans: Arc<[Span]>,
    heads: Heads,
) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::attention(
        query.into_dispatch(),
        key.into_dispatch(),
        value.into_dispatch(),
        spans,
        heads,
    ))
}

/// Sum of a token's and its position's embedding: tables (vocabulary, width) and (positions, width)
/// to (tokens, width).
#[must_use]
pub fn embed(
    tokens_table: Tensor<2>,
    positions_table: Tensor<2>,
    tokens: Arc<[u32]>,
    positions: Arc<[u32]>,
) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::embed(
        tokens_table.into_dispatch(),
        positions_table.into_dispatch(),
        tokens,
        positions,
    ))
}

/// `log softmax(logits)[target]` per row, in nats: `logits` (rows, vocabulary) to (rows).
#[must_use]
pub fn token_log_probs(logits: Tensor<2>, targets: Arc<[u32]>) -> Tensor<1> {
    Tensor::from_dispatch(<Dispatch as Kernels>::token_log_probs(
        logits.into_dispatch(),
        targets,
    ))
}
