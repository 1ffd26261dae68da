//! What a pattern captures last is the reference, as answers of mathematics are written.
//!
//! What the pattern's group `answer`, or its first, captures last equals the `answer`, compared
//! as by boxed.

use regex::Regex;

use super::compare::{Compare, Comparison, Given, ending};
use super::judge::{VerifierKind, Verify};
use crate::error::{Error, Result};

pub(super) const KIND: VerifierKind = VerifierKind {
    usage: "regex:PATTERN",
    help: "",
    parse,
};

#[derive(Debug)]
struct Pattern(Regex);

fn parse(pattern: &str) -> Result<Box<dyn Verify>> {
    let place = || format!("verifier regex:{pattern}");
    let regex = Regex::new(pattern)
        .map_err(|e| Error::config(place(), format!("is not a regular expression: {e}")))?;
    if regex.captures_len() < 2 {
        let message = "captures nothing; put the answer into a group, as in regex:answer is (.+)";
        return Err(Error::config(place(), message));
    }
    Ok(Box::new(Comparison(Pattern(regex))))
}

impl Compare for Pattern {
    fn given(&self, text: &str) -> Option<Given> {
        last_captured(&self.0, text).map(Given::read)
    }

    fn expected(&self, answer: &str) -> Vec<Given> {
        vec![Given::read(ending(answer))]
    }

    fn refusal(&self, _: Option<&str>) -> String {
        "has a response, which stands for the answer, that the pattern does not match; give \
         `answer`"
            .into()
    }
}

/// What the group named `answer`, or else the first, holds in the last match that has it.
fn last_captured<'a>(regex: &Regex, text: &'a str) -> Option<&'a str> {
    let captured = |found: regex::Captures<'a>| {
        let named = found.name("answer").or_else(|| found.get(1));
        named.map(|group| group.as_str())
    };
    regex.captures_iter(text).filter_map(captured).last()
}
