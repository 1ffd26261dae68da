//! What objectives and their gradients share: a batch of examples, and what each counts.

/// A prompt and its response, as token ids.
pub type Pair = (Vec<u32>, Vec<u32>);

/// What an objective makes of one sequence.
pub(super) struct WeightedTokens {
    /// Its part of the loss.
    pub value: f64,
    /// How much each token's `grad log q` counts in the descent.
    pub weights: Vec<f64>,
}
