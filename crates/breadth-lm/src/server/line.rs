//! A server with patience: attempts, back-off, and the pauses that it asks for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Client;
use super::http::{Attempt, Failure};
use super::limits::Limits;
use crate::rng;

/// Between two looks whether a server was given up.
const GLANCE: Duration = Duration::from_millis(200);

/// One server of a pool.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) client: Client,
    /// Nothing came from it in as many attempts as are allowed.
    pub(super) dead: AtomicBool,
    /// Somebody knows that nothing will come from it.
    pub(super) given_up: AtomicBool,
    /// It was told that a request is tried again.
    told: AtomicBool,
    /// Requests that went well.
    pub(super) answers: AtomicU64,
    /// It was probed.
    pub(super) probed: AtomicBool,
}

impl Host {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            dead: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            told: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            probed: AtomicBool::new(false),
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
}

/// Work from the job with this number on is called off; lower ones are still wanted.
#[derive(Debug)]
pub(super) struct Limit {
    job: Mutex<usize>,
    moved: Condvar,
}

impl Limit {
    pub(super) fn none() -> Self {
        Self {
            job: Mutex::new(usize::MAX),
            moved: Condvar::new(),
        }
    }

    pub(super) fn lower(&self, to: usize) {
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        *job = to.min(*job);
        self.moved.notify_all();
    }

    pub(super) fn stops(&self, number: usize) -> bool {
        *self.job.lock().unwrap_or_else(PoisonError::into_inner) < number
    }

    /// Waits, unless the job is called off or the waiting is `in_vain`; whether it still is wanted.
    fn pause(&self, number: usize, wait: Duration, in_vain: &AtomicBool) -> bool {
        let until = Instant::now() + wait;
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        while *job >= number {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || in_vain.load(Ordering::SeqCst) {
                return true;
            }
            let woken = self.moved.wait_timeout(job, left.min(GLANCE));
            job = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }
}

/// A server as one job sees it.
pub(super) struct Line<'a> {
    pub(super) host: &'a Host,
    pub(super) limits: &'a Limits,
    pub(super) limit: &'a Limit,
    /// The job's number: it names the stream of the jitter.
    pub(super) job: usize,
}

impl Line<'_> {
    pub(super) fn get(&self, path: &str) -> Attempt<Value> {
        self.insist(|client| client.get(path))
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Attempt<Value> {
        self.insist(|client| client.post(path, body))
    }

    /// Tries until it goes well, is refused, or the attempts are used up.
    fn insist(&self, ask: impl Fn(&Client) -> Attempt<Value>) -> Attempt<Value> {
        let mut number = 0;
        loop {
            if self.limit.stops(self.job) {
                return Err(Failure::Stopped);
            }
            let failure = match ask(&self.host.client) {
                Ok(value) => {
                    self.host.answers.fetch_add(1, Ordering::SeqCst);
                    return Ok(value);
                }
                Err(failure) => failure,
            };
            number += 1;
            let Failure::Passing { reason, wait } = failure else {
                return Err(failure);
            };
            if self.host.given_up.load(Ordering::SeqCst) {
                return Err(Failure::Passing { reason, wait: None });
            }
            let pause = self.pause(number, wait);
            if number >= self.limits.attempts || pause > self.limits.longest_wait {
                let reason = if pause > self.limits.longest_wait {
                    format!("{reason}; it asks for a pause of {} s", pause.as_secs())
                } else {
                    let times = if number == 1 { "attempt" } else { "attempts" };
                    format!("{reason}, after {number} {times}")
                };
                return Err(Failure::Passing { reason, wait: None });
            }
            if !self.host.told.swap(true, Ordering::SeqCst) {
                self.limits.tell.say(&format!(
                    "server {}: {reason}; it is tried again, {} times in all",
                    self.host.client.host(),
                    self.limits.attempts
                ));
            }
            if !self.limit.pause(self.job, pause, &self.host.given_up) {
                return Err(Failure::Stopped);
            }
        }
    }

    /// Pause after attempt `number`: `back_off * 2^(number - 1)`, times 1/2 to 3/2 by the job's own
    /// stream, no less than asked for.
    fn pause(&self, number: u32, asked: Option<Duration>) -> Duration {
        let mut jitter = rng::stream(self.limits.seed, "server/back-off", self.job as u64);
        let factor = (0..number).fold(1.0, |_, _| 0.5 + rng::uniform(&mut jitter));
        let doubled = self.limits.back_off.as_secs_f64() * 2f64.powi(number as i32 - 1);
        let own = (doubled * factor).min(self.limits.longest_wait.as_secs_f64());
        Duration::from_secs_f64(own).max(asked.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(seed: u64, job: usize) -> Vec<f64> {
        let limits = Limits {
            back_off: Duration::from_secs(1),
            longest_wait: Duration::from_secs(20),
            seed,
            ..Limits::default()
        };
        let host = Host::new(Client::new("http://h:1", Duration::from_secs(1), None));
        let limit = Limit::none();
        let line = Line {
            host: &host,
            limits: &limits,
            limit: &limit,
            job,
        };
        (1..7)
            .map(|number| line.pause(number, None).as_secs_f64())
            .collect()
    }

    #[test]
    fn pauses_double_with_jitter_of_a_named_stream() {
        let first = pauses(0, 0);
        for (i, pause) in first.iter().enumerate() {
            let middle = 2f64.powi(i as i32);
            let range = (0.5 * middle).min(20.0)..=(1.5 * middle).min(20.0);
            assert!(range.contains(pause), "{first:?}");
        }
        assert_eq!(first, pauses(0, 0));
        assert_ne!(first, pauses(0, 1));
        assert_ne!(first, pauses(1, 0));
    }

    #[test]
    fn a_server_is_given_the_pause_it_asks_for() {
        let limits = Limits::default();
        let host = Host::new(Client::new("http://h:1", Duration::from_secs(1), None));
        let limit = Limit::none();
        let line = Line {
            host: &host,
            limits: &limits,
            limit: &limit,
            job: 0,
        };
        let asked = Duration::from_secs(77);
        assert_eq!(line.pause(1, Some(asked)), asked);
        assert!(line.pause(3, Some(Duration::ZERO)) > Duration::from_millis(900));
    }

    #[test]
    fn work_beyond_a_failure_is_called_off() {
        let limit = Limit::none();
        let (hopeful, in_vain) = (AtomicBool::new(false), AtomicBool::new(true));
        assert!(limit.pause(3, Duration::ZERO, &hopeful));
        assert!(limit.pause(3, Duration::from_secs(600), &in_vain));
        limit.lower(5);
        limit.lower(9);
        assert!(!limit.stops(5) && limit.stops(6));
        assert!(!limit.pause(6, Duration::from_secs(600), &hopeful));
    }
}
