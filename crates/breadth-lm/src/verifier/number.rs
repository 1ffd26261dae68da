//! Numbers as people write them, compared exactly.

use std::fmt;

/// Words that multiply the number before them.
const SCALES: [(&str, i64); 8] = [
    ("dozen", 12),
    ("hundred", 100),
    ("thousand", 1000),
    ("lakh", 100_000),
    ("million", 1_000_000),
    ("crore", 10_000_000),
    ("billion", 1_000_000_000),
    ("trillion", 1_000_000_000_000),
];

/// What a word multiplies the number before it by, in singular or plural.
pub(super) fn scale(word: &str) -> Option<i64> {
    let lower = word.to_lowercase();
    let one = lower.strip_suffix('s').unwrap_or(&lower);
    let found = SCALES.iter().find(|(own, _)| *own == one);
    found.map(|(_, times)| *times)
}

/// Most digits, and most powers of ten, of what becomes a fraction of whole numbers; beyond, digits
/// and exponent are kept as they are.
const MOST_DIGITS: i64 = 36;

/// An exact number. Equal numbers are written alike: as a whole number, a fraction in lowest terms,
/// or digits with a power of ten where they are very long.
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
    /// A decimal number, signs, thousands in commas and an exponent included: `1,000`, `-.5`,
    /// `1e3`.
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
        let ratio = if exponent < 0 {
            Self::ratio(digits, ten)
        } else {
            digits.checked_mul(ten).map(|whole| Self::Ratio(whole, 1))
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

/// `1,000`, `1,00,000` and `1000`; nothing where the commas do not part thousands, or hundreds above
/// the thousands.
fn without_commas(whole: &str) -> Option<String> {
    let mut parts = whole.split(',');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let is_parted = match &rest[..] {
        [above @ .., last] => {
            let is_even = |length| above.iter().all(|part| part.len() == length);
            let (is_western, is_indian) = (is_even(3), is_even(2) && first.len() <= 2);
            (1..=3).contains(&first.len()) && last.len() == 3 && (is_western || is_indian)
        }
        [] => true,
    };
    is_parted.then(|| format!("{first}{}", rest.concat()))
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
            ("1,00,000", "100000"),
            ("12,34,567", "1234567"),
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
            "100,00,000",
            "1,00,00",
            "1,00,0000",
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
    }
}
