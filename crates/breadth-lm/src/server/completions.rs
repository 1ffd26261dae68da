//! vLLM's `/v1/completions`, and that of other servers which name token ids.
//!
//! Scores come from `prompt_logprobs`: one map per token, keyed by its id. A server without that
//! field is asked to `echo` the prompt with `logprobs`, and with `return_tokens_as_token_ids`, so
//! that its lists name ids too. A list without ids is refused: a prompt that was tokenized again
//! could not be told from one that was not.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::generate::{Generation, TokenLogProb};
use super::http::{Attempt, Failure};
use super::line::Line;
use super::protocol::Protocol;
use super::reply::{Entry, field, list, log_prob, refuse, same_token, same_tokens, short, token};
use crate::generation::Sequence;

const PATH: &str = "/v1/completions";

/// How a server gives the log-probabilities of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `prompt_logprobs`.
    Prompt,
    /// `echo` with `max_tokens` 0.
    Echo,
    /// `echo` with `max_tokens` 1, whose generated entry is dropped.
    EchoOne,
}

impl Form {
    /// In the order in which they are tried.
    const ALL: [Self; 3] = [Self::Prompt, Self::Echo, Self::EchoOne];

    /// As people call it.
    fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt_logprobs",
            Self::Echo => "echo, max_tokens 0",
            Self::EchoOne => "echo, max_tokens 1",
        }
    }
}

/// The protocol; the form is found out at the first score.
#[derive(Debug, Default)]
pub(super) struct Completions {
    form: OnceLock<Form>,
}

impl Protocol for Completions {
    fn score(
        &self,
        line: &Line,
        model: &str,
        sequences: &[Sequence],
        temperature: f64,
        top: usize,
    ) -> Attempt<Vec<Vec<TokenLogProb>>> {
        let form = self.form(line, model, &sequences[0])?;
        score(line, model, form, sequences, temperature, top)
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
        self.form.get().map_or("completions", |form| form.name())
    }
}

impl Completions {
    /// The first way of asking for a prompt's log-probabilities that works.
    fn form(&self, line: &Line, model: &str, sequence: &Sequence) -> Attempt<Form> {
        if let Some(&form) = self.form.get() {
            return Ok(form);
        }
        let mut said = Vec::new();
        for form in Form::ALL {
            let one = std::slice::from_ref(sequence);
            match score(line, model, form, one, 1.0, 0) {
                Ok(_) => return Ok(*self.form.get_or_init(|| form)),
                Err(Failure::Refused(message)) => said.push(format!("{}: {message}", form.name())),
                Err(other) => return Err(other),
            }
        }
        Err(Failure::Refused(said.join("; ")))
    }
}

/// `log q` of every response token of each sequence, and the `top` likeliest in its place.
fn score(
    line: &Line,
    model: &str,
    form: Form,
    sequences: &[Sequence],
    temperature: f64,
    top: usize,
) -> Attempt<Vec<Vec<TokenLogProb>>> {
    let prompts: Vec<Vec<u32>> = sequences
        .iter()
        .map(|s| [s.prompt, s.response].concat())
        .collect();
    let mut body = json!({
        "model": model,
        "prompt": prompts,
        "max_tokens": if form == Form::Echo { 0 } else { 1 },
        "temperature": temperature,
        "return_token_ids": true,
    });
    let extra = match form {
        Form::Prompt => json!({"prompt_logprobs": top}),
        _ => json!({"echo": true, "logprobs": top.max(1), "return_tokens_as_token_ids": true}),
    };
    extend(&mut body, extra);
    let reply = line.post(PATH, &body)?;
    let choices = choices(&reply, prompts.len())?;
    let mut scores = Vec::new();
    for (i, (choice, sent)) in choices.into_iter().zip(&prompts).enumerate() {
        let steps = entries(choice, sent, form, top > 0);
        let mut steps = steps.map_err(|e| of_choice(e, i, prompts.len()))?;
        scores.push(steps.split_off(sequences[i].prompt.len()));
    }
    Ok(scores)
}

fn extend(body: &mut Value, extra: Value) {
    let extra = extra.as_object().cloned().unwrap_or_default();
    body.as_object_mut()
        .expect("a request is an object")
        .extend(extra);
}

/// Says which sequence of a request a refusal is about.
fn of_choice(failure: Failure, number: usize, of: usize) -> Failure {
    match failure {
        Failure::Refused(message) if of > 1 => {
            Failure::Refused(format!("sequence {} of {of}: {message}", number + 1))
        }
        other => other,
    }
}

/// The choices of a reply in the order of their `index`, which must be 0, 1, ..
fn choices(reply: &Value, expected: usize) -> Attempt<Vec<&Value>> {
    let mut choices: Vec<&Value> = list(reply, "/choices")?.iter().collect();
    let index = |c: &&Value| c.get("index").and_then(Value::as_u64).unwrap_or(u64::MAX);
    choices.sort_by_key(index);
    let right = choices.iter().map(index).eq(0..expected as u64);
    if right {
        Ok(choices)
    } else {
        let seen: Vec<u64> = choices.iter().map(index).collect();
        refuse(format!(
            "{expected} choices were asked for; the reply has those of index {seen:?}"
        ))
    }
}

/// `log q` of every token sent, and the likeliest in its place where they are wanted; that of the
/// first is unknown, and stands there as 0.
fn entries(choice: &Value, sent: &[u32], form: Form, with_top: bool) -> Attempt<Vec<TokenLogProb>> {
    if let Some(seen) = choice.get("prompt_token_ids").filter(|v| !v.is_null()) {
        same_tokens(sent, seen)?;
    }
    // vLLM gives prompt_logprobs with an echo too: their keys are ids.
    let keyed = choice.get("prompt_logprobs").is_some_and(Value::is_array);
    let found = match form {
        Form::Echo | Form::EchoOne if !keyed => echo_entries(choice, sent, form, with_top)?,
        _ => prompt_entries(choice, sent, with_top)?,
    };
    for (i, step) in found.iter().enumerate() {
        same_token(sent[i], step.token, i)?;
    }
    Ok(found)
}

/// What stands for the first token, of which nothing is known.
fn first(token: u32) -> TokenLogProb {
    TokenLogProb {
        token,
        log_prob: 0.0,
        top: Vec::new(),
    }
}

/// `prompt_logprobs`: `[null, {"id": {"logprob": ..}}, ..]`, the sent token among the ids.
fn prompt_entries(choice: &Value, sent: &[u32], with_top: bool) -> Attempt<Vec<TokenLogProb>> {
    let Some(entries) = choice.get("prompt_logprobs").and_then(Value::as_array) else {
        return refuse("the reply has no prompt_logprobs");
    };
    counted(entries.len(), sent.len())?;
    first_is_null(&entries[0])?;
    let mut found = vec![first(sent[0])];
    for (i, entry) in entries.iter().enumerate().skip(1) {
        let Some(value) = entry.get(sent[i].to_string()) else {
            let ids: Vec<&String> = entry
                .as_object()
                .map(Map::keys)
                .into_iter()
                .flatten()
                .collect();
            return refuse(format!(
                "token {i} was sent as {}; prompt_logprobs has {ids:?} there: the server changes \
                 the tokens, or shifts them",
                sent[i]
            ));
        };
        let place = format!("prompt_logprobs entry {i}");
        let wanted = entry.as_object().filter(|_| with_top);
        let top = wanted.into_iter().flatten().map(|(id, value)| {
            let id = id.parse().ok().map_or_else(
                || refuse(format!("{place}: `{id}` is no token id")),
                Attempt::Ok,
            );
            Ok((id?, log_prob(field(value, "/logprob")?, &place)?))
        });
        found.push(TokenLogProb {
            token: sent[i],
            log_prob: log_prob(field(value, "/logprob")?, &place)?,
            top: top.collect::<Attempt<Vec<Entry>>>()?,
        });
    }
    Ok(found)
}

/// `logprobs`: `{"tokens": ["token_id:5", ..], "token_logprobs": [null, ..]}`.
fn echo_entries(
    choice: &Value,
    sent: &[u32],
    form: Form,
    with_top: bool,
) -> Attempt<Vec<TokenLogProb>> {
    let (tokens, values) = match (
        list(choice, "/logprobs/tokens"),
        list(choice, "/logprobs/token_logprobs"),
    ) {
        (Ok(tokens), Ok(values)) => (tokens, values),
        _ => return refuse("the reply has no logprobs of the prompt: echo is ignored"),
    };
    if tokens.len() != values.len() {
        return refuse(format!(
            "{} tokens and {} token_logprobs",
            tokens.len(),
            values.len()
        ));
    }
    // A generated entry stands at the end, asked for (max_tokens 1) or not; the ids say that it is
    // not one put in front.
    let generated = usize::from(form == Form::EchoOne);
    match tokens.len() {
        n if n == generated && n < sent.len() => {
            return refuse("the reply has no logprobs of the prompt: echo is ignored");
        }
        n if n == sent.len() + 1 => {}
        n => counted(n, sent.len() + generated)?,
    }
    first_is_null(&values[0])?;
    let mut found = vec![first(named_id(&tokens[0])?)];
    for i in 1..sent.len() {
        let place = format!("token_logprobs entry {i}");
        found.push(TokenLogProb {
            token: named_id(&tokens[i])?,
            log_prob: log_prob(&values[i], &place)?,
            top: if with_top {
                named_top(choice, i)?
            } else {
                Vec::new()
            },
        });
    }
    Ok(found)
}

/// `logprobs/top_logprobs` of token `i`: `{"token_id:5": log q, ..}`; empty where there is none.
fn named_top(choice: &Value, i: usize) -> Attempt<Vec<Entry>> {
    let entry = choice.pointer(&format!("/logprobs/top_logprobs/{i}"));
    let entry = entry.and_then(Value::as_object).into_iter().flatten();
    let read = |(name, value): (&String, &Value)| {
        let id = named_id(&Value::from(name.as_str()))?;
        Ok((id, log_prob(value, "top_logprobs")?))
    };
    entry.map(read).collect()
}

fn counted(seen: usize, expected: usize) -> Attempt<()> {
    if seen == expected {
        Ok(())
    } else {
        refuse(format!("{expected} entries are due and {seen} came"))
    }
}

fn first_is_null(value: &Value) -> Attempt<()> {
    if value.is_null() {
        Ok(())
    } else {
        refuse(format!(
            "the first entry is {} and not null: nothing stands before the first token, so the \
             entries are shifted",
            short(value)
        ))
    }
}

/// The id of `"token_id:5"`.
fn named_id(value: &Value) -> Attempt<u32> {
    let text = value.as_str().unwrap_or_default();
    match text
        .strip_prefix("token_id:")
        .and_then(|id| id.parse().ok())
    {
        Some(id) => Ok(id),
        None => refuse(format!(
            "the reply names tokens by text ({}) and not by id, so tokens that were changed would \
             go unseen",
            short(value)
        )),
    }
}

/// Draws responses to one prompt.
fn generate(line: &Line, model: &str, asked: &Generation) -> Attempt<Vec<Vec<TokenLogProb>>> {
    let mut body = json!({
        "model": model,
        "prompt": asked.prompt,
        "n": asked.samples,
        "max_tokens": asked.sampling.max_tokens,
        "seed": asked.seed,
        "temperature": asked.sampling.temperature,
        // Said outright, since a server takes what it is not told from its model's
        // generation_config.json.
        "top_p": asked.sampling.top_p.unwrap_or(1.0),
        "top_k": asked.sampling.top_k.unwrap_or(0),
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "logprobs": asked.top,
        "return_token_ids": true,
        "return_tokens_as_token_ids": true,
    });
    if !asked.sampling.end_tokens.is_empty() {
        extend(
            &mut body,
            json!({"ignore_eos": true, "stop_token_ids": asked.sampling.end_tokens}),
        );
    }
    if let Some(strings) = asked.stop_strings() {
        extend(
            &mut body,
            json!({"stop": strings, "include_stop_str_in_output": true}),
        );
    }
    let reply = line.post(PATH, &body)?;
    let choices = choices(&reply, asked.samples)?;
    choices
        .into_iter()
        .map(|choice| drawn(choice, asked))
        .collect()
}

fn drawn(choice: &Value, asked: &Generation) -> Attempt<Vec<TokenLogProb>> {
    if let Some(seen) = choice.get("prompt_token_ids").filter(|v| !v.is_null()) {
        same_tokens(asked.prompt, seen)?;
    }
    let tokens = list(choice, "/logprobs/tokens")?;
    let values = list(choice, "/logprobs/token_logprobs")?;
    if tokens.len() != values.len() {
        return refuse(format!(
            "{} tokens and {} token_logprobs",
            tokens.len(),
            values.len()
        ));
    }
    if let Some(ids) = choice.get("token_ids").and_then(Value::as_array) {
        counted(tokens.len(), ids.len())?;
        for (name, id) in tokens.iter().zip(ids) {
            same_token(token(id, "token_ids")?, named_id(name)?, 0)?;
        }
    }
    let step = |i: usize| {
        Ok(TokenLogProb {
            token: named_id(&tokens[i])?,
            log_prob: log_prob(&values[i], &format!("token_logprobs entry {i}"))?,
            top: named_top(choice, i)?,
        })
    };
    (0..tokens.len()).map(step).collect()
}

#[cfg(test)]
#[path = "completions_tests.rs"]
mod tests;
