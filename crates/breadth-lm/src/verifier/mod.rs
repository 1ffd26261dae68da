//! Rewards of sampled responses.
//!
//! A [`Verifier`] judges responses in batches. What it compares with is the prompt's *reference*:
//! the line's `answer` if it has one, else its response; where lines of one prompt have several
//! ([`Item::alternatives`]), any of them; where an answer is a list of texts, as JSON or Python
//! writes it (`["7", "seven"]`, `['7']`), any of these too. What follows the last `####` of an
//! answer, as GSM8K has it, is the answer. Text that is judged is what a reader sees: without
//! special tokens.
//!
//! | verifier | a response is right if |
//! |---|---|
//! | `exact` | it is the `response` of the prompt's line, token for token |
//! | `text` | its text is the reference, but for white space at both ends |
//! | `number` | its last number, after `####` if that is there, is the reference's, in any notation |
//! | `boxed` | what is in its last `\boxed{..}` equals the reference as mathematics |
//! | `regex:PATTERN` | what the pattern captures last equals the reference, as by `boxed` |
//! | `command:PROGRAM` | a program says so: a line of JSON in, `{"reward": r, "answer": ..}` out |
//! | `valid-path` | it is a path of the prompt's graph (graph search) |
//! | `policy:TRAIN.toml` | the policy of the prompt's class, its `group`, gives it (graph search) |
//!
//! ```
//! use breadth_lm::verifier::{Judged, Verifier};
//! use breadth_lm::text::Item;
//!
//! let item = Item { answer: Some("0.5".into()), ..Item::default() };
//! let judged = |text| Judged { item: &item, response_id: "0", tokens: &[], text };
//! let verifier = Verifier::parse("boxed")?;
//! let judgements = verifier.judge(&[judged(r"It is \boxed{\frac12}."), judged(r"It is \boxed{2}.")])?;
//! assert_eq!((judgements[0].reward, judgements[0].answer.as_deref()), (1.0, Some("1/2")));
//! assert_eq!((judgements[1].reward, judgements[1].answer.as_deref()), (0.0, Some("2")));
//! # Ok::<(), breadth_lm::Error>(())
//! ```

mod algebra;
mod answer;
mod boxed;
mod command;
mod compare;
mod exact;
mod judge;
mod last_number;
mod number;
mod pattern;
mod policy;
mod text;
mod texts;
mod valid_path;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use judge::{Judged, Judgement, Tally};

use crate::error::{Error, Result};
use crate::text::{Item, Text};
use judge::{Reads, VerifierKind, Verify};

/// Every kind of verifier; the text of `--verifier` and of `[rl] verifier` is looked up here.
const KINDS: [&VerifierKind; 8] = [
    &exact::KIND,
    &text::KIND,
    &last_number::KIND,
    &boxed::KIND,
    &pattern::KIND,
    &command::KIND,
    &valid_path::KIND,
    &policy::KIND,
];

/// How a response is judged.
#[derive(Debug)]
pub struct Verifier(Box<dyn Verify>);

impl Verifier {
    /// Every verifier as it is written, and in a few words what it looks at (empty where its name
    /// says so): the help of the command line.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
        KINDS.iter().map(|kind| (kind.usage, kind.help))
    }

    /// The response is the data's response, token for token.
    #[must_use]
    pub fn exact() -> Self {
        Self(Box::new(exact::Exact))
    }

    /// Reads what the command line or a configuration says: one of [`Verifier::all`].
    ///
    /// # Errors
    /// If it names no verifier, the pattern is none or captures nothing, or the file of a policy
    /// has no task.
    pub fn parse(text: &str) -> Result<Self> {
        Self::of_kinds(&KINDS, text)
    }

    fn of_kinds(kinds: &[&VerifierKind], text: &str) -> Result<Self> {
        let found = kinds.iter().find_map(|kind| kind.read(text));
        found
            .unwrap_or_else(|| {
                let names: Vec<&str> = kinds.iter().map(|kind| kind.usage).collect();
                let message = format!("`{text}` is not one of {}", names.join(", "));
                Err(Error::config("verifier", message))
            })
            .map(Self)
    }

    /// Whether it compares a response with the data's.
    #[must_use]
    pub fn compares(&self) -> bool {
        self.0.compares()
    }

    /// The same with another time limit for one response, where that means something.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.0.set_timeout(timeout);
        self
    }

    /// Whether [`Judged::text`] is looked at.
    #[must_use]
    pub fn reads_text(&self) -> bool {
        self.0.reads() == Reads::Text
    }

    /// Whether [`Judged::tokens`] are looked at, so that a table of texts cannot be judged.
    #[must_use]
    pub fn reads_tokens(&self) -> bool {
        self.0.reads() == Reads::Tokens
    }

    /// The file that says what is right, as that of `policy:TRAIN.toml`, and a hash of what it
    /// says.
    pub(crate) fn rules(&self) -> Option<(&Path, String)> {
        self.0.rules()
    }

    /// The files that it is made of, which no output may replace: the file of a policy, and those
    /// that words of a command name.
    ///
    /// ```
    /// use breadth_lm::verifier::Verifier;
    /// assert!(Verifier::parse("boxed")?.files().is_empty());
    /// assert!(Verifier::parse("command:no-such-program --strict")?.files().is_empty());
    /// # Ok::<(), breadth_lm::Error>(())
    /// ```
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let rules = self.rules().map(|(path, _)| path.to_path_buf());
        rules.into_iter().chain(self.0.files()).collect()
    }

    /// Checks that the verifier can judge responses to this item.
    ///
    /// # Errors
    /// If the item lacks what the verifier compares with.
    pub fn check(&self, item: &Item) -> Result<()> {
        self.0.check(item)
    }

    /// Checks every item, and that there is text where text is read.
    ///
    /// # Errors
    /// As [`check`](Self::check), or if there is no tokenizer to make text of responses.
    pub fn check_all(&self, items: &[Item], text: Option<&Text>) -> Result<()> {
        if self.reads_text() && text.and_then(Text::vocab_size).is_none() {
            let message =
                "reads text, and the model has no tokenizer.json; use exact, or add the tokenizer";
            return Err(Error::config("verifier", message));
        }
        items.iter().try_for_each(|item| self.check(item))
    }

    /// Judges responses to items that [`Verifier::check`] let through; the judgements are in their
    /// order.
    ///
    /// # Errors
    /// If an external program cannot be run or does not keep to its side.
    pub fn judge(&self, batch: &[Judged]) -> Result<Vec<Judgement>> {
        self.0.judge(batch)
    }

    /// Ends what external programs run, and says how often they failed.
    ///
    /// # Errors
    /// If a program has written more lines than it was asked for: then no answer can be trusted.
    pub fn finish(&self) -> Result<Option<Tally>> {
        self.0.finish()
    }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod tests;
