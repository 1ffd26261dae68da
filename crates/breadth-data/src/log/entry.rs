//! What a log comes to: rows of one of our tables, and what was left out.

use std::borrow::Cow;
use std::sync::Arc;

use super::source::Source;
use crate::error::{Place, Result};
use crate::hash::fnv_1a;
use crate::io::cell::{Cell, ColumnBuilder};
use crate::io::chunk::{Chunk, Places};
use crate::schema::{Layout, Table};

/// One row, of either table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) model: Arc<str>,
    pub(crate) prompt: Arc<str>,
    pub(crate) response: String,
    /// The log-probability or the reward, already in its domain; NaN for a response that nobody
    /// graded, which only [`Ask::texts`](super::source::Ask::texts) lets through.
    pub(crate) value: f64,
    pub(crate) tokens: Option<u32>,
    /// The final answer in the response.
    pub(crate) answer: Option<String>,
    /// The response itself.
    pub(crate) text: Option<String>,
    /// The prompt as text.
    pub(crate) question: Option<Arc<str>>,
    /// The right answer to the prompt.
    pub(crate) gold: Option<Arc<str>>,
    pub(crate) group: Option<Arc<str>>,
    /// What must be the same wherever this prompt is asked: see [`join`](super::join).
    pub(crate) identity: Option<Arc<Identity>>,
}

impl Entry {
    /// A row of which nothing is known yet but where it belongs.
    pub(crate) fn new(place: Place, model: &Arc<str>, prompt: impl Into<Arc<str>>) -> Self {
        Self {
            place,
            model: model.clone(),
            prompt: prompt.into(),
            response: String::new(),
            value: f64::NAN,
            tokens: None,
            answer: None,
            text: None,
            question: None,
            gold: None,
            group: None,
            identity: None,
        }
    }
}

impl Entry {
    /// What the row takes, in bytes; what it shares with rows before it is theirs.
    fn bytes(&self) -> u64 {
        let owned = [
            Some(&self.response),
            self.answer.as_ref(),
            self.text.as_ref(),
        ];
        let owned = owned.into_iter().flatten().map(String::len);
        let shared = [
            Some(&self.prompt),
            self.question.as_ref(),
            self.gold.as_ref(),
            self.group.as_ref(),
        ];
        let shared = shared.into_iter().flatten();
        let own = shared.filter(|text| Arc::strong_count(text) == 1);
        let texts: usize = owned.chain(own.map(|text| text.len())).sum();
        (size_of::<Self>() + texts) as u64
    }
}

/// Fields of a log that belong to the prompt and not to the model, with what they hold (or its
/// hash).
pub(crate) type Identity = Vec<(&'static str, String)>;

/// What the prompts of a log are named after: see [`apart`](super::apart).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedAfter {
    /// After what the log calls them.
    Log,
    /// After their texts, which several may share.
    Text,
    /// After their numbers in a task that the log does not name.
    Number,
}

/// What became of the filter that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// The log has it, and its grades count.
    Applied,
    /// The log has none, so that there was nothing to choose.
    Unfiltered,
}

/// The rows of one log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entries {
    pub(crate) table: Table,
    pub(crate) rows: Vec<Entry>,
    pub(crate) dropped: Dropped,
    /// What the user should know about this log.
    pub(crate) notes: Vec<String>,
    /// What its prompts are named after.
    pub(crate) named: NamedAfter,
    /// What became of the filter that was asked for, where the log has filters.
    pub(crate) filter: Option<Filter>,
    /// What the rows take, in bytes.
    taken: u64,
}

impl Entries {
    pub(crate) fn new(table: Table) -> Self {
        Self {
            table,
            rows: Vec::new(),
            dropped: Dropped::default(),
            notes: Vec::new(),
            named: NamedAfter::Log,
            filter: None,
            taken: 0,
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Limit`](crate::Error::Limit) if the rows of the log take far more than its file; if
    /// a name has characters that could not be read.
    pub(crate) fn push(&mut self, source: &Source, row: Entry) -> Result<()> {
        self.taken += row.bytes();
        source.within_room(self.taken, row.place)?;
        for (field, name) in [
            ("model", &*row.model),
            ("prompt_id", &*row.prompt),
            ("response_id", &*row.response),
        ] {
            source.check_name(row.place, field, name)?;
        }
        self.rows.push(row);
        Ok(())
    }
}

/// How many rows a log has that are in no table, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Dropped(pub(crate) Vec<(u64, String)>);

impl Dropped {
    pub(crate) fn add(&mut self, count: u64, why: &str) {
        match self.0.iter_mut().find(|(_, known)| known == why) {
            Some((known, _)) => *known += count,
            None if count > 0 => self.0.push((count, why.into())),
            None => {}
        }
    }
}

/// The rows of one file as a reader of tables hands them on.
pub(crate) fn chunk(path: Arc<std::path::Path>, rows: &[Entry], layout: &Layout) -> Result<Chunk> {
    let columns = layout.columns.iter().map(|wanted| {
        let wanted = wanted.as_ref()?;
        let mut column = ColumnBuilder::new(wanted.holds);
        for row in rows {
            let pushed = column.push(&cell(row, wanted.name));
            debug_assert!(pushed.is_ok(), "cells fit their columns");
        }
        Some(column.finish())
    });
    Ok(Chunk {
        rows: rows.len(),
        columns: columns.collect(),
        places: places(path, rows),
    })
}

fn cell<'a>(row: &'a Entry, column: &str) -> Cell<'a> {
    let text = |text: &'a str| Cell::Text(Cow::Borrowed(text));
    match column {
        "model" => text(&row.model),
        "prompt_id" => text(&row.prompt),
        "response_id" => text(&row.response),
        "reward" if row.value.is_nan() => Cell::Missing,
        "logprob" | "reward" => Cell::Float(row.value),
        "text" => row.text.as_deref().map_or(Cell::Missing, text),
        "prompt" => row.question.as_deref().map_or(Cell::Missing, text),
        "gold" => row.gold.as_deref().map_or(Cell::Missing, text),
        "group" => row.group.as_deref().map_or(Cell::Missing, text),
        "answer" => row.answer.as_deref().map_or(Cell::Missing, text),
        "tokens" => row
            .tokens
            .map_or(Cell::Missing, |n| Cell::Integer(n.into())),
        _ => Cell::Missing,
    }
}

fn places(path: Arc<std::path::Path>, rows: &[Entry]) -> Places {
    let number = |row: &Entry| match row.place {
        Place::Row(at) | Place::Line(at) => at,
    };
    let numbers: Vec<u64> = rows.iter().map(number).collect();
    match rows.first().map(|row| row.place) {
        Some(Place::Line(_)) => Places::of_lines(path, numbers),
        _ => Places::of_rows(path, numbers),
    }
}

/// A short name for a long text, the same in every log that holds the text: 64 bits of its 128-bit
/// FNV-1a hash, in hexadecimal.
pub(crate) fn short_id(text: &str) -> String {
    let hash = fnv_1a(text.as_bytes());
    format!("{:016x}", (hash >> 64) as u64 ^ hash as u64)
}

#[cfg(test)]
mod tests {
    use super::{Dropped, short_id};

    #[test]
    fn a_short_id_folds_the_hash() {
        assert_eq!(
            short_id("a"),
            format!("{:016x}", 0xd228cb696f1a8cafu64 ^ 0x78912b704e4a8964)
        );
    }

    #[test]
    fn dropped_rows_add_up_by_reason() {
        let mut dropped = Dropped::default();
        dropped.add(0, "never");
        dropped.add(2, "unscored");
        dropped.add(3, "unscored");
        assert_eq!(dropped.0, [(5, "unscored".to_string())]);
    }
}
