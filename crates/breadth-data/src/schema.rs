//! The columns of the two tables: the one place that says what a reader looks for.

use crate::error::{At, Error, Result, list};

/// What a column holds, whatever the file's own type for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// A string or an integer; becomes a dictionary of strings.
    Id,
    /// A number; becomes f64.
    Number,
    /// A number or a boolean; becomes f64, true being 1.
    Flag,
    /// A list of numbers; becomes a list of f32.
    Numbers,
}

impl ColumnType {
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            ColumnType::Id => "strings or integers",
            ColumnType::Number => "numbers",
            ColumnType::Flag => "numbers or booleans",
            ColumnType::Numbers => "lists of numbers",
        }
    }
}

/// A column that a reader looks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: ColumnType,
    /// Whether no row can do without it.
    pub(crate) required: bool,
}

const fn required(name: &'static str, kind: ColumnType) -> Column {
    let required = true;
    Column {
        name,
        kind,
        required,
    }
}

const fn optional(name: &'static str, kind: ColumnType) -> Column {
    let required = false;
    Column {
        name,
        kind,
        required,
    }
}

/// The columns to read, and the kind of table they belong to.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) table: Table,
    pub(crate) columns: Vec<Column>,
}

/// The two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// What each model thinks of each response.
    Scores,
    /// Responses drawn from each model, with their rewards.
    Samples,
}

/// Positions of the score columns in a [`Layout`] and so in every chunk read by it.
pub(crate) mod score {
    use super::{Column, ColumnType, optional, required};

    pub(crate) const SOURCE: usize = 0;
    pub(crate) const PROMPT: usize = 1;
    pub(crate) const RESPONSE: usize = 2;
    pub(crate) const MODEL: usize = 3;
    pub(crate) const LOGPROB: usize = 4;
    pub(crate) const GROUP: usize = 5;
    pub(crate) const WEIGHT: usize = 6;
    /// This and the next ones are read only when they or a later one is asked for; so they come last.
    pub(crate) const ANSWER: usize = 7;
    pub(crate) const TOKENS: usize = 8;
    pub(crate) const TOKEN_LOGPROBS: usize = 9;

    pub(crate) const COLUMNS: [Column; 10] = [
        optional("source", ColumnType::Id),
        required("prompt_id", ColumnType::Id),
        optional("response_id", ColumnType::Id),
        required("model", ColumnType::Id),
        required("logprob", ColumnType::Number),
        optional("group", ColumnType::Id),
        optional("weight", ColumnType::Number),
        optional("answer", ColumnType::Id),
        optional("tokens", ColumnType::Number),
        optional("token_logprobs", ColumnType::Numbers),
    ];
}

/// Positions of the sample columns, as in [`score`].
pub(crate) mod sample {
    use super::{Column, ColumnType, optional, required};

    pub(crate) const PROMPT: usize = 0;
    pub(crate) const RESPONSE: usize = 1;
    pub(crate) const MODEL: usize = 2;
    pub(crate) const GROUP: usize = 3;
    pub(crate) const N: usize = 4;
    pub(crate) const C: usize = 5;
    /// The names a reward goes by; the first one present counts.
    pub(crate) const REWARDS: [usize; 3] = [6, 7, 8];

    /// This and the next ones are read only when they are asked for; so they come last.
    pub(crate) const ANSWER: usize = 9;
    pub(crate) const TEXT: usize = 10;
    pub(crate) const QUESTION: usize = 11;
    pub(crate) const GOLD: usize = 12;

    pub(crate) const COLUMNS: [Column; 13] = [
        required("prompt_id", ColumnType::Id),
        optional("response_id", ColumnType::Id),
        required("model", ColumnType::Id),
        optional("group", ColumnType::Id),
        optional("n", ColumnType::Number),
        optional("c", ColumnType::Number),
        optional("reward", ColumnType::Flag),
        optional("correct", ColumnType::Flag),
        optional("passed", ColumnType::Flag),
        optional("answer", ColumnType::Id),
        optional("text", ColumnType::Id),
        optional("prompt", ColumnType::Id),
        optional("gold", ColumnType::Id),
    ];
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
            Table::Scores => "`breadth select` and `breadth profile` take score tables",
            Table::Samples => {
                "`breadth pass` takes sample tables (responses that all models were asked about are told by a column `source`)"
            }
        }
    }

    fn needs(self) -> &'static str {
        match self {
            Table::Scores => "a score table needs `model`, `prompt_id` and `logprob`",
            Table::Samples => {
                "a sample table needs `model`, `prompt_id` and either `response_id` with `reward` \
                 (or `correct`, `passed`) or the counts `n` and `c`"
            }
        }
    }

    /// The kind of table that columns of these names make: what [`check`](Self::check) does not refuse.
    pub(crate) fn of(names: &[String]) -> Table {
        let has = |name: &str| names.iter().any(|known| known == name);
        let reward = has("reward") || has("correct") || has("passed");
        let counts = has("n") && has("c");
        let is_sample = match has("logprob") {
            true => reward && !has("source"),
            false => reward || counts,
        };
        match is_sample {
            true => Table::Samples,
            false => Table::Scores,
        }
    }

    /// Checks that columns of these names can be this kind of table.
    ///
    /// A table of samples with their log-probabilities has every column that a score table needs.
    /// Its responses differ from model to model, so to compare them would be wrong; what tells it
    /// apart is a reward, and no `source` to say that the responses are shared.
    pub(crate) fn check(self, names: &[String], at: impl Fn() -> At) -> Result<()> {
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
            Table::Samples if !reward && !counts && has("logprob") => {
                return Err(self.wrong(Table::Scores, at()));
            }
            Table::Samples if !reward && !counts => Some("reward"),
            Table::Samples if reward => ["model", "prompt_id", "response_id"]
                .into_iter()
                .find(|n| !has(n)),
            Table::Samples => ["model", "prompt_id"].into_iter().find(|n| !has(n)),
        };
        match missing {
            None => Ok(()),
            Some(column) => Err(Error::MissingColumn {
                at: at(),
                column,
                found: if names.is_empty() {
                    "none".into()
                } else {
                    list(names)
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
