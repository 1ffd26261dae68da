//! The score table: what each model thinks of each response.

mod build;
mod write;

use std::path::PathBuf;

pub use write::{ScoreRow, ScoreWriter, write_scores};

use crate::error::{Error, Result, list};
use crate::intern::recode;
use crate::log::{LogOptions, Logs};
use crate::order::{by_step, permute};
use crate::reader::for_each_chunk;
use crate::schema::{Layout, Table, score};

/// How to read a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// Keep the rows that every model has, instead of refusing a table in which one lacks some.
    pub intersect: bool,
    /// Keep only the rows of a score table with this source; those of others may then be incomplete.
    pub source: Option<String>,
    /// Leave out this model of a score table, both what it says and what it wrote, if it is there.
    pub without: Option<String>,
    /// Read the column `tokens` of a score table.
    pub tokens: bool,
    /// Read the column `token_logprobs` of a score table.
    pub token_logprobs: bool,
    /// Read the column `answer`.
    pub answers: bool,
    /// How to read other tools' logs.
    pub log: LogOptions,
    /// Read the columns `text` of a sample table, which every sample must have then, and `prompt` and `gold`. Rewards
    /// may be missing: whoever reads texts judges them.
    pub texts: bool,
}

/// Log-probabilities of the same responses under several models, one column for each.
///
/// Row `i` is the response `responses[response[i]]` to `prompts[prompt[i]]`, written by
/// `sources[source[i]]`; `logprob[m][i]` is what `models[m]` gives it, in nats: finite or
/// negative infinity, never NaN and never above 0. Models, names and rows stand in the order of
/// their first appearance, save that checkpoints of one run stand by their steps (`step-20` before
/// `step-100`); every name is used by some row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreTable {
    /// The models.
    pub models: Vec<String>,
    /// Who wrote the responses: `data`, or a model.
    pub sources: Vec<String>,
    /// The source of each row, as a position in `sources`.
    pub source: Vec<u32>,
    /// The prompts; rows that share one are a cluster.
    pub prompts: Vec<String>,
    /// The prompt of each row, as a position in `prompts`.
    pub prompt: Vec<u32>,
    /// The response identifiers.
    pub responses: Vec<String>,
    /// The response of each row, as a position in `responses`.
    pub response: Vec<u32>,
    /// The classes of prompts; empty if the table has none.
    pub groups: Vec<String>,
    /// The class of each row, as a position in `groups`.
    pub group: Option<Vec<u32>>,
    /// The final answers; empty unless asked for and given.
    pub answers: Vec<String>,
    /// The final answer of each row, as a position in `answers`, if asked for and given.
    pub answer: Option<Vec<u32>>,
    /// The sampling weight of each row; `None` means that all are 1.
    pub weight: Option<Vec<f64>>,
    /// The length of each response in tokens, if asked for and given: the largest that a model
    /// reports, as models with different tokenizers count differently.
    pub tokens: Option<Vec<u32>>,
    /// Number of responses in the files that [`ReadOptions::source`] left out.
    pub of_other_sources: usize,
    /// Log-probabilities, `[model][row]`, in nats.
    pub logprob: Vec<Vec<f64>>,
    /// Log-probabilities token by token, `[model][row][token]`, if asked for and given.
    pub token_logprobs: Option<Vec<Vec<Vec<f32>>>>,
    /// What a user should know of the other tools' logs among the inputs.
    pub remarks: Vec<String>,
}

impl ScoreTable {
    /// Reads a score table from files, folders, globs, a run folder, or `-` for standard input.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("scores.csv");
    /// use breadth_data::{ReadOptions, ScoreTable};
    /// std::fs::write(&path, "model,prompt_id,logprob\na,p1,-1.5\na,p2,-inf\nb,p2,-2\nb,p1,0\n")?;
    /// let table = ScoreTable::read(&[path], &ReadOptions::default())?;
    /// assert_eq!(table.models, ["a", "b"]);
    /// assert_eq!(table.logprob, [[-1.5, f64::NEG_INFINITY], [0.0, -2.0]]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Whatever would make a number wrong: see [`Error`]. A log-probability above 0 is one, save
    /// that rounding up to 1e-3 is forgiven and set to 0.
    pub fn read(inputs: &[PathBuf], options: &ReadOptions) -> Result<Self> {
        let last = match (options.token_logprobs, options.tokens, options.answers) {
            (true, ..) => score::TOKEN_LOGPROBS,
            (_, true, _) => score::TOKENS,
            (.., true) => score::ANSWER,
            _ => score::WEIGHT,
        };
        let layout = Layout {
            table: Table::Scores,
            fields: score::FIELDS[..=last].to_vec(),
        };
        let mut builder = build::Builder::default();
        let remarks = for_each_chunk(inputs, &layout, options, |chunk| builder.push(&chunk))?;
        let mut table = builder.finish(options)?;
        table.remarks = remarks;
        if let Some(order) = by_step(&table.models) {
            permute(&mut table.models, &order);
            permute(&mut table.logprob, &order);
            if let Some(lists) = &mut table.token_logprobs {
                permute(lists, &order);
            }
        }
        Ok(table)
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.prompt.len()
    }

    /// The log-probabilities of one model, one for each row, in nats.
    ///
    /// # Errors
    /// [`Error::UnknownModel`], which lists the models there are.
    pub fn column(&self, model: &str) -> Result<&[f64]> {
        let at = self.models.iter().position(|known| known == model);
        at.map(|at| &self.logprob[at][..])
            .ok_or_else(|| Error::UnknownModel {
                model: model.into(),
                known: list(&self.models),
            })
    }

    /// The rows whose source is `source`, alone.
    ///
    /// # Errors
    /// [`Error::UnknownSource`] if there is none.
    pub fn with_source(&self, source: &str) -> Result<Self> {
        let Some(code) = self.sources.iter().position(|known| known == source) else {
            return Err(Error::UnknownSource {
                wanted: source.into(),
                known: list(&self.sources),
            });
        };
        let of_source = |&row: &u32| row as usize == code;
        let keep: Vec<bool> = self.source.iter().map(of_source).collect();
        Ok(self.clone().keep(&keep))
    }

    /// Keeps some rows, and the names that these use.
    fn keep(mut self, keep: &[bool]) -> Self {
        retain(&mut self.source, keep);
        retain(&mut self.prompt, keep);
        retain(&mut self.response, keep);
        recode(&mut self.source, &mut self.sources);
        recode(&mut self.prompt, &mut self.prompts);
        recode(&mut self.response, &mut self.responses);
        if let Some(group) = &mut self.group {
            retain(group, keep);
            recode(group, &mut self.groups);
        }
        if let Some(answer) = &mut self.answer {
            retain(answer, keep);
            recode(answer, &mut self.answers);
        }
        self.weight
            .iter_mut()
            .for_each(|weight| retain(weight, keep));
        self.tokens
            .iter_mut()
            .for_each(|tokens| retain(tokens, keep));
        self.logprob
            .iter_mut()
            .for_each(|column| retain(column, keep));
        for column in self.token_logprobs.iter_mut().flatten() {
            retain(column, keep);
        }
        self
    }
}

/// The table that logs make.
pub(crate) fn of_logs(logs: &Logs, options: &ReadOptions) -> Result<ScoreTable> {
    let layout = Layout {
        table: Table::Scores,
        fields: score::FIELDS[..=score::WEIGHT].to_vec(),
    };
    let mut builder = build::Builder::default();
    let mut chunks = logs.chunks(&layout)?.into_iter();
    chunks.try_for_each(|chunk| builder.push(&chunk))?;
    builder.finish(options)
}

fn retain<T>(values: &mut Vec<T>, keep: &[bool]) {
    let mut kept = keep.iter();
    values.retain(|_| *kept.next().expect("one flag for each row"));
}
