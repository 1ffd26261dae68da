//! Programs of others that we start: each in a process group of its own, and none outlives us.

use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ends every program that this process has started, and what those have started; none starts any
/// more. For a process that is about to end before its time.
pub fn end_all() {
    let mut running = running();
    running.ended = true;
    running.ids.iter().for_each(|id| kill(*id));
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

/// A program and all that it starts; dropping it ends them.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) child: Child,
    has_ended: bool,
}

impl Group {
    /// Starts a program.
    ///
    /// # Errors
    /// If it cannot be started, or all were ended.
    pub(crate) fn start(command: &mut Command) -> std::io::Result<Self> {
        // A group of its own, so that what it starts can be ended with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        // Held until the program stands in the list: what starts later than the end of all would
        // outlive it.
        let mut running = running();
        if running.ended {
            return Err(std::io::Error::other("the job is being stopped"));
        }
        let child = command.spawn()?;
        running.ids.push(child.id());
        Ok(Self {
            child,
            has_ended: false,
        })
    }

    /// Asks the group to end, which it may do in its own way.
    pub(crate) fn ask_to_end(&self) {
        #[cfg(unix)]
        signal(self.child.id(), rustix::process::Signal::TERM);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

impl Group {
    /// Ends the program and what it started, and says how it ended; nothing happens the second
    /// time.
    pub(crate) fn end(&mut self) -> Option<ExitStatus> {
        if std::mem::replace(&mut self.has_ended, true) {
            return None;
        }
        // Before it is waited for: its number may be another's afterwards.
        kill(self.child.id());
        running().ids.retain(|id| *id != self.child.id());
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

fn kill(id: u32) {
    #[cfg(unix)]
    signal(id, rustix::process::Signal::KILL);
    #[cfg(not(unix))]
    let _ = id;
}

#[cfg(unix)]
fn signal(id: u32, signal: rustix::process::Signal) {
    let group = i32::try_from(id)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended already.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}
