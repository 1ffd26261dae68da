//! Python's methods of strings, lists and dictionaries.
//!
//! Source: the Python library reference, "Built-in Types". What changes a list or a dictionary is
//! refused, as by the sandbox of transformers.

use std::sync::LazyLock;

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use regex::Regex;

use super::arguments::{Arguments, charge, invalid};

type Result<T> = std::result::Result<T, Error>;

/// Calls a method that minijinja does not have itself.
pub(super) fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value> {
    match value.kind() {
        ValueKind::String => match value.as_str() {
            Some(text) => of_string(state, text, method, args),
            None => Err(ErrorKind::UnknownMethod.into()),
        },
        ValueKind::Map => of_dict(value, method, args),
        ValueKind::Seq | ValueKind::Iterable => of_list(state, value, method, args),
        _ => Err(ErrorKind::UnknownMethod.into()),
    }
}

fn of_string(state: &State, s: &str, method: &str, args: &[Value]) -> Result<Value> {
    if let Some(value) = cased(s, method, args)? {
        return Ok(value);
    }
    let list = |parts: Vec<&str>| parts.into_iter().map(Value::from).collect::<Value>();
    Ok(match method {
        "strip" | "lstrip" | "rstrip" => {
            let chars = Arguments::new(args, &["chars"])?.text("chars")?;
            Value::from(strip(s, method, chars.as_deref()))
        }
        "split" | "rsplit" => {
            let args = Arguments::new(args, &["sep", "maxsplit"])?;
            let most = args
                .number("maxsplit")?
                .and_then(|n| usize::try_from(n).ok());
            list(split(
                s,
                args.text("sep")?.as_deref(),
                most,
                method == "rsplit",
            )?)
        }
        "splitlines" => list(split_lines(
            s,
            Arguments::new(args, &["keepends"])?
                .get("keepends")
                .is_some_and(|v| v.is_true()),
        )),
        "partition" | "rpartition" => partition(
            s,
            &Arguments::new(args, &["sep"])?.needed("sep")?,
            method == "rpartition",
        )?,
        "startswith" | "endswith" => has_affix(s, method, args)?,
        "removeprefix" => {
            let prefix = Arguments::new(args, &["prefix"])?.needed("prefix")?;
            Value::from(s.strip_prefix(&prefix).unwrap_or(s))
        }
        "removesuffix" => {
            let suffix = Arguments::new(args, &["suffix"])?.needed("suffix")?;
            Value::from(s.strip_suffix(&suffix).unwrap_or(s))
        }
        "replace" => replace(state, s, args)?,
        "find" | "rfind" | "index" | "rindex" | "count" => search(s, method, args)?,
        "join" => join(state, s, args)?,
        "zfill" | "ljust" | "rjust" | "center" => pad(state, s, method, args)?,
        "format" => {
            narrow(s)?;
            Value::from(format(FormatStyle::StrFormat, s, args)?)
        }
        _ => return Err(ErrorKind::UnknownMethod.into()),
    })
}

/// Refuses formats with widths that no text needs.
fn narrow(text: &str) -> Result<()> {
    const WIDEST: usize = 4;
    let mut runs = text.split(|c: char| !c.is_ascii_digit());
    match runs.find(|run| run.len() > WIDEST) {
        Some(run) => invalid(format!("format: {run} is too wide")),
        None => Ok(()),
    }
}

/// Methods without arguments: other case, and questions about the characters.
fn cased(s: &str, method: &str, args: &[Value]) -> Result<Option<Value>> {
    let all = |is: fn(char) -> bool| Value::from(!s.is_empty() && s.chars().all(is));
    let value = match method {
        "upper" => Value::from(s.to_uppercase()),
        "lower" | "casefold" => Value::from(s.to_lowercase()),
        "title" => Value::from(title(s)),
        "capitalize" => Value::from(capitalize(s)),
        "swapcase" => Value::from(s.chars().flat_map(swapped).collect::<String>()),
        "islower" => {
            Value::from(s.chars().any(char::is_lowercase) && !s.chars().any(char::is_uppercase))
        }
        "isupper" => {
            Value::from(s.chars().any(char::is_uppercase) && !s.chars().any(char::is_lowercase))
        }
        "isspace" => all(is_space),
        "isdecimal" => all(is_decimal),
        "isdigit" => all(|c| is_decimal(c) || is_raised_digit(c)),
        "isnumeric" => all(char::is_numeric),
        "isalpha" => all(is_letter),
        "isalnum" => all(|c| is_letter(c) || c.is_numeric()),
        "isascii" => Value::from(s.is_ascii()),
        _ => return Ok(None),
    };
    let () = from_args(args)?;
    Ok(Some(value))
}

/// `str.isspace`: Unicode's white space, and the separators of ASCII.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// Letters as Python has them: without the marks and numerals that Unicode's property `Alphabetic`
/// includes.
fn is_letter(c: char) -> bool {
    static LETTER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{L}$").expect("a pattern"));
    c.is_ascii_alphabetic() || (!c.is_ascii() && LETTER.is_match(c.encode_utf8(&mut [0; 4])))
}

fn is_decimal(c: char) -> bool {
    static DECIMAL: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{Nd}$").expect("a pattern"));
    c.is_ascii_digit() || (!c.is_ascii() && DECIMAL.is_match(c.encode_utf8(&mut [0; 4])))
}

/// Digits of no decimal system: raised, lowered, circled.
fn is_raised_digit(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '⁰' | '⁴'..='⁹' | '₀'..='₉' | '①'..='⑨' | '⑴'..='⑼' | '⒈'..='⒐' | '⓪' | '⓵'..='⓽' | '⓿' | '❶'..='❾' | '➀'..='➈' | '➊'..='➒')
}

fn swapped(c: char) -> Vec<char> {
    if c.is_uppercase() {
        c.to_lowercase().collect()
    } else {
        c.to_uppercase().collect()
    }
}

/// The form of a letter at the head of a word.
pub(super) fn head(c: char) -> String {
    match c {
        'Ǆ'..='ǆ' => return 'ǅ'.into(),
        'Ǉ'..='ǉ' => return 'ǈ'.into(),
        'Ǌ'..='ǌ' => return 'ǋ'.into(),
        'Ǳ'..='ǳ' => return 'ǲ'.into(),
        _ => {}
    }
    let mut upper = c.to_uppercase();
    let first = upper.next().into_iter();
    first.chain(upper.flat_map(char::to_lowercase)).collect()
}

pub(super) fn capitalize(s: &str) -> String {
    let Some(first) = s.chars().next() else {
        return String::new();
    };
    let rest = s.to_lowercase();
    let rest: String = rest.chars().skip(first.to_lowercase().count()).collect();
    head(first) + &rest
}

/// Every run of letters that have cases begins with a capital.
fn title(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    // As a whole, since the form of a small sigma depends on what stands around it.
    let lower = s.to_lowercase();
    let mut lower = lower.chars();
    let mut in_word = false;
    for c in s.chars() {
        let small: String = lower.by_ref().take(c.to_lowercase().count()).collect();
        out.push_str(&if in_word { small } else { head(c) });
        in_word = c.is_lowercase() || c.is_uppercase() || is_titlecase(c);
    }
    out
}

/// Letters for two that have a form for the head of a word.
fn is_titlecase(c: char) -> bool {
    matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ')
}

pub(super) fn strip<'a>(s: &'a str, method: &str, chars: Option<&str>) -> &'a str {
    let is_stripped = |c: char| chars.map_or_else(|| is_space(c), |chars| chars.contains(c));
    match method {
        "lstrip" => s.trim_start_matches(is_stripped),
        "rstrip" => s.trim_end_matches(is_stripped),
        _ => s.trim_matches(is_stripped),
    }
}

/// `split` and `rsplit`; without a separator, white space in any number is one.
fn split<'a>(
    s: &'a str,
    separator: Option<&str>,
    most: Option<usize>,
    from_right: bool,
) -> Result<Vec<&'a str>> {
    let most = most.unwrap_or(usize::MAX - 1);
    let Some(separator) = separator else {
        return Ok(split_space(s, most, from_right));
    };
    if separator.is_empty() {
        return invalid("empty separator");
    }
    if !from_right {
        return Ok(s.splitn(most + 1, separator).collect());
    }
    let mut parts: Vec<&str> = s.rsplitn(most + 1, separator).collect();
    parts.reverse();
    Ok(parts)
}

/// After so many splits the rest is one piece, with the white space at its far end.
fn split_space(s: &str, most: usize, from_right: bool) -> Vec<&str> {
    let near = |s: &'_ str| -> usize {
        if from_right {
            s.trim_end_matches(is_space).len()
        } else {
            s.len() - s.trim_start_matches(is_space).len()
        }
    };
    let mut parts = Vec::new();
    let mut rest = s;
    loop {
        let edge = near(rest);
        rest = if from_right {
            &rest[..edge]
        } else {
            &rest[edge..]
        };
        if rest.is_empty() {
            break;
        }
        let cut = if from_right {
            rest.rfind(is_space)
                .map(|at| (&rest[last_char_end(rest, at)..], &rest[..at]))
        } else {
            rest.find(is_space).map(|at| (&rest[..at], &rest[at..]))
        };
        let (part, left) = cut.filter(|_| parts.len() < most).unwrap_or((rest, ""));
        parts.push(part);
        rest = left;
    }
    if from_right {
        parts.reverse();
    }
    parts
}

/// The byte after the character at a byte.
fn last_char_end(s: &str, at: usize) -> usize {
    at + s[at..].chars().next().map_or(0, char::len_utf8)
}

pub(super) fn split_lines(s: &str, keep: bool) -> Vec<&str> {
    let is_end = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = s;
    while let Some(at) = rest.find(is_end) {
        let end = if rest[at..].starts_with("\r\n") {
            at + 2
        } else {
            at + rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        lines.push(&rest[..if keep { end } else { at }]);
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    lines
}

fn partition(s: &str, separator: &str, from_right: bool) -> Result<Value> {
    if separator.is_empty() {
        return invalid("empty separator");
    }
    let cut = if from_right {
        s.rsplit_once(separator)
    } else {
        s.split_once(separator)
    };
    let parts = match cut {
        Some((before, after)) => [before, separator, after],
        None if from_right => ["", "", s],
        None => [s, "", ""],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}

/// The part of a string between two places, as slices have them, and where it begins, in
/// characters; nothing where it begins behind the end.
fn window(s: &str, start: Option<i64>, end: Option<i64>) -> Option<(&str, i64)> {
    if start.is_none() && end.is_none() {
        return Some((s, 0));
    }
    let length = s.chars().count() as i64;
    let place = |at: i64| if at < 0 { (length + at).max(0) } else { at };
    let (start, end) = (
        place(start.unwrap_or(0)),
        place(end.unwrap_or(length)).min(length),
    );
    if start > length || start > end {
        return None;
    }
    let byte = |at: i64| {
        s.char_indices()
            .nth(at as usize)
            .map_or(s.len(), |(byte, _)| byte)
    };
    Some((&s[byte(start)..byte(end)], start))
}

fn has_affix(s: &str, method: &str, args: &[Value]) -> Result<Value> {
    let args = Arguments::new(args, &["affix", "start", "end"])?;
    let window = window(s, args.number("start")?, args.number("end")?);
    let Some(affix) = args.get("affix") else {
        return invalid(format!("{method} takes a string or a tuple of strings"));
    };
    let has = |affix: &Value| match (affix.as_str(), window) {
        (None, _) => invalid(format!(
            "{method} takes a string or a tuple of strings, not {}",
            affix.kind()
        )),
        (Some(_), None) => Ok(false),
        (Some(affix), Some((s, _))) if method == "startswith" => Ok(s.starts_with(affix)),
        (Some(affix), Some((s, _))) => Ok(s.ends_with(affix)),
    };
    if !affix.is_tuple() {
        return has(&affix).map(Value::from);
    }
    for one in affix.try_iter()? {
        if has(&one)? {
            return Ok(Value::from(true));
        }
    }
    Ok(Value::from(false))
}

fn search(s: &str, method: &str, args: &[Value]) -> Result<Value> {
    let args = Arguments::new(args, &["sub", "start", "end"])?;
    let what = args.needed("sub")?;
    let found = window(s, args.number("start")?, args.number("end")?);
    let Some((part, start)) = found else {
        return match method {
            "count" => Ok(Value::from(0)),
            "find" | "rfind" => Ok(Value::from(-1)),
            _ => invalid("substring not found"),
        };
    };
    if method == "count" {
        return Ok(Value::from(part.matches(&*what).count()));
    }
    let at = match method {
        "find" | "index" => part.find(&*what),
        _ => part.rfind(&*what),
    };
    match at {
        Some(at) => Ok(Value::from(start + part[..at].chars().count() as i64)),
        None if method.ends_with("find") => Ok(Value::from(-1)),
        None => invalid("substring not found"),
    }
}

fn replace(state: &State, s: &str, args: &[Value]) -> Result<Value> {
    let args = Arguments::new(args, &["old", "new", "count"])?;
    let (old, new) = (args.needed("old")?, args.needed("new")?);
    let count = args.number("count")?.and_then(|n| usize::try_from(n).ok());
    let most = if old.is_empty() {
        s.chars().count() + 1
    } else {
        s.len() / old.len()
    };
    let times = count.unwrap_or(most).min(most);
    charge(state, times.saturating_mul(new.len()))?;
    Ok(Value::from(match count {
        Some(count) => s.replacen(&old, &new, count),
        None => s.replace(&old, &new),
    }))
}

fn join(state: &State, s: &str, args: &[Value]) -> Result<Value> {
    let (values,): (&Value,) = from_args(args)?;
    let mut out = String::new();
    for (i, value) in values.try_iter()?.enumerate() {
        let Some(text) = value.as_str() else {
            return invalid(format!("join takes strings; item {i} is {}", value.kind()));
        };
        charge(state, 64 + s.len() + text.len())?;
        if i > 0 {
            out.push_str(s);
        }
        out.push_str(text);
    }
    Ok(Value::from(out))
}

pub(super) fn pad(state: &State, s: &str, method: &str, args: &[Value]) -> Result<Value> {
    let args = Arguments::new(args, &["width", "fillchar"])?;
    let width = args
        .number("width")?
        .map_or(0, |n| usize::try_from(n).unwrap_or(0));
    let fill = args
        .text("fillchar")?
        .unwrap_or_else(|| if method == "zfill" { "0" } else { " " }.into());
    let mut one = fill.chars();
    let (Some(fill), None) = (one.next(), one.next()) else {
        return invalid("the fill character must be exactly one character long");
    };
    let length = s.chars().count();
    let missing = width.saturating_sub(length);
    charge(state, missing.saturating_mul(fill.len_utf8()))?;
    let fills = |n: usize| fill.to_string().repeat(n);
    Ok(Value::from(match method {
        "ljust" => s.to_owned() + &fills(missing),
        "center" => {
            let left = missing / 2 + (missing & width & 1);
            fills(left) + s + &fills(missing - left)
        }
        "zfill" if s.starts_with(['+', '-']) => s[..1].to_owned() + &fills(missing) + &s[1..],
        _ => fills(missing) + s,
    }))
}

fn of_dict(dict: &Value, method: &str, args: &[Value]) -> Result<Value> {
    let Some(object) = dict.as_object() else {
        return Err(ErrorKind::UnknownMethod.into());
    };
    let pairs = || object.try_iter_pairs().into_iter().flatten();
    match method {
        "get" => {
            let (key, default): (&Value, Option<Value>) = from_args(args)?;
            return Ok(object
                .get_value(key)
                .or(default)
                .unwrap_or_else(|| Value::from(())));
        }
        "keys" | "values" | "items" | "copy" => {
            let () = from_args(args)?;
        }
        "clear" | "pop" | "popitem" | "setdefault" | "update" => return refused(method),
        _ => return Err(ErrorKind::UnknownMethod.into()),
    }
    Ok(match method {
        "keys" => pairs().map(|(key, _)| key).collect(),
        "values" => pairs().map(|(_, value)| value).collect(),
        "items" => pairs()
            .map(|(key, value)| Value::from(Tuple::from([key, value])))
            .collect(),
        _ => dict.clone(),
    })
}

fn of_list(state: &State, list: &Value, method: &str, args: &[Value]) -> Result<Value> {
    match method {
        "count" | "index" => {
            let (what,): (&Value,) = from_args(args)?;
            state.consume_fuel(list.len().unwrap_or(0) as u64)?;
            let mut places = list
                .try_iter()?
                .enumerate()
                .filter(|(_, one)| one == what)
                .map(|(i, _)| i);
            match method {
                "count" => Ok(Value::from(places.count())),
                _ => match places.next() {
                    Some(place) => Ok(Value::from(place)),
                    None => invalid(format!("{what} is not in the list")),
                },
            }
        }
        "copy" => Ok(list.clone()),
        "append" | "extend" | "insert" | "remove" | "pop" | "clear" | "reverse" | "sort" => {
            refused(method)
        }
        _ => Err(ErrorKind::UnknownMethod.into()),
    }
}

fn refused<T>(method: &str) -> Result<T> {
    invalid(format!(
        "{method} would change what the template was given; transformers refuses it too"
    ))
}
