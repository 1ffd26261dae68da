//! What a limit is expected to be after more units, or fewer.

use super::BoundedMean;
use super::bounded_mean::{distribution, with_imaginary_of};
use super::dirichlet::{Knot, ln_chance_above};
use crate::numerics::normal_quantile;

/// Units in the proportions of a sample or of a model, of any number.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedUnits {
    /// The mean over the population.
    mean: f64,
    /// The variance of the mean's estimate, linearised.
    variance: f64,
    strata: Vec<Stratum>,
}

#[derive(Clone, Debug)]
struct Stratum {
    share: f64,
    units: f64,
    /// From the heaviest down.
    knots: Vec<Knot>,
    /// What each unit of a knot adds to the estimate of the mean above the expected.
    influence: Vec<f64>,
}

impl Stratum {
    fn new(share: f64, mut knots: Vec<Knot>) -> Stratum {
        knots.retain(|knot| knot.count > 0.0);
        knots.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let weight: f64 = knots.iter().map(|knot| knot.count * knot.weight).sum();
        let mean = mean(&knots);
        Stratum {
            share,
            units: knots.iter().map(|knot| knot.count).sum(),
            influence: knots
                .iter()
                .map(|knot| share * knot.weight * (knot.value - mean) / weight)
                .collect(),
            knots,
        }
    }

    /// The stratum with its units tilted by `exp(tilt influence)`, as many as before.
    fn tilted(&self, tilt: f64) -> Vec<Knot> {
        let most = self.influence.iter().copied().fold(f64::MIN, f64::max);
        let tilted = self.knots.iter().zip(&self.influence);
        let mut tilted: Vec<Knot> = tilted
            .map(|(knot, influence)| Knot {
                count: knot.count * (tilt * (influence - most)).exp(),
                ..*knot
            })
            .collect();
        let units: f64 = tilted.iter().map(|knot| knot.count).sum();
        for knot in &mut tilted {
            knot.count *= self.units / units;
        }
        tilted
    }

    /// What the imaginary unit, as heavy as the heaviest, weighs at most with the chance `power`
    /// where there are `times` as many units; none of them is heavier than those that there are.
    fn imaginary(&self, times: f64, power: f64) -> f64 {
        let mut as_heavy = 0.0;
        for knot in &self.knots {
            as_heavy += times * knot.count;
            if as_heavy >= -power.ln() {
                return knot.weight;
            }
        }
        self.knots.last().map_or(0.0, |knot| knot.weight)
    }
}

/// The normal quantile of a chance; 0 for chances below one half.
fn deviations(power: f64) -> f64 {
    normal_quantile(1.0 - power).max(0.0)
}

fn mean(knots: &[Knot]) -> f64 {
    let total = |of: &dyn Fn(&Knot) -> f64| knots.iter().map(|k| k.count * of(k)).sum::<f64>();
    total(&|k| k.weight * k.value) / total(&|k| k.weight)
}

impl ExpectedUnits {
    /// One unit of equal weight to each prompt, with the chances of these values.
    pub(crate) fn of_chances(values: impl Iterator<Item = (f64, f64)>) -> ExpectedUnits {
        let knot = |(value, count)| Knot {
            value,
            weight: 1.0,
            count,
        };
        ExpectedUnits::new(vec![(1.0, values.map(knot).collect())])
    }

    /// Like those of this mean.
    pub(crate) fn like(mean: &BoundedMean) -> ExpectedUnits {
        ExpectedUnits::new(mean.strata())
    }

    fn new(strata: Vec<(f64, Vec<Knot>)>) -> ExpectedUnits {
        let strata = strata.into_iter().map(|(w, knots)| Stratum::new(w, knots));
        let strata: Vec<Stratum> = strata.collect();
        let of_stratum = |one: &Stratum| -> f64 {
            let units = one.knots.iter().zip(&one.influence);
            units.map(|(knot, by)| knot.count * by * by).sum()
        };
        ExpectedUnits {
            mean: strata.iter().map(|one| one.share * mean(&one.knots)).sum(),
            variance: strata.iter().map(of_stratum).sum(),
            strata,
        }
    }

    /// The variance of the mean's estimate after as many units.
    pub(crate) fn variance(&self) -> f64 {
        self.variance
    }

    /// Whether, with `times` as many units, the upper limit is at most `bound` with about the chance
    /// `power`: whether it is in a sample whose mean is z standard deviations above the expected, z
    /// being the normal quantile of `power`. Of such samples it is the likeliest: the units are
    /// tilted exponentially by what they add to the mean.
    pub(crate) fn is_upper_at_most(&self, bound: f64, times: f64, tail: f64, power: f64) -> bool {
        let mean = self.mean + deviations(power) * (self.variance / times).sqrt();
        if mean >= bound || self.strata.iter().any(|one| times * one.units < 1.0 - 1e-9) {
            return false;
        }
        let Some(mut strata) = self.with_mean(mean) else {
            return false;
        };
        for ((_, knots), one) in strata.iter_mut().zip(&self.strata) {
            knots.iter_mut().for_each(|knot| knot.count *= times);
            *knots = with_imaginary_of(knots, one.imaginary(times, power));
        }
        match &strata[..] {
            [(_, knots)] => ln_chance_above(knots, bound) <= tail.ln(),
            strata => -distribution(strata).log_odds_at(bound) <= tail.ln() - (-tail).ln_1p(),
        }
    }

    /// The units tilted until their mean is this; none where they cannot have it.
    fn with_mean(&self, wanted: f64) -> Option<Vec<(f64, Vec<Knot>)>> {
        let tilted = |tilt: f64| -> Vec<(f64, Vec<Knot>)> {
            let strata = self.strata.iter();
            strata.map(|one| (one.share, one.tilted(tilt))).collect()
        };
        let reaches = |tilt: f64| {
            let strata = tilted(tilt);
            strata.iter().map(|(w, knots)| w * mean(knots)).sum::<f64>() >= wanted
        };
        if wanted <= self.mean || self.variance <= 0.0 {
            return (wanted <= self.mean).then(|| tilted(0.0));
        }
        let mut high = (wanted - self.mean) / self.variance;
        let mut doubled = 0;
        while !reaches(high) {
            high *= 2.0;
            doubled += 1;
            if doubled > 30 {
                return None;
            }
        }
        let mut low = if doubled > 0 { 0.5 * high } else { 0.0 };
        for _ in 0..30 {
            let middle = 0.5 * (low + high);
            *if reaches(middle) { &mut high } else { &mut low } = middle;
        }
        Some(tilted(high))
    }

    /// How many times as many units it takes at least until that holds, to a thousandth; none
    /// beyond `most` times.
    pub(crate) fn times_until_upper(
        &self,
        bound: f64,
        tail: f64,
        power: f64,
        most: f64,
    ) -> Option<f64> {
        let gap = bound - self.mean;
        if gap <= 0.0 {
            return None;
        }
        let is_enough = |times: f64| self.is_upper_at_most(bound, times, tail, power);
        // The normal limit, or so many units that the imaginary one does not matter.
        let normal = self.variance * (deviations(power) + (-2.0 * tail.ln()).sqrt()).powi(2);
        let units: f64 = self.strata.iter().map(|one| one.units).sum();
        let mut high = (normal / (gap * gap)).max(-tail.ln() / gap / units);
        let mut low = high;
        while !is_enough(high) {
            low = high;
            high *= 1.5;
            if high > most {
                return None;
            }
        }
        while low == high || is_enough(low) {
            high = low;
            low /= 1.5;
        }
        while high > 1.001 * low {
            let middle = (low * high).sqrt();
            *if is_enough(middle) {
                &mut high
            } else {
                &mut low
            } = middle;
        }
        Some(high)
    }
}
