//! Servers that a job starts for one checkpoint after another, several at once where it is asked.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::model::{Model, Ready};
use super::opened::{JobProgress, Meter, Opened, Work, probed};
use crate::error::{Error, Result};
use crate::server::Server;
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
        let served = |m: &usize| matches!(self.models[*m], Model::Served { .. });
        let mut done = vec![0; self.models.len()];
        let mut lacking = VecDeque::new();
        for m in (0..self.models.len()).filter(served) {
            if (0..parts).all(|p| self.parts.has(m, p)) {
                done[m] = (items.len() * work.each()) as u64;
            } else {
                lacking.push_back(m);
            }
        }
        let Some(Model::Served { serving, .. }) = lacking.front().map(|m| &self.models[*m]) else {
            return Ok(());
        };
        std::fs::create_dir_all(logs).map_err(|e| Error::io(logs, e))?;
        let slots = serving.parallel.clamp(1, lacking.len());
        let (queue, ending) = (Mutex::new(lacking), AtomicBool::new(false));
        let task = Task { work, items };
        let (tell, told) = channel();
        let mut failed: Option<(usize, Error)> = None;
        std::thread::scope(|scope| {
            for gpu in 0..slots {
                let (tell, task, queue, ending) = (tell.clone(), &task, &queue, &ending);
                scope.spawn(move || self.serve_some(task, gpu, queue, ending, &tell));
            }
            drop(tell);
            for word in told {
                match word {
                    Told::Progress(m, progress) => {
                        done[m] = progress.done;
                        meter.tell(done.iter().sum(), progress);
                    }
                    Told::Failed(m, error) => {
                        ending.store(true, Ordering::SeqCst);
                        if failed.as_ref().is_none_or(|(first, _)| m < *first) {
                            failed = Some((m, error));
                        }
                    }
                }
            }
        });
        failed.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Serves one checkpoint of the queue after another.
    fn serve_some(
        &self,
        task: &Task,
        gpu: usize,
        queue: &Mutex<VecDeque<usize>>,
        ending: &AtomicBool,
        tell: &Sender<Told>,
    ) {
        while !ending.load(Ordering::SeqCst) {
            let next = queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some(m) = next else { return };
            // Nobody listens any more only where the job has ended.
            let mut progress = |progress| drop(tell.send(Told::Progress(m, progress)));
            let mut meter = Meter::new(0, &mut progress);
            meter.model = m;
            if let Err(error) = self.serve_one(task, m, gpu, ending, &mut meter) {
                let _ = tell.send(Told::Failed(m, error));
            }
        }
    }

    fn serve_one(
        &self,
        task: &Task,
        m: usize,
        gpu: usize,
        ending: &AtomicBool,
        meter: &mut Meter,
    ) -> Result<()> {
        let Model::Served {
            name,
            path,
            serving,
            ..
        } = &self.models[m]
        else {
            return Ok(());
        };
        let (work, items) = (task.work, task.items);
        let log = self.logs.join(format!("{}.log", file_name(name)));
        self.check_files(work, m, items, false)?;
        let launched = serving
            .command
            .start(path, name, gpu, &log, &serving.limits)?;
        let server = Server::open(launched.address(), serving.limits.clone())?;
        self.parts.note(m, &probed(&server, &self.prompts)?)?;
        let ready = Ready::Server(&server);
        for (p, chunk) in items.chunks(work.size()).enumerate() {
            if ending.load(Ordering::SeqCst) {
                return Ok(());
            }
            let rows = chunk.len() * work.each();
            if self.parts.has(m, p) {
                meter.advance(rows, 0, true);
                continue;
            }
            let part = work.make(&ready, p, chunk, meter)?;
            self.check_files(work, m, items, false)?;
            self.parts.write(m, p, &part)?;
            meter.advance(rows, part.log_probs.len(), false);
        }
        self.check_files(work, m, items, true)
    }
}

/// A model's name as the name of a file.
fn file_name(name: &str) -> String {
    name.replace(|c: char| !c.is_alphanumeric() && !"-_.=+".contains(c), "_")
}
