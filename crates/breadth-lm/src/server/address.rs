//! How a server is written on the command line.

use super::protocol::ServerKind;
use crate::error::{Error, Result};

/// One model on one server or several: `KIND:http://HOST:PORT/MODEL`.
///
/// Several servers of one model stand in one address, separated by commas; the last one carries the
/// model.
///
/// ```
/// use breadth_lm::server::{Address, ServerKind};
/// let address = Address::parse("vllm:http://a:8000,http://b:8000/org/model-8b")?;
/// assert_eq!(address.hosts, ["http://a:8000", "http://b:8000"]);
/// assert_eq!((address.kind, &address.model[..]), (ServerKind::named("vllm"), "org/model-8b"));
/// assert_eq!(address.to_string(), "vllm:http://a:8000,http://b:8000/org/model-8b");
/// // The kind is found out, and so is the model where a server has one only.
/// let address = Address::parse("openai:http://localhost:8000")?;
/// assert_eq!((address.kind, &address.model[..]), (None, ""));
/// # Ok::<(), breadth_lm::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What it speaks; `None` (written `openai:`) asks the server.
    pub kind: Option<ServerKind>,
    /// `http://host:port` of every server, in the order given.
    pub hosts: Vec<String>,
    /// The model's name on the servers; empty where each has one model only.
    pub model: String,
}

impl Address {
    /// Whether a MODEL argument is a server and not a folder.
    ///
    /// ```
    /// use breadth_lm::server::Address;
    /// assert!(Address::is_one("openai:http://localhost:8000/tiny"));
    /// assert!(!Address::is_one("runs/openai"));
    /// ```
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        let prefix = text.split_once(':').map(|(prefix, _)| prefix);
        prefix.is_some_and(|prefix| ServerKind::named(prefix).is_some())
    }

    /// Reads an address.
    ///
    /// # Errors
    /// If the prefix is none of [`ServerKind::all`], or a server is not `http://HOST:PORT` or
    /// `https://HOST:PORT`.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |message: String| Error::config(format!("model {text}"), message);
        let (prefix, rest) = text.split_once(':').unwrap_or((text, ""));
        let Some(kind) = ServerKind::named(prefix) else {
            let names: Vec<&str> = ServerKind::all().map(ServerKind::name).collect();
            let names = names.join(", ");
            return Err(wrong(format!(
                "`{prefix}` is no kind of server; the kinds are {names}"
            )));
        };
        let mut pieces: Vec<&str> = rest.split(',').map(str::trim).collect();
        let last = pieces.pop().unwrap_or_default();
        let authority = last.find("://").map_or(0, |at| at + 3);
        let (last, model) = match last[authority..].find('/') {
            Some(at) => (
                &last[..authority + at],
                last[authority + at..].trim_matches('/'),
            ),
            None => (last, ""),
        };
        pieces.push(last);
        let hosts: Vec<String> = pieces
            .iter()
            .map(|p| p.trim_end_matches('/').into())
            .collect();
        if let Some(host) = hosts.iter().find(|host| !is_host(host)) {
            let message = format!(
                "`{host}` is no server; write {prefix}:http://HOST:PORT/MODEL, several servers \
                 separated by commas"
            );
            return Err(wrong(message));
        }
        if let Some(i) = (1..hosts.len()).find(|&i| hosts[..i].contains(&hosts[i])) {
            return Err(wrong(format!("{} stands there twice", hosts[i])));
        }
        Ok(Self {
            kind: (kind != ServerKind::OPENAI).then_some(kind),
            hosts,
            // Clients of the protocol are given the address with /v1 at its end.
            model: match model {
                "v1" => "",
                _ => model.strip_prefix("v1/").unwrap_or(model),
            }
            .into(),
        })
    }

    /// Takes the servers of another address of the same model into this pool.
    ///
    /// # Errors
    /// If the two are of different kinds, or share a server.
    pub fn join(&mut self, other: Self) -> Result<()> {
        if self.kind != other.kind {
            let message = format!("{self} and {other} are of different kinds");
            return Err(Error::config(format!("model {}", self.model), message));
        }
        self.hosts.extend(other.hosts);
        *self = Self::parse(&self.to_string())?;
        Ok(())
    }

    /// What stands before the colon.
    #[must_use]
    pub fn prefix(&self) -> &'static str {
        self.kind.unwrap_or(ServerKind::OPENAI).name()
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.prefix(), self.hosts.join(","))?;
        if self.model.is_empty() {
            Ok(())
        } else {
            write!(f, "/{}", self.model)
        }
    }
}

/// `http://HOST` or `http://HOST:PORT`, with nothing after it.
fn is_host(text: &str) -> bool {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| {
        let port = rest.rsplit_once(':').map(|(_, port)| port);
        let bracketed = rest.ends_with(']'); // an IPv6 address without a port
        !rest.is_empty()
            && !rest.contains(['/', '?', '#', '@', ' '])
            && (bracketed || port.is_none_or(|port| port.parse::<u16>().is_ok()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Address::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn models_keep_their_slashes() {
        let model = |text| Address::parse(text).unwrap().model;
        assert_eq!(model("openai:http://h:1/org/name"), "org/name");
        assert_eq!(model("openai:http://h:1/v1/name/"), "name");
        assert_eq!(model("openai:https://h"), "");
        assert_eq!(model("openai:http://h:1/v1"), "");
        assert_eq!(model("openai:http://h:1/v1/"), "");
        assert_eq!(model("openai:http://h:1/v1-model"), "v1-model");
        assert_eq!(model("sglang:http://[::1]:30000/m"), "m");
    }

    #[test]
    fn what_is_no_server_is_refused() {
        assert!(message("gguf:http://h:1/m").contains("`gguf` is no kind of server"));
        for text in [
            "openai:h:1/m",
            "openai:http:///m",
            "openai:http://h:port/m",
            "openai:http://u@h:1/m",
            "vllm:",
            "vllm:http://a:1,,http://b:1/m",
            "vllm:http://a:1/m,http://b:1/m",
        ] {
            assert!(message(text).contains("is no server; write"), "{text}");
        }
        assert!(message("vllm:http://a:1,http://a:1/m").contains("http://a:1 stands there twice"));
    }

    #[test]
    fn a_pool_has_one_kind() {
        let mut pool = Address::parse("vllm:http://a:1/m").unwrap();
        pool.join(Address::parse("vllm:http://b:1/m").unwrap())
            .unwrap();
        assert_eq!(pool.to_string(), "vllm:http://a:1,http://b:1/m");
        let other = Address::parse("sglang:http://c:1/m").unwrap();
        let error = pool.join(other).unwrap_err().to_string();
        assert!(error.contains("different kinds"), "{error}");
    }
}
