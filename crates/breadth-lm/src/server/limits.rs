//! How hard servers are worked, and how long they are waited for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How hard servers are worked, and how long they are waited for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Concurrent requests on each server.
    pub concurrency: usize,
    /// Sequences in one request for scores.
    pub batch: usize,
    /// Time-out of one request, from sending it to the end of the reply.
    pub timeout: Duration,
    /// Attempts at a request that fails in a way that may pass: status 429 or 5xx, a reset
    /// connection, a time-out, a truncated body.
    pub attempts: u32,
    /// Back-off after the first failure; it doubles with each further one, times a random factor
    /// between 1/2 and 3/2 (jitter).
    pub back_off: Duration,
    /// Longest back-off, including a server's `Retry-After`: a server that asks for more is given
    /// up.
    pub longest_wait: Duration,
    /// Seed of the jitter.
    pub seed: u64,
    /// Largest difference in nats, per token, between two numbers that should be equal.
    pub tolerance: f64,
    /// Who hears of a server that is tried again.
    pub tell: Tell,
}

/// Hears, once for each server, that a request failed and is tried again: all attempts together take
/// minutes.
#[derive(Clone, Default)]
pub struct Tell(Option<Arc<Hear>>);

type Hear = dyn Fn(&str) + Send + Sync;

impl Tell {
    /// By this function.
    pub fn by(hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Tell(Some(Arc::new(hear)))
    }

    pub(super) fn say(&self, text: &str) {
        self.0.iter().for_each(|hear| hear(text));
    }
}

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hears = if self.0.is_some() {
            "somebody"
        } else {
            "nobody"
        };
        f.debug_tuple("Tell").field(&hears).finish()
    }
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
            tell: Tell::default(),
        }
    }
}
