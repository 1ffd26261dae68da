//! Whether logs of several checkpoints are about the same prompts.
//!
//! Rows are joined by the name of a prompt: task and number. Another version of a task, other
//! few-shot examples or another chat template give other prompts under the same name, and a
//! comparison of log-probabilities of different things. Logs say more than the name: hashes, or the
//! texts themselves. These must agree.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::entry::{Entry, Identity};
use crate::error::{At, Error, Result};
use crate::message::short;

/// Mismatches named in a message.
const SHOWN: usize = 5;

/// Prompts with what they were where they were first asked.
#[derive(Default)]
pub(crate) struct Joins {
    first: HashMap<Arc<str>, (Arc<Identity>, At)>,
    /// Prompts that differ between logs.
    differ: HashSet<Arc<str>>,
    /// The first of them, in words.
    shown: Vec<String>,
}

impl Joins {
    pub(crate) fn add(&mut self, path: &Arc<Path>, rows: &[Entry]) {
        for row in rows {
            let Some(identity) = &row.identity else {
                continue;
            };
            let at = || At {
                path: path.clone(),
                place: Some(row.place),
            };
            let (known, place) = self
                .first
                .entry(row.prompt.clone())
                .or_insert_with(|| (identity.clone(), at()));
            if known != identity && self.differ.insert(row.prompt.clone()) {
                let text = mismatch(&row.prompt, known, place, identity, &at());
                if self.shown.len() < SHOWN {
                    self.shown.push(text);
                }
            }
        }
    }

    /// The prompts to leave out, if that is what the user wants done with those that differ.
    ///
    /// # Errors
    /// [`Error::Joins`] if some differ and `intersect` is not set.
    pub(crate) fn left_out(self, intersect: bool) -> Result<HashSet<Arc<str>>> {
        if self.differ.is_empty() || intersect {
            return Ok(self.differ);
        }
        Err(Error::Joins {
            differ: self.differ.len(),
            all: self.first.len(),
            shown: self.shown.join("; "),
        })
    }
}

fn mismatch(prompt: &str, known: &Identity, first: &At, other: &Identity, second: &At) -> String {
    let differs = |(name, value): &(&'static str, String)| {
        let same = other.iter().find(|(known, _)| known == name);
        same.is_none_or(|(_, found)| found != value)
    };
    let names = known
        .iter()
        .filter(|one| differs(one))
        .map(|(name, _)| format!("`{name}`"));
    let names = names.collect::<Vec<_>>().join(", ");
    let prompt = short(prompt);
    format!("prompt `{prompt}` differs in {names} between {first} and {second}")
}
