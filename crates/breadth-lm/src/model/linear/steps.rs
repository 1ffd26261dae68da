//! Learning by steps: on sequences, on tokens, towards a teacher, and while decoding.

use super::{Features, NextToken, add, draw, gradient, norm};
use crate::model::DistillTarget;
use crate::model::distillation::kl;
use crate::optim::{Chain, GradientTransformation, apply_updates};
use crate::rng::Stream;
use crate::tree::{Array, Tree};

/// Theta as the tree of one array that [`crate::optim`] steps on.
#[must_use]
pub fn theta_of(theta: &[f64]) -> Tree<f64> {
    [(
        "theta".to_string(),
        Array::new([theta.len()], theta.to_vec()),
    )]
    .into_iter()
    .collect()
}

/// The Euclidean projection onto the unit ball.
///
/// ```
/// let mut theta = vec![3.0, 4.0];
/// breadth_lm::model::linear::project_onto_unit_ball(&mut theta);
/// assert_eq!(theta, [0.6, 0.8]);
/// ```
pub fn project_onto_unit_ball(theta: &mut [f64]) {
    let length = norm(theta);
    if length > 1.0 {
        theta.iter_mut().for_each(|v| *v /= length);
    }
}

/// Takes `steps` steps of `optimizer` on the mean of the sequence gradients of a batch (Eq 14, 18,
/// 20, by what the optimiser is), from `theta`; `batch` gives the (prompt, response) pairs of a
/// step, `observe` hears theta after it. The optimiser descends on minus the log-likelihood; end
/// its chain with a projection onto the ball.
pub fn descend(
    features: &dyn Features,
    theta: &[f64],
    optimizer: &mut Chain<f64>,
    steps: u64,
    batch: &mut dyn FnMut(u64) -> Vec<(usize, Vec<u32>)>,
    observe: &mut dyn FnMut(u64, &[f64]),
) -> Vec<f64> {
    let mut params = theta_of(theta);
    for step in 0..steps {
        let pairs = batch(step);
        let theta = &params["theta"].data;
        let mut total = vec![0.0; theta.len()];
        for (prompt, response) in &pairs {
            let weight = -1.0 / pairs.len() as f64;
            add(
                &mut total,
                weight,
                &gradient(features, theta, *prompt, response),
            );
        }
        let mut updates = theta_of(&total);
        optimizer.update(&mut updates, &params, step);
        apply_updates(&mut params, &updates);
        observe(step, &params["theta"].data);
    }
    params["theta"].data.to_vec()
}

/// Token-level SGD (Eq 21): a projected step of size `rate` after every token of the response,
/// carried on. Moves theta, and returns the log-probability of each token before the step on it.
pub fn token_level_sgd(
    features: &dyn Features,
    theta: &mut [f64],
    prompt: usize,
    response: &[u32],
    rate: f64,
) -> Vec<f64> {
    let mut log_probs = Vec::with_capacity(response.len());
    for (h, &token) in response.iter().enumerate() {
        let next = NextToken::new(features, theta, prompt, &response[..h]);
        log_probs.push(next.log_q[token as usize]);
        add(theta, rate, &next.gradient(token));
        project_onto_unit_ball(theta);
    }
    log_probs
}

/// `log q(y|x)` of the decoder with test-time training (Eq 22): the recursion of
/// [`token_level_sgd`] on the given tokens, theta itself untouched.
#[must_use]
pub fn ttt_log_prob(
    features: &dyn Features,
    theta: &[f64],
    prompt: usize,
    response: &[u32],
    rate: f64,
) -> f64 {
    token_level_sgd(features, &mut theta.to_vec(), prompt, response, rate)
        .iter()
        .sum()
}

/// A response of the decoder with test-time training (Eq 22-23).
#[must_use]
pub fn ttt_sample(
    features: &dyn Features,
    theta: &[f64],
    prompt: usize,
    rate: f64,
    rng: &mut Stream,
) -> Vec<u32> {
    let (mut theta, mut response) = (theta.to_vec(), Vec::new());
    while response.len() < features.horizon(prompt) {
        let next = NextToken::new(features, &theta, prompt, &response);
        let token = draw(&next.log_q, rng);
        add(&mut theta, rate, &next.gradient(token));
        project_onto_unit_ball(&mut theta);
        response.push(token);
    }
    response
}

/// An unbiased estimate of the KL of the decoder with test-time training from `p = q_truth` for a
/// prompt: the next-token KLs along one response drawn from p, summed.
#[must_use]
pub fn ttt_kl(
    features: &dyn Features,
    truth: &[f64],
    theta: &[f64],
    prompt: usize,
    rate: f64,
    rng: &mut Stream,
) -> f64 {
    let (mut theta, mut response) = (theta.to_vec(), Vec::new());
    let mut total = 0.0;
    while response.len() < features.horizon(prompt) {
        let next = NextToken::new(features, &theta, prompt, &response);
        let log_p = next.log_probs(truth);
        total += kl(&log_p, &next.log_q);
        let token = draw(&log_p, rng);
        add(&mut theta, rate, &next.gradient(token));
        project_onto_unit_ball(&mut theta);
        response.push(token);
    }
    total
}

/// `sum_h alpha_h grad log q(y_h | x, y_<h)` for a response drawn from the teacher `q_truth` (Eq
/// 24-26), or with `E_p[phi]` in place of `phi(y_h)`.
///
/// # Panics
/// If theta has another length than phi.
#[must_use]
pub fn distilled_gradient(
    features: &dyn Features,
    truth: &[f64],
    theta: &[f64],
    prompt: usize,
    response: &[u32],
    target: DistillTarget,
) -> Vec<f64> {
    let (mut kls, mut gradients) = (Vec::new(), Vec::new());
    for (h, &token) in response.iter().enumerate() {
        let next = NextToken::new(features, theta, prompt, &response[..h]);
        let log_p = next.log_probs(truth);
        kls.push(kl(&log_p, &next.log_q));
        gradients.push(if target.distributions {
            let mut way = next.mean(&log_p);
            add(&mut way, -1.0, &next.mean(&next.log_q));
            way
        } else {
            next.gradient(token)
        });
    }
    let alpha = target.token_weights(&kls);
    let mut total = vec![0.0; theta.len()];
    for (alpha, gradient) in alpha.iter().zip(&gradients) {
        add(&mut total, *alpha, gradient);
    }
    total
}
