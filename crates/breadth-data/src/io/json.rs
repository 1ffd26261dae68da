//! JSON as programs write it: the names of an object's members, and numbers that JSON does not
//! know.

use std::borrow::Cow;

/// The members of the object that a text begins with.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Members {
    /// Their names, in order; those of inner objects are left out.
    pub(crate) names: Vec<String>,
    /// Whether the text reaches the object's end.
    pub(crate) closed: bool,
}

/// No object that is known here has more members.
const MOST_NAMES: usize = 10_000;

impl Members {
    /// Looks at a text that begins with `{` and may end anywhere.
    ///
    /// Nothing is checked but quotes and brackets: whether the text is JSON is for its reader to
    /// say.
    pub(crate) fn scan(text: &[u8]) -> Self {
        let mut found = Self::default();
        let (mut depth, mut last, mut at) = (0usize, None, 0);
        while at < text.len() && !found.closed {
            match text[at] {
                b'"' => {
                    let end = string_end(text, at + 1);
                    last = (depth == 1).then_some((at + 1, end));
                    at = end;
                }
                b':' if depth == 1 => {
                    if let Some((start, end)) = last.take()
                        && found.names.len() < MOST_NAMES
                    {
                        let name = String::from_utf8_lossy(&text[start..end.min(text.len())]);
                        found.names.push(name.into_owned());
                    }
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    found.closed = depth == 0;
                }
                _ => {}
            }
            at += 1;
        }
        found
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }
}

/// The position of the quote that ends a string, or the end of the text.
fn string_end(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at.min(text.len())
}

/// A text in words that JSON knows.
#[derive(Debug, PartialEq)]
pub(crate) struct Mended {
    pub(crate) text: Vec<u8>,
    /// Whether characters in it could not be read and are U+FFFD now.
    pub(crate) lost: bool,
}

/// Said of a name, or of what becomes one, that holds U+FFFD because its characters are [lost](
/// Mended::lost).
pub(crate) const LOST: &str = "holds characters that cannot be read (bytes that are not UTF-8, or halves of surrogate pairs), so that different names could become one; save the file as UTF-8";

/// What Python writes and JSON does not know, in words that it does: bare `NaN`, `Infinity` and
/// `-Infinity` in quotes, halves of surrogate pairs (`\ud83d`, of a text cut within a character) and
/// bytes that are not UTF-8 as U+FFFD. `None` if there is none of it.
pub(crate) fn mend(line: &[u8]) -> Option<Mended> {
    const BARE: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let line = String::from_utf8_lossy(line);
    let mut lost = matches!(line, Cow::Owned(_));
    let mut found = lost;
    let line = line.as_bytes();
    let mut out = Vec::with_capacity(line.len() + 16);
    let (mut at, mut in_string) = (0, false);
    while at < line.len() {
        let rest = &line[at..];
        if let Some(word) = BARE
            .iter()
            .find(|word| !in_string && rest.starts_with(word))
        {
            out.push(b'"');
            out.extend_from_slice(word);
            out.push(b'"');
            at += word.len();
            found = true;
            continue;
        }
        let escaped = in_string && rest[0] == b'\\';
        in_string ^= rest[0] == b'"';
        let step = match surrogate(rest).filter(|_| escaped) {
            Some(HIGH) if rest.get(6..).and_then(surrogate) == Some(LOW) => 12,
            Some(_) => {
                out.extend_from_slice(b"\\ufffd");
                at += 6;
                (found, lost) = (true, true);
                continue;
            }
            None if escaped => rest.len().min(2),
            None => 1,
        };
        out.extend_from_slice(&rest[..step]);
        at += step;
    }
    found.then_some(Mended { text: out, lost })
}

/// The halves of a surrogate pair, by the six highest bits of their numbers.
const HIGH: u32 = 0xd800 >> 10;
const LOW: u32 = 0xdc00 >> 10;

/// Which half of a surrogate pair an escape is that a text begins with.
fn surrogate(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    let half = u32::from_str_radix(digits, 16).ok()? >> 10;
    [HIGH, LOW].contains(&half).then_some(half)
}

#[cfg(test)]
mod tests {
    use super::{Members, mend};

    fn scan(text: &str) -> (Vec<String>, bool) {
        let found = Members::scan(text.as_bytes());
        (found.names, found.closed)
    }

    #[test]
    fn only_the_outer_members_count() {
        let (names, closed) =
            scan(r#"{"a": {"b": [1, {"c": 2}]}, "d\"e": "f:{", "g": NaN} {"h":1}"#);
        assert_eq!(names, ["a", r#"d\"e"#, "g"]);
        assert!(closed);
    }

    #[test]
    fn a_text_may_end_anywhere() {
        let text = r#"{"a": ["x\\", 1], "b": {"c": 1}}"#;
        for end in 0..text.len() {
            let (names, closed) = scan(&text[..end]);
            assert!(!closed && names.len() <= 2, "{end}");
        }
        assert_eq!(scan(text), (vec!["a".to_string(), "b".to_string()], true));
    }

    #[test]
    fn what_python_writes() {
        for (text, expected) in [
            (
                r#"{"a": [NaN, -Infinity, "NaN"]}"#,
                r#"{"a": ["NaN", "-Infinity", "NaN"]}"#,
            ),
            (
                r#"["\ud83d", "\ude00\ud83d"]"#,
                r#"["\ufffd", "\ufffd\ufffd"]"#,
            ),
            (
                r#"["\ud83d\ud83d\ude00 \ud83dx"]"#,
                r#"["\ufffd\ud83d\ude00 \ufffdx"]"#,
            ),
            (r#"["\\ud83d", NaN]"#, r#"["\\ud83d", "NaN"]"#),
            (r#"["\ud8"#, ""),
            (r#"["\ud83d\ude00", "\\ud83d", "é"]"#, ""),
        ] {
            let expected = Some(expected.as_bytes()).filter(|text| !text.is_empty());
            let mended = mend(text.as_bytes());
            assert_eq!(mended.as_ref().map(|one| &*one.text), expected, "{text}");
            let lost = mended.as_ref().is_some_and(|one| one.lost);
            let says_lost = |text: &[u8]| text.windows(6).any(|six| six == br"\ufffd");
            assert_eq!(lost, expected.is_some_and(says_lost), "{text}");
        }
        let mended = mend(b"[\"\xc3\"]").unwrap();
        assert_eq!(mended.text, "[\"\u{fffd}\"]".as_bytes());
        assert!(mended.lost);
    }
}
