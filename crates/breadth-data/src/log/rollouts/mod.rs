//! What reinforcement learning leaves: responses with their rewards, step by step.
//!
//! These logs do not number responses, and few of them prompts. A prompt is named by a hash of its
//! text, the same in every log, and behind it the number of the example, where the log has one:
//! examples may share a text and differ in what is right. Its responses are named in the order in
//! which they stand; the text stays beside the name.

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
