//! What a verifier is: what it is given, what it says, and how it is named.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::error::Result;
use crate::text::Item;

/// A response to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The prompt, with what a response is compared with.
    pub item: &'a Item,
    /// Which response to the prompt this is; told to external programs.
    pub response_id: &'a str,
    /// Its tokens; empty where only the text is known.
    pub tokens: &'a [u32],
    /// Its text; empty unless [`Verifier::reads_text`](super::Verifier::reads_text).
    pub text: &'a str,
}

/// What a verifier says of a response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// The reward, in [0, 1].
    pub reward: f64,
    /// The final answer in one way of writing, so that equal answers are equal texts; empty if the
    /// response has none. `None` from verifiers that know no answers.
    pub answer: Option<String>,
}

impl Judgement {
    /// Right or wrong, by a verifier that knows no answers.
    pub(super) fn of(is_right: bool) -> Self {
        Self {
            reward: f64::from(u8::from(is_right)),
            answer: None,
        }
    }
}

/// How often a program failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Responses judged, those that failed included.
    pub judged: u64,
    /// Responses that got reward 0 because the program ended.
    pub crashed: u64,
    /// Responses that got reward 0 because it took too long.
    pub timed_out: u64,
}

/// What of a response a verifier looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Its token ids.
    Tokens,
    /// Its text.
    Text,
}

/// A verifier of one kind.
pub(super) trait Verify: Debug + Send + Sync {
    /// What it looks at.
    fn reads(&self) -> Reads;

    /// Whether it compares a response with the data's.
    fn compares(&self) -> bool;

    /// Checks that it can judge responses to this item.
    ///
    /// # Errors
    /// If the item lacks what it compares with.
    fn check(&self, item: &Item) -> Result<()>;

    /// Judges responses, in their order.
    ///
    /// # Errors
    /// If an external program cannot be run or does not keep to its side.
    fn judge(&self, batch: &[Judged]) -> Result<Vec<Judgement>>;

    /// The file that says what is right, and the hash of what it says, if there is one.
    fn rules(&self) -> Option<(&Path, String)> {
        None
    }

    /// The files that a program and its arguments name: the program's own, what it reads, or what
    /// it writes.
    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Another time limit for one response, where that means something.
    fn set_timeout(&mut self, _: Duration) {}

    /// Ends what external programs run, and says how often they failed.
    ///
    /// # Errors
    /// If a program has written more lines than it was asked for.
    fn finish(&self) -> Result<Option<Tally>> {
        Ok(None)
    }
}

/// A kind of verifier, as it is listed.
pub(super) struct VerifierKind {
    /// How it is written: `exact`, or `regex:PATTERN` with an argument.
    pub(super) usage: &'static str,
    /// What it looks at, in a few words, where its name does not say so.
    pub(super) help: &'static str,
    /// Makes one from its argument, which is empty where `usage` has none.
    pub(super) parse: fn(&str) -> Result<Box<dyn Verify>>,
}

impl VerifierKind {
    /// Makes one, if the text names this kind and has an argument where one is needed.
    pub(super) fn read(&self, text: &str) -> Option<Result<Box<dyn Verify>>> {
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        let (own, takes_argument) = match self.usage.split_once(':') {
            Some((own, _)) => (own, true),
            None => (self.usage, false),
        };
        (name == own && takes_argument != argument.is_empty()).then(|| (self.parse)(argument))
    }
}
