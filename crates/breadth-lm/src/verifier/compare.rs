//! Verifiers that find an answer in a text and compare it with the data's.

use std::fmt::Debug;

use rayon::prelude::*;

use super::answer::Answer;
use super::judge::{Judged, Judgement, Reads, Verify};
use super::number::Number;
use super::texts;
use crate::error::{Error, Result};
use crate::text::Item;

/// Which answer a text holds.
pub(super) trait Compare: Debug + Send + Sync {
    /// The answer in a response.
    fn given(&self, text: &str) -> Option<Given>;

    /// What is right by an `answer` of the data, which may be the bare answer; nothing if it is not
    /// understood.
    fn expected(&self, answer: &str) -> Vec<Given>;

    /// Why nothing can be compared with an `answer` that is not understood, or with the response
    /// that stands for it.
    fn refusal(&self, answer: Option<&str>) -> String;
}

/// A verifier by comparison.
#[derive(Debug)]
pub(super) struct Comparison<T>(pub(super) T);

impl<T: Compare> Verify for Comparison<T> {
    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn compares(&self) -> bool {
        true
    }

    fn check(&self, item: &Item) -> Result<()> {
        references(item).try_for_each(|reference| match self.refusal(reference) {
            Some(message) => Err(Error::data(item.place(), message)),
            None => Ok(()),
        })
    }

    fn judge(&self, batch: &[Judged]) -> Result<Vec<Judgement>> {
        Ok(batch.par_iter().map(|one| self.one(one)).collect())
    }
}

impl<T: Compare> Comparison<T> {
    /// Why nothing can be compared with a reference.
    fn refusal(&self, right: Right) -> Option<String> {
        if right.text().is_none() {
            return Some(
                "has no answer to compare with; give `answer`, or the response as text".into(),
            );
        }
        self.expected(right)
            .is_empty()
            .then(|| self.0.refusal(right.answer))
    }

    /// A right answer is told in the words of the reference, so that answers that are equal are one
    /// text.
    fn one(&self, judged: &Judged) -> Judgement {
        let Some(given) = self.0.given(judged.text) else {
            return Judgement {
                reward: 0.0,
                answer: Some(String::new()),
            };
        };
        let right = references(judged.item)
            .flat_map(|reference| self.expected(reference))
            .find(|expected| given.is(expected));
        Judgement {
            reward: f64::from(u8::from(right.is_some())),
            answer: Some(right.unwrap_or(given).text()),
        }
    }

    /// What is right; where the answer is a list of texts, it and each of these.
    fn expected(&self, right: Right) -> Vec<Given> {
        let Some(answer) = right.answer else {
            let given = right.response.and_then(|response| self.0.given(response));
            return given.into_iter().collect();
        };
        let members = texts::read(answer).unwrap_or_default();
        let own = self.0.expected(answer).into_iter();
        own.chain(members.iter().flat_map(|member| self.0.expected(member)))
            .collect()
    }
}

/// What an `answer` of the data ends in: what follows the last `####`, with which GSM8K parts it
/// from how it was found, or all of it.
pub(super) fn ending(answer: &str) -> &str {
    let parted = answer.rsplit_once("####");
    parted.map_or(answer, |(_, ending)| ending.trim())
}

/// An answer that is compared.
pub(super) enum Given {
    /// By its letters.
    Text(String),
    /// As mathematics.
    Answer(Box<Answer>),
}

impl Given {
    pub(super) fn number(number: Number) -> Self {
        Self::Text(number.to_string())
    }

    pub(super) fn read(text: &str) -> Self {
        Self::Answer(Box::new(Answer::read(text)))
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(own), Self::Text(other)) => own == other,
            (Self::Answer(own), Self::Answer(other)) => own.is(other),
            (Self::Text(_), Self::Answer(_)) | (Self::Answer(_), Self::Text(_)) => false,
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
pub(super) struct Right<'a> {
    answer: Option<&'a str>,
    response: Option<&'a str>,
}

impl<'a> Right<'a> {
    /// What a response is compared with as text.
    pub(super) fn text(self) -> Option<&'a str> {
        self.answer.or(self.response)
    }
}

/// What is right by the lines of a prompt.
pub(super) fn references(item: &Item) -> impl Iterator<Item = Right<'_>> {
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
