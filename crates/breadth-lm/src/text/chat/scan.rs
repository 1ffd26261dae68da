//! The smallest parts of a template's source: marks of tags, words, strings.

/// The signs for white space at the two ends of a tag.
pub(super) fn marks(tag: &str) -> (&str, &str) {
    let is_mark = |c: char| matches!(c, '-' | '+');
    let start = tag.trim_start_matches("{%");
    let end = tag.trim_end_matches("%}");
    let start = if start.starts_with(is_mark) {
        &start[..1]
    } else {
        ""
    };
    let end = if end.ends_with(is_mark) {
        &end[end.len() - 1..]
    } else {
        ""
    };
    (start, end)
}

/// Whether a text begins with a whole word.
pub(super) fn is_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(is_name))
}

/// Whether a letter may stand in a name.
pub(super) fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Bytes of a string with its quotes.
pub(super) fn string_length(text: &str, quote: char) -> usize {
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
