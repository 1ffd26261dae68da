//! Ctrl-C and SIGTERM: nothing unfinished is left behind, and what is finished stays.

use std::io::{Write, stderr};

use breadth_data::atomic;
use breadth_lm::decode::verifier;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Watches for the two signals from now on. The process then ends with status 130 or 143.
pub fn watch() {
    // Without a watch the signals end the process at once, as they always do.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM]) else {
        return;
    };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            verifier::end_programs();
            atomic::remove_unfinished();
            let _ = writeln!(
                stderr(),
                "\nstopped; what a job has done so far stays, and the same command goes on from there"
            );
            std::process::exit(128 + signal);
        }
    });
}
