//! The set that contains the best model with the stated confidence.

use rayon::prelude::*;

use super::pairs::Pairs;
use super::{Standing, rivals};
use crate::interval::Share;
use crate::log_ratio::{Level, is_uncovered};

/// The rows on which a rival leaves a model behind, one bit each.
struct Behind(Vec<u64>);

impl Behind {
    fn new(pairs: &Pairs, rival: usize, q: usize, level: Level) -> Behind {
        let (a, b) = (pairs.columns[rival], pairs.columns[q]);
        let word = |(a, b): (&[f64], &[f64])| {
            let bits = a.iter().zip(b).enumerate();
            bits.fold(0, |word, (bit, (&a, &b))| {
                word | u64::from(is_uncovered(a, b, level)) << bit
            })
        };
        Behind(a.chunks(64).zip(b.chunks(64)).map(word).collect())
    }

    fn has(&self, row: usize) -> bool {
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

    /// Among the rows on which the two disagree, the share of those that are here.
    fn share_against(&self, other: &Behind, pairs: &Pairs) -> Option<Share> {
        let (here, there) = (self.count_without(other), other.count_without(self));
        if here + there == 0 {
            None
        } else if pairs.rows.is_iid() {
            Some(Share::of_count(here as f64, (here + there) as f64))
        } else {
            Some(Share::of_rows(pairs.rows, |row| {
                (self.has(row) != other.has(row)).then(|| self.has(row))
            }))
        }
    }
}

/// Models that no other model beats for certain; see [`super::tournament`] for the tests and their errors.
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
    let beats = |better: &Behind, q: usize| {
        let own = on_worst[q].as_ref()?;
        Some(own.share_against(better, pairs)?.lower(tail) > 0.5)
    };
    let is_excluded = |q: usize| {
        let better = ranking
            .iter()
            .filter(|&&other| standings[other].value < standings[q].value);
        better.into_iter().any(|&other| {
            let first = on_worst[other].as_ref().and_then(|behind| beats(behind, q));
            first == Some(true)
                && rivals(m, other)
                    .all(|r| beats(&Behind::new(pairs, r, other, level), q) == Some(true))
        })
    };
    (0..m).filter(|&q| !is_excluded(q)).collect()
}
