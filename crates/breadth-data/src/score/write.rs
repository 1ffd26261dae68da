//! Writing score tables.

use std::path::Path;

use arrow_array::RecordBatch;

use super::columns::ScoreRow;
use super::table::ScoreTable;
use crate::error::Result;
use crate::provenance::Provenance;
use crate::value;
use crate::write::{Fault, RowWriter, batch};

/// Writes a score table as Parquet; the file appears whole, or not at all.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("scores.parquet");
/// use breadth_data::{Provenance, ReadOptions, ScoreRow, ScoreTable, write_scores};
/// let row = |model: &str, logprob| ScoreRow {
///     source: "data".into(),
///     prompt_id: "p1".into(),
///     response_id: "0".into(),
///     model: model.into(),
///     logprob,
///     ..ScoreRow::default()
/// };
/// write_scores(&path, &[row("a", -1.5), row("b", -2.0)], &Provenance::default())?;
/// let table = ScoreTable::read(&[path], &ReadOptions::default())?;
/// assert_eq!(table.column("b")?, [-2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Value`](crate::Error::Value) for a row that could not be read back,
/// [`Error::Write`](crate::Error::Write) if the file cannot be written.
pub fn write_scores(path: &Path, rows: &[ScoreRow], provenance: &Provenance) -> Result<()> {
    let mut writer = ScoreWriter::create(path, provenance)?;
    for row in rows {
        writer.push(row)?;
    }
    writer.finish()
}

/// Writes a score table row by row; the file appears when [`finish`](Self::finish) is called, and
/// nothing remains if it is not.
pub struct ScoreWriter(RowWriter<ScoreRow>);

impl ScoreWriter {
    /// Begins a table.
    ///
    /// # Errors
    /// [`Error::Write`](crate::Error::Write) if the folder cannot be written to.
    pub fn create(path: &Path, provenance: &Provenance) -> Result<Self> {
        RowWriter::create(path, "scores", check, provenance).map(Self)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) for a value outside its domain,
    /// [`Error::Write`](crate::Error::Write) as when writing any file.
    pub fn push(&mut self, row: &ScoreRow) -> Result<()> {
        self.0.push(row)
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// [`Error::Write`](crate::Error::Write); nothing is left behind then.
    pub fn finish(self) -> Result<()> {
        self.0.finish()
    }
}

impl ScoreTable {
    /// The table as a record batch, one row for each model and response, model by model. Tokens are
    /// there where they were read.
    pub fn to_batch(&self) -> RecordBatch {
        let models = 0..self.models.len();
        batch(models.flat_map(|model| (0..self.rows()).map(move |row| self.row(model, row))))
    }

    fn row(&self, model: usize, row: usize) -> ScoreRow {
        let group = |codes: &Vec<u32>| self.groups[codes[row] as usize].clone();
        ScoreRow {
            source: self.sources[self.source[row] as usize].clone(),
            prompt_id: self.prompts[self.prompt[row] as usize].clone(),
            response_id: self.responses[self.response[row] as usize].clone(),
            model: self.models[model].clone(),
            logprob: self.logprob[model][row],
            tokens: self.tokens.as_ref().map(|tokens| tokens[row]),
            token_logprobs: (self.token_logprobs.as_ref()).map(|lists| lists[model][row].clone()),
            group: self.group.as_ref().map(group),
            weight: self.weight.as_ref().map(|weight| weight[row]),
        }
    }
}

fn check(row: &ScoreRow) -> Result<(), Fault> {
    let logprob = value::log_prob(row.logprob).map_err(|problem| ("logprob", problem))?;
    if let Some(weight) = row.weight {
        value::weight(weight).map_err(|problem| ("weight", problem))?;
    }
    if let Some(list) = &row.token_logprobs {
        value::token_logprobs(list.clone(), logprob, row.tokens.map(f64::from))
            .map_err(|problem| ("token_logprobs", problem))?;
    }
    Ok(())
}
