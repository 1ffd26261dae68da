//! Responses drawn from a model.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::cache::{Prompts, Responses};
use super::choose::{choose, log_prob};
use super::ttt::{ParameterSet, Ttt, TttHead, TttModel};
use crate::error::{Error, Result};
use crate::generation::{MOST_SAMPLES, Sample, Sampling, Sequence};
use crate::model::{Checkpoint, Config, Decoder, Tensor};
use crate::rng;

/// Responses that grow together: enough that reading the weights is not what takes most of the
/// time, few enough that two prompts of 32 responses keep two threads busy.
const ROWS: usize = 32;
/// Input tokens of prompts that go through the model together.
const PROMPT_TOKENS: usize = 1024;

/// Draws `sampling.samples` responses to each prompt: one list per prompt.
///
/// A prompt goes through the model once; each response adds its own keys and values to those of its
/// prompt. Groups of prompts run in parallel, and the result does not depend on the number of
/// threads.
///
/// ```
/// use breadth_lm::decode::sample;
/// use breadth_lm::generation::Sampling;
/// use breadth_lm::model::{Checkpoint, Gpt2};
/// use breadth_lm::rng;
///
/// let sizes = Gpt2 {
///     vocab_size: 4, max_position_embeddings: 8, hidden_size: 4, layers: 1, heads: 1,
///     intermediate_size: 4, layer_norm_epsilon: 1e-5,
/// };
/// let mut model = Checkpoint::random(sizes.config("example")?, &mut rng::stream(0, "doc/init", 0));
/// // Without weights it is uniform over its 4 tokens.
/// model.weights.iter_mut().for_each(|(_, weight)| weight.data.fill(0.0));
/// let options = Sampling { samples: 3, max_tokens: 5, ..Sampling::default() };
/// let drawn = sample(&model, &[&[1, 2], &[3]], &options)?;
/// assert_eq!(drawn.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
/// for sample in drawn.iter().flatten() {
///     assert_eq!(sample.tokens.len(), 5);
///     assert!(sample.log_probs.iter().all(|log_prob| (log_prob + 4_f32.ln()).abs() < 1e-6));
/// }
/// assert_eq!(sample(&model, &[&[1, 2], &[3]], &options)?, drawn); // the same seed
/// # Ok::<(), breadth_lm::Error>(())
/// ```
///
/// # Errors
/// If a prompt is empty, has a token outside the vocabulary, or leaves no room for the response; if
/// the temperature or a cut makes no sense.
pub fn sample(
    checkpoint: &Checkpoint,
    prompts: &[&[u32]],
    sampling: &Sampling,
) -> Result<Vec<Vec<Sample>>> {
    check_all(checkpoint, prompts, sampling)?;
    Ok(by_prompt(prompts.len(), sampling, || {
        sample_batches(checkpoint, prompts, sampling, None)
    }))
}

/// As [`sample`], by models that take a step of test-time training on every token that they draw:
/// each response starts from the checkpoint again.
///
/// ```
/// use breadth_lm::decode::{Ttt, sample_ttt};
/// use breadth_lm::generation::Sampling;
/// use breadth_lm::model::{Checkpoint, Gpt2};
/// use breadth_lm::rng;
///
/// let sizes = Gpt2 {
///     vocab_size: 4, max_position_embeddings: 8, hidden_size: 4, layers: 1, heads: 1,
///     intermediate_size: 4, layer_norm_epsilon: 1e-5,
/// };
/// let mut model = Checkpoint::random(sizes.config("example")?, &mut rng::stream(0, "doc/init", 0));
/// // Uniform over its 4 tokens; what its head sees is of length 1 and everywhere the same.
/// for (name, weight) in model.weights.iter_mut() {
///     weight.data.fill(if name.ends_with("ln_f.bias") { 0.5 } else { 0.0 });
/// }
/// let options = Sampling { samples: 3, max_tokens: 3, ..Sampling::default() };
/// let ttt: Ttt = "lr=100".parse()?;
/// for sample in sample_ttt(&model, &[&[1, 2]], &options, &ttt)?.concat() {
///     // The step on the first token moves its logit 100 above the others: it comes again.
///     assert_eq!(sample.tokens, [sample.tokens[0]; 3]);
///     assert!((sample.log_probs[0] + 4_f32.ln()).abs() < 1e-6);
///     assert!(sample.log_probs[1..].iter().all(|log_prob| log_prob.abs() < 1e-6));
/// }
/// # Ok::<(), breadth_lm::Error>(())
/// ```
///
/// # Errors
/// As [`sample`]; if the model cannot be trained so (see [`Ttt::check`]).
pub fn sample_ttt(
    checkpoint: &Checkpoint,
    prompts: &[&[u32]],
    sampling: &Sampling,
    ttt: &Ttt,
) -> Result<Vec<Vec<Sample>>> {
    check_all(checkpoint, prompts, sampling)?;
    ttt.check(&checkpoint.config)?;
    Ok(by_prompt(prompts.len(), sampling, || match ttt.set {
        ParameterSet::Head => sample_batches(checkpoint, prompts, sampling, Some(ttt)),
        _ => sample_one_by_one(checkpoint, prompts, sampling, ttt),
    }))
}

fn check_all(checkpoint: &Checkpoint, prompts: &[&[u32]], sampling: &Sampling) -> Result<()> {
    sampling.check()?;
    prompts.iter().enumerate().try_for_each(|(i, prompt)| {
        let place = format!("prompt {}", i + 1);
        check_prompt(&checkpoint.config, prompt, sampling.max_tokens, &place)
    })
}

/// The responses in one list for each prompt; nothing is drawn where nothing is asked for.
fn by_prompt(
    prompts: usize,
    sampling: &Sampling,
    draw: impl FnOnce() -> Vec<Sample>,
) -> Vec<Vec<Sample>> {
    if prompts == 0 || sampling.samples == 0 {
        return vec![Vec::new(); prompts];
    }
    let drawn = draw();
    let lists = drawn.chunks(sampling.samples);
    lists.map(<[Sample]>::to_vec).collect()
}

/// All responses, drawn together; `ttt` trains a head for each.
fn sample_batches(
    checkpoint: &Checkpoint,
    prompts: &[&[u32]],
    sampling: &Sampling,
    ttt: Option<&Ttt>,
) -> Vec<Sample> {
    let decoder = Decoder::new(checkpoint);
    let drawn: Vec<Vec<Sample>> = groups(prompts, sampling.samples)
        .into_par_iter()
        .map(|group| grow(&decoder, prompts, group, sampling, ttt))
        .collect();
    drawn.into_iter().flatten().collect()
}

/// Checks that a model takes a prompt with a response of so many tokens.
///
/// # Errors
/// If the prompt is empty, has a token outside the vocabulary, or leaves no room.
pub(crate) fn check_prompt(
    config: &Config,
    prompt: &[u32],
    max_tokens: usize,
    place: &str,
) -> Result<()> {
    let shortest = Sequence {
        prompt,
        response: &[0],
    };
    config.check_sequence(&shortest, place)?;
    let (needed, limit) = (
        prompt.len() + max_tokens.saturating_sub(1),
        config.max_position_embeddings,
    );
    if needed > limit {
        let message = format!(
            "{} tokens and {max_tokens} new ones need {needed} positions; the model has {limit}; \
             lower max_tokens",
            prompt.len()
        );
        return Err(Error::data(place, message));
    }
    let from = config.long_from();
    if let Some(from) = from.filter(|from| prompt.len() <= *from && needed > *from) {
        let message = format!(
            "{} tokens and {max_tokens} new ones cross {from}, beyond which the model's rotary \
             positions are others for the whole sequence; lower max_tokens",
            prompt.len()
        );
        return Err(Error::data(place, message));
    }
    Ok(())
}

/// Runs of prompts that go through the model together.
fn groups(prompts: &[&[u32]], samples: usize) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let (mut start, mut tokens) = (0, 0);
    for (i, prompt) in prompts.iter().enumerate() {
        let full = (i + 1 - start) * samples > ROWS || tokens + prompt.len() > PROMPT_TOKENS;
        if full && i > start {
            groups.push(start..i);
            (start, tokens) = (i, 0);
        }
        tokens += prompt.len();
    }
    groups.push(start..prompts.len());
    groups
}

/// All responses to a group of prompts.
fn grow(
    decoder: &Decoder,
    prompts: &[&[u32]],
    group: Range<usize>,
    sampling: &Sampling,
    ttt: Option<&Ttt>,
) -> Vec<Sample> {
    let shared = Prompts::new(decoder, &prompts[group.clone()]);
    let first = group.start * sampling.samples;
    let all = first..group.end * sampling.samples;
    let starts: Vec<usize> = all.clone().step_by(ROWS).collect();
    let drawn: Vec<Vec<Sample>> = starts
        .into_par_iter()
        .map(|start| {
            let numbers = start..all.end.min(start + ROWS);
            let mut sampler = Sampler::new(decoder, &shared, sampling, ttt, numbers, group.start);
            while sampler.advance() {}
            sampler.drawn
        })
        .collect();
    drawn.into_iter().flatten().collect()
}

/// All responses, each by a model of its own that is trained on its tokens.
fn sample_one_by_one(
    checkpoint: &Checkpoint,
    prompts: &[&[u32]],
    sampling: &Sampling,
    ttt: &Ttt,
) -> Vec<Sample> {
    let draw = |response: usize| {
        let prompt = prompts[response / sampling.samples];
        let mut model = TttModel::new(checkpoint, ttt);
        let mut sample = Sample::default();
        while sample.is_open(sampling) {
            let u = uniform(sampling, response, sample.tokens.len());
            let context = [prompt, &sample.tokens].concat();
            let choose = |logits: &[f32]| choose(sampling, logits, u);
            let (token, log_prob) = model.step(&context, choose);
            sample.tokens.push(token);
            sample.log_probs.push(log_prob);
        }
        sample
    };
    (0..prompts.len() * sampling.samples)
        .into_par_iter()
        .map(draw)
        .collect()
}

impl Sample {
    /// Whether another token is to be drawn.
    fn is_open(&self, sampling: &Sampling) -> bool {
        let Some(last) = self.tokens.last() else {
            return sampling.max_tokens > 0;
        };
        let stops = || {
            sampling
                .stop
                .as_ref()
                .is_some_and(|stop| stop.ends(&self.tokens))
        };
        self.tokens.len() < sampling.max_tokens && !sampling.end_tokens.contains(last) && !stops()
    }
}

/// The random number that draws a response's token.
fn uniform(sampling: &Sampling, response: usize, position: usize) -> f64 {
    let (prompt, k) = (response / sampling.samples, response % sampling.samples);
    let name = format!("sample/{position}");
    let stream = (sampling.first_prompt + prompt as u64) * MOST_SAMPLES as u64 + k as u64;
    rng::uniform(&mut rng::stream(sampling.seed, &name, stream))
}

/// Responses that grow together.
struct Sampler<'a> {
    decoder: &'a Decoder,
    sampling: &'a Sampling,
    prompts: &'a Prompts,
    /// Number of each response among those to all prompts, and its prompt among `prompts`.
    numbers: Range<usize>,
    of: Vec<usize>,
    responses: Responses<'a>,
    drawn: Vec<Sample>,
    active: Vec<usize>,
    /// What test-time training made of the head, for each response; empty without it.
    heads: Vec<TttHead>,
}

impl<'a> Sampler<'a> {
    /// Draws every first token.
    fn new(
        decoder: &'a Decoder,
        prompts: &'a Prompts,
        sampling: &'a Sampling,
        ttt: Option<&Ttt>,
        numbers: Range<usize>,
        first_prompt: usize,
    ) -> Self {
        let count = numbers.len();
        let prompt = |number: usize| number / sampling.samples - first_prompt;
        let of: Vec<usize> = numbers.clone().map(prompt).collect();
        let mut sampler = Self {
            decoder,
            sampling,
            prompts,
            numbers,
            responses: Responses::new(prompts, of.clone()),
            drawn: vec![Sample::default(); count],
            active: (0..count).collect(),
            heads: match ttt {
                Some(ttt) => vec![TttHead::new(ttt.learning_rate); count],
                None => Vec::new(),
            },
            of,
        };
        let rows = sampler.of.clone();
        sampler.draw(&prompts.ends, &rows);
        sampler
    }

    /// One more token for every response still growing; whether any is left.
    fn advance(&mut self) -> bool {
        if self.active.is_empty() {
            return false;
        }
        let last = |&r: &usize| self.drawn[r].tokens[self.drawn[r].tokens.len() - 1];
        let tokens: Arc<[u32]> = self.active.iter().map(last).collect();
        let place =
            |&r: &usize| (self.prompts.len(self.of[r]) + self.drawn[r].tokens.len() - 1) as u32;
        let positions: Arc<[u32]> = self.active.iter().map(place).collect();
        let (responses, active) = (&mut self.responses, &self.active);
        let hidden = self.decoder.step(tokens, positions, |attended| {
            let (rows, cols) = (attended.query.rows(), attended.query.cols());
            Tensor::new(responses.attend(&attended, active), rows, cols)
        });
        let rows: Vec<usize> = (0..self.active.len()).collect();
        self.draw(&hidden, &rows);
        !self.active.is_empty()
    }

    /// Draws a token for each active response from what the head sees in its row, and retires those
    /// that ended.
    fn draw(&mut self, hidden: &Tensor, rows: &[usize]) {
        let (width, vocab) = (
            self.decoder.config().hidden_size,
            self.decoder.config().vocab_size,
        );
        let logits = self.decoder.head(hidden);
        let (sampling, first) = (self.sampling, self.numbers.start);
        let draw = |response: usize, row: usize, position: usize, head: Option<&mut TttHead>| {
            let u = uniform(sampling, first + response, position);
            let logits = &logits.data()[row * vocab..][..vocab];
            let choose = |logits: &[f32]| choose(sampling, logits, u);
            match head {
                None => {
                    let token = choose(logits);
                    (token, log_prob(logits, token))
                }
                Some(head) => {
                    let hidden = &hidden.data()[row * width..][..width];
                    head.step(hidden, logits, choose)
                }
            }
        };
        let mut rows = rows.iter();
        let (drawn, heads) = (&mut self.drawn, &mut self.heads);
        self.active.retain(|&response| {
            let sample = &mut drawn[response];
            let row = *rows.next().expect("a row for each active response");
            let position = sample.tokens.len();
            let (token, log_prob) = draw(response, row, position, heads.get_mut(response));
            sample.tokens.push(token);
            sample.log_probs.push(log_prob);
            sample.is_open(sampling)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_grouped_by_rows_and_tokens() {
        let prompts: Vec<Vec<u32>> = [600, 600, 10, 10, 10].map(|n| vec![0; n]).into();
        let views: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
        assert_eq!(groups(&views, 16), [0..1, 1..3, 3..5]);
        assert_eq!(groups(&views, 100), [0..1, 1..2, 2..3, 3..4, 4..5]);
        assert_eq!(groups(&views, 1), [0..1, 1..5]);
    }
}
