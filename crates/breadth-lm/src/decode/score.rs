//! Log-probabilities of given responses.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::error::Result;
use crate::generation::Sequence;
use crate::model::{Batch, Checkpoint, Decoder};

/// Input tokens in one forward pass: enough for the matrix products to run at full speed, few
/// enough for their activations to stay small.
const BATCH_TOKENS: usize = 1024;
/// A batch may be as many times longer than a prompt that its responses share.
const PROMPT_TIMES: usize = 3;

/// `log q(y_h | x, y_<h)` of every response token, in nats: one list per sequence.
///
/// Sequences are packed without padding, responses to one prompt share its forward pass, and
/// batches run in parallel; the result does not depend on the number of threads.
///
/// # Errors
/// If a sequence is empty, too long, or has a token outside the vocabulary.
pub fn score(checkpoint: &Checkpoint, sequences: &[Sequence]) -> Result<Vec<Vec<f32>>> {
    for (i, sequence) in sequences.iter().enumerate() {
        checkpoint
            .config
            .check_sequence(sequence, &format!("sequence {}", i + 1))?;
    }
    let decoder = Decoder::new(checkpoint);
    let scored: Vec<Vec<(usize, Vec<f32>)>> = batches(sequences)
        .into_par_iter()
        .map(|batch| forward(&decoder, sequences, batch))
        .collect();
    let mut lists = vec![Vec::new(); sequences.len()];
    for (at, list) in scored.into_iter().flatten() {
        lists[at] = list;
    }
    Ok(lists)
}

/// `log q(y|x)`: the sum, in `f64`, of the token log-probabilities.
///
/// ```
/// assert_eq!(breadth_lm::decode::sequence_log_prob(&[-0.5, -1.25]), -1.75);
/// ```
#[must_use]
pub fn sequence_log_prob(tokens: &[f32]) -> f64 {
    tokens.iter().map(|&v| f64::from(v)).sum()
}

/// The places of sequences with the same prompt, in the order in which prompts first appear.
fn by_prompt(sequences: &[Sequence]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut of: HashMap<&[u32], usize> = HashMap::new();
    for (i, sequence) in sequences.iter().enumerate() {
        let group = *of.entry(sequence.prompt).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    groups
}

/// Input tokens of a batch, such that there is work for an even number of threads until the end:
/// about [`BATCH_TOKENS`], so that their number is even, or a multiple of 8.
fn batch_tokens(sequences: &[Sequence], groups: &[Vec<usize>]) -> usize {
    let own: usize = sequences.iter().map(|s| s.response.len() - 1).sum();
    let prompts = groups.iter().map(|group| sequences[group[0]].prompt.len());
    let total = own + prompts.sum::<usize>();
    let count = total as f64 / BATCH_TOKENS as f64;
    let count = match count {
        c if c <= 1.0 => 1.0,
        c if c < 6.0 => 2.0 * (c / 2.0).ceil(),
        c => 8.0 * (c / 8.0).round(),
    };
    (total as f64 / count).ceil() as usize
}

/// The places of sequences that go through the model together: those of one prompt side by side, at
/// most [`batch_tokens`] input tokens or one sequence. A long prompt's batch may be longer, so that
/// few batches compute the prompt again.
pub(super) fn batches(sequences: &[Sequence]) -> Vec<Vec<usize>> {
    let mut batches = Vec::new();
    let (mut batch, mut tokens) = (Vec::new(), 0);
    let groups = by_prompt(sequences);
    let usual = batch_tokens(sequences, &groups);
    for group in groups {
        let prompt = sequences[group[0]].prompt.len();
        let most = usual.max(PROMPT_TIMES * prompt);
        let mut shares = false;
        for i in group {
            let own = sequences[i].response.len() - 1;
            let new = if shares { own } else { prompt + own };
            let limit = if shares { most } else { usual };
            if tokens + new > limit && !batch.is_empty() {
                batches.push(std::mem::take(&mut batch));
                tokens = prompt + own;
            } else {
                tokens += new;
            }
            batch.push(i);
            shares = true;
        }
    }
    batches.extend((!batch.is_empty()).then_some(batch));
    batches
}

fn forward(decoder: &Decoder, all: &[Sequence], places: Vec<usize>) -> Vec<(usize, Vec<f32>)> {
    let batch = Batch::pack(decoder.config(), places.iter().map(|&i| all[i]));
    let log_probs = decoder.log_probs(&batch);
    let mut rest = log_probs.data();
    let take = |at: usize| {
        let (head, tail) = rest.split_at(all[at].response.len());
        rest = tail;
        (at, head.to_vec())
    };
    places.into_iter().map(take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_of_one_prompt_share_a_batch() {
        let (long, short) = (vec![1; 600], vec![2; 10]);
        let response = [3; 100];
        let of = |prompt| Sequence {
            prompt,
            response: &response,
        };
        let sequences = [
            of(&long),
            of(&short),
            of(&long),
            of(&long),
            of(&short),
            of(&long),
            of(&long),
        ];
        // 600 + 5 * 99 and 10 + 2 * 99 input tokens.
        assert_eq!(batches(&sequences), [vec![0, 2, 3, 5, 6], vec![1, 4]]);
        let many: Vec<Sequence> = (0..30).map(|_| of(&long)).collect();
        let sizes: Vec<usize> = batches(&many).iter().map(Vec::len).collect();
        assert_eq!(
            sizes,
            [12, 12, 6],
            "1800 input tokens of which 600 are the prompt"
        );
        assert!(batches(&[]).is_empty());
        // 32 sequences of 287 input tokens: eight batches of four, not ten of three and one of two.
        let (prompts, response) = ((0..32).map(|i| vec![i; 256]).collect::<Vec<_>>(), [3; 32]);
        let apart = prompts.iter().map(|prompt| Sequence {
            prompt,
            response: &response,
        });
        let sizes: Vec<usize> = batches(&apart.collect::<Vec<_>>())
            .iter()
            .map(Vec::len)
            .collect();
        assert_eq!(sizes, [4; 8]);
    }
}
