//! The number that a text ends in, and whether a text is one number.
//!
//! The last number, after #### if it is there, equals the `answer`, which must be one number:
//! 1,000 = 1e3 = 10^3, 1/2 = 0.5 = \frac{1}{2}.

mod part;
mod scan;
mod unit;

use super::algebra::Ratio;
use super::answer::{Answer, fraction_sign, script_sign};
use super::compare::{Compare, Comparison, Given, ending};
use super::judge::VerifierKind;
use super::number::{Number, scale};
use scan::{digits, exponent, group};

pub(super) const KIND: VerifierKind = VerifierKind {
    usage: "number",
    help: "the last number",
    parse: |_| Ok(Box::new(Comparison(LastNumber))),
};

#[derive(Debug)]
struct LastNumber;

impl Compare for LastNumber {
    fn given(&self, text: &str) -> Option<Given> {
        final_number(text).map(Given::number)
    }

    fn expected(&self, answer: &str) -> Vec<Given> {
        let number = single_number(answer).map(Given::number);
        number.into_iter().collect()
    }

    fn refusal(&self, answer: Option<&str>) -> String {
        match answer {
            Some(answer) => format!(
                "has the answer `{answer}`, which is not one number; the verifier number compares numbers: use boxed (fractions, tuples, sets, expressions) or text, or \
                 give the number alone"
            ),
            None => "has no number in its response, which stands for the answer; the verifier number compares numbers".into(),
        }
    }
}

/// The number that a response ends in: the first after the last `####` if there is one, else the
/// last.
///
/// A number may have a sign, thousands in commas or LaTeX (`1{,}000`, `1\,000`, `1,\!000`), a
/// decimal point, an exponent or a power (`10^3`, `2\times10^3`); it may be a fraction `a/b`, `a
/// over b`, `a out of b` or `\frac{a}{b}`, alone or behind a whole number. `1,00,000`, `18 million`
/// and `18 lakh` are numbers too, and so are `-(5)` and `negative 5`; `- 5 apples` at the beginning
/// of a line is 5 in a list.
/// Signs of currency, per cent, degrees and units around it are not looked at: `50%` is 50,
/// `9.8 m/s^2` is 9.8. Digits in a word are none (`CO2`). What is only part of other mathematics is
/// no number: the 2 of `x^2`, `\sqrt{2}`, `2\pi`, `2x`, `x + 2`, `x/2` and `\log 2`.
fn final_number(text: &str) -> Option<Number> {
    let text = plain(text);
    match text.rsplit_once("####") {
        Some((_, after)) => next_number(after, 0)?.number,
        None => numbers(&text).pop()?.number,
    }
}

/// The number that an answer of the data is, behind `####` if that is there. Nothing if it holds
/// several, or other mathematics.
fn single_number(answer: &str) -> Option<Number> {
    let answer = ending(answer);
    let (read, text) = (Answer::read(answer), plain(answer));
    if read.is_mathematics() {
        return read.number().filter(|_| !is_sum(&text));
    }
    let found = numbers(&text);
    let [only] = &found[..] else {
        return None;
    };
    let around = format!("{} {}", &text[..only.start], &text[only.end..]);
    let is_prose = !around.contains(|c: char| "\\^_=+*/<>{}|~".contains(c));
    let is_count = text[only.start..only.end].contains("out of");
    only.number.clone().filter(|_| is_prose && !is_count)
}

/// Whether something is added or taken away: a date, a range, a sum that nobody did.
fn is_sum(text: &str) -> bool {
    let mut before = ('=', '=');
    text.chars().filter(|c| !c.is_whitespace()).any(|c| {
        let is_exponent = "eE".contains(before.1) && before.0.is_ascii_digit();
        let is_sign = "=({^$\\".contains(before.1) || is_exponent;
        let is_found = "+-".contains(c) && !is_sign;
        before = (before.1, c);
        is_found
    })
}

/// A number in a text, or what is written like one and is none.
struct Found {
    number: Option<Number>,
    start: usize,
    end: usize,
}

fn numbers(text: &str) -> Vec<Found> {
    let (mut at, mut all) = (0, Vec::new());
    while let Some(found) = next_number(text, at) {
        at = found.end;
        all.push(found);
    }
    all
}

/// The text with what LaTeX and Unicode have for thousands, fractions and signs in plain
/// characters.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (piece, taken) = piece(c, rest, &out);
        out.push_str(&piece);
        rest = &rest[taken..];
    }
    out
}

/// What stands for the beginning of a text, and how long that beginning is.
fn piece(c: char, rest: &str, out: &str) -> (String, usize) {
    let is_behind_digit = out.ends_with(|c: char| c.is_ascii_digit());
    let is_behind_sign = out.ends_with([',', '-']);
    if let Some((name, after)) = spacing(rest).filter(|_| is_behind_digit || is_behind_sign) {
        let groups = digits(after) == 3 && is_behind_digit && name != "\\!";
        return (
            if groups {
                ",".into()
            } else if name == "\\!" {
                String::new()
            } else {
                " ".into()
            },
            name.len(),
        );
    }
    if let Some(after) = rest.strip_prefix("{,}").filter(|_| is_behind_digit) {
        return (
            if digits(after) == 3 && !is_zero(out) {
                ",".into()
            } else {
                ".".into()
            },
            3,
        );
    }
    if let Some(taken) = degree(rest) {
        return ("\u{b0}".into(), taken);
    }
    if let Some((high, taken)) = high_digits(rest).filter(|_| !out.is_empty()) {
        return (format!("^{{{high}}}"), taken);
    }
    if let Some((above, below)) = fraction_sign(c) {
        let space = if is_behind_digit { " " } else { "" };
        return (format!("{space}{above}/{below}"), c.len_utf8());
    }
    if let Some((inner, taken)) = unwrapped(rest) {
        return (inner.into(), taken);
    }
    if let Some((fraction, taken)) = fraction(rest) {
        let space = if is_behind_digit { " " } else { "" };
        return (format!("{space}{fraction}"), taken);
    }
    if let Some(behind) = rest.strip_prefix("\\div")
        && !behind.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        return ("/".into(), rest.len() - behind.len());
    }
    let plain = match c {
        '\u{2212}' | '\u{2010}' | '\u{2011}' | '\u{2013}' | '\u{fe63}' | '\u{ff0d}' => '-',
        '\u{f7}' | '\u{2044}' | '\u{2215}' => '/',
        '\u{ff10}'..='\u{ff19}' => char::from(b'0' + (u32::from(c) - 0xff10) as u8),
        c => c,
    };
    (plain.into(), c.len_utf8())
}

/// Whether a text ends in the number 0 alone.
fn is_zero(text: &str) -> bool {
    text.strip_suffix('0')
        .is_some_and(|before| !before.ends_with(|c: char| c.is_ascii_digit() || c == ','))
}

/// How long the sign of degrees at the beginning is: `^\circ`, `^{\circ}`.
fn degree(text: &str) -> Option<usize> {
    let sign = |text: &str| {
        let signs = ["\\circ", "\\degree"];
        let sign = signs.into_iter().find(|sign| text.starts_with(sign))?;
        let is_other = text[sign.len()..].starts_with(|c: char| c.is_ascii_alphabetic());
        (!is_other || sign == "\\circ").then_some(sign.len())
    };
    let Some(raised) = text.strip_prefix('^') else {
        return sign(text).filter(|_| text.starts_with("\\degree"));
    };
    let raised = raised.trim_start();
    let blank = text.len() - raised.len();
    if !raised.starts_with('{') {
        return sign(raised).map(|length| blank + length);
    }
    let (inner, taken) = group(raised)?;
    let is_sign = sign(inner.trim()) == Some(inner.trim().len());
    is_sign.then_some(blank + taken)
}

/// The power in high digits at the beginning, and how long it is.
fn high_digits(text: &str) -> Option<(String, usize)> {
    let high = |c: char| script_sign(c).filter(|(place, _)| *place == '^');
    let digits: String = text
        .chars()
        .map_while(high)
        .map(|(_, digit)| digit)
        .collect();
    let taken = text.chars().take(digits.len()).map(char::len_utf8).sum();
    (!digits.is_empty()).then_some((digits, taken))
}

/// A narrow space at the beginning, and what comes after it.
fn spacing(text: &str) -> Option<(&'static str, &str)> {
    let names = [
        "\\,", "\\;", "\\:", "\\!", "\\ ", "~", "\u{2009}", "\u{202f}", "\u{a0}",
    ];
    names
        .into_iter()
        .find_map(|name| Some((name, text.strip_prefix(name)?)))
}

/// What `\text{..}` and the like hold, if it begins with a digit.
fn unwrapped(text: &str) -> Option<(&str, usize)> {
    let commands = [
        "\\text{",
        "\\mathrm{",
        "\\mathbf{",
        "\\textbf{",
        "\\mbox{",
        "\\boxed{",
    ];
    let name = commands.into_iter().find(|name| text.starts_with(name))?;
    let (inner, taken) = group(&text[name.len() - 1..])?;
    let is_number = !inner.is_empty()
        && inner
            .chars()
            .all(|c| c.is_ascii_digit() || ",.-".contains(c));
    is_number.then_some((inner, name.len() - 1 + taken))
}

/// `\frac{a}{b}` with numbers as `a/b`, and what stands for it with anything else.
fn fraction(text: &str) -> Option<(String, usize)> {
    let names = ["\\frac", "\\dfrac", "\\tfrac", "\\cfrac"];
    let name = names.into_iter().find(|name| text.starts_with(name))?;
    let (above, first) = argument(&text[name.len()..])?;
    let (below, second) = argument(&text[name.len() + first..])?;
    let taken = name.len() + first + second;
    let part = |text: &str| {
        let text = plain(text.trim());
        Number::decimal(&text).map(|_| text)
    };
    let is_nested = above.contains("frac") || below.contains("frac");
    let parts = if is_nested {
        None
    } else {
        part(above).zip(part(below))
    };
    let Some((above, below)) = parts else {
        return Some((NO_NUMBER.into(), taken));
    };
    let is_negative = above.starts_with('-') != below.starts_with('-');
    let sign = if is_negative { "-" } else { "" };
    let unsigned = |text: &str| text.trim_start_matches(['-', '+']).to_owned();
    Some((
        format!("{sign}{}/{}", unsigned(&above), unsigned(&below)),
        taken,
    ))
}

/// Stands for a fraction of other things than numbers: a power, which is no number.
const NO_NUMBER: &str = "?^0";

/// A group or one digit, and how much of the text that is.
fn argument(text: &str) -> Option<(&str, usize)> {
    let blank = text.len() - text.trim_start().len();
    let rest = &text[blank..];
    match rest.bytes().next()? {
        b'{' => group(rest).map(|(inner, taken)| (inner, blank + taken)),
        digit if digit.is_ascii_digit() => Some((&rest[..1], blank + 1)),
        _ => None,
    }
}

/// The first number from `at` on. What is written like one and is none (`1/0`, `x^2`) is found as
/// nothing.
fn next_number(text: &str, at: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let is_behind_letter = |i: usize| i > 0 && bytes[i - 1].is_ascii_alphabetic();
    // The point of `Rs.5` ends a word.
    let is_point = |i: usize| bytes[i] == b'.' && digit(i + 1) && !is_behind_letter(i);
    let begins = |i: &usize| digit(*i) || is_point(*i);
    let mut at = at;
    let (start, end) = loop {
        let start = (at..bytes.len()).find(begins)?;
        let end = decimal_end(bytes, start);
        match script(&text[..start]) {
            None if is_power_of_unit(&text[..start], &text[start..end]) => at = end,
            None if is_of_word(&text[..start]) => at = end,
            None => break (start, end),
            Some(true) => at = end,
            Some(false) => {
                return Some(Found {
                    number: None,
                    start,
                    end,
                });
            }
        }
    };
    let before = &text[..start];
    let number = Number::decimal(&text[start..end]);
    let signed = |number: Option<Number>, is_negative: bool| match is_negative {
        true => number.map(|number| number.negated()),
        false => number,
    };
    let number = signed(number, is_minus(before, &text[end..]));
    let (number, end) = with_fraction(text, number, end);
    let (number, end) = with_power(text, number, end);
    let (number, end) = with_words(text, number, end);
    let end = end + unit::length(&text[end..]);
    let number = signed(number, is_minus_of_brackets(before, &text[end..]));
    let is_part = is_under_root(before)
        || is_rest_of_groups(before, &text[start..end])
        || part::is_part(before, &text[end..]);
    let number = number.filter(|_| !is_part);
    Some(Found { number, start, end })
}

/// Whether the number behind a text is a power or an index, and if so whether it is that of a unit.
fn script(before: &str) -> Option<bool> {
    let before = before.strip_suffix('{').unwrap_or(before);
    let before = before.strip_suffix('-').unwrap_or(before);
    let base = before.strip_suffix(['^', '_'])?;
    // `_42_` is emphasis.
    let is_base = base.ends_with(|c: char| c.is_alphanumeric() || "})]'|".contains(c));
    if before.ends_with('_') && !is_base {
        return None;
    }
    let base = base.trim_end_matches('}');
    let letters = base.len()
        - base
            .trim_end_matches(|c: char| c.is_ascii_alphabetic())
            .len();
    let unit = &base[base.len() - letters..];
    Some(
        [
            "cm", "m", "mm", "km", "ft", "in", "inches", "feet", "meters", "units", "yd", "mi",
            "miles", "yards",
        ]
        .contains(&unit),
    )
}

/// Whether a 2 or 3 is the power of a unit behind a number: `10 m2`.
fn is_power_of_unit(before: &str, digits: &str) -> bool {
    let number = before.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_unit =
        ["m", "cm", "mm", "km", "dm", "ft", "in", "yd", "mi"].contains(&&before[number.len()..]);
    let number = number.trim_end_matches(' ');
    matches!(digits, "2" | "3") && is_unit && number.ends_with(|c: char| c.is_ascii_digit())
}

/// Whether a digit is written into a word, as in `CO2` and `C6H12O6`: behind letters that are
/// neither a command nor a currency, nor a sign or unit behind a number (`2x3`).
fn is_of_word(before: &str) -> bool {
    let head = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
    let word = &before[head.len()..];
    let is_times = matches!(word, "x" | "X")
        && head
            .trim_end_matches(' ')
            .ends_with(|c: char| c.is_ascii_digit());
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && !head.ends_with('\\')
        && !is_times
        && !CURRENCIES.contains(&&*word.to_ascii_uppercase())
}

/// Currencies that stand before their number without a space.
const CURRENCIES: [&str; 16] = [
    "AUD", "BRL", "CAD", "CHF", "CNY", "EUR", "GBP", "HKD", "INR", "JPY", "KRW", "MXN", "RM",
    "RMB", "RS", "USD",
];

/// `a/b`, or `w a/b` with a fraction below 1 behind a whole number.
fn with_fraction(text: &str, number: Option<Number>, end: usize) -> (Option<Number>, usize) {
    let (quotient, over) = divided(text, number.clone(), end);
    if over > end {
        return (quotient, over);
    }
    let Some(Number::Ratio(whole, 1)) = number else {
        return (number, end);
    };
    match small_fraction(&text[end..]) {
        Some((part, taken)) => {
            let part = if whole < 0 { part.negated() } else { part };
            (Number::Ratio(whole, 1).plus(&part), end + taken)
        }
        None => (number, end),
    }
}

/// A number over all that it is divided by: `3/4`, `3 / 4`, `3 over 4`, `3 out of 4`.
fn divided(text: &str, number: Option<Number>, end: usize) -> (Option<Number>, usize) {
    let (mut number, mut end) = (number, end);
    while let Some((divisor, taken)) = divisor(&text[end..]) {
        let both = number.zip(divisor);
        number = both.and_then(|(number, divisor)| number.over(&divisor));
        end += taken;
    }
    (number, end)
}

/// The divisor at the beginning with the sign or word before it, and how long that is.
fn divisor(text: &str) -> Option<(Option<Number>, usize)> {
    let sign = text.trim_start_matches(' ');
    let word = || {
        let words = ["over ", "out of "].iter();
        let behind = words.filter_map(|word| sign.strip_prefix(word)).next();
        behind.filter(|_| sign.len() < text.len())
    };
    let behind = sign.strip_prefix('/').or_else(word)?;
    let start = text.len() - behind.trim_start_matches(' ').len();
    let minus = usize::from(text[start..].starts_with('-'));
    let begins = digits(&text[start + minus..]) > 0;
    let end = begins.then(|| decimal_end(text.as_bytes(), start + minus))?;
    Some((Number::decimal(&text[start..end]), end))
}

/// A fraction below 1 behind a space, as in `2 1/2`, and how long it is.
fn small_fraction(text: &str) -> Option<(Number, usize)> {
    let rest = text.strip_prefix(' ')?;
    let (above, behind) = rest.split_at(digits(rest));
    let has_slash = behind.trim_start_matches(' ').starts_with('/');
    let (divisor, taken) = divisor(behind).filter(|_| has_slash)?;
    let (above, below) = (above.parse::<i128>().ok()?, divisor?);
    let is_small = matches!(below, Number::Ratio(below, 1) if above < below);
    let part = Number::Ratio(above, 1).over(&below).filter(|_| is_small)?;
    Some((part, text.len() - behind.len() + taken))
}

/// `a^n`, and `a` times `10^n`.
fn with_power(text: &str, number: Option<Number>, end: usize) -> (Option<Number>, usize) {
    if let Some((exponent, taken)) = exponent(&text[end..]) {
        return (
            number.and_then(|number| raised(&number, exponent?)),
            end + taken,
        );
    }
    let after = &text[end..];
    let blank = |text: &str| text.len() - text.trim_start().len();
    let at = blank(after);
    let signs = ["\\times", "\\cdot", "\u{d7}", "*", "\u{b7}", "x", "X"];
    let Some(sign) = signs.into_iter().find(|sign| after[at..].starts_with(sign)) else {
        return (number, end);
    };
    let at = at + sign.len();
    let at = at + blank(&after[at..]);
    let Some((exponent, taken)) = after[at..].strip_prefix("10").and_then(exponent) else {
        return (number, end);
    };
    let scaled = number.zip(exponent).and_then(|(number, exponent)| {
        let ten = raised(&Number::Ratio(10, 1), exponent)?;
        product(&number, &ten)
    });
    (scaled, end + at + 2 + taken)
}

fn raised(number: &Number, exponent: i64) -> Option<Number> {
    let Number::Ratio(above, below) = number else {
        return None;
    };
    let power = Ratio::new(*above, *below)?.power(exponent)?;
    Some(Number::Ratio(power.above(), power.below()))
}

fn product(a: &Number, b: &Number) -> Option<Number> {
    let (Number::Ratio(a, c), Number::Ratio(b, d)) = (a, b) else {
        return None;
    };
    let product = Ratio::new(*a, *c)?.times(Ratio::new(*b, *d)?)?;
    Some(Number::Ratio(product.above(), product.below()))
}

/// `18 million` and `18-million` as 18000000; `18 thousandths` is not read.
fn with_words(text: &str, number: Option<Number>, end: usize) -> (Option<Number>, usize) {
    let (mut number, mut end) = (number, end);
    loop {
        let (scaled, behind) = with_word(text, number, end);
        if behind == end {
            return (scaled, end);
        }
        (number, end) = (scaled, behind);
    }
}

fn with_word(text: &str, number: Option<Number>, end: usize) -> (Option<Number>, usize) {
    let after = &text[end..];
    let blank = [' ', '~'];
    let hyphened = after
        .strip_prefix('-')
        .filter(|word| !word.starts_with(blank));
    let behind = hyphened.unwrap_or(after.trim_start_matches(blank));
    let opened = unit::opened(behind).trim_start_matches(blank);
    let letters = opened.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let word = &opened[..opened.len() - letters.len()];
    let is_ending = letters.is_empty() || letters.starts_with(['.', ',', '!', '\n']);
    let times = match scale(word) {
        None if word == "grand" && is_ending => Some(1000),
        times => times,
    };
    let is_part = PARTS.iter().any(|own| word.eq_ignore_ascii_case(own));
    if times.is_none() && !is_part {
        return (number, end);
    }
    let is_parted = after.len() > opened.len();
    let scaled = number.zip(times.filter(|_| is_parted));
    let scaled =
        scaled.and_then(|(number, times)| product(&number, &Number::Ratio(times.into(), 1)));
    (scaled, text.len() - letters.len())
}

/// Words that divide the number before them.
const PARTS: [&str; 5] = ["tenths", "hundredths", "thousandths", "millionths", "half"];

fn is_under_root(before: &str) -> bool {
    let roots = ["\\sqrt{", "\\sqrt", "\\sqrt ", "\u{221a}", "\u{221a}("];
    roots.iter().any(|root| before.ends_with(root))
        || before.trim_end_matches([' ', '{']).ends_with("\\over")
}

/// Whether digits are the rest of a number in groups that are not understood: `1,0000`, `1 000`.
fn is_rest_of_groups(before: &str, digits: &str) -> bool {
    let before = before.strip_suffix([',', ' ']).unwrap_or_default();
    let is_long = digits.starts_with('0') && self::digits(digits) > 1;
    is_long && before.ends_with(|c: char| c.is_ascii_digit())
}

/// Where the decimal number that begins at `start` ends.
fn decimal_end(bytes: &[u8], start: usize) -> usize {
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let run = |mut i: usize| {
        while digit(i) {
            i += 1;
        }
        i
    };
    let mut end = run(start);
    if (1..=3).contains(&(end - start)) {
        while bytes.get(end) == Some(&b',') && run(end + 1) == end + 4 {
            end += 4;
        }
        let pairs = (1..).take_while(|n| {
            bytes.get(end + 3 * (n - 1)) == Some(&b',') && run(end + 3 * n - 2) == end + 3 * n
        });
        let above = end + 3 * pairs.count();
        let is_indian = end - start <= 2 && above > end && bytes.get(above) == Some(&b',');
        if is_indian && run(above + 1) == above + 4 {
            end = above + 4;
        }
    }
    if bytes.get(end) == Some(&b'.') && digit(end + 1) {
        end = run(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        // An exponent of nineteen digits or more is no number.
        let after = run(end + 1 + sign);
        if digit(end + 1 + sign) && after - end < 19 {
            end = after;
        }
    }
    end
}

/// Whether a minus stands before a number, and is a sign: nothing to subtract from stands before
/// it. With a space behind it, it is one where a value begins; at the beginning of a line it is the
/// dot of a list, unless the number is all that the text holds. The words `negative` and `minus`
/// are signs too.
fn is_minus(before: &str, after: &str) -> bool {
    let before = currency(before);
    let close = before.trim_end_matches(' ');
    let Some(rest) = close.strip_suffix('-') else {
        return is_word_of_minus(before);
    };
    let head = currency(rest);
    if close.len() == before.len() {
        return !head.ends_with(|c: char| c.is_alphanumeric() || c == ')' || c == ']');
    }
    // The sign of currency that was taken off opens mathematics, unless it closes some: `$x$ - 5`.
    let is_opened = head.len() < rest.len() && !head.ends_with(char::is_alphanumeric);
    let begins_mathematics = is_opened && !head.trim_end_matches(' ').ends_with('$');
    begins_mathematics || begins_value(head) || is_alone(head, after)
}

/// Whether nothing but signs stands before a number, and no words or lines behind it.
fn is_alone(before: &str, after: &str) -> bool {
    let is_sign = |c: char| c.is_whitespace() || "*_$".contains(c);
    let is_more = |c: char| c.is_alphabetic() || c == '\n';
    before.chars().all(is_sign) && !after.trim().contains(is_more)
}

/// Whether a value follows a text for sure, and no subtraction.
fn begins_value(before: &str) -> bool {
    let close = before.trim_end_matches([' ', '*', '_', '$']);
    let (_, word) = last_word(close);
    before.trim_end().ends_with(['=', '{', '(', '\u{2248}'])
        || close.ends_with(':')
        || ["approx", "leq", "geq"].contains(&word)
        || VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb))
}

/// Words behind which a value stands.
const VERBS: [&str; 10] = [
    "is", "are", "was", "be", "equals", "to", "get", "gives", "becomes", "yields",
];

/// Whether a word says that the number behind it is below 0: `negative 5`, and `minus 5` where
/// nothing stands from which 5 is taken.
fn is_word_of_minus(before: &str) -> bool {
    let close = before.trim_end_matches([' ', '*', '_', '$']);
    let (head, word) = last_word(close);
    let is_bound = head.ends_with(['-', '\\']) || close.len() == before.len();
    let is_minus = word.eq_ignore_ascii_case("minus");
    let is_sign = is_minus && (head.trim().is_empty() || begins_value(head));
    !is_bound && (is_sign || word.eq_ignore_ascii_case("negative"))
}

/// The letters that a text ends in, and what stands before them.
fn last_word(text: &str) -> (&str, &str) {
    text.split_at(text.trim_end_matches(char::is_alphabetic).len())
}

/// Whether a number is all that brackets hold, and a minus stands before them: `-(5)`.
fn is_minus_of_brackets(before: &str, after: &str) -> bool {
    let inner = currency(before).trim_end_matches(' ');
    let inner = inner
        .strip_suffix('-')
        .unwrap_or(inner)
        .trim_end_matches(' ');
    let Some(head) = inner
        .strip_suffix('(')
        .filter(|_| after.trim_start().starts_with(')'))
    else {
        return false;
    };
    let term = head.trim_end_matches([' ', '-']);
    is_minus(head, after) && !part::ends_in_term(term)
}

fn currency(text: &str) -> &str {
    let text = text
        .strip_suffix(['\u{20ac}', '\u{a3}', '\u{a5}', '\u{20b9}'])
        .unwrap_or(text);
    match text.strip_suffix('$') {
        Some(text) => text.strip_suffix('\\').unwrap_or(text),
        None => text,
    }
}

#[cfg(test)]
mod tests;
