//! Numbers as a reader wants them.

use breadth_analysis::number;
pub(crate) use breadth_analysis::number::{confidence, level, percent, percent_limits};
use breadth_stats::{Estimate, Level};

/// `value` to `digits` significant digits, without an exponent for everyday sizes.
///
/// Infinity is `∞`; what is not a number is a dash.
pub(crate) fn significant(value: f64, digits: i32) -> String {
    if value.is_nan() {
        return "–".into();
    }
    if value.is_infinite() {
        return if value > 0.0 {
            "∞".into()
        } else {
            "−∞".into()
        };
    }
    if value == 0.0 {
        return "0".into();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-5..=6).contains(&magnitude) {
        return format!("{value:.*e}", (digits - 1).max(0) as usize);
    }
    let decimals = (digits - 1 - magnitude).max(0) as usize;
    number::without_zeros(&format!("{value:.decimals$}")).replace('-', "−")
}

/// A value in nats, as the terminal has it.
pub(crate) fn nats(value: f64) -> String {
    if value.is_nan() {
        return "–".into();
    }
    number::decimals(value)
}

/// A value in nats with its limits, as the terminal has it.
pub(crate) fn nats_with_limits(estimate: &Estimate) -> String {
    number::estimate_with_limits(estimate)
}

/// A share with its limits, as the terminal has it.
pub(crate) fn share_with_limits(estimate: &Estimate) -> String {
    number::share_with_limits(estimate.value, estimate.low, estimate.high)
}

/// `Cov` with the level as a subscript: `Cov₄`.
pub(crate) fn cov(at: Level) -> String {
    let text = level(at);
    if text.starts_with('e') {
        return format!("Cov at N = {text}");
    }
    let subscript = text.chars().map(|c| match c.to_digit(10) {
        Some(digit) => char::from_u32(0x2080 + digit).unwrap_or(c),
        None => c,
    });
    format!("Cov{}", subscript.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits() {
        assert_eq!(significant(0.4761, 3), "0.476");
        assert_eq!(significant(1.0, 3), "1");
        assert_eq!(significant(-12.345, 3), "−12.3");
        assert_eq!(significant(123456.0, 3), "123456");
        assert_eq!(significant(f64::INFINITY, 3), "∞");
        assert_eq!(significant(f64::NAN, 3), "–");
        assert_eq!(significant(1.5e-9, 2), "1.5e-9");
        assert_eq!(significant(0.0, 2), "0");
    }

    #[test]
    fn levels_and_their_subscripts() {
        let at = |n: f64| Level::from_n(n).unwrap();
        assert_eq!(cov(at(4.0)), "Cov₄");
        assert_eq!(cov(at(1.5)), "Cov₁.₅");
        assert_eq!(level(Level::from_log_n(30.0).unwrap()), "e^30");
        assert_eq!(level(Level::from_log_n(4f64.ln()).unwrap()), "4");
        assert_eq!(cov(Level::from_log_n(900.0).unwrap()), "Cov at N = e^900");
    }
}
