//! What reinforcement learning leaves: responses with their rewards, step by step.
//!
//! These logs do not number prompts or responses. A prompt is named by a hash of its text, the same
//! in every log, and its responses in the order in which they stand; the text stays beside the
//! name.

mod dump;
pub(super) mod nemo_gym;
pub(super) mod nemo_rl;
pub(super) mod open_rlhf;
mod pickle;
mod rollout;
pub(super) mod sky_rl;
pub(super) mod slime;
pub(super) mod traces;
pub(super) mod trl;
pub(super) mod verifiers;
pub(super) mod verl;
