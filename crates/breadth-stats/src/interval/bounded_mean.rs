//! The interval for a mean of values in [0, 1] over units of any design.

use rustc_hash::FxHashMap;

use super::clopper_pearson;
use super::dirichlet::{Knot, ln_chance_above, moments, upper_quantile};
use super::sum::{Distribution, distribution_of_sum};
use super::{CheckedDesign, Estimate};

/// Distinct units beyond which those of nearly the same weight and value are taken together.
const DISTINCT: usize = 4096;
/// Values of units taken together differ by less than one part in so many.
const CELLS: f64 = 1024.0;

/// The mean of values in [0, 1] over the population, from rows of any design, with its limits.
///
/// A proportion, where the values are 0 or 1. The independent units are the clusters (the rows,
/// where there are none): unit i has a weight `w_i`, the sum of its rows' weights, and a value
/// `z_i` in [0, 1], their weighted mean. With `D ~ Dirichlet(1, .., 1)` over the n units and one
/// imaginary unit more, which has the largest weight,
///
/// - `upper(tail)` is the `1 - tail` quantile of `sum D_i w_i z_i / sum D_i w_i` with the imaginary
///   unit at 1,
/// - `lower(tail)` is the `tail` quantile with the imaginary unit at 0.
///
/// For independent rows of equal weight and values 0 and 1 these are Clopper and Pearson's limits.
/// For all others the imaginary unit at the end of the range keeps the coverage probability where
/// the sample happens to hold no bad prompt, which an estimated variance cannot. Strata with known
/// shares `W_g` have an imaginary unit each, and the limits are the quantiles of the sum of the
/// independent `W_g M_g`, M_g being the variable above within stratum g. The quantiles are
/// computed, not drawn: to 1e-12 without strata, and to about a thousandth of the interval's width
/// with them. (Beyond 4096 distinct weights or values, units within 1.6% in weight and 0.1 points
/// in value are taken together, at their means.)
///
/// `lab/results/intervals.md` holds how often the limits failed in simulations.
///
/// # Source
///
/// Gaffke, Mathematical Methods of Statistics 14 (2005); Learned-Miller and Thomas, arXiv
/// 1905.06208.
#[derive(Clone, Debug)]
#[doc(alias = "Gaffke")]
pub struct BoundedMean {
    /// The weighted mean, in [0, 1].
    pub value: f64,
    units: Units,
}

#[derive(Clone, Debug)]
enum Units {
    /// Independent rows of equal weight: how many, and how many of them are hit.
    Counts { hits: f64, rows: f64 },
    /// Knots of each stratum with its share of the population; one stratum without strata.
    Strata {
        strata: Vec<(f64, Vec<Knot>)>,
        /// Effective number of units of equal weight (Kish).
        effective: f64,
    },
}

impl BoundedMean {
    /// The share of `count` among `n` independent rows of equal weight.
    pub(crate) fn of_count(count: f64, n: f64) -> BoundedMean {
        BoundedMean {
            value: count / n,
            units: Units::Counts {
                hits: count,
                rows: n,
            },
        }
    }

    /// The weighted share of all rows where `hit` holds.
    pub(crate) fn of_all_rows(rows: &CheckedDesign, hit: impl Fn(usize) -> bool) -> BoundedMean {
        if rows.is_iid() {
            let count = (0..rows.n).filter(|&row| hit(row)).count();
            return BoundedMean::of_count(count as f64, rows.n as f64);
        }
        BoundedMean::of_values(rows, |row| f64::from(u8::from(hit(row))))
    }

    /// The weighted mean over all rows of values in [0, 1].
    pub(crate) fn of_values(rows: &CheckedDesign, value: impl Fn(usize) -> f64) -> BoundedMean {
        let totals = rows.cluster_totals(value);
        let units = totals.iter().enumerate().filter(|&(_, &total)| total > 0.0);
        let values = units.map(|(unit, total)| (unit, (total / rows.unit_weight(unit)).min(1.0)));
        let share = BoundedMean::of_units(rows, values, 0.0);
        let total = crate::numerics::sum(totals.iter().copied());
        BoundedMean {
            value: (total / rows.total_weight()).min(1.0),
            ..share
        }
    }

    /// The mean of units that have these values; all others have the value `base`.
    pub(crate) fn of_units(
        rows: &CheckedDesign,
        values: impl Iterator<Item = (usize, f64)>,
        base: f64,
    ) -> BoundedMean {
        let classes = &rows.classes;
        let mut left: Vec<f64> = classes.list.iter().map(|class| class.count).collect();
        let mut found = Knots::default();
        let mut total = crate::numerics::Sum::default();
        for (unit, value) in values {
            let class = classes.of_unit(unit);
            left[class as usize] -= 1.0;
            total.add(rows.unit_weight(unit) * (value - base));
            found.add(class, value);
        }
        let value = (base + total.value() / rows.total_weight()).clamp(0.0, 1.0);
        let mut knots = found.into_list();
        let rest = left.iter().enumerate().filter(|&(_, &count)| count > 0.0);
        knots.extend(rest.map(|(class, &count)| (class as u32, base, count)));
        let mut strata: Vec<(f64, Vec<Knot>)> = classes
            .shares
            .iter()
            .map(|&share| (share, Vec::new()))
            .collect();
        for (class, value, count) in knots {
            let class = &classes.list[class as usize];
            strata[class.stratum as usize].1.push(Knot {
                value,
                weight: class.weight,
                count,
            });
        }
        BoundedMean {
            value,
            units: Units::Strata {
                strata,
                effective: classes.effective,
            },
        }
    }

    /// The units of each stratum with its share of the population.
    pub(super) fn strata(&self) -> Vec<(f64, Vec<Knot>)> {
        match &self.units {
            Units::Counts { hits, rows } => {
                let knot = |value, count| Knot {
                    value,
                    weight: 1.0,
                    count,
                };
                vec![(1.0, vec![knot(0.0, rows - hits), knot(1.0, *hits)])]
            }
            Units::Strata { strata, .. } => strata.clone(),
        }
    }

    /// The lower confidence limit with error probability at most `tail`.
    pub fn lower(&self, tail: f64) -> f64 {
        match &self.units {
            Units::Counts { hits, rows } => clopper_pearson::lower(*hits, *rows, tail),
            Units::Strata { strata, .. } => 1.0 - upper(&mirrored(strata), tail),
        }
    }

    /// The upper confidence limit with error probability at most `tail`.
    pub fn upper(&self, tail: f64) -> f64 {
        match &self.units {
            Units::Counts { hits, rows } => clopper_pearson::upper(*hits, *rows, tail),
            Units::Strata { strata, .. } => upper(strata, tail),
        }
    }

    /// The value with its two-sided limits.
    pub(crate) fn estimate(&self, alpha: f64) -> Estimate {
        Estimate {
            value: self.value,
            low: self.lower(0.5 * alpha),
            high: self.upper(0.5 * alpha),
        }
    }

    /// Upper limits at several errors, for the price of one where there are strata.
    pub(crate) fn uppers<const K: usize>(&self, tails: [f64; K]) -> [f64; K] {
        match &self.units {
            Units::Strata { strata, .. } if strata.len() > 1 => {
                let distribution = distribution(&all_with_imaginary(strata));
                tails.map(|tail| distribution.upper_quantile(tail).min(1.0))
            }
            _ => tails.map(|tail| self.upper(tail)),
        }
    }

    /// Whether the lower limit with error `tail` is above `bound`; one evaluation instead of a
    /// search.
    pub(crate) fn is_above(&self, bound: f64, tail: f64) -> bool {
        if self.value <= bound {
            return false;
        }
        match &self.units {
            Units::Counts { .. } => self.lower(tail) > bound,
            Units::Strata { strata, .. } => {
                let mirrored = mirrored(strata);
                match &mirrored[..] {
                    [(_, knots)] => {
                        ln_chance_above(&with_imaginary(knots), 1.0 - bound) < tail.ln()
                    }
                    strata if most_of_ln_chance(strata, 1.0 - bound) < tail.ln() => true,
                    strata => {
                        let chance_below =
                            -distribution(&all_with_imaginary(strata)).log_odds_at(1.0 - bound);
                        chance_below < tail.ln() - (-tail).ln_1p()
                    }
                }
            }
        }
    }

    /// What [`BoundedMean::upper`] cannot exceed: a log-concave variable is above its mean by more
    /// than `1 + ln(1/tail)` standard deviations with a chance of less than `tail` (Bobkov and
    /// Ledoux). With weights, whose variable need not be log-concave, it is a guess on the far
    /// side.
    pub(crate) fn most_of_upper(&self, tail: f64) -> f64 {
        match &self.units {
            Units::Counts { .. } => 1.0,
            Units::Strata { strata, .. } => {
                let (mut mean, mut variance) = (0.0, 0.0);
                for (share, knots) in strata {
                    let (m, d) = moments(&with_imaginary(knots));
                    mean += share * m;
                    variance += (share * d).powi(2);
                }
                (mean + (1.0 - tail.ln()) * variance.sqrt()).min(1.0)
            }
        }
    }

    /// The same for the mean of these values, without putting them in order; 1 where there are
    /// clusters or strata.
    pub(crate) fn most_of_upper_of(
        rows: &CheckedDesign,
        value: impl Fn(usize) -> f64,
        tail: f64,
    ) -> f64 {
        if rows.is_clustered() || rows.strata.is_some() {
            return 1.0;
        }
        let imaginary = rows.classes.largest();
        let total = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
            let of_rows = (0..rows.n).map(|row| of(rows.weight(row), value(row)));
            of_rows.sum::<f64>() + of(imaginary, 1.0)
        };
        let weight = total(&|w, _| w);
        let mean = total(&|w, z| w * z) / weight;
        let squares = total(&|w, z| (w * (z - mean)).powi(2));
        let units = rows.n as f64 + 1.0;
        let variance = squares / (weight * weight) * units / (units + 1.0);
        (mean + (1.0 - tail.ln()) * variance.sqrt()).min(1.0)
    }

    /// What [`BoundedMean::upper`] is not expected to exceed for any share of this value, without a
    /// look at the rows: as if all units were as heavy as the heaviest, and each hit in all of its
    /// rows or in none, which spreads them furthest.
    pub(crate) fn most_of_any_upper(rows: &CheckedDesign, value: f64, tail: f64) -> f64 {
        let units = 1.0 / rows.classes.heaviest - 1.0;
        clopper_pearson::upper(value * units, units, tail)
    }

    /// What [`BoundedMean::lower`] is not expected to exceed; a lower limit left out for it is
    /// replaced by a smaller one.
    pub(crate) fn most_of_lower(&self, tail: f64) -> f64 {
        match &self.units {
            Units::Counts { .. } => 1.0,
            Units::Strata { strata, .. } => {
                if self.value <= 0.0 {
                    return 0.0;
                }
                let variance: f64 = strata
                    .iter()
                    .map(|(share, knots)| (share * moments(knots).1).powi(2))
                    .sum();
                let deviations = 0.5 * (-2.0 * tail.ln()).sqrt();
                self.value * (-deviations * variance.sqrt() / self.value).exp()
            }
        }
    }

    /// The number of independent rows of equal weight whose limits (at an error of `tail` each)
    /// would be as far apart, at most the effective number of units.
    pub fn effective_size(&self, tail: f64) -> f64 {
        self.effective_size_of(self.upper(tail) - self.lower(tail), tail)
    }

    /// The same for limits that are known to be so far apart.
    pub(crate) fn effective_size_of(&self, width: f64, tail: f64) -> f64 {
        let Units::Strata { effective, .. } = &self.units else {
            let Units::Counts { rows, .. } = &self.units else {
                return 0.0;
            };
            return *rows;
        };
        let of_size = |n: f64| {
            let count = self.value * n;
            clopper_pearson::upper(count, n, tail) - clopper_pearson::lower(count, n, tail)
        };
        if of_size(*effective) >= width {
            return *effective;
        }
        let (mut small, mut large) = (1e-3_f64, *effective);
        for _ in 0..40 {
            let middle = (small * large).sqrt();
            if of_size(middle) > width {
                small = middle;
            } else {
                large = middle;
            }
        }
        large
    }
}

/// Whether [`BoundedMean::upper`] is at most `bound` for units of equal weight: values, and how many
/// units have each, which need not be whole numbers.
pub(crate) fn is_upper_at_most(
    units: impl Iterator<Item = (f64, f64)>,
    bound: f64,
    tail: f64,
) -> bool {
    let knot = |(value, count)| Knot {
        value,
        weight: 1.0,
        count,
    };
    let knots: Vec<Knot> = units.map(knot).collect();
    ln_chance_above(&with_imaginary(&knots), bound) <= tail.ln()
}

/// The imaginary unit: of the largest weight, with the value 1.
fn with_imaginary(knots: &[Knot]) -> Vec<Knot> {
    with_imaginary_of(
        knots,
        knots.iter().map(|knot| knot.weight).fold(0.0, f64::max),
    )
}

/// An imaginary unit of this weight, with the value 1.
pub(super) fn with_imaginary_of(knots: &[Knot], weight: f64) -> Vec<Knot> {
    let mut all = knots.to_vec();
    all.push(Knot {
        value: 1.0,
        weight,
        count: 1.0,
    });
    all
}

/// All values from the other end.
fn mirrored(strata: &[(f64, Vec<Knot>)]) -> Vec<(f64, Vec<Knot>)> {
    let flip = |knot: &Knot| Knot {
        value: 1.0 - knot.value,
        ..*knot
    };
    strata
        .iter()
        .map(|(share, knots)| (*share, knots.iter().map(flip).collect()))
        .collect()
}

fn upper(strata: &[(f64, Vec<Knot>)], tail: f64) -> f64 {
    match strata {
        [(_, knots)] => upper_quantile(&with_imaginary(knots), tail),
        strata => distribution(&all_with_imaginary(strata))
            .upper_quantile(tail)
            .min(1.0),
    }
}

/// The strata with an imaginary unit in each.
fn all_with_imaginary(strata: &[(f64, Vec<Knot>)]) -> Vec<(f64, Vec<Knot>)> {
    let strata = strata.iter();
    strata
        .map(|(share, knots)| (*share, with_imaginary(knots)))
        .collect()
}

/// The distribution of `sum_g W_g M_g`, of strata with their imaginary units.
pub(super) fn distribution(strata: &[(f64, Vec<Knot>)]) -> Distribution {
    let of_stratum = |(share, knots): &(f64, Vec<Knot>)| {
        let least = knots.iter().map(|knot| knot.value).fold(1.0, f64::min);
        let flipped: Vec<Knot> = knots
            .iter()
            .map(|knot| Knot {
                value: 1.0 - knot.value,
                ..*knot
            })
            .collect();
        let log_odds = |x: f64| {
            let above = ln_chance_above(knots, x);
            if above < -std::f64::consts::LN_2 {
                (-above.exp()).ln_1p() - above
            } else {
                let below = ln_chance_above(&flipped, 1.0 - x);
                below - (-below.exp()).ln_1p()
            }
        };
        Distribution::tabulate(least, 1.0, log_odds).scaled(*share)
    };
    distribution_of_sum(strata.iter().map(of_stratum).collect())
}

/// What `ln P[sum_g W_g M_g > x]` cannot exceed, by Chernoff's bound, where all units of a stratum
/// weigh the same; 0 where they do not.
///
/// The gammas behind the weights of a stratum add up to an S that does not depend on M, so that by
/// Jensen's inequality, with m and a the stratum's mean and number of units, `E exp(t (M - m)) <= E
/// exp(t S (M - m) / a) = prod_j (1 - t (z_j - m) / a)^(-count_j)`.
fn most_of_ln_chance(strata: &[(f64, Vec<Knot>)], x: f64) -> f64 {
    let mut terms: Vec<(f64, f64)> = Vec::new();
    let mut mean = 0.0;
    for (share, knots) in strata {
        let knots = with_imaginary(knots);
        if knots.iter().any(|knot| knot.weight != knots[0].weight) {
            return 0.0;
        }
        let (m, _) = moments(&knots);
        let units: f64 = knots.iter().map(|knot| knot.count).sum();
        mean += share * m;
        terms.extend(
            knots
                .iter()
                .map(|knot| (share * (knot.value - m) / units, knot.count)),
        );
    }
    let largest = terms.iter().map(|&(a, _)| a).fold(0.0, f64::max);
    if x <= mean || largest <= 0.0 {
        return 0.0;
    }
    // The logarithm of the bound is convex in t; its slope rises without end towards 1 / largest.
    let (mut low, mut high) = (0.0, 1.0 / largest);
    for _ in 0..30 {
        let t = 0.5 * (low + high);
        let slope: f64 = terms.iter().map(|&(a, c)| c * a / (1.0 - t * a)).sum();
        if slope < x - mean {
            low = t;
        } else {
            high = t;
        }
    }
    let exponent = |&(a, count): &(f64, f64)| -count * (-low * a).ln_1p();
    terms.iter().map(exponent).sum::<f64>() - low * (x - mean)
}

/// Units in the making: those of one class and value together, or of one class and nearly the same
/// value where there are too many values.
#[derive(Default)]
struct Knots {
    /// How many units by class and value.
    exact: FxHashMap<(u32, u64), f64>,
    /// The sum of the values and their number by class and cell; in use once there are more than
    /// [`DISTINCT`] values.
    cells: FxHashMap<(u32, u64), (f64, f64)>,
}

impl Knots {
    fn add(&mut self, class: u32, value: f64) {
        if !self.cells.is_empty() {
            return self.add_to_cell(class, value, 1.0);
        }
        *self.exact.entry((class, value.to_bits())).or_insert(0.0) += 1.0;
        if self.exact.len() > DISTINCT {
            for (class, value, count) in std::mem::take(self).into_list() {
                self.add_to_cell(class, value, count);
            }
        }
    }

    fn add_to_cell(&mut self, class: u32, value: f64, count: f64) {
        let cell = (class, (value * CELLS).ceil() as u64);
        let (total, units) = self.cells.entry(cell).or_insert((0.0, 0.0));
        *total += count * value;
        *units += count;
    }

    /// Class, value and number of units, in order.
    fn into_list(self) -> Vec<(u32, f64, f64)> {
        let exact = self.exact.into_iter();
        let exact = exact.map(|((class, value), count)| (class, f64::from_bits(value), count));
        let cells = self.cells.into_iter();
        let cells = cells.map(|((class, _), (total, count))| (class, total / count, count));
        let mut knots: Vec<(u32, f64, f64)> = exact.chain(cells).collect();
        knots.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        knots
    }
}
