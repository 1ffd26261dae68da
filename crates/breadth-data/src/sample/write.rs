//! Writing sample tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Float64Builder, StringBuilder, UInt32Builder};
use arrow_schema::{DataType, Field};

use crate::error::{At, Error, Place, Result};
use crate::provenance::Provenance;
use crate::value;
use crate::write::TableWriter;

/// One row of a sample table: a response drawn from a model, and its reward.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SampleRow {
    /// The model that wrote the response.
    pub model: String,
    /// The prompt.
    pub prompt_id: String,
    /// The response, unique within (model, prompt).
    pub response_id: String,
    /// The reward, in [0, 1].
    pub reward: f64,
    /// The final answer in the response.
    pub answer: Option<String>,
    /// log q(y|x) of the response under its model, in nats, at most 0.
    pub logprob: Option<f64>,
    /// The length of the response in tokens.
    pub tokens: Option<u32>,
    /// The response itself.
    pub text: Option<String>,
    /// The prompt as text, the same in all rows of a prompt.
    pub prompt: Option<String>,
    /// The right answer to the prompt, as verifiers compare with it.
    pub gold: Option<String>,
    /// The class of the prompt.
    pub group: Option<String>,
}

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
/// [`Error::Value`] for a row that could not be read back, [`Error::Write`] if the file cannot be
/// written.
pub fn write_samples(path: &Path, rows: &[SampleRow], provenance: &Provenance) -> Result<()> {
    let mut writer = SampleWriter::create(path, provenance)?;
    for row in rows {
        writer.push(row)?;
    }
    writer.finish()
}

/// Writes a sample table row by row; the file appears when [`finish`](Self::finish) is called, and
/// nothing remains if it is not.
pub struct SampleWriter {
    path: PathBuf,
    rows: u64,
    columns: Columns,
    table: TableWriter,
}

#[derive(Default)]
struct Columns {
    model: StringBuilder,
    prompt_id: StringBuilder,
    response_id: StringBuilder,
    reward: Float64Builder,
    answer: StringBuilder,
    logprob: Float64Builder,
    tokens: UInt32Builder,
    text: StringBuilder,
    prompt: StringBuilder,
    gold: StringBuilder,
    group: StringBuilder,
}

/// Rows kept before they are encoded.
const BATCH_ROWS: u64 = 1 << 13;

impl SampleWriter {
    /// Begins a table.
    ///
    /// # Errors
    /// [`Error::Write`] if the folder cannot be written to.
    pub fn create(path: &Path, provenance: &Provenance) -> Result<Self> {
        Ok(Self {
            path: path.to_path_buf(),
            rows: 0,
            columns: Columns::default(),
            table: TableWriter::create(path, "samples", fields(), &["logprob"], provenance)?,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Value`] for a value outside its domain, [`Error::Write`] as when writing any file.
    pub fn push(&mut self, row: &SampleRow) -> Result<()> {
        self.rows += 1;
        check(row).map_err(|(column, problem)| Error::Value {
            at: At {
                path: self.path.as_path().into(),
                place: Some(Place::Row(self.rows)),
            },
            column,
            problem,
        })?;
        self.columns.push(row);
        match self.rows % BATCH_ROWS {
            0 => self.table.write(self.columns.take()),
            _ => Ok(()),
        }
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// [`Error::Write`]; nothing is left behind then.
    pub fn finish(mut self) -> Result<()> {
        self.table.write(self.columns.take())?;
        self.table.finish()
    }
}

fn check(row: &SampleRow) -> Result<(), (&'static str, String)> {
    value::reward(row.reward).map_err(|problem| ("reward", problem))?;
    if let Some(logprob) = row.logprob {
        value::log_prob(logprob).map_err(|problem| ("logprob", problem))?;
    }
    Ok(())
}

fn fields() -> Vec<Field> {
    vec![
        Field::new("model", DataType::Utf8, false),
        Field::new("prompt_id", DataType::Utf8, false),
        Field::new("response_id", DataType::Utf8, false),
        Field::new("reward", DataType::Float64, false),
        Field::new("answer", DataType::Utf8, true),
        Field::new("logprob", DataType::Float64, true),
        Field::new("tokens", DataType::UInt32, true),
        Field::new("text", DataType::Utf8, true),
        Field::new("prompt", DataType::Utf8, true),
        Field::new("gold", DataType::Utf8, true),
        Field::new("group", DataType::Utf8, true),
    ]
}

impl Columns {
    fn push(&mut self, row: &SampleRow) {
        self.model.append_value(&row.model);
        self.prompt_id.append_value(&row.prompt_id);
        self.response_id.append_value(&row.response_id);
        self.reward.append_value(row.reward);
        self.answer.append_option(row.answer.as_deref());
        self.logprob
            .append_option(row.logprob.map(|value| value.min(0.0)));
        self.tokens.append_option(row.tokens);
        self.text.append_option(row.text.as_deref());
        self.prompt.append_option(row.prompt.as_deref());
        self.gold.append_option(row.gold.as_deref());
        self.group.append_option(row.group.as_deref());
    }

    /// The columns in the order of [`fields`], leaving the builders empty.
    fn take(&mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.model.finish()),
            Arc::new(self.prompt_id.finish()),
            Arc::new(self.response_id.finish()),
            Arc::new(self.reward.finish()),
            Arc::new(self.answer.finish()),
            Arc::new(self.logprob.finish()),
            Arc::new(self.tokens.finish()),
            Arc::new(self.text.finish()),
            Arc::new(self.prompt.finish()),
            Arc::new(self.gold.finish()),
            Arc::new(self.group.finish()),
        ]
    }
}
