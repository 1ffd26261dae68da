//! In place of [`client`](super) where the crate is built without its feature `server`.

use std::time::Duration;

use serde_json::Value;

use super::http::{Attempt, Failure};

/// Speaks with no server.
#[derive(Clone, Debug)]
pub(super) struct Client {
    host: String,
}

impl Client {
    pub(super) fn new(host: &str, _: Duration, _: Option<String>) -> Self {
        Self { host: host.into() }
    }

    /// `http://host:port`.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn get(&self, _: &str) -> Attempt<Value> {
        let message = "cannot be asked: this program was built without the feature `server`";
        Err(Failure::Refused(message.into()))
    }

    pub(super) fn post(&self, path: &str, _: &Value) -> Attempt<Value> {
        self.get(path)
    }
}
