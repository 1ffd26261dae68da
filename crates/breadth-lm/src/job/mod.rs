//! Many models over many responses, into a table: in parts, so that a killed job goes on where it
//! was.

mod model;
mod opened;
mod part;
mod serve;
mod together;

pub use model::{Model, Serving};
pub use opened::JobProgress;

use std::path::Path;

use breadth_data::{SampleRow, SampleWriter, ScoreRow, ScoreWriter};

use crate::decode::{Ttt, sample, sample_ttt, score, score_ttt, sequence_log_prob};
use crate::error::{Error, Result};
use crate::generation::{Sample, Sampling, Sequence, Stop};
use crate::model::Checkpoint;
use crate::text::{Item, Text};
use crate::verifier::{Judged, Judgement, Tally, Verifier};
use model::{Ready, sample_server, score_server, sequence};
use opened::{Asked, Meter, Opened, Work};
use part::Part;

/// Responses scored between two saves.
const SCORE_PART: usize = 1024;
/// Responses sampled between two saves, or those to one prompt.
const SAMPLE_PART: usize = 2048;

/// What a job that came to its end has to tell beside its table.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Finished {
    /// How often the verifier's program failed, if it is one.
    pub tally: Option<Tally>,
    /// What a person should see: the folder of parts stays where it holds what no job wrote.
    pub warning: Option<String>,
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
    pub fn run(&self, progress: &mut dyn FnMut(JobProgress)) -> Result<Finished> {
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
        Ok(Finished {
            tally: None,
            warning: opened.parts.remove()?,
        })
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

    fn check(
        &self,
        part: &Part,
        items: &[Item],
        _: Option<usize>,
    ) -> std::result::Result<(), String> {
        if !part.tokens.is_empty() {
            return Err("holds tokens, which the data say".into());
        }
        for (item, &length) in items.iter().zip(&part.lengths) {
            let tokens = item.response.len();
            if tokens != length as usize {
                return Err(format!(
                    "holds {length} numbers for a response of {tokens} tokens ({})",
                    item.place()
                ));
            }
        }
        Ok(())
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
    pub fn run(&self, progress: &mut dyn FnMut(JobProgress)) -> Result<Finished> {
        check_ttt(self.models, self.ttt)?;
        self.verifier.check_all(self.items, self.text)?;
        self.sampling.check()?;
        let longest = self.sampling.max_tokens;
        self.models
            .iter()
            .try_for_each(|m| m.check_prompts(self.items, longest))?;
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
        Ok(Finished {
            tally,
            warning: opened.parts.remove()?,
        })
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
        // Where a response ends depends on the text that its tokens are, too.
        let decoder = stop
            .as_ref()
            .map(Stop::decoder)
            .filter(|own| !own.is_empty());
        let strings = stop.as_ref().map(Stop::strings).unwrap_or_default();
        for string in strings.iter().map(String::as_str).chain(decoder) {
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

    fn check(
        &self,
        part: &Part,
        _: &[Item],
        vocab_size: Option<usize>,
    ) -> std::result::Result<(), String> {
        if part.tokens.len() != part.log_probs.len() {
            return Err("does not hold the tokens of its responses".into());
        }
        let most = self.sampling.max_tokens;
        if let Some(length) = part.lengths.iter().find(|&&n| n as usize > most) {
            return Err(format!(
                "holds a response of {length} tokens, where {most} are the most"
            ));
        }
        let size = vocab_size.unwrap_or(usize::MAX);
        match part.tokens.iter().find(|&&id| id as usize >= size) {
            Some(id) => Err(format!(
                "holds token {id}, and the model's vocabulary has {size}"
            )),
            None => Ok(()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn part(lengths: &[u32], tokens: &[u32]) -> Part {
        let total: u32 = lengths.iter().sum();
        Part {
            lengths: lengths.to_vec(),
            tokens: tokens.to_vec(),
            log_probs: vec![-1.0; total as usize],
        }
    }

    /// Parts lie in a folder of their own between two runs, where anything may have edited them.
    #[test]
    fn a_part_that_was_kept_is_one_of_the_items() {
        let item = |response: &[u32]| Item {
            prompt_id: "p".into(),
            prompt: vec![1],
            response: response.to_vec(),
            ..Item::default()
        };
        let items = [item(&[5, 6]), item(&[7])];
        let score = ScoreJob {
            models: &[],
            items: &items,
            references: &[],
            out: Path::new("a.parquet"),
            token_log_probs: false,
            ttt: None,
            command: "",
        };
        let said = |part: Part| score.check(&part, &items, Some(9));
        assert_eq!(said(part(&[2, 1], &[])), Ok(()));
        let other = "holds 1 numbers for a response of 2 tokens (prompt_id p)";
        assert_eq!(said(part(&[1, 2], &[])), Err(other.into()));
        assert!(said(part(&[2, 1], &[5, 6, 7])).is_err());
        let sample = SampleJob {
            models: &[],
            items: &items,
            sampling: Sampling {
                max_tokens: 2,
                ..Sampling::default()
            },
            ttt: None,
            verifier: &Verifier::exact(),
            text: None,
            keep_text: false,
            out: Path::new("a.parquet"),
            command: "",
        };
        let stopped = |decoder: &str| {
            let stop = Stop::new(vec!["e".into()], |_| String::new()).decoded_by(decoder);
            let sampling = Sampling {
                stop: Some(stop),
                ..sample.sampling.clone()
            };
            SampleJob { sampling, ..sample }.settings()
        };
        assert_eq!(stopped("a"), stopped("a"));
        assert_ne!(
            stopped("a"),
            stopped("b"),
            "another tokenizer stops elsewhere"
        );
        let said = |part: Part, size| sample.check(&part, &items, size);
        assert_eq!(said(part(&[2, 1], &[5, 6, 8]), Some(9)), Ok(()));
        let outside = "holds token 9, and the model's vocabulary has 9";
        assert_eq!(
            said(part(&[2, 1], &[5, 9, 8]), Some(9)),
            Err(outside.into())
        );
        assert_eq!(said(part(&[2, 1], &[5, 9, 8]), None), Ok(()));
        let none = "does not hold the tokens of its responses";
        assert_eq!(said(part(&[2, 1], &[]), None), Err(none.into()));
        let long = "holds a response of 3 tokens, where 2 are the most";
        assert_eq!(said(part(&[3, 0], &[1, 1, 1]), None), Err(long.into()));
    }
}
