//! The set that contains the best model with the stated confidence.

use std::sync::OnceLock;

use rayon::prelude::*;

use super::pairs::Pairs;
use super::{Standing, rivals};
use crate::interval::{Rows, Share, lower};
use crate::log_ratio::{Level, is_uncovered};

/// The rows on which a rival leaves a model behind, one bit each.
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

    /// Whether more of the population is here than there, for certain: the lower limit of the mean of `(here - there + 1) / 2` over all rows, with error `tail`, is above 1/2.
    ///
    /// Rows that are in both or in neither have the value 1/2. Without strata they drop out, and for independent rows of equal weight what is left is the sign test.
    pub(crate) fn outnumbers(&self, other: &Behind, rows: &Rows, tail: f64) -> bool {
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
        if rows.weights.is_none() && rows.strata.is_none() {
            // With S the sum of the units' gammas times differences, the chance to be undone by the imaginary unit is at least E[exp(-S+ / largest)], and so at
            // least exp(-here / largest), which often settles it without looking at the clusters.
            if here <= there || here < -tail.ln() * rows.classes.largest() {
                return false;
            }
        }
        self.difference(other, rows).is_above(0.5, tail)
    }

    /// The mean of `(here - there + 1) / 2`.
    fn difference(&self, other: &Behind, rows: &Rows) -> Share {
        let mut totals: Vec<(usize, f64)> = Vec::new();
        for (word, (a, b)) in self.0.iter().zip(&other.0).enumerate() {
            let mut left = a ^ b;
            while left != 0 {
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                let row = 64 * word + bit;
                let sign = if a >> bit & 1 == 1 { 1.0 } else { -1.0 };
                totals.push((rows.unit(row), sign * rows.weight(row)));
            }
        }
        totals.sort_by_key(|&(unit, _)| unit);
        let units = totals.chunk_by(|a, b| a.0 == b.0).map(|rows_of_unit| {
            let unit = rows_of_unit[0].0;
            let total: f64 = rows_of_unit.iter().map(|&(_, total)| total).sum();
            let value = 0.5 * (1.0 + total / rows.unit_weight(unit));
            (unit, value.clamp(0.0, 1.0))
        });
        Share::of_units(rows, units, 0.5)
    }
}

/// Models that no other model beats for certain; see [`super::tournament()`] for the tests and their errors.
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
