//! A process that answers line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};

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
    child: Child,
    input: Sender<String>,
    output: Receiver<std::result::Result<String, String>>,
}

impl Worker {
    /// Starts a program.
    ///
    /// # Errors
    /// If it cannot be.
    pub fn start(words: &[String]) -> Result<Self> {
        let mut command = Command::new(&words[0]);
        // A group of its own, so that what it starts can be ended with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        // Held until the program stands in the list: what starts later than the end of all would
        // outlive it.
        let mut running = running();
        if running.ended {
            return Err(Error::config(
                format!("verifier command:{}", words.join(" ")),
                "is not started any more, as the job is being stopped",
            ));
        }
        let mut child = command
            .args(&words[1..])
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| {
                Error::config(
                    format!("verifier command:{}", words.join(" ")),
                    format!("cannot be started: {e}"),
                )
            })?;
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        running.ids.push(child.id());
        drop(running);
        let (input, lines) = channel();
        let (heard, output) = channel();
        std::thread::spawn(move || write(stdin, &lines));
        std::thread::spawn(move || read(stdout, &heard));
        Ok(Self {
            child,
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

impl Drop for Worker {
    fn drop(&mut self) {
        // Before it is waited for: its number may be another's afterwards.
        kill_group(self.child.id());
        running().ids.retain(|id| *id != self.child.id());
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The programs that run.
struct Running {
    /// Their numbers, which are those of their groups.
    ids: Vec<u32>,
    /// Whether all were ended, and no other may start.
    ended: bool,
}

static RUNNING: Mutex<Running> = Mutex::new(Running {
    ids: Vec::new(),
    ended: false,
});

fn running() -> MutexGuard<'static, Running> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all programs and what they started; none starts any more.
pub(super) fn end_all() {
    let mut running = running();
    running.ended = true;
    running.ids.iter().for_each(|id| kill_group(*id));
}

fn kill_group(id: u32) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(id)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        // It may have ended already.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = id;
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
