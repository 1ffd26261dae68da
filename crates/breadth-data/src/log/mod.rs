//! Other tools' logs: recognised by their content, turned into rows of our tables.
//!
//! A format is one file here and a line in [`recognise`], and nothing else: readers of tables and
//! the import take what it gives.

mod apart;
mod entry;
mod eval_plus;
mod every_eval;
mod filtered;
mod format;
mod found;
mod generations;
mod human_eval;
mod inspect;
mod join;
mod lm_eval;
mod logs;
mod messages;
mod model_name;
mod monkeys;
mod parts;
mod pass_flags;
mod recognise;
mod rollouts;
mod source;
mod trainer_state;

pub(crate) use entry::Entry;
pub(crate) use found::Found;
pub use logs::{LogFile, Logs};
pub use recognise::log_formats;
pub(crate) use recognise::{Recognised, of_head, recognise, refuse};
pub use trainer_state::TrainerState;
