//! Long work beside the interpreter: other threads of Python go on, and Ctrl-C is heard.

#![allow(
    unsafe_code,
    reason = "a pool that outlives the process that forked is not dropped"
)]

use std::process;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::errors::{Error, Result};

/// How long Ctrl-C may wait.
const PATIENCE: Duration = Duration::from_millis(50);

/// Runs `job` on a thread of its own without the interpreter's lock, and listens for signals.
///
/// After Ctrl-C the caller has its `KeyboardInterrupt` at once; the job, which writes nothing
/// half-way, ends by itself.
pub fn detached<T: Send + 'static>(
    py: Python<'_>,
    job: impl FnOnce() -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let (sender, mut receiver) = channel();
    // A caller that was interrupted waits no more.
    std::thread::spawn(move || drop(sender.send(on_own_threads(job))));
    loop {
        let (answer, back) = py.detach(move || (receiver.recv_timeout(PATIENCE), receiver));
        receiver = back;
        match answer {
            Ok(answer) => return Ok(answer?),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err(
                    "breadth panicked; please report this as a bug",
                ));
            }
        }
    }
}

/// Threads for parallel work, and the process that they run in.
struct Workers {
    process: u32,
    pool: ThreadPool,
}

/// The workers of this process; in a child that was forked, until its first job, those of its
/// parent. No lock: another thread might have held it when the process was forked.
static WORKERS: AtomicPtr<Workers> = AtomicPtr::new(ptr::null_mut());

/// Runs `job` with all its parallel work on threads of this very process.
///
/// A fork copies a pool without its threads, and work given to that would never be done.
fn on_own_threads<T: Send>(job: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    workers()?.pool.install(job)
}

fn workers() -> Result<&'static Workers> {
    let known = WORKERS.load(Ordering::Acquire);
    // SAFETY: what is stored there is never freed.
    let of_maker = unsafe { known.as_ref() };
    if let Some(workers) = of_maker.filter(|workers| workers.process == process::id()) {
        return Ok(workers);
    }
    let pool = ThreadPoolBuilder::new().build();
    let pool = pool.map_err(|error| Error::Value(format!("no threads to work on: {error}")))?;
    let process = process::id();
    let made = Box::into_raw(Box::new(Workers { process, pool }));
    let before = WORKERS.compare_exchange(known, made, Ordering::AcqRel, Ordering::Acquire);
    let kept = match before {
        // Those of the parent are left alone: dropping them would wait for threads that are not.
        Ok(_) => made,
        Err(by_another_thread) => {
            // SAFETY: nobody else has seen what was made here.
            drop(unsafe { Box::from_raw(made) });
            by_another_thread
        }
    };
    // SAFETY: as above; it was stored by this process, here or on another thread.
    Ok(unsafe { &*kept })
}
