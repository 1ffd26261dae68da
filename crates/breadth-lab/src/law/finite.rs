//! Laws on finitely many outcomes. Thin over `breadth_stats`, for laws that are valid by
//! construction.

use breadth_stats::{Level, finite};
use rand::RngExt;
use rand_distr::{Distribution, Gamma};

const VALID: &str = "a law by construction";

/// The level with this log N.
///
/// # Panics
///
/// If log N is negative or not finite.
pub fn level(log_n: f64) -> Level {
    Level::from_log_n(log_n).expect("log N of at least 0")
}

/// `Cov_N(p||q)`, at most 1.
///
/// # Panics
///
/// If the laws have different numbers of outcomes, or are none.
pub fn coverage(p: &[f64], q: &[f64], log_n: f64) -> f64 {
    let cov = finite::coverage(p, q, level(log_n)).expect(VALID);
    cov.min(1.0)
}

/// `KL(p||q)` in nats, at least 0.
///
/// # Panics
///
/// If the laws have different numbers of outcomes, or are none.
pub fn divergence(p: &[f64], q: &[f64]) -> f64 {
    finite::kl(p, q).expect(VALID).max(0.0)
}

/// `H2(p, q)`, in [0, 1].
///
/// # Panics
///
/// If the laws have different numbers of outcomes, or are none.
pub fn hellinger_squared(p: &[f64], q: &[f64]) -> f64 {
    let h2 = finite::hellinger_squared(p, q).expect(VALID);
    h2.clamp(0.0, 1.0)
}

/// The law Ber(s) as the probabilities of (0, 1).
pub fn bernoulli(s: f64) -> [f64; 2] {
    [1.0 - s, s]
}

/// A Dirichlet law with equal concentrations.
///
/// Small concentrations put all but a few outcomes at probabilities down to 0, which gamma
/// variates underflow to; the draw is in logarithms, so that a ratio of two such laws is right.
pub fn dirichlet(rng: &mut impl rand::Rng, outcomes: usize, concentration: f64) -> Vec<f64> {
    // G(a) = G(a + 1) U^(1/a).
    let gamma = Gamma::new(concentration + 1.0, 1.0).expect("a positive concentration");
    let mut draw = |_| {
        let uniform: f64 = 1.0 - rng.random::<f64>();
        gamma.sample(rng).ln() + uniform.ln() / concentration
    };
    let logs: Vec<f64> = (0..outcomes).map(&mut draw).collect();
    let total = breadth_stats::numerics::log_sum_exp(logs.iter().copied());
    logs.iter().map(|log| (log - total).exp()).collect()
}

/// Expected reward of Best-of-n under q: `sum_k r_k (F_k^n - F_{k-1}^n)`, F the distribution
/// function of the reward.
///
/// `q`: (outcomes) probabilities; `rewards`: (outcomes); `n`: samples, not necessarily whole.
///
/// # Examples
///
/// ```
/// let reward = breadth_lab::law::best_of_n(&[0.5, 0.25, 0.25], &[0.0, 1.0, 0.5], 2.0);
/// // 1 unless both samples miss the second outcome, .5 if they are not both the first.
/// assert!((reward - (0.4375 + 0.5 * (0.5625 - 0.25))).abs() < 1e-15);
/// ```
pub fn best_of_n(q: &[f64], rewards: &[f64], n: f64) -> f64 {
    let mut order: Vec<usize> = (0..q.len()).collect();
    order.sort_by(|&i, &j| rewards[i].total_cmp(&rewards[j]));
    let (mut below, mut expected) = (0.0, 0.0);
    for i in order {
        let up_to: f64 = (below + q[i]).min(1.0);
        expected += rewards[i] * (up_to.powf(n) - f64::powf(below, n));
        below = up_to;
    }
    expected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream;

    #[test]
    fn best_of_two_by_enumeration() {
        let rng = &mut stream("test", "best of n", 0, 0);
        for _ in 0..100 {
            let q = dirichlet(rng, 4, 0.7);
            let rewards: Vec<f64> = (0..4).map(|_| rng.random()).collect();
            let mut expected = 0.0;
            for i in 0..4 {
                for j in 0..4 {
                    expected += q[i] * q[j] * rewards[i].max(rewards[j]);
                }
            }
            assert!((best_of_n(&q, &rewards, 2.0) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn dirichlet_means_and_variances() {
        let rng = &mut stream("test", "dirichlet", 0, 0);
        let draws: Vec<f64> = (0..20_000).map(|_| dirichlet(rng, 3, 0.5)[0]).collect();
        let mean = crate::Estimate::mean(&draws);
        assert!((mean.value - 1.0 / 3.0).abs() < 5.0 * mean.standard_error);
        // Var = (1/3)(2/3)/(1.5 + 1).
        let variance = mean.standard_error.powi(2) * draws.len() as f64;
        assert!((variance - 0.0889).abs() < 0.003, "{variance}");
    }
}
