//! Instance R: three prompts with random features, and a truth far from the start.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::prompt::{NextToken, Prompt, dot};
use crate::random::stream;

const SHARES: [f64; 3] = [0.45, 0.45, 0.1];
/// Lengths of the features, in B.
const LENGTHS: [f64; 3] = [1.0, 1.0, 0.25];
/// The norm of theta*.
const TRUTH: f64 = 0.8;

/// Three prompts of four kinds of tokens, features in four dimensions.
#[derive(Clone, Debug)]
pub struct ThreePrompts {
    /// The prompts.
    pub prompts: [Prompt<4, 4>; 3],
}

impl ThreePrompts {
    /// Where training starts.
    pub const START: [f64; 4] = [-1.0, 0.0, 0.0, 0.0];
    /// B.
    pub const BOUND: f64 = 2.0;

    /// The instance with this number, with responses of `horizon` tokens.
    ///
    /// Unit vectors drawn uniformly, the same at every horizon.
    pub fn new(horizon: u64, seed: u64, number: u64) -> ThreePrompts {
        let rng = &mut stream("sgd", "three prompts", seed, number);
        let truth = direction(rng).map(|x| TRUTH * x);
        let prompt = |x: usize| {
            let feature = |()| direction(rng).map(|v| Self::BOUND * LENGTHS[x] * v);
            let features = [(); 4].map(feature);
            Prompt::new(SHARES[x], horizon, features, [1.0; 4], &truth)
        };
        ThreePrompts {
            prompts: [0, 1, 2].map(prompt),
        }
    }

    /// The inherent variance s2.
    pub fn variance(&self) -> f64 {
        let of = |prompt: &Prompt<4, 4>| prompt.share * prompt.variance();
        self.prompts.iter().map(of).sum()
    }

    /// The next-token laws of a model, one for each prompt.
    pub fn next(&self, theta: &[f64; 4]) -> [NextToken<4>; 3] {
        std::array::from_fn(|x| self.prompts[x].next(theta))
    }

    /// `KL(p||q)` of responses, each prompt's cut off at `cap`: Dseq where the cap is log N, because
    /// all tokens of a prompt have the same KL whatever precedes them.
    pub fn kl(&self, next: &[NextToken<4>; 3], cap: f64) -> f64 {
        let prompts = self.prompts.iter().zip(next);
        prompts
            .map(|(prompt, next)| prompt.share * prompt.kl(next).min(cap))
            .sum()
    }

    /// `Cov_N`, over the lists of each prompt's [`Prompt::responses`].
    pub fn coverage(
        &self,
        next: &[NextToken<4>; 3],
        responses: &[Vec<([f64; 4], f64)>; 3],
        log_n: f64,
    ) -> f64 {
        let of = |x: usize| {
            let prompt = &self.prompts[x];
            prompt.share * prompt.coverage(&next[x], &responses[x], log_n)
        };
        (0..3).map(of).sum()
    }

    /// A prompt drawn from mu.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> usize {
        let u: f64 = rng.random();
        usize::from(u >= SHARES[0]) + usize::from(u >= SHARES[0] + SHARES[1])
    }
}

/// A uniform point of the unit sphere.
fn direction(rng: &mut ChaCha8Rng) -> [f64; 4] {
    let point = [(); 4].map(|()| rng.sample::<f64, _>(StandardNormal));
    let length = dot(&point, &point).sqrt();
    point.map(|x| x / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_as_described() {
        let instance = ThreePrompts::new(8, 0, 3);
        let again = ThreePrompts::new(16, 0, 3);
        assert!((again.variance() / instance.variance() - 2.0).abs() < 1e-12);
        assert_ne!(ThreePrompts::new(8, 0, 4).variance(), instance.variance());
        // |phi| <= B bounds a token's variance.
        assert!(instance.variance() < 8.0 * ThreePrompts::BOUND.powi(2));
        let mut seen = [0.0; 3];
        let rng = &mut stream("test", "prompts", 0, 0);
        (0..20_000).for_each(|_| seen[instance.draw(rng)] += 1.0);
        for (seen, share) in seen.iter().zip(SHARES) {
            let deviation = (2e4 * share * (1.0 - share)).sqrt();
            assert!((seen - 2e4 * share).abs() < 5.0 * deviation);
        }
    }

    #[test]
    fn stopped_kl_is_the_kl_where_nothing_is_stopped() {
        let instance = ThreePrompts::new(8, 0, 0);
        let next = instance.next(&ThreePrompts::START);
        let kl = instance.kl(&next, f64::INFINITY);
        assert!(instance.kl(&next, 1e3) == kl && instance.kl(&next, 0.1) < kl);
        assert!(instance.kl(&next, 1e-3) <= 1e-3 + 1e-15);
    }
}
