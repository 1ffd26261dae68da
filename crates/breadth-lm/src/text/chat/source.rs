//! A template's source, brought to what minijinja reads as Jinja2 does.
//!
//! These differ: line ends (Jinja2 takes CR LF and CR for LF); escapes in strings (those of
//! Python); the line end after `{% raw %}`, which stays; what loops go over (not None, and
//! `loop.last` is known for strings too), for which it passes a filter here; and `{% generation
//! %}`, which only transformers knows: it marks what the assistant says, and is a scope of its own.

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
    while let Some(at) = opening(rest) {
        let (text, tag) = rest.split_at(at);
        out.push_str(text);
        rest = match &tag[..2] {
            "{#" => copy_through(tag, "#}", &mut out),
            "{{" => copy_expression(tag, "}}", &mut out),
            _ => copy_statement(tag, &mut out),
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

/// Copies `{% .. %}`; a raw block to its end.
fn copy_statement<'a>(tag: &'a str, out: &mut String) -> &'a str {
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
            let tag = out.split_off(from);
            out.push_str(&with_each(&tag).unwrap_or(tag));
        }
        name if is_word(name, "set") => {
            let tag = out.split_off(from);
            out.push_str(&with_kept(&tag).unwrap_or(tag));
        }
        _ => {}
    }
    rest
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

/// Whether a text begins with a whole word.
fn is_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(is_name))
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
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

/// Bytes of a string with its quotes.
fn string_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
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
