//! Reading score tables.

use std::path::PathBuf;

use arrow_array::RecordBatch;

use super::build::Builder;
use super::columns::COLUMNS;
use super::table::ScoreTable;
use crate::error::Result;
use crate::input::{for_each_batch, for_each_chunk};
use crate::log::Logs;
use crate::options::ReadOptions;
use crate::order::{by_step, permute};
use crate::provenance::different_weights;
use crate::schema::{Asked, Layout, Table};

impl ScoreTable {
    /// Reads a score table from files, folders, globs, a run folder, or `-` for standard input.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("scores.csv");
    /// use breadth_data::{ReadOptions, ScoreTable};
    /// std::fs::write(&path, "model,prompt_id,logprob\na,p1,-1.5\na,p2,-inf\nb,p2,-2\nb,p1,0\n")?;
    /// let table = ScoreTable::read(&[path], &ReadOptions::default())?;
    /// assert_eq!(table.models, ["a", "b"]);
    /// assert_eq!(table.logprob, [[-1.5, f64::NEG_INFINITY], [0.0, -2.0]]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Whatever would make a number wrong: see [`Error`](crate::Error). A log-probability above 0
    /// is one, save that rounding up to 1e-3 is forgiven and set to 0.
    pub fn read(inputs: &[PathBuf], options: &ReadOptions) -> Result<Self> {
        let layout = layout(options);
        let mut builder = Builder::default();
        let said = for_each_chunk(inputs, &layout, options, |chunk| builder.push(&chunk))?;
        let table = builder.finish(options)?.by_step();
        Ok(Self {
            remarks: [said.remarks, table.remarks, different_weights(&said.known)].concat(),
            same: said.same,
            known_models: said.known,
            ..table
        })
    }

    /// Makes a score table of record batches with its columns, such as a data frame hands over.
    ///
    /// Every check is that of [`read`](Self::read); messages say "the data frame" in the place of a
    /// file. All string, integer and dictionary types are taken for ids, and lists of both sizes.
    ///
    /// # Errors
    /// Those of [`read`](Self::read) but for files.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    /// use breadth_data::{ReadOptions, ScoreTable};
    ///
    /// let columns: [(&str, ArrayRef); 3] = [
    ///     ("model", Arc::new(StringArray::from(vec!["a", "b"]))),
    ///     ("prompt_id", Arc::new(Int64Array::from(vec![1, 1]))),
    ///     ("logprob", Arc::new(Float64Array::from(vec![-1.5, -2.0]))),
    /// ];
    /// let batch = RecordBatch::try_from_iter(columns)?;
    /// let table = ScoreTable::from_batches([batch], &ReadOptions::default())?;
    /// assert_eq!(table.column("b")?, [-2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_batches(
        batches: impl IntoIterator<Item = RecordBatch>,
        options: &ReadOptions,
    ) -> Result<Self> {
        let layout = layout(options);
        let mut builder = Builder::default();
        for_each_batch(batches, &layout, |chunk| builder.push(&chunk))?;
        Ok(builder.finish(options)?.by_step())
    }

    /// With checkpoints of one run in the order of their steps.
    fn by_step(self) -> Self {
        let mut table = self;
        if let Some(order) = by_step(&table.models) {
            permute(&mut table.models, &order);
            permute(&mut table.logprob, &order);
            if let Some(lists) = &mut table.token_logprobs {
                permute(lists, &order);
            }
        }
        table
    }
}

/// The columns to read. Lists of tokens are checked against the number of tokens.
fn layout(options: &ReadOptions) -> Layout {
    Layout::new(
        Table::Scores,
        COLUMNS,
        &options.columns,
        |asked| match asked {
            Asked::Answers => options.answers,
            Asked::Tokens => options.tokens || options.token_logprobs,
            Asked::TokenLogProbs => options.token_logprobs,
            Asked::Required | Asked::Always | Asked::Texts | Asked::Never => false,
        },
    )
}

/// The table that logs make.
pub(crate) fn of_logs(logs: &Logs, options: &ReadOptions) -> Result<ScoreTable> {
    let layout = layout(options);
    let mut builder = Builder::default();
    let mut chunks = logs.chunks(&layout)?.into_iter();
    chunks.try_for_each(|chunk| builder.push(&chunk))?;
    builder.finish(options)
}
