//! The response's text equals the line's `answer` (else its response), but for white space at
//! both ends.

use super::compare::{Compare, Comparison, Given};
use super::judge::VerifierKind;

pub(super) const KIND: VerifierKind = VerifierKind {
    usage: "text",
    help: "",
    parse: |_| Ok(Box::new(Comparison(Text))),
};

#[derive(Debug)]
struct Text;

impl Compare for Text {
    fn given(&self, text: &str) -> Option<Given> {
        Some(Given::Text(text.trim().to_owned()))
    }

    fn refusal(&self, _: Option<&str>) -> String {
        "has an answer that is no text".into()
    }
}
