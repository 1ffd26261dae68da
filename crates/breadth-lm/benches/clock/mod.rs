//! The time that one thread spends computing, so that a busy machine can be measured on.

/// Runs everything on one thread, parallel loops included.
pub fn on_one_thread(run: impl FnOnce() + Send) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.expect("a thread").install(run);
}

/// Milliseconds that this thread has run for.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[allow(unsafe_code, reason = "a call of the system")]
pub fn ms() -> f64 {
    /// `CLOCK_THREAD_CPUTIME_ID` of Linux.
    const THREAD: i32 = 3;
    unsafe extern "C" {
        fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
    }
    let mut time = [0; 2];
    // SAFETY: `timespec` is two 64-bit numbers here, seconds and nanoseconds, and `time` outlives
    // the call.
    let status = unsafe { clock_gettime(THREAD, &mut time) };
    assert_eq!(status, 0, "Linux has a clock for each thread");
    1e3 * time[0] as f64 + time[1] as f64 / 1e6
}

/// Milliseconds of the wall clock.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn ms() -> f64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    1e3 * start.elapsed().as_secs_f64()
}
