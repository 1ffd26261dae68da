//! What a server says of itself.

use serde_json::Value;

use super::client::Client;
use super::http::{Attempt, Failure};
use super::limits::Limits;
use super::line::{Host, Limit, Line};
use super::protocol::ServerKind;

/// Attempts at the first contact: a wrong port is to be said soon.
const ATTEMPTS: u32 = 3;

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Identity {
    pub(super) kind: ServerKind,
    pub(super) models: Vec<String>,
}

pub(super) fn contact(host: &Host, limits: &Limits) -> Attempt<Identity> {
    let patience = Limits {
        attempts: limits.attempts.min(ATTEMPTS),
        ..limits.clone()
    };
    let limit = Limit::none();
    let line = Line {
        host,
        limits: &patience,
        limit: &limit,
        job: 0,
    };
    read_models(&line.get("/v1/models")?, &host.client)
}

/// One attempt at `/v1/models`.
pub(super) fn identify(client: &Client) -> Attempt<Identity> {
    read_models(&client.get("/v1/models")?, client)
}

fn read_models(reply: &Value, client: &Client) -> Attempt<Identity> {
    let Some(models) = reply.get("data").and_then(Value::as_array) else {
        let message = "/v1/models has no list of models; this is no server that breadth knows";
        return Err(Failure::Refused(message.into()));
    };
    let text = |model: &Value, name: &str| Some(model.get(name)?.as_str()?.to_owned());
    let owner = models.iter().find_map(|model| text(model, "owned_by"));
    let kind = ServerKind::known_by(owner.as_deref(), &|page| client.get(page).is_ok());
    // An adapter has a parent.
    let can_ask = |model: &&Value| kind.0.names_model || text(model, "parent").is_none();
    let names = models.iter().filter(can_ask);
    Ok(Identity {
        kind,
        models: names.filter_map(|model| text(model, "id")).collect(),
    })
}

/// The kind's name and, where the server tells it, the version.
pub(super) fn software(kind: ServerKind, host: Option<&Host>) -> String {
    let Some((path, field)) = kind.0.version else {
        return kind.name().into();
    };
    let reply = host.and_then(|host| host.client.get(path).ok());
    let version = reply.as_ref().and_then(|r| r.get(field)?.as_str());
    match version {
        Some(version) => format!("{} {version}", kind.name()),
        None => kind.name().into(),
    }
}
