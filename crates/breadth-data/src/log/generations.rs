//! `generations.json` of bigcode-evaluation-harness (`--save_generations`): a list with a list of
//! programs for each task, in the order of the tasks, after `bigcode_eval/evaluator.py`.
//!
//! They are not graded, so a verifier must be: `breadth pass generations.json --verifier
//! command:..`.

use std::sync::Arc;

use super::entry::{Entries, Entry};
use super::format::{Format, Sign};
use super::model_name;
use super::source::Source;
use crate::error::{Place, Result};
use crate::schema::Table;

pub(super) const FORMAT: Format = Format {
    name: "BigCode generations",
    help: "BigCode (generations)",
    sign: Sign::List(begins),
    may_hold_likelihoods: false,
    part: None,
    read,
};

/// Reads one file.
fn read(source: &Source) -> Result<Entries> {
    source.only(Table::Samples)?;
    if !source.ask.texts {
        return Err(source.ungraded(None));
    }
    let tasks: Vec<Vec<String>> = source.parse(&source.text()?, None)?;
    let model: Arc<str> = model_name::model(source)?;
    let mut entries = Entries::new(Table::Samples);
    for (task, programs) in tasks.into_iter().enumerate() {
        let prompt: Arc<str> = task.to_string().into();
        for (at, program) in programs.into_iter().enumerate() {
            let entry = Entry {
                response: at.to_string(),
                text: Some(program),
                ..Entry::new(Place::Row(task as u64 + 1), &model, prompt.clone())
            };
            entries.push(source, entry)?;
        }
    }
    Ok(entries)
}

/// Whether a text begins as a list of lists of texts.
fn begins(head: &[u8]) -> bool {
    let mut rest = head;
    for expected in [b'[', b'[', b'"'] {
        rest = match rest.trim_ascii_start().split_first() {
            Some((first, rest)) if *first == expected => rest,
            _ => return false,
        };
    }
    true
}

#[cfg(test)]
mod tests {
    use super::begins;

    #[test]
    fn lists_of_lists_of_texts() {
        for (text, is) in [
            ("[[\"a", true),
            (" [\n [ \"a", true),
            ("[[1", false),
            ("[{", false),
            ("[\"a\"]", false),
            ("[[", false),
            ("", false),
        ] {
            assert_eq!(begins(text.as_bytes()), is, "{text}");
        }
    }
}
