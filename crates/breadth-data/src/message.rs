//! Pieces of data in messages: names and values of any length, shown as far as anybody reads them.

use std::borrow::Cow;

/// The longest piece of data in a message, in characters.
const LONGEST_PIECE: usize = 200;
/// What is shown of a longer one: its beginning and its end, `...` between.
const BEGINNING: usize = 140;
const END: usize = LONGEST_PIECE - BEGINNING - 3;

/// The longest message, in characters.
const LONGEST: usize = 2000;

/// A name or value as messages show it: whole, or of one of more than 200 characters the first 140
/// and the last 57, with `...` between.
///
/// ```
/// assert_eq!(breadth_data::short("step-100"), "step-100");
/// let long = breadth_data::short(&"x".repeat(1_000_000)).into_owned();
/// assert_eq!((long.len(), &long[138..145]), (200, "xx...xx"));
/// ```
#[must_use]
pub fn short(text: &str) -> Cow<'_, str> {
    // Characters are not more than bytes.
    if text.len() <= LONGEST_PIECE || text.chars().nth(LONGEST_PIECE).is_none() {
        return text.into();
    }
    let at = |found: Option<(usize, char)>| found.map_or(0, |(at, _)| at);
    let beginning = &text[..at(text.char_indices().nth(BEGINNING))];
    let end = &text[at(text.char_indices().nth_back(END - 1))..];
    format!("{beginning}...{end}").into()
}

/// A message whose names and values are [`short`], whatever they came from: what stands between
/// backticks, on one line, and every word. The whole of it has at most 2000 characters.
///
/// ```
/// let long = "x".repeat(1_000_000);
/// let message = format!("no model `{long}` in {long}.csv; it has `a`");
/// let shown = breadth_data::readable(&message);
/// assert!(shown.starts_with("no model `xxx") && shown.ends_with("xxx.csv; it has `a`"));
/// assert!(shown.len() < 500);
/// ```
#[must_use]
pub fn readable(message: &str) -> String {
    let mut shown = String::with_capacity(message.len().min(LONGEST));
    let mut parts = message.split('`').peekable();
    let mut is_quoted = false;
    while let Some(part) = parts.next() {
        // The last part has no backtick behind it.
        if is_quoted && parts.peek().is_some() {
            shown.push_str(&on_one_line(&short(part)));
        } else {
            part.split_inclusive(char::is_whitespace)
                .for_each(|word| shown.push_str(&short(word)));
        }
        if parts.peek().is_some() {
            shown.push('`');
        }
        is_quoted = !is_quoted;
    }
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}... (cut at {LONGEST} characters)", &shown[..end]),
        None => shown,
    }
}

/// A name or path as one word of a command to type.
///
/// ```
/// use breadth_data::quoted;
/// assert_eq!(quoted("runs/ft-2/scores.parquet"), "runs/ft-2/scores.parquet");
/// assert_eq!(quoted("my scores.parquet"), "'my scores.parquet'");
/// assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
/// assert_eq!(quoted("a;reboot"), "'a;reboot'");
/// ```
#[must_use]
pub fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', "'\\''")).into()
    }
}

/// A name with its line breaks written out: nothing else tells them from those of the message.
fn on_one_line(name: &str) -> Cow<'_, str> {
    if name.contains(['\n', '\r']) {
        name.replace('\n', "\\n").replace('\r', "\\r").into()
    } else {
        name.into()
    }
}

/// Whether a character is none that is seen: control characters, and those that break lines, turn
/// the direction of writing or take no room (Unicode's Cc, Cf, Zl and Zp). U+200C and U+200D are
/// among them, which join or part the signs beside them: whoever shows text in which they belong
/// lets them pass.
///
/// ```
/// use breadth_data::is_unseen;
/// assert!(['\x1b', '\n', '\u{202e}', '\u{200d}'].into_iter().all(is_unseen));
/// assert!(!['a', ' ', '\u{e9}', '\u{1f600}'].into_iter().any(is_unseen));
/// ```
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// At most eight names in backticks, so that a message stays readable.
pub(crate) fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", short(name)))
        .collect();
    listed(&quoted, 8)
}

/// The names if they are at most so many, else one fewer than that and how many more there are:
/// two or more, as a single one would take no more room than its count.
///
/// ```
/// use breadth_data::listed;
/// assert_eq!(listed(&["a", "b", "c"], 3), "a, b, c");
/// assert_eq!(listed(&["a", "b", "c", "d"], 3), "a, b and 2 more");
/// ```
#[must_use]
pub fn listed<Name: AsRef<str>>(names: &[Name], most: usize) -> String {
    let hidden = match names.len() {
        all if all <= most => 0,
        all => all + 1 - most.max(1),
    };
    let shown: Vec<&str> = names[..names.len() - hidden]
        .iter()
        .map(AsRef::as_ref)
        .collect();
    match (shown.join(", "), hidden) {
        (shown, 0) => shown,
        (shown, _) if shown.is_empty() => format!("{hidden}"),
        (shown, _) => format!("{shown} and {hidden} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_on_their_line() {
        let message = "no model `a\nb\r`\nit has `c`";
        assert_eq!(readable(message), "no model `a\\nb\\r`\nit has `c`");
    }

    #[test]
    fn pieces_are_cut_by_characters() {
        let exact = "ä".repeat(LONGEST_PIECE);
        assert_eq!(short(&exact), exact);
        let longer = format!("a{}b", "ä".repeat(LONGEST_PIECE));
        let shown = short(&longer);
        assert_eq!(shown.chars().count(), LONGEST_PIECE);
        assert!(shown.starts_with("aä") && shown.ends_with("äb"), "{shown}");
        assert!(shown.contains("ä...ä"), "{shown}");
        assert_eq!(short(""), "");
    }

    #[test]
    fn messages_keep_their_words_and_lose_the_middle_of_names() {
        for message in ["", "`", "a `b` c", "line 1\n  line 2 `", "no `a` or `b`"] {
            assert_eq!(readable(message), message);
        }
        let long = "x".repeat(300);
        let blanks = "x ".repeat(300);
        for (message, length) in [
            (format!("no model `{blanks}` here"), 9 + 202 + 5),
            (format!("{long}, row 1: {long}"), 200 + 7 + 200),
            (format!("{long} {blanks}"), 200 + 600),
            // A name that opens what is never closed.
            (format!("`{blanks}"), 601),
        ] {
            assert_eq!(readable(&message).len(), length, "{message}");
        }
        let cut = readable(&"word ".repeat(1000));
        assert!(cut.ends_with("word ... (cut at 2000 characters)"), "{cut}");
    }
}
