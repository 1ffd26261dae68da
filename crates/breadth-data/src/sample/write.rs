//! Writing sample tables.

use std::path::Path;

use super::columns::SampleRow;
use crate::error::Result;
use crate::provenance::Provenance;
use crate::value;
use crate::write::{Fault, RowWriter};

/// Writes a sample table as Parquet; the file appears whole, or not at all.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("samples.parquet");
/// use breadth_data::{Outcome, Provenance, ReadOptions, SampleRow, SampleTable, write_samples};
/// let row = SampleRow {
///     model: "a".into(),
///     prompt_id: "p1".into(),
///     response_id: "0".into(),
///     reward: 1.0,
///     ..SampleRow::default()
/// };
/// write_samples(&path, &[row], &Provenance::default())?;
/// let table = SampleTable::read(&[path], &ReadOptions::default())?;
/// assert_eq!(table.outcomes, [[Some(Outcome::Rewards(vec![1.0]))]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Value`](crate::Error::Value) for a row that could not be read back,
/// [`Error::Write`](crate::Error::Write) if the file cannot be written.
pub fn write_samples(path: &Path, rows: &[SampleRow], provenance: &Provenance) -> Result<()> {
    let mut writer = SampleWriter::create(path, provenance)?;
    for row in rows {
        writer.push(row)?;
    }
    writer.finish()
}

/// Writes a sample table row by row; the file appears when [`finish`](Self::finish) is called, and
/// nothing remains if it is not.
pub struct SampleWriter(RowWriter<SampleRow>);

impl SampleWriter {
    /// Begins a table.
    ///
    /// # Errors
    /// [`Error::Write`](crate::Error::Write) if the folder cannot be written to.
    pub fn create(path: &Path, provenance: &Provenance) -> Result<Self> {
        RowWriter::create(path, "samples", check, provenance).map(Self)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Value`](crate::Error::Value) for a value outside its domain,
    /// [`Error::Write`](crate::Error::Write) as when writing any file.
    pub fn push(&mut self, row: &SampleRow) -> Result<()> {
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

fn check(row: &SampleRow) -> Result<(), Fault> {
    let is_ungraded = row.reward.is_nan() && row.text.is_some();
    if !is_ungraded {
        value::reward(row.reward).map_err(|problem| ("reward", problem))?;
    }
    if let Some(logprob) = row.logprob {
        value::log_prob(logprob).map_err(|problem| ("logprob", problem))?;
    }
    Ok(())
}
