//! The band of a coverage profile, which holds at all levels at once.

use breadth_stats::{Level, coverage_profile};

use super::distributions::{Hit, exponential};
use super::harness::{CONFIDENCE, Case, Verdict, check};
use super::layouts::{Layout, Rows, Weights};

/// Log-ratios are exponential, the same for all rows of a unit, so `Cov_N = 1/N`; looked at on 60
/// levels.
fn case(layout: Layout) -> Case<'static> {
    let levels: Vec<Level> = (0..60)
        .map(|i| Level::from_log_n(0.05 * f64::from(i)).unwrap())
        .collect();
    let name = format!("band over all N: {}", layout.text(false));
    Case::new(name, move |rng| {
        let frame = layout.frame(rng);
        let mut log_q = Vec::with_capacity(frame.count);
        for unit in &frame.units {
            let ratio = exponential(rng);
            log_q.extend(unit.rows.clone().map(|_| -1.0 - ratio));
        }
        let log_p = vec![-1.0; frame.count];
        let profile =
            coverage_profile(&log_p, &log_q, &frame.design(), &levels, CONFIDENCE).unwrap();
        let mut all = Verdict::default();
        for point in &profile.points {
            let truth = (-point.level.log_n()).exp();
            let one = Verdict::of((point.band_low, point.band_high), truth);
            all.below |= one.below;
            all.above |= one.above;
            all.width = all.width.into_iter().chain(one.width).reduce(f64::max);
        }
        all
    })
}

#[test]
fn bands_hold_at_all_levels_at_once() {
    let units = |count| Layout::simple(count, Hit(0.0));
    let strata = |groups: &[(f64, usize)]| {
        let groups: Vec<_> = groups
            .iter()
            .map(|&(share, units)| (share, units, Hit(0.0)))
            .collect();
        Layout::strata(&groups)
    };
    let layouts = [
        units(10),
        units(100),
        units(500),
        units(60).rows(Rows::Equal(4)),
        units(60).rows(Rows::Unequal),
        units(60).rows(Rows::HalfInOne),
        units(100).weights(Weights::TwoKinds),
        units(100).weights(Weights::Lognormal),
        units(100).weights(Weights::SixOrders),
        units(100).weights(Weights::OneHuge),
        strata(&[(0.5, 2), (0.5, 100)]),
        strata(&[(0.1, 400), (0.9, 40)]),
    ];
    check(layouts.map(case).into(), 5);
}
