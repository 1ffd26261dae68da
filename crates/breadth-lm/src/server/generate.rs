//! What a server is asked to draw, and what it drew.

use super::http::Attempt;
use super::reply::{Entry, refuse};

/// Responses to one prompt.
#[derive(Clone, Debug)]
pub(super) struct Generation<'a> {
    pub(super) prompt: &'a [u32],
    pub(super) samples: usize,
    pub(super) max_tokens: usize,
    pub(super) temperature: f64,
    /// Fits the signed 64 bits of JSON readers, with room for the number of a sample.
    pub(super) seed: u64,
    /// Tokens that end a response; without any, the server's own do.
    pub(super) end_tokens: &'a [u32],
    /// How many of the likeliest tokens are wanted beside each one drawn.
    pub(super) top: usize,
}

/// One drawn token.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) token: u32,
    pub(super) log_prob: f64,
    /// The likeliest tokens there.
    pub(super) top: Vec<Entry>,
}

impl Generation<'_> {
    /// Cuts a response behind its end token, and checks that it ended as it should.
    pub(super) fn finished(&self, mut steps: Vec<Step>) -> Attempt<Vec<Step>> {
        let is_end = |step: &Step| self.end_tokens.contains(&step.token);
        if let Some(end) = steps.iter().position(is_end) {
            steps.truncate(end + 1);
            return Ok(steps);
        }
        let count = steps.len();
        if count == 0 || count > self.max_tokens {
            return refuse(format!(
                "1 to {} tokens were asked for and {count} came",
                self.max_tokens
            ));
        }
        if count < self.max_tokens && !self.end_tokens.is_empty() {
            return refuse(format!(
                "a response of {count} tokens broke off below the {} asked for, and not at an end token {:?}: the server ends responses at other tokens, or hides the end token",
                self.max_tokens, self.end_tokens
            ));
        }
        if let Some(step) = steps.iter().find(|s| !s.log_prob.is_finite()) {
            return refuse(format!(
                "token {} was drawn with a log-probability of {}",
                step.token, step.log_prob
            ));
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(tokens: &[u32], end_tokens: &[u32]) -> Result<Vec<u32>, String> {
        let asked = Generation {
            prompt: &[1],
            samples: 1,
            max_tokens: 3,
            temperature: 1.0,
            seed: 0,
            end_tokens,
            top: 0,
        };
        let step = |&token| Step {
            token,
            log_prob: -1.0,
            top: Vec::new(),
        };
        let steps = asked.finished(tokens.iter().map(step).collect());
        let tokens = steps.map(|steps| steps.iter().map(|s| s.token).collect());
        tokens.map_err(|e| format!("{e:?}"))
    }

    #[test]
    fn responses_end_with_their_end_token() {
        assert_eq!(finish(&[4, 0, 6], &[0]), Ok(vec![4, 0]));
        assert_eq!(finish(&[4, 5, 6], &[0]), Ok(vec![4, 5, 6]));
        // Where no end token is known, the server's own is taken.
        assert_eq!(finish(&[4, 2], &[]), Ok(vec![4, 2]));
    }

    #[test]
    fn a_hidden_end_token_is_refused() {
        let error = finish(&[4, 5], &[0]).unwrap_err();
        assert!(error.contains("broke off below the 3 asked for"), "{error}");
        assert!(finish(&[], &[0]).unwrap_err().contains("0 came"));
        assert!(finish(&[1, 2, 3, 4], &[0]).unwrap_err().contains("4 came"));
    }
}
