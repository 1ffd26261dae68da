//! The response's text equals the line's `answer`, or what follows its last `####` (else its
//! response), but for white space at both ends.

use super::compare::{Compare, Comparison, Given, ending};
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

    fn expected(&self, answer: &str) -> Vec<Given> {
        // In Markdown the sign begins a heading.
        let is_line = |end: &&str| !end.is_empty() && !end.contains('\n') && *end != answer;
        let ending = Some(ending(answer)).filter(is_line);
        let all = std::iter::once(answer).chain(ending);
        all.filter_map(|text| self.given(text)).collect()
    }

    fn refusal(&self, _: Option<&str>) -> String {
        "has an answer that is no text".into()
    }
}
