//! Numbers as people write them, compared exactly.

use std::fmt;

/// Most digits, and most powers of ten, of what becomes a fraction of whole numbers; beyond, digits and exponent are kept as they are.
const MOST_DIGITS: i64 = 36;

/// An exact number. Equal numbers are written alike: as a whole number, a fraction in lowest terms, or digits with a power of ten where they are very long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// `numerator / denominator` in lowest terms, the denominator above 0.
    Ratio(i128, i128),
    /// `digits * 10^exponent`; the digits neither begin nor end with 0.
    Power {
        is_negative: bool,
        digits: String,
        exponent: i64,
    },
}

impl Number {
    /// A decimal number, signs, thousands in commas and an exponent included: `1,000`, `-.5`, `1e3`.
    pub fn decimal(text: &str) -> Option<Self> {
        let (is_negative, text) = match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = without_commas(whole)?;
        let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() && part.is_empty() || !is_digits(&whole) || !is_digits(part) {
            return None;
        }
        let exponent = exponent.checked_sub(i64::try_from(part.len()).ok()?)?;
        Self::new(is_negative, &format!("{whole}{part}"), exponent)
    }

    fn new(is_negative: bool, digits: &str, exponent: i64) -> Option<Self> {
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Some(Self::Ratio(0, 1));
        }
        let short = digits.trim_end_matches('0');
        let exponent = exponent.checked_add((digits.len() - short.len()) as i64)?;
        let power = Self::Power {
            is_negative,
            digits: short.into(),
            exponent,
        };
        if short.len() as i64 > MOST_DIGITS || exponent.abs() > MOST_DIGITS {
            return Some(power);
        }
        let digits: i128 = short.parse().ok()?;
        let digits = if is_negative { -digits } else { digits };
        let ten = 10_i128.pow(exponent.unsigned_abs() as u32);
        let ratio = match exponent < 0 {
            true => Self::ratio(digits, ten),
            false => digits.checked_mul(ten).map(|whole| Self::Ratio(whole, 1)),
        };
        Some(ratio.unwrap_or(power))
    }

    fn ratio(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs());
        let divisor = i128::try_from(divisor).ok()? * denominator.signum();
        Some(Self::Ratio(numerator / divisor, denominator / divisor))
    }

    /// The quotient; nothing for a division by 0 or numbers too long.
    pub fn over(&self, other: &Self) -> Option<Self> {
        let (Self::Ratio(a, b), Self::Ratio(c, d)) = (self, other) else {
            return None;
        };
        Self::ratio(a.checked_mul(*d)?, b.checked_mul(*c)?)
    }

    /// The sum; nothing for numbers too long.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        let (Self::Ratio(a, b), Self::Ratio(c, d)) = (self, other) else {
            return None;
        };
        let numerator = a.checked_mul(*d)?.checked_add(c.checked_mul(*b)?)?;
        Self::ratio(numerator, b.checked_mul(*d)?)
    }

    /// The number with the other sign.
    pub fn negated(&self) -> Self {
        match self {
            Self::Ratio(a, b) => Self::Ratio(-a, *b),
            Self::Power {
                is_negative,
                digits,
                exponent,
            } => Self::Power {
                is_negative: !is_negative,
                digits: digits.clone(),
                exponent: *exponent,
            },
        }
    }

    /// The number times a power of ten.
    pub fn scaled(&self, power: &Self) -> Option<Self> {
        let Self::Ratio(power, 1) = power else {
            return None;
        };
        let power = i64::try_from(*power).ok()?;
        match self {
            Self::Ratio(a, 1) => Self::new(*a < 0, &a.unsigned_abs().to_string(), power),
            Self::Ratio(..) => {
                let ten = 10_i128.checked_pow(u32::try_from(power.abs()).ok()?)?;
                match power < 0 {
                    true => self.over(&Self::Ratio(ten, 1)),
                    false => self.over(&Self::Ratio(1, ten)),
                }
            }
            Self::Power {
                is_negative,
                digits,
                exponent,
            } => Self::new(*is_negative, digits, exponent.checked_add(power)?),
        }
    }

    /// Whether it is 0 or more, and whole.
    pub fn is_count(&self) -> bool {
        matches!(self, Self::Ratio(a, 1) if *a >= 0)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Ratio(a, 1) => write!(f, "{a}"),
            Self::Ratio(a, b) => write!(f, "{a}/{b}"),
            Self::Power {
                is_negative,
                digits,
                exponent,
            } => {
                let sign = if *is_negative { "-" } else { "" };
                write!(f, "{sign}{digits}e{exponent}")
            }
        }
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// `1,000` and `1000`; nothing where the commas do not part thousands.
fn without_commas(whole: &str) -> Option<String> {
    let mut parts = whole.split(',');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let is_parted = (1..=3).contains(&first.len()) && rest.iter().all(|part| part.len() == 3);
    (rest.is_empty() || is_parted).then(|| format!("{first}{}", rest.concat()))
}

/// The number that a response ends in: the first after the last `####` if there is one, else the last.
///
/// A number may have a sign, thousands in commas, a decimal point, an exponent, and be a fraction `a/b`. Signs of currency and per cent around it
/// are not looked at: `50%` is 50.
pub(super) fn final_number(text: &str) -> Option<Number> {
    match text.rsplit_once("####") {
        Some((_, after)) => next_number(after, 0)?.0,
        None => {
            let (mut at, mut last) = (0, None);
            while let Some((number, end)) = next_number(text, at) {
                (at, last) = (end, number);
            }
            last
        }
    }
}

/// The first number from `at` on and where it ends. What is written like one and is none (`1/0`) is found as nothing.
fn next_number(text: &str, at: usize) -> Option<(Option<Number>, usize)> {
    let bytes = text.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    let begins = |i: &usize| digit(*i) || (bytes[*i] == b'.' && digit(i + 1));
    let start = (at..bytes.len()).find(begins)?;
    let end = decimal_end(bytes, start);
    let number = Number::decimal(&text[start..end])?;
    let number = if is_minus(&text[..start]) {
        number.negated()
    } else {
        number
    };
    if bytes.get(end) == Some(&b'/') && digit(end + 1) {
        let over = decimal_end(bytes, end + 1);
        let divisor = Number::decimal(&text[end + 1..over]);
        return Some((divisor.and_then(|divisor| number.over(&divisor)), over));
    }
    Some((Some(number), end))
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

/// Whether a minus stands before a number, and is a sign: nothing to subtract from stands before it.
fn is_minus(before: &str) -> bool {
    let before = before.strip_suffix('$').unwrap_or(before);
    match before.strip_suffix(['-', '\u{2212}']) {
        Some(rest) => {
            let rest = rest.strip_suffix('$').unwrap_or(rest);
            !rest.ends_with(|c: char| c.is_alphanumeric() || c == ')' || c == ']')
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals() {
        for (text, expected) in [
            ("1,000", "1000"),
            ("1000.0", "1000"),
            ("1e3", "1000"),
            ("1E+3", "1000"),
            ("0.001e6", "1000"),
            ("-.5", "-1/2"),
            ("\u{2212}0.50", "-1/2"),
            ("5.", "5"),
            ("-0", "0"),
            ("0e999999999999", "0"),
            ("007", "7"),
            ("1,234,567.5", "2469135/2"),
            ("1e400", "1e400"),
            ("10e399", "1e400"),
            ("0.1e401", "1e400"),
            (
                "123456789012345678901234567890123456789",
                "123456789012345678901234567890123456789e0",
            ),
            ("1e-400", "1e-400"),
            ("1e9223372036854775807", "1e9223372036854775807"),
        ] {
            assert_eq!(
                Number::decimal(text).unwrap().to_string(),
                expected,
                "{text}"
            );
        }
        for text in [
            "",
            ".",
            "-",
            "1,00",
            "1,0000",
            ",100",
            "1.2.3",
            "1e",
            "e5",
            "1e5.5",
            "10e9223372036854775807",
            "٣",
            "1 0",
            "0x1",
            "inf",
            "nan",
            "1,000,00",
            "1234,567",
        ] {
            assert_eq!(Number::decimal(text), None, "{text}");
        }
    }

    #[test]
    fn the_final_number() {
        for (text, expected) in [
            ("So 3 + 4 = 7.", Some("7")),
            ("#### 72", Some("72")),
            ("12 eggs\n#### $1,234.50 (not 9)", Some("2469/2")),
            ("#### 1\n#### 2", Some("2")),
            ("7\n####", None),
            ("7 #### none", None),
            ("no number", None),
            ("", None),
            ("It costs $-5", Some("-5")),
            ("It costs -$5", Some("-5")),
            ("x = \u{2212}3", Some("-3")),
            ("10-3", Some("3")),
            ("f(2)-3", Some("3")),
            ("(-3)", Some("-3")),
            ("50%", Some("50")),
            ("3/4", Some("3/4")),
            ("-6/8", Some("-3/4")),
            ("1/0", None),
            ("2 and 1/0", None),
            ("0.5", Some("1/2")),
            (".5", Some("1/2")),
            ("1, 2, 3", Some("3")),
            ("1,2", Some("2")),
            ("1,0000", Some("0")),
            ("12,345,6789", Some("6789")),
            ("about 6.02e23", Some("602000000000000000000000")),
            ("1e99999", Some("1e99999")),
            ("1e99999999999999999999", Some("99999999999999999999")),
            ("version 1.2.3", Some("3/10")),
            ("３", None),
        ] {
            let found = final_number(text).map(|number| number.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(text in "[-+]?[0-9]{0,40}[.]?[0-9]{0,40}(e-?[0-9]{1,20})?") {
            if let Some(number) = Number::decimal(&text) {
                let written = number.to_string();
                let again = match written.split_once('/') {
                    Some((a, b)) => Number::decimal(a).unwrap().over(&Number::decimal(b).unwrap()),
                    None => Number::decimal(&written),
                };
                if let Some(again) = again {
                    prop_assert_eq!(again.to_string(), written);
                }
            }
        }

        #[test]
        fn any_text_has_a_final_number_or_none(text in "[-+$#0-9.,eE/ ()%\u{2212}x\u{e9}]{0,40}") {
            if let Some(number) = final_number(&text) {
                let written = number.to_string();
                prop_assert_eq!(final_number(&written).map(|n| n.to_string()), Some(written));
            }
        }
    }
}
