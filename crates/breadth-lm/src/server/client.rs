//! One request to one server.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

use super::http::{Attempt, Failure};

/// Largest body that is read, in longest records: log-probabilities of a million tokens take about
/// 100 MB.
const LARGEST_BODY: u64 = 8;
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
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        read(request.call())
    }

    /// Sends a document and reads the answer.
    pub(super) fn post(&self, path: &str, body: &Value) -> Attempt<Value> {
        let mut request = self.agent.post(format!("{}{path}", self.host));
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        read(request.send_json(body))
    }
}

fn read(answer: Result<Response<ureq::Body>, ureq::Error>) -> Attempt<Value> {
    let mut response = answer.map_err(of_transport)?;
    let status = response.status().as_u16();
    let wait = retry_after(&response);
    // Elsewhere may be another model, and the key is for nobody but the server that was named.
    if (300..400).contains(&status) {
        let to = response.headers().get("location");
        let to = to.and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
        let to: String = to.chars().take(200).collect();
        return Err(Failure::Refused(format!(
            "status {status}: redirects to {to}, which is not followed; name the server that answers"
        )));
    }
    let largest = LARGEST_BODY.saturating_mul(breadth_data::max_record_bytes());
    let body = response.body_mut().with_config().limit(largest);
    let bytes = body.read_to_vec().map_err(of_transport)?;
    let parsed = breadth_data::parse_json(&bytes);
    if (200..300).contains(&status) {
        return parsed
            .map_err(|e| passing(format!("the reply is not JSON ({e}): {}", start(&bytes))));
    }
    let said = parsed.ok().as_ref().and_then(message);
    let said = said.unwrap_or_else(|| start(&bytes));
    match status {
        408 | 425 | 429 | 500.. => Err(Failure::Passing {
            reason: format!("status {status}: {said}"),
            wait,
        }),
        _ => Err(Failure::Refused(format!("status {status}: {said}"))),
    }
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
    let line: String = words.join(" ").chars().take(200).collect();
    if line.is_empty() {
        "(empty)".into()
    } else {
        line
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
    fn bodies_are_quoted_on_one_line() {
        assert_eq!(start(b"<html>\n <h1>502</h1>"), "<html> <h1>502</h1>");
        assert_eq!(start(b" "), "(empty)");
        assert_eq!(start("ä".repeat(300).as_bytes()).chars().count(), 200);
    }
}
