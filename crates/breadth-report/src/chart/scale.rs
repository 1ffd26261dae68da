//! From values to pixels, with ticks.
//!
//! A scale has a slot of its own for what its axis cannot hold: zero on a logarithmic axis and
//! infinity on any. Every value but NaN therefore has a place, and no coordinate is infinite.

use crate::format::significant;

/// Room in pixels for the slot of zero or infinity.
const SLOT: f64 = 22.0;

/// How an axis runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Linear,
    /// Linear, and the axis begins at zero.
    FromZero,
    Log,
}

/// How the ticks of an axis are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Plain,
    Percent,
}

/// A tick: where and what.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Scale {
    kind: Kind,
    /// Ends of the domain, as logarithms for [`Kind::Log`].
    low: f64,
    high: f64,
    /// Pixels at `low` and `high`, the slots left out.
    start: f64,
    end: f64,
    /// Pixel of the slot for zero (log axes) and for infinity.
    zero_slot: Option<f64>,
    infinity_slot: Option<f64>,
}

impl Scale {
    /// Fits a scale to the values that will be drawn on the pixels from `start` to `end`.
    pub(crate) fn fit(kind: Kind, values: &[f64], start: f64, end: f64) -> Self {
        let toward = (end - start).signum();
        let zero = kind == Kind::Log && values.contains(&0.0);
        let infinity = values.contains(&f64::INFINITY);
        let inner_start = if zero { start + toward * SLOT } else { start };
        let inner_end = if infinity { end - toward * SLOT } else { end };
        let (low, high) = domain(kind, values);
        Self {
            kind,
            low,
            high,
            start: inner_start,
            end: inner_end,
            zero_slot: zero.then_some(start + toward * 6.0),
            infinity_slot: infinity.then_some(end - toward * 8.0),
        }
    }

    /// A scale for `count` named places, at 0, 1, 2, ...
    pub(crate) fn places(count: usize, start: f64, end: f64) -> Self {
        let high = count as f64 - 0.5;
        let slots = (None, None);
        Self {
            kind: Kind::Linear,
            low: -0.5,
            high: high.max(0.5),
            start,
            end,
            zero_slot: slots.0,
            infinity_slot: slots.1,
        }
    }

    /// The pixel of a value; `None` for NaN. What lies outside the domain goes to its edge.
    pub(crate) fn place(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        if value == f64::INFINITY {
            return Some(self.infinity_slot.unwrap_or(self.end));
        }
        if self.kind == Kind::Log && value <= 0.0 {
            return Some(self.zero_slot.unwrap_or(self.start));
        }
        let t = (self.transform(value) - self.low) / (self.high - self.low);
        Some(self.start + t.clamp(0.0, 1.0) * (self.end - self.start))
    }

    fn transform(&self, value: f64) -> f64 {
        if self.kind == Kind::Log {
            value.ln()
        } else {
            value
        }
    }

    /// About `count` round values inside the domain, and the slots.
    pub(crate) fn ticks(&self, unit: Unit, count: usize) -> Vec<Tick> {
        let values = match self.kind {
            Kind::Log => log_ticks(self.low, self.high, count),
            _ => linear_ticks(self.low, self.high, count),
        };
        let mut ticks: Vec<Tick> = values
            .into_iter()
            .filter_map(|value| {
                Some(Tick {
                    at: self.place(value)?,
                    label: label(value, unit),
                })
            })
            .collect();
        if let Some(at) = self.zero_slot {
            ticks.insert(
                0,
                Tick {
                    at,
                    label: label(0.0, unit),
                },
            );
        }
        if let Some(at) = self.infinity_slot {
            ticks.push(Tick {
                at,
                label: "∞".into(),
            });
        }
        ticks
    }
}

/// The domain of the finite values, never empty and never of width zero.
fn domain(kind: Kind, values: &[f64]) -> (f64, f64) {
    let log = kind == Kind::Log;
    let usable = values
        .iter()
        .copied()
        .filter(|v| v.is_finite() && (!log || *v > 0.0));
    let usable = usable.map(|v| if log { v.ln() } else { v });
    let (low, high) = usable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    if low > high {
        return (0.0, 1.0);
    }
    let pad = if high > low {
        0.05 * (high - low)
    } else {
        (0.1 * high.abs()).max(1e-3)
    };
    match kind {
        Kind::FromZero => (low.min(0.0), if high > 0.0 { 1.05 * high } else { 1e-3 }),
        Kind::Log if high > low => (low, high + 0.4 * pad),
        _ => (low - pad, high + pad),
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let raw = (high - low) / count.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|m| m * power)
        .into_iter()
        .find(|s| *s >= 0.75 * raw);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Powers of two over a short range of levels, else powers of ten, thinned to `count`.
fn log_ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let doublings = (high - low) / 2f64.ln();
    let base: f64 = if low >= -1e-9 && doublings <= 12.0 {
        2.0
    } else {
        10.0
    };
    let first = (low / base.ln() - 1e-9).ceil() as i64;
    let last = (high / base.ln() + 1e-9).floor() as i64;
    let every = ((last - first + 1).max(1) as usize).div_ceil(count.max(1)) as i64;
    let powers = |every: i64| (first..=last).filter(move |i| i.rem_euclid(every) == 0);
    let ticks: Vec<f64> = powers(every).map(|i| base.powi(i as i32)).collect();
    if ticks.len() >= 3 {
        ticks
    } else {
        one_two_five(low, high)
    }
}

/// 1, 2 and 5 in every decade: for a logarithmic axis with fewer than three powers of ten.
fn one_two_five(low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (
        (low / 10f64.ln()).floor() as i32,
        (high / 10f64.ln()).ceil() as i32,
    );
    let values = (first..=last).flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(e)));
    values
        .filter(|v| (low - 1e-9..=high + 1e-9).contains(&v.ln()))
        .collect()
}

fn label(value: f64, unit: Unit) -> String {
    let value = if unit == Unit::Percent {
        100.0 * value
    } else {
        value
    };
    let text = if value.abs() >= 1e5 || (value != 0.0 && value.abs() < 1e-4) {
        power_of_ten(value)
    } else {
        significant(value, 6)
    };
    if unit == Unit::Percent {
        format!("{text}%")
    } else {
        text
    }
}

/// `2×10⁵`, `10⁻⁶`.
fn power_of_ten(value: f64) -> String {
    let exponent = value.abs().log10().floor();
    let mantissa = significant(value / 10f64.powf(exponent), 3);
    let raised: String = format!("{exponent}").chars().map(superscript).collect();
    if mantissa == "1" {
        format!("10{raised}")
    } else {
        format!("{mantissa}×10{raised}")
    }
}

fn superscript(c: char) -> char {
    match c {
        '-' => '⁻',
        _ => "⁰¹²³⁴⁵⁶⁷⁸⁹"
            .chars()
            .nth(c.to_digit(10).unwrap_or(0) as usize)
            .unwrap_or(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale, unit: Unit) -> Vec<String> {
        scale
            .ticks(unit, 5)
            .into_iter()
            .map(|tick| tick.label)
            .collect()
    }

    #[test]
    fn linear_ticks_are_round() {
        let scale = Scale::fit(Kind::Linear, &[0.476, 1.041], 0.0, 100.0);
        assert_eq!(
            labels(&scale, Unit::Plain),
            ["0.5", "0.6", "0.7", "0.8", "0.9", "1"]
        );
        let scale = Scale::fit(Kind::FromZero, &[0.165, 0.043], 0.0, 100.0);
        assert_eq!(labels(&scale, Unit::Percent), ["0%", "5%", "10%", "15%"]);
    }

    #[test]
    fn log_ticks_double_on_short_ranges_and_thin_out_on_long_ones() {
        let scale = Scale::fit(Kind::Log, &[1.0, 16.0], 0.0, 100.0);
        assert_eq!(labels(&scale, Unit::Plain), ["1", "2", "4", "8", "16"]);
        let scale = Scale::fit(Kind::Log, &[1.0, 1e30], 0.0, 100.0);
        assert_eq!(
            labels(&scale, Unit::Plain),
            ["1", "10⁷", "10¹⁴", "10²¹", "10²⁸"]
        );
        let scale = Scale::fit(Kind::Log, &[0.03, 0.06], 0.0, 100.0);
        assert_eq!(labels(&scale, Unit::Percent), ["5%"]);
    }

    #[test]
    fn zero_and_infinity_have_slots() {
        let scale = Scale::fit(Kind::Log, &[0.0, 0.01, 1.0, f64::INFINITY], 0.0, 200.0);
        let ticks = labels(&scale, Unit::Plain);
        assert_eq!(
            (
                ticks.first().unwrap().as_str(),
                ticks.last().unwrap().as_str()
            ),
            ("0", "∞")
        );
        let (zero, least) = (scale.place(0.0).unwrap(), scale.place(0.01).unwrap());
        let (most, infinity) = (
            scale.place(1.0).unwrap(),
            scale.place(f64::INFINITY).unwrap(),
        );
        assert!(0.0 < zero && zero < least && least < most && most < infinity && infinity < 200.0);
    }

    #[test]
    fn degenerate_domains_have_width() {
        for values in [&[][..], &[0.0], &[3.0, 3.0], &[f64::INFINITY], &[f64::NAN]] {
            for kind in [Kind::Linear, Kind::FromZero, Kind::Log] {
                let scale = Scale::fit(kind, values, 300.0, 20.0);
                let places =
                    [0.0, 3.0, -1.0, 1e300, f64::INFINITY].map(|v| scale.place(v).unwrap());
                assert!(
                    places.iter().all(|p| (20.0..=300.0).contains(p)),
                    "{kind:?} {values:?}"
                );
                assert!(scale.ticks(Unit::Plain, 5).iter().all(|t| t.at.is_finite()));
            }
        }
        assert_eq!(
            Scale::fit(Kind::Linear, &[1.0], 0.0, 1.0).place(f64::NAN),
            None
        );
    }

    #[test]
    fn powers_of_ten_in_full() {
        assert_eq!(label(2e6, Unit::Plain), "2×10⁶");
        assert_eq!(label(1e-6, Unit::Plain), "10⁻⁶");
        assert_eq!(label(480.0, Unit::Plain), "480");
    }
}
