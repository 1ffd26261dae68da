//! Answers in boxes.

/// The content of the last `\boxed{..}` (or `\fbox{..}`) whose braces match; `\boxed 12$` has
/// what follows up to a blank or the end of the mathematics. An empty box counts only if there is
/// no other before it.
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
    // Letters would go on with the name of the command.
    let is_other = text.starts_with(char::is_alphabetic);
    let text = text.trim_start();
    let Some(inner) = text.strip_prefix('{') else {
        return if is_other { None } else { bare(text) };
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

/// What a box without braces has: neither a word of the text behind it (`\boxed and`), nor only
/// the first digit.
fn bare(text: &str) -> Option<&str> {
    let ends = |c: char| c.is_whitespace() || c == '$';
    let end = text.find(ends).unwrap_or(text.len());
    let ends = ["\\)", "\\]"].map(|close| text[..end].find(close));
    let end = ends.into_iter().flatten().min().unwrap_or(end);
    let run = text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?']);
    let is_word = run.len() > 1 && run.chars().all(char::is_alphabetic);
    let is_answer = run.starts_with(|c: char| c.is_alphanumeric() || "\\-+.(".contains(c));
    (is_answer && !is_word).then_some(run)
}
