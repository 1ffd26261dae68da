//! Which format a file is in, by its content; its name does not matter.
//!
//! To add a format: its file here, and its line in [`FORMATS`].

use std::io::{self, Read};
use std::path::Path;

use super::format::{Format, Has, Sign};
use super::{
    eval_plus, every_eval, generations, human_eval, inspect, lm_eval, monkeys, pass_flags, rollouts,
};
use crate::error::{At, Error, Result};
use crate::io::json::Members;
use crate::io::open::{open_text, read_error};

/// The formats; where several would take a file, the first does.
static FORMATS: [Format; 19] = [
    lm_eval::FORMAT,
    lm_eval::LIST,
    inspect::archive::FORMAT,
    inspect::json::FORMAT,
    pass_flags::FORMAT,
    every_eval::FORMAT,
    human_eval::FORMAT,
    eval_plus::FORMAT,
    rollouts::verl::FORMAT,
    rollouts::open_rlhf::FORMAT,
    rollouts::verifiers::FORMAT,
    rollouts::traces::FORMAT,
    rollouts::nemo_gym::FORMAT,
    rollouts::nemo_rl::FORMAT,
    rollouts::sky_rl::FORMAT,
    rollouts::slime::FORMAT,
    rollouts::trl::FORMAT,
    generations::FORMAT,
    monkeys::FORMAT,
];

/// Known files that are no tables, and what to do with them.
static NO_TABLES: [(Sign, &str); 3] = [
    (
        Sign::Document(|has| has("log_history")),
        "this is the state of a Hugging Face trainer, not a table; give it with \
         `TrainerState::read` beside one",
    ),
    (
        Sign::Document(|has| has("results") && has("configs") && has("versions")),
        "these are the results of lm-evaluation-harness, without the documents; give the \
         samples_*.jsonl that it writes with --log_samples",
    ),
    (
        Sign::Line(|has| has("eval/all/avg_score")),
        "these are the averages of SkyRL's evaluation, without the responses; give the .jsonl \
         files beside it",
    ),
];

/// What a file is.
pub(crate) enum Recognised {
    /// A log that becomes a table.
    Log(&'static Format),
    /// A known file that is no table, and what to do with it.
    Other(&'static str),
    /// Not known here: one of our tables, or a mistake that the readers of tables explain.
    Unknown,
}

/// The formats of other tools' logs that are recognised, as a message lists them.
///
/// ```
/// assert!(breadth_data::log_formats().contains("Inspect (.eval, .json), "));
/// ```
#[must_use]
pub fn log_formats() -> String {
    let mut names: Vec<&str> = FORMATS.iter().map(|format| format.help).collect();
    names.dedup();
    names.join(", ")
}

/// Looks at a file's content.
pub(crate) fn recognise(path: &Path) -> Result<Recognised> {
    let fail = |source| read_error(path, source);
    let mut file = std::fs::File::open(path).map_err(fail)?;
    let mut magic = Vec::new();
    file.by_ref()
        .take(4)
        .read_to_end(&mut magic)
        .map_err(fail)?;
    match magic.as_slice() {
        // A damaged file is for the reader of tables to explain.
        b"PAR1" => {
            find(|sign| Ok(matches!(sign, Sign::Parquet(is_one) if is_one(path).unwrap_or(false))))
        }
        b"PK\x03\x04" => find(|sign| {
            let Sign::Zip(is_one) = sign else {
                return Ok(false);
            };
            is_one(path)
        }),
        _ => text(path).map_err(fail),
    }
}

/// The first format that this is the sign of.
fn find(is_one: impl Fn(&Sign) -> Result<bool>) -> Result<Recognised> {
    for format in &FORMATS {
        if is_one(&format.sign)? {
            return Ok(Recognised::Log(format));
        }
    }
    for (sign, what) in &NO_TABLES {
        if is_one(sign)? {
            return Ok(Recognised::Other(what));
        }
    }
    Ok(Recognised::Unknown)
}

/// As [`find`], of what a text says.
fn find_text(is_one: impl Fn(&Sign) -> bool) -> Option<Recognised> {
    match find(|sign| Ok(is_one(sign))) {
        Ok(Recognised::Unknown) | Err(_) => None,
        Ok(found) => Some(found),
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

/// As much of a text as it takes to know it.
const MOST: usize = 64 << 20;

fn text(path: &Path) -> io::Result<Recognised> {
    let mut reader = open_text(path)?;
    let mut head = Vec::new();
    let mut wanted = 4096;
    loop {
        let more = (wanted - head.len()) as u64;
        let read = reader.by_ref().take(more).read_to_end(&mut head)?;
        let is_all = (read as u64) < more;
        let found = match head.trim_ascii_start().first() {
            Some(b'{') => of_object(&Members::scan(head.trim_ascii_start())),
            Some(b'[') => of_list(&head),
            Some(_) if is_yaml(&head) => of_yaml(&head),
            _ => Some(Recognised::Unknown),
        };
        match found {
            Some(kind) => return Ok(kind),
            None if is_all || head.len() >= MOST => return Ok(Recognised::Unknown),
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
        Some(Recognised::Log(format)) => Some(format.name),
        _ => None,
    }
}

/// What an object is by the names of its members; `None` while those seen do not tell.
fn of_object(members: &Members) -> Option<Recognised> {
    let has = |name: &str| members.has(name);
    if has("prompt_id") && has("model") {
        return Some(Recognised::Unknown);
    }
    let document = find_text(|sign| matches!(sign, Sign::Document(is_one) if is_one(&has)));
    // A line of our own tables may have such members too, and its own after them.
    document.or_else(|| members.closed.then(|| of_line(&has)))
}

/// What a whole line of JSON Lines is.
fn of_line(has: Has) -> Recognised {
    let line = find_text(|sign| matches!(sign, Sign::Line(is_one) if is_one(has)));
    line.unwrap_or(Recognised::Unknown)
}

fn of_list(head: &[u8]) -> Option<Recognised> {
    let list = find_text(|sign| matches!(sign, Sign::List(begins) if begins(head)));
    Some(list.unwrap_or(Recognised::Unknown))
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

fn of_yaml(head: &[u8]) -> Option<Recognised> {
    let names = || head.split(|&byte| byte == b'\n').filter_map(key);
    let has = |name: &str| names().any(|known| known == name.as_bytes());
    find_text(|sign| matches!(sign, Sign::Yaml(is_one) if is_one(&has)))
}
