//! The allocator of the binary, of the benches and of the Python package.

/// Training and table reading allocate and free large blocks all the time, where mimalloc saves up
/// to a quarter of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 2 and 3, which the bindings do not name.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Keeps freed memory for ten seconds instead of ten milliseconds: the next step wants the same
/// blocks, and pages fresh from the system must be cleared first (6 to 8% of a training step).
#[allow(unsafe_code, reason = "a call of C")]
pub fn keep_freed_memory() {
    // SAFETY: sets one integer inside the allocator.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 10_000) };
}
