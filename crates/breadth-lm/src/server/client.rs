//! One request to one server.

use std::time::Duration;

use breadth_data::short;
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

use super::http::{Attempt, Failure};

/// Largest answer to a question that sends nothing (which models there are, what they are), in bytes.
const LARGEST_LIST: u64 = 4 << 20;
/// Largest answer to what is sent, in longest records: log-probabilities of a million tokens take
/// about 100 MB. A short request has a shorter answer: so many records, and so many bytes for each
/// that was sent.
const LARGEST_BODY: u64 = 8;
const RECORDS: u64 = 2;
const TIMES: u64 = 4096;
/// Most values in an answer, each of which takes some 32 bytes once it is read.
const MOST_VALUES: usize = 8 << 20;
/// What a body may be coded in: nothing.
const PLAIN: &str = "identity";
/// Time to a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Speaks JSON with one server; connections are kept open between requests.
#[derive(Clone, Debug)]
pub(super) struct Client {
    agent: Agent,
    host: String,
    key: Option<String>,
}

impl Client {
    /// A client of `http://host:port`; `key` is sent as a bearer token.
    pub(super) fn new(host: &str, timeout: Duration, key: Option<String>) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .timeout_connect(Some(CONNECT.min(timeout)))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections_per_host(64)
            .build();
        Self {
            agent: config.new_agent(),
            host: host.into(),
            key,
        }
    }

    /// `http://host:port`.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Asks for a document.
    pub(super) fn get(&self, path: &str) -> Attempt<Value> {
        let mut request = self.agent.get(format!("{}{path}", self.host));
        request = request.header("Accept-Encoding", PLAIN);
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        read(request.call(), LARGEST_LIST)
    }

    /// Sends a document and reads the answer.
    pub(super) fn post(&self, path: &str, body: &Value) -> Attempt<Value> {
        let mut request = self.agent.post(format!("{}{path}", self.host));
        request = request.header("Accept-Encoding", PLAIN);
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let text = body.to_string();
        let largest = largest(text.len() as u64);
        read(request.content_type("application/json").send(text), largest)
    }
}

/// The largest answer to a request of so many bytes.
fn largest(sent: u64) -> u64 {
    let record = breadth_data::max_record_bytes();
    let most = LARGEST_BODY.saturating_mul(record);
    let own = RECORDS.saturating_mul(record);
    own.saturating_add(TIMES.saturating_mul(sent)).min(most)
}

fn read(answer: Result<Response<ureq::Body>, ureq::Error>, largest: u64) -> Attempt<Value> {
    let mut response = answer.map_err(of_transport)?;
    let status = response.status().as_u16();
    let wait = retry_after(&response);
    // Elsewhere may be another model, and the key is for nobody but the server that was named.
    if (300..400).contains(&status) {
        let to = response.headers().get("location");
        let to = to.and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
        let to = short(to);
        return Err(Failure::Refused(format!(
            "status {status}: redirects to {to}, which is not followed; name the server that answers"
        )));
    }
    if let Some(coding) = coding(&response) {
        return Err(Failure::Refused(format!(
            "the server compressed its reply (Content-Encoding: {coding}), which was not asked \
             for; switch compression off in the server, or in the proxy before it"
        )));
    }
    let body = response.body_mut().with_config().limit(largest);
    let bytes = body.read_to_vec().map_err(of_transport)?;
    if has_too_many_values(&bytes) {
        let what = format!("the reply has more than {MOST_VALUES} values");
        return Err(Failure::Refused(what));
    }
    let parsed = breadth_data::parse_json(&bytes);
    if (200..300).contains(&status) {
        return parsed
            .map_err(|e| passing(format!("the reply is not JSON ({e}): {}", start(&bytes))));
    }
    let said = parsed.ok().as_ref().and_then(message);
    let said = said.map_or_else(|| start(&bytes), |said| short(&said).into_owned());
    match status {
        408 | 425 | 429 | 500.. => Err(Failure::Passing {
            reason: format!("status {status}: {said}"),
            wait,
        }),
        _ => Err(Failure::Refused(format!("status {status}: {said}"))),
    }
}

/// How a body is compressed, if it is: no reply is asked for in that form.
fn coding(response: &Response<ureq::Body>) -> Option<String> {
    let headers = response.headers().get_all("content-encoding");
    let names = headers
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let mut others = names.filter(|name| !["", "identity"].contains(&&*name.trim().to_lowercase()));
    others.next().map(|name| short(name.trim()).into_owned())
}

/// Whether a text has more commas than any answer has values.
fn has_too_many_values(text: &[u8]) -> bool {
    text.len() > MOST_VALUES && text.iter().filter(|&&byte| byte == b',').count() > MOST_VALUES
}

/// A refused connection, a reset, a time-out, an answer that breaks off: all of them may pass.
fn of_transport(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl | ureq::Error::Http(_) => {
            Failure::Refused(error.to_string())
        }
        _ => passing(error.to_string()),
    }
}

/// `Retry-After` in seconds; as a date it is not read, and the client's own back-off holds.
fn retry_after(response: &Response<ureq::Body>) -> Option<Duration> {
    let text = response.headers().get("retry-after")?.to_str().ok()?;
    let seconds = text.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The message of an error document: `{"error": {"message": ..}}` and its relatives.
fn message(value: &Value) -> Option<String> {
    let error = value.get("error").unwrap_or(value);
    let text = [error.get("message"), error.get("detail"), Some(error)];
    let text = text.into_iter().flatten().find_map(Value::as_str)?;
    Some(text.to_owned())
}

/// The beginning of a body, for an error message.
fn start(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    match &*words.join(" ") {
        "" => "(empty)".into(),
        line => short(line).into_owned(),
    }
}

/// What another attempt may change.
fn passing(reason: impl Into<String>) -> Failure {
    Failure::Passing {
        reason: reason.into(),
        wait: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn error_documents_of_every_server_are_read() {
        let of = |value: Value| message(&value);
        let vllm = json!({"error": {"message": "no such model", "code": 404}});
        assert_eq!(of(vllm), Some("no such model".into()));
        assert_eq!(of(json!({"error": "busy"})), Some("busy".into()));
        assert_eq!(of(json!({"detail": "Not Found"})), Some("Not Found".into()));
        assert_eq!(of(json!([1])), None);
    }

    #[test]
    fn answers_are_as_large_as_their_requests_ask_for() {
        let record = breadth_data::max_record_bytes();
        assert_eq!(largest(0), 2 * record);
        assert_eq!(largest(1000), 2 * record + 4_096_000);
        assert_eq!(largest(u64::MAX), 8 * record);
        assert!(!has_too_many_values(&vec![b','; MOST_VALUES]));
        assert!(has_too_many_values(&vec![b','; MOST_VALUES + 1]));
        assert!(!has_too_many_values(&vec![b' '; 2 * MOST_VALUES]));
    }

    #[test]
    fn bodies_are_quoted_on_one_line() {
        assert_eq!(start(b"<html>\n <h1>502</h1>"), "<html> <h1>502</h1>");
        assert_eq!(start(b" "), "(empty)");
        assert_eq!(start("ä".repeat(300).as_bytes()).chars().count(), 200);
    }
}
