//! Prompts that fade: each half as frequent as the one before it.

use rand::Rng;

use super::counts::{binomial, multinomial};
use super::tokens::{coin_coverage, coin_kl};

/// How many prompts there are.
const PROMPTS: i32 = 20;

/// Twenty prompts with shares 1/2, 1/4, ..., 2^-19, 2^-19, and H independent coin flips to each.
///
/// An autoregressive linear model with `phi(x = j, y_1:h) = y_h e_j`, y in {-1, +1}: prompt j has a
/// coordinate of its own, and `P(+1 | j) = 1 / (1 + e^{-2 theta_j})`. The truth is
/// `theta = (1, .., 1)`, the class `|theta_j| <= 1`. So there are prompts of every rarity, and
/// those of a share near 1/n decide.
#[derive(Clone, Debug)]
pub struct FadingPrompts {
    /// (prompts) how frequent each is.
    pub shares: Vec<f64>,
    /// The probability of +1 under the truth, the largest of the class.
    pub heads: f64,
}

/// What was seen of a prompt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoinCounts {
    /// Tokens.
    pub tokens: u64,
    /// How many of them were +1.
    pub heads: u64,
}

impl Default for FadingPrompts {
    fn default() -> FadingPrompts {
        let share = |j: i32| 0.5_f64.powi(j.min(PROMPTS - 1));
        FadingPrompts {
            shares: (1..=PROMPTS).map(share).collect(),
            heads: 1.0 / (1.0 + (-2.0_f64).exp()),
        }
    }
}

impl FadingPrompts {
    /// One data set for each horizon: what is seen of each prompt in `rows` responses of that
    /// length. A longer response continues the shorter one.
    ///
    /// `horizons`: ascending. The result is (horizons, prompts).
    pub fn draw(&self, rng: &mut impl Rng, rows: u64, horizons: &[u64]) -> Vec<Vec<CoinCounts>> {
        let rows = multinomial(rng, rows, &self.shares);
        let mut heads = vec![0; rows.len()];
        let mut before = 0;
        let mut of_horizon = |&horizon: &u64| {
            let counts = rows.iter().zip(&mut heads).map(|(&rows, heads)| {
                *heads += binomial(rng, rows * (horizon - before), self.heads);
                CoinCounts {
                    tokens: rows * horizon,
                    heads: *heads,
                }
            });
            let counts = counts.collect();
            before = horizon;
            counts
        };
        horizons.iter().map(&mut of_horizon).collect()
    }

    /// KL of responses of this length. `model`: (prompts) probabilities of +1.
    pub fn kl(&self, model: &[f64], horizon: u64) -> f64 {
        let each = self.shares.iter().zip(model);
        let tokens: f64 = each.map(|(share, &q)| share * coin_kl(self.heads, q)).sum();
        horizon as f64 * tokens
    }

    /// `Cov_N` of responses of this length. `model`: (prompts) probabilities of +1.
    pub fn coverage(&self, model: &[f64], horizon: u64, log_n: f64) -> f64 {
        let each = self.shares.iter().zip(model);
        each.map(|(share, &q)| share * coin_coverage(horizon, self.heads, q, log_n))
            .sum()
    }

    /// The inherent variance, `s2 = H Var(y)`: the expected squared length of what the tokens'
    /// features differ from their means.
    pub fn inherent_variance(&self, horizon: u64) -> f64 {
        horizon as f64 * 4.0 * self.heads * (1.0 - self.heads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Estimate, stream};

    #[test]
    fn shares_add_up_and_the_truth_is_covered() {
        let law = FadingPrompts::default();
        assert_eq!(law.shares.iter().sum::<f64>(), 1.0);
        let truth = vec![law.heads; law.shares.len()];
        assert_eq!(law.kl(&truth, 64), 0.0);
        assert_eq!(law.coverage(&truth, 64, 8_f64.ln()), 0.0);
        // tanh 1 = 2 P(+1) - 1.
        assert!((law.inherent_variance(10) - 10.0 * (1.0 - 1_f64.tanh().powi(2))).abs() < 1e-12);
    }

    #[test]
    fn a_longer_response_continues_the_shorter_one() {
        let law = FadingPrompts::default();
        let rng = &mut stream("test", "fading", 0, 0);
        let mut heads = Vec::new();
        for _ in 0..2000 {
            let drawn = law.draw(rng, 40, &[3, 10]);
            for (short, long) in drawn[0].iter().zip(&drawn[1]) {
                assert_eq!(short.tokens * 10, long.tokens * 3);
                assert!(long.heads >= short.heads);
                assert!(long.tokens - short.tokens >= long.heads - short.heads);
            }
            assert_eq!(drawn[1].iter().map(|c| c.tokens).sum::<u64>(), 400);
            heads.push(drawn[1].iter().map(|c| c.heads).sum::<u64>() as f64 / 400.0);
        }
        let mean = Estimate::mean(&heads);
        assert!((mean.value - law.heads).abs() < 5.0 * mean.standard_error);
    }
}
