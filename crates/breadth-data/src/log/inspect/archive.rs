//! `.eval`: a zip archive with a member for each sample.
//!
//! A finished log has `header.json`; an unfinished one only what was written when it began,
//! `_journal/start.json` (`start.json` in the first versions). A sample is
//! `samples/{id}_epoch_{n}.json`, or, in the chunked form for long transcripts,
//! `samples/{id}_epoch_{n}/sample.json` beside its pieces.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use zip::ZipArchive;

use super::super::source::{Source, parse};
use super::{Header, Log, Sample};
use crate::error::{At, Error, Result};
use crate::reader::read_error;

/// The largest member that is read, decompressed: no sample comes near, and an archive may claim anything.
const LARGEST: u64 = 1 << 30;

const HEADER: &str = "header.json";
const STARTS: [&str; 2] = ["_journal/start.json", "start.json"];
/// What the first versions wrote at the end.
const FINISHED: &str = "results.json";

type Archive = ZipArchive<BufReader<File>>;

/// Whether a zip archive has the members of a log.
pub(in super::super) fn is_archive(path: &Path) -> Result<bool> {
    let archive = open(path)?;
    let names = names(path, &archive)?;
    let is_head = |name: &String| name == HEADER || STARTS.contains(&name.as_str());
    Ok(names.iter().any(is_head))
}

pub(super) fn read(source: &Source) -> Result<Log> {
    let path = &source.path;
    let mut archive = open(path)?;
    let names = names(path, &archive)?;
    let has = |name: &str| names.iter().any(|known| known == name);
    let finished = has(HEADER) || has(FINISHED);
    let mut heads = [HEADER].into_iter().chain(STARTS);
    let head = heads.find(|name| has(name)).unwrap_or(HEADER);
    let header: Header = member(path, &mut archive, head)?;
    let mut samples = Vec::new();
    for name in names.iter().filter(|name| is_sample(name)) {
        let mut sample: Sample = member(path, &mut archive, name)?;
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
    // Identifiers may hold slashes; the pieces of a chunked sample stand in folders named `.._epoch_{n}`.
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
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    ZipArchive::new(BufReader::new(file)).map_err(|error| corrupt(path, &error))
}

fn names(path: &Path, archive: &Archive) -> Result<Vec<String>> {
    let names = archive
        .file_names()
        .map(|name| name.map(|name| name.into_owned()));
    names
        .collect::<Result<_, _>>()
        .map_err(|error| corrupt(path, &error))
}

/// A member's content; messages name it as a file in the archive.
fn member<T: DeserializeOwned>(path: &Path, archive: &mut Archive, name: &str) -> Result<T> {
    let inside: Arc<Path> = path.join(name).into();
    let file = archive
        .by_name(name)
        .map_err(|error| corrupt(&inside, &error))?;
    let mut text = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut text);
    read.map_err(|source| read_error(&inside, source))?;
    let syntax = |problem: String| Error::Syntax {
        at: At {
            path: inside.clone(),
            place: None,
        },
        problem,
    };
    if text.len() as u64 > LARGEST {
        return Err(syntax(format!(
            "more than {LARGEST} bytes in one member; this is no Inspect log"
        )));
    }
    parse(&text).map_err(|error| {
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
