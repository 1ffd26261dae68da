//! A process that answers line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::programs::Group;

/// The longest line that is read.
const LONGEST: u64 = 1 << 20;

/// What came of a question.
pub(super) enum Heard {
    /// A line.
    Line(String),
    /// The process ended.
    End,
    /// Nothing in time.
    Nothing,
    /// A line before the question.
    Surplus(String),
    /// Something that is no line of text.
    Unreadable(String),
}

/// A running process. Threads of their own write and read, so that one that neither reads nor
/// writes can be left behind.
#[derive(Debug)]
pub(super) struct Worker {
    _program: Group,
    input: Sender<String>,
    output: Receiver<std::result::Result<String, String>>,
}

impl Worker {
    /// Starts a program.
    ///
    /// # Errors
    /// If it cannot be.
    pub fn start(words: &[String]) -> Result<Self> {
        let failed = |e: std::io::Error| {
            Error::config(
                format!("verifier command:{}", words.join(" ")),
                format!("cannot be started: {e}"),
            )
        };
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut program = Group::start(&mut command).map_err(failed)?;
        let stdin = program.child.stdin.take().expect("it is piped");
        let stdout = program.child.stdout.take().expect("it is piped");
        let (input, lines) = channel();
        let (heard, output) = channel();
        std::thread::spawn(move || write(stdin, &lines));
        std::thread::spawn(move || read(stdout, &heard));
        Ok(Self {
            _program: program,
            input,
            output,
        })
    }

    /// Sends a line and waits for one.
    pub fn ask(&mut self, line: &str, timeout: Duration) -> Heard {
        match self.output.try_recv() {
            Ok(Ok(surplus)) => return Heard::Surplus(surplus),
            Ok(Err(why)) => return Heard::Unreadable(why),
            Err(_) => {}
        }
        if self.input.send(line.to_owned()).is_err() {
            return Heard::End;
        }
        match self.output.recv_timeout(timeout) {
            Ok(Ok(line)) => Heard::Line(line),
            Ok(Err(why)) => Heard::Unreadable(why),
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => Heard::End,
        }
    }

    /// Closes the input; a line that still comes, if one does before the process ends or the time
    /// is over.
    pub fn finish(mut self, timeout: Duration) -> Option<String> {
        let (closed, _) = channel();
        drop(std::mem::replace(&mut self.input, closed));
        match self.output.recv_timeout(timeout) {
            Ok(Ok(line) | Err(line)) => Some(line),
            Err(_) => None,
        }
    }
}

fn write(mut stdin: ChildStdin, lines: &Receiver<String>) {
    for line in lines {
        if stdin
            .write_all(line.as_bytes())
            .and_then(|()| stdin.flush())
            .is_err()
        {
            break;
        }
    }
}

fn read(stdout: ChildStdout, heard: &Sender<std::result::Result<String, String>>) {
    let mut reader = BufReader::new(stdout);
    loop {
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes);
        let line = match read {
            Ok(0) | Err(_) => return,
            Ok(_) if bytes.last() != Some(&b'\n') && bytes.len() as u64 == LONGEST => {
                Err(format!("wrote a line of more than {LONGEST} bytes"))
            }
            Ok(_) => String::from_utf8(bytes).map_err(|_| "wrote a line that is not UTF-8".into()),
        };
        let line = line.map(|line| line.trim_end_matches(['\n', '\r']).to_owned());
        if heard.send(line).is_err() {
            return;
        }
    }
}
