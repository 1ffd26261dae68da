//! What tables are: columns, what they hold, and which of them make which table.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{At, Error, Result};
use crate::message::list;
use crate::setting::Setting;

/// What a column holds, whatever the file's own type for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// A string or a whole number, however it is stored; becomes a dictionary of strings.
    Id,
    /// A text, or a number or truth value in its place; becomes a dictionary of strings.
    Text,
    /// As [`Text`](Self::Text); anything else is no group, and not looked at.
    Group,
    /// A number; becomes f64.
    Number,
    /// A number or a boolean; becomes f64, true being 1.
    Flag,
    /// A log-probability, in nats; becomes f64.
    LogProb,
    /// A list of log-probabilities, in nats; becomes a list of f32.
    LogProbs,
}

impl ColumnType {
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            ColumnType::Id => "strings or integers",
            ColumnType::Text | ColumnType::Group => "texts, numbers or truth values",
            ColumnType::Number | ColumnType::LogProb => "numbers",
            ColumnType::Flag => "numbers or booleans",
            ColumnType::LogProbs => "lists of numbers",
        }
    }
}

/// When a reader looks at a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Always, and no row can do without it.
    Required,
    Always,
    /// Where answers are wanted.
    Answers,
    /// Where lengths in tokens are wanted.
    Tokens,
    /// Where log-probabilities token by token are wanted.
    TokenLogProbs,
    /// Where texts are wanted.
    Texts,
    /// It is written for people and other programs.
    Never,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) holds: ColumnType,
    pub(crate) asked: Asked,
}

/// The columns to read, and the kind of table they belong to.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) table: Table,
    /// The columns by their positions in the table and in every chunk; `None` for one that nobody
    /// asked for.
    pub(crate) columns: Vec<Option<Column>>,
    renamed: Vec<Renamed>,
}

/// A column that files call otherwise.
#[derive(Clone, Debug)]
struct Renamed {
    here: String,
    there: String,
    /// Whether some file had it under the name there, or any name that will do.
    seen: Arc<AtomicBool>,
}

/// Columns of both tables, which are read one after the other: the name there may be that of the
/// other one.
const IN_BOTH: [&str; 6] = [
    "model",
    "prompt_id",
    "response_id",
    "tokens",
    "group",
    "answer",
];

/// Where a name stands for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) column: usize,
    /// Whether another name stands for the column where a file has both.
    pub(crate) yields: bool,
}

impl Layout {
    /// The layout of the columns that are asked for; `renamed` are those that files call otherwise,
    /// the name here and the name there.
    pub(crate) fn new(
        table: Table,
        all: &[Column],
        renamed: &[(String, String)],
        is_asked: impl Fn(Asked) -> bool,
    ) -> Self {
        let asked = |column: &Column| match column.asked {
            Asked::Required | Asked::Always => true,
            Asked::Never => false,
            asked => is_asked(asked),
        };
        let columns = all.iter().map(|column| Some(*column).filter(asked));
        Self {
            table,
            columns: columns.collect(),
            renamed: renamed
                .iter()
                .map(|(here, there)| Renamed {
                    here: here.clone(),
                    there: there.clone(),
                    seen: Arc::default(),
                })
                .collect(),
        }
    }

    /// Checks that columns of these names can be the table.
    ///
    /// A table of samples with their log-probabilities has every column that a score table needs.
    /// Its responses differ from model to model, so to compare them would be wrong; what tells it
    /// apart is a reward, and no `source` to say that the responses are shared. Whoever reads texts
    /// judges them, and needs no reward.
    pub(crate) fn check(&self, names: &[String], at: impl Fn() -> At) -> Result<()> {
        let has = |name: &str| names.iter().any(|known| known == name);
        for one in &self.renamed {
            let will_do = IN_BOTH.contains(&&*one.here) && has(&one.here);
            if has(&one.there) || will_do {
                one.seen.store(true, Ordering::Relaxed);
            }
        }
        let own = self.own_names(names);
        let is_judged = self.position("text").is_some() && own.iter().any(|name| name == "text");
        self.table.check(&own, names, is_judged, at)
    }

    /// Refuses renamings of columns of which no file had one, and those that are not one to one.
    pub(crate) fn check_renamed(&self, at: impl Fn() -> At) -> Result<()> {
        let refused = |problem| Err(Error::Syntax { at: at(), problem });
        for (index, one) in self.renamed.iter().enumerate() {
            let Renamed { here, there, seen } = one;
            let mut before = self.renamed[..index].iter();
            if before.any(|other| other.here == *here || other.there == *there) {
                return refused(format!(
                    "{} names `{here}={there}` and another of the same name; name each column once",
                    Setting::Columns
                ));
            }
            if self.position(here).is_some() && !seen.load(Ordering::Relaxed) {
                return refused(format!(
                    "no column `{there}`, which {} takes for `{here}`",
                    Setting::Columns
                ));
            }
        }
        Ok(())
    }

    /// The names here of a file's columns.
    fn own_names(&self, names: &[String]) -> Vec<String> {
        let own = |name: &String| own_name(&self.renamed, name).unwrap_or(name).to_owned();
        names.iter().map(own).collect()
    }

    /// The position of a column that is asked for, by its name here.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        let is_it = |column: &Column| column.name == name;
        let mut columns = self.columns.iter();
        columns.position(|column| column.as_ref().is_some_and(is_it))
    }

    /// What a file's name of a column stands for.
    pub(crate) fn meant_by(&self, name: &str) -> Option<Position> {
        let (own, yields) = match own_name(&self.renamed, name) {
            Some(own) => (own, false),
            None => (name, self.renamed.iter().any(|one| one.here == name)),
        };
        self.position(own).map(|column| Position { column, yields })
    }

    /// Where a column that is asked for stands among those of a file.
    pub(crate) fn find(
        &self,
        column: Option<&Column>,
        names: &[String],
        at: impl Fn() -> At,
    ) -> Result<Option<usize>> {
        let position = |wanted: &str| names.iter().position(|name| name == wanted);
        let found = column.and_then(|column| self.names_of(column).find_map(position));
        if let Some(found) = found
            && names[found + 1..].contains(&names[found])
        {
            let name = &names[found];
            let problem = format!("two columns are named `{name}`; rename or drop one of them");
            return Err(Error::Syntax { at: at(), problem });
        }
        Ok(found)
    }

    /// The names among which a file's column of this name is looked for, the first that is there.
    pub(crate) fn names_of<'a>(&'a self, column: &'a Column) -> impl Iterator<Item = &'a str> {
        let is_it = |one: &&Renamed| one.here == column.name;
        let there = self.renamed.iter().find(is_it);
        there
            .map(|one| one.there.as_str())
            .into_iter()
            .chain([column.name])
    }
}

/// The name here of a column that files call otherwise.
fn own_name<'a>(renamed: &'a [Renamed], name: &str) -> Option<&'a str> {
    let mut renamed = renamed.iter();
    renamed
        .find(|one| one.there == name)
        .map(|one| one.here.as_str())
}

/// The two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// What each model thinks of each response.
    Scores,
    /// Responses drawn from each model, with their rewards.
    Samples,
}

impl Table {
    /// The one that it is not.
    pub(crate) fn other(self) -> Table {
        match self {
            Table::Scores => Table::Samples,
            Table::Samples => Table::Scores,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Table::Scores => "score table",
            Table::Samples => "sample table",
        }
    }

    fn todo(self) -> &'static str {
        match self {
            Table::Scores => "`select`, `profile` and `reach` take score tables",
            Table::Samples => {
                "`pass` and `select` take sample tables (responses that all models were asked \
                 about are told by a column `source`)"
            }
        }
    }

    fn needs(self) -> &'static str {
        match self {
            Table::Scores => {
                "a score table needs `model`, `prompt_id` and `logprob`; `ReadOptions::columns` \
                 takes others for them"
            }
            Table::Samples => {
                "a sample table needs `model`, `prompt_id` and either `response_id` with `reward` \
                 (or `correct`, `passed`; or `text`, which `ReadOptions::texts` judges) or the \
                 counts `n` and `c`; `ReadOptions::columns` takes others for them"
            }
        }
    }

    /// The kind of table that columns of these names make, some of which are renamed: what
    /// [`Layout::check`] does not refuse.
    pub(crate) fn of(names: &[String], renamed: &[(String, String)]) -> Table {
        let is_here = |name: &str| names.iter().any(|known| known == name);
        let has = |name: &str| {
            let mut renamed = renamed.iter();
            is_here(name) || renamed.any(|(here, there)| here == name && is_here(there))
        };
        let reward = has("reward") || has("correct") || has("passed");
        let counts = has("n") && has("c");
        let is_sample = if has("logprob") {
            reward && !has("source")
        } else {
            reward || counts
        };
        if is_sample {
            Table::Samples
        } else {
            Table::Scores
        }
    }

    /// `names`: those here; `found`: those of the file, for messages.
    fn check(
        self,
        names: &[String],
        found: &[String],
        is_judged: bool,
        at: impl Fn() -> At,
    ) -> Result<()> {
        let has = |name: &str| names.iter().any(|known| known == name);
        let reward = has("reward") || has("correct") || has("passed");
        let counts = has("n") && has("c");
        let is_sample = (reward || counts) && !(has("logprob") && has("source"));
        let missing = match self {
            Table::Scores if is_sample && (reward || !has("logprob")) => {
                return Err(self.wrong(Table::Samples, at()));
            }
            Table::Scores => ["model", "prompt_id", "logprob"]
                .into_iter()
                .find(|n| !has(n)),
            Table::Samples if !reward && !counts && !is_judged && has("logprob") => {
                return Err(self.wrong(Table::Scores, at()));
            }
            Table::Samples if !reward && !counts && !is_judged => Some("reward"),
            Table::Samples if reward || is_judged => ["model", "prompt_id", "response_id"]
                .into_iter()
                .find(|n| !has(n)),
            Table::Samples => ["model", "prompt_id"].into_iter().find(|n| !has(n)),
        };
        match missing {
            None => Ok(()),
            Some(column) if partition(&at().path, column).is_some() => Err(in_path(column, at())),
            Some(column) => Err(Error::MissingColumn {
                at: at(),
                column,
                found: if found.is_empty() {
                    "none".into()
                } else {
                    list(found)
                },
                needs: self.needs(),
            }),
        }
    }

    pub(crate) fn wrong(self, found: Table, at: At) -> Error {
        Error::WrongTable {
            at,
            found: found.name(),
            wanted: self.name(),
            todo: found.todo(),
        }
    }
}

/// The folder on a path that says what a column holds, as partitioned data sets have it.
fn partition<'a>(path: &'a Path, column: &str) -> Option<&'a str> {
    let mut folders = path.parent()?.iter().filter_map(|folder| folder.to_str());
    folders.find(|folder| {
        let value = folder.strip_prefix(column);
        value.is_some_and(|value| value.starts_with('='))
    })
}

/// The error about a column that stands in the path alone.
fn in_path(column: &str, at: At) -> Error {
    let folder = partition(&at.path, column).unwrap_or_default();
    let problem = format!(
        "no column `{column}`; the folder `{folder}` says what it holds, but names of folders are \
         not read: write the table with this column in its files, or give the data frame that \
         pandas or Polars reads of the whole folder to the Python package"
    );
    Error::Syntax { at, problem }
}
