//! Which of the files that a user named are score tables, and which are sample tables.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::csv::header;
use super::jsonl::names;
use super::parquet::{column_names, open_metadata};
use super::resolve::{expand, is_of_logs};
use super::{open_text, read_error};
use crate::error::Result;
use crate::limit::read_line;
use crate::log::Found;
use crate::log::format::{Kind, recognise, refuse};
use crate::run_folder::RunFolder;
use crate::schema::Table;
use crate::score::ReadOptions;

/// What the user named, score tables and sample tables apart, each in the order in which they were named.
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
    /// Looks at the columns of every file behind the inputs: files, folders, globs, run folders (`scores.parquet` and
    /// `samples.parquet`, if they are there). A folder that holds both kinds stands as its files.
    ///
    /// A reward (`reward`, `correct`, `passed`) makes a sample table, unless a `source` beside `logprob` says that its
    /// responses are shared by all models; so do counts `n` and `c` without `logprob`. Everything else is taken for a
    /// score table, whose reader says what it lacks. Standard input, which can be read but once, is taken for one, too.
    /// Other tools' logs are what [`Logs::read`](crate::Logs::read) makes of them.
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
        // Readers tell what was named from what lies beside it, so that folders of one kind stay folders.
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
        Kind::Log(format) => {
            let found = Found {
                path: file.into(),
                format,
                is_named,
                model: None,
            };
            found.table(options).map(Some)
        }
        Kind::Other(what) if is_named => Err(refuse(file, what)),
        Kind::Other(_) => Ok(None),
        Kind::Unknown if !is_named && is_of_logs(file) => Ok(None),
        Kind::Unknown => columns(file).map(|names| Some(Table::of(&names))),
    }
}

/// The names of a table's columns: of Parquet its schema, of CSV its header, of JSON Lines the first line.
fn columns(file: &Path) -> Result<Vec<String>> {
    let fail = |source| read_error(file, source);
    let mut magic = Vec::new();
    let opened = File::open(file).map_err(fail)?;
    opened.take(4).read_to_end(&mut magic).map_err(fail)?;
    if magic == b"PAR1" {
        return Ok(column_names(&open_metadata(file)?));
    }
    let mut reader = open_text(file).map_err(fail)?;
    let mut line = Vec::new();
    while line.trim_ascii().is_empty() {
        line.clear();
        if read_line(&mut *reader, &mut line).map_err(fail)? == 0 {
            return Ok(Vec::new());
        }
    }
    Ok(match line.trim_ascii() {
        object @ [b'{', ..] => names(object),
        text => header(text),
    })
}
