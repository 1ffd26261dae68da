//! A response with its reward, and how it, its prompt and its model are named.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::error::{Place, Result};
use crate::hash::fnv_1a;
use crate::log::entry::{Entries, Entry, Identity, NamedAfter, short_id};
use crate::log::source::{Source, id};

pub(super) const UNGRADED: &str = "responses whose reward is NaN or null";

/// One response, as all these logs have it.
pub(super) struct Rollout<'a> {
    pub(super) place: Place,
    pub(super) model: Arc<str>,
    pub(super) prompt: &'a str,
    pub(super) reward: f64,
    pub(super) text: Option<String>,
    pub(super) answer: Option<String>,
    /// The field of the right answer, and what it says.
    pub(super) gold: Option<(&'static str, String)>,
    /// What the log calls the example, which may share its text with others.
    pub(super) example: Option<String>,
}

/// Names prompts and responses.
pub(super) struct Names<'a> {
    source: &'a Source<'a>,
    /// How many responses each model and prompt have.
    counts: HashMap<(Arc<str>, Arc<str>), u64>,
    /// What is known of each prompt by its name.
    prompts: HashMap<Arc<str>, Prompt>,
}

struct Prompt {
    hash: u128,
    text: Arc<str>,
}

impl<'a> Names<'a> {
    pub(super) fn new(source: &'a Source<'a>) -> Self {
        Self {
            source,
            counts: HashMap::new(),
            prompts: HashMap::new(),
        }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, entries: &mut Entries, rollout: Rollout) -> Result<()> {
        entries.named = NamedAfter::Text;
        let entry = self.entry(rollout)?;
        entries.push(self.source, entry)
    }

    fn entry(&mut self, rollout: Rollout) -> Result<Entry> {
        // The prompt is what its name is made of.
        self.source
            .check_name(rollout.place, "prompt", rollout.prompt)?;
        let name: Arc<str> = match &rollout.example {
            Some(example) => format!("{}/{example}", short_id(rollout.prompt)).into(),
            None => short_id(rollout.prompt).into(),
        };
        let hash = fnv_1a(rollout.prompt.as_bytes());
        let text = || Prompt {
            hash,
            text: rollout.prompt.into(),
        };
        let prompt = self.prompts.entry(name.clone()).or_insert_with(text);
        if prompt.hash != hash {
            let problem = "two prompts have the same hash; please report this";
            return Err(self.source.fault(rollout.place, "prompt", problem));
        }
        let key = (rollout.model.clone(), name.clone());
        let count = self.counts.entry(key).or_default();
        let response = count.to_string();
        *count += 1;
        Ok(Entry {
            response,
            value: rollout.reward,
            answer: rollout.answer,
            text: rollout.text,
            question: Some(prompt.text.clone()),
            identity: rollout.gold.as_ref().map(identity),
            gold: rollout.gold.map(|(_, gold)| gold.into()),
            ..Entry::new(rollout.place, &rollout.model, name)
        })
    }
}

/// The expected answer belongs to the prompt.
fn identity((field, gold): &(&'static str, String)) -> Arc<Identity> {
    Arc::new(vec![(field, format!("{:032x}", fnv_1a(gold.as_bytes())))])
}

/// `7`, or `math/7` of an example of one of several tasks.
pub(super) fn example(task: Option<&Value>, number: Option<&Value>) -> Option<String> {
    let number = number.and_then(id)?;
    Some(match task.and_then(Value::as_str) {
        Some(task) => format!("{task}/{number}"),
        None => number,
    })
}

/// `step-40`, or `NAME/step-40` where the run has a name.
pub(super) fn of_step(source: &Source, step: u64) -> Arc<str> {
    match source.ask.model {
        Some(name) => format!("{name}/step-{step}").into(),
        None => format!("step-{step}").into(),
    }
}

/// The step that a file is named after: `40.jsonl`, `completions_00040.parquet`.
pub(super) fn step_of_name(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let stem = name.split('.').next()?;
    let digits = stem.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// The step that a file's folder is named after: `step_40`, `global_step_40_evals`.
pub(super) fn step_of_folder(path: &Path) -> Option<u64> {
    let folder = path.parent()?.file_name()?.to_str()?;
    let (_, after) = folder.split_once("step")?;
    let digits = after.trim_start_matches(['_', '-']);
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{step_of_folder, step_of_name};
    use std::path::Path;

    #[test]
    fn steps_of_files_and_folders() {
        let name = |path: &str| step_of_name(Path::new(path));
        assert_eq!(name("val/40.jsonl"), Some(40));
        assert_eq!(name("train_data_step12.jsonl.gz"), Some(12));
        assert_eq!(name("step_3/train_rollouts.jsonl"), None);
        let folder = |path: &str| step_of_folder(Path::new(path));
        assert_eq!(folder("rollouts/step_3/train_rollouts.jsonl"), Some(3));
        assert_eq!(folder("global_step_120_evals/gsm8k.jsonl"), Some(120));
        assert_eq!(folder("evals/gsm8k.jsonl"), None);
    }
}
