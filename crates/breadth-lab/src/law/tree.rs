//! Random binary trees: responses of two tokens whose laws depend on what came before.

use rand::{Rng, RngExt};
use rand_distr::{Beta, Distribution};

use super::finite::{bernoulli, divergence, hellinger_squared};
use crate::random::stream;

/// A response of a tree, with what was summed along it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leaf {
    /// The probability of the response under p.
    pub p: f64,
    /// `log p/q` of the response, in nats.
    pub log_ratio: f64,
    /// `sum_h KL(p(.|y_<h) || q(.|y_<h))`, in nats.
    pub kl: f64,
    /// `sum_h H2(p(.|y_<h), q(.|y_<h))`.
    pub hellinger: f64,
}

/// The responses of a random tree that have a positive probability under p.
///
/// Every conditional probability, under p and q alike, is Beta(a, a) with one
/// `a = 10^U(-1.5, .5)` for p and another for q. `depth`: tokens of a response.
pub fn leaves(rng: &mut impl Rng, depth: u32) -> Vec<Leaf> {
    let mut spread = || {
        let a = 10_f64.powf(rng.random_range(-1.5..0.5));
        Beta::new(a, a).expect("positive parameters")
    };
    let (p, q) = (spread(), spread());
    let root = Leaf {
        p: 1.0,
        log_ratio: 0.0,
        kl: 0.0,
        hellinger: 0.0,
    };
    let mut level = vec![root];
    for _ in 0..depth {
        level = level
            .iter()
            .flat_map(|leaf| leaf.children(p.sample(rng), q.sample(rng)))
            .filter(|leaf| leaf.p > 0.0)
            .collect();
    }
    level
}

impl Leaf {
    /// The two continuations: token 1 with probability `p` under p and `q` under q.
    fn children(self, p: f64, q: f64) -> [Leaf; 2] {
        let (p, q) = (bernoulli(p), bernoulli(q));
        let kl = self.kl + divergence(&p, &q);
        let hellinger = self.hellinger + hellinger_squared(&p, &q);
        [0, 1].map(|token| Leaf {
            p: self.p * p[token],
            log_ratio: self.log_ratio + (p[token] / q[token]).ln(),
            kl,
            hellinger,
        })
    }
}

/// Random trees of depth 1 to 6 for a statement.
pub fn trees(id: &str, seed: u64, count: u64) -> impl Iterator<Item = Vec<Leaf>> {
    let mut rng = stream(id, "random trees", seed, 0);
    (0..count).map(move |_| {
        let depth = rng.random_range(1..7);
        leaves(&mut rng, depth)
    })
}

/// `Cov_N` of a tree.
pub fn tree_coverage(leaves: &[Leaf], log_n: f64) -> f64 {
    let needed = log_n - breadth_stats::numerics::TOLERANCE;
    let uncovered = leaves.iter().filter(|leaf| leaf.log_ratio >= needed);
    uncovered.map(|leaf| leaf.p).sum::<f64>().min(1.0)
}

/// The stopped KL `Dseq_N = E_p min{log N, sum_h KL_h}` of a tree, in nats.
pub fn tree_stopped_kl(leaves: &[Leaf], log_n: f64) -> f64 {
    leaves.iter().map(|leaf| leaf.p * leaf.kl.min(log_n)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chain rule of the KL: the mean of the log-ratio is the mean of the summed KLs.
    #[test]
    fn the_kl_of_responses_is_the_mean_of_the_summed_kls() {
        for leaves in trees("test", 0, 300) {
            assert!((leaves.iter().map(|leaf| leaf.p).sum::<f64>() - 1.0).abs() < 1e-12);
            let of = |value: fn(&Leaf) -> f64| leaves.iter().map(|l| l.p * value(l)).sum::<f64>();
            let (kl, summed) = (of(|leaf| leaf.log_ratio), of(|leaf| leaf.kl));
            let close = (kl - summed).abs() < 1e-9 * (1.0 + kl.abs());
            assert!(
                close || (kl.is_infinite() && summed.is_infinite()),
                "{kl} {summed}"
            );
            assert!(
                (tree_stopped_kl(&leaves, 1e9) - summed.min(1e9)).abs() < 1e-6 || kl.is_infinite()
            );
        }
    }
}
