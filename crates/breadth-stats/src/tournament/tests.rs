//! The shortcuts of the tournament give what looking at everything gives.

use std::cell::Cell;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::certificate::{SLACKS, bracket};
use super::confidence_set::Behind;
use super::input::rivals;
use super::pairs::Pairs;
use crate::interval::{BoundedMean, CheckedDesign, Design};
use crate::log_ratio::{Level, is_uncovered};

const ALPHA: f64 = 0.05;

/// Models of very different quality on clusters of up to six rows that are half alike.
struct Case {
    columns: Vec<Vec<f64>>,
    clusters: Vec<u32>,
    weights: Vec<f64>,
}

impl Case {
    fn random(seed: u64) -> Case {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (models, count) = (rng.random_range(2..7), rng.random_range(3..400));
        let mut case = Case {
            columns: vec![vec![]; models],
            clusters: vec![],
            weights: vec![],
        };
        let spread: Vec<f64> = (0..models).map(|_| rng.random_range(0.2..9.0)).collect();
        for cluster in 0..count {
            let common: Vec<f64> = spread.iter().map(|s| s * rng.random::<f64>()).collect();
            for _ in 0..rng.random_range(1..7) {
                for ((column, common), spread) in case.columns.iter_mut().zip(&common).zip(&spread)
                {
                    column.push(-10.0 - common - spread * rng.random::<f64>());
                }
                case.clusters.push(cluster);
                case.weights.push(rng.random_range(0.2..3.0));
            }
        }
        case
    }

    /// Independent rows, clusters, weights, both, and clusters in strata.
    fn check(&self, test: impl Fn(&Pairs, Level)) {
        let columns: Vec<&[f64]> = self.columns.iter().map(Vec::as_slice).collect();
        let (clusters, weights) = (Some(&self.clusters[..]), Some(&self.weights[..]));
        let strata: Vec<u32> = self.clusters.iter().map(|c| (c % 7) / 3).collect();
        let strata = Some(&strata[..]);
        for (weights, clusters, strata) in [
            (None, None, None),
            (None, clusters, None),
            (weights, None, None),
            (weights, clusters, None),
            (None, clusters, strata.filter(|_| self.columns.len() < 4)),
        ] {
            let design = Design {
                weights,
                clusters,
                strata,
            };
            let rows = CheckedDesign::new(&design, self.weights.len()).unwrap();
            test(&Pairs::new(&columns, &rows), Level::from_n(3.0).unwrap());
        }
    }
}

fn share(pairs: &Pairs, r: usize, q: usize, level: Level) -> BoundedMean {
    BoundedMean::of_all_rows(pairs.rows, |row| {
        is_uncovered(pairs.columns[r][row], pairs.columns[q][row], level)
    })
}

fn assert_close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 1e-10,
        "{found}, expected {expected}"
    );
}

#[test]
fn limits_are_the_largest_over_all_rivals() {
    for seed in 0..40 {
        Case::random(seed).check(|pairs, level| {
            let m = pairs.len();
            let found = pairs.limits_of_maximum(&pairs.shares(level, None), level, ALPHA);
            for (q, limits) in found.iter().enumerate() {
                let shares: Vec<BoundedMean> =
                    rivals(m, q).map(|r| share(pairs, r, q, level)).collect();
                let tail = 0.5 * ALPHA / (m - 1) as f64;
                let upper = |tail: f64| shares.iter().map(|s| s.upper(tail)).fold(0.0, f64::max);
                let lowers = shares.iter().map(|s| s.lower(tail));
                assert_close(limits.low, lowers.fold(0.0, f64::max));
                assert_close(limits.high, upper(0.5 * ALPHA));
                assert_close(limits.excess, upper(ALPHA / m as f64));
            }
        });
    }
}

#[test]
fn certificates_are_the_best_over_all_rivals_and_slacks() {
    let mut informative = 0;
    for seed in 0..40 {
        let count = Cell::new(0);
        Case::random(seed).check(|pairs, level| {
            let m = pairs.len();
            let found = bracket(pairs, &pairs.shares(level, None), level, ALPHA);
            for (q, &(low, high)) in found.iter().enumerate() {
                let mut comparators: Vec<Vec<f64>> =
                    rivals(m, q).map(|r| pairs.columns[r].to_vec()).collect();
                if m > 2 {
                    let even = |row: usize| {
                        let sum: f64 = pairs.columns.iter().map(|c| c[row].exp()).sum();
                        (sum / m as f64).ln()
                    };
                    comparators.push((0..pairs.rows.n).map(even).collect());
                }
                let tail = 0.5 * ALPHA / (comparators.len() * SLACKS.len()) as f64;
                let at = |column: &[f64], s: f64| {
                    let behind = |row: usize| {
                        is_uncovered(column[row], pairs.columns[q][row], level.times(s))
                    };
                    BoundedMean::of_all_rows(pairs.rows, behind).lower(tail) - 1.0 / s
                };
                let best = comparators
                    .iter()
                    .flat_map(|column| SLACKS.map(|s| at(column, s)))
                    .fold(0.0, f64::max);
                assert_close(low, best.min(high));
                count.set(count.get() + usize::from(low > 0.0));
            }
        });
        informative += count.get();
    }
    assert!(
        informative > 20,
        "only {informative} certificates say anything"
    );
}

#[test]
fn the_quick_answers_of_the_paired_test_are_the_full_ones() {
    let settled = Cell::new([0; 2]);
    for seed in 0..40 {
        Case::random(seed).check(|pairs, level| {
            let of = |r, q| Behind::new(pairs, r, q, level);
            let (a, b) = (of(0, 1), of(1, 0));
            for (here, there) in [(&a, &b), (&b, &a)] {
                for tail in [0.05, 1e-3] {
                    let value = |row| match (here.has(row), there.has(row)) {
                        (true, false) => 1.0,
                        (false, true) => 0.0,
                        _ => 0.5,
                    };
                    let expected = BoundedMean::of_values(pairs.rows, value).lower(tail) > 0.5;
                    assert_eq!(here.outnumbers(there, pairs.rows, tail), expected);
                    let mut counts = settled.get();
                    counts[usize::from(expected)] += 1;
                    settled.set(counts);
                }
            }
        });
    }
    assert!(
        settled.get().iter().all(|&count| count > 100),
        "{:?}",
        settled.get()
    );
}

#[test]
fn limits_stay_within_their_bounds() {
    for seed in 0..40 {
        Case::random(seed).check(|pairs, level| {
            let share = share(pairs, 0, 1, level);
            for tail in [0.025, 1e-4] {
                let (low, high) = (share.lower(tail), share.upper(tail));
                assert!(
                    low <= share.most_of_lower(tail) && low <= share.value && high >= share.value
                );
                assert!(high <= share.most_of_upper(tail));
                assert!(share.is_above(low - 1e-3, tail) && !share.is_above(low + 1e-3, tail));
                assert_close(share.uppers([tail, 0.3])[0], high);
            }
        });
    }
}
