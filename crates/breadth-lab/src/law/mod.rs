//! The laws that several statements share, with exact coverage and divergences.

mod finite;
mod pair;
mod tokens;
mod tree;

pub use finite::{bernoulli, best_of_n, coverage, dirichlet, divergence, hellinger_squared, level};
pub use pair::{Pair, law, pairs};
pub use tokens::{binomial_law, coin_coverage, coin_kl};
pub use tree::{Leaf, leaves, tree_coverage, tree_stopped_kl, trees};
