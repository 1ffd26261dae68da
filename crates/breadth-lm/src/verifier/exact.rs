//! The response equals the `response` of the prompt's line, token for token.

use rayon::prelude::*;

use super::judge::{Judged, Judgement, Reads, VerifierKind, Verify};
use crate::error::{Error, Result};
use crate::text::Item;

pub(super) const KIND: VerifierKind = VerifierKind {
    usage: "exact",
    help: "",
    parse: |_| Ok(Box::new(Exact)),
};

#[derive(Debug)]
pub(super) struct Exact;

impl Verify for Exact {
    fn reads(&self) -> Reads {
        Reads::Tokens
    }

    fn compares(&self) -> bool {
        true
    }

    fn check(&self, item: &Item) -> Result<()> {
        if !item.response.is_empty() {
            return Ok(());
        }
        Err(Error::data(
            item.place(),
            "has no response to compare with; the verifier exact needs one",
        ))
    }

    fn judge(&self, batch: &[Judged]) -> Result<Vec<Judgement>> {
        let is_right = |one: &Judged| {
            let mut right = one.item.right_responses();
            right.any(|response| one.tokens == response)
        };
        Ok(batch
            .par_iter()
            .map(|one| Judgement::of(is_right(one)))
            .collect())
    }
}
