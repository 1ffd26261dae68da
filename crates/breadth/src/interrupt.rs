//! Ctrl-C and SIGTERM: nothing unfinished is left behind, and what is finished stays.

use std::io::{Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering};

use breadth_data::atomic;
use breadth_lm::programs;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Whether a signal has come.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Once a signal has come, waits for the end of the process: what fails then fails because of it,
/// and is no news.
pub fn wait_if_ending() {
    while IS_ENDING.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// Watches for the two signals from now on. The process then ends with status 130 or 143.
pub fn watch() {
    // Without a watch the signals end the process at once, as they always do.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        return;
    };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            IS_ENDING.store(true, Ordering::SeqCst);
            programs::end_all();
            atomic::remove_unfinished();
            let _ = writeln!(
                stderr(),
                "\nstopped; what a job has done so far stays, and the same command goes on from \
                 there"
            );
            std::process::exit(128 + signal);
        }
    });
}
