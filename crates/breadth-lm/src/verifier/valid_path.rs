//! The response is a path of the prompt's graph (graph search).

use rayon::prelude::*;

use super::judge::{Judged, Judgement, Reads, VerifierKind, Verify};
use crate::error::Result;
use crate::task::graph_search::is_valid_path;
use crate::text::Item;

pub(super) const KIND: VerifierKind = VerifierKind {
    usage: "valid-path",
    help: "",
    parse: |_| Ok(Box::new(ValidPath)),
};

#[derive(Debug)]
struct ValidPath;

impl Verify for ValidPath {
    fn reads(&self) -> Reads {
        Reads::Tokens
    }

    fn compares(&self) -> bool {
        false
    }

    fn check(&self, _: &Item) -> Result<()> {
        Ok(())
    }

    fn judge(&self, batch: &[Judged]) -> Result<Vec<Judgement>> {
        let judge = |one: &Judged| Judgement::of(is_valid_path(&one.item.prompt, one.tokens));
        Ok(batch.par_iter().map(judge).collect())
    }
}
