//! The inner loop of the tournament: for every pair of models, on how many rows one assigns at
//! least N times the probability that the other does, at one level or at many.
//!
//! Rows are cut into blocks that stay in cache while all pairs of columns pass over them. One
//! subtraction serves both directions of a pair and all levels, because `b - a` is exactly `-(a -
//! b)`. Counts are integers (weights are turned into integers first), so the result depends on
//! neither the number of threads nor the instruction set nor the order of the rows, and partial
//! counts add up exactly.

mod integer_weights;
mod minimax;
#[cfg(target_arch = "x86_64")]
mod narrow;
mod pair;
mod rival_counts;

pub(crate) use integer_weights::IntegerWeights;
pub use minimax::{Minimax, minimax};
pub use rival_counts::{RivalCounts, rival_counts, rival_counts_at};
