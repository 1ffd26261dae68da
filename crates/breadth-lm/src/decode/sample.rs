//! Responses drawn from a model.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::cache::{Prompts, Responses};
use super::ttt::{ParameterSet, Ttt, TttHead, TttModel};
use super::values;
use crate::error::{Error, Result};
use crate::model::kernels::math;
use crate::model::{Checkpoint, Decoder, Sequence};
use crate::rng;
use crate::vectorized;

/// Responses that grow together: enough that reading the weights is not what takes most of the time, few enough that two prompts of 32 responses keep
/// two threads busy.
const ROWS: usize = 32;
/// Input tokens of prompts that go through the model together.
const PROMPT_TOKENS: usize = 1024;

/// A drawn response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Its tokens, the end token included if it ended.
    pub tokens: Vec<u32>,
    /// `log q` of each token under the model itself, in nats, whatever the temperature and the cuts.
    pub log_probs: Vec<f32>,
}

type Decode = dyn Fn(&[u32]) -> String + Send + Sync;

/// Strings that end a response: its last token is the one with which one of them is complete.
///
/// ```
/// use breadth_lm::decode::Stop;
/// let letters = |ids: &[u32]| ids.iter().map(|&id| char::from(b'a' + id as u8)).collect();
/// let stop = Stop::new(vec!["cd".into()], letters);
/// assert!(!stop.ends(&[0, 2]));
/// assert!(stop.ends(&[0, 2, 3]));
/// ```
#[derive(Clone)]
pub struct Stop {
    strings: Vec<String>,
    decode: Arc<Decode>,
}

impl Stop {
    /// Stops at any of the strings in what `decode` makes of a response's tokens.
    pub fn new(
        strings: Vec<String>,
        decode: impl Fn(&[u32]) -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            strings,
            decode: Arc::new(decode),
        }
    }

    /// Whether the response has ended.
    #[must_use]
    pub fn ends(&self, tokens: &[u32]) -> bool {
        let text = (self.decode)(tokens);
        self.strings.iter().any(|stop| text.contains(stop))
    }

    /// The strings.
    #[must_use]
    pub fn strings(&self) -> &[String] {
        &self.strings
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.strings).finish()
    }
}

/// Which tokens may be drawn, and how often: `softmax(logits / temperature)`, cut to the `top_k` likeliest tokens, then to the fewest whose
/// probability reaches `top_p`.
///
/// ```
/// use breadth_lm::decode::Draw;
/// let model_itself = Draw::default();
/// assert_eq!((model_itself.temperature, model_itself.top_k, model_itself.top_p), (1.0, None, None));
/// assert!(Draw { top_p: Some(1.5), ..model_itself }.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// Divides the logits; 0 takes the likeliest token.
    pub temperature: f64,
    /// Tokens kept; all without it.
    pub top_k: Option<usize>,
    /// Probability kept; all without it.
    pub top_p: Option<f64>,
}

impl Default for Draw {
    /// The model itself.
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: None,
            top_p: None,
        }
    }
}

impl Draw {
    /// Checks that the numbers make sense.
    ///
    /// # Errors
    /// Names the one that does not.
    pub fn check(&self) -> Result<()> {
        let error = |name: &str, message: String| Err(Error::config(name, message));
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            let value = self.temperature;
            return error(
                "temperature",
                format!("{value} is not a number of at least 0"),
            );
        }
        if self.top_k == Some(0) {
            return error("top-k", "0 leaves no token; at least 1 is needed".into());
        }
        match self.top_p {
            Some(p) if !(p > 0.0 && p <= 1.0) => {
                error("top-p", format!("{p} is not above 0 and at most 1"))
            }
            _ => Ok(()),
        }
    }

    /// The token at `u` of the cumulative distribution.
    fn token(&self, logits: &[f32], u: f64) -> usize {
        if self.temperature == 0.0 {
            return likeliest(logits);
        }
        if *self == Self::default() {
            return invert(exponentials(logits).0.iter().copied().enumerate(), u);
        }
        let colder = |&l: &f32| (f64::from(l) / self.temperature) as f32;
        let scaled: Vec<f32> = logits.iter().map(colder).collect();
        let weights = exponentials(&scaled).0;
        invert(self.cut(weights).into_iter(), u)
    }

    /// The tokens that the cuts leave, likeliest first; ties go to the lower id.
    fn cut(&self, weights: Vec<f32>) -> Vec<(usize, f32)> {
        let mut kept: Vec<(usize, f32)> = weights.into_iter().enumerate().collect();
        kept.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        kept.truncate(self.top_k.unwrap_or(kept.len()));
        if let Some(p) = self.top_p {
            let total: f64 = kept.iter().map(|&(_, w)| f64::from(w)).sum();
            let mut sum = 0.0;
            let reaches = |&(_, w): &(usize, f32)| {
                sum += f64::from(w);
                sum >= p * total
            };
            let count = kept
                .iter()
                .position(reaches)
                .map_or(kept.len(), |at| at + 1);
            kept.truncate(count);
        }
        kept
    }
}

/// The first of the largest logits.
fn likeliest(logits: &[f32]) -> usize {
    let mut best = 0;
    for (i, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = i;
        }
    }
    best
}

/// How to draw responses.
#[derive(Clone, Debug)]
pub struct SampleOptions {
    /// Responses per prompt.
    pub samples: usize,
    /// Longest response.
    pub max_tokens: usize,
    /// Tokens that end a response.
    pub end_tokens: Vec<u32>,
    /// What else ends a response.
    pub stop: Option<Stop>,
    /// Which tokens may be drawn.
    pub draw: Draw,
    /// Seed.
    pub seed: u64,
    /// Number of the first prompt: prompt `i` draws from the streams of number `first_prompt + i`, so that a set of prompts may be
    /// drawn in parts.
    pub first_prompt: u64,
    /// Test-time training while decoding.
    pub ttt: Option<Ttt>,
}

impl Default for SampleOptions {
    /// One response of at most 256 tokens from the model itself.
    fn default() -> Self {
        Self {
            samples: 1,
            max_tokens: 256,
            end_tokens: Vec::new(),
            stop: None,
            draw: Draw::default(),
            seed: 0,
            first_prompt: 0,
            ttt: None,
        }
    }
}

/// Draws `options.samples` responses to each prompt: one list per prompt.
///
/// A prompt goes through the model once; each response adds its own keys and values to those of its prompt. Groups of prompts run in parallel, and the
/// result does not depend on the number of threads.
///
/// # Errors
/// If a prompt is empty, has a token outside the vocabulary, or leaves no room for the response; if the options make no sense.
pub fn sample(
    checkpoint: &Checkpoint,
    prompts: &[&[u32]],
    options: &SampleOptions,
) -> Result<Vec<Vec<Sample>>> {
    options.draw.check()?;
    for (i, prompt) in prompts.iter().enumerate() {
        check(checkpoint, prompt, options.max_tokens, i + 1)?;
    }
    if let Some(ttt) = &options.ttt {
        ttt.check(&checkpoint.config)?;
    }
    if prompts.is_empty() || options.samples == 0 {
        return Ok(vec![Vec::new(); prompts.len()]);
    }
    let flat: Vec<Sample> = match &options.ttt {
        Some(ttt) if ttt.set != ParameterSet::Head => sample_ttt(checkpoint, prompts, options, ttt),
        _ => {
            let decoder = Decoder::new(checkpoint, &Device::flex());
            let drawn: Vec<Vec<Sample>> = groups(prompts, options.samples)
                .into_par_iter()
                .map(|group| grow(&decoder, prompts, group, options))
                .collect();
            drawn.into_iter().flatten().collect()
        }
    };
    Ok(flat
        .chunks(options.samples)
        .map(<[Sample]>::to_vec)
        .collect())
}

fn check(checkpoint: &Checkpoint, prompt: &[u32], max_tokens: usize, number: usize) -> Result<()> {
    let place = format!("prompt {number}");
    Sequence {
        prompt,
        response: &[0],
    }
    .check(&checkpoint.config, &place)?;
    let (needed, limit) = (
        prompt.len() + max_tokens.saturating_sub(1),
        checkpoint.config.max_position_embeddings,
    );
    if needed > limit {
        let message = format!(
            "{} tokens and {max_tokens} new ones need {needed} positions; the model has {limit}; lower --max-tokens",
            prompt.len()
        );
        return Err(Error::data(place, message));
    }
    let from = checkpoint.config.long_from();
    if let Some(from) = from.filter(|from| prompt.len() <= *from && needed > *from) {
        let message = format!(
            "{} tokens and {max_tokens} new ones cross {from}, beyond which the model's rotary positions are others for the whole sequence; lower --max-tokens",
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
    options: &SampleOptions,
) -> Vec<Sample> {
    let shared = Prompts::new(decoder, &prompts[group.clone()]);
    let first = group.start * options.samples;
    let all = first..group.end * options.samples;
    let starts: Vec<usize> = all.clone().step_by(ROWS).collect();
    let drawn: Vec<Vec<Sample>> = starts
        .into_par_iter()
        .map(|start| {
            let numbers = start..all.end.min(start + ROWS);
            let mut sampler = Sampler::new(decoder, &shared, options, numbers, group.start);
            while sampler.advance() {}
            sampler.drawn
        })
        .collect();
    drawn.into_iter().flatten().collect()
}

/// All responses, each by a model that moves with its tokens.
fn sample_ttt(
    checkpoint: &Checkpoint,
    prompts: &[&[u32]],
    options: &SampleOptions,
    ttt: &Ttt,
) -> Vec<Sample> {
    let draw = |response: usize| {
        let prompt = prompts[response / options.samples];
        let mut moved = TttModel::new(checkpoint, ttt);
        let mut sample = Sample::default();
        while sample.is_open(options) {
            let u = uniform(options, response, sample.tokens.len());
            let context = [prompt, &sample.tokens].concat();
            let choose = |logits: &[f32]| options.draw.token(logits, u) as u32;
            let (token, log_prob) = moved.step(&context, choose);
            sample.tokens.push(token);
            sample.log_probs.push(log_prob);
        }
        sample
    };
    (0..prompts.len() * options.samples)
        .into_par_iter()
        .map(draw)
        .collect()
}

impl Sample {
    /// Whether another token is to be drawn.
    fn is_open(&self, options: &SampleOptions) -> bool {
        let Some(last) = self.tokens.last() else {
            return options.max_tokens > 0;
        };
        let stops = || {
            options
                .stop
                .as_ref()
                .is_some_and(|stop| stop.ends(&self.tokens))
        };
        self.tokens.len() < options.max_tokens && !options.end_tokens.contains(last) && !stops()
    }
}

/// The random number that draws a response's token.
fn uniform(options: &SampleOptions, response: usize, position: usize) -> f64 {
    let (prompt, k) = (response / options.samples, response % options.samples);
    let name = format!("sample/{position}");
    let stream = (options.first_prompt + prompt as u64) * (1 << 20) + k as u64;
    rng::uniform(&mut rng::stream(options.seed, &name, stream))
}

/// Responses that grow together.
struct Sampler<'a> {
    decoder: &'a Decoder,
    options: &'a SampleOptions,
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
        options: &'a SampleOptions,
        numbers: Range<usize>,
        first_prompt: usize,
    ) -> Self {
        let count = numbers.len();
        let prompt = |number: usize| number / options.samples - first_prompt;
        let of: Vec<usize> = numbers.clone().map(prompt).collect();
        let mut sampler = Self {
            decoder,
            options,
            prompts,
            numbers,
            responses: Responses::new(prompts, of.clone()),
            drawn: vec![Sample::default(); count],
            active: (0..count).collect(),
            heads: match &options.ttt {
                Some(ttt) => vec![TttHead::new(ttt.learning_rate); count],
                None => Vec::new(),
            },
            of,
        };
        let rows = sampler.of.clone();
        sampler.draw(prompts.ends.clone(), &rows);
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
            let (dims, device) = (attended.query.dims(), attended.query.device());
            let out = responses.attend(&attended, active);
            Tensor::from_data(TensorData::new(out, dims), &device)
        });
        let rows: Vec<usize> = (0..self.active.len()).collect();
        self.draw(hidden, &rows);
        !self.active.is_empty()
    }

    /// Draws a token for each active response from what the head sees in its row, and retires those that ended.
    fn draw(&mut self, hidden: Tensor<2>, rows: &[usize]) {
        let (width, vocab) = (
            self.decoder.config().hidden_size,
            self.decoder.config().vocab_size,
        );
        let logits = values(self.decoder.head(hidden.clone()));
        let hidden = match self.heads.is_empty() {
            true => Vec::new(),
            false => values(hidden),
        };
        let (options, first) = (self.options, self.numbers.start);
        let draw = |response: usize, row: usize, position: usize, head: Option<&mut TttHead>| {
            let u = uniform(options, first + response, position);
            let logits = &logits[row * vocab..][..vocab];
            let choose = |logits: &[f32]| options.draw.token(logits, u) as u32;
            match head {
                None => {
                    let token = choose(logits);
                    (token, log_prob(logits, token))
                }
                Some(head) => {
                    let hidden = &hidden[row * width..][..width];
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
            sample.is_open(options)
        });
    }
}

/// The token whose share of the weights' sum holds `u`.
fn invert(weights: impl Iterator<Item = (usize, f32)> + Clone, u: f64) -> usize {
    let mut left = u * weights.clone().map(|(_, w)| f64::from(w)).sum::<f64>();
    let mut last = 0;
    for (token, weight) in weights {
        left -= f64::from(weight);
        last = token;
        if left < 0.0 {
            break;
        }
    }
    last
}

vectorized! {
    /// `log softmax(logits)[token]`.
    fn log_prob(logits: &[f32], token: u32) -> f32 {
        let shift = math::max(logits);
        logits[token as usize] - shift - math::sum_exp(logits, shift).ln()
    }
}

vectorized! {
    /// `e^(logit - shift)`, the shift (the largest logit) and the sum.
    pub(super) fn exponentials(logits: &[f32]) -> (Vec<f32>, f32, f32) {
        let mut weights = logits.to_vec();
        let shift = math::max(&weights);
        let total = math::exp_in_place(&mut weights, shift);
        (weights, shift, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frequencies(draw: Draw, logits: &[f32]) -> Vec<f64> {
        let n = 10_000;
        let mut counts = vec![0.0; logits.len()];
        for i in 0..n {
            counts[draw.token(logits, (f64::from(i) + 0.5) / f64::from(n))] += 1.0;
        }
        counts.iter().map(|c| c / f64::from(n)).collect()
    }

    #[test]
    fn cuts_and_temperatures_by_hand() {
        let logits = [0.5f32, 0.3, 0.15, 0.05].map(f32::ln);
        let close = |draw: Draw, exact: [f64; 4]| {
            for (got, exact) in frequencies(draw, &logits).iter().zip(exact) {
                assert!((got - exact).abs() < 2e-4, "{draw:?}: {got} {exact}");
            }
        };
        let plain = Draw::default();
        close(plain, [0.5, 0.3, 0.15, 0.05]);
        close(
            Draw {
                temperature: 0.0,
                ..plain
            },
            [1.0, 0.0, 0.0, 0.0],
        );
        let squares = 0.25 + 0.09 + 0.0225 + 0.0025;
        let colder = [0.25, 0.09, 0.0225, 0.0025].map(|p| p / squares);
        close(
            Draw {
                temperature: 0.5,
                ..plain
            },
            colder,
        );
        close(
            Draw {
                top_k: Some(2),
                ..plain
            },
            [0.625, 0.375, 0.0, 0.0],
        );
        close(
            Draw {
                top_p: Some(0.8),
                ..plain
            },
            [0.625, 0.375, 0.0, 0.0],
        );
        close(
            Draw {
                top_p: Some(0.81),
                ..plain
            },
            [0.5, 0.3, 0.15, 0.0].map(|p| p / 0.95),
        );
        close(
            Draw {
                top_k: Some(9),
                top_p: Some(1.0),
                ..plain
            },
            [0.5, 0.3, 0.15, 0.05],
        );
        close(
            Draw {
                top_k: Some(1),
                top_p: Some(0.01),
                ..plain
            },
            [1.0, 0.0, 0.0, 0.0],
        );
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let plain = Draw::default();
        for wrong in [
            Draw {
                temperature: -0.1,
                ..plain
            },
            Draw {
                temperature: f64::NAN,
                ..plain
            },
            Draw {
                top_k: Some(0),
                ..plain
            },
            Draw {
                top_p: Some(0.0),
                ..plain
            },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn prompts_are_grouped_by_rows_and_tokens() {
        let prompts: Vec<Vec<u32>> = [600, 600, 10, 10, 10].map(|n| vec![0; n]).into();
        let views: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
        assert_eq!(groups(&views, 16), [0..1, 1..3, 3..5]);
        assert_eq!(groups(&views, 100), [0..1, 1..2, 2..3, 3..4, 4..5]);
        assert_eq!(groups(&views, 1), [0..1, 1..5]);
    }
}
