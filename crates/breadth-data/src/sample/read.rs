//! Reading sample tables.

use std::path::PathBuf;

use arrow_array::RecordBatch;

use super::build::Builder;
use super::columns::COLUMNS;
use super::table::SampleTable;
use crate::error::Result;
use crate::input::{for_each_batch, for_each_chunk};
use crate::log::Logs;
use crate::options::ReadOptions;
use crate::order::{by_step, permute};
use crate::provenance::different_weights;
use crate::schema::{Asked, Layout, Table};

impl SampleTable {
    /// Reads a sample table from files, folders, globs, a run folder, or `-` for standard input.
    ///
    /// A model that lacks prompts would be averaged over easier or harder ones than its rivals:
    /// that is an error, unless `intersect` asks for the prompts that all models have.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("samples.csv");
    /// use breadth_data::{Outcome, ReadOptions, SampleTable};
    /// std::fs::write(&path, "model,prompt_id,response_id,reward\na,p1,0,1\na,p1,1,0.5\n")?;
    /// let table = SampleTable::read(&[path], &ReadOptions::default())?;
    /// assert_eq!(table.outcomes[0][0], Some(Outcome::Rewards(vec![1.0, 0.5])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Whatever would make a number wrong: see [`Error`](crate::Error).
    pub fn read(inputs: &[PathBuf], options: &ReadOptions) -> Result<Self> {
        let layout = layout(options);
        let mut builder = Builder::new(options);
        let said = for_each_chunk(inputs, &layout, options, |chunk| builder.push(&chunk))?;
        let table = builder.finish(options)?.by_step();
        Ok(Self {
            remarks: [said.remarks, table.remarks, different_weights(&said.known)].concat(),
            same: said.same,
            known_models: said.known,
            ..table
        })
    }

    /// Makes a sample table of record batches with its columns, such as a data frame hands over.
    ///
    /// Every check is that of [`read`](Self::read); messages say "the data frame" in the place of a
    /// file.
    ///
    /// # Errors
    /// Those of [`read`](Self::read) but for files.
    pub fn from_batches(
        batches: impl IntoIterator<Item = RecordBatch>,
        options: &ReadOptions,
    ) -> Result<Self> {
        let layout = layout(options);
        let mut builder = Builder::new(options);
        for_each_batch(batches, &layout, |chunk| builder.push(&chunk))?;
        Ok(builder.finish(options)?.by_step())
    }

    /// With checkpoints of one run in the order of their steps.
    fn by_step(self) -> Self {
        let mut table = self;
        if let Some(order) = by_step(&table.models) {
            permute(&mut table.models, &order);
            permute(&mut table.outcomes, &order);
            permute(&mut table.answer, &order);
            if let Some(texts) = &mut table.text {
                permute(&mut texts.text, &order);
                permute(&mut texts.response, &order);
            }
        }
        table
    }
}

/// The columns to read.
fn layout(options: &ReadOptions) -> Layout {
    Layout::new(
        Table::Samples,
        COLUMNS,
        &options.columns,
        |asked| match asked {
            Asked::Answers => options.answers || options.texts,
            Asked::Texts => options.texts,
            Asked::Required
            | Asked::Always
            | Asked::Tokens
            | Asked::TokenLogProbs
            | Asked::Never => false,
        },
    )
}

/// The table that logs make.
pub(crate) fn of_logs(logs: &Logs, options: &ReadOptions) -> Result<SampleTable> {
    let layout = layout(options);
    let mut builder = Builder::new(options);
    let mut chunks = logs.chunks(&layout)?.into_iter();
    chunks.try_for_each(|chunk| builder.push(&chunk))?;
    builder.finish(options)
}
