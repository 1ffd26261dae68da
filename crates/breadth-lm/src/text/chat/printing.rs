//! `str` and `json.dumps` of Python.

use std::sync::LazyLock;

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Error, State};
use regex::Regex;

use super::arguments::{Arguments, invalid};
use super::{bound, generator};
use crate::text::json::Digits;

type Result<T> = std::result::Result<T, Error>;

/// How deep lists and dictionaries may lie in one another where they are written out.
pub(super) const DEEPEST: usize = 200;

pub(super) fn float_of(value: &Value) -> Option<f64> {
    let is_float = value.kind() == ValueKind::Number && !value.is_integer();
    is_float
        .then(|| f64::try_from(value.clone()).ok())
        .flatten()
}

/// `repr` of a float: the shortest digits that give it back, with an exponent below 1e-4 and from
/// 1e16.
pub(super) fn float(number: f64) -> String {
    if !number.is_finite() {
        let sign = if number < 0.0 { "-" } else { "" };
        return if number.is_nan() {
            "nan".into()
        } else {
            format!("{sign}inf")
        };
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e16).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent
            .strip_prefix('-')
            .map_or(("+", exponent), |e| ("-", e));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    let text = number.to_string();
    if text.contains('.') {
        text
    } else {
        text + ".0"
    }
}

/// `str(value)`.
pub(super) fn printed(state: &State, value: &Value) -> Result<String> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => {
            let mut out = String::new();
            write_repr(state, value, 0, &mut out)?;
            Ok(out)
        }
    }
}

/// `repr(value)`, paid for as it grows.
fn write_repr(state: &State, value: &Value, depth: usize, out: &mut String) -> Result<()> {
    if depth > DEEPEST {
        return invalid("nested too deeply to be printed");
    }
    refuse_nameless(value)?;
    let from = out.len();
    match value.kind() {
        ValueKind::Map => {
            out.push('{');
            for (i, key) in value.try_iter()?.enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write_repr(state, &key, depth + 1, out)?;
                out.push_str(": ");
                write_repr(state, &value.get_item(&key)?, depth + 1, out)?;
            }
            out.push('}');
        }
        // Sums and slices of lists are lazy here, and lists in Python.
        ValueKind::Seq | ValueKind::Iterable => write_items(state, value, depth, out)?,
        ValueKind::Undefined if depth > 0 => out.push_str("Undefined"),
        ValueKind::String => quote(value.as_str().unwrap_or_default(), out),
        _ => out.push_str(&float_of(value).map_or_else(|| value.to_string(), float)),
    }
    state.consume_fuel(1 + (out.len() - from) as u64 / 64)
}

/// Refuses what Python writes out by its address in memory.
pub(super) fn refuse_nameless(value: &Value) -> Result<()> {
    if generator::is_one(value) || bound::is_one(value) {
        return invalid("a generator or a method is written out; make it a list, or call it");
    }
    Ok(())
}

/// `repr` of a string: in single quotes where it can be, escapes for what cannot be printed.
fn quote(text: &str, out: &mut String) {
    static UNPRINTABLE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^[\p{C}\p{Z}]$").expect("a pattern"));
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        let code = u32::from(c);
        let is_printable = matches!(c, ' '..='~')
            || (!c.is_ascii() && !UNPRINTABLE.is_match(c.encode_utf8(&mut [0; 4])));
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable => out.push(c),
            _ if code < 0x100 => out.push_str(&format!("\\x{code:02x}")),
            _ if code < 0x1_0000 => out.push_str(&format!("\\u{code:04x}")),
            _ => out.push_str(&format!("\\U{code:08x}")),
        }
    }
    out.push(quote);
}

/// A list, or a tuple, which ends with a comma where it has one item.
fn write_items(state: &State, value: &Value, depth: usize, out: &mut String) -> Result<()> {
    let is_tuple = value.is_tuple();
    out.push(if is_tuple { '(' } else { '[' });
    for (i, item) in value.try_iter()?.enumerate() {
        out.push_str(if i > 0 { ", " } else { "" });
        write_repr(state, &item, depth + 1, out)?;
    }
    out.push_str(if is_tuple && value.len() == Some(1) {
        ","
    } else {
        ""
    });
    out.push(if is_tuple { ')' } else { ']' });
    Ok(())
}

/// `tojson` of transformers: `json.dumps(value, ensure_ascii=False, indent, separators,
/// sort_keys)`.
pub(super) fn to_json(
    state: &State,
    value: &Value,
    ensure_ascii: Option<Value>,
    by_name: Kwargs,
) -> Result<String> {
    let names = &["ensure_ascii", "indent", "separators", "sort_keys"];
    let args = Arguments::of_filter([ensure_ascii], by_name, names)?;
    let indent = args
        .get("indent")
        .map(|value| indent_of(&value))
        .transpose()?;
    let [item, key] = match args.get("separators") {
        Some(pair) => separators(&pair)?,
        None => [
            if indent.is_some() { "," } else { ", " }.into(),
            ": ".into(),
        ],
    };
    let mut json = Json {
        state,
        indent,
        item,
        key,
        sort_keys: args.flag("sort_keys"),
        out: String::new(),
    };
    json.write(value, 0)?;
    Ok(if args.flag("ensure_ascii") {
        to_ascii(&json.out)
    } else {
        json.out
    })
}

/// The text of one step inwards: so many spaces, or a text.
fn indent_of(value: &Value) -> Result<String> {
    /// More than a person reads; each line is as wide, times its depth.
    const WIDEST: i64 = 1000;
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    match i64::try_from(value.clone())? {
        width @ ..=WIDEST => Ok(" ".repeat(usize::try_from(width).unwrap_or(0))),
        width => invalid(format!(
            "tojson(indent={width}) is too wide; at most {WIDEST}"
        )),
    }
}

fn separators(pair: &Value) -> Result<[String; 2]> {
    let texts: Vec<Value> = pair.try_iter()?.collect();
    match &texts[..] {
        [item, key] if item.as_str().is_some() && key.as_str().is_some() => {
            Ok([item.to_string(), key.to_string()])
        }
        _ => invalid("tojson(separators=..) takes two strings"),
    }
}

/// `json.dumps` in the making.
struct Json<'a> {
    state: &'a State<'a, 'a>,
    indent: Option<String>,
    item: String,
    key: String,
    sort_keys: bool,
    out: String,
}

impl Json<'_> {
    fn write(&mut self, value: &Value, depth: usize) -> Result<()> {
        if depth > DEEPEST {
            return invalid("tojson: nested too deeply");
        }
        refuse_nameless(value)?;
        match value.kind() {
            ValueKind::Map => self.map(value, depth),
            ValueKind::Seq | ValueKind::Iterable => self.list(value, depth),
            _ => {
                let text = scalar(value)?;
                self.push(&text)
            }
        }
    }

    /// Paid for before it is written.
    fn push(&mut self, text: &str) -> Result<()> {
        self.state.consume_fuel(1 + text.len() as u64 / 64)?;
        self.out.push_str(text);
        Ok(())
    }

    fn list(&mut self, value: &Value, depth: usize) -> Result<()> {
        self.push("[")?;
        let mut is_empty = true;
        for item in value.try_iter()? {
            self.between(is_empty, depth + 1)?;
            is_empty = false;
            self.write(&item, depth + 1)?;
        }
        self.close("]", is_empty, depth)
    }

    fn map(&mut self, value: &Value, depth: usize) -> Result<()> {
        self.push("{")?;
        let mut keys: Vec<Value> = value.try_iter()?.collect();
        if self.sort_keys {
            keys.sort();
        }
        for (i, key) in keys.iter().enumerate() {
            self.between(i == 0, depth + 1)?;
            let name = match key.kind() {
                ValueKind::String => quoted(&key.to_string()),
                _ => format!("\"{}\"", scalar(key)?),
            };
            self.push(&name)?;
            let separator = self.key.clone();
            self.push(&separator)?;
            self.write(&value.get_item(key)?, depth + 1)?;
        }
        self.close("}", keys.is_empty(), depth)
    }

    fn between(&mut self, is_first: bool, depth: usize) -> Result<()> {
        if !is_first {
            let separator = self.item.clone();
            self.push(&separator)?;
        }
        self.line(depth)
    }

    fn close(&mut self, bracket: &str, is_empty: bool, depth: usize) -> Result<()> {
        if !is_empty {
            self.line(depth)?;
        }
        self.push(bracket)
    }

    /// A new line at some depth, where lines are asked for.
    fn line(&mut self, depth: usize) -> Result<()> {
        let Some(indent) = &self.indent else {
            return Ok(());
        };
        self.state
            .consume_fuel(1 + (indent.len() * depth) as u64 / 64)?;
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(indent.as_str(), depth));
        Ok(())
    }
}

fn scalar(value: &Value) -> Result<String> {
    Ok(match value.kind() {
        ValueKind::None => "null".into(),
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number => match float_of(value) {
            Some(number) if number.is_nan() => "NaN".into(),
            Some(number) if number.is_infinite() => if number > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            }
            .into(),
            Some(number) => float(number),
            None => value.to_string(),
        },
        ValueKind::String => quoted(&value.to_string()),
        ValueKind::Plain if value.downcast_object_ref::<Digits>().is_some() => value.to_string(),
        kind => return invalid(format!("tojson: {kind} is not JSON")),
    })
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Every letter outside of ASCII, and DEL, as `\uXXXX`.
fn to_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{7f}' => out.push_str("\\u007f"),
            c if c.is_ascii() => out.push(c),
            c => out.extend(
                c.encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}")),
            ),
        }
    }
    out
}
