//! Servers that a job starts for one checkpoint after another, several at once where it is asked.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use breadth_data::atomic::NewFolders;

use super::model::{Model, Ready, Serving};
use super::opened::{JobProgress, Meter, Opened, Work, probed};
use super::together::Together;
use crate::error::{Error, Result};
use crate::model::plain;
use crate::server::{Launched, Target};
use crate::text::Item;

/// What the servers' threads say.
enum Told {
    Progress(usize, JobProgress),
    Failed(usize, Error),
}

/// What every server's thread needs.
struct Task<'a> {
    work: &'a (dyn Work + Sync),
    items: &'a [Item],
    ending: AtomicBool,
}

impl Task<'_> {
    fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }
}

impl Opened<'_> {
    /// Makes all parts that lack of checkpoints that are served: starts a server for each, probes
    /// it, asks it, and ends it. The output of the servers is kept in `OUT.serve`.
    ///
    /// # Errors
    /// That of the first checkpoint that failed; the others' parts up to then are kept.
    pub(super) fn serve(
        &self,
        work: &(dyn Work + Sync),
        items: &[Item],
        meter: &mut Meter,
    ) -> Result<()> {
        let logs = &self.logs;
        let parts = items.len().div_ceil(work.size());
        let is_done = |m: &usize| (0..parts).all(|p| self.parts.has(*m, p));
        let mut done = vec![0; self.models.len()];
        let mut lacking = VecDeque::new();
        for mut server in self.servers.iter().cloned() {
            for m in server.models.iter().copied().filter(|m| is_done(m)) {
                done[m] = (items.len() * work.each()) as u64;
            }
            server.models.retain(|m| !is_done(m));
            lacking.extend((!server.models.is_empty()).then_some(server));
        }
        let Some(first) = lacking.front().map(|server| server.models[0]) else {
            return Ok(());
        };
        let _made = NewFolders::make(logs).map_err(|e| Error::io(logs, e))?;
        let parallel = self
            .serving(first)
            .map_or(1, |(.., serving)| serving.parallel);
        let slots = parallel.clamp(1, lacking.len());
        let queue = Mutex::new(lacking);
        let task = Task {
            work,
            items,
            ending: AtomicBool::new(false),
        };
        let (tell, told) = channel();
        let mut failed: Option<(usize, Error)> = None;
        std::thread::scope(|scope| {
            for gpu in 0..slots {
                let (tell, task, queue) = (tell.clone(), &task, &queue);
                scope.spawn(move || self.serve_some(task, gpu, queue, &tell));
            }
            drop(tell);
            for word in told {
                match word {
                    Told::Progress(m, progress) => {
                        done[m] = progress.done;
                        meter.tell(done.iter().sum(), progress);
                    }
                    Told::Failed(m, error) => {
                        if failed.as_ref().is_none_or(|(first, _)| m < *first) {
                            failed = Some((m, error));
                        }
                    }
                }
            }
        });
        let Some((_, error)) = failed else {
            return Ok(());
        };
        remove_empty(logs);
        Err(error)
    }

    /// Starts one server of the queue after another.
    fn serve_some(
        &self,
        task: &Task,
        gpu: usize,
        queue: &Mutex<VecDeque<Together>>,
        tell: &Sender<Told>,
    ) {
        while !task.is_ending() {
            let next = queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(server) = next else { return };
            if let Err((m, error)) = self.serve_together(task, &server, gpu, tell) {
                task.ending.store(true, Ordering::SeqCst);
                // Nobody listens any more only where the job has ended.
                let _ = tell.send(Told::Failed(m, error));
            }
        }
    }

    /// Starts a server and asks it for one of its models after another.
    ///
    /// # Errors
    /// With the model that failed.
    fn serve_together(
        &self,
        task: &Task,
        server: &Together,
        gpu: usize,
        tell: &Sender<Told>,
    ) -> std::result::Result<(), (usize, Error)> {
        let first = server.models[0];
        let served = server.models.iter().filter_map(|m| self.serving(*m));
        let target = Target {
            checkpoints: served.map(|(name, path, _)| (name, path)).collect(),
            base: server.base.as_deref(),
            gpu,
        };
        let Some((name, _, serving)) = self.serving(first) else {
            return Ok(());
        };
        let log = self.logs.join(format!("{}.log", file_name(name)));
        plain(&log).map_err(|error| (first, error))?;
        for m in &server.models {
            self.check_files(task.work, *m, task.items, false)
                .map_err(|error| (*m, error))?;
        }
        let is_off = || task.is_ending();
        let started = serving
            .command
            .start(&target, &log, &serving.limits, &is_off);
        let Some(mut launched) = started.map_err(|error| (first, error))? else {
            return Ok(());
        };
        for m in &server.models {
            let mut progress = |progress| drop(tell.send(Told::Progress(*m, progress)));
            let mut meter = Meter::new(0, &mut progress);
            meter.model = *m;
            self.ask(task, *m, &mut launched, &mut meter)
                .map_err(|error| (*m, error))?;
        }
        Ok(())
    }

    /// Asks a running server for all parts of a model that lack.
    fn ask(&self, task: &Task, m: usize, launched: &mut Launched, meter: &mut Meter) -> Result<()> {
        let Some((name, _, serving)) = self.serving(m) else {
            return Ok(());
        };
        let (work, items) = (task.work, task.items);
        let server = launched.model(name, &serving.limits)?;
        let said = launched.while_alive(&server, || probed(&server, &self.prompts))?;
        self.parts.note(m, &said)?;
        let ready = Ready::Server(&server);
        for (p, chunk) in items.chunks(work.size()).enumerate() {
            if task.is_ending() {
                return Ok(());
            }
            let rows = chunk.len() * work.each();
            if self.parts.has(m, p) {
                meter.advance(rows, 0, true);
                continue;
            }
            let part = launched.while_alive(&server, || work.make(&ready, p, chunk, meter))?;
            self.check_files(work, m, items, false)?;
            self.parts.write(m, p, &part)?;
            meter.advance(rows, part.log_probs.len(), false);
        }
        self.check_files(work, m, items, true)
    }

    /// Name, folder and server of a checkpoint that is served.
    fn serving(&self, m: usize) -> Option<(&str, &Path, &Serving)> {
        match &self.models[m] {
            Model::Served {
                name,
                path,
                serving,
                ..
            } => Some((name, path, serving)),
            _ => None,
        }
    }
}

/// Removes the logs of servers that wrote nothing.
fn remove_empty(logs: &Path) {
    for entry in std::fs::read_dir(logs).into_iter().flatten().flatten() {
        let is_log = entry.path().extension() == Some("log".as_ref());
        let is_empty = |meta: std::fs::Metadata| meta.is_file() && meta.len() == 0;
        if is_log && entry.metadata().is_ok_and(is_empty) {
            // It is no worse if it stays.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// A model's name as the name of a file.
fn file_name(name: &str) -> String {
    name.replace(|c: char| !c.is_alphanumeric() && !"-_.=+".contains(c), "_")
}
