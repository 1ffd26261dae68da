//! The score table: what each model thinks of each response.

use crate::error::{Error, Result};
use crate::intern::recode;
use crate::message::list;
use crate::provenance::KnownModel;

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
    /// Number of responses in the files that [`ReadOptions::source`](crate::ReadOptions::source)
    /// left out.
    pub of_other_sources: usize,
    /// Log-probabilities, `[model][row]`, in nats.
    pub logprob: Vec<Vec<f64>>,
    /// Log-probabilities token by token, `[model][row][token]`, if asked for and given.
    pub token_logprobs: Option<Vec<Vec<Vec<f32>>>>,
    /// What a user should know of the inputs.
    pub remarks: Vec<String>,
    /// Names of models that are one and the same, as a file knows by hashes of their content.
    pub same: Vec<Vec<String>>,
    /// The models whose content the files know.
    pub known_models: Vec<KnownModel>,
}

impl ScoreTable {
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
    pub(super) fn keep(mut self, keep: &[bool]) -> Self {
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

fn retain<T>(values: &mut Vec<T>, keep: &[bool]) {
    let mut kept = keep.iter();
    values.retain(|_| *kept.next().expect("one flag for each row"));
}
