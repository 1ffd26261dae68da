//! Lists of texts as JSON and Python write them.

/// The texts in `["7", "seven"]` or `['7', "it's"]`; nothing if the text is no list, has none, or
/// has anything but texts in quotes: `[1, 2]` may be an interval.
pub(super) fn read(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim().strip_prefix('[')?.strip_suffix(']')?.trim();
    let mut out = Vec::new();
    loop {
        let (member, behind) = quoted(rest)?;
        out.push(member);
        rest = behind.trim_start();
        if rest.is_empty() {
            return Some(out);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

/// The text in quotes at the beginning, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.chars();
    let quote = chars.next().filter(|c| "'\"".contains(*c))?;
    let mut out = String::new();
    loop {
        match chars.next()? {
            '\\' => out.push(escaped(&mut chars)?),
            c if c == quote => return Some((out, chars.as_str())),
            c => out.push(c),
        }
    }
}

/// What a backslash and the characters behind it stand for.
fn escaped(chars: &mut std::str::Chars) -> Option<char> {
    let digits = match chars.next()? {
        'n' => return Some('\n'),
        't' => return Some('\t'),
        'r' => return Some('\r'),
        c @ ('\\' | '/' | '\'' | '"') => return Some(c),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let code = chars.as_str().get(..digits)?;
    *chars = chars.as_str()[digits..].chars();
    char::from_u32(u32::from_str_radix(code, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_texts() {
        for (text, expected) in [
            ("['7']", vec!["7"]),
            (r#"["7", "seven"]"#, vec!["7", "seven"]),
            (r#"[ 'a' , "it's" ]"#, vec!["a", "it's"]),
            (
                r"['\\frac{1}{2}', 'it\'s', '\xe9\u00e9']",
                vec![r"\frac{1}{2}", "it's", "\u{e9}\u{e9}"],
            ),
            (r#"["a]", ",'"]"#, vec!["a]", ",'"]),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "[]",
            "[1, 2]",
            "['1', 2]",
            "['1'",
            "'1'",
            "['1' '2']",
            "['1',]",
            "[a]",
            "('1')",
            r"['\q']",
            r"['\x4']",
            "['1'] or ['2']",
            "[x'] [y']",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
