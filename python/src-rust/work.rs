//! Long work beside the interpreter: other threads of Python go on, and Ctrl-C is heard.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::errors::Result;

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
    std::thread::spawn(move || drop(sender.send(job())));
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
