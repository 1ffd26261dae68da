//! Units behind a number, whose powers are no numbers.

use super::scan::{digits, exponent};

/// Names of units, as they stand in products and quotients.
const NAMES: [&str; 49] = [
    "m", "cm", "mm", "km", "dm", "nm", "ft", "in", "yd", "mi", "g", "kg", "mg", "s", "sec", "ms",
    "h", "hr", "min", "L", "l", "mL", "ml", "mol", "N", "J", "W", "Pa", "kPa", "kN", "kJ", "kW",
    "unit", "units", "meter", "meters", "metre", "metres", "feet", "inches", "miles", "yards",
    "second", "seconds", "minute", "minutes", "hour", "hours", "day",
];

/// How long the unit at the beginning is, with its powers: ` m/s^2`, `\text{ cm}^{3}`. A single
/// letter with a power is a variable, but for metres.
pub fn length(after: &str) -> usize {
    let (mut rest, mut end) = (after, 0);
    let (mut names, mut is_open, mut is_sure) = (0, false, false);
    loop {
        let inner = opened(between(rest, names > 0));
        is_open |= inner.len() < between(rest, names > 0).len();
        is_sure |= is_open;
        let inner = inner.trim_start_matches([' ', '~']);
        let behind = inner.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let name = &inner[..inner.len() - behind.len()];
        if !NAMES.contains(&name) {
            return end;
        }
        names += 1;
        let (behind, has_power) = without_power(behind);
        let closed = behind.strip_prefix('}').filter(|_| is_open);
        is_open &= closed.is_none();
        let (behind, has_outer) = without_power(closed.unwrap_or(behind));
        is_sure |= names > 1 || name.len() > 1 || name == "m";
        if !is_sure && (has_power || has_outer) {
            return end;
        }
        (rest, end) = (behind, after.len() - behind.len());
    }
}

/// Without what stands between a number and its unit, or between units.
fn between(text: &str, is_behind_unit: bool) -> &str {
    let mut rest = text.trim_start_matches([' ', '~']);
    for sign in ["/", "per ", "\\cdot", "\u{b7}", "*"] {
        rest = rest
            .strip_prefix(sign)
            .filter(|_| is_behind_unit)
            .unwrap_or(rest);
    }
    rest.trim_start_matches([' ', '~'])
}

/// What `\text{` and the like open.
pub fn opened(text: &str) -> &str {
    let commands = [
        "\\text{",
        "\\mathrm{",
        "\\textrm{",
        "\\mbox{",
        "\\rm{",
        "\\rm ",
    ];
    let found = commands.iter().find_map(|name| text.strip_prefix(name));
    found.unwrap_or(text)
}

/// Without a power at the beginning, and whether there is one: `^2`, `^{-2}`, a bare 2 or 3.
fn without_power(text: &str) -> (&str, bool) {
    if let Some((Some(_), taken)) = exponent(text) {
        return (&text[taken..], true);
    }
    let is_bare = digits(text) == 1 && text.starts_with(['2', '3']);
    (&text[usize::from(is_bare)..], is_bare)
}
