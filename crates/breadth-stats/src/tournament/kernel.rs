//! The inner loop of the tournament: who leaves whom behind on how many rows.
//!
//! Rows are cut into blocks that stay in cache while all pairs of columns pass over them. One subtraction serves both directions of a pair,
//! because `b - a` is exactly `-(a - b)`. Counts are integers (weights are turned into integers first), so the result depends on neither the
//! number of threads nor the instruction set nor the order of the rows.

use rayon::prelude::*;

use crate::log_ratio::Level;

/// Rows per block: a pair of blocks (16 KiB) fits the first-level cache, those of 64 columns the second-level one.
const BLOCK: usize = 1024;
/// Rows handed to a thread at a time.
const TASK: usize = 16 * BLOCK;

/// Sampling weights as whole numbers of a common unit: exact sums in any order, hence exact ties.
pub(crate) struct Units {
    pub(crate) of_row: Vec<u64>,
    largest: f64,
    per_largest: f64,
}

impl Units {
    /// The unit is the finest power-of-two fraction of the largest weight for which the total stays below 2^63.
    pub(crate) fn of(weights: &[f64]) -> Units {
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let bits = 62 - (usize::BITS - weights.len().leading_zeros());
        let per_largest = 2.0_f64.powi(bits.min(52) as i32);
        let unit = |w: &f64| (w / largest * per_largest).round() as u64;
        Units {
            of_row: weights.iter().map(unit).collect(),
            largest,
            per_largest,
        }
    }

    /// A number of units as a weight.
    fn weight(&self, count: u64) -> f64 {
        count as f64 / self.per_largest * self.largest
    }
}

/// The (weighted) number of rows on which each rival leaves each model behind by a factor of N or more.
///
/// `columns`: one slice of log q (nats) per model, aligned rows, none NaN. Result: (m * m), `[rival * m + q]` = weight of the rows with
/// `rival(y|x) / q(y|x) >= N`, diagonal 0: `Chat_N(rival||q)` of Eq 28 times the total weight. It agrees with [`crate::is_uncovered`] on every
/// pair. Weighted counts are exact sums of the weights rounded to a common unit of at most 2^-40 of the largest weight, up to a million rows.
///
/// Panics if the columns or the weights differ in length.
///
/// ```
/// use breadth_stats::{rival_counts, Level};
/// let (a, b) = ([-1.0, -1.0, -4.0], [-1.0, -3.0, -1.0]);
/// let counts = rival_counts(&[&a, &b], None, Level::from_n(4.0)?);
/// assert_eq!(counts, [0.0, 1.0, 1.0, 0.0]);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn rival_counts(columns: &[&[f64]], weights: Option<&[f64]>, level: Level) -> Vec<f64> {
    let units = weights.map(Units::of);
    let weight = |count| {
        units
            .as_ref()
            .map_or(count as f64, |units| units.weight(count))
    };
    counts(columns, units.as_ref(), level, None)
        .into_iter()
        .map(weight)
        .collect()
}

/// [`rival_counts`] in units: (m * m). Pairs of which neither direction is `wanted` (m * m) are left at 0.
pub(crate) fn counts(
    columns: &[&[f64]],
    units: Option<&Units>,
    level: Level,
    wanted: Option<&[bool]>,
) -> Vec<u64> {
    let (m, rows) = (
        columns.len(),
        columns.first().map_or(0, |column| column.len()),
    );
    assert!(
        columns.iter().all(|column| column.len() == rows),
        "columns of different lengths"
    );
    assert!(
        units.is_none_or(|units| units.of_row.len() == rows),
        "as many weights as rows"
    );
    let is_wanted =
        |i: usize, j: usize| wanted.is_none_or(|wanted| wanted[i * m + j] || wanted[j * m + i]);
    let all_pairs = (0..m).flat_map(|i| (i + 1..m).map(move |j| (i, j)));
    let pairs: Vec<(usize, usize)> = all_pairs.filter(|&(i, j)| is_wanted(i, j)).collect();
    let zeros = || vec![0; m * m];
    let add_task = |mut counts: Vec<u64>, task: usize| {
        for start in (task * TASK..rows.min((task + 1) * TASK)).step_by(BLOCK) {
            add_block(
                columns,
                units,
                level,
                start..rows.min(start + BLOCK),
                &pairs,
                &mut counts,
            );
        }
        counts
    };
    let add = |a: Vec<u64>, b: Vec<u64>| a.iter().zip(&b).map(|(x, y)| x + y).collect();
    (0..rows.div_ceil(TASK))
        .into_par_iter()
        .fold(zeros, add_task)
        .reduce(zeros, add)
}

/// Adds one block of rows for all the pairs.
fn add_block(
    columns: &[&[f64]],
    units: Option<&Units>,
    level: Level,
    rows: std::ops::Range<usize>,
    pairs: &[(usize, usize)],
    counts: &mut [u64],
) {
    let m = columns.len();
    let weights = units.map(|units| &units.of_row[rows.clone()]);
    for &(i, j) in pairs {
        let (a, b) = (&columns[i][rows.clone()], &columns[j][rows.clone()]);
        let (a_ahead, b_ahead) = count_pair(a, b, weights, level.threshold());
        counts[i * m + j] += a_ahead;
        counts[j * m + i] += b_ahead;
    }
}

/// Weight of the rows where a is ahead of b, and b of a, by the threshold or more.
fn count_pair(a: &[f64], b: &[f64], weights: Option<&[u64]>, threshold: f64) -> (u64, u64) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the instructions.
            return unsafe { count_pair_avx512(a, b, weights, threshold) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the instructions.
            return unsafe { count_pair_avx2(a, b, weights, threshold) };
        }
    }
    count_pair_any(a, b, weights, threshold)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
fn count_pair_avx512(a: &[f64], b: &[f64], weights: Option<&[u64]>, threshold: f64) -> (u64, u64) {
    count_pair_any(a, b, weights, threshold)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn count_pair_avx2(a: &[f64], b: &[f64], weights: Option<&[u64]>, threshold: f64) -> (u64, u64) {
    count_pair_any(a, b, weights, threshold)
}

#[inline(always)]
fn count_pair_any(a: &[f64], b: &[f64], weights: Option<&[u64]>, threshold: f64) -> (u64, u64) {
    // The difference is NaN only where both are -inf: ratio 1, ahead by a threshold of 0 or less and by no other.
    match (weights, threshold <= 0.0) {
        (None, false) => add_ahead(a, b, |d| (d >= threshold, d <= -threshold)),
        (Some(w), false) => add_weight_ahead(a, b, w, |d| (d >= threshold, d <= -threshold)),
        (None, true) => add_ahead(a, b, |d| {
            (d >= threshold || d.is_nan(), d <= -threshold || d.is_nan())
        }),
        (Some(w), true) => add_weight_ahead(a, b, w, |d| {
            (d >= threshold || d.is_nan(), d <= -threshold || d.is_nan())
        }),
    }
}

/// Written so that the compiler vectorises it: one plain loop, integer sums, no branch.
#[inline(always)]
fn add_ahead(a: &[f64], b: &[f64], ahead: impl Fn(f64) -> (bool, bool)) -> (u64, u64) {
    let (mut first, mut second) = (0, 0);
    for (&a, &b) in a.iter().zip(b) {
        let (a_ahead, b_ahead) = ahead(a - b);
        first += u64::from(a_ahead);
        second += u64::from(b_ahead);
    }
    (first, second)
}

#[inline(always)]
fn add_weight_ahead(
    a: &[f64],
    b: &[f64],
    weights: &[u64],
    ahead: impl Fn(f64) -> (bool, bool),
) -> (u64, u64) {
    let (mut first, mut second) = (0, 0);
    for ((&a, &b), &weight) in a.iter().zip(b).zip(weights) {
        let (a_ahead, b_ahead) = ahead(a - b);
        first += if a_ahead { weight } else { 0 };
        second += if b_ahead { weight } else { 0 };
    }
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every compiled version of the loop gives the same counts, also where the rows do not fill a register.
    #[test]
    fn all_instruction_sets_agree() {
        let value = |row: usize, salt: usize| match (row * 7 + salt) % 11 {
            0 => f64::NEG_INFINITY,
            v => -(v as f64) * 2.0_f64.ln(),
        };
        for rows in [0, 1, 7, 8, 9, 33, 1000] {
            let a: Vec<f64> = (0..rows).map(|row| value(row, 3)).collect();
            let b: Vec<f64> = (0..rows).map(|row| value(row * row, 5)).collect();
            let units: Vec<u64> = (0..rows as u64).map(|row| 1 + row % 5).collect();
            for (weights, threshold) in [
                (None, 0.69),
                (None, -1e-9),
                (Some(&units[..]), 0.69),
                (Some(&units[..]), -1e-9),
            ] {
                let expected = count_pair_any(&a, &b, weights, threshold);
                assert_eq!(
                    count_pair(&a, &b, weights, threshold),
                    expected,
                    "{rows} rows"
                );
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has the instructions.
                    assert_eq!(
                        unsafe { count_pair_avx2(&a, &b, weights, threshold) },
                        expected,
                        "{rows} rows"
                    );
                }
            }
        }
    }

    #[test]
    fn block_boundaries_lose_no_row() {
        for rows in [BLOCK - 1, BLOCK, BLOCK + 1, TASK + 1, 3 * TASK - 5] {
            let (a, b) = (vec![-1.0; rows], vec![-9.0; rows]);
            let level = Level::from_n(2.0).unwrap();
            assert_eq!(counts(&[&a, &b], None, level, None), [0, rows as u64, 0, 0]);
            assert_eq!(counts(&[&a, &b], None, level, Some(&[false; 4])), [0; 4]);
            assert_eq!(
                counts(&[&a, &b], None, level, Some(&[false, false, true, false])),
                [0, rows as u64, 0, 0]
            );
        }
    }

    /// The total stays within 63 bits for any number of rows, and weights far apart keep their proportions.
    #[test]
    fn units_are_fine_and_do_not_overflow() {
        for rows in [1, 2, 3, 1000, 100_000] {
            let weights: Vec<f64> = (0..rows)
                .map(|row| 1e-300 * (1.0 + (row % 3) as f64))
                .collect();
            let units = Units::of(&weights);
            let total = units
                .of_row
                .iter()
                .try_fold(0_u64, |total, &unit| total.checked_add(unit))
                .unwrap();
            assert!(total < 1 << 63);
            let sum = crate::numerics::sum(weights.iter().copied());
            assert!((units.weight(total) / sum - 1.0).abs() < 1e-12);
        }
    }
}
