//! Draws of sufficient statistics: counts instead of tokens.

use rand::{Rng, RngExt};
use rand_distr::{Binomial, Distribution};

/// Below this many balls for each box they are thrown one by one, which is then the faster way.
const THROWN: u64 = 8;

/// A draw of Bin(trials, p); p may miss [0, 1] by rounding.
///
/// # Panics
///
/// If p is NaN.
pub fn binomial(rng: &mut impl Rng, trials: u64, p: f64) -> u64 {
    let law = Binomial::new(trials, p.clamp(0.0, 1.0)).expect("a probability");
    law.sample(rng)
}

/// How often each outcome comes up in so many independent draws.
///
/// `p`: (outcomes) probabilities, which may miss the sum 1 by rounding. Exact: each count is
/// binomial given those before it.
pub fn multinomial(rng: &mut impl Rng, trials: u64, p: &[f64]) -> Vec<u64> {
    let (mut left, mut mass) = (trials, p.iter().sum::<f64>());
    let mut counts = Vec::with_capacity(p.len());
    for (outcome, p_outcome) in p.iter().enumerate() {
        let is_last = outcome + 1 == p.len();
        let share = if is_last { 1.0 } else { p_outcome / mass };
        let count = binomial(rng, left, share);
        counts.push(count);
        left -= count;
        mass -= p_outcome;
    }
    counts
}

/// How many of so many balls fall into each of so many equal boxes.
pub fn scatter(rng: &mut impl Rng, balls: u64, boxes: usize) -> Vec<u32> {
    let mut counts = vec![0; boxes];
    if balls <= THROWN * boxes as u64 {
        for _ in 0..balls {
            counts[rng.random_range(0..boxes)] += 1;
        }
        return counts;
    }
    let mut left = balls;
    for (before, count) in counts.iter_mut().enumerate() {
        let share = ((boxes - before) as f64).recip();
        let here = binomial(rng, left, share);
        *count = u32::try_from(here).expect("fewer than 2^32 balls");
        left -= here;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Estimate, stream};

    #[test]
    fn means_and_variances_of_multinomial_counts() {
        let p = [0.5, 0.1, 0.4];
        let rng = &mut stream("test", "multinomial", 0, 0);
        let draws: Vec<Vec<u64>> = (0..20_000).map(|_| multinomial(rng, 30, &p)).collect();
        for (outcome, p) in p.iter().enumerate() {
            let counts: Vec<f64> = draws.iter().map(|draw| draw[outcome] as f64).collect();
            let mean = Estimate::mean(&counts);
            assert!((mean.value - 30.0 * p).abs() < 5.0 * mean.standard_error);
            let variance = mean.standard_error.powi(2) * 20_000.0;
            assert!((variance / (30.0 * p * (1.0 - p)) - 1.0).abs() < 0.06);
        }
        assert!(draws.iter().all(|draw| draw.iter().sum::<u64>() == 30));
    }

    #[test]
    fn scattered_balls_are_all_there_and_spread_alike() {
        let rng = &mut stream("test", "scatter", 0, 0);
        for (balls, boxes) in [(7, 5), (1000, 5), (0, 3), (5, 1)] {
            let draws: Vec<Vec<u32>> = (0..4000).map(|_| scatter(rng, balls, boxes)).collect();
            assert!(
                draws
                    .iter()
                    .all(|d| d.iter().map(|&c| u64::from(c)).sum::<u64>() == balls)
            );
            for index in 0..boxes {
                let counts: Vec<f64> = draws.iter().map(|d| f64::from(d[index])).collect();
                let mean = Estimate::mean(&counts);
                let expected = balls as f64 / boxes as f64;
                assert!((mean.value - expected).abs() <= 5.0 * mean.standard_error);
            }
        }
    }
}
