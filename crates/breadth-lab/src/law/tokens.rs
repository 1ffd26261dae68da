//! Responses of independent coin flips: the log-ratio depends on the count of heads alone, so that
//! coverage is a binomial tail.

use breadth_stats::interval::at_most;
use breadth_stats::numerics::TOLERANCE;

use super::finite::{bernoulli, divergence};

/// `KL(Ber(a)||Ber(b))` in nats.
pub fn coin_kl(a: f64, b: f64) -> f64 {
    divergence(&bernoulli(a), &bernoulli(b))
}

/// `Cov_N` of H independent coins: heads with probability p under the data, q under the model.
///
/// Exact: uncovered are the counts k of heads with
/// `k log(p/q) + (H - k) log((1-p)/(1-q)) >= log N`, one tail of Bin(H, p).
///
/// # Examples
///
/// ```
/// use breadth_lab::law::coin_coverage;
/// // Two fair coins against Ber(1/8): only both heads have a ratio of at least 8.
/// assert!((coin_coverage(2, 0.5, 0.125, 8.0_f64.ln()) - 0.25).abs() < 1e-12);
/// assert_eq!(coin_coverage(2, 0.5, 0.5, 2.0_f64.ln()), 0.0);
/// ```
pub fn coin_coverage(horizon: u64, p: f64, q: f64, log_n: f64) -> f64 {
    let total = horizon as f64;
    let ratio = |a: f64, b: f64| if a == 0.0 { 0.0 } else { (a / b).ln() };
    let (heads, tails) = (ratio(p, q), ratio(1.0 - p, 1.0 - q));
    let needed = log_n - TOLERANCE;
    if heads == f64::INFINITY {
        // One head is enough.
        return if needed <= total * tails {
            1.0
        } else {
            1.0 - at_most(0.0, horizon, p)
        };
    }
    if tails == f64::INFINITY {
        return coin_coverage(horizon, 1.0 - p, 1.0 - q, log_n);
    }
    let slope = heads - tails;
    if slope == 0.0 {
        return f64::from(u8::from(total * tails >= needed));
    }
    let threshold = (needed - total * tails) / slope;
    if slope > 0.0 {
        at_most((total - threshold).floor(), horizon, 1.0 - p)
    } else {
        at_most(threshold.floor(), horizon, p)
    }
}

/// (trials + 1) probabilities of Bin(trials, p), p strictly between 0 and 1.
///
/// From the mode outwards, so that nothing underflows that matters.
pub fn binomial_law(trials: u64, p: f64) -> Vec<f64> {
    let mode = (((trials + 1) as f64 * p) as u64).min(trials) as usize;
    let odds = p / (1.0 - p);
    let mut law = vec![0.0; trials as usize + 1];
    law[mode] = 1.0;
    for k in mode + 1..law.len() {
        law[k] = law[k - 1] * odds * (trials as usize + 1 - k) as f64 / k as f64;
    }
    for k in (0..mode).rev() {
        law[k] = law[k + 1] / odds * (k + 1) as f64 / (trials as usize - k) as f64;
    }
    let total: f64 = law.iter().sum();
    law.iter().map(|mass| mass / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::coverage;
    use crate::stream;
    use rand::RngExt;

    /// All 2^H responses.
    fn by_enumeration(horizon: u32, p: f64, q: f64, log_n: f64) -> f64 {
        let of = |s: f64| -> Vec<f64> {
            let one = |y: u32| {
                s.powi(y.count_ones() as i32) * (1.0 - s).powi((horizon - y.count_ones()) as i32)
            };
            (0..1 << horizon).map(one).collect()
        };
        coverage(&of(p), &of(q), log_n)
    }

    #[test]
    fn tails_equal_enumeration() {
        let rng = &mut stream("test", "coins", 0, 0);
        for _ in 0..2000 {
            let horizon = rng.random_range(1..9_u32);
            let (mut p, mut q): (f64, f64) = (rng.random(), rng.random());
            match rng.random_range(0..8) {
                0 => q = 0.0,
                1 => q = 1.0,
                2 => p = 0.0,
                3 => p = 1.0,
                _ => {}
            }
            let log_n = 4.0 * rng.random::<f64>();
            let (found, expected) = (
                coin_coverage(u64::from(horizon), p, q, log_n),
                by_enumeration(horizon, p, q, log_n),
            );
            assert!(
                (found - expected).abs() < 1e-12,
                "{horizon} {p} {q} {log_n}: {found} {expected}"
            );
        }
    }

    #[test]
    fn binomial_laws_add_up_to_the_distribution_function() {
        for (trials, p) in [(0, 0.3), (1, 0.9), (7, 0.5), (3000, 0.88), (3000, 1e-4)] {
            let law = binomial_law(trials, p);
            let mut below = 0.0;
            for (k, mass) in law.iter().enumerate() {
                below += mass;
                assert!(
                    (below - at_most(k as f64, trials, p)).abs() < 1e-11,
                    "{trials} {p} {k}"
                );
            }
        }
    }
}
