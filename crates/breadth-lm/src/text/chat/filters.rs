//! Filters, tests and ways of printing in which Jinja2 and minijinja differ.

use std::sync::LazyLock;

use minijinja::value::{Kwargs, Value, ValueKind};
use minijinja::{Environment, Error, Output, State};
use regex::Regex;

use super::arguments::{Arguments, charge, invalid};
use super::generator::Generator;
use super::printing::{DEEPEST, float_of, printed, refuse_nameless, to_json};
use super::{generator, methods, source};

type Result<T> = std::result::Result<T, Error>;

/// The most items of a loop over something that has no length.
const MOST_ITEMS: usize = 1 << 20;

/// What is here instead of what minijinja has under these names, and without what only minijinja
/// has.
pub(super) fn add_to(environment: &mut Environment) {
    for name in ["bool", "split", "lines", "chain", "zip"] {
        environment.remove_filter(name);
    }
    for name in ["startingwith", "endingwith", "int"] {
        environment.remove_test(name);
    }
    environment.remove_global("debug");
    environment.add_filter("tojson", to_json);
    environment.add_filter("escape", escape);
    environment.add_filter("e", escape);
    environment.add_filter("forceescape", escape);
    environment.add_filter(source::EACH, each);
    environment.add_filter(source::KEPT, kept);
    environment.add_filter("string", |state: &State, value: &Value| {
        printed(state, value)
    });
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    environment.add_filter("int", int);
    environment.add_filter("float", to_float);
    environment.add_filter("indent", indent);
    environment.add_filter("capitalize", |state: &State, text: &Value| {
        printed(state, text).map(|text| methods::capitalize(&text))
    });
    environment.add_filter("trim", trim);
    environment.add_filter("center", center);
    environment.add_filter("wordcount", |state: &State, text: &Value| {
        printed(state, text).map(|text| words(&text))
    });
    environment.add_test("iterable", |value: &Value| is_iterable(value));
    environment.add_test("sequence", |value: &Value| {
        is_iterable(value) && !generator::is_one(value)
    });
    environment.set_formatter(write_value);
}

/// What Python's `iter` takes. Of those, all that templates meet but generators have a length and
/// can be indexed too, which is what `is sequence` asks for.
fn is_iterable(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::String
            | ValueKind::Seq
            | ValueKind::Iterable
            | ValueKind::Map
            | ValueKind::Undefined
    )
}

/// `{{ value }}`: as Python's `str`.
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<()> {
    refuse_nameless(value)?;
    match value.kind() {
        ValueKind::Number | ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => {
            out.write_str(&printed(state, value)?).map_err(Error::from)
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// What a loop goes over: Python's `iter`, with a known length, since Jinja2 looks ahead for
/// `loop.last`.
fn each(state: &State, value: &Value) -> Result<Value> {
    match value.kind() {
        ValueKind::None => invalid("None is not iterable"),
        ValueKind::String | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter()?.take(MOST_ITEMS).collect();
            state.consume_fuel(items.len() as u64)?;
            Ok(Value::from(items))
        }
        _ => Ok(value.clone()),
    }
}

/// What a namespace keeps, which must neither lie too deep in itself nor be too large when it is
/// written out.
fn kept(state: &State, value: &Value) -> Result<Value> {
    let mut parts = 0;
    count(value, 0, &mut parts)?;
    state.consume_fuel(parts / 8)?;
    Ok(value.clone())
}

/// Counts the parts of a value, each as often as it would be written.
fn count(value: &Value, depth: usize, parts: &mut u64) -> Result<()> {
    *parts += 1;
    if depth > DEEPEST || *parts > MOST_ITEMS as u64 {
        return invalid("what a namespace keeps is too large, or nested too deeply");
    }
    if let Some(generator) = value.downcast_object_ref::<Generator>() {
        let left = generator.left();
        return left
            .iter()
            .try_for_each(|item| count(item, depth + 1, parts));
    }
    let is_map = match value.kind() {
        ValueKind::Map => true,
        ValueKind::Seq | ValueKind::Iterable => false,
        _ => return Ok(()),
    };
    for item in value.try_iter()? {
        count(&item, depth + 1, parts)?;
        if is_map {
            count(&value.get_item(&item)?, depth + 1, parts)?;
        }
    }
    Ok(())
}

/// HTML's five characters, as `markupsafe` writes them.
fn escape(state: &State, value: &Value) -> Result<Value> {
    if value.is_safe() {
        return Ok(value.clone());
    }
    let text = printed(state, value)?;
    charge(state, 4 * text.len())?;
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
        .replace('"', "&#34;");
    Ok(Value::from_safe_string(escaped))
}

fn default(
    value: &Value,
    other: Option<Value>,
    boolean: Option<Value>,
    by_name: Kwargs,
) -> Result<Value> {
    let args = Arguments::of_filter([other, boolean], by_name, &["default_value", "boolean"])?;
    let is_missing = value.is_undefined() || (args.flag("boolean") && !value.is_true());
    if is_missing {
        Ok(args
            .given("default_value")
            .unwrap_or_else(|| Value::from("")))
    } else {
        Ok(value.clone())
    }
}

/// Python's `int`, or the default where it does not read the value.
fn int(
    value: &Value,
    default: Option<Value>,
    base: Option<Value>,
    by_name: Kwargs,
) -> Result<Value> {
    let args = Arguments::of_filter([default, base], by_name, &["default", "base"])?;
    let base = args.number("base")?.unwrap_or(10);
    let read = match value.as_str() {
        Some(text) => integer(text, base).or_else(|| real(text).and_then(truncated)),
        None if value.is_integer() => Some(value.clone()),
        None if value.kind() == ValueKind::Bool => Some(Value::from(i64::from(value.is_true()))),
        None => float_of(value).and_then(truncated),
    };
    Ok(read
        .or_else(|| args.given("default"))
        .unwrap_or_else(|| Value::from(0)))
}

/// A whole number as Python writes it: with blanks around and underscores inside.
fn integer(text: &str, base: i64) -> Option<Value> {
    let digits = without_underscores(text.trim_matches(methods::is_space))?;
    let base = u32::try_from(base)
        .ok()
        .filter(|base| (2..=36).contains(base))?;
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let (sign, size) = match digits.strip_prefix('-') {
        Some(size) => ("-", size),
        None => ("", digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let lower = size.to_lowercase();
    let size = lower.strip_prefix(prefix).unwrap_or(&lower);
    let is_plain = size.starts_with(|c: char| c.is_digit(base));
    let number = i128::from_str_radix(&format!("{sign}{size}"), base).ok();
    number
        .filter(|_| is_plain)
        .map(|n| i64::try_from(n).map_or_else(|_| Value::from(n), Value::from))
}

fn without_underscores(text: &str) -> Option<String> {
    let is_whole = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    is_whole.then(|| text.replace('_', ""))
}

fn real(text: &str) -> Option<f64> {
    let text = without_underscores(text.trim_matches(methods::is_space))?;
    text.parse().ok()
}

fn truncated(number: f64) -> Option<Value> {
    let whole = number.trunc();
    if whole.abs() < 9.0e18 {
        Some(Value::from(whole as i64))
    } else {
        number.is_finite().then_some(Value::from(whole as i128))
    }
}

/// Python's `float`, or the default where it does not read the value.
fn to_float(value: &Value, default: Option<Value>, by_name: Kwargs) -> Result<Value> {
    let args = Arguments::of_filter([default], by_name, &["default"])?;
    let read = match value.as_str() {
        Some(text) => real(text),
        None if value.kind() == ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        None => f64::try_from(value.clone()).ok(),
    };
    Ok(read
        .map(Value::from)
        .or_else(|| args.given("default"))
        .unwrap_or_else(|| Value::from(0.0)))
}

fn trim(state: &State, text: &Value, chars: Option<Value>, by_name: Kwargs) -> Result<String> {
    let args = Arguments::of_filter([chars], by_name, &["chars"])?;
    Ok(methods::strip(
        &printed(state, text)?,
        "strip",
        args.text("chars")?.as_deref(),
    )
    .to_owned())
}

fn center(state: &State, text: &Value, width: Option<Value>, by_name: Kwargs) -> Result<Value> {
    let args = Arguments::of_filter([width], by_name, &["width"])?;
    let width = args.number("width")?.unwrap_or(80);
    methods::pad(
        state,
        &printed(state, text)?,
        "center",
        &[Value::from(width)],
    )
}

fn words(text: &str) -> usize {
    static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\w+").expect("a pattern"));
    WORD.find_iter(text).count()
}

/// Every line but the first moves inwards; the first and blank ones where asked for.
fn indent(
    state: &State,
    text: &Value,
    width: Option<Value>,
    first: Option<Value>,
    by_name: Kwargs,
) -> Result<String> {
    let args = Arguments::of_filter([width, first], by_name, &["width", "first", "blank"])?;
    let step = match args.get("width") {
        None => "    ".to_owned(),
        Some(width) => match width.as_str() {
            Some(text) => text.to_owned(),
            None => spaces(state, i64::try_from(width)?)?,
        },
    };
    let text = printed(state, text)? + "\n";
    let lines = methods::split_lines(&text, false);
    charge(state, lines.len().saturating_mul(step.len() + 1))?;
    let blank = args.flag("blank");
    let inner = |(i, line): (usize, &&str)| {
        if i > 0 && (blank || !line.is_empty()) {
            format!("{step}{line}")
        } else {
            (*line).to_owned()
        }
    };
    let lines: Vec<String> = lines.iter().enumerate().map(inner).collect();
    Ok(if args.flag("first") {
        step
    } else {
        String::new()
    } + &lines.join("\n"))
}

fn spaces(state: &State, width: i64) -> Result<String> {
    let width = usize::try_from(width).unwrap_or(0);
    charge(state, width)?;
    Ok(" ".repeat(width))
}
