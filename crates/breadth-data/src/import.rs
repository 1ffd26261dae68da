//! Other tools' logs as tables of our own: read, checked, written.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use crate::error::Result;
use crate::input::expand_logs;
use crate::log::{Entry, Logs};
use crate::options::ReadOptions;
use crate::provenance::Provenance;
use crate::sample::{self, SampleRow, SampleTable, SampleWriter};
use crate::schema::Table;
use crate::score::{self, ScoreRow, ScoreTable, ScoreWriter};
use crate::write::batch;

impl Logs {
    /// Reads logs from files, folders and globs, and checks that they make a table: prompts that
    /// are the same under all models, no row twice, every model on every prompt.
    ///
    /// `table` says which table is wanted of logs that could make either; `None` takes scores where
    /// a log holds log-likelihoods.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("qwen-7b.jsonl_results.jsonl");
    /// # let out = dir.path().join("samples.parquet");
    /// use breadth_data::{Logs, Outcome, Provenance, ReadOptions, SampleTable};
    /// std::fs::write(&path, "{\"task_id\": \"HumanEval/0\", \"completion\": \"..\", \"passed\": true}\n")?;
    /// let logs = Logs::read(&[path], None, &ReadOptions::default())?;
    /// assert_eq!(logs.files[0].format, "human-eval results");
    /// logs.write(&out, &Provenance::default())?;
    /// let table = SampleTable::read(&[out], &ReadOptions::default())?;
    /// assert_eq!(table.models, ["qwen-7b"]);
    /// assert_eq!(table.outcomes, [[Some(Outcome::Rewards(vec![1.0]))]]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NotALog`](crate::Error::NotALog) for a file in no known format,
    /// [`Field`](crate::Error::Field) or [`Syntax`](crate::Error::Syntax) for what its reader cannot
    /// take, [`Joins`](crate::Error::Joins) where prompts differ between logs, and whatever the
    /// reader of the table refuses.
    pub fn read(inputs: &[PathBuf], table: Option<Table>, options: &ReadOptions) -> Result<Self> {
        let found = expand_logs(inputs, &options.log)?;
        let mut logs = Self::gather(&found, table, options)?;
        logs.check(options)?;
        Ok(logs)
    }

    /// Builds the table, which refuses what would make a number wrong; with
    /// [`ReadOptions::intersect`] keeps the rows that every model has.
    fn check(&mut self, options: &ReadOptions) -> Result<()> {
        let options = ReadOptions {
            intersect: options.intersect,
            texts: options.texts || self.ungraded() > 0,
            ..ReadOptions::default()
        };
        match self.table {
            Table::Scores => {
                let table = score::of_logs(self, &options)?;
                let kept = score_keys(&table);
                self.keep(|row| kept.contains(&(&row.prompt[..], &row.response[..])));
            }
            Table::Samples => {
                let table: SampleTable = sample::of_logs(self, &options)?;
                let kept: HashSet<&str> = table.prompts.iter().map(String::as_str).collect();
                self.keep(|row| kept.contains(&*row.prompt));
            }
        }
        Ok(())
    }

    /// How many responses have no reward
    /// ([`LogOptions::ungraded`](crate::LogOptions::ungraded)).
    #[must_use]
    pub fn ungraded(&self) -> usize {
        self.all().filter(|row| row.value.is_nan()).count()
    }

    /// The rows of a score table; none if these logs make a sample table.
    pub fn score_rows(&self) -> impl Iterator<Item = ScoreRow> {
        let rows = (self.table == Table::Scores).then(|| self.all());
        rows.into_iter().flatten().map(score_row)
    }

    /// The rows of a sample table; none if these logs make a score table.
    pub fn sample_rows(&self) -> impl Iterator<Item = SampleRow> {
        let rows = (self.table == Table::Samples).then(|| self.all());
        rows.into_iter().flatten().map(sample_row)
    }

    fn all(&self) -> impl Iterator<Item = &Entry> {
        self.rows.iter().flat_map(|(_, rows)| rows)
    }

    /// The table as a record batch.
    pub fn to_batch(&self) -> RecordBatch {
        match self.table {
            Table::Scores => batch(self.score_rows()),
            Table::Samples => batch(self.sample_rows()),
        }
    }

    /// Writes the table as Parquet; the file appears whole, or not at all.
    ///
    /// # Errors
    /// [`Error::Write`](crate::Error::Write) if the file cannot be written.
    pub fn write(&self, path: &Path, provenance: &Provenance) -> Result<()> {
        match self.table {
            Table::Scores => {
                let mut writer = ScoreWriter::create(path, provenance)?;
                self.score_rows().try_for_each(|row| writer.push(&row))?;
                writer.finish()
            }
            Table::Samples => {
                let mut writer = SampleWriter::create(path, provenance)?;
                self.sample_rows().try_for_each(|row| writer.push(&row))?;
                writer.finish()
            }
        }
    }
}

fn score_keys(table: &ScoreTable) -> HashSet<(&str, &str)> {
    let key = |(&prompt, &response): (&u32, &u32)| {
        (
            &table.prompts[prompt as usize][..],
            &table.responses[response as usize][..],
        )
    };
    table.prompt.iter().zip(&table.response).map(key).collect()
}

fn score_row(row: &Entry) -> ScoreRow {
    ScoreRow {
        source: "data".into(),
        prompt_id: row.prompt.to_string(),
        response_id: row.response.clone(),
        model: row.model.to_string(),
        logprob: row.value,
        tokens: row.tokens,
        group: row.group.as_deref().map(str::to_owned),
        ..ScoreRow::default()
    }
}

fn sample_row(row: &Entry) -> SampleRow {
    SampleRow {
        model: row.model.to_string(),
        prompt_id: row.prompt.to_string(),
        response_id: row.response.clone(),
        reward: row.value,
        answer: row.answer.clone(),
        text: row.text.clone(),
        prompt: row.question.as_deref().map(str::to_owned),
        gold: row.gold.as_deref().map(str::to_owned),
        group: row.group.as_deref().map(str::to_owned),
        ..SampleRow::default()
    }
}
