//! A process that answers line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use breadth_data::is_unseen;

use crate::error::{Error, Result};
use crate::programs::Group;

/// The longest line that is read.
const LONGEST: u64 = 1 << 20;
/// The most that a program may say on standard error for one response, in bytes.
const MOST_SAID: u64 = 1 << 20;
/// How much of that is passed on: more is nothing that anybody reads.
const PASSED_ON: u64 = 1 << 14;
/// How long is waited for the last words of a program that was ended.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Lines that are read before anybody asks for them: a program that writes on and on waits.
const AHEAD: usize = 4;

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
    program: Group,
    input: Sender<String>,
    output: Receiver<Line>,
    /// Bytes on standard error since the last question.
    said: Arc<AtomicU64>,
    /// Ends when all of standard error is passed on.
    quiet: Receiver<()>,
}

/// A line of a program, or what is wrong with it.
type Line = std::result::Result<String, String>;

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
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut program = Group::start(&mut command).map_err(failed)?;
        let stdin = program.child.stdin.take().expect("it is piped");
        let stdout = program.child.stdout.take().expect("it is piped");
        let stderr = program.child.stderr.take().expect("it is piped");
        let (input, lines) = channel();
        let (heard, output) = sync_channel(AHEAD);
        let said = Arc::new(AtomicU64::new(0));
        let counted = said.clone();
        let (open, quiet) = channel();
        std::thread::spawn(move || write(stdin, &lines));
        std::thread::spawn(move || read(stdout, &heard));
        std::thread::spawn(move || {
            pass_on(stderr, &counted);
            drop(open);
        });
        Ok(Self {
            program,
            input,
            output,
            said,
            quiet,
        })
    }

    /// Sends a line and waits for one.
    pub fn ask(&mut self, line: &str, timeout: Duration) -> Heard {
        match self.output.try_recv() {
            Ok(Ok(surplus)) => return Heard::Surplus(surplus),
            Ok(Err(why)) => return Heard::Unreadable(why),
            Err(_) => {}
        }
        self.said.store(0, Ordering::Relaxed);
        if self.input.send(line.to_owned()).is_err() {
            return Heard::End;
        }
        let heard = self.output.recv_timeout(timeout);
        if self.said.load(Ordering::Relaxed) > MOST_SAID {
            let why = format!("wrote more than {MOST_SAID} bytes on standard error for it");
            return Heard::Unreadable(why);
        }
        match heard {
            Ok(Ok(line)) => Heard::Line(line),
            Ok(Err(why)) => Heard::Unreadable(why),
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => Heard::End,
        }
    }

    /// How a program ended that wrote nothing more.
    pub fn ended(mut self) -> Option<ExitStatus> {
        // Its end closes this too; a status that comes later is that of our own signal.
        let _ = self.quiet.recv_timeout(LAST_WORDS);
        self.program.end().filter(|status| status.code().is_some())
    }

    /// Closes the input; a line that still comes, if one does before the process ends or the time
    /// is over.
    pub fn finish(mut self, timeout: Duration) -> Option<String> {
        let (closed, _) = channel();
        drop(std::mem::replace(&mut self.input, closed));
        let surplus = match self.output.recv_timeout(timeout) {
            Ok(Ok(line) | Err(line)) => Some(line),
            Err(_) => None,
        };
        let _ = self.quiet.recv_timeout(timeout);
        surplus
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.program.end();
        // What it said last, if nobody else has its pipe.
        let _ = self.quiet.recv_timeout(LAST_WORDS);
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

/// Passes the beginning of standard error on. Beyond what is allowed the pipe is closed.
fn pass_on(mut stderr: impl Read, said: &AtomicU64) {
    let mut bytes = [0; 1 << 13];
    let mut rest = Vec::new();
    while let Ok(read @ 1..) = stderr.read(&mut bytes) {
        let total = said.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
        if total > MOST_SAID {
            return;
        }
        let left = (PASSED_ON + read as u64).saturating_sub(total);
        let shown = read.min(left as usize);
        // A message that nobody can read must not fail the job.
        rest.extend_from_slice(&bytes[..shown]);
        let _ = std::io::stderr().write_all(printable(&mut rest).as_bytes());
    }
}

/// The text of `bytes` with its control and other unseen characters as they are written in Rust: a terminal would
/// obey them. Line breaks and tabs stay; so does, in `bytes`, a character whose end has not come.
fn printable(bytes: &mut Vec<u8>) -> String {
    let mut shown = String::with_capacity(bytes.len());
    let mut kept = Vec::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' | '\t' => shown.push(c),
                c if c.is_control() => shown.push_str(&format!("\\x{:02x}", u32::from(c))),
                c if is_unseen(c) && !is_joiner(c) => {
                    shown.push_str(&format!("\\u{{{:x}}}", u32::from(c)))
                }
                c => shown.push(c),
            }
        }
        let lacks_end = |error: std::str::Utf8Error| error.error_len().is_none();
        match chunk.invalid() {
            [] => {}
            cut if std::str::from_utf8(cut).is_err_and(lacks_end) => kept = cut.to_vec(),
            _ => shown.push(char::REPLACEMENT_CHARACTER),
        }
    }
    *bytes = kept;
    shown
}

/// Whether a character joins or parts the signs beside it, as in many an emoji: those a terminal may
/// have.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn read(stdout: ChildStdout, heard: &SyncSender<Line>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_seen_and_characters_stay_whole() {
        let text = "a\tb\n\u{1b}[31m\r\u{9b}\u{202e}\u{e9}\u{200d}\u{1f600}".as_bytes();
        let bytes = [text, b"\xff\x9b!"].concat();
        let expected = "a\tb\n\\x1b[31m\\x0d\\x9b\\u{202e}\u{e9}\u{200d}\u{1f600}\u{fffd}\u{fffd}!";
        for size in 1..=bytes.len() {
            let mut rest = Vec::new();
            let mut shown = String::new();
            for piece in bytes.chunks(size) {
                rest.extend_from_slice(piece);
                shown.push_str(&printable(&mut rest));
            }
            assert_eq!(shown, expected, "{size}");
        }
    }
}
