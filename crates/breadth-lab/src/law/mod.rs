//! The laws that several statements share, with exact coverage and divergences.

mod finite;
mod tokens;

pub use finite::{bernoulli, best_of_n, coverage, dirichlet, divergence, hellinger_squared, level};
pub use tokens::{coin_coverage, coin_kl};
