//! The laws that several statements share, with exact coverage and divergences.

mod counts;
mod fading;
mod finite;
mod lopsided;
mod mixed;
mod pair;
mod prompt;
mod signed;
mod steep_and_flat;
mod three_prompts;
mod tokens;
mod tree;

pub use counts::{binomial, multinomial, scatter};
pub use fading::{CoinCounts, FadingPrompts};
pub use finite::{bernoulli, best_of_n, coverage, dirichlet, divergence, hellinger_squared, level};
pub use lopsided::{lopsided, lopsided_unseen};
pub use mixed::{Coins, mixed_coverage};
pub use pair::{Pair, law, pairs};
pub use prompt::{NextToken, Prompt, dot};
pub use signed::{PromptCounts, SignedCoins};
pub use steep_and_flat::{SteepAndFlat, SteepAndFlatLaws};
pub use three_prompts::ThreePrompts;
pub use tokens::{binomial_law, coin_coverage, coin_kl};
pub use tree::{Leaf, leaves, tree_coverage, tree_stopped_kl, trees};
