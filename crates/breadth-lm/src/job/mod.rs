//! Many models over many responses, into a table: in parts, so that a killed job goes on where it
//! was.

mod model;
mod part;
mod serve;

pub use model::Model;
pub use serve::Serving;

use std::path::{Path, PathBuf};

use breadth_data::{OutputLock, Provenance, SampleRow, SampleWriter, ScoreRow, ScoreWriter};

use crate::decode::{Ttt, sample, sample_ttt, score, score_ttt, sequence_log_prob};
use crate::error::{Error, Result};
use crate::generation::{Sample, Sampling, Sequence, Stop};
use crate::model::Checkpoint;
use crate::server::Server;
use crate::text::{Item, Text};
use crate::verifier::{Judged, Judgement, Tally, Verifier};
use model::{
    Identity, Ready, Row, check_names, check_same_weights, sample_server, score_server, sequence,
};
use part::{Part, Parts};

/// Responses scored between two saves.
const SCORE_PART: usize = 1024;
/// Responses sampled between two saves, or those to one prompt.
const SAMPLE_PART: usize = 2048;
/// Items whose prompts a server's probe may choose from.
const PROBED: usize = 64;

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
}

/// Scores the responses of `items` under every model and writes a score table.
pub struct ScoreJob<'a> {
    /// Checkpoints and servers.
    pub models: &'a [Model],
    /// Prompts and responses.
    pub items: &'a [Item],
    /// Further columns of log-probabilities by model name: an exact distribution, say. They come
    /// first in the table.
    pub references: &'a [(String, Vec<f64>)],
    /// Where the table goes.
    pub out: &'a Path,
    /// Whether to keep `token_logprobs`.
    pub token_log_probs: bool,
    /// Test-time training along every response.
    pub ttt: Option<&'a Ttt>,
    /// The command line, for the provenance.
    pub command: &'a str,
}

impl ScoreJob<'_> {
    /// Does the job, or what is left of it.
    ///
    /// The output is held meanwhile, so that no other job writes it.
    ///
    /// # Errors
    /// If a checkpoint cannot be read, changes meanwhile, or cannot take an item; if a server's
    /// weights are others than those of parts that were finished before; if another job writes the
    /// output, or left parts of it; or if the file system refuses.
    pub fn run(&self, progress: &mut dyn FnMut(JobProgress)) -> Result<()> {
        check_ttt(self.models, self.ttt)?;
        self.models.iter().try_for_each(|m| m.check(self.items))?;
        let opened = Opened::new(
            Asked {
                name: "score",
                command: self.command,
                settings: &[],
                ttt: self.ttt,
            },
            self.models,
            self.items,
            self.out,
        )?;
        let mut meter = Meter::new(self.models.len() * self.items.len(), progress);
        opened.serve(self, self.items, &mut meter)?;
        let mut writer = ScoreWriter::create(self.out, &opened.provenance(self.command, None))?;
        for (name, column) in self.references {
            for (item, &logprob) in self.items.iter().zip(column) {
                writer.push(&ScoreRow {
                    logprob,
                    ..self.row(name, item)
                })?;
            }
        }
        for (m, model) in self.models.iter().enumerate() {
            let name = name_of(model.name(), self.ttt);
            opened.turn(self, m, self.items, &mut meter, &mut |items, part| {
                self.write_part(&mut writer, &name, items, part)?;
                Ok(items.iter().map(|i| sequence(i).inputs()).sum())
            })?;
        }
        writer.finish()?;
        opened.parts.remove()
    }

    fn row(&self, model: &str, item: &Item) -> ScoreRow {
        ScoreRow {
            source: "data".into(),
            prompt_id: item.prompt_id.clone(),
            response_id: item.response_id.clone(),
            model: model.into(),
            tokens: Some(item.response.len() as u32),
            group: item.group.clone(),
            weight: item.weight,
            ..ScoreRow::default()
        }
    }

    fn write_part(
        &self,
        writer: &mut ScoreWriter,
        model: &str,
        items: &[Item],
        part: &Part,
    ) -> Result<()> {
        for (item, log_probs) in items.iter().zip(part.lists()) {
            writer.push(&ScoreRow {
                logprob: sequence_log_prob(log_probs),
                token_logprobs: self.token_log_probs.then(|| log_probs.to_vec()),
                ..self.row(model, item)
            })?;
        }
        Ok(())
    }
}

/// The name of a model in a table: with test-time training it is another model.
fn name_of(model: &str, ttt: Option<&Ttt>) -> String {
    match ttt {
        Some(ttt) => format!("{model}+ttt({ttt})"),
        None => model.to_owned(),
    }
}

impl Work for ScoreJob<'_> {
    fn size(&self) -> usize {
        SCORE_PART
    }

    fn each(&self) -> usize {
        1
    }

    fn make(&self, ready: &Ready, _: usize, items: &[Item], meter: &mut Meter) -> Result<Part> {
        let sequences: Vec<Sequence> = items.iter().map(sequence).collect();
        let lists = match (ready, self.ttt) {
            (Ready::Server(server), _) => score_server(server, items, &mut |n| meter.within(n))?,
            (Ready::Checkpoint(checkpoint), Some(ttt)) => score_ttt(checkpoint, &sequences, ttt)?,
            (Ready::Checkpoint(checkpoint), None) => score(checkpoint, &sequences)?,
        };
        Ok(Part {
            lengths: lists.iter().map(|l| l.len() as u32).collect(),
            tokens: Vec::new(),
            log_probs: lists.concat(),
        })
    }
}

/// Draws responses to the prompts of `items` from every model and writes a sample table.
pub struct SampleJob<'a> {
    /// Checkpoints and servers.
    pub models: &'a [Model],
    /// Prompts; responses are what [`Verifier::exact`] compares with.
    pub items: &'a [Item],
    /// How responses are sampled; every model draws from the same streams. Prompts are counted from
    /// `first_prompt`.
    pub sampling: Sampling,
    /// Test-time training along every response.
    pub ttt: Option<&'a Ttt>,
    /// What gives the reward.
    pub verifier: &'a Verifier,
    /// Turns tokens to text, for verifiers that read it and for the table.
    pub text: Option<&'a Text>,
    /// Whether the table has a column `text`: the responses without special tokens.
    pub keep_text: bool,
    /// Where the table goes.
    pub out: &'a Path,
    /// The command line, for the provenance.
    pub command: &'a str,
}

impl SampleJob<'_> {
    /// Does the job, or what is left of it.
    ///
    /// The output is held meanwhile, so that no other job writes it.
    ///
    /// # Errors
    /// As [`ScoreJob::run`], or if the verifier lacks something or fails.
    pub fn run(&self, progress: &mut dyn FnMut(JobProgress)) -> Result<Option<Tally>> {
        check_ttt(self.models, self.ttt)?;
        self.verifier.check_all(self.items, self.text)?;
        self.sampling.check()?;
        let opened = Opened::new(
            Asked {
                name: "sample",
                command: self.command,
                settings: &self.settings(),
                ttt: self.ttt,
            },
            self.models,
            self.items,
            self.out,
        )?;
        let total = self.models.len() * self.items.len() * self.sampling.samples;
        let mut meter = Meter::new(total, progress);
        opened.serve(self, self.items, &mut meter)?;
        let provenance = opened.provenance(self.command, Some(self.sampling.seed));
        let mut writer = SampleWriter::create(self.out, &provenance)?;
        for (m, model) in self.models.iter().enumerate() {
            let name = name_of(model.name(), self.ttt);
            opened.turn(self, m, self.items, &mut meter, &mut |items, part| {
                self.write_part(&mut writer, &name, items, part)?;
                Ok(part.log_probs.len())
            })?;
        }
        let tally = self.verifier.finish()?;
        writer.finish()?;
        opened.parts.remove()?;
        Ok(tally)
    }

    /// The numbers on which the responses depend.
    fn settings(&self) -> Vec<u64> {
        let Sampling {
            samples,
            max_tokens,
            ref end_tokens,
            ref stop,
            temperature,
            top_k,
            top_p,
            seed,
            first_prompt: _,
        } = self.sampling;
        let mut settings = vec![samples as u64, max_tokens as u64, seed];
        settings.extend(end_tokens.iter().map(|&t| u64::from(t)));
        settings.extend([
            temperature.to_bits(),
            top_k.map_or(0, |k| k as u64),
            top_p.unwrap_or(1.0).to_bits(),
        ]);
        for string in stop.as_ref().map(Stop::strings).unwrap_or_default() {
            settings.push(string.len() as u64);
            settings.extend(string.bytes().map(u64::from));
        }
        settings
    }

    fn sample_checkpoint(
        &self,
        checkpoint: &Checkpoint,
        items: &[Item],
        sampling: &Sampling,
    ) -> Result<Vec<Vec<Sample>>> {
        let prompts: Vec<&[u32]> = items.iter().map(|i| &i.prompt[..]).collect();
        match self.ttt {
            Some(ttt) => sample_ttt(checkpoint, &prompts, sampling, ttt),
            None => sample(checkpoint, &prompts, sampling),
        }
    }

    fn write_part(
        &self,
        writer: &mut SampleWriter,
        model: &str,
        items: &[Item],
        part: &Part,
    ) -> Result<()> {
        let tokens: Vec<&[u32]> = part.token_lists().collect();
        let texts = self.texts(&tokens);
        let judgements = self.judge(items, &tokens, &texts)?;
        let judged = judgements.into_iter().zip(texts).zip(part.lists());
        for (i, ((Judgement { reward, answer }, text), log_probs)) in judged.enumerate() {
            let item = &items[i / self.sampling.samples];
            writer.push(&SampleRow {
                model: model.into(),
                prompt_id: item.prompt_id.clone(),
                response_id: (i % self.sampling.samples).to_string(),
                reward,
                answer,
                logprob: Some(sequence_log_prob(log_probs)),
                tokens: Some(tokens[i].len() as u32),
                text: self.keep_text.then_some(text),
                prompt: item.prompt_text.clone().filter(|_| self.keep_text),
                gold: item.answer.clone(),
                group: item.group.clone(),
            })?;
        }
        Ok(())
    }

    /// The responses as text, empty where nobody reads it.
    fn texts(&self, tokens: &[&[u32]]) -> Vec<String> {
        let is_read = self.keep_text || self.verifier.reads_text();
        match self.text.filter(|_| is_read) {
            Some(text) => tokens.iter().map(|ids| text.decode_plain(ids)).collect(),
            None => vec![String::new(); tokens.len()],
        }
    }

    fn judge(&self, items: &[Item], tokens: &[&[u32]], texts: &[String]) -> Result<Vec<Judgement>> {
        let ids: Vec<String> = (0..self.sampling.samples).map(|i| i.to_string()).collect();
        let judged = |i: usize| Judged {
            item: &items[i / self.sampling.samples],
            response_id: &ids[i % self.sampling.samples],
            tokens: tokens[i],
            text: &texts[i],
        };
        let batch: Vec<Judged> = (0..tokens.len()).map(judged).collect();
        self.verifier.judge(&batch)
    }
}

impl Work for SampleJob<'_> {
    fn size(&self) -> usize {
        (SAMPLE_PART / self.sampling.samples.max(1)).max(1)
    }

    fn each(&self) -> usize {
        self.sampling.samples
    }

    fn make(&self, ready: &Ready, index: usize, items: &[Item], meter: &mut Meter) -> Result<Part> {
        let sampling = Sampling {
            first_prompt: self.sampling.first_prompt + (index * self.size()) as u64,
            ..self.sampling.clone()
        };
        let drawn = match ready {
            Ready::Checkpoint(checkpoint) => {
                self.sample_checkpoint(checkpoint, items, &sampling)?
            }
            Ready::Server(server) => {
                sample_server(server, items, &sampling, &mut |n| meter.within(n))?
            }
        };
        let mut part = Part::default();
        for Sample { tokens, log_probs } in drawn.iter().flatten() {
            part.lengths.push(tokens.len() as u32);
            part.tokens.extend(tokens);
            part.log_probs.extend(log_probs);
        }
        Ok(part)
    }
}

/// What a job does with a model: parts of a list of items.
trait Work {
    /// Items of a part.
    fn size(&self) -> usize;

    /// Rows of an item.
    fn each(&self) -> usize;

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

fn check_ttt(models: &[Model], ttt: Option<&Ttt>) -> Result<()> {
    let server = models.iter().find(|m| !matches!(m, Model::Folder { .. }));
    match (server, ttt) {
        (Some(server), Some(_)) => {
            let message = "is behind a server; test-time training needs the weights in a folder";
            Err(Error::config(format!("model {}", server.name()), message))
        }
        _ => Ok(()),
    }
}

/// Counts what is done, and tells.
struct Meter<'a> {
    done: u64,
    total: u64,
    progress: &'a mut dyn FnMut(JobProgress),
}

impl<'a> Meter<'a> {
    fn new(total: usize, progress: &'a mut dyn FnMut(JobProgress)) -> Self {
        Self {
            done: 0,
            total: total as u64,
            progress,
        }
    }

    /// So many items of the part under way are done.
    fn within(&mut self, items: usize) {
        (self.progress)(JobProgress {
            done: self.done + items as u64,
            total: self.total,
            tokens: 0,
            resumed: false,
        });
    }

    /// So much of the whole is done, as a server's thread says.
    fn tell(&mut self, done: u64, progress: JobProgress) {
        (self.progress)(JobProgress {
            done,
            total: self.total,
            ..progress
        });
    }

    /// A part is done.
    fn advance(&mut self, items: usize, tokens: usize, resumed: bool) {
        self.done += items as u64;
        (self.progress)(JobProgress {
            done: self.done,
            total: self.total,
            tokens: tokens as u64,
            resumed,
        });
    }
}

/// What is asked of the models.
struct Asked<'a> {
    /// `score` or `sample`.
    name: &'a str,
    /// The command line.
    command: &'a str,
    /// The numbers on which the rows depend.
    settings: &'a [u64],
    ttt: Option<&'a Ttt>,
}

/// The parts of a job, and what they were made with.
struct Opened<'a> {
    parts: Parts,
    models: &'a [Model],
    identities: Vec<Identity>,
    /// Name and origin of each model.
    origins: Vec<(String, String)>,
    /// Prompts for probes.
    prompts: Vec<Vec<u32>>,
    /// Where the output of servers that are started goes.
    logs: PathBuf,
}

impl<'a> Opened<'a> {
    /// Holds the output, probes every server, and opens the parts.
    fn new(asked: Asked, models: &'a [Model], items: &[Item], out: &Path) -> Result<Self> {
        check_names(models)?;
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
            origins,
            prompts,
            logs: logs_beside(out),
        })
    }

    /// Gives all parts of a model to `take`, which says how many tokens they have; makes those that
    /// lack. The checkpoint is read when the first of them needs it: one is in memory at a time.
    fn turn(
        &self,
        work: &dyn Work,
        m: usize,
        items: &[Item],
        meter: &mut Meter,
        take: &mut dyn FnMut(&[Item], &Part) -> Result<usize>,
    ) -> Result<()> {
        let mut ready = None;
        for (p, chunk) in items.chunks(work.size()).enumerate() {
            let rows = chunk.len() * work.each();
            let kept = self.parts.read(m, p, rows)?;
            let resumed = kept.is_some();
            let part = match kept {
                Some(part) => part,
                None => {
                    if ready.is_none() {
                        self.check_server(work, m, items)?;
                        ready = Some(Ready::new(&self.models[m])?);
                        self.check_files(work, m, items, false)?;
                    }
                    let part = work.make(ready.as_ref().expect("made above"), p, chunk, meter)?;
                    self.check_files(work, m, items, false)?;
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

    /// Checks that a folder's files are those that the job began with; forgets its parts otherwise.
    fn check_files(&self, work: &dyn Work, m: usize, items: &[Item], thorough: bool) -> Result<()> {
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
            let part = self.parts.read(m, p, chunk.len() * work.each())?;
            finished.extend(part.map(|part| (part, chunk)));
        }
        let rows = finished.iter();
        let rows: Vec<Row> = rows
            .flat_map(|(part, chunk)| some_rows(part, chunk, work.each()))
            .collect();
        check_same_weights(server, &rows)
    }

    fn provenance(&self, command: &str, seed: Option<u64>) -> Provenance {
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
fn probed(server: &Server, prompts: &[Vec<u32>]) -> Result<String> {
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

/// What the parts depend on: models, data, settings, version.
fn identity(asked: &Asked, models: &[Model], identities: &[Identity], items: &[Item]) -> String {
    let mut hash = blake3::Hasher::new();
    for (model, identity) in models.iter().zip(identities) {
        let text = identity.text();
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
        // A server computes otherwise than we do.
        if matches!(model, Model::Served { .. }) {
            hash.update(b"served");
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
    format!(
        "{} {} {}",
        asked.name,
        env!("CARGO_PKG_VERSION"),
        hash.finalize().to_hex()
    )
}
