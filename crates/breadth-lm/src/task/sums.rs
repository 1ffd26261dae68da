//! Sums: the prompt lists numbers to add, the response is their total, alone or at the end of a
//! chain of steps.
//!
//! ```text
//! 3+5+9=      17                 steps = false
//! 3+5+9=      5+3=8,8+9=17       steps = true: the numbers in any order
//! ```
//!
//! With steps all orders of the numbers are equally likely. `wrong` is the share of responses with
//! a wrong label: a total drawn uniformly from all others (without steps). The distribution
//! `p(y|x)` is known exactly ([`Sums::log_prob`]).

pub(super) mod task;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::rng::{self, Stream};

/// `[task.sums]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SumsConfig {
    /// How many numbers are added: 2 to 6.
    pub terms: usize,
    /// The numbers are 0 to `below - 1`.
    pub below: u32,
    /// Whether the response shows its steps.
    #[serde(default)]
    pub steps: bool,
    /// Share of responses with a wrong total.
    #[serde(default)]
    pub wrong: f64,
}

/// The task.
#[derive(Clone, Debug)]
pub struct Sums {
    config: SumsConfig,
}

impl Sums {
    /// The task of a configuration.
    ///
    /// # Errors
    /// Fewer than 2 numbers or more than 6, numbers of which there are fewer than 2 or more than
    /// 100,000, a share outside [0, 1), wrong totals with steps.
    pub fn new(config: SumsConfig) -> Result<Self> {
        let error = |message: &str| Err(Error::config("[task.sums]", message));
        if !(2..=6).contains(&config.terms) {
            return error("terms is 2 to 6");
        }
        if !(2..=100_000).contains(&config.below) {
            return error("below is 2 to 100000");
        }
        if !(0.0..1.0).contains(&config.wrong) {
            return error("wrong is a share of at least 0 and below 1");
        }
        if config.steps && config.wrong > 0.0 {
            return error("wrong totals are for steps = false: what would follow a wrong step?");
        }
        Ok(Self { config })
    }

    /// The numbers of a prompt, each equally likely.
    pub fn draw_terms(&self, rng: &mut Stream) -> Vec<u32> {
        let below = u64::from(self.config.below);
        (0..self.config.terms)
            .map(|_| rng::below(rng, below) as u32)
            .collect()
    }

    /// A response, from its distribution.
    pub fn draw(&self, terms: &[u32], rng: &mut Stream) -> String {
        let total: u32 = terms.iter().sum();
        if self.config.steps {
            let mut order = terms.to_vec();
            rng::shuffle(rng, &mut order);
            return chain(&order);
        }
        if rng::uniform(rng) < self.config.wrong {
            let other = rng::below(rng, u64::from(self.largest())) as u32;
            return (other + u32::from(other >= total)).to_string();
        }
        total.to_string()
    }

    /// Every right response with its probability `p(y|x)`: the total, or all chains of steps.
    ///
    /// ```
    /// use breadth_lm::task::sums::{Sums, SumsConfig};
    /// let task = |steps, wrong| Sums::new(SumsConfig { terms: 3, below: 10, steps, wrong });
    /// assert_eq!(task(false, 0.25)?.right(&[3, 5, 9]), [("17".into(), 0.75)]);
    /// let chains = task(true, 0.0)?.right(&[3, 3, 9]);
    /// assert_eq!(chains.len(), 3);
    /// assert_eq!(chains[0].0, "3+3=6,6+9=15");
    /// assert!((chains[0].1 - 1.0 / 3.0).abs() < 1e-12);
    /// # Ok::<(), breadth_lm::Error>(())
    /// ```
    pub fn right(&self, terms: &[u32]) -> Vec<(String, f64)> {
        if !self.config.steps {
            let total: u32 = terms.iter().sum();
            return vec![(total.to_string(), 1.0 - self.config.wrong)];
        }
        let orders = orders(terms);
        let each = 1.0 / orders.len() as f64;
        let mut found: BTreeMap<String, f64> = BTreeMap::new();
        for order in orders {
            *found.entry(chain(&order)).or_insert(0.0) += each;
        }
        found.into_iter().collect()
    }

    /// `ln p(y|x)`, wrong totals included; `-inf` for what is never given.
    pub fn log_prob(&self, terms: &[u32], response: &str) -> f64 {
        let right = self.right(terms);
        if let Some((_, p)) = right.iter().find(|(known, _)| known == response) {
            return p.ln();
        }
        let is_total = |total: u32| total <= self.largest() && total.to_string() == response;
        if !self.config.steps && response.parse().is_ok_and(is_total) {
            return (self.config.wrong / f64::from(self.largest())).ln();
        }
        f64::NEG_INFINITY
    }

    /// The largest total.
    fn largest(&self) -> u32 {
        self.config.terms as u32 * (self.config.below - 1)
    }

    /// Characters of the longest prompt and of the longest response.
    pub fn longest(&self) -> (usize, usize) {
        let most = vec![self.config.below - 1; self.config.terms];
        let response = if self.config.steps {
            chain(&most).len()
        } else {
            self.largest().to_string().len()
        };
        (prompt(&most).len(), response)
    }
}

/// `3+5+9=`.
pub fn prompt(terms: &[u32]) -> String {
    let terms: Vec<String> = terms.iter().map(u32::to_string).collect();
    terms.join("+") + "="
}

/// `3+5=8,8+9=17`.
fn chain(order: &[u32]) -> String {
    let mut total = order[0];
    let step = |&term: &u32| {
        let before = total;
        total += term;
        format!("{before}+{term}={total}")
    };
    let steps: Vec<String> = order[1..].iter().map(step).collect();
    steps.join(",")
}

/// All orders, equal numbers told apart.
fn orders(terms: &[u32]) -> Vec<Vec<u32>> {
    if terms.len() <= 1 {
        return vec![terms.to_vec()];
    }
    let first = |at: usize| {
        let mut rest = terms.to_vec();
        let term = rest.remove(at);
        orders(&rest).into_iter().map(move |mut order| {
            order.insert(0, term);
            order
        })
    };
    (0..terms.len()).flat_map(first).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(steps: bool, wrong: f64) -> Result<Sums> {
        Sums::new(SumsConfig {
            terms: 3,
            below: 4,
            steps,
            wrong,
        })
    }

    #[test]
    fn every_chain_is_an_order_whose_steps_are_right() {
        let terms = [3, 1, 2];
        let chains = task(true, 0.0).unwrap().right(&terms);
        assert_eq!(chains.len(), 6);
        for (chain, _) in chains {
            let mut last = None;
            let mut used = Vec::new();
            for step in chain.split(',') {
                let (sum, total) = step.split_once('=').unwrap();
                let (a, b) = sum.split_once('+').unwrap();
                let number = |text: &str| text.parse::<u32>().unwrap();
                assert_eq!(number(a) + number(b), number(total), "{chain}");
                match last {
                    None => used.push(number(a)),
                    Some(last) => assert_eq!(last, number(a), "{chain}"),
                }
                used.push(number(b));
                last = Some(number(total));
            }
            used.sort_unstable();
            assert_eq!(used, [1, 2, 3]);
        }
    }

    #[test]
    fn the_distribution_sums_to_one_and_draws_follow_it() {
        let terms = [3, 1, 3];
        for sums in [task(true, 0.0).unwrap(), task(false, 0.3).unwrap()] {
            let mut rng = rng::stream(5, "test", 0);
            let mut counts: BTreeMap<String, f64> = BTreeMap::new();
            const DRAWS: usize = 20_000;
            for _ in 0..DRAWS {
                *counts.entry(sums.draw(&terms, &mut rng)).or_insert(0.0) += 1.0;
            }
            let mut total = 0.0;
            for (response, count) in counts {
                let p = sums.log_prob(&terms, &response).exp();
                total += p;
                let deviation = (count - p * DRAWS as f64) / (DRAWS as f64 * p * (1.0 - p)).sqrt();
                assert!(
                    deviation.abs() < 4.5,
                    "{response}: {count} of {DRAWS} at {p}"
                );
            }
            assert!((total - 1.0).abs() < 1e-12, "{total}");
        }
    }

    #[test]
    fn what_is_never_given_has_probability_zero() {
        let sums = task(false, 0.0).unwrap();
        for response in ["8", "07", "+7", "", "10", "7,"] {
            assert_eq!(
                sums.log_prob(&[3, 1, 3], response),
                f64::NEG_INFINITY,
                "{response}"
            );
        }
        assert_eq!(sums.log_prob(&[3, 1, 3], "7"), 0.0);
    }

    #[test]
    fn impossible_settings_are_refused() {
        insta::assert_snapshot!(task(true, 0.1).unwrap_err(), @"[task.sums]: wrong totals are for steps = false: what would follow a wrong step?");
        insta::assert_snapshot!(task(false, 1.0).unwrap_err(), @"[task.sums]: wrong is a share of at least 0 and below 1");
        let of = |terms, below| {
            Sums::new(SumsConfig {
                terms,
                below,
                steps: false,
                wrong: 0.0,
            })
        };
        insta::assert_snapshot!(of(1, 10).unwrap_err(), @"[task.sums]: terms is 2 to 6");
        insta::assert_snapshot!(of(2, 1).unwrap_err(), @"[task.sums]: below is 2 to 100000");
    }
}
