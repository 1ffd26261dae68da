//! Several servers share the jobs: what comes out depends on the jobs, never on who did them or
//! when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};

use super::http::{Attempt, Failure};
use super::limits::Limits;
use super::line::{Host, Limit, Line};
use crate::error::{Error, Result};

/// What the workers know together.
struct State {
    pending: BTreeSet<usize>,
    running: usize,
    given_up: BTreeMap<usize, GivenUp>,
    failed: BTreeMap<usize, Error>,
}

/// Servers (by number) that gave nothing for a job, and what the last one said.
#[derive(Default)]
struct GivenUp {
    by: Vec<usize>,
    reason: String,
}

struct Board<'a> {
    hosts: &'a [Host],
    state: Mutex<State>,
    changed: Condvar,
    limit: Limit,
}

/// Does jobs `0..jobs` on the servers that live, `limits.concurrency` at a time on each, and gives
/// the results in the order of the jobs.
///
/// A job that a server does not answer after all attempts goes to the others; so does everything,
/// once a server has answered nothing in that time. `done` hears the number of finished jobs.
///
/// # Errors
/// That of the lowest-numbered job that failed: refused, or answered by no server.
pub(super) fn share<T: Send>(
    hosts: &[Host],
    limits: &Limits,
    jobs: usize,
    work: &(impl Fn(&Line, usize) -> Attempt<T> + Sync),
    done: &mut dyn FnMut(usize),
) -> Result<Vec<T>> {
    let state = State {
        pending: (0..jobs).collect(),
        running: 0,
        given_up: BTreeMap::new(),
        failed: BTreeMap::new(),
    };
    let board = Board {
        hosts,
        state: Mutex::new(state),
        changed: Condvar::new(),
        limit: Limit::none(),
    };
    let mut results: Vec<Option<T>> = (0..jobs).map(|_| None).collect();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for number in (0..hosts.len()).filter(|&h| !hosts[h].is_dead()) {
            for _ in 0..limits.concurrency.min(jobs) {
                let (board, sender) = (&board, sender.clone());
                scope.spawn(move || board.serve(number, limits, work, &sender));
            }
        }
        drop(sender);
        for (finished, (job, result)) in receiver.into_iter().enumerate() {
            results[job] = Some(result);
            done(finished + 1);
        }
    });
    board.finish(results)
}

impl Board<'_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve<T>(
        &self,
        number: usize,
        limits: &Limits,
        work: &impl Fn(&Line, usize) -> Attempt<T>,
        sender: &mpsc::Sender<(usize, T)>,
    ) {
        let host = &self.hosts[number];
        while let Some(job) = self.take(number) {
            let line = Line {
                host,
                limits,
                limit: &self.limit,
                job,
            };
            let answers = host.answers.load(Ordering::SeqCst);
            match work(&line, job) {
                Ok(result) => drop(sender.send((job, result))),
                Err(Failure::Refused(message)) => self.fail(job, host, &message),
                Err(Failure::Passing { reason, .. }) => {
                    let silent = host.answers.load(Ordering::SeqCst) == answers;
                    host.dead.fetch_or(silent, Ordering::SeqCst);
                    self.hand_over(job, number, &reason);
                }
                Err(Failure::Stopped) => {}
            }
            self.lock().running -= 1;
            self.changed.notify_all();
        }
        self.changed.notify_all();
    }

    /// The next job for a server; `None` when there will be no more.
    fn take(&self, number: usize) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if self.hosts[number].is_dead() {
                return None;
            }
            let refused = |job: &usize| {
                let by = state.given_up.get(job);
                by.is_some_and(|g| g.by.contains(&number)) || self.limit.stops(*job)
            };
            if let Some(job) = state.pending.iter().copied().find(|job| !refused(job)) {
                state.pending.remove(&job);
                state.running += 1;
                return Some(job);
            }
            if state.running == 0 {
                return None;
            }
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn fail(&self, job: usize, host: &Host, message: &str) {
        self.limit.lower(job);
        let error = Error::server(host.client.host(), message);
        self.lock().failed.insert(job, error);
    }

    /// Gives a job to the servers that have not given up on it.
    fn hand_over(&self, job: usize, number: usize, reason: &str) {
        let mut state = self.lock();
        let given_up = state.given_up.entry(job).or_default();
        given_up.by.push(number);
        given_up.reason = reason.into();
        let by = &given_up.by;
        let left = (0..self.hosts.len()).any(|h| !self.hosts[h].is_dead() && !by.contains(&h));
        state.pending.insert(job);
        if !left {
            self.limit.lower(job);
        }
    }

    fn finish<T>(self, results: Vec<Option<T>>) -> Result<Vec<T>> {
        let mut state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let whole = results.iter().position(Option::is_none);
        let Some(first) = whole else {
            return Ok(results.into_iter().flatten().collect());
        };
        if let Some((_, error)) = state.failed.pop_first().filter(|(job, _)| *job == first) {
            return Err(error);
        }
        // The first unfinished job was given up by all, or left without a server when the last one
        // fell silent.
        let of_job = state.given_up.remove(&first);
        let last = of_job.or_else(|| state.given_up.pop_first().map(|(_, g)| g));
        let (host, reason) = match &last {
            Some(given_up) => (given_up.by.last().copied(), &given_up.reason[..]),
            None => (None, "answered nothing before"),
        };
        let host = &self.hosts[host.unwrap_or_default()];
        Err(Error::server(host.client.host(), reason))
    }
}
