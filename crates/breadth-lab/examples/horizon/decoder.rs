//! Steps on single tokens (Eq 21), and the decoder that takes them on its own response (Eq 22).

use breadth_lab::law::{Prompt, level};
use breadth_lab::step::ascend;
use breadth_stats::is_uncovered;
use rand_chacha::ChaCha8Rng;

use crate::instance::{D, Instance, N, Theta};

/// Responses per evaluation of the decoder's coverage.
const RESPONSES: usize = 8;

/// A step on one token of p's, as training takes it and the decoder too; `log p/q` before it.
pub fn token_step<const V: usize>(
    prompt: &Prompt<D, V>,
    theta: &mut Theta,
    token: usize,
    eta: f64,
) -> f64 {
    let next = prompt.next(theta);
    ascend(theta, &prompt.token_gradient(&next, token), eta);
    prompt.log_ratio(&next, token)
}

/// `Cov_N` of the decoder with test-time training: exact for prompts of one token, otherwise over a
/// few responses of p.
pub fn decoder_coverage<const V: usize>(
    instance: &Instance<V>,
    theta: &Theta,
    eta: f64,
    rng: &mut ChaCha8Rng,
) -> f64 {
    instance.mean(|at| {
        let prompt = &instance.prompts[at];
        if prompt.horizon == 1 {
            instance.coverage(at, &prompt.next(theta))
        } else {
            sampled_coverage(prompt, theta, eta, rng)
        }
    })
}

/// The response of nothing but one token comes up again and again and is followed once.
fn sampled_coverage<const V: usize>(
    prompt: &Prompt<D, V>,
    theta: &Theta,
    eta: f64,
    rng: &mut ChaCha8Rng,
) -> f64 {
    let mut of_one_token = [None; V];
    let mut missed = 0;
    for _ in 0..RESPONSES {
        let response: Vec<usize> = (0..prompt.horizon).map(|_| prompt.token(rng)).collect();
        let first = response[0];
        missed += usize::from(if response.iter().all(|&token| token == first) {
            *of_one_token[first].get_or_insert_with(|| misses(prompt, theta, eta, &response))
        } else {
            misses(prompt, theta, eta, &response)
        });
    }
    missed as f64 / RESPONSES as f64
}

/// Whether the decoder leaves a response of p uncovered.
fn misses<const V: usize>(
    prompt: &Prompt<D, V>,
    theta: &Theta,
    eta: f64,
    response: &[usize],
) -> bool {
    let mut moved = *theta;
    let step = |&token: &usize| token_step(prompt, &mut moved, token, eta);
    let log_ratio = response.iter().map(step).sum();
    is_uncovered(log_ratio, 0.0, level(N.ln()))
}

#[cfg(test)]
mod tests {
    use breadth_lab::stream;
    use breadth_lm::model::linear::{Features, log_prob, token_level_sgd};

    use super::*;
    use crate::instance::CYCLE;

    const TRUTH: Theta = [0.5, -0.3, 0.2, 0.1, 0.0, 0.4];

    /// Three tokens, none of them rare.
    struct Tokens;

    impl Tokens {
        fn rows() -> [Theta; 3] {
            let row = |at: usize| std::array::from_fn(|i| ((7 * at + 3 * i) % 5) as f64 - 2.0);
            std::array::from_fn(row)
        }
    }

    impl Features for Tokens {
        fn dimension(&self) -> usize {
            D
        }

        fn vocabulary(&self) -> usize {
            3
        }

        fn horizon(&self, _: usize) -> usize {
            5
        }

        fn features(&self, _: usize, _: &[u32], out: &mut [f64]) {
            out.copy_from_slice(Self::rows().as_flattened());
        }
    }

    #[test]
    fn token_steps_are_those_of_models_in_general() {
        let prompt = Prompt::new(1.0, 5, Tokens::rows(), [1.0; 3], &TRUTH);
        let response = [2, 0, 0, 1, 2];
        let (mut own, mut theirs) = ([0.1; D], [0.1; D]);
        let step = |&token: &u32| token_step(&prompt, &mut own, token as usize, 0.3);
        let log_ratio: f64 = response.iter().map(step).sum();
        let log_q = token_level_sgd(&Tokens, &mut theirs, 0, &response, 0.3);
        let expected = log_prob(&Tokens, &TRUTH, 0, &response) - log_q.iter().sum::<f64>();
        assert!((log_ratio - expected).abs() < 1e-12);
        for (own, theirs) in own.iter().zip(theirs) {
            assert!((own - theirs).abs() < 1e-12);
        }
    }

    #[test]
    fn with_steps_of_zero_the_decoder_is_the_model() {
        let instance = CYCLE.build(16);
        let rng = &mut stream("test", "decoder", 0, 0);
        let laws = instance.next(&instance.start);
        let plain = instance.mean(|at| instance.coverage(at, &laws[at]));
        let decoder = decoder_coverage(&instance, &instance.start, 0.0, rng);
        assert!(
            (plain - decoder).abs() < 1e-9 && plain > 0.99,
            "{plain} {decoder}"
        );
    }
}
