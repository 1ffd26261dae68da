//! What a limit is expected to be after more units, or fewer.

use super::BoundedMean;
use super::bounded_mean::{distribution, with_imaginary_of};
use super::dirichlet::{Knot, ln_chance_above};
use super::influence::{influences, tilted};
use super::weight_tail::WeightTail;
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
    tail: Option<WeightTail>,
}

impl Stratum {
    fn new(share: f64, mut knots: Vec<Knot>) -> Stratum {
        knots.retain(|knot| knot.count > 0.0);
        knots.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        Stratum {
            share,
            units: knots.iter().map(|knot| knot.count).sum(),
            tail: WeightTail::of(&knots),
            knots,
        }
    }

    /// The variance of the estimate of its part of the mean, linearised.
    fn variance(&self) -> f64 {
        let total = |of: &dyn Fn(&Knot) -> f64| self.knots.iter().map(of).sum::<f64>();
        let weight = total(&|k| k.count * k.weight);
        let mean = mean(&self.knots);
        total(&|k| k.count * (self.share * k.weight * (k.value - mean) / weight).powi(2))
    }

    /// What the imaginary unit, as heavy as the heaviest, weighs at most with the chance `power`
    /// where there are `times` as many units.
    fn imaginary(&self, times: f64, power: f64) -> f64 {
        let known = self.heaviest(times, power);
        let beyond = self.tail.map_or(0.0, |tail| tail.heaviest(times, power));
        known.max(beyond)
    }

    /// The same if none of those is heavier than these.
    fn heaviest(&self, times: f64, power: f64) -> f64 {
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
        ExpectedUnits {
            mean: strata.iter().map(|one| one.share * mean(&one.knots)).sum(),
            variance: strata.iter().map(Stratum::variance).sum(),
            strata,
        }
    }

    /// The variance of the mean's estimate after as many units.
    pub(crate) fn variance(&self) -> f64 {
        self.variance
    }

    /// Whether, with `times` as many units, the upper limit is at most `bound` with about the chance
    /// `power`.
    ///
    /// The limit is at most `bound` where `ln P[M > bound]` is at most `ln tail`, M being the
    /// variable of [`BoundedMean`]. To first order that logarithm is a sum over the units drawn of
    /// their [`influences`] a, so that it exceeds the expected by at most `z sqrt(sum_i (a_i -
    /// mean)^2)` with the chance `power`, z being its normal quantile. It is computed in the
    /// likeliest sample that exceeds it by so much: the units tilted by `exp(h a)`. The influences
    /// are those in that sample itself, found by iteration.
    pub(crate) fn is_upper_at_most(&self, bound: f64, times: f64, tail: f64, power: f64) -> bool {
        const ROUNDS: usize = 4;
        if self.mean >= bound || self.strata.iter().any(|one| times * one.units < 1.0 - 1e-9) {
            return false;
        }
        let expected = self.expected(times, power);
        let mut strata = expected.clone();
        for _ in 0..ROUNDS {
            match tilted(&expected, &influences(&strata, bound), deviations(power)) {
                Some(tilted) => strata = tilted,
                None => return false,
            }
        }
        match &strata[..] {
            [(_, knots)] => ln_chance_above(knots, bound) <= tail.ln(),
            strata => -distribution(strata).log_odds_at(bound) <= tail.ln() - (-tail).ln_1p(),
        }
    }

    /// `times` as many units, with the imaginary unit of each stratum.
    fn expected(&self, times: f64, power: f64) -> Vec<(f64, Vec<Knot>)> {
        let of_stratum = |one: &Stratum| {
            let mut knots = one.knots.clone();
            knots.iter_mut().for_each(|knot| knot.count *= times);
            let imaginary = one.imaginary(times, power);
            (one.share, with_imaginary_of(&knots, imaginary))
        };
        self.strata.iter().map(of_stratum).collect()
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
