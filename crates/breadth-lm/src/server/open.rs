//! Finding out who answers at an address.

use super::address::Address;
use super::client::Client;
use super::http::Failure;
use super::identity::{contact, software};
use super::limits::Limits;
use super::line::Host;
use super::model::Server;
use super::protocol::ServerKind;
use crate::error::{Error, Result};

impl Server {
    /// Asks every server of an address who it is, and which models it has. Servers that do not
    /// answer are left out as long as one does.
    ///
    /// The environment variable `BREADTH_API_KEY`, where it is set, is sent as a bearer token.
    ///
    /// # Errors
    /// If none answers, they are of different kinds, or one lacks the model.
    pub fn open(address: &Address, limits: Limits) -> Result<Self> {
        let hosts = hosts(address, &limits);
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
        let kind = kind.unwrap_or(ServerKind::OPENAI);
        let first = hosts.iter().find(|host| !host.is_dead());
        Ok(Self {
            software: software(kind, first),
            address,
            kind,
            hosts,
            limits,
            protocol: (kind.0.protocol)(),
        })
    }
}

fn hosts(address: &Address, limits: &Limits) -> Vec<Host> {
    let key = std::env::var("BREADTH_API_KEY")
        .ok()
        .filter(|key| !key.is_empty());
    let client = |host: &String| Host::new(Client::new(host, limits.timeout, key.clone()));
    address.hosts.iter().map(client).collect()
}

/// The kind of the first server of an address and the names of its models; what it says instead.
pub(super) fn listed(
    address: &Address,
    limits: &Limits,
) -> std::result::Result<(ServerKind, Vec<String>), String> {
    let host = hosts(address, limits).swap_remove(0);
    match contact(&host, limits) {
        Ok(identity) => Ok((identity.kind, identity.models)),
        Err(Failure::Passing { reason, .. } | Failure::Refused(reason)) => Err(reason),
        Err(Failure::Stopped) => Err(String::new()),
    }
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
