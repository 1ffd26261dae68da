//! SGLang's `/generate`.
//!
//! `logprob_start_len` is the place of the prompt's last token: what stands before comes from the
//! prefix cache. The reply has `[log q, id, text]` for each token from there on, the first with
//! null. SGLang's JSON writer turns minus infinity and NaN into null, so a null anywhere else is
//! refused.

use serde_json::{Value, json};

use super::generate::{Generation, TokenLogProb};
use super::http::Attempt;
use super::line::Line;
use super::protocol::{Listed, Protocol};
use super::reply::{Entry, list, log_prob, refuse, same_token, short, token};
use crate::generation::Sequence;

const PATH: &str = "/generate";

pub(super) const KIND: Listed = Listed {
    name: "sglang",
    owner: Some("sglang"),
    page: Some("/get_model_info"),
    names_model: false,
    version: Some(("/get_server_info", "version")),
    protocol: || Box::new(Sglang),
};

#[derive(Debug)]
struct Sglang;

impl Protocol for Sglang {
    fn score(
        &self,
        line: &Line,
        _: &str,
        sequences: &[Sequence],
        temperature: f64,
        top: usize,
    ) -> Attempt<Vec<Vec<TokenLogProb>>> {
        score(line, sequences, temperature, top)
    }

    fn generate(
        &self,
        line: &Line,
        _: &str,
        asked: &Generation,
    ) -> Attempt<Vec<Vec<TokenLogProb>>> {
        generate(line, asked)
    }

    fn way(&self) -> &'static str {
        "logprob_start_len"
    }
}

/// `log q` of every response token of each sequence, and the `top` likeliest in its place.
fn score(
    line: &Line,
    sequences: &[Sequence],
    temperature: f64,
    top: usize,
) -> Attempt<Vec<Vec<TokenLogProb>>> {
    let prompts: Vec<Vec<u32>> = sequences
        .iter()
        .map(|s| [s.prompt, s.response].concat())
        .collect();
    let starts: Vec<usize> = sequences.iter().map(|s| s.prompt.len() - 1).collect();
    let count = sequences.len();
    let body = json!({
        "input_ids": prompts,
        "sampling_params": {"max_new_tokens": 1, "temperature": temperature},
        "return_logprob": vec![true; count],
        "logprob_start_len": starts,
        "top_logprobs_num": vec![top; count],
    });
    let reply = line.post(PATH, &body)?;
    let replies = replies(&reply, count)?;
    let each = replies.iter().zip(&prompts).zip(sequences);
    each.map(|((reply, sent), sequence)| response_entries(reply, sent, sequence.response.len()))
        .collect()
}

/// One reply per sequence: a list, even of one.
fn replies(reply: &Value, expected: usize) -> Attempt<&[Value]> {
    let replies = match reply.as_array() {
        Some(list) => &list[..],
        None => std::slice::from_ref(reply),
    };
    if replies.len() == expected {
        Ok(replies)
    } else {
        refuse(format!(
            "{expected} replies are due and {} came: {}",
            replies.len(),
            short(reply)
        ))
    }
}

fn response_entries(reply: &Value, sent: &[u32], response: usize) -> Attempt<Vec<TokenLogProb>> {
    let entries = list(reply, "/meta_info/input_token_logprobs")?;
    // From the prompt's last token on, or all: some versions take the start for a hint.
    if entries.len() != response + 1 && entries.len() != sent.len() {
        return refuse(format!(
            "{} entries are due (or all {}) and {} came",
            response + 1,
            sent.len(),
            entries.len()
        ));
    }
    let start = sent.len() - entries.len();
    let (first, id) = entry_parts(&entries[0])?;
    same_token(sent[start], token(id, "input_token_logprobs")?, start)?;
    if !first.is_null() {
        return refuse(format!(
            "the first entry is {} and not null: the entries are shifted",
            short(first)
        ));
    }
    let tops = reply.pointer("/meta_info/input_top_logprobs");
    let mut steps = Vec::new();
    for (i, entry) in entries.iter().enumerate().skip(1) {
        let (token, log_prob) = read_entry(entry, i)?;
        same_token(sent[start + i], token, start + i)?;
        steps.push(TokenLogProb {
            token,
            log_prob,
            top: top(tops, i)?,
        });
    }
    Ok(steps.split_off(steps.len() - response))
}

/// `[[log q, id, ..], ..]`, the likeliest tokens in the place of token `i`; empty where there are
/// none.
fn top(tops: Option<&Value>, i: usize) -> Attempt<Vec<Entry>> {
    let entries = tops.and_then(|tops| tops.get(i)?.as_array());
    let entries = entries.into_iter().flatten();
    entries.map(|entry| read_entry(entry, i)).collect()
}

/// `log q` and id of `[log q, id, ..]`.
fn entry_parts(entry: &Value) -> Attempt<(&Value, &Value)> {
    match (entry.get(0), entry.get(1)) {
        (Some(value), Some(id)) => Ok((value, id)),
        _ => refuse(format!("{} is not [log-probability, id, ..]", short(entry))),
    }
}

fn read_entry(entry: &Value, place: usize) -> Attempt<Entry> {
    let (value, id) = entry_parts(entry)?;
    let place = format!("entry {place}");
    Ok((token(id, &place)?, log_prob(value, &place)?))
}

/// Draws responses to one prompt.
fn generate(line: &Line, asked: &Generation) -> Attempt<Vec<Vec<TokenLogProb>>> {
    let ends = !asked.sampling.end_tokens.is_empty();
    // Several seeds in one request would all be the same one: each response gets a request's entry
    // of its own.
    let parameters = |k: usize| {
        let mut parameters = json!({
            "max_new_tokens": asked.sampling.max_tokens,
            "temperature": asked.sampling.temperature,
            "top_p": asked.sampling.top_p.unwrap_or(1.0),
            "top_k": asked.sampling.top_k.map_or(json!(-1), |k| json!(k)),
            "min_p": 0.0,
            "repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
            "sampling_seed": asked.seed + k as u64,
            "ignore_eos": ends,
        });
        if ends {
            parameters["stop_token_ids"] = json!(asked.sampling.end_tokens);
        }
        if let Some(strings) = asked.stop_strings() {
            parameters["stop"] = json!(strings);
            parameters["no_stop_trim"] = json!(true);
        }
        parameters
    };
    let count = asked.samples;
    let body = json!({
        "input_ids": vec![asked.prompt; count],
        "sampling_params": (0..count).map(parameters).collect::<Vec<_>>(),
        "return_logprob": vec![true; count],
        "logprob_start_len": vec![-1; count],
        "top_logprobs_num": vec![asked.top; count],
    });
    let reply = line.post(PATH, &body)?;
    replies(&reply, count)?.iter().map(drawn).collect()
}

fn drawn(reply: &Value) -> Attempt<Vec<TokenLogProb>> {
    let entries = list(reply, "/meta_info/output_token_logprobs")?;
    let tops = reply.pointer("/meta_info/output_top_logprobs");
    if let Some(ids) = reply.get("output_ids").and_then(Value::as_array)
        && ids.len() != entries.len()
    {
        return refuse(format!(
            "{} output_ids and {} log-probabilities",
            ids.len(),
            entries.len()
        ));
    }
    let step = |(i, entry): (usize, &Value)| {
        let (token, log_prob) = read_entry(entry, i)?;
        Ok(TokenLogProb {
            token,
            log_prob,
            top: top(tops, i)?,
        })
    };
    entries.iter().enumerate().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::http::Failure;

    fn read(entries: Value, response: usize) -> Result<Vec<f64>, String> {
        let reply = json!({"meta_info": {"input_token_logprobs": entries}});
        let steps = response_entries(&reply, &[7, 8, 9], response);
        let values = steps.map(|steps| steps.iter().map(|s| s.log_prob).collect());
        values.map_err(|failure| match failure {
            Failure::Refused(message) => message,
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn entries_begin_at_the_last_token_of_the_prompt() {
        let part = json!([[null, 8, null], [-0.5, 9, null]]);
        assert_eq!(read(part, 1), Ok(vec![-0.5]));
        let all = json!([[null, 7, null], [-2.0, 8, null], [-0.5, 9, null]]);
        assert_eq!(read(all.clone(), 1), Ok(vec![-0.5]));
        assert_eq!(read(all, 2), Ok(vec![-2.0, -0.5]));
        let clamped = json!([[null, 8, null], [-3.402_823_466e38, 9, null]]);
        assert_eq!(read(clamped, 1), Ok(vec![f64::NEG_INFINITY]));
    }

    #[test]
    fn what_is_off_is_refused() {
        let cases = [
            (
                json!([[null, 8, null], [-0.5, 7, null]]),
                "was sent as 9 and came back as 7",
            ),
            (
                json!([[-1.0, 8, null], [-0.5, 9, null]]),
                "the entries are shifted",
            ),
            (
                json!([[-0.5, 9, null]]),
                "2 entries are due (or all 3) and 1 came",
            ),
            (
                json!([[null, 8, null], [null, 9, null]]),
                "null is no log-probability",
            ),
            (
                json!([[null, 8, null], [-0.5]]),
                "is not [log-probability, id, ..]",
            ),
        ];
        for (entries, said) in cases {
            let error = read(entries, 1).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
