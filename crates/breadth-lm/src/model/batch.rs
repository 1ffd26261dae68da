//! Sequences laid one after another, without padding.

use std::sync::Arc;

use super::kernels::Span;
use crate::generation::Sequence;
use crate::model::Config;

/// Packed sequences, ready for the decoder.
///
/// Row `i` of every per-token array is input token `i`; sequences follow one another, and
/// attention never looks across their borders, so a sequence's numbers do not depend on its
/// neighbours. Neighbouring sequences with the same prompt share its rows.
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
    pub target_rows: Arc<[u32]>,
    /// Position of each of them in its sequence, (targets).
    pub target_positions: Arc<[u32]>,
    /// Input tokens of the sequence to which each row belongs, (tokens).
    pub lengths: Arc<[u32]>,
    /// Input tokens of the sequence to which each target belongs, (targets).
    pub target_lengths: Arc<[u32]>,
    /// What they should predict, (targets).
    pub targets: Arc<[u32]>,
}

impl Batch {
    /// Packs checked sequences for a model.
    #[must_use]
    pub fn pack<'a>(config: &Config, sequences: impl IntoIterator<Item = Sequence<'a>>) -> Self {
        let sequences: Vec<Sequence> = sequences.into_iter().collect();
        let mut packing = Packing::default();
        let long = |s: &Sequence| config.long_from().is_some_and(|from| s.inputs() > from);
        let share = |a: &Sequence, b: &Sequence| a.prompt == b.prompt && long(a) == long(b);
        for group in sequences.chunk_by(share) {
            match group {
                [alone] => packing.alone(alone),
                group => packing.shared(group),
            }
        }
        packing.finish()
    }

    /// Packs checked sequences of which none shares rows with another, so that row `i` is the
    /// `i`-th input token of them all.
    #[must_use]
    pub fn pack_apart<'a>(sequences: impl IntoIterator<Item = Sequence<'a>>) -> Self {
        let mut packing = Packing::default();
        for sequence in sequences {
            packing.alone(&sequence);
        }
        packing.finish()
    }
}

#[derive(Default)]
struct Packing {
    tokens: Vec<u32>,
    positions: Vec<u32>,
    spans: Vec<Span>,
    target_spans: Vec<Span>,
    target_rows: Vec<u32>,
    target_positions: Vec<u32>,
    lengths: Vec<u32>,
    target_lengths: Vec<u32>,
    targets: Vec<u32>,
}

impl Packing {
    /// A sequence whose rows are its own.
    fn alone(&mut self, sequence: &Sequence) {
        let start = self.tokens.len();
        let inputs = sequence.inputs();
        let first = sequence.prompt.len() - 1;
        let whole = Span {
            query_start: start,
            query_len: inputs,
            key_start: start,
            prefix_start: start,
            prefix_len: 0,
            first_position: 0,
        };
        self.rows(
            sequence.prompt.iter().chain(sequence.response).take(inputs),
            0,
            inputs,
        );
        self.spans.push(whole);
        self.predict(sequence, whole, start + first..start + inputs);
    }

    /// Responses to one prompt, whose rows stand there once.
    fn shared(&mut self, group: &[Sequence]) {
        let prompt = group[0].prompt;
        let start = self.tokens.len();
        // All members are on the same side of any length that matters.
        self.rows(prompt.iter(), 0, group[0].inputs());
        self.spans.push(Span {
            query_start: start,
            query_len: prompt.len(),
            key_start: start,
            prefix_start: start,
            prefix_len: 0,
            first_position: 0,
        });
        for sequence in group {
            let own = self.tokens.len();
            let rest = sequence.response.len() - 1;
            let span = Span {
                query_start: own,
                query_len: rest,
                key_start: own,
                prefix_start: start,
                prefix_len: prompt.len(),
                first_position: prompt.len(),
            };
            let inputs = sequence.inputs();
            self.rows(sequence.response.iter().take(rest), prompt.len(), inputs);
            if rest > 0 {
                self.spans.push(span);
            }
            // The prompt's last row predicts the first token of every response.
            let last = start + prompt.len() - 1;
            self.predict(sequence, span, std::iter::once(last).chain(own..own + rest));
        }
    }

    fn rows<'t>(&mut self, tokens: impl Iterator<Item = &'t u32>, position: usize, length: usize) {
        self.tokens.extend(tokens);
        let count = self.tokens.len() - self.positions.len();
        self.positions
            .extend((position..position + count).map(|p| p as u32));
        self.lengths.resize(self.tokens.len(), length as u32);
    }

    /// The targets of a sequence, predicted by `rows`; `span` says where its keys are.
    fn predict(&mut self, sequence: &Sequence, span: Span, rows: impl Iterator<Item = usize>) {
        let first = sequence.prompt.len() - 1;
        let count = sequence.response.len();
        self.target_spans.push(Span {
            query_start: self.targets.len(),
            query_len: count,
            first_position: first,
            ..span
        });
        self.target_rows.extend(rows.map(|r| r as u32));
        self.target_positions
            .extend((first..first + count).map(|p| p as u32));
        self.targets.extend_from_slice(sequence.response);
        self.target_lengths
            .resize(self.targets.len(), sequence.inputs() as u32);
    }

    fn finish(self) -> Batch {
        Batch {
            tokens: self.tokens.into(),
            positions: self.positions.into(),
            spans: self.spans.into(),
            target_spans: self.target_spans.into(),
            target_rows: self.target_rows.into(),
            target_positions: self.target_positions.into(),
            lengths: self.lengths.into(),
            target_lengths: self.target_lengths.into(),
            targets: self.targets.into(),
        }
    }
}
