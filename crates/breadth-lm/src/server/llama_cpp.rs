//! The server of llama.cpp, which has no log-probabilities of a prompt: each response token is
//! forced.
//!
//! A request generates one token after the tokens so far, with a bias on the wanted one that no
//! logit outweighs. The reported probability is the softmax of the logits before any sampler, bias
//! included, so it is the model's own. The server keeps the prefix, hence a token costs one
//! decoding step. The probability is a 32-bit float: below [`EXACT`] its logarithm has lost digits,
//! and is refused.

use serde_json::{Value, json};

use super::generate::{Generation, TokenLogProb};
use super::http::Attempt;
use super::line::Line;
use super::protocol::{Listed, Protocol};
use super::reply::{Entry, field, list, log_prob, refuse, same_token, token};
use crate::generation::Sequence;

const PATH: &str = "/completion";
/// Bias that forces a token.
const BIAS: f64 = 1e6;
/// `ln` of the smallest probability that a 32-bit float (gradual underflow begins at -87.3) still
/// holds with 12 bits.
const EXACT: f64 = -95.0;

pub(super) const KIND: Listed = Listed {
    name: "llama.cpp",
    owner: Some("llamacpp"),
    page: Some("/props"),
    names_model: true,
    version: Some(("/props", "build_info")),
    protocol: || Box::new(LlamaCpp),
};

#[derive(Debug)]
struct LlamaCpp;

impl Protocol for LlamaCpp {
    fn score(
        &self,
        line: &Line,
        model: &str,
        sequences: &[Sequence],
        _: f64,
        top: usize,
    ) -> Attempt<Vec<Vec<TokenLogProb>>> {
        let one = |sequence| score(line, model, sequence, top);
        sequences.iter().map(one).collect()
    }

    fn generate(
        &self,
        line: &Line,
        model: &str,
        asked: &Generation,
    ) -> Attempt<Vec<Vec<TokenLogProb>>> {
        generate(line, model, asked)
    }

    fn way(&self) -> &'static str {
        "forced tokens"
    }

    fn forces_tokens(&self) -> bool {
        true
    }

    fn tokenize(&self, _: &str, text: &str) -> Value {
        json!({"content": text, "add_special": true})
    }
}

/// `log q` of every response token of a sequence, and the `top` likeliest in its place.
fn score(line: &Line, model: &str, sequence: &Sequence, top: usize) -> Attempt<Vec<TokenLogProb>> {
    let mut prefix = sequence.prompt.to_vec();
    let mut steps = Vec::new();
    for &wanted in sequence.response {
        steps.push(force(line, model, &prefix, wanted, top)?);
        prefix.push(wanted);
    }
    Ok(steps)
}

fn force(
    line: &Line,
    model: &str,
    prefix: &[u32],
    wanted: u32,
    top: usize,
) -> Attempt<TokenLogProb> {
    let body = json!({
        "model": model,
        "prompt": prefix,
        "n_predict": 1,
        "logit_bias": [[wanted, BIAS]],
        "samplers": ["top_k"],
        "top_k": 1,
        "n_probs": top.max(1),
        "post_sampling_probs": false,
        "return_tokens": true,
        "cache_prompt": true,
    });
    let reply = line.post(PATH, &body)?;
    let mut steps = steps(&reply, prefix.len())?;
    let (Some(step), true) = (steps.pop(), steps.is_empty()) else {
        return refuse("1 token was asked for, and another number of them came");
    };
    if step.token != wanted {
        return refuse(format!(
            "token {} was to be forced and {} came: the server does not heed logit_bias, so its \
             log-probability cannot be had",
            wanted, step.token
        ));
    }
    exact(step.log_prob, wanted)?;
    Ok(step)
}

fn exact(log_prob: f64, wanted: u32) -> Attempt<f64> {
    if log_prob >= EXACT {
        Ok(log_prob)
    } else {
        refuse(format!(
            "token {wanted} has a log-probability of {log_prob}: below {EXACT} llama.cpp's 32-bit \
             probabilities lose it; score this model with vLLM or SGLang"
        ))
    }
}

/// What was generated, from `completion_probabilities`.
fn steps(reply: &Value, sent: usize) -> Attempt<Vec<TokenLogProb>> {
    let seen = reply.get("tokens_evaluated").and_then(Value::as_u64);
    if let Some(seen) = seen.filter(|&seen| seen != sent as u64) {
        return refuse(format!(
            "{sent} tokens were sent and the server saw {seen}: it puts tokens in front, or cuts \
             the prompt"
        ));
    }
    if reply.get("truncated").and_then(Value::as_bool) == Some(true) {
        return refuse(
            "the server cut the prompt (truncated: true); start it with a larger context",
        );
    }
    let entries = list(reply, "/completion_probabilities")?;
    if let Some(ids) = reply
        .get("tokens")
        .and_then(Value::as_array)
        .filter(|ids| !ids.is_empty())
    {
        if ids.len() != entries.len() {
            return refuse(format!(
                "{} tokens came with {} log-probabilities: llama.cpp gives none for a token that \
                 is part of a character",
                ids.len(),
                entries.len()
            ));
        }
        for (id, entry) in ids.iter().zip(entries) {
            same_token(token(id, "tokens")?, read_entry(entry)?.0, 0)?;
        }
    }
    let step = |entry: &Value| {
        let (token, log_prob) = read_entry(entry)?;
        let top = entry.get("top_logprobs").and_then(Value::as_array);
        let top = top
            .into_iter()
            .flatten()
            .map(read_entry)
            .collect::<Attempt<_>>()?;
        Ok(TokenLogProb {
            token,
            log_prob,
            top,
        })
    };
    entries.iter().map(step).collect()
}

fn read_entry(entry: &Value) -> Attempt<Entry> {
    let place = "completion_probabilities";
    let id = token(field(entry, "/id")?, place)?;
    Ok((id, log_prob(field(entry, "/logprob")?, place)?))
}

/// Draws responses to one prompt.
fn generate(line: &Line, model: &str, asked: &Generation) -> Attempt<Vec<Vec<TokenLogProb>>> {
    let draw = |k: usize| {
        let body = json!({
            "model": model,
            "prompt": asked.prompt,
            "n_predict": asked.sampling.max_tokens,
            // In our order; stop strings are not named, since their tokens' probabilities would not
            // come back.
            "samplers": ["temperature", "top_k", "top_p"],
            "temperature": asked.sampling.temperature,
            "top_k": asked.sampling.top_k.unwrap_or(0),
            "top_p": asked.sampling.top_p.unwrap_or(1.0),
            "seed": (asked.seed + k as u64) % u64::from(u32::MAX),
            "n_probs": asked.top.max(1),
            "post_sampling_probs": false,
            "return_tokens": true,
            "cache_prompt": true,
        });
        steps(&line.post(PATH, &body)?, asked.prompt.len())
    };
    (0..asked.samples).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reply: Value) -> Result<Vec<TokenLogProb>, String> {
        steps(&reply, 3).map_err(|e| format!("{e:?}"))
    }

    fn reply() -> Value {
        json!({
            "tokens": [42], "tokens_evaluated": 3, "truncated": false,
            "completion_probabilities": [{"id": 42, "logprob": -11.5, "token": "a", "top_logprobs": [{"id": 7, "logprob": -0.25}]}],
        })
    }

    #[test]
    fn the_forced_token_and_its_log_probability_are_read() {
        let steps = read(reply()).unwrap();
        assert_eq!((steps[0].token, steps[0].log_prob), (42, -11.5));
        assert_eq!(steps[0].top, [(7, -0.25)]);
    }

    #[test]
    fn what_is_off_is_refused() {
        let edited = |path: &str, value: Value| {
            let mut reply = reply();
            *reply.pointer_mut(path).unwrap() = value;
            read(reply).unwrap_err()
        };
        assert!(
            edited("/tokens_evaluated", json!(4))
                .contains("3 tokens were sent and the server saw 4")
        );
        assert!(edited("/truncated", json!(true)).contains("cut the prompt"));
        assert!(edited("/tokens", json!([41])).contains("was sent as 41 and came back as 42"));
        assert!(edited("/completion_probabilities/0/logprob", json!(null)).contains("no logprob"));
        assert!(
            edited("/completion_probabilities", json!(null))
                .contains("no completion_probabilities")
        );
    }

    #[test]
    fn what_underflows_is_refused() {
        assert_eq!(exact(-94.0, 1), Ok(-94.0));
        for lost in [-96.0, f64::NEG_INFINITY] {
            assert!(
                format!("{:?}", exact(lost, 1))
                    .contains("llama.cpp's 32-bit probabilities lose it")
            );
        }
    }
}
