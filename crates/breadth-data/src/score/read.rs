//! Reading score tables.

use std::path::PathBuf;

use super::build::Builder;
use super::columns::COLUMNS;
use super::table::ScoreTable;
use crate::error::Result;
use crate::input::for_each_chunk;
use crate::log::Logs;
use crate::options::ReadOptions;
use crate::order::{by_step, permute};
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
        let remarks = for_each_chunk(inputs, &layout, options, |chunk| builder.push(&chunk))?;
        let mut table = builder.finish(options)?;
        table.remarks = remarks;
        if let Some(order) = by_step(&table.models) {
            permute(&mut table.models, &order);
            permute(&mut table.logprob, &order);
            if let Some(lists) = &mut table.token_logprobs {
                permute(lists, &order);
            }
        }
        Ok(table)
    }
}

/// The columns to read. Lists of tokens are checked against the number of tokens.
fn layout(options: &ReadOptions) -> Layout {
    Layout::new(Table::Scores, COLUMNS, |asked| match asked {
        Asked::Answers => options.answers,
        Asked::Tokens => options.tokens || options.token_logprobs,
        Asked::TokenLogProbs => options.token_logprobs,
        Asked::Required | Asked::Always | Asked::Texts | Asked::Never => false,
    })
}

/// The table that logs make.
pub(crate) fn of_logs(logs: &Logs, options: &ReadOptions) -> Result<ScoreTable> {
    let layout = layout(&ReadOptions::default());
    let mut builder = Builder::default();
    let mut chunks = logs.chunks(&layout)?.into_iter();
    chunks.try_for_each(|chunk| builder.push(&chunk))?;
    builder.finish(options)
}
