//! Arguments of macros that are given and undefined: in Jinja2 they stay so, and in the library the
//! default takes their place. So each argument passes a filter that puts a mark in the place of
//! what is undefined, and the macro begins by taking the mark away.

use std::sync::Arc;

use minijinja::Environment;
use minijinja::value::{Object, ObjectRepr, Value};

use super::scan::{is_name, is_word, marks, string_length};

/// The filter that arguments pass, and the one that takes its mark away.
const GIVEN: &str = "given_to_macro";
const TAKEN: &str = "taken_by_macro";

/// What stands for an undefined argument.
#[derive(Debug)]
struct Undefined;

impl Object for Undefined {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

pub(super) fn add_to(environment: &mut Environment) {
    environment.add_filter(GIVEN, |value: &Value| match value.is_undefined() {
        true => Value::from_object(Undefined),
        false => value.clone(),
    });
    environment.add_filter(TAKEN, |value: &Value| {
        match value.downcast_object_ref::<Undefined>() {
            Some(_) => Value::UNDEFINED,
            None => value.clone(),
        }
    });
}

/// The names of the macros of a source that have arguments with defaults.
pub(super) fn with_defaults(source: &str) -> Vec<String> {
    let tags = source.split("{%").skip(1);
    let definitions = tags.filter_map(|tag| definition(tag.trim_start_matches(['-', '+'])));
    let with = definitions.filter(|(_, arguments)| {
        let mut arguments = arguments.iter();
        arguments.any(|argument| argument.contains('='))
    });
    with.map(|(name, _)| name.to_owned()).collect()
}

/// The name of a macro and its arguments, of the inside of the tag that begins it.
fn definition(inside: &str) -> Option<(&str, Vec<&str>)> {
    let rest = inside.trim_start();
    if !is_word(rest, "macro") {
        return None;
    }
    let rest = rest["macro".len()..].trim_start();
    let (name, rest) = rest.split_at(rest.find(|c| !is_name(c))?);
    let (arguments, _) = bracketed(rest.trim_start())?;
    Some((name, arguments))
}

/// What stands in the brackets with which a text begins, by its commas, and what follows.
fn bracketed(text: &str) -> Option<(Vec<&str>, &str)> {
    let (mut items, mut depth, mut from, mut at) = (Vec::new(), 0_usize, 1, 0);
    text.strip_prefix('(')?;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '\'' | '"' => {
                at += string_length(&text[at..], c);
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        let is_end = depth == 0;
        if is_end || depth == 1 && c == ',' {
            items.push(&text[from..at]);
            from = at + 1;
        }
        at += c.len_utf8();
        if is_end {
            return Some((items, &text[at..]));
        }
    }
    None
}

/// A tag that begins a macro of these, with what takes the marks away behind it; any other with its
/// calls of these macros marked.
pub(super) fn rewritten(tag: &str, macros: &[String]) -> String {
    if macros.is_empty() {
        return tag.to_owned();
    }
    let inside = tag.trim_start_matches("{%").trim_start_matches(['-', '+']);
    let Some((name, arguments)) = definition(inside).filter(|_| tag.starts_with("{%")) else {
        return with_marks(tag, macros);
    };
    if !macros.iter().any(|one| one == name) {
        return tag.to_owned();
    }
    let (_, end) = marks(tag);
    let head = tag.trim_end_matches("%}").trim_end_matches(['-', '+']);
    let names = arguments
        .iter()
        .map(|argument| argument.split('=').next().unwrap_or_default().trim());
    let sets: Vec<String> = names
        .filter(|name| !name.is_empty())
        .map(|name| format!("{{% set {name} = {name}|{TAKEN} "))
        .collect();
    format!("{head}%}}{}{end}%}}", sets.join("%}"))
}

/// A text in which the arguments of calls of these macros pass the filter.
fn with_marks(text: &str, macros: &[String]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let begins = !out.ends_with(|c| is_name(c) || c == '.');
        let called = macros
            .iter()
            .find(|name| begins && is_word(rest, name))
            .and_then(|name| Some((name, bracketed(rest[name.len()..].trim_start())?)));
        if let Some((name, (arguments, after))) = called {
            let marked = arguments
                .iter()
                .map(|argument| with_mark(&with_marks(argument, macros)));
            let marked: Vec<String> = marked.collect();
            out.push_str(&format!("{name}({})", marked.join(", ")));
            rest = after;
            continue;
        }
        let length = match c {
            '\'' | '"' => string_length(rest, c),
            _ => c.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// An argument, by place or by name, that passes the filter.
fn with_mark(argument: &str) -> String {
    let text = argument.trim();
    if text.is_empty() || text.starts_with('*') {
        return argument.to_owned();
    }
    let name = text.split(|c| !is_name(c)).next().unwrap_or_default();
    let after = text[name.len()..].trim_start();
    let is_named = after.starts_with('=') && !after.starts_with("==");
    match after.strip_prefix('=').filter(|_| is_named) {
        Some(value) => format!("{name}=({})|{GIVEN}", value.trim()),
        None => format!("({text})|{GIVEN}"),
    }
}
