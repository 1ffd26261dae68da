//! Several logs as one table: read, joined, and told of.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::apart;
use super::entry::{Entry, chunk};
use super::filtered;
use super::found::{Found, ReadLog};
use super::join::Joins;
use super::model_name::told_apart;
use super::parts;
use crate::error::{At, Error, Result};
use crate::io::chunk::Chunk;
use crate::message::{list, short};
use crate::options::ReadOptions;
use crate::schema::{Layout, Table};
use crate::setting::Setting;

/// Rows of other tools' logs, checked and joined, ready to be written as a table.
#[derive(Clone, Debug)]
pub struct Logs {
    /// Which table they make.
    pub table: Table,
    /// The logs, in the order in which they were read.
    pub files: Vec<LogFile>,
    /// Prompts that are not the same in all logs, which were left out.
    pub differ: usize,
    /// Logs that make the other table, which were left out.
    pub others: Vec<PathBuf>,
    /// Whether the user said which table they make.
    is_asked: bool,
    /// What is to be said of the logs together.
    said: Vec<String>,
    pub(crate) rows: Vec<(Arc<Path>, Vec<Entry>)>,
}

/// What one log came to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogFile {
    /// The log.
    pub path: PathBuf,
    /// What it was recognised as.
    pub format: &'static str,
    /// The models that it is about.
    pub models: Vec<String>,
    /// The rows that it gave.
    pub rows: usize,
    /// What of it was left out: how many, and what.
    pub dropped: Vec<(u64, String)>,
    /// What its reader wants known.
    pub notes: Vec<String>,
}

/// Reads logs of one table, and names those that make the other one.
///
/// Where nobody asked for a table, it is that of scores as soon as any log makes one. What makes the
/// other table is then no mistake in a folder, nor of a tool whose logs make both.
fn read_all<'a>(
    files: impl Iterator<Item = &'a Found>,
    asked: Option<Table>,
    options: &ReadOptions,
) -> Result<(Vec<ReadLog<'a>>, Vec<PathBuf>)> {
    let mut wanted = asked;
    let mut read = Vec::new();
    for file in files {
        let log = file.read(wanted, options);
        if wanted.is_none() && matches!(&log, Ok(log) if log.entries.table == Table::Scores) {
            wanted = Some(Table::Scores);
        }
        read.push((file, log));
    }
    let table = wanted.unwrap_or(Table::Samples);
    let (mut logs, mut others) = (Vec::new(), Vec::new());
    for (file, log) in read {
        let is_other = match &log {
            Ok(log) => log.entries.table != table,
            Err(Error::WrongTable { .. }) => true,
            // It was read before it was known that scores are wanted.
            Err(_) if asked != wanted => {
                let again = file.read(wanted, options);
                matches!(again, Err(Error::WrongTable { .. }))
            }
            Err(_) => false,
        };
        let may_be_other = asked.is_none() && file.format.may_hold_likelihoods;
        if is_other && (!file.is_named || may_be_other) {
            others.push(file.path.clone());
        } else if is_other {
            logs.push(file.read(wanted, options)?);
        } else {
            logs.push(log?);
        }
    }
    Ok((logs, others))
}

impl Logs {
    /// Reads recognised files and joins them.
    pub(crate) fn gather(
        found: &[Found],
        table: Option<Table>,
        options: &ReadOptions,
    ) -> Result<Self> {
        let all: Vec<_> = found
            .iter()
            .map(|file| (&*file.path, file.format))
            .collect();
        let (is_chosen, said) = parts::chosen(&all);
        let chosen = found.iter().zip(is_chosen).filter(|(_, chosen)| *chosen);
        let (mut read, others) = read_all(chosen.map(|(file, _)| file), table, options)?;
        filtered::check(&read, options.log.filter.as_deref())?;
        let apart = apart::tell_apart(&mut read);
        let Some(first) = read.first() else {
            return Err(Self::only_others(&others, table));
        };
        let mut logs = Self::empty(first.entries.table);
        logs.is_asked = table.is_some();
        logs.others = others;
        logs.said = said;
        logs.said.extend(apart);
        let mut joins = Joins::default();
        let named_by_path: Vec<bool> = read.iter().map(|log| log.named_by_path).collect();
        for log in read {
            joins.add(&log.path, &log.entries.rows);
            logs.files.push(LogFile {
                path: log.file.path.clone(),
                format: log.file.format.name,
                models: distinct(&log.entries.rows, |row| &row.model),
                rows: log.entries.rows.len(),
                dropped: log.entries.dropped.0,
                notes: log.entries.notes,
            });
            logs.rows.push((log.path, log.entries.rows));
        }
        logs.tell_apart(&named_by_path);
        let differ = joins.left_out(options.intersect)?;
        logs.differ = differ.len();
        logs.keep(|row| !differ.contains(&row.prompt));
        logs.refuse_duplicates()?;
        match logs.rows() {
            0 => Err(logs.nothing_left()),
            _ => Ok(logs),
        }
    }

    /// Names models after their folders where several logs of one model, which is named after their
    /// paths, hold the same prompts.
    fn tell_apart(&mut self, named_by_path: &[bool]) {
        for name in self.models() {
            let of_name = |at: &usize| named_by_path[*at] && self.files[*at].models == [&*name];
            let of_name: Vec<usize> = (0..self.files.len()).filter(of_name).collect();
            let mut seen = HashSet::new();
            let is_twice = of_name.iter().any(|&at| {
                let prompts: HashSet<&str> =
                    self.rows[at].1.iter().map(|row| &*row.prompt).collect();
                !prompts.into_iter().all(|prompt| seen.insert(prompt))
            });
            let paths: Vec<&Path> = of_name.iter().map(|&at| &*self.rows[at].0).collect();
            let Some(apart) = told_apart(&paths).filter(|_| is_twice) else {
                continue;
            };
            self.said.push(format!(
                "models are named after folders, as several logs would be `{name}`: {}",
                list(&apart)
            ));
            for (at, name) in of_name.into_iter().zip(apart) {
                let model: Arc<str> = name.as_str().into();
                let rows = &mut self.rows[at].1;
                rows.iter_mut().for_each(|row| row.model = model.clone());
                self.files[at].models = vec![name];
            }
        }
    }

    /// Refuses rows of one key in two logs, which the readers of tables would refuse without
    /// knowing that logs can be named.
    fn refuse_duplicates(&self) -> Result<()> {
        let shared = |model: &String| {
            let holds = |file: &&LogFile| file.models.contains(model);
            self.files.iter().filter(holds).nth(1).is_some()
        };
        let shared: HashSet<String> = self.models().into_iter().filter(shared).collect();
        let mut first: HashMap<(&str, &str, &str), At> = HashMap::new();
        for (path, rows) in &self.rows {
            for row in rows.iter().filter(|row| shared.contains(&*row.model)) {
                let at = || At {
                    path: path.clone(),
                    place: Some(row.place),
                };
                let key = (&*row.model, &*row.prompt, &*row.response);
                let known = first.entry(key).or_insert_with(at);
                if known.path != *path {
                    return Err(Error::DuplicateLogs {
                        first: known.clone(),
                        second: at(),
                        model: short(&row.model).into(),
                        prompt: short(&row.prompt).into(),
                    });
                }
            }
        }
        Ok(())
    }

    /// The error where every log in a folder makes the other table.
    fn only_others(others: &[PathBuf], table: Option<Table>) -> Error {
        match (others.first(), table) {
            (Some(path), Some(wanted)) => {
                let at = At {
                    path: path.as_path().into(),
                    place: None,
                };
                wanted.wrong(wanted.other(), at)
            }
            _ => Error::NoInput,
        }
    }

    fn nothing_left(&self) -> Error {
        let names = self
            .files
            .iter()
            .map(|file| file.path.display().to_string());
        let names = names.collect::<Vec<_>>().join(", ");
        let remarks = self.remarks();
        let why = remarks
            .iter()
            .filter(|remark| remark.contains("left out: "));
        let why: Vec<&str> = why.map(String::as_str).collect();
        if why.is_empty() {
            return Error::NoRows(names);
        }
        Error::NoRows(format!("{names} ({})", why.join("; ")))
    }

    fn empty(table: Table) -> Self {
        Self {
            table,
            files: Vec::new(),
            differ: 0,
            others: Vec::new(),
            is_asked: false,
            said: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn keep(&mut self, is_kept: impl Fn(&Entry) -> bool) {
        for ((_, rows), file) in self.rows.iter_mut().zip(&mut self.files) {
            rows.retain(&is_kept);
            file.rows = rows.len();
        }
    }

    /// The models, in order of first appearance.
    pub fn models(&self) -> Vec<String> {
        self.distinct(|row| &row.model)
    }

    /// The prompts, in order of first appearance.
    pub fn prompts(&self) -> Vec<String> {
        self.distinct(|row| &row.prompt)
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.files.iter().map(|file| file.rows).sum()
    }

    fn distinct(&self, name: impl Fn(&Entry) -> &Arc<str>) -> Vec<String> {
        distinct(self.rows.iter().flat_map(|(_, rows)| rows), name)
    }

    /// What a user should know, each said once however many logs it holds for.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let mut dropped: Vec<(u64, &'static str, &str)> = Vec::new();
        for file in &self.files {
            for (count, why) in &file.dropped {
                match dropped
                    .iter_mut()
                    .find(|(_, format, known)| (*format, *known) == (file.format, why))
                {
                    Some((known, ..)) => *known += count,
                    None => dropped.push((*count, file.format, why)),
                }
            }
            let notes = file
                .notes
                .iter()
                .map(|note| format!("{}: {note}", file.format));
            remarks.extend(notes);
        }
        let left_out = |(count, format, why): (u64, &str, &str)| {
            format!("{format}: left out: {why} ({count})")
        };
        remarks.extend(dropped.into_iter().map(left_out));
        if !self.others.is_empty() {
            let names = self.others.iter().map(|path| path.display().to_string());
            let todo = match self.table {
                Table::Scores if !self.is_asked => format!("; {} takes them", Setting::Samples),
                _ => String::new(),
            };
            remarks.push(format!(
                "left out: logs that make a {}, not a {}: {}{todo}",
                self.table.other().name(),
                self.table.name(),
                list(&names.collect::<Vec<_>>())
            ));
        }
        remarks.extend(self.said.iter().cloned());
        if self.differ > 0 {
            remarks.push(format!(
                "left out: prompts that differ between the logs ({})",
                self.differ
            ));
        }
        let mut seen = HashSet::new();
        remarks.retain(|remark| seen.insert(remark.clone()));
        remarks
    }

    /// The rows as the readers of tables take them.
    pub(crate) fn chunks(&self, layout: &Layout) -> Result<Vec<Chunk>> {
        let filled = self.rows.iter().filter(|(_, rows)| !rows.is_empty());
        filled
            .map(|(path, rows)| chunk(path.clone(), rows, layout))
            .collect()
    }
}

fn distinct<'a>(
    rows: impl IntoIterator<Item = &'a Entry>,
    name: impl Fn(&Entry) -> &Arc<str>,
) -> Vec<String> {
    let mut seen = HashSet::new();
    let names = rows.into_iter().map(|row| name(row).clone());
    names
        .filter(|name| seen.insert(name.clone()))
        .map(|name| name.to_string())
        .collect()
}
