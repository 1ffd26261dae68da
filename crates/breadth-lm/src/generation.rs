//! The words that models, decoders, servers and training share: a prompt with its response, how
//! responses are sampled, and what comes back.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};

/// A prompt and the response whose tokens are to be predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence<'a> {
    /// What is given; at least one token.
    pub prompt: &'a [u32],
    /// What is scored; at least one token.
    pub response: &'a [u32],
}

impl Sequence<'_> {
    /// Tokens that go through the model: all but the last.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.prompt.len() + self.response.len() - 1
    }
}

/// A sampled response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Its tokens, the end token included if it ended.
    pub tokens: Vec<u32>,
    /// `log q` of each token under the model itself, in nats, whatever the temperature, `top_k` and
    /// `top_p`.
    pub log_probs: Vec<f32>,
}

type Decode = dyn Fn(&[u32]) -> String + Send + Sync;

/// Strings that end a response: its last token is the one with which one of them is complete.
///
/// ```
/// use breadth_lm::generation::Stop;
/// let letters = |ids: &[u32]| ids.iter().map(|&id| char::from(b'a' + id as u8)).collect();
/// let stop = Stop::new(vec!["cd".into()], letters);
/// assert!(!stop.ends(&[0, 2]));
/// assert!(stop.ends(&[0, 2, 3]));
/// ```
#[derive(Clone)]
pub struct Stop {
    strings: Vec<String>,
    decode: Arc<Decode>,
    decoder: String,
}

impl Stop {
    /// Stops at any of the strings in what `decode` makes of a response's tokens.
    pub fn new(
        strings: Vec<String>,
        decode: impl Fn(&[u32]) -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            strings,
            decode: Arc::new(decode),
            decoder: String::new(),
        }
    }

    /// The same with a name for what decodes, such as the hash of a tokenizer: a job that goes on
    /// must find the same one.
    #[must_use]
    pub fn decoded_by(mut self, decoder: impl Into<String>) -> Self {
        self.decoder = decoder.into();
        self
    }

    /// Whether the response has ended.
    #[must_use]
    pub fn ends(&self, tokens: &[u32]) -> bool {
        let text = (self.decode)(tokens);
        self.strings.iter().any(|stop| text.contains(stop))
    }

    /// The strings.
    #[must_use]
    pub fn strings(&self) -> &[String] {
        &self.strings
    }

    /// The name of what decodes; empty unless it was given one.
    #[must_use]
    pub fn decoder(&self) -> &str {
        &self.decoder
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.strings).finish()
    }
}

/// How responses are sampled: from `softmax(logits / temperature)`, cut to the `top_k` most likely
/// tokens, then to the fewest whose probability reaches `top_p`.
///
/// ```
/// use breadth_lm::generation::Sampling;
/// let model_itself = Sampling::default();
/// assert!(model_itself.is_model_itself());
/// assert!(Sampling { top_p: Some(1.5), ..model_itself }.check().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct Sampling {
    /// Responses per prompt.
    pub samples: usize,
    /// Longest response, in tokens.
    pub max_tokens: usize,
    /// Tokens that end a response; without any, a server's own do.
    pub end_tokens: Vec<u32>,
    /// Strings that end a response beside end tokens.
    pub stop: Option<Stop>,
    /// Divides the logits; 0 takes the most likely token.
    pub temperature: f64,
    /// Tokens kept; `None` keeps all.
    pub top_k: Option<usize>,
    /// Probability kept; `None` keeps all. Where a server cuts to `top_k` and `top_p` both, whether
    /// the second counts before or after the first is up to the server.
    pub top_p: Option<f64>,
    /// Seed: each response draws from random streams of its own.
    pub seed: u64,
    /// Number of the first prompt: prompt `i` draws from the streams of number `first_prompt + i`,
    /// so that a set of prompts may be sampled in parts.
    pub first_prompt: u64,
}

/// The most samples of a prompt: each draws from a random stream of its own.
pub const MOST_SAMPLES: usize = 1 << 20;

impl Default for Sampling {
    /// One response of at most 256 tokens from the model itself.
    fn default() -> Self {
        Self {
            samples: 1,
            max_tokens: 256,
            end_tokens: Vec::new(),
            stop: None,
            temperature: 1.0,
            top_k: None,
            top_p: None,
            seed: 0,
            first_prompt: 0,
        }
    }
}

impl Sampling {
    /// Whether tokens are drawn from the model's own distribution: temperature 1 and no cut.
    #[must_use]
    pub fn is_model_itself(&self) -> bool {
        self.temperature == 1.0 && self.top_k.is_none() && self.top_p.is_none()
    }

    /// Checks that temperature, `top_k`, `top_p` and the number of samples are in their domains.
    ///
    /// # Errors
    /// Names the one that does not.
    pub fn check(&self) -> Result<()> {
        let error = |name: &str, message: String| Err(Error::config(name, message));
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            let value = self.temperature;
            return error(
                "temperature",
                format!("{value} is not a number of at least 0"),
            );
        }
        if self.samples > MOST_SAMPLES {
            let samples = self.samples;
            return error(
                "samples",
                format!(
                    "{samples} for each prompt; at most {MOST_SAMPLES} have streams of their own"
                ),
            );
        }
        if self.top_k == Some(0) {
            return error("top-k", "0 leaves no token; at least 1 is needed".into());
        }
        match self.top_p {
            Some(p) if !(p > 0.0 && p <= 1.0) => {
                error("top-p", format!("{p} is not above 0 and at most 1"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let plain = Sampling::default();
        for (temperature, top_k, top_p) in [
            (-0.1, None, None),
            (f64::NAN, None, None),
            (1.0, Some(0), None),
            (1.0, None, Some(0.0)),
        ] {
            let wrong = Sampling {
                temperature,
                top_k,
                top_p,
                ..plain.clone()
            };
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        let many = |samples| Sampling {
            samples,
            ..plain.clone()
        };
        assert!(many(MOST_SAMPLES).check().is_ok());
        assert!(many(MOST_SAMPLES + 1).check().is_err());
    }
}
