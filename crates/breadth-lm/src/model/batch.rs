//! Sequences laid one after another, without padding.

use std::sync::Arc;

use super::kernels::Span;
use crate::error::{Error, Result};
use crate::model::Config;

/// A prompt and the response whose tokens are to be predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence<'a> {
    /// What is given; at least one token.
    pub prompt: &'a [u32],
    /// What is scored; at least one token.
    pub response: &'a [u32],
}

impl Sequence<'_> {
    /// Tokens that go through the model: all but the last.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.prompt.len() + self.response.len() - 1
    }

    /// Checks that the model can take the sequence.
    ///
    /// # Errors
    /// Names the reason: an empty part, a token beyond the vocabulary, too long for the positions.
    pub fn check(&self, config: &Config, place: &str) -> Result<()> {
        if self.prompt.is_empty() {
            return Err(Error::data(
                place,
                "the prompt has no token; the first token of a sequence cannot be scored",
            ));
        }
        if self.response.is_empty() {
            return Err(Error::data(place, "the response has no token"));
        }
        let tokens = self.prompt.iter().chain(self.response);
        if let Some(token) = tokens.copied().find(|&t| t as usize >= config.vocab_size) {
            let vocab = config.vocab_size;
            let message = format!(
                "token {token} is outside the model's vocabulary of {vocab}; is the tokenizer the model's own?"
            );
            return Err(Error::data(place, message));
        }
        if self.inputs() > config.positions {
            let (length, limit) = (self.inputs(), config.positions);
            let message = format!(
                "{length} input tokens; the model has {limit} positions; shorten the prompt or the response"
            );
            return Err(Error::data(place, message));
        }
        Ok(())
    }
}

/// Packed sequences, ready for the decoder.
///
/// Row `i` of every per-token tensor is input token `i`; sequences follow one another, and attention never looks across their
/// borders, so a sequence's numbers do not depend on its neighbours.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Input tokens, (tokens).
    pub tokens: Arc<[u32]>,
    /// Position of each input token in its sequence, (tokens).
    pub positions: Arc<[u32]>,
    /// All tokens of each sequence.
    pub spans: Arc<[Span]>,
    /// The positions that predict response tokens.
    pub target_spans: Arc<[Span]>,
    /// Rows of `tokens` that predict, (targets).
    pub target_rows: Arc<[i64]>,
    /// What they should predict, (targets).
    pub targets: Arc<[u32]>,
}

impl Batch {
    /// Packs checked sequences.
    #[must_use]
    pub fn pack<'a>(sequences: impl IntoIterator<Item = Sequence<'a>>) -> Self {
        let (mut tokens, mut positions) = (Vec::new(), Vec::new());
        let (mut spans, mut target_spans) = (Vec::new(), Vec::new());
        let (mut target_rows, mut targets) = (Vec::new(), Vec::new());
        for sequence in sequences {
            let start = tokens.len();
            let inputs = sequence.inputs();
            let first = sequence.prompt.len() - 1;
            spans.push(Span {
                query_start: start,
                query_len: inputs,
                key_start: start,
                first_position: 0,
            });
            target_spans.push(Span {
                query_start: targets.len(),
                query_len: sequence.response.len(),
                key_start: start,
                first_position: first,
            });
            tokens.extend(sequence.prompt.iter().chain(sequence.response).take(inputs));
            positions.extend(0..inputs as u32);
            target_rows.extend((first..inputs).map(|p| (start + p) as i64));
            targets.extend_from_slice(sequence.response);
        }
        Self {
            tokens: tokens.into(),
            positions: positions.into(),
            spans: spans.into(),
            target_spans: target_spans.into(),
            target_rows: target_rows.into(),
            targets: targets.into(),
        }
    }
}
