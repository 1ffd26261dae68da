//! `.eval`: a zip archive with a member for each sample.
//!
//! A finished log has `header.json`; an unfinished one only what was written when it began,
//! `_journal/start.json` (`start.json` in the first versions). A sample is
//! `samples/{id}_epoch_{n}.json`, or, in the chunked form for long transcripts,
//! `samples/{id}_epoch_{n}/sample.json` beside its pieces.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use zip::ZipArchive;

use super::log::{Header, Log, entries};
use super::sample::Sample;
use crate::error::{At, Error, Result};
use crate::io::open::read_error;
use crate::limit;
use crate::log::format::{Format, Sign};
use crate::log::source::{Source, parse_within};
use crate::message::short;

pub(in crate::log) const FORMAT: Format = Format {
    name: "Inspect .eval",
    help: "Inspect (.eval, .json)",
    sign: Sign::Zip(is_archive),
    may_hold_likelihoods: true,
    part: None,
    read: |source| entries(source, read(source)?),
};

/// A member may be this many times as long as it is in the archive: transcripts repeat themselves,
/// but not endlessly.
const MEMBER: u64 = 100;

const HEADER: &str = "header.json";
const STARTS: [&str; 2] = ["_journal/start.json", "start.json"];
/// What the first versions wrote at the end.
const FINISHED: &str = "results.json";

type Archive = ZipArchive<BufReader<File>>;

/// Whether a zip archive has the members of a log.
fn is_archive(path: &Path) -> Result<bool> {
    let archive = open(path)?;
    let names = names(path, &archive)?;
    let is_head = |name: &String| name == HEADER || STARTS.contains(&name.as_str());
    Ok(names.iter().any(is_head))
}

fn read(source: &Source) -> Result<Log> {
    let path = &source.path;
    let mut archive = open(path)?;
    let names = names(path, &archive)?;
    let has = |name: &str| names.iter().any(|known| known == name);
    let finished = has(HEADER) || has(FINISHED);
    let mut heads = [HEADER].into_iter().chain(STARTS);
    let head = heads.find(|name| has(name)).unwrap_or(HEADER);
    let most = source.room / 2;
    limit::allow_bytes(most);
    let mut left = most;
    let header: Header = member(path, &mut archive, head, &mut left)?;
    let mut samples = Vec::new();
    for name in names.iter().filter(|name| is_sample(name)) {
        let mut sample: Sample = member(path, &mut archive, name, &mut left)?;
        sample.place = samples.len() as u64 + 1;
        samples.push(sample);
    }
    Ok(Log {
        header,
        samples,
        finished,
    })
}

fn is_sample(name: &str) -> bool {
    let Some(inner) = name.strip_prefix("samples/") else {
        return false;
    };
    // Identifiers may hold slashes; the pieces of a chunked sample stand in folders named
    // `.._epoch_{n}`.
    let in_pieces = |folder: &str| {
        let number = folder.rsplit_once("_epoch_").map(|(_, number)| number);
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match inner.strip_suffix("/sample.json") {
        Some(folder) if in_pieces(folder) => true,
        _ => {
            let whole = inner.strip_suffix(".json");
            let parents = inner
                .match_indices('/')
                .any(|(at, _)| in_pieces(&inner[..at]));
            whole.is_some_and(in_pieces) && !parents
        }
    }
}

fn open(path: &Path) -> Result<Archive> {
    let fail = |source| read_error(path, source);
    let file = BufReader::new(File::open(path).map_err(fail)?);
    let archive = ZipArchive::new(file).map_err(|error| corrupt(path, &error))?;
    let listed = listed(path, archive.central_directory_start()).map_err(fail)?;
    // The reader keeps the last of members that have one name.
    match listed.checked_sub(archive.len() as u64) {
        None | Some(0) => Ok(archive),
        Some(doubled) => Err(Error::Corrupt {
            path: path.into(),
            format: "a zip archive",
            problem: format!("{doubled} members have the name of another"),
            todo: "it does not say which of them is meant: write it again",
        }),
    }
}

/// How many members the central directory lists, whatever the archive says of itself.
fn listed(path: &Path, start: u64) -> std::io::Result<u64> {
    const HEADER: usize = 46;
    let mut file = BufReader::new(File::open(path)?);
    file.seek(SeekFrom::Start(start))?;
    let mut header = [0; HEADER];
    let mut count = 0;
    while file.read_exact(&mut header).is_ok() && header.starts_with(b"PK\x01\x02") {
        count += 1;
        let length = |at: usize| i64::from(u16::from_le_bytes([header[at], header[at + 1]]));
        file.seek_relative(length(28) + length(30) + length(32))?;
    }
    Ok(count)
}

fn names(path: &Path, archive: &Archive) -> Result<Vec<String>> {
    let names = archive
        .file_names()
        .map(|name| name.map(|name| name.into_owned()));
    names
        .collect::<Result<_, _>>()
        .map_err(|error| corrupt(path, &error))
}

/// A member's content; messages name it as a file in the archive. `left` is what the members may
/// come to, in bytes.
fn member<T: DeserializeOwned>(
    path: &Path,
    archive: &mut Archive,
    name: &str,
    left: &mut u64,
) -> Result<T> {
    let inside: Arc<Path> = path.join(&*short(name)).into();
    let file = archive
        .by_name(name)
        .map_err(|error| corrupt(&inside, &error))?;
    let mut text = Vec::new();
    // What an archive says of a member may be untrue.
    let length = std::fs::metadata(path).map_or(u64::MAX, |file| file.len());
    let packed = file.compressed_size().min(length);
    let most = limit::most(packed, MEMBER).min(*left);
    let read = file.take(most + 1).read_to_end(&mut text);
    read.map_err(|source| read_error(&inside, source))?;
    let syntax = |problem: String| Error::Syntax {
        at: At {
            path: inside.clone(),
            place: None,
        },
        problem,
    };
    if text.len() as u64 > most {
        let what = format!("a member of more than {most} bytes out of {packed} compressed ones");
        return Err(limit::over(&inside, None, what));
    }
    let Some(rest) = left.checked_sub(text.len() as u64) else {
        let what = "members that come to far more than the archive";
        return Err(limit::over(&inside, None, what));
    };
    *left = rest;
    parse_within(&text).map_err(|error| {
        let problem = error.to_string();
        if problem.starts_with(limit::VALUES) {
            let problem = problem.split(" at line ").next().unwrap_or_default();
            return limit::over(&inside, None, problem);
        }
        syntax(format!(
            "not what Inspect writes there ({error}); the log may be damaged: copy it again"
        ))
    })
}

fn corrupt(path: &Path, error: &zip::result::ZipError) -> Error {
    Error::Corrupt {
        path: path.into(),
        format: "a zip archive",
        problem: error.to_string(),
        todo: "it may be truncated: copy it again",
    }
}
