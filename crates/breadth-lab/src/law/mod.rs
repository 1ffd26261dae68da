//! The laws that several statements share, with exact coverage and divergences.

mod finite;
mod prompt;
mod steep_and_flat;
mod three_prompts;
mod tokens;

pub use finite::{bernoulli, best_of_n, coverage, dirichlet, divergence, hellinger_squared, level};
pub use prompt::{NextToken, Prompt, binomial, dot};
pub use steep_and_flat::{SteepAndFlat, SteepAndFlatLaws};
pub use three_prompts::ThreePrompts;
pub use tokens::{coin_coverage, coin_kl};
