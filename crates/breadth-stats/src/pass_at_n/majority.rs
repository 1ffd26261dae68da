//! The majority vote of k samples.

use std::collections::BTreeMap;

use super::per_prompt::check_k;
use crate::error::{Error, Result};

/// A final answer: how many samples gave it, and the mean of their rewards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnswerCount {
    /// Number of samples, at least 1.
    pub count: u64,
    /// Reward in [0, 1].
    pub reward: f64,
}

/// Unbiased expected reward of the majority vote of k samples of one prompt (maj@k).
///
/// The vote goes to the most frequent answer among k samples, at random among several. The estimate
/// is the mean over all k-subsets of the samples of the reward of their most frequent answer:
/// `sum_a r_a P[a wins]`, exactly, by convolution of the hypergeometric counts. `answers`: the
/// distinct answers; samples without an answer agree with no other, so give each an entry of its
/// own with count 1.
///
/// # Errors
///
/// k = 0, k larger than the number of samples, or rewards outside [0, 1].
///
/// # Examples
///
/// ```
/// use breadth_stats::{AnswerCount, majority_of_k};
/// let answers = [
///     AnswerCount {
///         count: 3,
///         reward: 1.0,
///     },
///     AnswerCount {
///         count: 2,
///         reward: 0.0,
///     },
/// ];
/// assert!((majority_of_k(&answers, 1)? - 0.6).abs() < 1e-12);
/// assert!((majority_of_k(&answers, 3)? - 0.7).abs() < 1e-12); // 7 of the 10 triples hold two or three of the first
/// assert!((majority_of_k(&answers, 5)? - 1.0).abs() < 1e-12);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Wang et al., self-consistency, arXiv 2203.11171.
#[doc(alias = "maj@k")]
#[doc(alias = "self-consistency")]
pub fn majority_of_k(answers: &[AnswerCount], k: u64) -> Result<f64> {
    let bad = answers
        .iter()
        .position(|answer| !(0.0..=1.0).contains(&answer.reward));
    if let Some(index) = bad {
        return Err(Error::InvalidReward {
            index,
            value: answers[index].reward,
        });
    }
    let n: u64 = answers.iter().map(|answer| answer.count).sum();
    check_k(n, k)?;
    // Answers given as often win as often.
    let mut of_count = BTreeMap::new();
    let mut value = 0.0_f64;
    for (a, answer) in answers.iter().enumerate() {
        if answer.reward > 0.0 {
            let chance = of_count
                .entry(answer.count)
                .or_insert_with(|| wins(answers, a, n, k));
            value += answer.reward * *chance;
        }
    }
    Ok(value.clamp(0.0, 1.0))
}

/// The chance that `winner` is the most frequent answer, ties drawn at random.
///
/// Every sample is taken with probability k/n on its own, given that k are taken in all: so each
/// answer's count is binomial, and the condition is a division by `P[Bin(n, k/n) = k]`. Answers
/// that can never reach j samples need no count of their own: together they are one binomial.
fn wins(answers: &[AnswerCount], winner: usize, n: u64, k: u64) -> f64 {
    let rate = k as f64 / n as f64;
    let mut total = 0.0;
    for j in 1..=k.min(answers[winner].count) {
        let own = binomial(answers[winner].count, j, rate);
        let others = || answers.iter().enumerate().filter(|&(a, _)| a != winner);
        let small: u64 = others().map(|(_, a)| a.count).filter(|&c| c < j).sum();
        let left = (k - j) as usize;
        // [number tied with the winner][samples of others]
        let mut ways = vec![
            (0..=left)
                .map(|x| binomial(small, x as u64, rate))
                .collect::<Vec<f64>>(),
        ];
        for (_, answer) in others().filter(|(_, answer)| answer.count >= j) {
            ways = with_answer(&ways, answer.count, j, left, rate);
        }
        let outcome = |(ties, ways): (usize, &Vec<f64>)| ways[left] / (ties + 1) as f64;
        total += own * ways.iter().enumerate().map(outcome).sum::<f64>();
    }
    total / binomial(n, k, rate)
}

/// Adds one more answer, which may have at most j samples and is tied if it has as many.
fn with_answer(ways: &[Vec<f64>], count: u64, j: u64, left: usize, rate: f64) -> Vec<Vec<f64>> {
    let chances: Vec<f64> = (0..=j).map(|x| binomial(count, x, rate)).collect();
    let most_ties = left / j as usize;
    let mut next = vec![vec![0.0; left + 1]; (ways.len() + 1).min(most_ties + 1)];
    for (ties, row) in ways.iter().enumerate() {
        for (taken, way) in row.iter().enumerate().filter(|(_, way)| **way > 0.0) {
            for (x, chance) in chances.iter().enumerate().take(left - taken + 1) {
                let ties = ties + usize::from(x as u64 == j);
                next[ties][taken + x] += way * chance;
            }
        }
    }
    next
}

/// `P[ Bin(n, p) = x ]`.
fn binomial(n: u64, x: u64, p: f64) -> f64 {
    use statrs::function::factorial::ln_binomial;
    if x > n {
        return 0.0;
    }
    let term = |count: u64, log: f64| if count == 0 { 0.0 } else { count as f64 * log };
    (ln_binomial(n, x) + term(x, p.ln()) + term(n - x, (-p).ln_1p())).exp()
}
