//! Autoregressive linear models (Eq 3): the theory's models, in `f64`, without tensors.
//!
//! `q_theta(y_h | x, y_<h)` is proportional to `exp <theta, phi(x, y_1:h)>` over a finite
//! vocabulary, theta in the unit ball. A [`Features`] says what phi is; parameters are plain
//! slices. Steps are those of [`crate::optim`] on a [`Tree`] of one array, so that decoders and
//! these models share every optimiser.
//!
//! ```
//! use breadth_lm::model::linear::{Features, compare, log_prob};
//! /// One token of two, phi = +-1.
//! struct Coin;
//! impl Features for Coin {
//!     fn dimension(&self) -> usize { 1 }
//!     fn vocabulary(&self) -> usize { 2 }
//!     fn horizon(&self, _: usize) -> usize { 3 }
//!     fn features(&self, _: usize, _: &[u32], out: &mut [f64]) { out.copy_from_slice(&[-1.0, 1.0]); }
//! }
//! assert!((log_prob(&Coin, &[0.0], 0, &[1, 0, 1]) + 3.0 * 2_f64.ln()).abs() < 1e-12);
//! // Prop 3.2 at x = 1: KL(Ber(1/(1+e^-2)) || Ber(1/2)) = 0.3278 per token.
//! let exact = compare(&Coin, &[(0, 1.0)], &[1.0], &[0.0])?;
//! assert!((exact.kl() - 3.0 * 0.327813).abs() < 1e-5);
//! # Ok::<(), breadth_lm::Error>(())
//! ```

mod comparison;
mod likelihood;
mod steps;

pub use comparison::{Comparison, Path, compare, compare_sampled};
pub use likelihood::{Fitted, maximum_likelihood};
pub use steps::{
    descend, distilled_gradient, project_onto_unit_ball, theta_of, token_level_sgd, ttt_kl,
    ttt_log_prob, ttt_sample,
};

use crate::rng::{self, Stream};

#[cfg(doc)]
use crate::tree::Tree;

/// What a model sees of prompts and prefixes.
pub trait Features: Sync {
    /// d.
    fn dimension(&self) -> usize;

    /// Number of tokens; they are counted from 0.
    fn vocabulary(&self) -> usize;

    /// Tokens of a response to this prompt.
    fn horizon(&self, prompt: usize) -> usize;

    /// Writes `phi(x, prefix + token)` for every token: (vocabulary, d) row by row.
    fn features(&self, prompt: usize, prefix: &[u32], out: &mut [f64]);
}

/// The features of the next tokens and their distribution.
#[derive(Clone, Debug)]
pub(crate) struct NextToken {
    d: usize,
    phi: Vec<f64>,
    /// `log q` of every token.
    pub(crate) log_q: Vec<f64>,
}

impl NextToken {
    pub(crate) fn new(
        features: &dyn Features,
        theta: &[f64],
        prompt: usize,
        prefix: &[u32],
    ) -> Self {
        let (d, vocabulary) = (features.dimension(), features.vocabulary());
        assert_eq!(
            theta.len(),
            d,
            "theta has as many entries as there are features"
        );
        let mut phi = vec![0.0; d * vocabulary];
        features.features(prompt, prefix, &mut phi);
        let mut next = Self {
            d,
            phi,
            log_q: Vec::new(),
        };
        next.log_q = next.log_probs(theta);
        next
    }

    /// `log q_theta` of every token for another theta.
    pub(crate) fn log_probs(&self, theta: &[f64]) -> Vec<f64> {
        let logits: Vec<f64> = self
            .phi
            .chunks_exact(self.d.max(1))
            .map(|row| dot(row, theta))
            .collect();
        let logits = match self.d {
            0 => vec![0.0; self.phi.len().max(1)],
            _ => logits,
        };
        let total = breadth_stats::numerics::log_sum_exp(logits.iter().copied());
        logits.into_iter().map(|logit| logit - total).collect()
    }

    fn row(&self, token: usize) -> &[f64] {
        &self.phi[token * self.d..][..self.d]
    }

    /// `E[phi]` under a distribution.
    pub(crate) fn mean(&self, log_p: &[f64]) -> Vec<f64> {
        let mut mean = vec![0.0; self.d];
        for (token, &log_p) in log_p.iter().enumerate() {
            add(&mut mean, log_p.exp(), self.row(token));
        }
        mean
    }

    /// `grad log q(token) = phi(token) - E_q[phi]`.
    pub(crate) fn gradient(&self, token: u32) -> Vec<f64> {
        let mut gradient = self.row(token as usize).to_vec();
        add(&mut gradient, -1.0, &self.mean(&self.log_q));
        gradient
    }

    /// `E_p || phi - E_p[phi] ||^2` under a distribution.
    fn variance(&self, log_p: &[f64]) -> f64 {
        let mean = self.mean(log_p);
        let square = |token: usize| {
            let row = self.row(token).iter().zip(&mean);
            row.map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
        };
        let terms = log_p.iter().enumerate();
        terms
            .map(|(token, &log_p)| log_p.exp() * square(token))
            .sum()
    }
}

/// `log q_theta(y|x)` in nats.
///
/// # Panics
/// If theta has another length than phi, or the response a token outside the vocabulary.
#[must_use]
pub fn log_prob(features: &dyn Features, theta: &[f64], prompt: usize, response: &[u32]) -> f64 {
    let of_token = |h: usize| {
        NextToken::new(features, theta, prompt, &response[..h]).log_q[response[h] as usize]
    };
    (0..response.len()).map(of_token).sum()
}

/// `grad log q_theta(y|x) = sum_h phi(x, y_1:h) - E_q[phi | x, y_<h]`: (d). Concave in theta; at
/// most `2 B H` long.
///
/// # Panics
/// As [`log_prob`].
#[must_use]
pub fn gradient(
    features: &dyn Features,
    theta: &[f64],
    prompt: usize,
    response: &[u32],
) -> Vec<f64> {
    let mut total = vec![0.0; features.dimension()];
    for (h, &token) in response.iter().enumerate() {
        let next = NextToken::new(features, theta, prompt, &response[..h]);
        add(&mut total, 1.0, &next.gradient(token));
    }
    total
}

/// A response drawn from `q_theta(.|x)`.
#[must_use]
pub fn sample(features: &dyn Features, theta: &[f64], prompt: usize, rng: &mut Stream) -> Vec<u32> {
    let mut response = Vec::new();
    while response.len() < features.horizon(prompt) {
        let next = NextToken::new(features, theta, prompt, &response);
        response.push(draw(&next.log_q, rng));
    }
    response
}

fn draw(log_p: &[f64], rng: &mut Stream) -> u32 {
    let mut left = rng::uniform(rng);
    let last = log_p.len() - 1;
    let token = log_p.iter().position(|log_p| {
        left -= log_p.exp();
        left < 0.0
    });
    token.unwrap_or(last) as u32
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `a += by * b`.
fn add(a: &mut [f64], by: f64, b: &[f64]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += by * b;
    }
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}
