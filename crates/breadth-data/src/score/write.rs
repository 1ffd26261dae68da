//! Writing score tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    Float32Builder, Float64Builder, ListBuilder, StringBuilder, UInt32Builder,
};
use arrow_schema::{DataType, Field};

use crate::error::{At, Error, Place, Result};
use crate::provenance::Provenance;
use crate::value;
use crate::write::TableWriter;

/// One row of a score table: what one model says of one response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScoreRow {
    /// Who wrote the response: `data`, or a model.
    pub source: String,
    /// The prompt.
    pub prompt_id: String,
    /// The response, unique within (source, prompt).
    pub response_id: String,
    /// The model that is asked.
    pub model: String,
    /// log q(y|x) of the whole response, in nats, at most 0.
    pub logprob: f64,
    /// The length of the response in tokens.
    pub tokens: Option<u32>,
    /// Log-probabilities token by token, which sum to `logprob`.
    pub token_logprobs: Option<Vec<f32>>,
    /// The class of the prompt.
    pub group: Option<String>,
    /// The sampling weight, above 0; `None` means 1.
    pub weight: Option<f64>,
}

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
/// [`Error::Value`] for a row that could not be read back, [`Error::Write`] if the file cannot be
/// written.
pub fn write_scores(path: &Path, rows: &[ScoreRow], provenance: &Provenance) -> Result<()> {
    let mut writer = ScoreWriter::create(path, provenance)?;
    for row in rows {
        writer.push(row)?;
    }
    writer.finish()
}

/// Writes a score table row by row; the file appears when [`finish`](Self::finish) is called, and
/// nothing remains if it is not.
pub struct ScoreWriter {
    path: PathBuf,
    rows: u64,
    columns: Columns,
    table: TableWriter,
}

#[derive(Default)]
struct Columns {
    source: StringBuilder,
    prompt_id: StringBuilder,
    response_id: StringBuilder,
    model: StringBuilder,
    logprob: Float64Builder,
    tokens: UInt32Builder,
    token_logprobs: ListBuilder<Float32Builder>,
    group: StringBuilder,
    weight: Float64Builder,
}

/// Rows kept before they are encoded.
const BATCH_ROWS: u64 = 1 << 13;

impl ScoreWriter {
    /// Begins a table.
    ///
    /// # Errors
    /// [`Error::Write`] if the folder cannot be written to.
    pub fn create(path: &Path, provenance: &Provenance) -> Result<Self> {
        let streams = ["logprob", "token_logprobs"];
        Ok(Self {
            path: path.to_path_buf(),
            rows: 0,
            columns: Columns::default(),
            table: TableWriter::create(path, "scores", fields(), &streams, provenance)?,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`Error::Value`] for a value outside its domain, [`Error::Write`] as when writing any file.
    pub fn push(&mut self, row: &ScoreRow) -> Result<()> {
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

fn check(row: &ScoreRow) -> Result<(), (&'static str, String)> {
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

fn fields() -> Vec<Field> {
    let item = Field::new_list_field(DataType::Float32, true);
    vec![
        Field::new("source", DataType::Utf8, false),
        Field::new("prompt_id", DataType::Utf8, false),
        Field::new("response_id", DataType::Utf8, false),
        Field::new("model", DataType::Utf8, false),
        Field::new("logprob", DataType::Float64, false),
        Field::new("tokens", DataType::UInt32, true),
        Field::new("token_logprobs", DataType::List(item.into()), true),
        Field::new("group", DataType::Utf8, true),
        Field::new("weight", DataType::Float64, true),
    ]
}

impl Columns {
    fn push(&mut self, row: &ScoreRow) {
        self.source.append_value(&row.source);
        self.prompt_id.append_value(&row.prompt_id);
        self.response_id.append_value(&row.response_id);
        self.model.append_value(&row.model);
        self.logprob.append_value(row.logprob.min(0.0)); // rounding above 0 was let through
        self.tokens.append_option(row.tokens);
        if let Some(list) = &row.token_logprobs {
            self.token_logprobs.values().append_slice(list);
        }
        self.token_logprobs.append(row.token_logprobs.is_some());
        self.group.append_option(row.group.as_deref());
        self.weight.append_option(row.weight);
    }

    /// The columns in the order of [`fields`], leaving the builders empty.
    fn take(&mut self) -> Vec<ArrayRef> {
        vec![
            Arc::new(self.source.finish()),
            Arc::new(self.prompt_id.finish()),
            Arc::new(self.response_id.finish()),
            Arc::new(self.model.finish()),
            Arc::new(self.logprob.finish()),
            Arc::new(self.tokens.finish()),
            Arc::new(self.token_logprobs.finish()),
            Arc::new(self.group.finish()),
            Arc::new(self.weight.finish()),
        ]
    }
}
