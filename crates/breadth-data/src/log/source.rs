//! A log that is being read: its file, what the user asked for, and the errors that name both.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::checked::CheckedMap;
use crate::error::{At, Error, Place, Result};
use crate::io::cell::parse_number;
use crate::io::json::{LOST, mend};
use crate::io::open::{line_error, open_lines, open_text, read_error};
use crate::limit::{self, VALUES, read_line};
use crate::message::{list, short};
use crate::options::{ReadOptions, RewardMap};
use crate::schema::Table;
use crate::setting::Setting;
use crate::value;

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ask<'a> {
    /// The table that is needed; `None` lets the log decide.
    pub(crate) table: Option<Table>,
    pub(crate) model: Option<&'a str>,
    pub(crate) reward: Option<&'a str>,
    pub(crate) filter: Option<&'a str>,
    /// Which number makes which reward, where the log's are others than those in [0, 1].
    pub(crate) reward_map: Option<RewardMap>,
    /// Whether the responses will be judged anew: then those without a grade are taken too.
    pub(crate) texts: bool,
}

/// The way out for rewards of another scale.
pub(crate) const REWARD_MAP: &str = "for rewards of another scale say what counts as right, as in `LogOptions::reward_map` '>0', '>=1', '==1' or 'min=-1,max=1'";

/// A file in some format of log.
pub(crate) struct Source<'a> {
    pub(crate) path: Arc<Path>,
    /// What its rows may take, in bytes, and what is kept of its lines before they are rows.
    pub(crate) room: u64,
    pub(crate) ask: Ask<'a>,
    /// Whether the model is named after the file or a folder of it.
    pub(crate) named_by_path: Cell<bool>,
    /// The lines in which characters could not be read; [`WHOLE`] stands for a whole document.
    pub(crate) lost: RefCell<BTreeSet<u64>>,
}

/// Lines are counted from 1.
const WHOLE: u64 = 0;

/// One line of a log.
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) members: Map<String, Value>,
}

impl<'a> Source<'a> {
    /// A file that was recognised, for the table that is needed.
    pub(crate) fn new(
        path: &Path,
        model: Option<&'a str>,
        table: Option<Table>,
        options: &'a ReadOptions,
    ) -> Self {
        let packed = std::fs::metadata(path).map_or(0, |about| about.len());
        Self {
            path: path.into(),
            // A row of a log takes more than its text where the text is short.
            room: 2 * limit::whole(packed),
            ask: Ask {
                table,
                model,
                reward: options.log.reward.as_deref(),
                filter: options.log.filter.as_deref(),
                reward_map: options.log.reward_map,
                texts: options.texts,
            },
            named_by_path: Cell::new(false),
            lost: RefCell::default(),
        }
    }
}

impl Source<'_> {
    pub(crate) fn at(&self, place: Option<Place>) -> At {
        At {
            path: self.path.clone(),
            place,
        }
    }

    /// An error about a field.
    pub(crate) fn fault(
        &self,
        place: impl Into<Option<Place>>,
        field: &str,
        problem: impl Into<String>,
    ) -> Error {
        Error::Field {
            at: self.at(place.into()),
            field: short(field).into(),
            problem: problem.into(),
        }
    }

    /// Refuses a name, or a text that becomes one, in which characters could not be read: different
    /// ones would be one.
    pub(crate) fn check_name(&self, place: Place, field: &str, name: &str) -> Result<()> {
        let lost = self.lost.borrow();
        let (Place::Row(at) | Place::Line(at)) = place;
        let is_lost = !lost.is_empty() && (lost.contains(&at) || lost.contains(&WHOLE));
        if is_lost && name.contains('\u{fffd}') {
            return Err(self.fault(place, field, LOST));
        }
        Ok(())
    }

    /// What is said where characters of other texts could not be read.
    pub(crate) fn lost_note(&self) -> Option<String> {
        let lost = self.lost.borrow();
        let count = match lost.len() {
            0 => return None,
            _ if lost.contains(&WHOLE) => String::new(),
            lines => format!(" (lines: {lines})"),
        };
        Some(format!(
            "characters that cannot be read (bytes that are not UTF-8, or halves of surrogate \
             pairs) stand as U+FFFD in texts{count}"
        ))
    }

    /// Whether the log's grades do not matter: to whoever judges anew and asks for none of them.
    pub(crate) fn needs_no_grade(&self) -> bool {
        self.ask.texts && self.ask.reward.is_none() && self.ask.reward_map.is_none()
    }

    /// A number of the log as a reward; NaN for one of another scale that does not matter.
    pub(crate) fn reward(&self, place: Place, field: &str, value: f64) -> Result<f64> {
        let mapped = match self.ask.reward_map {
            Some(map) => map.apply(value),
            None => value::reward(value).map_err(|problem| format!("{problem}; {REWARD_MAP}")),
        };
        match mapped {
            Err(_) if self.needs_no_grade() => Ok(f64::NAN),
            mapped => mapped.map_err(|problem| self.fault(place, field, problem)),
        }
    }

    /// Whether a number can be a reward of this log.
    pub(crate) fn is_reward(&self, value: f64) -> bool {
        match self.ask.reward_map {
            Some(map) => map.apply(value).is_ok(),
            None => value::reward(value).is_ok(),
        }
    }

    /// The error about a log of which no response is graded.
    pub(crate) fn ungraded(&self, place: Option<Place>) -> Error {
        Error::Ungraded { at: self.at(place) }
    }

    /// Refuses rows that take far more than the file accounts for.
    pub(crate) fn within_room(&self, taken: u64, place: Place) -> Result<()> {
        if taken > self.room {
            let what = format!("rows that take more than {} bytes", self.room);
            return Err(limit::over(&self.path, Some(place), what));
        }
        Ok(())
    }

    /// An error about the log as a whole.
    pub(crate) fn refuse(&self, problem: impl Into<String>) -> Error {
        Error::Syntax {
            at: self.at(None),
            problem: problem.into(),
        }
    }

    /// The model that was asked for, or that is found.
    pub(crate) fn model(&self, found: impl FnOnce() -> Option<String>) -> Result<Arc<str>> {
        let model = self.ask.model.map(str::to_owned).or_else(found);
        model.map(Into::into).ok_or_else(|| {
            self.refuse(format!(
                "the log does not say which model it is about; name it with {}",
                Setting::Models
            ))
        })
    }

    /// The table to make of a log that holds `found`.
    pub(crate) fn only(&self, found: Table) -> Result<Table> {
        match self.ask.table {
            Some(wanted) if wanted != found => Err(wanted.wrong(found, self.at(None))),
            _ => Ok(found),
        }
    }

    /// The first of the names asked for that the log has, else the first of them; nothing if
    /// nobody asked.
    pub(crate) fn asked_reward(&self, has: impl Fn(&str) -> bool) -> Option<&str> {
        let asked = self.ask.reward?;
        let mut names = asked.split(',').map(str::trim);
        names
            .clone()
            .find(|name| has(name))
            .or_else(|| names.next())
    }

    /// The one of `names` that was asked for, or the only one there is.
    pub(crate) fn choose(
        &self,
        setting: Setting,
        what: &str,
        asked: Option<&str>,
        names: &[String],
    ) -> Result<String> {
        match (asked, names) {
            (None, [only]) => Ok(only.clone()),
            (None, []) => Err(self.refuse(format!("no {what} in this log"))),
            (None, several) => Err(self.refuse(format!(
                "{} {what}s in this log; choose one with {setting}: {}",
                several.len(),
                list(several)
            ))),
            (Some(name), _) if names.iter().any(|known| known == name) => Ok(name.into()),
            (Some(name), []) => {
                Err(self.refuse(format!("{setting} {name}: no {what} in this log")))
            }
            (Some(name), known) => Err(self.refuse(format!(
                "{setting} {name}: no such {what} in this log; it has {}",
                list(known)
            ))),
        }
    }

    /// The objects of a JSON Lines file, one after another.
    pub(crate) fn for_each_line(&self, mut take: impl FnMut(Line) -> Result<()>) -> Result<()> {
        let fail = |source| read_error(&self.path, source);
        let mut reader = open_lines(&self.path).map_err(fail)?;
        let (mut text, mut number) = (Vec::new(), 0);
        loop {
            text.clear();
            let read = read_line(&mut *reader, &mut text);
            let place = Place::Line(number + 1);
            if read.map_err(|source| line_error(&self.path, place, source))? == 0 {
                return Ok(());
            }
            number += 1;
            let line = text.trim_ascii();
            if !line.is_empty() {
                let CheckedMap(members) = self.parse(line, Some(Place::Line(number)))?;
                take(Line { number, members })?;
            }
        }
    }

    /// The text of the whole file.
    pub(crate) fn text(&self) -> Result<Vec<u8>> {
        let fail = |source| read_error(&self.path, source);
        let mut text = Vec::new();
        let packed = std::fs::metadata(&self.path).map_err(fail)?.len();
        let most = limit::most(packed, limit::TIMES);
        let reader = open_text(&self.path).map_err(fail)?;
        reader.take(most + 1).read_to_end(&mut text).map_err(fail)?;
        if text.len() as u64 > most {
            Err(limit::over(
                &self.path,
                None,
                format!("a document of more than {most} bytes out of {packed} compressed ones"),
            ))
        } else {
            Ok(text)
        }
    }

    /// Parses JSON, [mended](mend) where Python wrote what JSON does not know.
    pub(crate) fn parse<T: serde::de::DeserializeOwned>(
        &self,
        text: &[u8],
        place: Option<Place>,
    ) -> Result<T> {
        limit::allow(text.len());
        let mut lost = false;
        let parsed = parse_mended(text, &mut lost);
        if lost {
            let at = place.map_or(WHOLE, |(Place::Row(at) | Place::Line(at))| at);
            self.lost.borrow_mut().insert(at);
        }
        parsed.map_err(|error| self.not_json(&error, place))
    }

    fn not_json(&self, error: &serde_json::Error, place: Option<Place>) -> Error {
        let text = error.to_string();
        let problem = text.split(" at line ").next().unwrap_or(&text);
        if problem.starts_with(VALUES) {
            return limit::over(&self.path, place, problem);
        }
        let (line, column) = (error.line(), error.column());
        let found = match place {
            Some(_) => format!("not a JSON object ({problem}, character {column})"),
            None => format!("not readable as JSON ({problem}, line {line}, character {column})"),
        };
        Error::Syntax {
            at: self.at(place),
            problem: format!(
                "{found}; the log may be truncated: copy it again, or remove what is not whole"
            ),
        }
    }
}

/// As [`Source::parse`], for texts inside of other files.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    limit::allow(text.len());
    parse_within(text)
}

/// As [`parse`], of one text among several whose values are kept: what they may take together was
/// set before.
pub(crate) fn parse_within<T: serde::de::DeserializeOwned>(text: &[u8]) -> serde_json::Result<T> {
    parse_mended(text, &mut false)
}

/// The same, and whether characters could not be read.
fn parse_mended<T: serde::de::DeserializeOwned>(
    text: &[u8],
    lost: &mut bool,
) -> serde_json::Result<T> {
    limit::retry(
        || serde_json::from_slice(text),
        |error: serde_json::Error| match mend(text) {
            _ if error.to_string().starts_with(VALUES) => Err(error),
            Some(mended) => {
                *lost = mended.lost;
                serde_json::from_slice(&mended.text)
            }
            None => Err(error),
        },
    )
}

/// A number, or the text of one: logs write infinities, and some write all numbers, as strings.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A number or a truth value, also as text, as in tables.
pub(crate) fn flag(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::String(text) => parse_number(text.trim(), true),
        other => number(other),
    }
}

/// A string or a whole number as an identifier; data frames write whole numbers as 1.0.
pub(crate) fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_f64() => value::id(number.as_f64()?),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A string as it is, anything else as JSON: for texts that are compared and hashed.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// How a message shows a value, cut where it is long.
pub(crate) fn show(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text,
    }
}
