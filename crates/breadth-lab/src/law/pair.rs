//! Random laws in pairs and triples, near and far, flat and peaked.

use rand::RngExt;

use super::finite::dirichlet;
use crate::random::stream;

/// A data law, a model and a level.
#[derive(Clone, Debug)]
pub struct Pair {
    /// (outcomes) the data law.
    pub p: Vec<f64>,
    /// (outcomes) the model.
    pub q: Vec<f64>,
    /// log N, in nats.
    pub log_n: f64,
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "log N = {}, p = {:?}, q = {:?}",
            self.log_n, self.p, self.q
        )
    }
}

/// Random pairs for a statement: Dirichlet laws on 2 to 8 outcomes, each with a concentration of
/// 10^U(-1.5, 1), and log N uniform in (log 2, 8).
pub fn pairs(id: &str, seed: u64, count: u64) -> impl Iterator<Item = Pair> {
    let mut rng = stream(id, "random pairs", seed, 0);
    (0..count).map(move |_| {
        let outcomes = rng.random_range(2..9);
        Pair {
            p: law(&mut rng, outcomes),
            q: law(&mut rng, outcomes),
            log_n: rng.random_range(2_f64.ln()..8.0),
        }
    })
}

/// A Dirichlet law with a concentration of 10^U(-1.5, 1).
pub fn law(rng: &mut impl rand::Rng, outcomes: usize) -> Vec<f64> {
    let concentration = 10_f64.powf(rng.random_range(-1.5..1.0));
    dirichlet(rng, outcomes, concentration)
}
