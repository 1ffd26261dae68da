//! A job under way: its output, which is held, its parts, and what they were made with.

use std::path::{Path, PathBuf};

use breadth_data::{OutputLock, Provenance, refuse_for_table};

use super::model::{Identity, Model, Ready, Row, check_names, check_same_weights};
use super::part::{Part, Parts};
use super::together::{Together, by_server};
use crate::decode::Ttt;
use crate::error::{Error, Result};
use crate::server::Server;
use crate::text::Item;

/// What the caller hears after every part, and from a server in between.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct JobProgress {
    /// Items done, over all models.
    pub done: u64,
    /// Items in all.
    pub total: u64,
    /// Tokens of the items just done.
    pub tokens: u64,
    /// Whether an earlier run did them.
    pub resumed: bool,
    /// Position of the model at work among the job's.
    pub model: usize,
}

/// Items whose prompts a server's probe may choose from.
const PROBED: usize = 64;

/// What a job does with a model: parts of a list of items.
pub(super) trait Work {
    /// Items of a part.
    fn size(&self) -> usize;

    /// Rows of an item.
    fn each(&self) -> usize;

    /// Checks that a part that was kept is one of these items, for a model of so many tokens where
    /// that is known.
    ///
    /// # Errors
    /// What it holds instead.
    fn check(
        &self,
        part: &Part,
        items: &[Item],
        vocab_size: Option<usize>,
    ) -> std::result::Result<(), String>;

    /// Makes part `index`.
    fn make(&self, ready: &Ready, index: usize, items: &[Item], meter: &mut Meter) -> Result<Part>;
}

/// Parts of which a server scores rows again, and how many rows of each.
const AGAIN: usize = 4;

/// Some rows of a part: first, last, and between.
fn some_rows<'a>(part: &'a Part, items: &'a [Item], each: usize) -> Vec<Row<'a>> {
    let tokens: Vec<&[u32]> = if part.tokens.is_empty() {
        Vec::new()
    } else {
        part.token_lists().collect()
    };
    let row = |(i, log_probs): (usize, &'a [f32])| {
        let item = &items[i / each];
        Row {
            prompt: &item.prompt,
            response: tokens.get(i).copied().unwrap_or(&item.response),
            log_probs,
            prompt_id: &item.prompt_id,
        }
    };
    let rows: Vec<(usize, &[f32])> = part.lists().enumerate().collect();
    let last = rows.len().saturating_sub(1);
    let mut chosen: Vec<usize> = (0..AGAIN).map(|k| last * k / (AGAIN - 1)).collect();
    chosen.dedup();
    let chosen = chosen.into_iter().filter_map(|i| rows.get(i).copied());
    chosen.map(row).collect()
}

/// Counts what is done, and tells.
pub(super) struct Meter<'a> {
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) model: usize,
    pub(super) progress: &'a mut dyn FnMut(JobProgress),
}

impl<'a> Meter<'a> {
    pub(super) fn new(total: usize, progress: &'a mut dyn FnMut(JobProgress)) -> Self {
        Self {
            done: 0,
            total: total as u64,
            model: 0,
            progress,
        }
    }

    /// So many items of the part under way are done.
    pub(super) fn within(&mut self, items: usize) {
        (self.progress)(JobProgress {
            done: self.done + items as u64,
            total: self.total,
            tokens: 0,
            resumed: false,
            model: self.model,
        });
    }

    /// So much of the whole is done, as a server's thread says.
    pub(super) fn tell(&mut self, done: u64, progress: JobProgress) {
        (self.progress)(JobProgress {
            done,
            total: self.total,
            ..progress
        });
    }

    /// A part is done.
    pub(super) fn advance(&mut self, items: usize, tokens: usize, resumed: bool) {
        self.done += items as u64;
        (self.progress)(JobProgress {
            done: self.done,
            total: self.total,
            tokens: tokens as u64,
            resumed,
            model: self.model,
        });
    }
}

/// What is asked of the models.
pub(super) struct Asked<'a> {
    /// `score` or `sample`.
    pub(super) name: &'a str,
    /// The command line.
    pub(super) command: &'a str,
    /// The numbers on which the rows depend.
    pub(super) settings: &'a [u64],
    pub(super) ttt: Option<&'a Ttt>,
}

/// The parts of a job, and what they were made with.
pub(super) struct Opened<'a> {
    pub(super) parts: Parts,
    pub(super) models: &'a [Model],
    pub(super) identities: Vec<Identity>,
    /// The models that are served, by server.
    pub(super) servers: Vec<Together>,
    /// Name and origin of each model.
    pub(super) origins: Vec<(String, String)>,
    /// Prompts for probes.
    pub(super) prompts: Vec<Vec<u32>>,
    /// Where the output of servers that are started goes.
    pub(super) logs: PathBuf,
}

impl<'a> Opened<'a> {
    /// Holds the output, probes every server, and opens the parts.
    pub(super) fn new(
        asked: Asked,
        models: &'a [Model],
        items: &[Item],
        out: &Path,
    ) -> Result<Self> {
        check_names(models)?;
        refuse_for_table(out)?;
        let servers = by_server(models)?;
        let lock = OutputLock::hold(out)?;
        let identities = models
            .iter()
            .map(Model::identity)
            .collect::<Result<Vec<_>>>()?;
        let prompts: Vec<Vec<u32>> = items
            .iter()
            .take(PROBED)
            .map(|i| i.prompt.clone())
            .collect();
        let probed = models.iter().map(|model| match model {
            Model::Server(server) => probed(server, &prompts).map(Some),
            // Nothing is known of a server before it is started.
            Model::Folder { .. } | Model::Served { .. } => Ok(None),
        });
        let probed = probed.collect::<Result<Vec<_>>>()?;
        let job = identity(&asked, models, &identities, items);
        // Nothing is written before here.
        let parts = Parts::open(lock, out, &job, asked.command)?;
        let mut origins = Vec::new();
        for (m, model) in models.iter().enumerate() {
            let origin = match &probed[m] {
                // That of the run that began the job stays: a resumed table is the same as any
                // other.
                Some(said) => format!("server {}", parts.note(m, said)?),
                None => identities[m].text().to_owned(),
            };
            origins.push((model.name().to_owned(), origin));
        }
        Ok(Self {
            parts,
            models,
            identities,
            servers,
            origins,
            prompts,
            logs: logs_beside(out),
        })
    }

    /// Gives all parts of a model to `take`, which says how many tokens they have; makes those that
    /// lack. The checkpoint is read when the first of them needs it: one is in memory at a time.
    pub(super) fn turn(
        &self,
        work: &dyn Work,
        m: usize,
        items: &[Item],
        meter: &mut Meter,
        take: &mut dyn FnMut(&[Item], &Part) -> Result<usize>,
    ) -> Result<()> {
        meter.model = m;
        let mut ready = None;
        let config = self.models[m].config().transpose()?;
        let vocab_size = config.map(|config| config.vocab_size);
        for (p, chunk) in items.chunks(work.size()).enumerate() {
            let rows = chunk.len() * work.each();
            let kept = self.kept(work, [m, p], chunk, vocab_size)?;
            let resumed = kept.is_some();
            let part = match kept {
                Some(part) => part,
                None => {
                    if ready.is_none() {
                        meter.within(0);
                        self.check_server(work, m, items)?;
                        ready = Some(Ready::new(&self.models[m])?);
                        self.check_files(work, m, items, false)?;
                    }
                    let part = work.make(ready.as_ref().expect("made above"), p, chunk, meter)?;
                    self.check_files(work, m, items, false)?;
                    self.check_numbers(m, chunk, work.each(), &part)?;
                    self.parts.write(m, p, &part)?;
                    part
                }
            };
            let tokens = take(chunk, &part)?;
            if let Model::Served { .. } = &self.models[m] {
                meter.done += rows as u64; // told when it was made
            } else {
                meter.advance(rows, tokens, resumed);
            }
        }
        if ready.is_some() {
            self.check_files(work, m, items, true)?;
        }
        self.check_server(work, m, items)
    }

    /// A part that was kept.
    fn kept(
        &self,
        work: &dyn Work,
        [m, p]: [usize; 2],
        chunk: &[Item],
        vocab_size: Option<usize>,
    ) -> Result<Option<Part>> {
        let kept = self.parts.read(m, p, chunk.len() * work.each())?;
        if let Some(part) = &kept {
            let checked = work.check(part, chunk, vocab_size);
            checked.map_err(|what| self.parts.wrong(m, p, &what))?;
        }
        Ok(kept)
    }

    /// Refuses log-probabilities that are no numbers: they tell of a checkpoint, not of a row.
    fn check_numbers(&self, m: usize, chunk: &[Item], each: usize, part: &Part) -> Result<()> {
        let Model::Folder { path, .. } = &self.models[m] else {
            return Ok(()); // a server's replies were looked at
        };
        let is_wrong = |own: &[f32]| own.iter().any(|v| v.is_nan() || *v == f32::INFINITY);
        match part.lists().position(is_wrong) {
            Some(row) => Err(Error::not_a_number(path, &chunk[row / each].place())),
            None => Ok(()),
        }
    }

    /// Checks that a folder's files are those that the job began with; forgets its parts otherwise.
    pub(super) fn check_files(
        &self,
        work: &dyn Work,
        m: usize,
        items: &[Item],
        thorough: bool,
    ) -> Result<()> {
        let checked = self.identities[m].check(thorough);
        if checked.is_err() {
            self.parts.forget(m, items.len().div_ceil(work.size()))?;
        }
        checked
    }

    /// Checks that a server has the weights of the parts that are finished, by some rows of some of
    /// them, the first and the last among them.
    fn check_server(&self, work: &dyn Work, m: usize, items: &[Item]) -> Result<()> {
        let Model::Server(server) = &self.models[m] else {
            return Ok(());
        };
        let mut finished = Vec::new();
        let chunks = items.chunks(work.size()).enumerate();
        let mut ends: Vec<(usize, &[Item])> = chunks.collect();
        ends.retain(|(p, _)| self.parts.has(m, *p));
        let last = ends.len().saturating_sub(1);
        let mut some: Vec<usize> = (0..AGAIN).map(|k| last * k / (AGAIN - 1)).collect();
        some.dedup();
        let ends = some.into_iter().filter_map(|at| ends.get(at).copied());
        for (p, chunk) in ends {
            let part = self.kept(work, [m, p], chunk, None)?;
            finished.extend(part.map(|part| (part, chunk)));
        }
        let rows = finished.iter();
        let rows: Vec<Row> = rows
            .flat_map(|(part, chunk)| some_rows(part, chunk, work.each()))
            .collect();
        check_same_weights(server, &rows)
    }

    pub(super) fn provenance(&self, command: &str, seed: Option<u64>) -> Provenance {
        let served = |(m, (name, origin)): (usize, &(String, String))| {
            let origin = match &self.models[m] {
                Model::Served { .. } => {
                    let probed = self.parts.noted(m).unwrap_or_default();
                    format!("{} server {probed}", self.identities[m].text())
                }
                _ => origin.clone(),
            };
            (name.clone(), origin)
        };
        Provenance {
            command: command.into(),
            seed,
            models: self.origins.iter().enumerate().map(served).collect(),
            ..Provenance::default()
        }
    }
}

/// Where the output of a job's servers goes: `OUT.serve`.
fn logs_beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_os_string();
    name.push(".serve");
    out.with_file_name(name)
}

/// What the probe of a server says of it.
pub(super) fn probed(server: &Server, prompts: &[Vec<u32>]) -> Result<String> {
    let report = server.probe(prompts)?;
    match report.refusal() {
        Some(refusal) => Err(refusal),
        None => Ok(format!(
            "{}, model {}, {}",
            report.software,
            report.model,
            report.summary()
        )),
    }
}

/// What the parts depend on: models, data, settings, version; and, as a word of its own, how the
/// servers are started.
fn identity(asked: &Asked, models: &[Model], identities: &[Identity], items: &[Item]) -> String {
    let mut hash = blake3::Hasher::new();
    let mut commands = None;
    for (model, identity) in models.iter().zip(identities) {
        let text = identity.text();
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
        // A server computes otherwise than we do, and as its command says.
        if let Model::Served { serving, .. } = model {
            hash.update(b"served");
            let command = serving.command.text();
            let commands = commands.get_or_insert_with(blake3::Hasher::new);
            commands.update(&(command.len() as u64).to_le_bytes());
            commands.update(command.as_bytes());
        }
    }
    for item in items {
        for tokens in [&item.prompt, &item.response] {
            hash.update(&(tokens.len() as u64).to_le_bytes());
            hash.update(bytemuck::cast_slice(tokens));
        }
    }
    hash.update(bytemuck::cast_slice(asked.settings));
    if let Some(ttt) = asked.ttt {
        hash.update(ttt.to_string().as_bytes());
    }
    let commands = commands.map(|hash| format!(" {}", hash.finalize().to_hex()));
    format!(
        "{} {} {}{}",
        asked.name,
        env!("CARGO_PKG_VERSION"),
        hash.finalize().to_hex(),
        commands.unwrap_or_default()
    )
}
