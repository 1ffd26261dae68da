//! What a server is asked to draw, and what it says of a token.

use super::http::Attempt;
use super::reply::refuse;

/// By so much may the probabilities of a law sum to more than 1: servers compute in bfloat16 at worst.
const MASS_ROUNDING: f64 = 1e-2;

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

/// What a server says of one token, drawn or given.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The token.
    pub token: u32,
    /// `log q` of it, in nats.
    pub log_prob: f64,
    /// The likeliest tokens in its place with their log-probabilities, as far as they were asked for: no token twice, in no order. The token itself may be among them.
    pub top: Vec<(u32, f64)>,
}

impl Step {
    /// Checks that the likeliest tokens are some and parts of one law.
    pub(super) fn checked(self) -> Attempt<Self> {
        if self.top.is_empty() {
            return refuse("the likeliest tokens of each law were asked for and none came");
        }
        let mut ids: Vec<u32> = self.top.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
            return refuse(format!("token {} is twice among the likeliest", twice[0]));
        }
        let mut mass: f64 = self.top.iter().map(|(_, v)| v.exp()).sum();
        if ids.binary_search(&self.token).is_err() {
            mass += self.log_prob.exp();
        }
        match mass <= 1.0 + MASS_ROUNDING {
            true => Ok(self),
            false => refuse(format!(
                "the probabilities of token {} and of the {} likeliest in its place sum to {mass:.4}, more than 1",
                self.token,
                self.top.len()
            )),
        }
    }
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
    fn what_is_no_part_of_a_law_is_refused() {
        let checked = |log_prob: f64, top: &[(u32, f64)]| {
            let (token, top) = (3, top.to_vec());
            let step = Step {
                token,
                log_prob,
                top,
            };
            step.checked().map(drop).map_err(|e| format!("{e:?}"))
        };
        let half = 0.5_f64.ln();
        // The token is one of the likeliest, or one more.
        assert_eq!(checked(half, &[(3, half), (4, half)]), Ok(()));
        assert_eq!(checked(f64::NEG_INFINITY, &[(2, half), (4, half)]), Ok(()));
        for (top, said) in [
            (&[][..], "none came"),
            (&[(4, half), (4, half)], "token 4 is twice"),
            (&[(2, half), (4, half)], "sum to 1.5000"),
        ] {
            let error = checked(half, top).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_hidden_end_token_is_refused() {
        let error = finish(&[4, 5], &[0]).unwrap_err();
        assert!(error.contains("broke off below the 3 asked for"), "{error}");
        assert!(finish(&[], &[0]).unwrap_err().contains("0 came"));
        assert!(finish(&[1, 2, 3, 4], &[0]).unwrap_err().contains("4 came"));
    }
}
