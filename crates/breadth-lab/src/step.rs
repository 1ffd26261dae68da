//! The paper's updates of autoregressive linear models, as ascent on the log-likelihood over the
//! unit ball.

use breadth_lm::model::linear::project_onto_unit_ball;
use breadth_stats::bound;
use rand_chacha::ChaCha8Rng;

use crate::law::{Prompt, dot};

/// How the tokens of a response are weighted: from their KLs and the budget log N.
pub type Truncation = fn(&[f64], f64) -> Vec<f64>;

/// The weights of Eq 25.
///
/// # Panics
///
/// If a KL is negative or NaN.
pub fn truncation(kls: &[f64], budget: f64) -> Vec<f64> {
    bound::truncation_weights(kls, budget).expect("KLs are at least 0")
}

/// `theta + eta g`, without a projection.
pub fn advance<const D: usize>(theta: &mut [f64; D], gradient: &[f64; D], eta: f64) {
    theta
        .iter_mut()
        .zip(gradient)
        .for_each(|(theta, g)| *theta += eta * g);
}

/// `Proj(theta + eta g)`, Eq 14 where g is a sequence's gradient and Eq 21 where it is a token's.
///
/// # Examples
///
/// ```
/// let mut theta = [0.0, 0.6];
/// breadth_lab::step::ascend(&mut theta, &[1.0, 1.0], 0.2);
/// assert!((theta[1] - 0.8).abs() < 1e-15);
/// breadth_lab::step::ascend(&mut theta, &[1.0, 0.0], 1e6); // far outside the ball
/// assert!((theta[0] - 1.0).abs() < 1e-6);
/// ```
pub fn ascend<const D: usize>(theta: &mut [f64; D], gradient: &[f64; D], eta: f64) {
    advance(theta, gradient, eta);
    project_onto_unit_ball(theta);
}

/// `Proj(theta + eta g / (lambda + |g|))`, Eq 18.
pub fn ascend_normalised<const D: usize>(
    theta: &mut [f64; D],
    gradient: &[f64; D],
    eta: f64,
    lambda: f64,
) {
    let length = dot(gradient, gradient).sqrt();
    ascend(theta, gradient, eta / (lambda + length));
}

/// Draws a response and gives its tokens the weights of Eq 24: weighted counts of tokens.
///
/// `token_kl`: the KL of every token, which for independent tokens is the same whatever precedes.
/// Tokens of equal weight are drawn as one.
pub fn draw_truncated<const D: usize, const V: usize>(
    prompt: &Prompt<D, V>,
    token_kl: f64,
    budget: f64,
    truncation: Truncation,
    rng: &mut ChaCha8Rng,
) -> [f64; V] {
    let weights = truncation(&vec![token_kl; prompt.horizon as usize], budget);
    let mut counts = [0.0; V];
    for equal in weights.chunk_by(|a, b| a == b) {
        if equal[0] > 0.0 {
            let drawn = prompt.draw(equal.len() as u64, rng);
            let cells = counts.iter_mut().zip(drawn);
            cells.for_each(|(count, drawn)| *count += equal[0] * drawn);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream;

    fn prompt(horizon: u64) -> Prompt<1, 2> {
        Prompt::new(1.0, horizon, [[1.0], [-1.0]], [1.0; 2], &[0.3])
    }

    #[test]
    fn a_small_gradient_is_normalised_by_lambda_and_a_large_one_by_itself() {
        let step = |gradient: f64| {
            let mut theta = [0.0];
            ascend_normalised(&mut theta, &[gradient], 0.01, 10.0);
            theta[0]
        };
        assert!((step(1e-6) - 1e-9).abs() < 1e-15);
        assert!((step(-1e9) + 0.01).abs() < 1e-9);
    }

    /// Two whole tokens and half of the third, in numbers that are exact.
    const KL: f64 = 0.375;
    const BUDGET: f64 = 2.5 * KL;

    #[test]
    fn truncated_draws_weigh_the_tokens_that_eq_25_keeps() {
        let rng = &mut stream("test", "truncated", 0, 0);
        for (horizon, expected) in [(2, 2.0), (3, 2.5), (9, 2.5)] {
            let counts = draw_truncated(&prompt(horizon), KL, BUDGET, truncation, rng);
            assert_eq!(counts.iter().sum::<f64>(), expected);
        }
        let counts = draw_truncated(&prompt(20), 0.0, BUDGET, truncation, rng);
        assert_eq!(counts.iter().sum::<f64>(), 20.0);
    }

    /// The law of the weighted counts, against all 8 responses.
    #[test]
    fn truncated_draws_follow_the_law_of_the_response() {
        let (prompt, rng) = (prompt(3), &mut stream("test", "truncated law", 0, 0));
        let p: f64 = 1.0 / (1.0 + (-0.6_f64).exp());
        let draws = (0..20_000).map(|_| draw_truncated(&prompt, KL, BUDGET, truncation, rng)[0]);
        let seen: Vec<f64> = draws.collect();
        for (count, probability) in [
            (0.0, (1.0 - p).powi(3)),
            (0.5, (1.0 - p).powi(2) * p),
            (1.0, 2.0 * p * (1.0 - p).powi(2)),
            (1.5, 2.0 * p * p * (1.0 - p)),
            (2.0, p * p * (1.0 - p)),
            (2.5, p.powi(3)),
        ] {
            let times = seen.iter().filter(|&&drawn| drawn == count).count() as f64;
            let deviation = (2e4 * probability * (1.0 - probability)).sqrt();
            assert!(
                (times - 2e4 * probability).abs() < 5.0 * deviation,
                "{count}: {times}"
            );
        }
    }
}
