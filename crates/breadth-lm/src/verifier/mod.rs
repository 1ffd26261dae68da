//! Rewards of sampled responses.
//!
//! A [`Verifier`] judges responses in batches. What it compares with is the prompt's *reference*: the line's `answer` if it has one, else its response; where lines of
//! one prompt have several ([`Item::alternatives`]), any of them. Text that is judged is what a reader sees: without special tokens.
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
mod command;
mod graph;
mod last_number;
mod number;
mod worker;

use std::time::Duration;

use rayon::prelude::*;
use regex::Regex;

pub use command::{Command, Tally};

use crate::error::{Error, Result};
use crate::task::graph_search::{self, GraphSearch};
use crate::text::{Item, Text};
use answer::{Answer, last_boxed};
use graph::class_of;

/// Ends the programs of all [`Verifier::Command`]s and what they started: for a process that is about to end before its time.
pub fn end_programs() {
    worker::end_all();
}

/// A response to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The prompt, with what a response is compared with.
    pub item: &'a Item,
    /// Which response to the prompt this is; told to external programs.
    pub response_id: &'a str,
    /// Its tokens; empty where only the text is known.
    pub tokens: &'a [u32],
    /// Its text; empty unless [`Verifier::reads_text`].
    pub text: &'a str,
}

/// What a verifier says of a response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// The reward, in [0, 1].
    pub reward: f64,
    /// The final answer in one way of writing, so that equal answers are equal texts; empty if the response has none. `None` from verifiers that know
    /// no answers.
    pub answer: Option<String>,
}

/// How a response is judged.
#[derive(Debug)]
pub enum Verifier {
    /// The response is the data's response, token for token.
    Exact,
    /// The text is the reference, white space at both ends aside.
    Text,
    /// The last number (after `####` if that is there) is the reference's, in any way of writing. An `answer` that is not one number is refused.
    Number,
    /// What is in the last `\boxed{..}` says the same as the reference: numbers exactly, expressions as far as algebra goes, tuples and intervals in their order, sets in
    /// any. What is not sure is wrong.
    Boxed,
    /// What the pattern captures last is the reference, as answers of mathematics are written.
    Pattern(Regex),
    /// An external program says.
    Command(Box<Command>),
    /// The response is a path of the prompt's graph from its source to its target.
    ValidPath,
    /// The response is one that the policy of the prompt's class gives; the class is the data's `group`.
    Policy(Box<GraphSearch>),
}

impl Verifier {
    /// Every verifier as it is written on the command line, and what it does.
    pub const ALL: [(&'static str, &'static str); 8] = [
        (
            "exact",
            "the response equals the `response` of the prompt's line, token for token",
        ),
        (
            "text",
            "the response's text equals the line's `answer` (else its response), but for white space at both ends",
        ),
        (
            "number",
            "the last number, after #### if it is there, equals the `answer`, which must be one number: 1,000 = 1e3 = 10^3, 1/2 = 0.5 = \\frac{1}{2}",
        ),
        (
            "boxed",
            "the last \\boxed{..} says the same as the `answer`: \\dfrac12 = 0.5 = 50\\%, 2\\sqrt2 = \\sqrt8, \\{1,2\\} = \\{2,1\\}; not (1,2) and (2,1)",
        ),
        (
            "regex:PATTERN",
            "what the pattern's group `answer`, or its first, captures last equals the `answer`, compared as by boxed",
        ),
        (
            "command:PROGRAM ARGS",
            "a program reads one JSON line per response and writes one, {\"reward\": .., \"answer\": ..}",
        ),
        (
            "valid-path",
            "the response is a path of the prompt's graph (graph search)",
        ),
        (
            "policy:TRAIN.toml",
            "the response is right for the class named by `group` (graph search; the task is that of TRAIN.toml)",
        ),
    ];

    /// Whether it compares a response with the data's.
    #[must_use]
    pub fn compares(&self) -> bool {
        !matches!(self, Self::Command(_) | Self::ValidPath | Self::Policy(_))
    }

    /// Reads what the command line says.
    ///
    /// # Errors
    /// If it names no verifier, the pattern is none or captures nothing, or the file of a policy has no task.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, argument) = text.split_once(':').unwrap_or((text, ""));
        match (name, argument) {
            ("exact", "") => Ok(Self::Exact),
            ("text", "") => Ok(Self::Text),
            ("number", "") => Ok(Self::Number),
            ("boxed", "") => Ok(Self::Boxed),
            ("valid-path", "") => Ok(Self::ValidPath),
            ("regex", pattern) if !pattern.is_empty() => Self::pattern(pattern),
            ("command", command) if !command.is_empty() => {
                Command::parse(command).map(|command| Self::Command(Box::new(command)))
            }
            ("policy", path) if !path.is_empty() => {
                graph::policy(path.as_ref()).map(|search| Self::Policy(Box::new(search)))
            }
            _ => {
                let names = Self::ALL.map(|(name, _)| name).join(", ");
                Err(Error::config(
                    "--verifier",
                    format!("`{text}` is not one of {names}"),
                ))
            }
        }
    }

    fn pattern(pattern: &str) -> Result<Self> {
        let place = || format!("--verifier regex:{pattern}");
        let regex = Regex::new(pattern)
            .map_err(|e| Error::config(place(), format!("is not a regular expression: {e}")))?;
        if regex.captures_len() < 2 {
            let message =
                "captures nothing; put the answer into a group, as in regex:answer is (.+)";
            return Err(Error::config(place(), message));
        }
        Ok(Self::Pattern(regex))
    }

    /// The same with another time limit for one response, where that means something.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        match self {
            Self::Command(command) => Self::Command(Box::new(command.with_timeout(timeout))),
            other => other,
        }
    }

    /// Whether [`Judged::text`] is looked at.
    #[must_use]
    pub fn reads_text(&self) -> bool {
        !self.reads_tokens()
    }

    /// Whether [`Judged::tokens`] are looked at, so that a table of texts cannot be judged.
    #[must_use]
    pub fn reads_tokens(&self) -> bool {
        matches!(self, Self::Exact | Self::ValidPath | Self::Policy(_))
    }

    /// Checks that the verifier can judge responses to this item.
    ///
    /// # Errors
    /// If the item lacks what the verifier compares with.
    pub fn check(&self, item: &Item) -> Result<()> {
        let refuse = |message: &str| {
            Err(Error::data(
                format!("prompt_id {}", item.prompt_id),
                message,
            ))
        };
        match self {
            Self::Exact if item.response.is_empty() => {
                refuse("has no response to compare with; --verifier exact needs one")
            }
            Self::Policy(_) => class_of(item).map(drop),
            Self::Exact | Self::ValidPath | Self::Command(_) => Ok(()),
            _ => references(item).try_for_each(|reference| match self.refusal(reference) {
                Some(message) => refuse(&message),
                None => Ok(()),
            }),
        }
    }

    /// Why nothing can be compared with a reference.
    fn refusal(&self, right: Right) -> Option<String> {
        if right.text().is_none() {
            return Some(
                "has no answer to compare with; give `answer`, or the response as text".into(),
            );
        }
        if self.expected(right).is_some() {
            return None;
        }
        Some(match (self, right.answer) {
            (Self::Number, Some(answer)) => format!(
                "has the answer `{answer}`, which is not one number; --verifier number compares numbers: use boxed (fractions, tuples, sets, expressions) or text, or \
                 give the number alone"
            ),
            (Self::Number, None) => "has no number in its response, which stands for the answer; --verifier number compares numbers".into(),
            (Self::Boxed, _) => "has no \\boxed{..} in its response, which stands for the answer; give `answer`".into(),
            _ => "has a response, which stands for the answer, that the pattern does not match; give `answer`".into(),
        })
    }

    /// Checks every item, and that there is text where text is read.
    ///
    /// # Errors
    /// As [`check`](Self::check), or if there is no tokenizer to make text of responses.
    pub fn check_all(&self, items: &[Item], text: Option<&Text>) -> Result<()> {
        if self.reads_text() && text.and_then(Text::vocab_size).is_none() {
            let message =
                "reads text, and the model has no tokenizer.json; use exact, or add the tokenizer";
            return Err(Error::config("--verifier", message));
        }
        items.iter().try_for_each(|item| self.check(item))
    }

    /// Judges responses to items that [`Verifier::check`] let through; the judgements are in their order.
    ///
    /// # Errors
    /// If an external program cannot be run or does not keep to its side (see [`Command`]).
    pub fn judge(&self, batch: &[Judged]) -> Result<Vec<Judgement>> {
        match self {
            Self::Command(command) => command.judge(batch),
            _ => Ok(batch.par_iter().map(|one| self.one(one)).collect()),
        }
    }

    /// Ends what external programs run, and says how often they failed.
    ///
    /// # Errors
    /// If a program has written more lines than it was asked for: then no answer can be trusted.
    pub fn finish(&self) -> Result<Option<Tally>> {
        match self {
            Self::Command(command) => command.finish().map(Some),
            _ => Ok(None),
        }
    }

    fn one(&self, judged: &Judged) -> Judgement {
        let Judged {
            item, tokens, text, ..
        } = *judged;
        let right = match self {
            Self::Exact => item.right_responses().any(|response| tokens == response),
            Self::ValidPath => graph_search::is_valid_path(&item.prompt, tokens),
            Self::Policy(search) => {
                class_of(item).is_ok_and(|class| search.follows_policy(&item.prompt, tokens, class))
            }
            _ => return self.compared(item, text),
        };
        Judgement {
            reward: f64::from(u8::from(right)),
            answer: None,
        }
    }

    /// A right answer is told in the words of the reference, so that answers that are equal are one text.
    fn compared(&self, item: &Item, text: &str) -> Judgement {
        let Some(given) = self.given(text) else {
            return Judgement {
                reward: 0.0,
                answer: Some(String::new()),
            };
        };
        let right = references(item)
            .filter_map(|reference| self.expected(reference))
            .find(|expected| given.is(expected));
        Judgement {
            reward: f64::from(u8::from(right.is_some())),
            answer: Some(right.unwrap_or(given).text()),
        }
    }

    /// The answer in a text.
    fn given(&self, text: &str) -> Option<Given> {
        match self {
            Self::Number => last_number::final_number(text).map(Given::number),
            Self::Boxed => last_boxed(text).map(Given::read),
            Self::Pattern(regex) => last_captured(regex, text).map(Given::read),
            _ => Some(Given::Text(text.trim().to_owned())),
        }
    }

    /// The answer that is expected; `answer` of the data may be the bare answer.
    fn expected(&self, right: Right) -> Option<Given> {
        match (self, right.answer) {
            (Self::Number, Some(answer)) => last_number::single_number(answer).map(Given::number),
            (Self::Boxed, Some(answer)) => Some(Given::read(last_boxed(answer).unwrap_or(answer))),
            (Self::Pattern(_), Some(answer)) => Some(Given::read(answer)),
            _ => self.given(right.text()?),
        }
    }
}

/// An answer that is compared.
enum Given {
    Text(String),
    Answer(Box<Answer>),
}

impl Given {
    fn number(number: number::Number) -> Self {
        Self::Text(number.to_string())
    }

    fn read(text: &str) -> Self {
        Self::Answer(Box::new(Answer::read(text)))
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(own), Self::Text(other)) => own == other,
            (Self::Answer(own), Self::Answer(other)) => own.is(other),
            _ => false,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Answer(answer) => answer.text().to_owned(),
        }
    }
}

/// What is right by a line of the data.
#[derive(Clone, Copy)]
struct Right<'a> {
    answer: Option<&'a str>,
    response: Option<&'a str>,
}

impl<'a> Right<'a> {
    /// What a response is compared with as text.
    fn text(self) -> Option<&'a str> {
        self.answer.or(self.response)
    }
}

/// What is right by the lines of a prompt.
fn references(item: &Item) -> impl Iterator<Item = Right<'_>> {
    let own = Right {
        answer: item.answer.as_deref(),
        response: item.response_text.as_deref(),
    };
    let others = item.alternatives.iter().map(|other| Right {
        answer: other.answer.as_deref(),
        response: other.response_text.as_deref(),
    });
    std::iter::once(own).chain(others)
}

/// What the group named `answer`, or else the first, holds in the last match that has it.
fn last_captured<'a>(regex: &Regex, text: &'a str) -> Option<&'a str> {
    let captured = |found: regex::Captures<'a>| {
        let named = found.name("answer").or_else(|| found.get(1));
        named.map(|group| group.as_str())
    };
    regex.captures_iter(text).filter_map(captured).last()
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;
