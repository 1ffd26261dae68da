//! Servers that are started for one checkpoint after another.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use super::address::Address;
use super::limits::Limits;
use super::model::Server;
use crate::error::{Error, Result};
use crate::programs::Group;

/// How long a server may take until it answers, where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(1800);
/// How long a server that was asked to end may take.
const GRACE: Duration = Duration::from_secs(15);
/// Between two looks at a server that starts or ends.
const PAUSE: Duration = Duration::from_millis(50);
/// What of a log an error shows.
const LAST_LINES: usize = 5;

/// What may stand in braces in a command, and what it becomes.
const PLACEHOLDERS: [(&str, &str); 4] = [
    ("path", "the checkpoint's folder"),
    ("port", "a free port"),
    ("name", "the checkpoint's name"),
    ("gpu", "0, 1, .. for servers that run at once"),
];

/// The shell's part of a server: what is typed runs in it, and a watcher ends the whole group once
/// our end of the pipe is closed, however that comes about.
const SCRIPT: &str = "exec 3<&0 </dev/null\n\
    (trap '' TERM INT; cat <&3 >/dev/null 2>&1; kill -TERM -$$; sleep 15; kill -KILL -$$) >/dev/null 2>&1 &\n\
    exec 3<&-\n";

/// A command that serves a checkpoint: `vllm serve {path} --port {port}`.
///
/// ```
/// use breadth_lm::server::ServeCommand;
/// let command = ServeCommand::parse("CUDA_VISIBLE_DEVICES={gpu} vllm serve {path} --port {port}")?;
/// assert!(command.takes_gpu());
/// let error = ServeCommand::parse("vllm serve {path}").unwrap_err();
/// assert!(error.to_string().contains("has no {port}"));
/// # Ok::<(), breadth_lm::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeCommand {
    text: String,
    patience: Duration,
}

impl ServeCommand {
    /// Reads a command of the shell with `{path}` and `{port}` in it, and perhaps `{name}` and
    /// `{gpu}`.
    ///
    /// # Errors
    /// If `{path}` or `{port}` is missing, or a word in braces is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |message: String| Error::config("--serve", message);
        for word in words_in_braces(text) {
            if !PLACEHOLDERS.iter().any(|(name, _)| *name == word) {
                let known: Vec<String> = PLACEHOLDERS
                    .iter()
                    .map(|(name, meaning)| format!("{{{name}}} ({meaning})"))
                    .collect();
                let known = known.join(", ");
                return Err(wrong(format!("{{{word}}} is none of {known}")));
            }
        }
        for (name, meaning) in &PLACEHOLDERS[..2] {
            if !words_in_braces(text).any(|word| word == *name) {
                return Err(wrong(format!(
                    "the command has no {{{name}}}, which stands for {meaning}"
                )));
            }
        }
        Ok(Self {
            text: text.to_owned(),
            patience: PATIENCE,
        })
    }

    /// The same with another time until a server must answer.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Whether `{gpu}` stands in it.
    #[must_use]
    pub fn takes_gpu(&self) -> bool {
        words_in_braces(&self.text).any(|word| word == "gpu")
    }

    /// Starts the server of a checkpoint, its output in the file `log`, and waits until it answers.
    ///
    /// # Errors
    /// If it cannot be started, ends, or does not answer in time; the message has its last words.
    pub fn start(
        &self,
        path: &Path,
        name: &str,
        gpu: usize,
        log: &Path,
        limits: &Limits,
    ) -> Result<Launched> {
        let failed = |e| Error::io(log, e);
        let port = free_port().map_err(|e| Error::config("--serve", format!("no port: {e}")))?;
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(failed)?;
        let command = self.filled(path, name, gpu, port);
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("{SCRIPT}{command}\n")])
            .stdin(Stdio::piped())
            .stderr(out.try_clone().map_err(failed)?)
            .stdout(out);
        let mut group = Group::start(&mut shell)
            .map_err(|e| Error::config("--serve", format!("cannot be started: {e}")))?;
        let held = group.child.stdin.take();
        let mut launched = Launched {
            held,
            group,
            address: Address::parse(&format!("openai:http://127.0.0.1:{port}"))?,
        };
        launched.wait(name, self.patience, limits).map_err(|why| {
            Error::server(
                format!("of {name}"),
                format!(
                    "{why}{}; its output is in {}",
                    last_words(log),
                    log.display()
                ),
            )
        })?;
        Ok(launched)
    }

    /// The command for one checkpoint, in words that the shell takes as they are.
    fn filled(&self, path: &Path, name: &str, gpu: usize, port: u16) -> String {
        let values = [
            quoted(&path.to_string_lossy()),
            port.to_string(),
            quoted(name),
            gpu.to_string(),
        ];
        let pairs = PLACEHOLDERS.iter().zip(&values);
        pairs.fold(self.text.clone(), |text, ((name, _), value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }
}

/// The lower-case words that stand in braces.
fn words_in_braces(text: &str) -> impl Iterator<Item = &str> {
    let inner = |piece: &'_ str| piece.find('}').map(|end| piece[..end].len());
    text.match_indices('{').filter_map(move |(at, _)| {
        let rest = &text[at + 1..];
        let word = &rest[..inner(rest)?];
        let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        is_word.then_some(word)
    })
}

/// A word for the shell that stands for itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A port on which nobody listens.
fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The end of a log, for an error.
fn last_words(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    if last.is_empty() {
        String::new()
    } else {
        format!("; its last words: {}", last.join(" | "))
    }
}

/// A running server; dropping it ends it and whatever it has started.
#[derive(Debug)]
pub struct Launched {
    /// Our end of the pipe by which the server knows that we live.
    held: Option<ChildStdin>,
    group: Group,
    address: Address,
}

impl Launched {
    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Asks again and again until the server answers, and takes the name of the model.
    fn wait(
        &mut self,
        name: &str,
        patience: Duration,
        limits: &Limits,
    ) -> std::result::Result<(), String> {
        let once = Limits {
            attempts: 1,
            timeout: limits.timeout.min(Duration::from_secs(10)),
            ..limits.clone()
        };
        let started = Instant::now();
        loop {
            match self.group.child.try_wait() {
                Ok(None) => {}
                Ok(Some(status)) => return Err(format!("ended before it answered ({status})")),
                Err(e) => return Err(e.to_string()),
            }
            if let Ok(server) = Server::open(&self.address, once.clone()) {
                self.address = server.address().clone();
                return Ok(());
            }
            // One of several models, as with adapters on their base.
            let mut named = self.address.clone();
            named.model = name.to_owned();
            if let Ok(server) = Server::open(&named, once.clone()) {
                self.address = server.address().clone();
                return Ok(());
            }
            if started.elapsed() > patience {
                return Err(format!("did not answer within {} s", patience.as_secs()));
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
