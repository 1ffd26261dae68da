//! Numbers as JSON and as people read them.

use breadth_stats::{Estimate, Level};
use serde::{Serialize, Serializer, ser::Error};

/// An f64 in JSON: the shortest digits that read back to the same bits, and `"inf"` or `"-inf"`
/// where JSON has no number. NaN is refused: it would be a bug, and a bug must not look like a
/// result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => Err(S::Error::custom(
                "a result is not a number; please report this as a bug",
            )),
            value if value > 0.0 => serializer.serialize_str("inf"),
            _ => serializer.serialize_str("-inf"),
        }
    }
}

/// A value with its confidence limits, as every command prints it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The estimate.
    pub value: Number,
    /// Lower limit.
    pub low: Number,
    /// Upper limit.
    pub high: Number,
}

impl From<Estimate> for Interval {
    fn from(estimate: Estimate) -> Self {
        Interval {
            value: Number(estimate.value),
            low: Number(estimate.low),
            high: Number(estimate.high),
        }
    }
}

/// A mean without bounds with its limits, and what is to be said of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mean {
    /// The mean with its limits.
    #[serde(flatten)]
    pub interval: Interval,
    /// Whether no limits can be given.
    #[serde(skip)]
    pub no_limits: bool,
    /// Why there are no limits, or what the estimate says of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// A level as a person would write it: `4`, `2.5`, and `e^30` where N itself says nothing.
pub fn level(level: Level) -> String {
    level_in_words(level.n(), level.log_n())
}

/// The same of the level's N and its logarithm, as documents hold them.
pub fn level_in_words(n: f64, log_n: f64) -> String {
    let thousandths = n * 1000.0;
    let is_short = n < 1e6 && (thousandths - thousandths.round()).abs() < 1e-6;
    if is_short {
        trimmed(n)
    } else {
        format!("e^{}", trimmed(log_n))
    }
}

/// N in three digits, and as a power of e where it is large.
pub fn short(n: f64, log_n: f64) -> String {
    if n < 1e4 {
        format!("{}", (10.0 * n).round() / 10.0)
    } else {
        format!("e^{log_n:.1}")
    }
}

/// Up to three decimals, no trailing zeros: `0.5`, `12`, `inf`.
pub fn trimmed(value: f64) -> String {
    without_zeros(&format!("{value:.3}")).to_owned()
}

/// A number as it was written, without the zeros that end a decimal fraction: `0.50` as `0.5`.
pub fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// A number of samples: `1024`, `1e6`.
pub fn samples(k: f64) -> String {
    if k < 1e6 {
        trimmed(k)
    } else {
        format!("{k:e}")
    }
}

/// A share in percent with one decimal; what rounds to 0% or 100% without being so says so.
pub fn percent(share: f64) -> String {
    match share {
        0.0 => "0%".to_owned(),
        1.0 => "100%".to_owned(),
        share if share > 0.0 && share < 0.0005 => "<0.1%".to_owned(),
        share if share < 1.0 && share > 0.9995 => ">99.9%".to_owned(),
        share => format!("{:.1}%", 100.0 * share),
    }
}

/// A level of confidence, or a chance that was asked for: `95%`.
pub fn confidence(level: f64) -> String {
    format!("{}%", trimmed(100.0 * level))
}

/// Less than this, in tenths of a percent, is rounding of f64, not a reason for another digit.
const NOISE: f64 = 1e-9;

/// A lower limit in percent with one decimal, rounded down.
pub fn at_least(share: f64) -> f64 {
    // Adding 0 turns -0 into 0.
    (share * 1000.0 + NOISE).floor() / 10.0 + 0.0
}

/// An upper limit in percent with one decimal, rounded up.
pub fn at_most(share: f64) -> f64 {
    (share * 1000.0 - NOISE).ceil() / 10.0 + 0.0
}

/// `[10.0, 12.1]%`: limits in percent, rounded outwards so that the printed interval contains the
/// computed one.
pub fn percent_limits(low: f64, high: f64) -> String {
    format!("[{:.1}, {:.1}]%", at_least(low), at_most(high))
}

/// `86.7% [83.2, 88.9]%`: a share with its limits.
pub fn share_with_limits(value: f64, low: f64, high: f64) -> String {
    format!("{} {}", percent(value), percent_limits(low, high))
}

/// `0.410`: three decimals.
pub fn decimals(value: f64) -> String {
    format!("{value:.3}")
}

/// `.38-.45`: limits in [0, 1] with two decimals, rounded outwards so that the printed interval
/// contains the computed one.
pub fn short_limits(low: f64, high: f64) -> String {
    let short = |hundredths: f64| match hundredths {
        0.0 => "0".to_owned(),
        100.0 => "1".to_owned(),
        hundredths => format!(".{hundredths:02.0}"),
    };
    let low = (100.0 * low + NOISE).floor().max(0.0);
    let high = (100.0 * high - NOISE).ceil().min(100.0);
    format!("{}-{}", short(low), short(high))
}

/// `0.410 [0.380, 0.440]`: a value with its limits, three decimals.
pub fn with_limits(interval: &Interval) -> String {
    format!(
        "{:.3} [{:.3}, {:.3}]",
        interval.value.0, interval.low.0, interval.high.0
    )
}

/// The same of an estimate; no limits where none can be given.
pub fn estimate_with_limits(estimate: &Estimate) -> String {
    mean_with_limits(&Mean {
        interval: (*estimate).into(),
        no_limits: estimate.value.is_finite() && estimate.high.is_infinite(),
        remark: None,
    })
}

/// The same for a mean without bounds; no limits where none can be given.
pub fn mean_with_limits(mean: &Mean) -> String {
    if mean.no_limits {
        format!("{:.3} [no limits]", mean.interval.value.0)
    } else {
        with_limits(&mean.interval)
    }
}

/// `1 row`, `2,000 rows`.
pub fn count(count: usize, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        grouped(count),
        if count == 1 { "" } else { "s" }
    )
}

/// `2,000`.
pub fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_numbers() {
        let json = |value| serde_json::to_string(&Number(value)).map_err(|error| error.to_string());
        assert_eq!(json(4.0).unwrap(), "4.0");
        assert_eq!(json(0.1).unwrap(), "0.1");
        assert_eq!(json(f64::INFINITY).unwrap(), "\"inf\"");
        assert_eq!(json(f64::NEG_INFINITY).unwrap(), "\"-inf\"");
        assert!(json(f64::NAN).unwrap_err().contains("not a number"));
    }

    #[test]
    fn readers_and_statistics_have_one_domain_of_log_probabilities() {
        use breadth_stats::numerics;
        let of_statistics = [numerics::LOG_PROB_ROUNDING, numerics::LEAST_LOG_PROB];
        let of_readers = [
            breadth_data::LOG_PROB_ROUNDING,
            breadth_data::LEAST_LOG_PROB,
        ];
        assert_eq!(of_statistics, of_readers);
    }

    #[test]
    fn zeros_end_a_fraction_and_no_whole_number() {
        let shown = ["0.500", "12.000", "100", "-0.0", "inf", ""].map(without_zeros);
        assert_eq!(shown, ["0.5", "12", "100", "-0", "inf", ""]);
        assert_eq!(
            [1.0, 64.0, 1e5, 1e6, 2.5e9].map(samples),
            ["1", "64", "100000", "1e6", "2.5e9"]
        );
    }

    #[test]
    fn levels_are_written_as_a_person_would() {
        let from_n = |n| level(Level::from_n(n).unwrap());
        let from_log = |log_n| level(Level::from_log_n(log_n).unwrap());
        assert_eq!(
            [from_n(4.0), from_n(2.5), from_n(1024.0)],
            ["4", "2.5", "1024"]
        );
        assert_eq!(
            [
                from_log(0.0),
                from_log(1.0),
                from_log(30.0),
                from_log(1000.0)
            ],
            ["1", "e^1", "e^30", "e^1000"]
        );
    }

    #[test]
    fn percents_never_hide_a_difference_from_zero_or_one() {
        let shown = [0.0, 1e-9, 0.11, 0.99999, 1.0].map(percent);
        assert_eq!(shown, ["0%", "<0.1%", "11.0%", ">99.9%", "100%"]);
        assert_eq!(percent_limits(0.10001, 0.12101), "[10.0, 12.2]%");
        assert_eq!(percent_limits(0.0, 0.9750000000000001), "[0.0, 97.5]%");
        assert_eq!(percent_limits(0.0, 0.0), "[0.0, 0.0]%");
        assert_eq!(percent_limits(0.0, 1.0), "[0.0, 100.0]%");
    }

    #[test]
    fn counts_are_grouped_and_agree_with_their_noun() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
        assert_eq!(count(999, "row"), "999 rows");
        assert_eq!(count(1_234_567, "row"), "1,234,567 rows");
    }
}
