//! Selecting the model with the best coverage without knowing the data distribution (Sec 6.3, Eq
//! 28-29).

mod answers;
mod certificate;
mod confidence_set;
mod cross_entropy;
mod input;
mod kernel;
mod landscape;
mod offset;
mod pairs;
mod race;
mod selection;
mod standing;
#[cfg(test)]
mod tests;

pub use answers::{DataAnswers, answer_tournament};
pub use certificate::SLACKS;
pub use cross_entropy::lowest_cross_entropy;
pub use kernel::{Minimax, RivalCounts, minimax, rival_counts, rival_counts_at};
pub use landscape::{landscape, landscape_levels};
pub use offset::{OnPolicy, offset_minimax, offset_tournament};
pub use race::{Dropped, Race, race};
pub use selection::tournament;
pub use standing::{Standing, Tournament};
