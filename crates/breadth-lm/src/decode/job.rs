//! Many models over many responses, into a table: in parts, so that a killed job goes on where it was.

use std::path::{Path, PathBuf};

use breadth_data::{Provenance, SampleRow, SampleWriter, ScoreRow, ScoreWriter};

use super::part::{Part, Parts};
use super::sample::{Sample, SampleOptions, sample};
use super::score::{score, sequence_log_prob};
use super::ttt::{Ttt, score_ttt};
use super::verifier::{Judged, Judgement, Tally, Verifier};
use crate::error::{Error, Result};
use crate::model::{Checkpoint, Sequence};
use crate::text::{Item, Text};

/// Responses scored between two saves.
const SCORE_PART: usize = 1024;
/// Prompts sampled between two saves.
const SAMPLE_PART: usize = 128;

/// What the caller hears after every part.
#[derive(Clone, Copy, Debug)]
pub struct JobProgress {
    /// Items done, over all models.
    pub done: u64,
    /// Items in all.
    pub total: u64,
    /// Tokens of the items just done.
    pub tokens: u64,
}

/// Scores the responses of `items` under every model and writes a score table.
pub struct ScoreJob<'a> {
    /// Names and folders.
    pub models: &'a [(String, PathBuf)],
    /// Prompts and responses.
    pub items: &'a [Item],
    /// Further columns of log-probabilities by model name: an exact law, say. They come first in the table.
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
    /// # Errors
    /// If a checkpoint cannot be read or take an item, or the file system refuses.
    pub fn run(&self, progress: &mut dyn FnMut(JobProgress)) -> Result<()> {
        let models = load(self.models)?;
        for (checkpoint, _) in &models {
            for item in self.items {
                sequence(item)
                    .check(&checkpoint.config, &format!("prompt_id {}", item.prompt_id))?;
            }
        }
        let parts = Parts::open(
            self.out,
            &identity("score", &models, self.items, &[], self.ttt),
        )?;
        let provenance = provenance(self.command, None, self.models, &models);
        let mut writer = ScoreWriter::create(self.out, &provenance)?;
        for (name, column) in self.references {
            for (item, &logprob) in self.items.iter().zip(column) {
                writer.push(&ScoreRow {
                    logprob,
                    ..self.row(name, item)
                })?;
            }
        }
        let total = (models.len() * self.items.len()) as u64;
        let mut done = 0;
        for (m, (checkpoint, _)) in models.iter().enumerate() {
            for (p, items) in self.items.chunks(SCORE_PART).enumerate() {
                let part = parts.get(m, p, || score_part(checkpoint, items, self.ttt))?;
                let name = name_of(&self.models[m].0, self.ttt);
                self.write_part(&mut writer, &name, items, &part)?;
                done += items.len() as u64;
                let tokens = items.iter().map(|i| sequence(i).inputs() as u64).sum();
                progress(JobProgress {
                    done,
                    total,
                    tokens,
                });
            }
        }
        writer.finish()?;
        parts.remove()
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

fn sequence(item: &Item) -> Sequence<'_> {
    Sequence {
        prompt: &item.prompt,
        response: &item.response,
    }
}

/// The name of a model in a table: with test-time training it is another model.
fn name_of(model: &str, ttt: Option<&Ttt>) -> String {
    match ttt {
        Some(ttt) => format!("{model}+ttt({ttt})"),
        None => model.to_owned(),
    }
}

fn score_part(checkpoint: &Checkpoint, items: &[Item], ttt: Option<&Ttt>) -> Result<Part> {
    let sequences: Vec<Sequence> = items.iter().map(sequence).collect();
    let lists = match ttt {
        Some(ttt) => score_ttt(checkpoint, &sequences, ttt)?,
        None => score(checkpoint, &sequences)?,
    };
    Ok(Part {
        lengths: lists.iter().map(|l| l.len() as u32).collect(),
        tokens: Vec::new(),
        log_probs: lists.concat(),
    })
}

/// Draws responses to the prompts of `items` from every model and writes a sample table.
pub struct SampleJob<'a> {
    /// Names and folders.
    pub models: &'a [(String, PathBuf)],
    /// Prompts; responses are what [`Verifier::Exact`] compares with.
    pub items: &'a [Item],
    /// Responses per prompt.
    pub samples: usize,
    /// Longest response.
    pub max_tokens: usize,
    /// Tokens that end a response.
    pub end_tokens: &'a [u32],
    /// Seed; every model draws from the same streams.
    pub seed: u64,
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
    /// # Errors
    /// If a checkpoint cannot be read or take a prompt, the verifier lacks something or fails, or the file system refuses.
    pub fn run(&self, progress: &mut dyn FnMut(JobProgress)) -> Result<Option<Tally>> {
        let models = load(self.models)?;
        self.verifier.check_all(self.items, self.text)?;
        let settings = [self.samples as u64, self.max_tokens as u64, self.seed];
        let ends = self.end_tokens.iter().map(|&t| u64::from(t));
        let settings: Vec<u64> = settings.into_iter().chain(ends).collect();
        let parts = Parts::open(
            self.out,
            &identity("sample", &models, self.items, &settings, self.ttt),
        )?;
        let provenance = provenance(self.command, Some(self.seed), self.models, &models);
        let mut writer = SampleWriter::create(self.out, &provenance)?;
        let total = (models.len() * self.items.len() * self.samples) as u64;
        let mut done = 0;
        for (m, (checkpoint, _)) in models.iter().enumerate() {
            for (p, items) in self.items.chunks(SAMPLE_PART).enumerate() {
                let part = parts.get(m, p, || self.sample_part(checkpoint, p, items))?;
                let name = name_of(&self.models[m].0, self.ttt);
                self.write_part(&mut writer, &name, items, &part)?;
                done += (items.len() * self.samples) as u64;
                progress(JobProgress {
                    done,
                    total,
                    tokens: part.log_probs.len() as u64,
                });
            }
        }
        let tally = self.verifier.finish()?;
        writer.finish()?;
        parts.remove()?;
        Ok(tally)
    }

    fn sample_part(&self, checkpoint: &Checkpoint, index: usize, items: &[Item]) -> Result<Part> {
        let prompts: Vec<&[u32]> = items.iter().map(|i| &i.prompt[..]).collect();
        let options = SampleOptions {
            samples: self.samples,
            max_tokens: self.max_tokens,
            end_tokens: self.end_tokens.to_vec(),
            seed: self.seed,
            first_prompt: (index * SAMPLE_PART) as u64,
            ttt: self.ttt.cloned(),
        };
        let mut part = Part::default();
        for Sample { tokens, log_probs } in sample(checkpoint, &prompts, &options)?.iter().flatten()
        {
            part.lengths.push(tokens.len() as u32);
            part.tokens.extend(tokens);
            part.log_probs.extend(log_probs);
        }
        Ok(part)
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
            let item = &items[i / self.samples];
            writer.push(&SampleRow {
                model: model.into(),
                prompt_id: item.prompt_id.clone(),
                response_id: (i % self.samples).to_string(),
                reward,
                answer,
                logprob: Some(sequence_log_prob(log_probs)),
                tokens: Some(tokens[i].len() as u32),
                text: self.keep_text.then_some(text),
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
        let ids: Vec<String> = (0..self.samples).map(|i| i.to_string()).collect();
        let judged = |i: usize| Judged {
            item: &items[i / self.samples],
            response_id: &ids[i % self.samples],
            tokens: tokens[i],
            text: &texts[i],
        };
        let batch: Vec<Judged> = (0..tokens.len()).map(judged).collect();
        self.verifier.judge(&batch)
    }
}

/// A model and its content hash.
type Loaded = (Checkpoint, String);

fn load(models: &[(String, PathBuf)]) -> Result<Vec<Loaded>> {
    if let Some((name, _)) = models
        .iter()
        .enumerate()
        .find_map(|(i, m)| models[..i].iter().any(|(n, _)| *n == m.0).then_some(m))
    {
        let message =
            "two checkpoint folders have this name; models in a table need names of their own";
        return Err(Error::data(format!("model {name}"), message));
    }
    let read = |(_, path): &(String, PathBuf)| {
        let checkpoint = Checkpoint::read(path)?;
        let hash = checkpoint.content_hash();
        Ok((checkpoint, hash))
    };
    models.iter().map(read).collect()
}

/// What the parts depend on: models, data, settings, version.
fn identity(
    command: &str,
    models: &[Loaded],
    items: &[Item],
    settings: &[u64],
    ttt: Option<&Ttt>,
) -> String {
    let mut hash = blake3::Hasher::new();
    for (_, content) in models {
        hash.update(content.as_bytes());
    }
    for item in items {
        for tokens in [&item.prompt, &item.response] {
            hash.update(&(tokens.len() as u64).to_le_bytes());
            hash.update(bytemuck::cast_slice(tokens));
        }
    }
    hash.update(bytemuck::cast_slice(settings));
    if let Some(ttt) = ttt {
        hash.update(ttt.to_string().as_bytes());
    }
    format!(
        "{command} {} {}",
        env!("CARGO_PKG_VERSION"),
        hash.finalize().to_hex()
    )
}

fn provenance(
    command: &str,
    seed: Option<u64>,
    names: &[(String, PathBuf)],
    models: &[Loaded],
) -> Provenance {
    let hashes = names.iter().zip(models);
    Provenance {
        command: command.into(),
        seed,
        models: hashes
            .map(|((name, _), (_, hash))| (name.clone(), hash.clone()))
            .collect(),
        ..Provenance::default()
    }
}
