//! What a text begins with: digits, groups, powers.

/// How many digits there are at the beginning.
pub fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// What `^n` or `^{n}` at the beginning says, and how long it is; an exponent that is no whole
/// number says nothing.
pub fn exponent(text: &str) -> Option<(Option<i64>, usize)> {
    let starred = || {
        // Behind the stars of bold type there is no number.
        let rest = text.trim_start_matches(' ').strip_prefix("**")?;
        let digits = rest.trim_start_matches(' ').trim_start_matches('-');
        let is_power = digits.starts_with(|c: char| c.is_ascii_digit());
        is_power.then(|| rest.trim_start_matches(' '))
    };
    let rest = text.strip_prefix('^').or_else(starred)?;
    let sign = text.len() - rest.len();
    if rest.starts_with('{') {
        let (inner, taken) = group(rest)?;
        return Some((inner.trim().parse().ok(), sign + taken));
    }
    let minus = usize::from(rest.starts_with('-'));
    let end = minus + digits(&rest[minus..]);
    Some((rest[..end].parse().ok(), sign + end))
}

/// What the braces at the beginning hold, and how long they are.
pub fn group(text: &str) -> Option<(&str, usize)> {
    let mut depth = 0;
    for (at, c) in text.char_indices().take(LONGEST_GROUP) {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if depth == 0 {
            return Some((&text[1..at], at + 1));
        }
    }
    None
}

/// Longer groups, in characters, hold no number that anybody wrote.
pub const LONGEST_GROUP: usize = 200;
