//! Other tools' logs, from a file to the exact rows; `tests/golden/logs/make.py` made what no tool
//! did.

mod code;
mod errors;
mod field;
mod folders;
mod hostile;
mod inspect;
mod joins;
mod lm_eval;
mod pitfalls;
mod rollouts;
mod support;
mod trainer;
