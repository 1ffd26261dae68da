//! How data becomes token ids.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whether a data file must have responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Responses {
    /// Every line needs one.
    #[default]
    Required,
    /// Lines may go without.
    Optional,
}

/// Which responses get the token that ends them, if they lack it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndToken {
    /// Those given as text, if the model names an end token; token ids are left as they are.
    Auto,
    /// All; an error if the model names none.
    Always,
    /// None.
    #[default]
    Never,
}

impl EndToken {
    /// Whether none are added, as where nothing is said.
    #[must_use]
    pub fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

/// Where the ids of prompt and response come from when both are text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// Each is tokenised by itself: the response begins with a token of its own, as when a model
    /// goes on from the prompt.
    #[default]
    Separate,
    /// Both are tokenised in one piece, and the prompt's ids must be the beginning.
    Joint,
}

/// An end of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The beginning; a start token stays.
    Left,
    /// The end.
    Right,
}

/// How long a prompt with its response may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Most tokens of prompt and response together.
    pub max_length: usize,
    /// Tokens kept free for a response, where none is given.
    pub reserve: usize,
    /// Which end of a longer prompt is cut; without one, a longer prompt is an error.
    pub side: Option<Side>,
}

/// How data becomes token ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataOptions {
    /// Whether lines need responses.
    pub responses: Responses,
    /// Which responses get an end token (default: never).
    pub end_token: EndToken,
    /// How prompts and responses are joined.
    pub boundary: Boundary,
    /// Longest line; `None` leaves that to the model.
    pub cut: Option<Cut>,
    /// Whether two lines of one `prompt_id` with different prompts are an error: for tables, whose
    /// readers take such lines for responses to one prompt.
    pub one_prompt_per_id: bool,
}

macro_rules! written_as_in_json {
    ($($name:ty),*) => {$(
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str(json!(self).as_str().unwrap_or_default())
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                serde_json::from_value(Value::from(text)).map_err(|e| e.to_string())
            }
        }
    )*};
}

written_as_in_json!(EndToken, Boundary, Side);
