//! Servers that are started for one checkpoint after another, or for the adapters of a base.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use breadth_data::short;

use super::address::Address;
use super::command::{ServeCommand, Target};
use super::limits::Limits;
use super::model::Server;
use super::open::listed;
use super::protocol::ServerKind;
use crate::error::{Error, Result};
use crate::programs::Group;

/// How long a server that was asked to end may take.
const GRACE: Duration = Duration::from_secs(15);
/// Between two looks at a server that starts or ends.
const PAUSE: Duration = Duration::from_millis(50);
/// What of a log an error shows.
const LAST_LINES: usize = 5;
/// Bytes of a log among which its last lines are looked for.
const LAST_BYTES: u64 = 1 << 16;
/// Free ports that are looked at: all but a few are taken by nobody.
const PORTS: usize = 1000;

/// The shell's part of a server: what is typed runs in it, and a watcher ends the whole group once
/// our end of the pipe is closed, however that comes about. Asked to end, the shell stays for as
/// long as what it has started, which a server needs to put its things in order.
const SCRIPT: &str = "exec 3<&0 </dev/null\n\
    (trap '' TERM INT; cat <&3 >/dev/null 2>&1; kill -TERM -$$; sleep 15; kill -KILL -$$) >/dev/null 2>&1 &\n\
    exec 3<&-\n\
    trap 'exit 143' TERM\n";

impl ServeCommand {
    /// Starts a server, its output in the file `log`, and waits until it answers and has all
    /// checkpoints of the target; none once it `is_off`, and nobody wants it any more.
    ///
    /// # Errors
    /// If it cannot be started, ends, does not answer in time, or lacks a checkpoint; the message
    /// has its last words.
    pub fn start(
        &self,
        target: &Target,
        log: &Path,
        limits: &Limits,
        is_off: &dyn Fn() -> bool,
    ) -> Result<Option<Launched>> {
        let failed = |e| Error::io(log, e);
        let port =
            Port::hold().map_err(|e| Error::config("--serve", format!("no free port: {e}")))?;
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(failed)?;
        let logged = out.metadata().map_err(failed)?.len();
        let mut shell = Command::new("sh");
        shell
            .args([
                "-c",
                &format!("{SCRIPT}{}\n", self.filled(target, port.number)),
            ])
            .stdin(Stdio::piped())
            .stderr(out.try_clone().map_err(failed)?)
            .stdout(out);
        let mut group = Group::start(&mut shell)
            .map_err(|e| Error::config("--serve", format!("cannot be started: {e}")))?;
        let held = group.child.stdin.take();
        let mut launched = Launched {
            held,
            group,
            address: Address::parse(&format!("openai:http://127.0.0.1:{}", port.number))?,
            _port: port,
            names: target.names(),
            log: log.to_path_buf(),
            logged,
            listed: Listing::default(),
        };
        let answers = launched.wait(target, self.patience, limits, is_off);
        match answers.map_err(|why| launched.error(&why))? {
            true => Ok(Some(launched)),
            false => Ok(None),
        }
    }
}

/// A free port that no other server is given meanwhile, in this process or in another one.
#[derive(Debug)]
struct Port {
    number: u16,
    /// The port of the same number for datagrams, which a server of models does not need.
    _mark: UdpSocket,
}

impl Port {
    fn hold() -> std::io::Result<Self> {
        let mut taken = Vec::new();
        loop {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let number = listener.local_addr()?.port();
            match UdpSocket::bind((Ipv4Addr::LOCALHOST, number)) {
                Ok(mark) => {
                    return Ok(Self {
                        number,
                        _mark: mark,
                    });
                }
                Err(e) if taken.len() == PORTS => return Err(e),
                // Listened on until another one is found: it is not given again.
                Err(_) => taken.push(listener),
            }
        }
    }
}

/// The last bytes of a file, from `start` on.
fn end_of(log: &Path, start: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(
        start.max(length.saturating_sub(LAST_BYTES)),
    ))?;
    let mut end = Vec::new();
    file.take(LAST_BYTES).read_to_end(&mut end)?;
    Ok(end)
}

/// The end of a log from `start` on, for an error: its last lines that speak of an error, if any do.
fn last_words(log: &Path, start: u64) -> String {
    let text = end_of(log, start).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().map(str::trim_end);
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let is_error = |line: &&&str| line.contains("Error") || line.contains("ERROR");
    let of_errors: Vec<&str> = lines.iter().filter(is_error).copied().collect();
    let shown = if of_errors.is_empty() {
        &lines
    } else {
        &of_errors
    };
    let last = shown[shown.len().saturating_sub(LAST_LINES)..].iter();
    let last: Vec<_> = last.map(|line| short(line)).collect();
    match &last[..] {
        [] => "; it wrote nothing".to_owned(),
        last => format!(
            "; its last words: {}; its output is in {}",
            last.join(" | "),
            log.display()
        ),
    }
}

/// What a server says that it has.
#[derive(Debug, Default)]
struct Listing {
    kind: Option<ServerKind>,
    models: Vec<String>,
    /// Whether adapters were asked for: beside them stands their base, which is never meant.
    is_of_adapters: bool,
}

impl Listing {
    /// The model that is the checkpoint `name`: the one of this name, or the only one.
    fn model_of(&self, name: &str) -> std::result::Result<String, String> {
        let named = self.models.iter().filter(|model| *model == name).count();
        match (&self.models[..], named) {
            ([], 0) | (_, 1) => Ok(name.to_owned()),
            ([only], 0) if !self.is_of_adapters => Ok(only.clone()),
            (models, 0) => Err(format!(
                "has no model {name}; it has {}{}",
                models.join(", "),
                self.advice()
            )),
            _ => Err(format!("has two models of the name {name}")),
        }
    }

    fn advice(&self) -> String {
        match self.kind {
            Some(kind) if self.is_of_adapters && !kind.0.names_model => format!(
                "; requests to {} do not say which adapter is meant: merge the adapters, or serve \
                 them with vLLM",
                kind.name()
            ),
            _ if self.is_of_adapters => {
                "; an adapter is asked for by its own name, which {name}={path} or {loras} in the \
                 command give it"
                    .to_owned()
            }
            _ => "; it should be called {name}, or be the only one".to_owned(),
        }
    }
}

/// A running server; dropping it ends it and whatever it has started.
#[derive(Debug)]
pub struct Launched {
    /// Our end of the pipe by which the server knows that we live.
    held: Option<ChildStdin>,
    group: Group,
    address: Address,
    _port: Port,
    /// Of the checkpoints, for messages.
    names: String,
    log: PathBuf,
    /// Where its words begin in the log, after those of earlier servers.
    logged: u64,
    listed: Listing,
}

impl Launched {
    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The model that is the checkpoint of this name.
    ///
    /// # Errors
    /// If there is none, or the server does not answer.
    pub fn model(&self, name: &str, limits: &Limits) -> Result<Server> {
        let model = self.listed.model_of(name).map_err(|why| self.error(&why))?;
        let mut address = self.address.clone();
        address.model = model;
        Server::open(&address, limits.clone())
    }

    /// What comes of asking it as `server`, unless it has ended since: then somebody else may have
    /// answered on its port. Nothing is waited for that an ended server would have said.
    ///
    /// # Errors
    /// If it has ended, with its last words; or that of `ask`.
    pub fn while_alive<T>(
        &mut self,
        server: &Server,
        ask: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let child = &mut self.group.child;
        let given = std::thread::scope(|scope| {
            let (over, is_over) = channel::<()>();
            scope.spawn(move || {
                while is_over.recv_timeout(PAUSE * 4) == Err(RecvTimeoutError::Timeout) {
                    if !matches!(child.try_wait(), Ok(None)) {
                        return server.give_up();
                    }
                }
            });
            let given = ask();
            drop(over);
            given
        });
        match self.ended() {
            Ok(None) => given,
            Ok(Some(status)) => Err(self.error(&format!("ended while it was asked ({status})"))),
            Err(e) => Err(self.error(&e.to_string())),
        }
    }

    fn ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.group.child.try_wait()
    }

    fn error(&self, why: &str) -> Error {
        let message = format!("{why}{}", last_words(&self.log, self.logged));
        Error::server(format!("of {}", self.names), message)
    }

    /// Asks again and again until the server answers, and looks for the checkpoints among its
    /// models; whether it answered before it was called off.
    fn wait(
        &mut self,
        target: &Target,
        patience: Duration,
        limits: &Limits,
        is_off: &dyn Fn() -> bool,
    ) -> std::result::Result<bool, String> {
        let once = Limits {
            attempts: 1,
            timeout: limits.timeout.min(Duration::from_secs(10)),
            ..limits.clone()
        };
        let started = Instant::now();
        loop {
            if is_off() {
                return Ok(false);
            }
            match self.ended() {
                Ok(None) => {}
                Ok(Some(status)) => return Err(format!("ended before it answered ({status})")),
                Err(e) => return Err(e.to_string()),
            }
            let reason = match listed(&self.address, &once) {
                Ok((kind, models)) => {
                    self.listed = Listing {
                        kind: Some(kind),
                        models,
                        is_of_adapters: target.base.is_some(),
                    };
                    let mut names = target.checkpoints.iter().map(|(name, _)| name);
                    names.try_for_each(|name| self.listed.model_of(name).map(drop))?;
                    return Ok(true);
                }
                Err(reason) => reason,
            };
            if started.elapsed() > patience {
                let seconds = patience.as_secs();
                return Err(format!("did not answer within {seconds} s ({reason})"));
            }
            std::thread::sleep(PAUSE * 4);
        }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        drop(self.held.take());
        self.group.ask_to_end();
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            match self.group.child.try_wait() {
                Ok(None) => std::thread::sleep(PAUSE),
                _ => break,
            }
        }
        // What is left of the group ends with it.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_for_the_server_and_taken_for_all_others() {
        let held: Vec<Port> = (0..20).map(|_| Port::hold().unwrap()).collect();
        for (i, Port { number, .. }) in held.iter().enumerate() {
            assert!(held[..i].iter().all(|other| other.number != *number));
            TcpListener::bind((Ipv4Addr::LOCALHOST, *number)).unwrap();
            assert!(UdpSocket::bind((Ipv4Addr::LOCALHOST, *number)).is_err());
        }
    }

    #[test]
    fn a_checkpoint_is_the_model_of_its_name_or_the_only_one() {
        let model = |listed: &[&str], is_of_adapters| {
            let listing = Listing {
                kind: Some(ServerKind::OPENAI),
                models: listed.iter().map(|name| (*name).to_owned()).collect(),
                is_of_adapters,
            };
            listing.model_of("a")
        };
        for (listed, is_of_adapters, expected) in [
            (&["b"][..], false, Some("b")),
            (&["b", "a"], false, Some("a")),
            (&["b", "a"], true, Some("a")),
            (&[], false, Some("a")),
            (&["b"], true, None),
            (&["b", "c"], false, None),
            (&["a", "a"], true, None),
        ] {
            let found = model(listed, is_of_adapters).ok();
            assert_eq!(found.as_deref(), expected, "{listed:?}");
        }
    }
}
