//! Medians and quantiles over seeds.

use crate::table::{Cell, Plot, Table};

/// The ends of the band over seeds.
const BAND: (f64, f64) = (0.1, 0.9);

/// The quantile of at least one value, linear between the values; NaN for none.
pub(super) fn quantile(values: &[f64], level: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let at = level * last as f64;
    let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    let between = at - at.floor();
    // Where the two are equal there is nothing to weigh, also between infinities.
    if low == high {
        low
    } else {
        low * (1.0 - between) + high * between
    }
}

/// The median of at least one value; NaN for none.
pub(super) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Curves over seeds: of each point the median and the band.
pub(super) fn curves(x: &str, y: &str) -> Table {
    let plot = Plot::linear(x, y).by("curve").between("low", "high");
    Table::new(["curve", x, y, "low", "high"]).drawn(plot.joined())
}

/// One curve over seeds, beside what is predicted.
pub(super) fn predicted(x: &str, y: &str) -> Table {
    let plot = Plot::linear(x, y)
        .between("low", "high")
        .against("predicted");
    Table::new([x, y, "low", "high", "predicted"]).drawn(plot.joined())
}

/// The median of a point over seeds, and the ends of its band.
pub(super) fn spread(seeds: &[f64]) -> [Cell; 3] {
    let ends = [BAND.0, BAND.1].map(|level| quantile(seeds, level));
    [median(seeds), ends[0], ends[1]].map(Cell::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_known_samples() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0]), 2.5);
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.1), 0.4);
        assert_eq!(quantile(&[7.0], 0.9), 7.0);
        assert_eq!(median(&[f64::INFINITY, f64::INFINITY]), f64::INFINITY);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_point_is_a_median_with_its_band() {
        assert_eq!(spread(&[10.0, 0.0]), [5.0, 1.0, 9.0].map(Cell::from));
        assert!(curves("step", "KL").plot.is_some() && predicted("H", "KL").plot.is_some());
    }
}
