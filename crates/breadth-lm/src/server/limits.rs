//! How hard servers are worked, and how long they are waited for.

use std::time::Duration;

/// How hard servers are worked, and how long they are waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Requests under way at once, on each server.
    pub concurrency: usize,
    /// Sequences in one request for scores.
    pub batch: usize,
    /// Longest time from a request to the end of its reply.
    pub timeout: Duration,
    /// Attempts at a request that fails in passing: status 429 or 5xx, a reset connection, a time-out, a body that breaks off.
    pub attempts: u32,
    /// Pause after the first failure; it doubles with each, and is stretched by a random factor between 1/2 and 3/2.
    pub back_off: Duration,
    /// Longest pause, a server's `Retry-After` included: one that asks for more is not waited for.
    pub longest_wait: Duration,
    /// Seed of the pauses.
    pub seed: u64,
    /// Largest difference in nats, per token, between two numbers that should be equal.
    pub tolerance: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 16,
            batch: 4,
            timeout: Duration::from_secs(300),
            attempts: 8,
            back_off: Duration::from_millis(500),
            longest_wait: Duration::from_secs(60),
            seed: 0,
            tolerance: 0.05,
        }
    }
}
