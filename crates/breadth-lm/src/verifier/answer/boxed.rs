//! Answers in boxes.

/// The content of the last `\boxed{..}` (or `\fbox{..}`) whose braces match; `\boxed 5` has the
/// next character. An empty box counts only if there is no other before it.
pub fn last_boxed(text: &str) -> Option<&str> {
    let (mut from, mut empty) = (text.len(), None);
    while let Some(at) = text[..from].rfind("box") {
        from = at;
        let command = [("\\", "boxed"), ("\\f", "box")]
            .into_iter()
            .find_map(|(before, name)| {
                let is_here = text[..at].ends_with(before) && text[at..].starts_with(name);
                is_here.then(|| &text[at + name.len()..])
            });
        match command.and_then(argument) {
            Some(content) if content.trim().is_empty() => empty = Some(content),
            Some(content) => return Some(content),
            None => {}
        }
    }
    empty
}

/// What the braces at the beginning hold.
fn argument(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let Some(inner) = text.strip_prefix('{') else {
        let next = text.chars().next().filter(|c| c.is_alphanumeric())?;
        return Some(&text[..next.len_utf8()]);
    };
    let (mut depth, mut is_escaped) = (1, false);
    for (at, c) in inner.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&inner[..at]);
        }
    }
    None
}
