//! Finding out who answers at an address.

use std::sync::OnceLock;

use serde_json::Value;

use super::http::{Attempt, Client, Failure};
use super::line::{Host, Limit, Line};
use super::{Address, Limits, Server, ServerKind};
use crate::error::{Error, Result};

/// Attempts at the first contact: a wrong port is to be said soon.
const ATTEMPTS: u32 = 3;

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Identity {
    pub(super) kind: ServerKind,
    pub(super) models: Vec<String>,
}

impl Server {
    /// Asks every server of an address who it is, and which models it has. Servers that do not answer are left out as long as one does.
    ///
    /// The environment variable `BREADTH_API_KEY`, where it is set, is sent as a bearer token.
    ///
    /// # Errors
    /// If none answers, they are of different kinds, or one lacks the model.
    pub fn open(address: &Address, limits: Limits) -> Result<Self> {
        let key = std::env::var("BREADTH_API_KEY")
            .ok()
            .filter(|key| !key.is_empty());
        let client = |host: &String| Host::new(Client::new(host, limits.timeout, key.clone()));
        let hosts: Vec<Host> = address.hosts.iter().map(client).collect();
        let mut address = address.clone();
        let mut kind = address.kind;
        let mut silent = None;
        for host in &hosts {
            let identity = match contact(host, &limits) {
                Ok(identity) => identity,
                Err(Failure::Passing { reason, .. }) => {
                    host.dead.store(true, std::sync::atomic::Ordering::SeqCst);
                    silent.get_or_insert(Error::server(host.client.host(), reason));
                    continue;
                }
                // A server of a given kind need not list its models.
                Err(Failure::Refused(_)) if kind.is_some() && !address.model.is_empty() => continue,
                Err(Failure::Refused(message)) => {
                    return Err(Error::server(host.client.host(), message));
                }
                Err(Failure::Stopped) => continue,
            };
            if *kind.get_or_insert(identity.kind) != identity.kind && address.kind.is_none() {
                let message = "speaks another protocol than the servers before it; a pool has one";
                return Err(Error::server(host.client.host(), message));
            }
            choose_model(&mut address.model, identity.models, host)?;
        }
        if let Some(error) = silent.filter(|_| hosts.iter().all(Host::is_dead)) {
            return Err(error);
        }
        let kind = kind.unwrap_or(ServerKind::OpenAi);
        let first = hosts.iter().find(|host| !host.is_dead());
        Ok(Self {
            software: software(kind, first),
            address,
            kind,
            hosts,
            limits,
            form: OnceLock::new(),
        })
    }
}

fn contact(host: &Host, limits: &Limits) -> Attempt<Identity> {
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
    let text = |name: &str| {
        let of = move |m: &Value| Some(m.get(name)?.as_str()?.to_owned());
        models.iter().filter_map(of).collect::<Vec<String>>()
    };
    let owners = text("owned_by");
    let kind = match owners.first().map(String::as_str) {
        Some("vllm") => ServerKind::Vllm,
        Some("sglang") => ServerKind::Sglang,
        Some("llamacpp") => ServerKind::LlamaCpp,
        // Versions that do not say so have a page that no other kind has.
        _ if client.get("/get_model_info").is_ok() => ServerKind::Sglang,
        _ if client.get("/props").is_ok() => ServerKind::LlamaCpp,
        _ => ServerKind::OpenAi,
    };
    Ok(Identity {
        kind,
        models: text("id"),
    })
}

/// Takes the only model, or checks that the one asked for is there.
fn choose_model(model: &mut String, listed: Vec<String>, host: &Host) -> Result<()> {
    let names = listed.join(", ");
    match (&listed[..], &model[..]) {
        ([only], "") => *model = only.clone(),
        (_, "") => {
            let message = format!(
                "has the models {names}; write one of them behind the address: {}/MODEL",
                host.client.host()
            );
            return Err(Error::server(host.client.host(), message));
        }
        ([], _) => {}
        (listed, asked) if listed.iter().any(|name| name == asked) => {}
        (_, asked) => {
            let message = format!("has no model {asked}; it has {names}");
            return Err(Error::server(host.client.host(), message));
        }
    }
    Ok(())
}

/// The kind's name and, where the server tells it, the version.
fn software(kind: ServerKind, host: Option<&Host>) -> String {
    let (path, field) = match kind {
        ServerKind::Vllm => ("/version", "version"),
        ServerKind::Sglang => ("/get_server_info", "version"),
        ServerKind::LlamaCpp => ("/props", "build_info"),
        ServerKind::OpenAi => return kind.name().into(),
    };
    let reply = host.and_then(|host| host.client.get(path).ok());
    let version = reply.as_ref().and_then(|r| r.get(field)?.as_str());
    match version {
        Some(version) => format!("{} {version}", kind.name()),
        None => kind.name().into(),
    }
}
