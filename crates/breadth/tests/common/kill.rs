//! Killing a program in the middle of its job.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Moments at which a job is killed.
pub const KILLS: u64 = 20;

/// The part of a job's whole time after which it is killed: it differs from moment to moment and is
/// the same in every run of a test.
fn fraction(moment: u64) -> f64 {
    (moment as f64 * 0.618_033_988_75 + 0.05).fract()
}

/// Starts a job of about `time` that writes into the empty folder `out`, and kills it at a moment.
/// Where it had ended before (the machine is less busy than when `time` was taken), it begins anew
/// with a shorter wait: every kill meets a running process.
pub fn kill(mut job: Command, out: &Path, time: Duration, moment: u64) {
    let mut wait = time.mul_f64(fraction(moment));
    loop {
        let mut child = job.spawn().unwrap();
        std::thread::sleep(wait);
        let running = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        if running {
            return;
        }
        empty(out);
        wait = wait.mul_f64(0.7);
    }
}

/// The folder without what was in it.
pub fn empty(folder: &Path) {
    if folder.exists() {
        std::fs::remove_dir_all(folder).unwrap();
    }
    std::fs::create_dir(folder).unwrap();
}
