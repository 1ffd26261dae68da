//! Totals: a task with many right responses. The prompt is a number, the response any sum,
//! difference or product that equals it.
//!
//! ```text
//! 37:      12+25      60-23      1*37
//! ```
//!
//! The kind of the response is drawn by its weight, then one of its kind, each equally likely, so
//! that the distribution `p(y|x)` is known exactly, and so is the probability of a right response
//! under any model: the sum over [`Totals::right`].

pub(super) mod task;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rng::{self, Stream};

/// `[task.totals]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotalsConfig {
    /// The least total, at least 1.
    pub from: u32,
    /// The largest total.
    pub to: u32,
    /// Weight of `a+b`.
    #[serde(default = "sums")]
    pub sums: f64,
    /// Weight of `c-b` with b up to 60.
    #[serde(default = "differences")]
    pub differences: f64,
    /// Weight of `a*b`.
    #[serde(default = "products")]
    pub products: f64,
}

fn sums() -> f64 {
    0.55
}

fn differences() -> f64 {
    0.35
}

fn products() -> f64 {
    0.1
}

/// The largest b of a difference `c-b`.
const MOST_SUBTRACTED: u32 = 60;
/// Totals beyond this have more right responses than anybody would list.
const MOST: u32 = 5_000;

/// The task.
#[derive(Clone, Debug)]
pub struct Totals {
    config: TotalsConfig,
}

impl Totals {
    /// The task of a configuration.
    ///
    /// # Errors
    /// No totals, totals of 0 or beyond 5,000, weights that are negative, of an infinite sum, or
    /// all 0.
    pub fn new(config: TotalsConfig) -> Result<Self> {
        let error = |message: &str| Err(Error::config("[task.totals]", message));
        if config.from == 0 || config.from > config.to || config.to > MOST {
            return error("needs 1 <= from <= to <= 5000");
        }
        let weights = [config.sums, config.differences, config.products];
        let sum: f64 = weights.iter().sum();
        if weights.iter().any(|w| w.is_nan() || *w < 0.0) || sum <= 0.0 || sum.is_infinite() {
            return error(
                "sums, differences and products are weights of at least 0, not all of them 0, with \
                 a finite sum",
            );
        }
        Ok(Self { config })
    }

    /// The totals that are asked for.
    pub fn totals(&self) -> impl Iterator<Item = u32> + use<> {
        self.config.from..=self.config.to
    }

    /// A total, each equally likely.
    pub fn draw_total(&self, rng: &mut Stream) -> u32 {
        let count = self.config.to - self.config.from + 1;
        self.config.from + rng::below(rng, u64::from(count)) as u32
    }

    /// A response to a total, from its distribution.
    pub fn draw(&self, total: u32, rng: &mut Stream) -> String {
        let kind = rng::categorical(rng, &self.weights()).unwrap_or(0);
        let mut responses = of_kind(kind, total);
        let at = rng::below(rng, responses.len() as u64) as usize;
        responses.swap_remove(at)
    }

    /// Every right response to a total with its probability `p(y|x)`; those of weight 0 as well.
    ///
    /// ```
    /// use breadth_lm::task::totals::{Totals, TotalsConfig};
    /// let config = TotalsConfig { from: 4, to: 9, sums: 0.5, differences: 0.0, products: 0.5 };
    /// let right = Totals::new(config)?.right(4);
    /// assert_eq!(right.len(), 5 + 61 + 3); // 0+4 .. 4+0, 4-0 .. 64-60, 1*4, 2*2, 4*1
    /// assert_eq!(right[0], ("0+4".into(), 0.5 / 5.0));
    /// assert!((right.iter().map(|(_, p)| p).sum::<f64>() - 1.0).abs() < 1e-12);
    /// # Ok::<(), breadth_lm::Error>(())
    /// ```
    pub fn right(&self, total: u32) -> Vec<(String, f64)> {
        let weights = self.weights();
        let sum: f64 = weights.iter().sum();
        let of = |kind: usize| {
            let responses = of_kind(kind, total);
            let p = weights[kind] / sum / responses.len() as f64;
            responses.into_iter().map(move |response| (response, p))
        };
        (0..weights.len()).flat_map(of).collect()
    }

    /// `ln p(y|x)`; `-inf` for what is not right.
    pub fn log_prob(&self, total: u32, response: &str) -> f64 {
        let Some(at) = response.find(['+', '-', '*']) else {
            return f64::NEG_INFINITY;
        };
        let kind = match &response[at..=at] {
            "+" => 0,
            "-" => 1,
            _ => 2,
        };
        let responses = of_kind(kind, total);
        if !responses.iter().any(|known| known == response) {
            return f64::NEG_INFINITY;
        }
        let weights = self.weights();
        (weights[kind] / weights.iter().sum::<f64>() / responses.len() as f64).ln()
    }

    fn weights(&self) -> [f64; 3] {
        [
            self.config.sums,
            self.config.differences,
            self.config.products,
        ]
    }

    /// Characters of the longest prompt and of the longest response.
    pub fn longest(&self) -> (usize, usize) {
        let digits = |n: u32| n.to_string().len();
        let largest = self.config.to;
        let sum = 2 * digits(largest) + 1;
        let difference = digits(largest + MOST_SUBTRACTED) + 1 + digits(MOST_SUBTRACTED);
        (digits(largest) + 1, sum.max(difference))
    }
}

/// The responses of one kind: 0 is sums, 1 differences, 2 products.
fn of_kind(kind: usize, total: u32) -> Vec<String> {
    match kind {
        0 => (0..=total).map(|a| format!("{a}+{}", total - a)).collect(),
        1 => (0..=MOST_SUBTRACTED)
            .map(|b| format!("{}-{b}", total + b))
            .collect(),
        _ => (1..=total)
            .filter(|a| total.is_multiple_of(*a))
            .map(|a| format!("{a}*{}", total / a))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(sums: f64, differences: f64, products: f64) -> Result<Totals> {
        Totals::new(TotalsConfig {
            from: 1,
            to: 40,
            sums,
            differences,
            products,
        })
    }

    /// Brute force: every text of at most five characters that evaluates to the total in one of the
    /// three ways.
    #[test]
    fn the_right_responses_are_all_there_are() {
        let totals = task(0.5, 0.3, 0.2).unwrap();
        for total in [1, 7, 12, 36] {
            let mut expected = Vec::new();
            for (a, b) in (0..=100).flat_map(|a| (0..=100).map(move |b| (a, b))) {
                expected.extend((a + b == total).then(|| format!("{a}+{b}")));
                expected.extend((a == total + b && b <= 60).then(|| format!("{a}-{b}")));
                expected.extend((a * b == total).then(|| format!("{a}*{b}")));
            }
            let mut right: Vec<String> = totals.right(total).into_iter().map(|(y, _)| y).collect();
            right.sort();
            expected.sort();
            assert_eq!(right, expected);
        }
    }

    #[test]
    fn the_probability_of_a_response_is_that_of_the_list() {
        let totals = task(0.5, 0.0, 0.2).unwrap();
        for (response, p) in totals.right(12) {
            assert_eq!(totals.log_prob(12, &response), p.ln(), "{response}");
        }
        for response in [
            "", "12", "1+12", "01+11", "1+11+0", "13-1-0", "+12", "5*2", "-",
        ] {
            assert_eq!(
                totals.log_prob(12, response),
                f64::NEG_INFINITY,
                "{response}"
            );
        }
    }

    #[test]
    fn draws_follow_the_distribution() {
        let totals = task(0.5, 0.3, 0.2).unwrap();
        let right = totals.right(6);
        let mut rng = rng::stream(3, "test", 0);
        let mut counts = std::collections::BTreeMap::new();
        const DRAWS: usize = 40_000;
        for _ in 0..DRAWS {
            *counts.entry(totals.draw(6, &mut rng)).or_insert(0.0) += 1.0;
        }
        let chi_square: f64 = right
            .iter()
            .map(|(y, p)| {
                let expected = p * DRAWS as f64;
                (counts.get(y).copied().unwrap_or(0.0) - expected).powi(2) / expected
            })
            .sum();
        // 71 degrees of freedom: beyond 120 with a chance of 2 in 10,000.
        assert!(chi_square < 120.0, "{chi_square}");
        assert!(
            counts
                .keys()
                .all(|y| right.iter().any(|(known, _)| known == y))
        );
    }

    #[test]
    fn impossible_settings_are_refused() {
        insta::assert_snapshot!(task(0.0, 0.0, 0.0).unwrap_err(), @"[task.totals]: sums, differences and products are weights of at least 0, not all of them 0, with a finite sum");
        assert!(task(f64::NAN, 1.0, 1.0).is_err() && task(1e308, 1e308, 1.0).is_err());
        let config = TotalsConfig {
            from: 9,
            to: 3,
            sums: 1.0,
            differences: 1.0,
            products: 1.0,
        };
        insta::assert_snapshot!(Totals::new(config).unwrap_err(), @"[task.totals]: needs 1 <= from <= to <= 5000");
    }
}
