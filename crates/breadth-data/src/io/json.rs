//! JSON as programs write it: the names of an object's members, and numbers that JSON does not
//! know.

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

/// Python writes bare `NaN`, `Infinity` and `-Infinity`, which JSON does not know: puts them in
/// quotes. `None` if there is none outside of strings.
pub(crate) fn quote_bare_numbers(line: &[u8]) -> Option<Vec<u8>> {
    const BARE: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut out = Vec::with_capacity(line.len() + 16);
    let (mut at, mut in_string, mut found) = (0, false, false);
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
        let step = if escaped { rest.len().min(2) } else { 1 };
        out.extend_from_slice(&rest[..step]);
        at += step;
    }
    found.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::Members;

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
}
