//! What is in the last `\boxed{..}` says the same as the reference: numbers exactly, expressions as
//! far as algebra goes, tuples and intervals in their order, sets in any. What is not sure is
//! wrong.
//!
//! The last \boxed{..} says the same as the `answer`: \dfrac12 = 0.5 = 50\%, 2\sqrt2 = \sqrt8,
//! \{1,2\} = \{2,1\}; not (1,2) and (2,1).

use super::answer::last_boxed;
use super::compare::{Compare, Comparison, Given};
use super::judge::VerifierKind;

pub(super) const KIND: VerifierKind = VerifierKind {
    usage: "boxed",
    help: "the last \\boxed{}, as mathematics",
    parse: |_| Ok(Box::new(Comparison(Boxed))),
};

#[derive(Debug)]
struct Boxed;

impl Compare for Boxed {
    fn given(&self, text: &str) -> Option<Given> {
        last_boxed(text).map(Given::read)
    }

    fn expected(&self, answer: &str) -> Option<Given> {
        Some(Given::read(last_boxed(answer).unwrap_or(answer)))
    }

    fn refusal(&self, _: Option<&str>) -> String {
        "has no \\boxed{..} in its response, which stands for the answer; give `answer`".into()
    }
}
