//! What reinforcement learning leaves: responses with their rewards, step by step.
//!
//! These logs do not number prompts or responses. A prompt is named by a hash of its text, the same
//! in every log, and its responses in the order in which they stand.

mod trl;
mod verl;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::entry::{Entry, Identity, fnv, short_id};
use super::source::Source;
use crate::error::{Place, Result};

pub(super) use trl::{is_completions, read as read_trl};
pub(super) use verl::read as read_verl;

/// One response, as both logs have it.
struct Rollout<'a> {
    place: Place,
    step: u64,
    prompt: &'a str,
    reward: f64,
    answer: Option<String>,
    identity: Option<Identity>,
}

/// Names models, prompts and responses.
struct Names<'a> {
    source: &'a Source<'a>,
    /// How many responses each model and prompt have.
    counts: HashMap<(u64, Arc<str>), u64>,
    /// The hash behind each name of a prompt.
    prompts: HashMap<Arc<str>, u128>,
}

impl<'a> Names<'a> {
    fn new(source: &'a Source<'a>) -> Self {
        Self {
            source,
            counts: HashMap::new(),
            prompts: HashMap::new(),
        }
    }

    fn entry(&mut self, rollout: Rollout) -> Result<Entry> {
        let prompt: Arc<str> = short_id(rollout.prompt).into();
        let hash = fnv(rollout.prompt.as_bytes());
        if *self.prompts.entry(prompt.clone()).or_insert(hash) != hash {
            let problem = "two prompts have the same hash; please report this";
            return Err(self.source.fault(rollout.place, "prompt", problem));
        }
        let count = self
            .counts
            .entry((rollout.step, prompt.clone()))
            .or_default();
        let response = count.to_string();
        *count += 1;
        Ok(Entry {
            place: rollout.place,
            model: model(self.source, rollout.step).into(),
            prompt,
            response,
            value: rollout.reward,
            tokens: None,
            answer: rollout.answer,
            group: None,
            identity: rollout.identity.map(Arc::new),
        })
    }
}

/// `step-40`, or `NAME/step-40` where the run has a name.
fn model(source: &Source, step: u64) -> String {
    match source.ask.model {
        Some(name) => format!("{name}/step-{step}"),
        None => format!("step-{step}"),
    }
}

/// The step that a file is named after: `40.jsonl`, `completions_00040.parquet`.
fn step_of_name(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let stem = name.split('.').next()?;
    let digits = stem.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}
