//! The questions that breadth answers, as a library: evidence in, one document out, no printing and no files.
//!
//! [`decide`] turns all the evidence about a set of checkpoints into a [`Verdict`]: which one to take, how sure that is, and what would decide where it is not. The
//! command line prints it as text or JSON and the page shows it, so that both say the same.

pub mod number;
mod verdict;

pub use verdict::{
    Bracket, Evidence, Next, Opinion, Rule, Sampled, Scored, State, Verdict, VerdictError, decide,
};
