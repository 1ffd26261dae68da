//! Responses drawn from a model at temperature 1.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};

use rayon::prelude::*;

use super::cache::{CacheShape, LayerCache};
use super::ttt::{Moved, MovedHead, ParameterSet, Ttt};
use super::values;
use crate::error::{Error, Result};
use crate::model::kernels::math;
use crate::model::{Batch, Checkpoint, Decoder, Sequence};
use crate::rng;
use crate::vectorized;

/// A drawn response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Its tokens, the end token included if it ended.
    pub tokens: Vec<u32>,
    /// `log q` of each token, in nats.
    pub log_probs: Vec<f32>,
}

/// How to draw.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleOptions {
    /// Responses per prompt.
    pub samples: usize,
    /// Longest response.
    pub max_tokens: usize,
    /// Tokens that end a response.
    pub end_tokens: Vec<u32>,
    /// Seed.
    pub seed: u64,
    /// Number of the first prompt: prompt `i` draws from the streams of number `first_prompt + i`, so that a set of prompts may be
    /// drawn in parts.
    pub first_prompt: u64,
    /// Test-time training while decoding.
    pub ttt: Option<Ttt>,
}

/// Draws `options.samples` responses to each prompt, at temperature 1: one list per prompt.
///
/// The prompts go through the model once; each response adds its own keys and values to those of its prompt.
///
/// # Errors
/// If a prompt is empty, has a token outside the vocabulary, or leaves no room for the response.
pub fn sample(
    checkpoint: &Checkpoint,
    prompts: &[&[u32]],
    options: &SampleOptions,
) -> Result<Vec<Vec<Sample>>> {
    for (i, prompt) in prompts.iter().enumerate() {
        check(checkpoint, prompt, options.max_tokens, i + 1)?;
    }
    if prompts.is_empty() || options.samples == 0 {
        return Ok(vec![Vec::new(); prompts.len()]);
    }
    let flat = match &options.ttt {
        Some(ttt) if ttt.set != ParameterSet::Head => moving(checkpoint, prompts, options, ttt),
        _ => {
            let decoder = Decoder::new(checkpoint, &Device::flex());
            let mut sampler = Sampler::prefill(&decoder, prompts, options);
            while sampler.advance() {}
            sampler.drawn
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
    let (needed, limit) = (prompt.len() + max_tokens - 1, checkpoint.config.positions);
    if needed > limit {
        let message = format!(
            "{} tokens and {max_tokens} new ones need {needed} positions; the model has {limit}; lower --max-tokens",
            prompt.len()
        );
        return Err(Error::data(place, message));
    }
    Ok(())
}

/// All responses, each by a model that moves with its tokens.
fn moving(
    checkpoint: &Checkpoint,
    prompts: &[&[u32]],
    options: &SampleOptions,
    ttt: &Ttt,
) -> Vec<Sample> {
    let draw = |response: usize| {
        let prompt = prompts[response / options.samples];
        let mut moved = Moved::new(checkpoint, ttt);
        let mut sample = Sample::default();
        while sample.is_open(options) {
            let u = uniform(options, response, sample.tokens.len());
            let context = [prompt, &sample.tokens].concat();
            let (token, log_prob) = moved.step(&context, |logits| draw_token(logits, u).0);
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
        let ended = self
            .tokens
            .last()
            .is_some_and(|token| options.end_tokens.contains(token));
        self.tokens.len() < options.max_tokens && !ended
    }
}

/// The random number that draws a response's token.
fn uniform(options: &SampleOptions, response: usize, position: usize) -> f64 {
    let (prompt, k) = (response / options.samples, response % options.samples);
    let name = format!("sample/{position}");
    let stream = (options.first_prompt + prompt as u64) * (1 << 20) + k as u64;
    rng::uniform(&mut rng::stream(options.seed, &name, stream))
}

struct Sampler<'a> {
    decoder: &'a Decoder,
    options: &'a SampleOptions,
    shape: CacheShape,
    caches: Vec<LayerCache>,
    prompt_lens: Vec<usize>,
    drawn: Vec<Sample>,
    active: Vec<usize>,
    /// What test-time training made of the head, for each response; empty without it.
    heads: Vec<MovedHead>,
}

impl<'a> Sampler<'a> {
    /// Runs the prompts and draws every first token.
    fn prefill(decoder: &'a Decoder, prompts: &[&[u32]], options: &'a SampleOptions) -> Self {
        let config = decoder.config();
        let mut starts = vec![0];
        for prompt in prompts {
            starts.push(starts[starts.len() - 1] + prompt.len());
        }
        let shape = CacheShape {
            width: config.width,
            heads: config.heads,
            prompt_starts: starts,
            samples: options.samples,
        };
        // A response of one token stands for "predict what follows the prompt"; which token it is does not matter.
        let sequences = prompts.iter().map(|&prompt| Sequence {
            prompt,
            response: &[0],
        });
        let batch = Batch::pack(sequences);
        let mut caches = Vec::new();
        let hidden = decoder.hidden(&batch, |_, key_value| {
            caches.push(LayerCache::new(
                values(key_value.clone()),
                &shape,
                options.max_tokens,
            ));
        });
        let count = prompts.len() * options.samples;
        let mut sampler = Self {
            decoder,
            options,
            shape,
            caches,
            prompt_lens: prompts.iter().map(|p| p.len()).collect(),
            drawn: vec![Sample::default(); count],
            active: (0..count).collect(),
            heads: match &options.ttt {
                Some(ttt) => vec![MovedHead::new(ttt.learning_rate); count],
                None => Vec::new(),
            },
        };
        let rows: Vec<usize> = (0..count).map(|i| i / options.samples).collect();
        sampler.draw(hidden, &rows);
        sampler
    }

    /// One more token for every response still growing; whether any is left.
    fn advance(&mut self) -> bool {
        if self.active.is_empty() {
            return false;
        }
        let last = |&r: &usize| self.drawn[r].tokens[self.drawn[r].tokens.len() - 1];
        let tokens: Arc<[u32]> = self.active.iter().map(last).collect();
        let place = |&r: &usize| {
            (self.prompt_lens[r / self.options.samples] + self.drawn[r].tokens.len() - 1) as u32
        };
        let positions: Arc<[u32]> = self.active.iter().map(place).collect();
        let (caches, active, shape) = (&mut self.caches, &self.active, &self.shape);
        let hidden = self
            .decoder
            .step(tokens, positions, |layer, query, key_value| {
                let (dims, device) = (query.dims(), query.device());
                let out = caches[layer].attend(&values(query), &values(key_value), active, shape);
                Tensor::from_data(TensorData::new(out, dims), &device)
            });
        let rows: Vec<usize> = (0..self.active.len()).collect();
        self.draw(hidden, &rows);
        !self.active.is_empty()
    }

    /// Draws a token for each active response from what the head sees in its row, and retires those that ended.
    fn draw(&mut self, hidden: Tensor<2>, rows: &[usize]) {
        let (width, vocab) = (
            self.decoder.config().width,
            self.decoder.config().vocab_size,
        );
        let logits = values(self.decoder.head(hidden.clone()));
        let hidden = match self.heads.is_empty() {
            true => Vec::new(),
            false => values(hidden),
        };
        let options = self.options;
        let draw = |response: usize, row: usize, position: usize, head: Option<&mut MovedHead>| {
            let u = uniform(options, response, position);
            let logits = &logits[row * vocab..][..vocab];
            match head {
                None => draw_token(logits, u),
                Some(head) => {
                    let hidden = &hidden[row * width..][..width];
                    head.step(hidden, logits, |logits| draw_token(logits, u).0)
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

/// Inverts the cumulative distribution of `softmax(logits)` at `u`; the token and its log-probability.
fn draw_token(logits: &[f32], u: f64) -> (u32, f32) {
    let (weights, shift, total) = exponentials(logits);
    let sum: f64 = weights.iter().map(|&w| f64::from(w)).sum();
    let mut left = u * sum;
    let mut token = weights.len() - 1;
    for (i, &w) in weights.iter().enumerate() {
        left -= f64::from(w);
        if left < 0.0 {
            token = i;
            break;
        }
    }
    (token as u32, logits[token] - shift - total.ln())
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
