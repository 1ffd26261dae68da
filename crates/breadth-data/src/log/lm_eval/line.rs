//! One line of a log: a document, what was asked about it, and what came back.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::checked::CheckedMap;
use crate::error::{Place, Result};
use crate::hash::fnv_1a;
use crate::log::entry::Identity;
use crate::log::source::{Source, flag, id, number, show, text};
use crate::value;

/// What a task asks the model for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Output {
    /// log q(continuation | context), or that of a whole text.
    LogLikelihood,
    /// A text.
    Generated,
}

/// One question about a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// What stands before the continuation.
    pub(super) context: Arc<str>,
    /// The text whose log-likelihood was asked for.
    pub(super) continuation: String,
    /// In nats; 0 for a generated text.
    pub(super) logprob: f64,
}

/// A metric of one document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Metric {
    One(f64),
    /// One value for each response.
    Each(Vec<f64>),
    /// What is no number.
    Other(String),
}

impl Metric {
    pub(super) fn is_reward(&self, source: &Source) -> bool {
        let fits = |value: &f64| source.is_reward(*value);
        match self {
            Metric::One(value) => fits(value),
            Metric::Each(values) => values.len() > 1 && values.iter().all(fits),
            Metric::Other(_) => false,
        }
    }

    fn of(value: &Value) -> Self {
        if let Some(value) = flag(value) {
            return Metric::One(value);
        }
        let items = value
            .as_array()
            .map(|items| items.iter().map(flag).collect());
        match items {
            Some(Some(values)) => Metric::Each(values),
            _ => Metric::Other(show(value)),
        }
    }
}

/// A document under one filter.
#[derive(Clone, Debug)]
pub(super) struct Doc {
    pub(super) place: Place,
    pub(super) id: String,
    pub(super) filter: String,
    pub(super) target: String,
    pub(super) output: Output,
    pub(super) requests: Vec<Request>,
    /// Responses to one request that the filter handed to the metric.
    pub(super) responses: usize,
    /// Responses to one request before the filter.
    pub(super) repeats: usize,
    /// Every response to the first request, before the filter.
    pub(super) texts: Vec<String>,
    /// The answer that the filter made of the response, where there is one.
    pub(super) answer: Option<String>,
    pub(super) metrics: Vec<(String, Metric)>,
    pub(super) identity: Identity,
}

impl Doc {
    /// What it takes, in bytes; requests share their context with those before them.
    fn bytes(&self) -> u64 {
        const FIELDS: usize = 256;
        let contexts = self
            .requests
            .chunk_by(|a, b| Arc::ptr_eq(&a.context, &b.context));
        let contexts = contexts.map(|same| same[0].context.len());
        let requests = self.requests.iter();
        let requests = requests.map(|one| size_of::<Request>() + one.continuation.len());
        let texts = self
            .texts
            .iter()
            .map(|text| size_of::<String>() + text.len());
        let metrics = self.metrics.iter().map(|(name, _)| FIELDS + name.len());
        let own = FIELDS + self.target.len() + self.answer.as_ref().map_or(0, String::len);
        let all = contexts.chain(requests).chain(texts).chain(metrics);
        (size_of::<Self>() + own + all.sum::<usize>()) as u64
    }

    pub(super) fn metric(&self, name: &str) -> Option<&Metric> {
        let mut metrics = self.metrics.iter();
        metrics
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

pub(super) fn read(source: &Source) -> Result<Vec<Doc>> {
    let (mut docs, mut taken) = (Vec::new(), 0);
    source.for_each_line(|line| {
        let place = Place::Line(line.number);
        let doc = doc(source, place, &line.members)?;
        taken += doc.bytes();
        docs.push(doc);
        source.within_room(taken, place)
    })?;
    Ok(docs)
}

/// The same of a list of such objects.
pub(super) fn read_list(source: &Source) -> Result<Vec<Doc>> {
    let items: Vec<CheckedMap> = source.parse(&source.text()?, None)?;
    let items = items.iter().zip(1..);
    items
        .map(|(CheckedMap(members), number)| doc(source, Place::Row(number), members))
        .collect()
}

fn doc(source: &Source, place: Place, members: &Map<String, Value>) -> Result<Doc> {
    let missing = |field: &str| source.fault(place, field, "no value; is this line whole?");
    let id = members
        .get("doc_id")
        .and_then(id)
        .ok_or_else(|| missing("doc_id"))?;
    let arguments = arguments(members).ok_or_else(|| missing("arguments"))?;
    let output = output(&arguments);
    let responses = match output {
        // What looks like a list of responses is one log-likelihood with its flag.
        Output::LogLikelihood => (1, 1),
        Output::Generated => responses(members),
    };
    let mut context: Arc<str> = "".into();
    let requests = arguments.iter().enumerate().map(|(at, arguments)| {
        let own = arguments.first().map(text).unwrap_or_default();
        if *own != *context {
            context = own.into();
        }
        let continuation = arguments
            .get(1)
            .or(arguments.first())
            .map(text)
            .unwrap_or_default();
        let logprob = match output {
            Output::LogLikelihood => log_likelihood(source, place, members, at)?,
            Output::Generated => 0.0,
        };
        Ok(Request {
            context: context.clone(),
            continuation,
            logprob,
        })
    });
    Ok(Doc {
        place,
        id,
        filter: members.get("filter").map_or("none".into(), text),
        target: members.get("target").map(text).unwrap_or_default(),
        output,
        requests: requests.collect::<Result<_>>()?,
        responses: responses.0,
        repeats: responses.1,
        texts: match output {
            Output::LogLikelihood => Vec::new(),
            Output::Generated => texts(members),
        },
        answer: answer(members, output),
        metrics: metrics(members),
        identity: identity(members, &arguments),
    })
}

/// The arguments of each request: `gen_args_{i}` with `arg_{j}`, or lists in earlier versions.
fn arguments(members: &Map<String, Value>) -> Option<Vec<Vec<Value>>> {
    let numbered = |object: &Map<String, Value>, prefix: &str| -> Vec<Value> {
        let at = |at| object.get(&format!("{prefix}{at}")).cloned();
        (0..).map_while(at).collect()
    };
    let of_request = |value: &Value| match value {
        Value::Object(object) => Some(numbered(object, "arg_")),
        Value::Array(items) => Some(items.clone()),
        _ => None,
    };
    let requests: Option<Vec<Vec<Value>>> = match members.get("arguments")? {
        Value::Object(object) => numbered(object, "gen_args_")
            .iter()
            .map(of_request)
            .collect(),
        Value::Array(items) => items.iter().map(of_request).collect(),
        _ => None,
    };
    requests.filter(|requests| !requests.is_empty() && requests.iter().all(|one| !one.is_empty()))
}

/// Two texts are a context and a continuation, one text is scored as a whole; options of a
/// generation are an object.
fn output(arguments: &[Vec<Value>]) -> Output {
    let scored = |one: &Vec<Value>| one.get(1).is_none_or(Value::is_string);
    if arguments.iter().all(scored) {
        Output::LogLikelihood
    } else {
        Output::Generated
    }
}

/// `[[-1.5, false]]`, `[["-1.5", "False"]]`, `["-1.5"]` for a whole text, and the same without the
/// list of repeats where only the filtered responses are there.
fn log_likelihood(
    source: &Source,
    place: Place,
    members: &Map<String, Value>,
    at: usize,
) -> Result<f64> {
    let field = ["resps", "filtered_resps"]
        .into_iter()
        .find(|name| members.contains_key(*name));
    let field = field.unwrap_or("resps");
    let found = members.get(field).and_then(|all| all.get(at));
    let Some(found) = found else {
        let problem = format!("no response to request {at}; is this line whole?");
        return Err(source.fault(place, field, problem));
    };
    let mut inner = found;
    while let Some(first) = inner.get(0) {
        inner = first;
    }
    let Some(value) = number(inner) else {
        let problem = format!("found {} where a log-likelihood belongs", show(found));
        return Err(source.fault(place, field, problem));
    };
    value::log_prob(value).map_err(|problem| source.fault(place, field, problem))
}

/// How many responses to the first request the filter left, and how many there were.
fn responses(members: &Map<String, Value>) -> (usize, usize) {
    let count = |field: &str| {
        let first = members.get(field).and_then(|all| all.get(0));
        first.and_then(Value::as_array).map_or(1, Vec::len).max(1)
    };
    (count("filtered_resps"), count("resps"))
}

/// The responses to the first request: before the filter, or after it where only those are there.
fn texts(members: &Map<String, Value>) -> Vec<String> {
    let mut fields = ["resps", "filtered_resps"].into_iter();
    let first = fields.find_map(|field| members.get(field)?.get(0));
    let strings = |items: &Vec<Value>| {
        items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    match first {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => strings(items),
        _ => Vec::new(),
    }
}

fn answer(members: &Map<String, Value>, output: Output) -> Option<String> {
    let first = members.get("filtered_resps")?.get(0)?;
    let only = match first.as_array().map(Vec::as_slice) {
        Some([only]) => only,
        _ => first,
    };
    let is_generated = output == Output::Generated;
    only.as_str().map(str::to_owned).filter(|_| is_generated)
}

/// The metrics that the line names, or in earlier versions all that is not one of the other fields.
fn metrics(members: &Map<String, Value>) -> Vec<(String, Metric)> {
    const OTHERS: [&str; 11] = [
        "doc_id",
        "doc",
        "target",
        "arguments",
        "resps",
        "filtered_resps",
        "filter",
        "metrics",
        "doc_hash",
        "prompt_hash",
        "target_hash",
    ];
    let named = members.get("metrics").and_then(Value::as_array);
    let names: Vec<&str> = match named {
        Some(names) => names.iter().filter_map(Value::as_str).collect(),
        None => members
            .keys()
            .map(String::as_str)
            .filter(|name| !OTHERS.contains(name))
            .collect(),
    };
    let metric = |name: &str| Some((name.to_owned(), Metric::of(members.get(name)?)));
    names.into_iter().filter_map(metric).collect()
}

/// Hashes where the log has them, else of the texts themselves. Options of a generation are left
/// out: models may be sampled differently.
fn identity(members: &Map<String, Value>, arguments: &[Vec<Value>]) -> Identity {
    let hashed = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    let of = |value: Option<&Value>| {
        format!(
            "{:032x}",
            fnv_1a(value.map(text).unwrap_or_default().as_bytes())
        )
    };
    let mut texts = String::new();
    for value in arguments
        .iter()
        .flatten()
        .filter(|value| !value.is_object())
    {
        texts.push_str(&text(value));
        texts.push('\0');
    }
    vec![
        (
            "doc_hash",
            hashed("doc_hash").unwrap_or_else(|| of(members.get("doc"))),
        ),
        ("prompt_hash", hashed("prompt_hash").unwrap_or_default()),
        (
            "target_hash",
            hashed("target_hash").unwrap_or_else(|| of(members.get("target"))),
        ),
        ("arguments", format!("{:032x}", fnv_1a(texts.as_bytes()))),
    ]
}
