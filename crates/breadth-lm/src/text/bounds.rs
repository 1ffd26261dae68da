//! Work that a stranger's file causes, kept within bounds: a template is a program, and a
//! tokenizer's library panics at some files.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// No work is looked at before it takes so long.
const PATIENCE: Duration = Duration::from_millis(200);

/// The longest that work may take; what people use takes milliseconds.
const LONGEST: Duration = Duration::from_secs(10);

/// The most that the program may grow, in bytes, while work that tried its patience goes on.
const MOST_MEMORY: u64 = 400 << 20;

/// Why work came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It panicked, with these words.
    Panicked(String),
    /// It took longer than the limit.
    TooLong,
    /// The program grew by more than the limit.
    TooLarge,
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Panicked(words) => write!(f, "{words}"),
            Self::TooLong => write!(f, "does not end within {} s", LONGEST.as_secs()),
            Self::TooLarge => write!(f, "takes more than {} MB of memory", MOST_MEMORY >> 20),
        }
    }
}

/// Runs work on a thread of its own with so much stack, of which only what is used takes memory.
///
/// What does not end is left behind: it goes on until the program ends, so whoever gets [`Stopped`]
/// should not try again.
///
/// # Errors
/// If it panics, or goes beyond the limits of time and memory.
pub(super) fn bounded<T: Send + 'static>(
    stack: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Stopped> {
    let (send, receive) = mpsc::channel();
    let worker = move || {
        // Nobody listens any more if the time is over.
        let _ = send.send(caught(work));
    };
    thread::Builder::new()
        .stack_size(stack)
        .spawn(worker)
        .map_err(|e| Stopped::Panicked(format!("no thread could be started: {e}")))?;
    let began = Instant::now();
    let mut before = None;
    let mut wait = PATIENCE;
    loop {
        match receive.recv_timeout(wait) {
            Ok(done) => return done.map_err(Stopped::Panicked),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(Stopped::Panicked("ended without an answer".into()));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        wait = Duration::from_millis(10);
        let now = resident();
        if now.saturating_sub(*before.get_or_insert(now)) > MOST_MEMORY {
            return Err(Stopped::TooLarge);
        }
        if began.elapsed() > LONGEST {
            return Err(Stopped::TooLong);
        }
    }
}

/// Bytes of memory that the program holds; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| {
        line.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<u64>()
            .ok()
    });
    kilobytes.unwrap_or(0) << 10
}

thread_local! {
    /// Whether a panic of this thread is caught and told as an error.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs work; a panic in it is its words, and prints nothing.
///
/// # Errors
/// The words of the panic.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let hook = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_CAUGHT.get() {
                hook(panic);
            }
        }));
    });
    let outer = IS_CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(outer);
    done.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let words = text.or_else(|| panic.downcast_ref::<&str>().copied());
        words.unwrap_or("a failure without words").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_gives_its_answer_or_the_words_of_its_panic() {
        assert_eq!(bounded(1 << 20, || 3), Ok(3));
        let panicked = bounded(1 << 20, || -> i32 { panic!("no {}", "way") });
        assert_eq!(panicked, Err(Stopped::Panicked("no way".into())));
        assert_eq!(caught(|| -> i32 { panic!("plain") }), Err("plain".into()));
    }
}
