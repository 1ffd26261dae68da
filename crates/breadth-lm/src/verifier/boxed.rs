//! What is in the last `\boxed{..}` says the same as the reference: numbers exactly, expressions as
//! far as algebra goes, tuples and intervals in their order, sets in any. What is not sure is
//! wrong.
//!
//! The last \boxed{..} says the same as the `answer`: \dfrac12 = 0.5 = 50\%, 2\sqrt2 = \sqrt8,
//! \{1,2\} = \{2,1\}; not (1,2) and (2,1).

use super::answer::last_boxed;
use super::compare::{Compare, Comparison, Given, ending};
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

    fn expected(&self, answer: &str) -> Vec<Given> {
        let ending = ending(answer);
        let is_nothing = ending.is_empty() && ending != answer;
        match last_boxed(ending) {
            Some(boxed) => vec![Given::read(boxed)],
            None if is_nothing || announces(ending) => Vec::new(),
            None => vec![Given::read(ending)],
        }
    }

    fn refusal(&self, answer: Option<&str>) -> String {
        match answer {
            Some(answer) => format!(
                "has the answer `{answer}`, which is not the answer alone; the \
                 verifier boxed compares the answer itself: give that alone, in \\boxed{{..}}, or \
                 behind ####"
            ),
            None => {
                "has no \\boxed{..} in its response, which stands for the answer; give `answer`"
                    .into()
            }
        }
    }
}

/// Whether a text says that an answer follows, so that it is not the answer alone.
fn announces(text: &str) -> bool {
    let lower = text.to_lowercase();
    let words = ["the answer is", "final answer is", "correct answer is"];
    lower.starts_with("answer:") || words.iter().any(|words| lower.contains(words))
}
