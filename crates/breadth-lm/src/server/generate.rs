//! What a server is asked to draw, and what it says of a token.

use super::http::Attempt;
use super::reply::refuse;
use crate::generation::{Sampling, Stop};

/// By so much may the probabilities of a distribution sum to more than 1: servers compute in
/// bfloat16 at worst.
const MASS_ROUNDING: f64 = 1e-2;

/// So many of the likeliest tokens every server tells beside a generated one: the probe asks for
/// them.
pub(super) const TOLD: usize = 5;

/// Responses to one prompt.
#[derive(Clone, Debug)]
pub(super) struct Generation<'a> {
    pub(super) prompt: &'a [u32],
    pub(super) samples: usize,
    /// Fits the signed 64 bits of JSON readers, with room for the number of a sample.
    pub(super) seed: u64,
    /// How many of the likeliest tokens are wanted beside each one drawn.
    pub(super) top: usize,
    /// How they are drawn; `samples` and `seed` stand above.
    pub(super) sampling: &'a Sampling,
}

/// What a server says of one token, drawn or given.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TokenLogProb {
    /// The token.
    pub token: u32,
    /// `log q` of it, in nats.
    pub log_prob: f64,
    /// The likeliest tokens in its place with their log-probabilities, as far as they were asked
    /// for: no token twice, in no order. The token itself may be among them.
    pub top: Vec<(u32, f64)>,
}

impl TokenLogProb {
    /// Checks that the likeliest tokens are some and parts of one distribution.
    pub(super) fn checked(self) -> Attempt<Self> {
        if self.top.is_empty() {
            return refuse(
                "the likeliest tokens of each distribution were asked for and none came",
            );
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
        if mass <= 1.0 + MASS_ROUNDING {
            Ok(self)
        } else {
            refuse(format!(
                "the probabilities of token {} and of the {} likeliest in its place sum to \
                 {mass:.4}, more than 1",
                self.token,
                self.top.len()
            ))
        }
    }
}

impl Generation<'_> {
    /// Tokens that may be drawn in a place, where they are few enough to be told.
    pub(super) fn few(&self) -> Option<usize> {
        let most = if self.sampling.temperature == 0.0 {
            Some(1)
        } else {
            self.sampling.top_k
        };
        most.filter(|&k| k <= TOLD)
    }

    /// The strings that end a response, as requests name them.
    pub(super) fn stop_strings(&self) -> Option<&[String]> {
        self.sampling.stop.as_ref().map(Stop::strings)
    }

    /// Checks that each token drawn is one of the few likeliest: a server that does not know a
    /// field may ignore it.
    pub(super) fn drawn_as_asked(&self, steps: &[TokenLogProb], tolerance: f64) -> Attempt<()> {
        let Some(most) = self.few() else {
            return Ok(());
        };
        for step in steps {
            let mut best: Vec<f64> = step.top.iter().map(|(_, value)| *value).collect();
            best.sort_by(|a, b| b.total_cmp(a));
            let Some(&last) = best.get(most - 1) else {
                return refuse(format!(
                    "the {most} likeliest tokens beside each one drawn were asked for and {} came",
                    best.len()
                ));
            };
            if step.log_prob < last - tolerance {
                return refuse(format!(
                    "token {} of log-probability {:.3} was drawn, where only the {most} likeliest, \
                     from {last:.3} on, may be: the server does not draw as it is asked to \
                     (temperature, top_k)",
                    step.token, step.log_prob
                ));
            }
        }
        Ok(())
    }

    /// Cuts a response behind its end token or the token that completes a stop string, and checks
    /// that it ended as it should.
    pub(super) fn finished(&self, mut steps: Vec<TokenLogProb>) -> Attempt<Vec<TokenLogProb>> {
        let tokens: Vec<u32> = steps.iter().map(|step| step.token).collect();
        let is_end = |&length: &usize| {
            let stops = |stop: &Stop| stop.ends(&tokens[..length]);
            self.sampling.end_tokens.contains(&tokens[length - 1])
                || self.sampling.stop.as_ref().is_some_and(stops)
        };
        let end = (1..=tokens.len()).find(is_end);
        steps.truncate(end.unwrap_or(tokens.len()));
        let count = steps.len();
        if count == 0 || count > self.sampling.max_tokens {
            return refuse(format!(
                "1 to {} tokens were asked for and {count} came",
                self.sampling.max_tokens
            ));
        }
        if end.is_none() && count < self.sampling.max_tokens && !self.sampling.end_tokens.is_empty()
        {
            let stops = match self.stop_strings() {
                Some(strings) => format!(" or behind a string of {strings:?}"),
                None => String::new(),
            };
            return refuse(format!(
                "a response of {count} tokens broke off below the {} asked for, and not at an end \
                 token {:?}{stops}: the server ends responses elsewhere, or hides what ends them",
                self.sampling.max_tokens, self.sampling.end_tokens
            ));
        }
        Ok(steps)
    }
}

/// Checks that every token of a response can have been drawn.
pub(super) fn all_possible(steps: Vec<TokenLogProb>) -> Attempt<Vec<TokenLogProb>> {
    match steps.iter().find(|s| !s.log_prob.is_finite()) {
        Some(step) => refuse(format!(
            "token {} was drawn with a log-probability of {}",
            step.token, step.log_prob
        )),
        None => Ok(steps),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(end_tokens: &[u32]) -> Sampling {
        Sampling {
            max_tokens: 3,
            end_tokens: end_tokens.to_vec(),
            ..Sampling::default()
        }
    }

    fn asked(sampling: &Sampling) -> Generation<'_> {
        Generation {
            prompt: &[1],
            samples: 1,
            seed: 0,
            top: 0,
            sampling,
        }
    }

    fn finish(tokens: &[u32], end_tokens: &[u32]) -> Result<Vec<u32>, String> {
        finish_as(&asked(&sampling(end_tokens)), tokens)
    }

    fn finish_as(asked: &Generation, tokens: &[u32]) -> Result<Vec<u32>, String> {
        let step = |&token| TokenLogProb {
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
    fn what_is_no_part_of_a_distribution_is_refused() {
        let checked = |log_prob: f64, top: &[(u32, f64)]| {
            let (token, top) = (3, top.to_vec());
            let step = TokenLogProb {
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
    fn a_stop_string_ends_a_response_as_it_does_here() {
        let letters = |ids: &[u32]| ids.iter().map(|&id| char::from(b'a' + id as u8)).collect();
        let stop = Stop::new(vec!["cd".into()], letters);
        let sampling = Sampling {
            stop: Some(stop),
            ..sampling(&[0])
        };
        let asked = asked(&sampling);
        assert_eq!(finish_as(&asked, &[2, 3, 4]), Ok(vec![2, 3]));
        assert_eq!(finish_as(&asked, &[1, 2, 3]), Ok(vec![1, 2, 3]));
        assert_eq!(finish_as(&asked, &[2, 0, 3]), Ok(vec![2, 0]));
        let error = finish_as(&asked, &[1, 2]).unwrap_err();
        assert!(error.contains("or behind a string of ["), "{error}");
    }

    #[test]
    fn a_token_that_should_not_have_been_drawn_is_refused() {
        let drawn = |sampling: &Sampling, log_prob: f64, top: &[(u32, f64)]| {
            let (token, top) = (3, top.to_vec());
            let step = TokenLogProb {
                token,
                log_prob,
                top,
            };
            let checked = asked(sampling).drawn_as_asked(&[step], 0.05);
            checked.map_err(|e| format!("{e:?}"))
        };
        let greedy = Sampling {
            temperature: 0.0,
            ..sampling(&[])
        };
        let two = Sampling {
            top_k: Some(2),
            ..sampling(&[])
        };
        let many = Sampling {
            top_k: Some(6),
            ..sampling(&[])
        };
        // A server lists the token drawn beside the likeliest, in no order.
        let top = [(3, -2.0), (4, -0.3), (5, -1.9)];
        assert!(
            drawn(&greedy, -2.0, &top)
                .unwrap_err()
                .contains("only the 1 likeliest, from -0.300 on")
        );
        assert!(drawn(&two, -2.0, &top).unwrap_err().contains("2 likeliest"));
        // Equal but for rounding.
        assert_eq!(drawn(&two, -1.92, &top), Ok(()));
        assert_eq!(drawn(&greedy, -0.3, &top), Ok(()));
        assert_eq!(drawn(&many, -2.0, &[]), Ok(()));
        assert!(drawn(&two, -2.0, &top[..1]).unwrap_err().contains("1 came"));
    }

    #[test]
    fn an_impossible_token_was_not_drawn() {
        let steps = |log_prob| {
            let (token, top) = (7, Vec::new());
            let step = TokenLogProb {
                token,
                log_prob,
                top,
            };
            all_possible(vec![step]).map_err(|e| format!("{e:?}"))
        };
        assert_eq!(steps(-90.0).unwrap().len(), 1);
        for log_prob in [f64::NEG_INFINITY, f64::NAN] {
            let error = steps(log_prob).unwrap_err();
            assert!(
                error.contains("token 7 was drawn with a log-prob"),
                "{error}"
            );
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
