//! A template's source, brought to what minijinja reads as Jinja2 does.
//!
//! These differ: line ends (Jinja2 takes CR LF and CR for LF); escapes in strings (those of
//! Python); the line end after `{% raw %}`, which stays; what loops go over (not None, and
//! `loop.last` is known for strings too), for which it passes a filter here; when `if` of a loop is
//! asked (before each turn, not before the first); what a dictionary's `items` is where it is not
//! called; arguments of macros that are undefined; and `{% generation %}`, which only transformers knows: it marks what the assistant says,
//! and is a scope of its own.

use super::bound::{self, ATTRIBUTE};
use super::macros;
use super::scan::{is_name, is_word, marks, string_length};

/// The filter that what a loop goes over passes.
pub(super) const EACH: &str = "each_of_python";

/// The filter that what a namespace keeps passes: only through a namespace can a loop make things
/// that lie ever deeper in one another.
pub(super) const KEPT: &str = "kept_by_namespace";

/// The source as minijinja is to read it.
pub(super) fn prepared(source: &str) -> String {
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = String::with_capacity(source.len());
    let mut rest = source.as_str();
    let mut open = Open {
        source: &source,
        macros: macros::with_defaults(&source),
        loops: Vec::new(),
    };
    while let Some(at) = opening(rest) {
        let (text, tag) = rest.split_at(at);
        out.push_str(text);
        let from = out.len();
        rest = match &tag[..2] {
            "{#" => copy_through(tag, "#}", &mut out),
            "{{" => {
                let rest = copy_expression(tag, "}}", &mut out);
                let tag = out.split_off(from);
                out.push_str(&open.looked_up(&tag));
                rest
            }
            _ => copy_statement(tag, &mut open, &mut out),
        };
    }
    out.push_str(rest);
    out
}

/// Where the first `{{`, `{%` or `{#` is.
fn opening(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_open = |pair: &[u8]| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#');
    bytes.windows(2).position(is_open)
}

/// Copies up to the end of `end`, and says what is left.
fn copy_through<'a>(text: &'a str, end: &str, out: &mut String) -> &'a str {
    let at = text[2..]
        .find(end)
        .map_or(text.len(), |at| 2 + at + end.len());
    let (inside, rest) = text.split_at(at);
    out.push_str(inside);
    rest
}

/// What is known where a tag stands.
struct Open<'a> {
    source: &'a str,
    /// The macros that have defaults.
    macros: Vec<String>,
    /// The loops that are open, and whether their `if` was moved inside.
    loops: Vec<bool>,
}

impl Open<'_> {
    /// A tag whose attributes and arguments are those of Python.
    fn looked_up(&self, tag: &str) -> String {
        macros::rewritten(&with_attributes(tag), &self.macros)
    }
}

/// Copies `{% .. %}`; a raw block to its end.
fn copy_statement<'a>(tag: &'a str, open: &mut Open, out: &mut String) -> &'a str {
    let from = out.len();
    let rest = copy_expression(tag, "%}", out);
    match tag_name(&out[from..]) {
        "raw" => {
            if rest.starts_with('\n') && !out.ends_with("-%}") {
                out.push('\n');
            }
            return copy_raw(rest, out);
        }
        "generation" => rename(out, from, "generation", "with"),
        "endgeneration" => rename(out, from, "endgeneration", "endwith"),
        name if is_word(name, "for") => {
            let tag = open.looked_up(&out.split_off(from));
            let Filtered {
                refusal,
                tag,
                condition,
            } = Filtered::of(tag, rest, open.source);
            open.loops.push(!condition.is_empty());
            let tag = with_each(&tag).unwrap_or(tag);
            out.push_str(&(refusal + &tag + &condition));
        }
        "endfor" => {
            if open.loops.pop() == Some(true) {
                let tag = out.split_off(from);
                let (start, end) = marks(&tag);
                out.push_str(&format!("{{%{start} endif %}}{{% endfor {end}%}}"));
            }
        }
        name if is_word(name, "set") => {
            let tag = out.split_off(from);
            // What is set is no attribute that is looked up.
            let (target, value) = tag.split_at(tag.find('=').unwrap_or(tag.len()));
            let tag = target.to_owned() + &open.looked_up(value);
            out.push_str(&with_kept(&tag).unwrap_or(tag));
        }
        _ => {
            let tag = out.split_off(from);
            out.push_str(&open.looked_up(&tag));
        }
    }
    rest
}

/// A tag in which `x.items` and `x["items"]`, where they are not called, are looked up as Python
/// does.
fn with_attributes(tag: &str) -> String {
    let mut out = String::with_capacity(tag.len());
    let mut rest = tag;
    while let Some(c) = rest.chars().next() {
        if let Some((name, after)) = attribute(rest)
            && ends_a_value(&out)
        {
            let by_dot = c == '.';
            out.push_str(&format!(".{ATTRIBUTE}(\"{name}\", {by_dot})"));
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

/// The name of a method with which a text begins, as `.name` that is not called or as `["name"]`,
/// and what follows.
fn attribute(text: &str) -> Option<(&str, &str)> {
    let (name, after) = if let Some(rest) = text.strip_prefix('.') {
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        let is_called = rest[end..].trim_start().starts_with('(');
        (!is_called).then_some(rest.split_at(end))?
    } else {
        let rest = text.strip_prefix('[')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (name, rest) = rest[1..].split_once(quote)?;
        (name, rest.trim_start().strip_prefix(']')?)
    };
    bound::is_name(name).then_some((name, after))
}

/// Whether what stands behind a text can be an attribute of a value. Those of `loop` are its own.
fn ends_a_value(text: &str) -> bool {
    const NO_VALUES: [&str; 9] = ["and", "elif", "else", "if", "in", "is", "loop", "not", "or"];
    let text = text.trim_end();
    let word = text.rsplit(|c| !is_name(c)).next().unwrap_or_default();
    text.ends_with(|c| is_name(c) || matches!(c, ')' | ']' | '}' | '\'' | '"'))
        && !NO_VALUES.contains(&word)
}

/// The tag that begins a loop, with what stands before and behind it.
///
/// Of `for x in y if z`, where `z` reads a namespace that is written to, Jinja2 asks `z` before each
/// turn, and the library before the first. So the condition moves inside.
struct Filtered {
    /// Raises when the loop is reached: its condition cannot be moved, and it writes there itself.
    refusal: String,
    tag: String,
    /// The condition that moved inside.
    condition: String,
}

impl Filtered {
    /// Of a tag of a source, and what follows it there.
    fn of(tag: String, rest: &str, source: &str) -> Self {
        let found = split_filter(&tag).and_then(|(head, condition)| {
            let names = names_with_attributes(condition);
            let are_set = |text: &str| names.iter().any(|name| sets(text, name));
            are_set(source).then(|| (head, condition, Body::of(rest)))
        });
        let Some((head, condition, body)) = found else {
            return Self::plain(tag);
        };
        let (_, end) = marks(&tag);
        let words = [condition, &body.own];
        let mut words = words.iter().flat_map(|text| text.split(|c| !is_name(c)));
        if !body.has_else && !words.any(|word| matches!(word, "loop" | "recursive")) {
            return Self {
                condition: format!("{{% if {condition} {end}%}}"),
                ..Self::plain(format!("{head}%}}"))
            };
        }
        let names = names_with_attributes(condition);
        let refusal = if names.iter().any(|name| sets(&body.whole, name)) {
            "{{ raise_exception('a loop with `if` counts its turns, or has an else, and writes to \
             the namespace that its `if` reads, which is not rendered here; write the `if` into \
             the loop') }}"
        } else {
            ""
        };
        Self {
            refusal: refusal.into(),
            ..Self::plain(tag)
        }
    }

    /// A tag as it is.
    fn plain(tag: String) -> Self {
        Self {
            refusal: String::new(),
            tag,
            condition: String::new(),
        }
    }
}

/// The names in an expression of which an attribute is read.
fn names_with_attributes(expression: &str) -> Vec<&str> {
    let dots = expression.match_indices('.');
    let before = |(at, _)| expression[..at].rsplit(|c| !is_name(c)).next();
    dots.filter_map(before)
        .filter(|name| !name.is_empty())
        .collect()
}

/// A loop's tag up to its `if`, and what stands behind it.
fn split_filter(tag: &str) -> Option<(&str, &str)> {
    let inside = tag.trim_end_matches("%}").trim_end_matches(['-', '+']);
    let from = find_word(inside, 0, &["in"])? + 2;
    let at = find_word(inside, from, &["if"])?;
    Some((&inside[..at], inside[at + 2..].trim()))
}

/// Whether somewhere in a text an attribute of a name is set.
fn sets(text: &str, name: &str) -> bool {
    text.split("set").skip(1).any(|rest| {
        let rest = rest.trim_start().strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('.'))
    })
}

/// What stands in a loop.
struct Body {
    whole: String,
    /// The tags in it that are not inside of another loop.
    own: String,
    has_else: bool,
}

impl Body {
    /// What stands before the end of a loop that is open.
    fn of(mut rest: &str) -> Self {
        let (mut whole, mut own, mut has_else) = (String::new(), String::new(), false);
        let (mut loops, mut ifs) = (0_usize, 0_usize);
        while let Some(at) = opening(rest) {
            whole.push_str(&rest[..at]);
            let (tag, from) = (&rest[at..], whole.len());
            rest = match &tag[..2] {
                "{#" => copy_through(tag, "#}", &mut String::new()),
                "{{" => copy_expression(tag, "}}", &mut whole),
                _ => copy_expression(tag, "%}", &mut whole),
            };
            let tag = &whole[from..];
            if loops == 0 {
                own.push_str(tag);
            }
            match tag_name(tag).split_whitespace().next() {
                _ if !tag.starts_with("{%") => {}
                Some("raw") => rest = copy_raw(rest, &mut String::new()),
                Some("for") => loops += 1,
                Some("endfor") if loops == 0 => break,
                Some("endfor") => loops -= 1,
                Some("if") if loops == 0 => ifs += 1,
                Some("endif") if loops == 0 => ifs = ifs.saturating_sub(1),
                Some("else") if loops == 0 && ifs == 0 => has_else = true,
                _ => {}
            }
        }
        Self {
            whole,
            own,
            has_else,
        }
    }
}

/// `for x in y if z` with what it goes over passed through the filter.
fn with_each(tag: &str) -> Option<String> {
    let from = find_word(tag, 0, &["in"])? + 2;
    let inside = tag.trim_end_matches("%}").trim_end_matches(['-', '+']);
    let to = find_word(inside, from, &["if", "recursive"]).unwrap_or(inside.len());
    let (items, rest) = (&tag[from..to], &tag[to..]);
    let is_given = !items.trim().is_empty();
    is_given.then(|| format!("{} ({})|{EACH} {rest}", &tag[..from], items.trim()))
}

/// `set x.y = z` with the value passed through the filter.
fn with_kept(tag: &str) -> Option<String> {
    let (target, _) = tag.split_once('=')?;
    let from = target.contains('.').then_some(target.len() + 1)?;
    let to = tag
        .trim_end_matches("%}")
        .trim_end_matches(['-', '+'])
        .len();
    let (value, rest) = (tag.get(from..to)?.trim(), &tag[to..]);
    let is_given = !value.is_empty();
    is_given.then(|| format!("{} ({value})|{KEPT} {rest}", &tag[..from]))
}

/// Where one of these words stands outside of strings and brackets.
fn find_word(text: &str, from: usize, words: &[&str]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = from;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let begins = !text[..at].ends_with(is_name);
        if depth == 0 && begins && words.iter().any(|word| is_word(rest, word)) {
            return Some(at);
        }
        match c {
            '\'' | '"' => {
                at += string_length(rest, c);
                continue;
            }
            '(' | '[' | '{' if at > 0 => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += c.len_utf8();
    }
    None
}

/// What stands in a tag, without its marks.
fn tag_name(tag: &str) -> &str {
    let inside = tag.trim_start_matches("{%").trim_end_matches("%}");
    let is_mark = |c| matches!(c, '-' | '+');
    inside
        .trim_start_matches(is_mark)
        .trim_end_matches(is_mark)
        .trim()
}

fn rename(out: &mut String, from: usize, old: &str, new: &str) {
    let tag = out.split_off(from).replacen(old, new, 1);
    out.push_str(&tag);
}

/// Copies until `{% endraw %}`, which is copied by the caller's next turn.
fn copy_raw<'a>(mut rest: &'a str, out: &mut String) -> &'a str {
    while let Some(at) = rest.find("{%") {
        let Some(end) = rest[at..].find("%}").map(|end| at + end + 2) else {
            break;
        };
        if tag_name(&rest[at..end]) == "endraw" {
            out.push_str(&rest[..at]);
            return &rest[at..];
        }
        out.push_str(&rest[..at + 2]);
        rest = &rest[at + 2..];
    }
    rest
}

/// Copies an expression to its end, which counts outside of strings and brackets only; strings are
/// spelled anew.
fn copy_expression<'a>(tag: &'a str, end: &str, out: &mut String) -> &'a str {
    let mut depth = 0_usize;
    let mut at = 2;
    out.push_str(&tag[..2]);
    while let Some(c) = tag[at..].chars().next() {
        let rest = &tag[at..];
        if depth == 0 && rest.starts_with(end) {
            out.push_str(end);
            return &tag[at + end.len()..];
        }
        match c {
            '\'' | '"' => {
                let length = string_length(rest, c);
                spell(&rest[..length], c, out);
                at += length;
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        out.push(c);
        at += c.len_utf8();
    }
    ""
}

/// Writes a string of Python in the escapes of minijinja.
fn spell(string: &str, quote: char, out: &mut String) {
    let is_closed = string.len() > 1 && string.ends_with(quote);
    if !string.contains('\\') || !is_closed {
        out.push_str(string);
        return;
    }
    out.push(quote);
    let mut rest = &string[1..string.len() - 1];
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = escape(&rest[at + 1..], out);
    }
    out.push_str(rest);
    out.push(quote);
}

/// Writes the character of one escape, whose backslash is behind us, and says what is left.
fn escape<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let Some(c) = rest.chars().next() else {
        out.push_str("\\\\");
        return rest;
    };
    let after = &rest[c.len_utf8()..];
    let digits = |n: usize, radix: u32| {
        let digits = after.get(..n)?;
        let code = u32::from_str_radix(digits, radix).ok()?;
        Some((char::from_u32(code)?, &after[n..]))
    };
    let coded = match c {
        'x' => digits(2, 16),
        'u' => digits(4, 16),
        'U' => digits(8, 16),
        '0'..='7' => return octal(rest, out),
        _ => None,
    };
    if let Some((c, rest)) = coded {
        literal(c, out);
        return rest;
    }
    match c {
        // The line goes on.
        '\n' => {}
        'a' => out.push('\u{7}'),
        'v' => out.push('\u{b}'),
        '\\' | '\'' | '"' | 'b' | 'f' | 'n' | 'r' | 't' | 'u' => {
            out.push('\\');
            out.push(c);
        }
        // A character by its name, which needs a table that is not here: what comes out is no
        // escape.
        'N' => out.push_str("\\uN"),
        // Python keeps the backslash of what is no escape.
        _ => {
            out.push_str("\\\\");
            out.push(c);
        }
    }
    after
}

/// Up to three octal digits.
fn octal<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let is_octal = |c: &char| matches!(c, '0'..='7');
    let length = rest.chars().take(3).take_while(is_octal).count();
    let code = u32::from_str_radix(&rest[..length], 8).ok();
    if let Some(c) = code.and_then(char::from_u32) {
        literal(c, out);
    }
    &rest[length..]
}

/// One character inside of a string.
fn literal(c: char, out: &mut String) {
    if matches!(c, '\\' | '\'' | '"') {
        out.push('\\');
    }
    out.push(c);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_escapes_and_generation_blocks_are_brought_to_one_form() {
        for (source, expected) in [
            ("a\r\nb\rc\n", "a\nb\nc\n"),
            (
                "{{ 'a\\/b\\a\\x41\\101\\U0001F600\\d' }}",
                "{{ 'a\\\\/b\u{7}AA😀\\\\d' }}",
            ),
            (
                "{{ 'it\\'s \\n' ~ \"\\x22\" }}",
                "{{ 'it\\'s \\n' ~ \"\\\"\" }}",
            ),
            (
                "{%- generation -%} x {% endgeneration %}",
                "{%- with -%} x {% endwith %}",
            ),
            (
                "{{ {'a': {'b': 'generation'}} }} {% generation %}",
                "{{ {'a': {'b': 'generation'}} }} {% with %}",
            ),
            (
                "{% raw %}{% generation %}{{ '\\d' }}{% endraw %}{% generation %}",
                "{% raw %}{% generation %}{{ '\\d' }}{% endraw %}{% with %}",
            ),
            (
                "{# {% generation %} #}{{ '{% generation %}' }}",
                "{# {% generation %} #}{{ '{% generation %}' }}",
            ),
            ("{{ 'open", "{{ 'open"),
            (
                "{%- for k, v in x.items() if 'in' in y -%}",
                "{%- for k, v in (x.items())|each_of_python if 'in' in y -%}",
            ),
            (
                "{% set ns.a = 1, 2 %}{% set a = b.c %}",
                "{% set ns.a = (1, 2)|kept_by_namespace %}{% set a = b.c %}",
            ),
        ] {
            assert_eq!(prepared(source), expected, "{source}");
        }
    }
}
