//! One sample of a log: what was asked, in which epoch, and its scores.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::checked::{self, Checked};
use crate::hash::fnv_1a;
use crate::log::entry::Identity;
use crate::log::messages::{prompt_text, reply_text};
use crate::log::source::{self, number, text};
use crate::value::right_answer;

/// The part of a sample that is used; its transcript, by far the most of it, is skipped.
#[derive(Debug, Deserialize)]
pub(super) struct Sample {
    #[serde(deserialize_with = "identifier")]
    pub(super) id: String,
    #[serde(default = "first")]
    pub(super) epoch: u64,
    #[serde(default, deserialize_with = "checked::value")]
    input: Value,
    #[serde(default, deserialize_with = "checked::value")]
    target: Value,
    #[serde(default)]
    output: Output,
    #[serde(default, deserialize_with = "checked::optional_map")]
    scores: Option<Map<String, Value>>,
    /// Earlier versions had one score without a name.
    #[serde(default)]
    score: Option<Checked>,
    #[serde(default, rename = "error", deserialize_with = "is_there")]
    pub(super) failed: bool,
    /// Somebody marked it as one not to count; Inspect runs it anew when it retries.
    #[serde(default, rename = "invalidation", deserialize_with = "is_there")]
    pub(super) invalidated: bool,
    /// Its number in the log, from 1.
    #[serde(skip)]
    pub(super) place: u64,
}

/// The part of a model's output that is used.
#[derive(Debug, Default, Deserialize)]
struct Output {
    #[serde(default)]
    choices: Vec<Choice>,
    /// What a solver of one's own wrote, which leaves no choices.
    #[serde(default)]
    completion: String,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default, deserialize_with = "checked::value")]
    message: Value,
}

/// A score as a reward.
#[derive(Debug, PartialEq)]
pub(super) enum Score {
    /// There is none, or it is NaN, which stands for unscored.
    Missing,
    Number(f64),
    Other(Value),
}

/// What the scorers of log-probabilities leave.
#[derive(Debug, Deserialize)]
pub(super) struct Likelihood {
    #[serde(deserialize_with = "any_number")]
    pub(super) sum_log_probs: f64,
    #[serde(deserialize_with = "any_number")]
    pub(super) num_tokens: f64,
}

impl Sample {
    pub(super) fn score_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (scorer, score) in self.all() {
            match score.get("value") {
                Some(Value::Object(keys)) => {
                    names.extend(keys.keys().map(|key| format!("{scorer}/{key}")));
                }
                _ => names.push(scorer.to_owned()),
            }
        }
        names
    }

    fn all(&self) -> Vec<(&str, &Value)> {
        let named = self
            .scores
            .iter()
            .flatten()
            .map(|(name, score)| (&name[..], score));
        named
            .chain(self.score.as_ref().map(|score| ("score", &score.0)))
            .collect()
    }

    /// The scorer of a score's name, and the key of its value where there are several.
    fn find<'n>(&self, name: &'n str) -> Option<(&Value, Option<&'n str>)> {
        let of = |scorer: &str| {
            let mut all = self.all().into_iter();
            all.find(|(known, _)| *known == scorer)
                .map(|(_, score)| score)
        };
        // Both a scorer and a key may have slashes in their names.
        let mut splits = name.match_indices('/').map(|(at, _)| name.split_at(at));
        of(name).map(|score| (score, None)).or_else(|| {
            splits.find_map(|(scorer, key)| {
                let (score, key) = (of(scorer)?, &key[1..]);
                let has_key = match score.get("value") {
                    Some(Value::Object(keys)) => keys.contains_key(key),
                    _ => true,
                };
                has_key.then_some((score, Some(key)))
            })
        })
    }

    pub(super) fn score(&self, name: &str) -> Score {
        let Some((score, key)) = self.find(name) else {
            return Score::Missing;
        };
        let value = match (score.get("value"), key) {
            (Some(Value::Object(keys)), Some(key)) => keys.get(key),
            (value, _) => value,
        };
        match value {
            None | Some(Value::Null) => Score::Missing,
            Some(value) => match as_number(value) {
                Some(number) if number.is_nan() => Score::Missing,
                Some(number) => Score::Number(number),
                None => Score::Other(value.clone()),
            },
        }
    }

    pub(super) fn answer(&self, name: &str) -> Option<String> {
        let (score, _) = self.find(name)?;
        score
            .get("answer")
            .and_then(Value::as_str)
            .map(str::to_owned)
    }

    /// The log-probability behind a score, if it is that of a scorer of these.
    pub(super) fn likelihood(&self, name: &str) -> Option<Likelihood> {
        let (score, _) = self.find(name)?;
        serde_json::from_value(score.get("metadata")?.clone()).ok()
    }

    /// What was asked, as text.
    pub(super) fn question(&self) -> Option<String> {
        prompt_text(&self.input)
    }

    /// What the model said.
    pub(super) fn text(&self) -> Option<String> {
        let Some(choice) = self.output.choices.first() else {
            let completion = &self.output.completion;
            return (!completion.is_empty()).then(|| completion.clone());
        };
        reply_text(&Value::Array(vec![choice.message.clone()]))
    }

    /// The right answer, where there is one; of several texts any is right.
    pub(super) fn gold(&self) -> Option<String> {
        right_answer(&self.target).filter(|gold| !gold.is_empty())
    }

    pub(super) fn identity(&self) -> Identity {
        let hash = |value: &Value| format!("{:032x}", fnv_1a(comparable(value).as_bytes()));
        vec![("input", hash(&self.input)), ("target", hash(&self.target))]
    }
}

/// The messages of an input without the identifiers that Inspect draws anew in every run.
fn comparable(input: &Value) -> String {
    let Some(messages) = input.as_array() else {
        return text(input);
    };
    let said = |message: &Value| match message.get("content") {
        Some(content) => format!("{}:{}", text(&message["role"]), text(content)),
        None => text(message),
    };
    messages.iter().map(said).collect::<Vec<_>>().join("\n")
}

/// Inspect's own conversion of values to numbers.
fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(true) => Some(1.0),
        Value::Bool(false) => Some(0.0),
        Value::String(text) => match text.as_str() {
            "C" => Some(1.0),
            "P" => Some(0.5),
            "I" | "N" => Some(0.0),
            other => match other.to_lowercase().as_str() {
                "yes" | "true" => Some(1.0),
                "no" | "false" => Some(0.0),
                _ => number(value),
            },
        },
        other => number(other),
    }
}

fn first() -> u64 {
    1
}

fn identifier<'de, D: serde::Deserializer<'de>>(json: D) -> Result<String, D::Error> {
    let Checked(value) = Checked::deserialize(json)?;
    let id = source::id(&value);
    id.ok_or_else(|| serde::de::Error::custom("`id` must be a string or a whole number"))
}

fn is_there<'de, D: serde::Deserializer<'de>>(json: D) -> Result<bool, D::Error> {
    Ok(Option::<serde::de::IgnoredAny>::deserialize(json)?.is_some())
}

fn any_number<'de, D: serde::Deserializer<'de>>(json: D) -> Result<f64, D::Error> {
    let Checked(value) = Checked::deserialize(json)?;
    number(&value).ok_or_else(|| serde::de::Error::custom("not a number"))
}
