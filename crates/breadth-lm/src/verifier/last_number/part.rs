//! Whether a number is only part of other mathematics, by what stands around it.

use super::super::answer::{GREEK, NAMES};
use super::scan::LONGEST_GROUP;

/// Whether a number between two texts is a coefficient, a term, a divisor, an argument, or what
/// others are taken out of.
pub fn is_part(before: &str, after: &str) -> bool {
    before.ends_with(" out of ")
        || is_argument(before)
        || is_behind_operator(before)
        || is_factor(after)
        || has_operator(after)
}

/// Whether a text ends in what a number can be taken from.
pub fn ends_in_term(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_digit() || c == ')') || ends_in_symbol(text)
}

/// Letters that end a number without a space: units, ordinals, currencies, times of day.
const ENDINGS: [&str; 49] = [
    "cm", "mm", "km", "dm", "nm", "kg", "mg", "ft", "in", "yd", "mi", "lb", "lbs", "oz", "am",
    "pm", "st", "nd", "rd", "th", "ml", "m", "g", "s", "h", "l", "hr", "hrs", "min", "sec", "day",
    "yr", "yrs", "mph", "kph", "kw", "kwh", "hz", "khz", "mhz", "ghz", "kb", "mb", "gb", "usd",
    "eur", "gbp", "rs", "pts",
];

/// Letters that stand alone behind a number, a space between, and are words or units.
const WORDS: &str = "amghsl";

/// Longer runs of letters are words, not products of variables.
const LONGEST_PRODUCT: usize = 3;

/// Whether what follows is multiplied by the number: `18x`, `18 x`, `18 \cdot x`, `18(x+1)`.
fn is_factor(after: &str) -> bool {
    let run = run(after);
    if !run.is_empty() {
        let is_ending = ENDINGS.contains(&&*run.to_ascii_lowercase()) && run != "M" && run != "S";
        return !is_ending && run.len() <= LONGEST_PRODUCT;
    }
    if let Some(inner) = after.strip_prefix('(') {
        return has_variable(inner.split(')').next().unwrap_or_default());
    }
    let rest = after.trim_start_matches(' ');
    let signs = ["\\times", "\\cdot", "\u{d7}", "\u{b7}"];
    if let Some(behind) = signs.iter().find_map(|sign| rest.strip_prefix(sign)) {
        return begins_symbol(behind, "");
    }
    if let Some(behind) = rest.strip_prefix('*') {
        // `*18* a` is emphasis.
        let is_emphasis = rest.len() == after.len() && behind.starts_with(' ');
        return !is_emphasis && begins_symbol(behind, "");
    }
    let is_capital = rest.starts_with(|c: char| c.is_ascii_uppercase());
    !is_capital && begins_symbol(rest, WORDS)
}

/// Whether a term or divisor with a variable follows, or a factorial is worked out: `18 + x`,
/// `18/x`, `18! =`.
fn has_operator(after: &str) -> bool {
    if after.starts_with("!=") {
        return true;
    }
    let rest = after.trim_start_matches(' ');
    let behind = |signs: &[&str]| signs.iter().find_map(|sign| rest.strip_prefix(sign));
    if let Some(term) = behind(&["+", "\\pm", "\u{b1}"]) {
        return begins_symbol(term, "");
    }
    if let Some(term) = behind(&["-"]) {
        let is_capital = term
            .trim_start()
            .starts_with(|c: char| c.is_ascii_uppercase());
        return !is_capital && begins_symbol(term, "a");
    }
    behind(&["/", "\\div"]).is_some_and(|divisor| begins_symbol(divisor, WORDS))
}

/// Whether a number is the argument of a function: `\log_2 18`, `\sin(18)`, `f(18)`.
fn is_argument(before: &str) -> bool {
    let head = before.trim_end_matches([' ', '(', '{']);
    let is_called = head.len() < before.len() && before.trim_end_matches(' ').ends_with('(');
    let (base, _) = without_script(head);
    let letters = base.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let name = &base[letters.len()..];
    let is_function = NAMES.contains(&name) && letters.ends_with('\\');
    let is_plain = ["log", "ln", "sin", "cos", "tan", "exp"].contains(&name);
    is_function
        || is_plain
        || is_called
            && name.len() == 1
            && is_alone(letters)
            && before.trim_end_matches(' ').len() == head.len() + 1
}

/// Whether a number is added to, taken from, or divides something with a variable: `x + 18`,
/// `x/18`.
fn is_behind_operator(before: &str) -> bool {
    let before = before.trim_end_matches(' ');
    let signs = [
        "+", "\\pm", "\u{b1}", "/", "\\div", "\\times", "\\cdot", "\u{d7}", "\u{b7}", "*",
    ];
    if let Some(head) = signs.iter().find_map(|sign| before.strip_suffix(sign)) {
        return ends_in_symbol(head);
    }
    // A letter in capitals with a hyphen is a name: `F-18`, `Option A - 18`.
    let Some(head) = before.strip_suffix('-') else {
        return false;
    };
    let head = head.trim_end_matches(' ');
    !head.ends_with(|c: char| c.is_ascii_uppercase()) && ends_in_symbol(head)
}

/// Whether a text begins with a variable, a constant, a function or a root; letters of `words` are
/// none where they stand alone.
fn begins_symbol(text: &str, words: &str) -> bool {
    let text = text.trim_start_matches(' ');
    if let Some(command) = text.strip_prefix('\\') {
        return is_symbol(run(command));
    }
    let run = run(text);
    let behind = &text[run.len()..];
    let is_abbreviation = behind.starts_with(['.', '\'', '\u{2019}'])
        && behind[1..].starts_with(|c: char| c.is_ascii_alphabetic());
    match run.len() {
        0 => text.starts_with(is_sign),
        1 => !words.contains(run) && !is_abbreviation,
        _ => is_product(run),
    }
}

/// Whether a text ends in one: `x`, `2x`, `x^2`, `\sqrt{2}`, `f(2)`, `(x+1)`.
fn ends_in_symbol(text: &str) -> bool {
    let text = text.trim_end_matches(' ');
    let (base, is_script) = without_script(text);
    if is_script {
        return base.ends_with(|c: char| c.is_alphabetic() || ")}".contains(c));
    }
    if text.ends_with(['}', ')']) {
        let Some(open) = opening(text) else {
            return false;
        };
        let (head, inner) = (&text[..open], &text[open + 1..text.len() - 1]);
        let letters = head.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let name = &head[letters.len()..];
        return match text.ends_with(')') {
            true => has_variable(inner) || name.len() == 1 && is_alone(letters),
            false => letters.ends_with('\\') && is_symbol(name),
        };
    }
    let letters = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let run = &text[letters.len()..];
    match run.len() {
        0 => text.ends_with(is_sign),
        _ if letters.ends_with('\\') => is_symbol(run),
        1 => is_alone(letters),
        _ => is_product(run),
    }
}

/// Letters that are variables side by side: few, none of them a vowel.
fn is_product(run: &str) -> bool {
    run.len() <= LONGEST_PRODUCT
        && run
            .chars()
            .all(|c| c.is_ascii_lowercase() && !"aeiou".contains(c))
        && !ENDINGS.contains(&run)
}

/// Without the power or index at the end, and whether there was one.
fn without_script(text: &str) -> (&str, bool) {
    let base = match text.strip_suffix('}') {
        Some(_) => opening(text).map(|open| &text[..open]),
        None => Some(text.trim_end_matches(|c: char| c.is_ascii_digit())),
    };
    let base = base.filter(|base| base.len() < text.len());
    match base.and_then(|base| base.strip_suffix(['^', '_'])) {
        Some(base) => (base, true),
        None => (text, false),
    }
}

/// Where the bracket at the end was opened.
fn opening(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut all = text.char_indices().rev().take(LONGEST_GROUP);
    all.find_map(|(at, c)| {
        depth += i32::from(")}".contains(c)) - i32::from("({".contains(c));
        (depth == 0).then_some(at)
    })
}

/// Whether some letter stands alone.
fn has_variable(text: &str) -> bool {
    let mut runs = text.split(|c: char| !c.is_alphabetic());
    runs.any(|run| {
        run.len() == 1 && run != "a" && run.starts_with(|c: char| c.is_ascii_lowercase())
    })
}

/// Whether a letter behind this text belongs to no word.
fn is_alone(before: &str) -> bool {
    let is_bound = |c: char| c.is_alphabetic() || "'\u{2019}.".contains(c);
    !before.ends_with(is_bound)
}

fn is_symbol(command: &str) -> bool {
    GREEK.contains(&command) || NAMES.contains(&command) || command == "sqrt"
}

/// Greek letters and the sign of a root.
fn is_sign(c: char) -> bool {
    ('\u{3b1}'..='\u{3c9}').contains(&c) || c == '\u{221a}'
}

/// The letters at the beginning.
fn run(text: &str) -> &str {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    &text[..text.len() - rest.len()]
}
