//! The set that contains the best model with the stated confidence.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::input::rivals;
use super::pairs::Pairs;
use super::standing::Standing;
use crate::interval::{BoundedMean, CheckedDesign, lower};
use crate::log_ratio::{Level, is_uncovered};

/// The rows to which a rival assigns at least N times the probability that a model does, one bit
/// each: the model is behind on them.
pub(crate) struct Behind(Vec<u64>);

impl Behind {
    pub(crate) fn new(pairs: &Pairs, rival: usize, q: usize, level: Level) -> Behind {
        let (a, b) = (pairs.columns[rival], pairs.columns[q]);
        let word = |(a, b): (&[f64], &[f64])| {
            let bits = a.iter().zip(b).enumerate();
            bits.fold(0, |word, (bit, (&a, &b))| {
                word | u64::from(is_uncovered(a, b, level)) << bit
            })
        };
        Behind(a.chunks(64).zip(b.chunks(64)).map(word).collect())
    }

    #[cfg(test)]
    pub(crate) fn has(&self, row: usize) -> bool {
        self.0[row / 64] >> (row % 64) & 1 == 1
    }

    /// Number of rows that are here and not there.
    fn count_without(&self, other: &Behind) -> u64 {
        self.0
            .iter()
            .zip(&other.0)
            .map(|(a, b)| u64::from((a & !b).count_ones()))
            .sum()
    }

    /// Whether more of the population is here than there, with confidence: the lower limit of the
    /// mean of `(here - there + 1) / 2` over all rows, with error `tail`, is above 1/2.
    ///
    /// Rows that are in both or in neither have the value 1/2. Without strata they drop out, and
    /// for independent rows of equal weight what is left is the sign test.
    pub(crate) fn outnumbers(&self, other: &Behind, rows: &CheckedDesign, tail: f64) -> bool {
        let (here, there) = (
            self.count_without(other) as f64,
            other.count_without(self) as f64,
        );
        if here == 0.0 {
            return false;
        }
        if rows.is_iid() {
            return lower(here, here + there, tail) > 0.5;
        }
        if rows.strata.is_none() {
            let (here, there) = match rows.weights {
                None => (here, there),
                Some(_) => (
                    self.weight_without(other, rows),
                    other.weight_without(self, rows),
                ),
            };
            if let Some(known) = outweighs(here, there, rows.classes.largest(), tail) {
                return known;
            }
        }
        self.difference(other, rows).is_above(0.5, tail)
    }

    /// What the rows weigh that are here and not there.
    fn weight_without(&self, other: &Behind, rows: &CheckedDesign) -> f64 {
        let words = self.0.iter().zip(&other.0).enumerate();
        words
            .flat_map(|(word, (a, b))| ones(a & !b).map(move |bit| rows.weight(64 * word + bit)))
            .sum()
    }

    /// The mean of `(here - there + 1) / 2`.
    fn difference(&self, other: &Behind, rows: &CheckedDesign) -> BoundedMean {
        let mut totals: Vec<(usize, f64)> = Vec::new();
        for (word, (a, b)) in self.0.iter().zip(&other.0).enumerate() {
            totals.extend(ones(a ^ b).map(|bit| {
                let row = 64 * word + bit;
                let sign = if a >> bit & 1 == 1 { 1.0 } else { -1.0 };
                (rows.unit(row), sign * rows.weight(row))
            }));
        }
        totals.sort_by_key(|&(unit, _)| unit);
        let units = totals.chunk_by(|a, b| a.0 == b.0).map(|rows_of_unit| {
            let unit = rows_of_unit[0].0;
            let total: f64 = rows_of_unit.iter().map(|&(_, total)| total).sum();
            let value = 0.5 * (1.0 + total / rows.unit_weight(unit));
            (unit, value.clamp(0.0, 1.0))
        });
        BoundedMean::of_units(rows, units, 0.5)
    }
}

/// The positions of the bits that are set.
fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize);
        word &= word.wrapping_sub(1);
        bit
    })
}

/// Whether rows of the weight `here` outnumber those of the weight `there` with confidence, where
/// that needs no look at the units, of which none weighs more than `largest`.
///
/// With `d_i` what a unit has here less what it has there, the chance to be undone by the imaginary
/// unit is `P[sum G_i d_i < G largest]`. It is at least `E exp(-sum G_i d_i+ / largest)`, and so at
/// least `exp(-here / largest)`. By Chernoff's bound it is at most `prod (1 + t d_i)^-1 (1 - t
/// largest)^-1`, which is largest where units are all here or all there: `exp(-n KL(h/n || 1/2))`
/// for h such units here of n that differ.
fn outweighs(here: f64, there: f64, largest: f64, tail: f64) -> Option<bool> {
    let needed = -tail.ln();
    let (h, t) = (here / largest, there / largest + 1.0);
    if here <= there || h < needed {
        return Some(false);
    }
    let half = 0.5 * (h + t);
    (h > t && h * (h / half).ln() + t * (t / half).ln() > needed).then_some(true)
}

/// Models that no other model beats with confidence; see [`super::tournament()`] for the tests and
/// their errors.
pub(crate) fn not_excluded(
    pairs: &Pairs,
    standings: &[Standing],
    ranking: &[usize],
    level: Level,
    alpha: f64,
) -> Vec<usize> {
    let m = pairs.len();
    let tail = alpha / ((m - 1).max(1) as f64).powi(2);
    let worst = |q: usize| {
        standings[q]
            .worst_rival
            .map(|r| Behind::new(pairs, r, q, level))
    };
    let on_worst: Vec<Option<Behind>> = (0..m).into_par_iter().map(worst).collect();
    // Filled only for the few models that come near to excluding another.
    let on_all: Vec<OnceLock<Vec<Behind>>> = (0..m).map(|_| OnceLock::new()).collect();
    let all_of = |q: usize| {
        on_all[q].get_or_init(|| {
            rivals(m, q)
                .map(|r| Behind::new(pairs, r, q, level))
                .collect()
        })
    };
    let is_beaten = |q: usize, other: usize| {
        let (Some(own), Some(others)) = (&on_worst[q], &on_worst[other]) else {
            return false;
        };
        own.outnumbers(others, pairs.rows, tail)
            && all_of(other)
                .iter()
                .all(|behind| own.outnumbers(behind, pairs.rows, tail))
    };
    let is_excluded = |q: usize| {
        let better = ranking
            .iter()
            .take_while(|&&other| standings[other].value < standings[q].value);
        better.into_iter().any(|&other| is_beaten(q, other))
    };
    (0..m)
        .into_par_iter()
        .filter(|&q| !is_excluded(q))
        .collect()
}
