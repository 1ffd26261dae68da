//! Which checkpoint to take, on which evidence.

mod decide;
mod document;
mod evidence;
mod found;
mod opinions;
mod rules;
mod words;

pub use decide::decide;
pub use document::{
    Bracket, Evidence, Next, Opinion, Rule, Sampled, Scored, State, Verdict, VerdictError,
};
pub(crate) use evidence::{FEWEST_PROMPTS, is_partial};
pub(crate) use words::{k_words, pass_name, sample_command, samples_wanted, wanted};
