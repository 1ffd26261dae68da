//! Which of the files that a user named are score tables, and which are sample tables.

use std::path::{Path, PathBuf};

use super::resolve::{expand, is_of_logs};
use crate::error::Result;
use crate::format::column_names;
use crate::log::{Found, Recognised, recognise, refuse};
use crate::options::ReadOptions;
use crate::run_folder::RunFolder;
use crate::schema::Table;

/// What the user named, score tables and sample tables apart, each in the order in which they were
/// named.
///
/// Both lists are for the readers of tables: [`ScoreTable::read`](crate::ScoreTable::read) and
/// [`SampleTable::read`](crate::SampleTable::read).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TablePaths {
    /// Files and folders of score tables, and of other tools' logs that hold log-likelihoods.
    pub scores: Vec<PathBuf>,
    /// Files and folders of sample tables, and of other tools' logs that hold graded responses.
    pub samples: Vec<PathBuf>,
}

impl TablePaths {
    /// Looks at the columns of every file behind the inputs: files, folders, globs, run folders
    /// (`scores.parquet` and `samples.parquet`, if they are there). A folder that holds both kinds
    /// stands as its files.
    ///
    /// A reward (`reward`, `correct`, `passed`) makes a sample table, unless a `source` beside
    /// `logprob` says that its responses are shared by all models; so do counts `n` and `c` without
    /// `logprob`. Everything else is taken for a score table, whose reader says what it lacks.
    /// Standard input, which can be read but once, is taken for one, too. Other tools' logs are
    /// what [`Logs::read`](crate::Logs::read) makes of them.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let (a, b) = (dir.path().join("a.csv"), dir.path().join("b.jsonl"));
    /// use breadth_data::{ReadOptions, TablePaths};
    /// std::fs::write(&a, "model,prompt_id,logprob\nm,1,-1.5\n")?;
    /// std::fs::write(&b, "{\"model\": \"m\", \"prompt_id\": 1, \"n\": 8, \"c\": 3}\n")?;
    /// let found = TablePaths::find(&[b.clone(), a.clone()], &ReadOptions::default())?;
    /// assert_eq!((found.scores, found.samples), (vec![a], vec![b]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Files that are not there or cannot be read, and logs that their reader refuses.
    pub fn find(inputs: &[PathBuf], options: &ReadOptions) -> Result<Self> {
        let mut found = Self::default();
        for input in inputs {
            found.add(input, options)?;
        }
        Ok(found)
    }

    fn add(&mut self, input: &Path, options: &ReadOptions) -> Result<()> {
        let files = files(input)?;
        let is_named = matches!(&files[..], [only] if only == input);
        let mut own = Self::default();
        for file in files {
            match table_of(&file, is_named, options)? {
                Some(Table::Scores) => own.scores.push(file),
                Some(Table::Samples) => own.samples.push(file),
                None => {}
            }
        }
        // Readers tell what was named from what lies beside it, so that folders of one kind stay
        // folders.
        let stays = input.is_dir() && !RunFolder::is_one(input);
        match (own.scores.is_empty(), own.samples.is_empty()) {
            (false, true) if stays => self.scores.push(input.into()),
            (true, false) if stays => self.samples.push(input.into()),
            // Nothing but files that are no tables: for the reader to explain.
            (true, true) => self.scores.push(input.into()),
            _ => {
                self.scores.extend(own.scores);
                self.samples.extend(own.samples);
            }
        }
        Ok(())
    }
}

/// The files behind an input, whichever table they hold.
fn files(input: &Path) -> Result<Vec<PathBuf>> {
    match (expand(input, Table::Scores), expand(input, Table::Samples)) {
        (Ok(mut files), Ok(others)) => {
            let new: Vec<PathBuf> = others
                .into_iter()
                .filter(|file| !files.contains(file))
                .collect();
            files.extend(new);
            Ok(files)
        }
        (Ok(files), Err(_)) | (Err(_), Ok(files)) => Ok(files),
        (Err(error), Err(_)) => Err(error),
    }
}

/// The table that a file holds; nothing where it lies beside tables and is none.
fn table_of(file: &Path, is_named: bool, options: &ReadOptions) -> Result<Option<Table>> {
    if file == Path::new("-") {
        return Ok(Some(Table::Scores));
    }
    match recognise(file)? {
        Recognised::Log(format) => {
            let found = Found {
                path: file.into(),
                format,
                is_named,
                model: None,
            };
            found.table(options).map(Some)
        }
        Recognised::Other(what) if is_named => Err(refuse(file, what)),
        Recognised::Other(_) => Ok(None),
        Recognised::Unknown if !is_named && is_of_logs(file) => Ok(None),
        Recognised::Unknown => {
            column_names(file).map(|names| Some(Table::of(&names, &options.columns)))
        }
    }
}
