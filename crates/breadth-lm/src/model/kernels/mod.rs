//! The loops of the decoder, forward and backward, on slices.
//!
//! Each is one pass over memory, where composed elementary operations would make one pass each, and
//! two backward. `operations` makes them into operations on tensors.
//!
//! Kernels run on the calling thread: the trainer and the scorer split a *batch* over threads,
//! never one kernel.

pub(crate) mod attention;
pub(crate) mod few_rows;
pub(crate) mod math;
pub(crate) mod rows;

/// One sequence of a packed batch, as attention sees it.
///
/// Sequences lie one after another without padding. Queries may be fewer than keys: query `j`
/// stands at position `first_position + j` of its sequence and sees the keys `0..=first_position +
/// j`. Responses to one prompt share its keys: the first `prefix_len` positions then lie at
/// `prefix_start`, the others at `key_start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First row of the sequence among the queries.
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
