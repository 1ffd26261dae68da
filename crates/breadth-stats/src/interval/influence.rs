//! What single units do to the chance that an upper limit rests on.

use super::dirichlet::{Knot, influences_on_ln_chance, slope_of_ln_chance};

/// Strata with their shares of the population.
type Strata = Vec<(f64, Vec<Knot>)>;

/// Of the strata's units, what one more like each adds to the largest of `sum_g ln P[M_g > m_g]` with
/// `sum_g W_g m_g = bound`, which is what `ln P[sum_g W_g M_g > bound]` hangs on.
///
/// To first order that is its derivative by the unit's count at the saddle point t of stratum g,
/// `-ln(1 - t w (z - m_g))`.
pub(super) fn influences(strata: &Strata, bound: f64) -> Vec<Vec<f64>> {
    let means = likeliest_means(strata, bound);
    let strata = strata.iter().zip(means);
    strata
        .map(|((_, knots), mean)| influences_on_ln_chance(knots, mean))
        .collect()
}

/// The `m_g` of that largest sum: there `ln P[M_g > m_g]` falls by the same multiple of `W_g` in all
/// strata.
fn likeliest_means(strata: &Strata, bound: f64) -> Vec<f64> {
    const STEPS: usize = 14;
    /// A bound next to 1, or to the least mean, is not reached.
    const ENOUGH: f64 = 1e15;
    if strata.len() == 1 {
        return vec![bound];
    }
    let means = |multiple: f64| -> Vec<f64> {
        let strata = strata.iter();
        strata
            .map(|(share, knots)| mean_falling_by(multiple * share, knots))
            .collect()
    };
    let is_beyond = |multiple: f64| {
        let total: f64 = strata
            .iter()
            .zip(means(multiple))
            .map(|((w, _), m)| w * m)
            .sum();
        total > bound
    };
    let units = strata.iter().flat_map(|(_, knots)| knots);
    let mut high: f64 = units.map(|knot| knot.count).sum();
    let (most, least) = (high * ENOUGH, high / ENOUGH);
    while high < most && !is_beyond(high) {
        high *= 2.0;
    }
    while high > least && is_beyond(0.5 * high) {
        high *= 0.5;
    }
    let mut low = 0.5 * high;
    for _ in 0..STEPS {
        let middle = 0.5 * (low + high);
        *if is_beyond(middle) {
            &mut high
        } else {
            &mut low
        } = middle;
    }
    means(low)
}

/// The m at which `ln P[M > m]` falls by as much with m.
fn mean_falling_by(slope: f64, knots: &[Knot]) -> f64 {
    const STEPS: usize = 14;
    let (mut low, mut high) = (knots.iter().map(|k| k.value).fold(1.0, f64::min), 1.0);
    for _ in 0..STEPS {
        let middle = 0.5 * (low + high);
        let falls = -slope_of_ln_chance(knots, middle);
        *if falls > slope { &mut high } else { &mut low } = middle;
    }
    low
}

/// The units with as many in each stratum, tilted by `exp(h influence)`, so that the sum of their
/// influences is so many standard deviations above that of the expected units; none where no h
/// does that. The last unit of each stratum, the imaginary one, stays.
pub(super) fn tilted(
    expected: &Strata,
    influences: &[Vec<f64>],
    deviations: f64,
) -> Option<Strata> {
    let drawn = || {
        let strata = expected.iter().zip(influences);
        strata.map(|((_, knots), by)| (&knots[..knots.len() - 1], &by[..by.len() - 1]))
    };
    let moments = |tilt: f64| {
        let moments = drawn().map(|(knots, by)| moments_of_tilted(knots, by, tilt));
        moments.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    };
    let tilt = tilt_of_rise(moments, deviations)?;
    let mut tilted = expected.clone();
    for ((_, to), (knots, by)) in tilted.iter_mut().zip(drawn()) {
        let factors = factors(knots, by, tilt);
        to.iter_mut()
            .zip(factors)
            .for_each(|(knot, factor)| knot.count *= factor);
    }
    Some(tilted)
}

/// The h at which the sum of the influences is so many standard deviations above that at 0, by
/// Newton's method within a bracket; `moments(h)` are the sum and its variance, which is also its
/// slope.
fn tilt_of_rise(moments: impl Fn(f64) -> (f64, f64), deviations: f64) -> Option<f64> {
    /// A logarithm of a chance that varies by less is the same.
    const NONE: f64 = 1e-6;
    const CLOSE: f64 = 1e-4;
    let (sum, variance) = moments(0.0);
    let deviation = variance.sqrt();
    if deviation <= NONE || deviations <= 0.0 {
        return Some(0.0);
    }
    let rise = deviations * deviation;
    let (mut low, mut high, mut tilt) = (0.0, f64::INFINITY, deviations / deviation);
    for _ in 0..100 {
        let (at, slope) = moments(tilt);
        let missing = sum + rise - at;
        if missing.abs() <= CLOSE * rise {
            return Some(tilt);
        }
        *if missing > 0.0 { &mut low } else { &mut high } = tilt;
        let next = tilt + missing / slope;
        tilt = if next > low && next < high && next < 4.0 * tilt {
            next
        } else if high.is_finite() {
            0.5 * (low + high)
        } else {
            2.0 * tilt
        };
    }
    None
}

/// The sum of the influences of a stratum's tilted units, and its variance.
fn moments_of_tilted(knots: &[Knot], influences: &[f64], tilt: f64) -> (f64, f64) {
    let tilted = factors(knots, influences, tilt);
    let units = || knots.iter().zip(tilted.iter()).zip(influences);
    let count: f64 = units().map(|((knot, factor), _)| knot.count * factor).sum();
    let sum: f64 = units()
        .map(|((knot, factor), by)| knot.count * factor * by)
        .sum();
    let mean = sum / count;
    let square =
        |((knot, factor), by): ((&Knot, &f64), &f64)| knot.count * factor * (by - mean).powi(2);
    (sum, units().map(square).sum())
}

/// How many times as often the units are there once tilted, as many in all.
fn factors(knots: &[Knot], influences: &[f64], tilt: f64) -> Vec<f64> {
    let most = influences.iter().copied().fold(f64::MIN, f64::max);
    let mut factors: Vec<f64> = influences
        .iter()
        .map(|influence| (tilt * (influence - most)).exp())
        .collect();
    let units: f64 = knots.iter().map(|knot| knot.count).sum();
    let tilted: f64 = knots.iter().zip(&factors).map(|(k, by)| k.count * by).sum();
    factors
        .iter_mut()
        .for_each(|factor| *factor *= units / tilted);
    factors
}
