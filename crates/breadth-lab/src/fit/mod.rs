//! Exact maximum likelihood, from counts.
//!
//! | function | class |
//! |---|---|
//! | [`frequency`] | one probability in an interval |
//! | [`logits_on_ball`] | independent logits whose vector lies in a ball |
//! | [`probabilities_in_box`] | one logit for each outcome, all within ±B |
//! | [`SignedPrompts`] | the truth, or a sign for each prompt, of one size |
//! | [`TiltedPrompts`] | the convex hull of that class |

mod ball;
mod clipped;
mod frequency;
mod hull;
mod signs;

pub use ball::{BernoulliCounts, logits_on_ball};
pub use clipped::probabilities_in_box;
pub use frequency::frequency;
pub use hull::TiltedPrompts;
pub use signs::SignedPrompts;
