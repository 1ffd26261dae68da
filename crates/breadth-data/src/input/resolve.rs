//! From what the user named to files, and which of these are other tools' logs.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::atomic::is_temporary;
use crate::error::{Error, Result};
use crate::format::extensions;
use crate::io::open::read_error;
use crate::lock::is_lock;
use crate::log::{Found, Recognised, log_formats, recognise, refuse};
use crate::options::LogOptions;
use crate::order::NaturalKey;
use crate::run_folder::RunFolder;
use crate::schema::Table;

/// The files behind the inputs, each kind in the order in which they were named.
#[derive(Default)]
pub(crate) struct Resolved {
    pub(crate) tables: Vec<PathBuf>,
    pub(crate) logs: Vec<Found>,
}

/// Resolves run folders, folders and globs; every named thing must exist before any is read.
pub(crate) fn resolve(named: &[PathBuf], table: Table, options: &LogOptions) -> Result<Resolved> {
    let (names, inputs) = (options.models.len(), named.len());
    if named.is_empty() {
        return Err(Error::NoInput);
    }
    if names > 1 && names != inputs {
        return Err(Error::ModelNames { names, inputs });
    }
    let mut resolved = Resolved::default();
    for (at, path) in named.iter().enumerate() {
        let name = options.models.get(at).or(options.models.last());
        resolved.add(path, table, name)?;
    }
    Ok(resolved)
}

/// The files behind inputs that must all be logs.
pub(crate) fn expand_logs(named: &[PathBuf], options: &LogOptions) -> Result<Vec<Found>> {
    let resolved = resolve(named, Table::Scores, options)?;
    match resolved.tables.into_iter().next() {
        None => Ok(resolved.logs),
        Some(path) => Err(Error::NotALog {
            path,
            known: log_formats(),
        }),
    }
}

impl Resolved {
    fn add(&mut self, path: &Path, table: Table, name: Option<&String>) -> Result<()> {
        if path == Path::new("-") {
            self.tables.push(path.into());
            return Ok(());
        }
        let before = self.tables.len() + self.logs.len();
        let files = expand(path, table)?;
        let is_named = matches!(&files[..], [only] if only == path);
        for file in files {
            match recognise(&file)? {
                Recognised::Log(format) => self.logs.push(Found {
                    path: file,
                    format,
                    is_named,
                    model: name.cloned(),
                }),
                // What lies beside logs is no mistake of the user's.
                Recognised::Other(what) if is_named => return Err(refuse(&file, what)),
                Recognised::Other(_) => {}
                Recognised::Unknown if !is_named && is_of_logs(&file) => {}
                Recognised::Unknown => self.tables.push(file),
            }
        }
        if self.tables.len() + self.logs.len() > before {
            Ok(())
        } else if path.is_dir() {
            Err(empty(path))
        } else {
            Err(Error::NoMatch(path.display().to_string()))
        }
    }
}

fn empty(folder: &Path) -> Error {
    Error::EmptyFolder {
        path: folder.into(),
        looked_for: looked_for(),
    }
}

/// Files of these names are looked into, and taken if they are other tools' logs.
const OF_LOGS: [&str; 5] = ["eval", "json", "yaml", "yml", "pt"];
/// The files of a folder that are taken, in words.
fn looked_for() -> String {
    let names: Vec<String> = extensions()
        .map(|extension| format!("*.{extension}"))
        .collect();
    let (last, others) = names.split_last().expect("there are formats");
    let others = others.join(", ");
    format!("{others} and {last}, also with .gz or .zst, and other tools' logs")
}

pub(super) fn expand(path: &Path, table: Table) -> Result<Vec<PathBuf>> {
    if path == Path::new("-") {
        return Ok(vec![path.into()]);
    }
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() && RunFolder::is_one(path) => {
            expand(&RunFolder::new(path).table(table), table)
        }
        Ok(meta) if meta.is_dir() => folder(path, table),
        Ok(_) => Ok(vec![path.into()]),
        Err(error) if error.kind() == io::ErrorKind::NotFound => matches(path),
        Err(source) => Err(read_error(path, source)),
    }
}

/// The tables and logs in a folder and in those inside it, by name, numbers by value; other files
/// may lie beside them.
fn folder(path: &Path, table: Table) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    gather(path, table, &mut seen, &mut files)?;
    files.sort_by_cached_key(|file| NaturalKey::of_path(file));
    if files.is_empty() {
        return Err(empty(path));
    }
    Ok(files)
}

/// Adds what is in a folder; `seen` holds the folders that were looked into, as links may lead in
/// circles.
fn gather(
    path: &Path,
    table: Table,
    seen: &mut HashSet<PathBuf>,
    files: &mut Vec<PathBuf>,
) -> Result<()> {
    let fail = |source| read_error(path, source);
    if !seen.insert(fs::canonicalize(path).map_err(fail)?) {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let (name, inside) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        if inside.is_dir() {
            if RunFolder::is_one(&inside) {
                let of_run = RunFolder::new(&inside).table(table);
                files.extend(Some(of_run).filter(|file| file.is_file()));
            } else if holds_tables(&name, &inside) {
                gather(&inside, table, seen, files)?;
            }
        } else if (is_table_name(&name) || is_of_logs(Path::new(&*name)))
            && (inside.is_file() || leads_nowhere(&inside))
        {
            files.push(inside);
        }
    }
    Ok(())
}

/// A link to a file that is gone: whoever put it there expects it to be read.
fn leads_nowhere(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

/// Whether a folder inside of one that was named is looked into: not what is hidden, a checkpoint,
/// or the parts of an unfinished table.
fn holds_tables(name: &str, path: &Path) -> bool {
    !name.starts_with('.') && !name.ends_with(".parts") && !path.join("config.json").is_file()
}

pub(super) fn is_of_logs(path: &Path) -> bool {
    let is_hidden = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let known = |ext: &&str| {
        path.extension()
            .is_some_and(|found| found.eq_ignore_ascii_case(ext))
    };
    !is_hidden && OF_LOGS.iter().any(known)
}

fn is_table_name(name: &str) -> bool {
    let plain = name
        .strip_suffix(".gz")
        .or_else(|| name.strip_suffix(".zst"));
    let extension = Path::new(plain.unwrap_or(name)).extension();
    let known = |known| extension.is_some_and(|found| found.eq_ignore_ascii_case(known));
    !name.starts_with('.') && extensions().any(known)
}

fn matches(path: &Path) -> Result<Vec<PathBuf>> {
    let pattern = path.to_string_lossy();
    if !pattern.contains(['*', '?', '[']) {
        return Err(Error::NotFound(path.into()));
    }
    let no_match = || Error::NoMatch(pattern.to_string());
    let found = glob::glob(&pattern).map_err(|_| no_match())?;
    let mut files = Vec::new();
    for entry in found {
        let entry = entry.map_err(|error| {
            let path = error.path().to_path_buf();
            read_error(&path, error.into())
        })?;
        let name = entry.file_name().unwrap_or_default();
        if entry.is_file() && !is_temporary(name) && !is_lock(name) {
            files.push(entry);
        }
    }
    files.sort_by_cached_key(|file| NaturalKey::of_path(file));
    if files.is_empty() {
        return Err(no_match());
    }
    Ok(files)
}
