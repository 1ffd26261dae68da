//! Ctrl-C, SIGTERM, a terminal that is closed, and files that shrink while they are read: nothing
//! unfinished is left behind, and what is finished stays.

use std::io::{Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering};

use breadth_data::atomic;
use breadth_lm::programs;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

/// Whether the process is being ended.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Once a signal has come, waits for the end of the process: what fails then fails because of it,
/// and is no news.
pub fn wait_if_ending() {
    while IS_ENDING.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// Watches from now on for the signals that end a process, after which it ends with 128 and the
/// signal's number (130 for Ctrl-C, 143 for SIGTERM), and for mapped files that become shorter,
/// with status 1. A file that grows beyond `ulimit -f` is then an error of the write, and SIGXFSZ
/// ends nothing.
pub fn watch() {
    #[cfg(target_os = "linux")]
    shrunk::watch();
    // Without a watch the signals end the process at once, as they always do.
    let mut watched = vec![SIGINT, SIGTERM, SIGXFSZ];
    // What `nohup` had ignored stays so.
    watched.extend(
        [SIGHUP, SIGQUIT]
            .into_iter()
            .filter(|&signal| !is_ignored(signal)),
    );
    let Ok(mut signals) = Signals::new(watched) else {
        return;
    };
    std::thread::spawn(move || {
        // It is watched for, and not ignored, because programs that are started inherit what is.
        if let Some(signal) = signals.forever().find(|&signal| signal != SIGXFSZ) {
            end(
                128 + signal,
                "\nstopped; what a job has done so far stays, and the same command goes on from \
                 there",
            );
        }
    });
}

/// Whether the process was started with this signal ignored.
#[allow(unsafe_code, reason = "calls of the system")]
fn is_ignored(signal: libc::c_int) -> bool {
    // SAFETY: a zeroed `sigaction` is one; without a new action the call only writes the old one.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

/// Ends the process and all that it started.
fn end(status: i32, message: &str) -> ! {
    IS_ENDING.store(true, Ordering::SeqCst);
    programs::end_all();
    atomic::remove_unfinished();
    let _ = writeln!(stderr(), "{message}");
    std::process::exit(status);
}

/// Reading a mapped file beyond its end, which was not there when it was mapped, raises SIGBUS.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "calls of the system")]
mod shrunk {
    use std::io::{PipeReader, Read, pipe};
    use std::os::fd::IntoRawFd;
    use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

    use crate::failure;

    /// Where nothing is any more.
    static ADDRESS: AtomicUsize = AtomicUsize::new(0);
    /// What wakes the watch.
    static WAKE: AtomicI32 = AtomicI32::new(-1);

    pub fn watch() {
        // Without a watch the signal ends the process at once, as it always does.
        let Ok((woken, wake)) = pipe() else {
            return;
        };
        WAKE.store(wake.into_raw_fd(), Ordering::SeqCst);
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = handle;
        // SAFETY: a zeroed `sigaction` has an empty mask; the handler only does what a handler may.
        let is_set = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(libc::SIGBUS, &action, std::ptr::null_mut()) == 0
        };
        if is_set {
            std::thread::spawn(move || wait(woken));
        }
    }

    /// Wakes the watch, and never returns: what was to be read is not there.
    extern "C" fn handle(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the system gives a whole `siginfo_t`; `write` and `pause` may be called here.
        unsafe {
            ADDRESS.store((*info).si_addr() as usize, Ordering::SeqCst);
            libc::write(WAKE.load(Ordering::SeqCst), [1u8].as_ptr().cast(), 1);
            loop {
                libc::pause();
            }
        }
    }

    fn wait(mut woken: PipeReader) {
        if woken.read(&mut [0]).is_err() {
            return;
        }
        let file = breadth_lm::model::mapped_file(ADDRESS.load(Ordering::SeqCst));
        let file = file.map_or("a mapped file".to_owned(), |path| {
            path.display().to_string()
        });
        let message = failure::headed(&format!(
            "{file}: became shorter while it was read; no table was written. Run the command again \
             when the file is complete"
        ));
        super::end(1, &message);
    }
}
