//! What a kind of server is: how it is named and known, and how it is asked.

use std::fmt;

use serde_json::{Value, json};

use super::generate::{Generation, TokenLogProb};
use super::http::Attempt;
use super::line::Line;
use crate::generation::Sequence;

/// How servers of one kind are asked.
pub(super) trait Protocol: fmt::Debug + Send + Sync {
    /// `log q` of every response token of each sequence, and the `top` most likely tokens in its
    /// place.
    fn score(
        &self,
        line: &Line,
        model: &str,
        sequences: &[Sequence],
        temperature: f64,
        top: usize,
    ) -> Attempt<Vec<Vec<TokenLogProb>>>;

    /// Draws responses to one prompt.
    fn generate(
        &self,
        line: &Line,
        model: &str,
        asked: &Generation,
    ) -> Attempt<Vec<Vec<TokenLogProb>>>;

    /// How scores are asked for, as the probe calls it.
    fn way(&self) -> &'static str;

    /// Whether scores are those of generated tokens, each forced in its turn: then a request scores
    /// one sequence, and always at temperature 1.
    fn forces_tokens(&self) -> bool {
        false
    }

    /// What `/tokenize` is asked.
    fn tokenize(&self, model: &str, text: &str) -> Value {
        json!({"model": model, "prompt": text, "add_special_tokens": true})
    }
}

/// A kind of server, as it is listed.
pub(super) struct Listed {
    /// What stands before the colon of an address.
    pub(super) name: &'static str,
    /// `owned_by` of its models.
    pub(super) owner: Option<&'static str>,
    /// A page that no other kind has, of versions that do not say their owner.
    pub(super) page: Option<&'static str>,
    /// Whether a request says which of the server's models is meant; where it does not, an adapter
    /// cannot be asked.
    pub(super) names_model: bool,
    /// The page that tells the version, and the field there.
    pub(super) version: Option<(&'static str, &'static str)>,
    /// How it is asked.
    pub(super) protocol: fn() -> Box<dyn Protocol>,
}

/// What a server speaks: one of [`ServerKind::all`].
#[derive(Clone, Copy)]
pub struct ServerKind(pub(super) &'static Listed);

impl ServerKind {
    /// What stands before the colon of an address: `vllm`, `sglang`, `llama.cpp`, `openai`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }
}

impl PartialEq for ServerKind {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for ServerKind {}

impl fmt::Debug for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
