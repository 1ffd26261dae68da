//! Fused operations of the decoder, with their gradients, as a backend extension of burn.
//!
//! Composed from burn's primitives, layer normalisation, GELU, attention and the log-softmax cost more than the matrix
//! products around them: each primitive makes a full pass over memory forward and two backward. Here each is one pass.
//! [`Kernels`] is implemented for burn's CPU backend; `autodiff` registers the hand-written gradients, which the tests check against
//! finite differences and PyTorch.
//!
//! Kernels run on the calling thread: the trainer and the scorer split a *batch* over threads, never one kernel.

mod attention;
mod autodiff;
mod flex;
pub(crate) mod gemm;
pub(crate) mod math;
mod rows;

use std::sync::Arc;

use burn::backend::{Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor;

/// One sequence of a packed batch, as attention sees it.
///
/// Sequences lie one after another without padding. Queries may be fewer than keys: query `j` stands at position
/// `first_position + j` of its sequence and sees the keys `0..=first_position + j`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First row of the sequence in the query tensor.
    pub query_start: usize,
    /// Number of queries.
    pub query_len: usize,
    /// First row of the sequence in the key-value tensor.
    pub key_start: usize,
    /// Position, within the sequence, of the first query.
    pub first_position: usize,
}

impl Span {
    /// Keys that the last query sees.
    #[must_use]
    pub fn key_len(&self) -> usize {
        self.first_position + self.query_len
    }
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
    /// See [`gelu`].
    fn gelu(x: FloatTensor<Self>) -> FloatTensor<Self>;
    /// See [`attention`].
    fn attention(
        query: FloatTensor<Self>,
        key_value: FloatTensor<Self>,
        spans: Arc<[Span]>,
        heads: usize,
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
    /// `dx`.
    fn gelu_backward_fused(x: FloatTensor<Self>, grad: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `(dquery, dkey_value)`.
    fn attention_backward(
        query: FloatTensor<Self>,
        key_value: FloatTensor<Self>,
        spans: &[Span],
        heads: usize,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];
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

/// `gain * (x - mean) / sqrt(var + epsilon) + bias` over the last axis, with the biased variance: `x` (rows, width).
#[must_use]
pub fn layer_norm(x: Tensor<2>, gain: Tensor<1>, bias: Tensor<1>, epsilon: f32) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::layer_norm(
        x.into_dispatch(),
        gain.into_dispatch(),
        bias.into_dispatch(),
        epsilon,
    ))
}

/// GELU in its tanh form, `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`: GPT-2's `gelu_new`.
#[must_use]
pub fn gelu(x: Tensor<2>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::gelu(x.into_dispatch()))
}

/// Causal multi-head attention over packed sequences, scale `1/sqrt(width/heads)`.
///
/// `query` (queries, width), `key_value` (keys, 2 width: keys, then values) to (queries, width). Heads are consecutive
/// blocks of columns.
#[must_use]
pub fn attention(
    query: Tensor<2>,
    key_value: Tensor<2>,
    spans: Arc<[Span]>,
    heads: usize,
) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as Kernels>::attention(
        query.into_dispatch(),
        key_value.into_dispatch(),
        spans,
        heads,
    ))
}

/// Sum of a token's and its position's embedding: tables (vocabulary, width) and (positions, width) to (tokens, width).
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
