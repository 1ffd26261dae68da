//! Log-probabilities in 16 bits, by which most rows are judged exactly for a fraction of the work.
//!
//! A block of rows is written as whole multiples of a small unit below each row's largest value, so
//! that the difference of two is that of the log-probabilities to within one unit. A difference
//! further than that from a threshold is judged by its units as it would be by itself; the others,
//! a few in a thousand, are judged by the log-probabilities. The counts are therefore the same to
//! the last row. For AVX2 and AVX-512; elsewhere [`super::pair`] does it all.

#![allow(
    unsafe_code,
    reason = "vector instructions, behind what the processor has"
)]

use std::ops::Range;

mod cells;
mod one;
mod planes;
mod units;

use self::cells::{CELLS, Cells, CountCells, count_cells_avx2};
use self::one::{count, settle};
use self::planes::count_cells_avx512;
use self::units::{Columns, FULL, above, magnitude};
use super::pair::{BLOCK, add_pair_any};
use crate::simd::InstructionSet;

/// From this many thresholds on, cells are faster than one comparison for each.
const WORTH_IT: usize = 5;
/// The largest distance from a row's largest value, in units.
const UNITS: f64 = 32_000.0;
/// Columns further below a row's largest value than so many nats are not written in units, which
/// would be coarse for all.
const FAR: f64 = 64.0;
/// A block of rows of all columns in units.
pub(super) struct Narrow {
    rows: usize,
    /// Rows with those that fill the last chunk.
    stride: usize,
    /// `[column][row]`
    units: Vec<i16>,
    /// Whether the units of a column are its log-probabilities'.
    fits: Vec<bool>,
    /// All thresholds that a difference can reach, in order.
    groups: Vec<(Range<usize>, Judge)>,
}

/// How a group of thresholds is compared.
enum Judge {
    /// One by one, with [`above`] of each.
    Each(Vec<i16>),
    Cells(Cells),
}

impl Narrow {
    /// Of columns of equal length, at most a block, and ascending thresholds; `None` where it is
    /// not worth it for so many pairs.
    pub(super) fn of(columns: &[&[f64]], thresholds: &[f64], pairs: usize) -> Option<Narrow> {
        if pairs * thresholds.len() < 4 * columns.len() {
            return None;
        }
        match InstructionSet::in_use() {
            // SAFETY: the processor has the instructions.
            InstructionSet::Avx512 => Some(unsafe { of_avx512(columns, thresholds) }),
            // SAFETY: as above.
            InstructionSet::Avx2 => Some(unsafe { of_avx2(columns, thresholds) }),
            InstructionSet::Baseline => None,
        }
    }

    /// Adds what [`super::pair::add_pair`] does for two of the columns, unweighted; `false` if they
    /// are not in units, and nothing is added.
    pub(super) fn add_pair(
        &self,
        pair: [usize; 2],
        columns: Columns,
        thresholds: &[f64],
        ahead: &mut [[u64; 2]],
    ) -> bool {
        let fits = pair.iter().all(|&column| self.fits[column]);
        if fits && InstructionSet::in_use() == InstructionSet::Avx512 {
            // SAFETY: the processor has the instructions.
            unsafe { add_avx512(self, pair, columns, thresholds, ahead) };
        } else if fits {
            // SAFETY: there are no units where it has less than AVX2.
            unsafe { add_avx2(self, pair, columns, thresholds, ahead) };
        }
        fits
    }
}

#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
fn of_avx512(columns: &[&[f64]], thresholds: &[f64]) -> Narrow {
    of(columns, thresholds)
}

#[target_feature(enable = "avx2")]
fn of_avx2(columns: &[&[f64]], thresholds: &[f64]) -> Narrow {
    of(columns, thresholds)
}

#[inline(always)]
fn of(columns: &[&[f64]], thresholds: &[f64]) -> Narrow {
    let rows = columns.first().map_or(0, |column| column.len());
    assert!(rows <= BLOCK);
    let mut largest = vec![f64::NEG_INFINITY; rows];
    let mut distances = vec![0; columns.len()];
    for column in columns {
        for (largest, &value) in largest.iter_mut().zip(*column) {
            *largest = largest.max(value);
        }
    }
    for (column, distance) in columns.iter().zip(&mut distances) {
        // The bits of numbers without a sign are in their order, NaN (where all are -inf) last.
        for (&largest, &value) in largest.iter().zip(*column) {
            *distance = (*distance).max((largest - value).abs().to_bits() as i64);
        }
    }
    let distances = distances
        .into_iter()
        .map(|bits| f64::from_bits(bits as u64));
    let fits: Vec<bool> = distances.clone().map(|distance| distance <= FAR).collect();
    let furthest = distances
        .filter(|&distance| distance <= FAR)
        .fold(0.0, f64::max);
    let scale = UNITS / if furthest > 0.0 { furthest } else { 1.0 };
    let stride = rows.next_multiple_of(FULL);
    let mut units = vec![0; columns.len() * stride];
    for (column, units) in columns.iter().zip(units.chunks_exact_mut(stride.max(1))) {
        for ((units, &largest), &value) in units.iter_mut().zip(&largest).zip(*column) {
            // Adding it rounds to a whole number in the lowest bits.
            const WHOLE: f64 = 6_755_399_441_055_744.0;
            *units = ((value - largest) * scale + WHOLE).to_bits() as i16;
        }
    }
    Narrow {
        rows,
        stride,
        units,
        fits,
        groups: judges(thresholds, scale),
    }
}

fn judges(thresholds: &[f64], scale: f64) -> Vec<(Range<usize>, Judge)> {
    let can_be_reached = |threshold: &&f64| above(**threshold, scale) < i16::MAX;
    let reached = thresholds.iter().take_while(can_be_reached).count();
    let groups = groups(&thresholds[..reached], |values| Cells::of(values, scale));
    let judge = |(range, cells): (Range<usize>, Option<Cells>)| {
        let each = || thresholds[range.clone()].iter().map(|&t| above(t, scale));
        let judge = cells.map_or_else(|| Judge::Each(each().collect()), Judge::Cells);
        (range, judge)
    };
    groups.into_iter().map(judge).collect()
}

#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
fn add_avx512(
    narrow: &Narrow,
    pair: [usize; 2],
    columns: Columns,
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
) {
    add(narrow, pair, columns, thresholds, ahead, count_cells_avx512);
}

#[target_feature(enable = "avx2")]
fn add_avx2(
    narrow: &Narrow,
    pair: [usize; 2],
    columns: Columns,
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
) {
    add(narrow, pair, columns, thresholds, ahead, count_cells_avx2);
}

#[inline(always)]
fn add(
    narrow: &Narrow,
    pair: [usize; 2],
    columns: Columns,
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
    count_cells: CountCells,
) {
    let (rows, stride) = (narrow.rows, narrow.stride);
    let units = pair.map(|column| &narrow.units[column * stride..(column + 1) * stride]);
    for (range, judge) in &narrow.groups {
        let (values, here) = (&thresholds[range.clone()], &mut ahead[range.clone()]);
        let last = here.len() - 1;
        let before = here[last];
        match judge {
            Judge::Each(bounds) => {
                for (at, &above) in bounds.iter().enumerate() {
                    let (value, here) = (&values[at..=at], &mut here[at..=at]);
                    // SAFETY: the caller has the instructions.
                    let (mut counts, in_doubt) = unsafe { count(units, above) };
                    settle(
                        &mut counts,
                        in_doubt,
                        above,
                        magnitude(value[0]),
                        units,
                        columns,
                    );
                    add_passed(&[[counts[0]], [counts[1]]], rows, value, here);
                }
            }
            Judge::Cells(cells) => {
                // SAFETY: as above.
                match unsafe { count_cells(units, columns, cells) } {
                    Some(counts) => add_passed(&counts, rows, values, here),
                    None => add_pair_any(columns[0], columns[1], None, values, here),
                }
            }
        }
        // Who is nowhere ahead by this much is nowhere ahead by more.
        if here[last] == before {
            break;
        }
    }
}

/// Groups of neighbours, as many together as find cells of their own; those that find none stand
/// together without.
fn groups<C>(
    values: &[f64],
    cells: impl Fn(&[f64]) -> Option<C>,
) -> Vec<(Range<usize>, Option<C>)> {
    let mut groups: Vec<(Range<usize>, Option<C>)> = Vec::new();
    let mut start = 0;
    while start < values.len() {
        let most = values.len().min(start + CELLS);
        let found = (start + WORTH_IT..=most)
            .rev()
            .find_map(|end| Some((start..end, cells(&values[start..end])?)));
        let (range, cells) = match found {
            Some((range, cells)) => (range, Some(cells)),
            None => (start..start + 1, None),
        };
        start = range.end;
        match groups.last_mut() {
            Some((last, None)) if cells.is_none() => last.end = start,
            _ => groups.push((range, cells)),
        }
    }
    groups
}

/// From how many rows pass each threshold as their last to how many pass it.
fn add_passed<const C: usize>(
    counts: &[[u64; C]; 2],
    rows: usize,
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
) {
    let mut passed = [0_u64; 2];
    for (at, &threshold) in thresholds.iter().enumerate().rev() {
        passed[0] += counts[0][at];
        passed[1] += counts[1][at];
        let of_rows = rows as u64;
        let both = if threshold > 0.0 {
            passed
        } else {
            [of_rows - passed[1], of_rows - passed[0]]
        };
        ahead[at][0] += both[0];
        ahead[at][1] += both[1];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_leave_out_what_two_roundings_may_move() {
        assert_eq!(above(1.0, 100.0), 101);
        assert_eq!(above(1.0, 100.9), 101);
        assert_eq!(above(1.0, 101.0), 102);
        // N = 1: a difference of one unit may be less.
        assert_eq!(above(-1e-9, 100.0), 1);
        assert_eq!(above(700.0, UNITS), i16::MAX);
    }

    #[test]
    fn columns_that_are_far_or_infinite_are_left_out() {
        let columns: [&[f64]; 4] = [
            &[-1.0, -2.0],
            &[-1.5, -66.1],
            &[-1.0, f64::NEG_INFINITY],
            &[-5.0, -66.0],
        ];
        let narrow = of(&columns, &[1.0]);
        assert_eq!(narrow.fits, [true, false, false, true]);
        assert_eq!(narrow.units[..2], [0, 0]);
        assert_eq!(narrow.units[3 * FULL..][..3], [-2000, -32000, 0]);
        let all_infinite = of(&[&[f64::NEG_INFINITY][..]; 2], &[1.0]);
        assert_eq!(all_infinite.fits, [false; 2]);
        assert!(of(&[&[], &[]], &[1.0]).units.is_empty());
    }

    type Add = unsafe fn(&Narrow, [usize; 2], [&[f64]; 2], &[f64], &mut [[u64; 2]]);

    /// Those that the processor has.
    fn versions() -> Vec<Add> {
        let of_level: [(InstructionSet, Add); 2] = [
            (InstructionSet::Avx2, add_avx2),
            (InstructionSet::Avx512, add_avx512),
        ];
        let has = |(level, add): (InstructionSet, Add)| {
            (level <= InstructionSet::of_processor()).then_some(add)
        };
        of_level.into_iter().filter_map(has).collect()
    }

    /// Row by row, by the one rule.
    fn by_hand(a: &[f64], b: &[f64], threshold: f64) -> [u64; 2] {
        let ahead = |a: &[f64], b: &[f64]| {
            let reaches = |(a, b): &(&f64, &f64)| crate::log_ratio(**a, **b) >= threshold;
            a.iter().zip(b).filter(reaches).count() as u64
        };
        [ahead(a, b), ahead(b, a)]
    }

    /// Of four columns, with ratios of exactly N, close to N, and anywhere; the last column is far
    /// or -inf now and then. How many chunks were counted from the units does not show.
    #[test]
    fn counts_are_those_of_the_log_probabilities() {
        let levels: Vec<f64> = (0..20)
            .map(|k| 0.5 * f64::from(k) * 2.0_f64.ln() - 1e-9)
            .collect();
        let noise = |at: usize| ((at * 7919 + 13) % 1009) as f64 / 1009.0;
        let value = |column: usize, row: usize| match (column, row % 500) {
            (3, 499) => f64::NEG_INFINITY,
            (3, 498) => -900.0,
            // In one half of the rows all ratios are powers of 2 to the half.
            _ if row % 2048 < 1024 => {
                -20.0 - 2.0_f64.ln() * ((row * (column + 1)) % 7) as f64 / 2.0
            }
            (2, at) if at % 3 == 0 => value_near(levels[at % 20]),
            _ => -20.0 - 5.0 * noise(row * 4 + column),
        };
        fn value_near(level: f64) -> f64 {
            -20.0 - level - 1e-7
        }
        for rows in [0, 1, 63, 64, 65, 255, 256, 257, 500, 1000, BLOCK] {
            for start in [0, 1024, 1500] {
                let columns: Vec<Vec<f64>> = (0..4)
                    .map(|column| {
                        (start..start + rows)
                            .map(|row| value(column, row))
                            .collect()
                    })
                    .collect();
                let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
                for count in [1, 3, 4, 13, 16, 20] {
                    compare(&columns, &levels[..count]);
                }
            }
        }
    }

    /// The largest counts there are.
    #[test]
    fn all_rows_of_a_block_may_reach_the_same_threshold() {
        let levels: Vec<f64> = (0..16)
            .map(|k| 0.5 * f64::from(k) * 2.0_f64.ln() - 1e-9)
            .collect();
        for reached in 0..17 {
            let behind = -0.1 - 0.5 * f64::from(reached) * 2.0_f64.ln();
            let columns = [vec![-0.2; BLOCK], vec![behind; BLOCK], vec![-9.0; BLOCK]];
            let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            compare(&columns, &levels);
        }
    }

    fn compare(columns: &[&[f64]], levels: &[f64]) {
        let narrow = of(columns, levels);
        for add in versions() {
            for pair in [[0, 1], [0, 2], [1, 2], [2, 0], [0, 3]] {
                if pair[1] >= columns.len() {
                    continue;
                }
                if !pair.iter().all(|&column| narrow.fits[column]) {
                    assert_eq!(pair[1], 3);
                    continue;
                }
                let own = pair.map(|column| columns[column]);
                let mut found = vec![[7; 2]; levels.len()];
                // SAFETY: the processor has the instructions.
                unsafe { add(&narrow, pair, own, levels, &mut found) };
                for (found, &level) in found.iter().zip(levels) {
                    let expected = by_hand(own[0], own[1], level).map(|n| n + 7);
                    assert_eq!(*found, expected, "{} rows, {pair:?}, {level}", own[0].len());
                }
            }
        }
    }

    /// Levels at equal steps of log N fit cells; where they crowd they are compared one by one.
    #[test]
    fn cells_hold_one_threshold_each() {
        let even: Vec<f64> = (0..16).map(|k| 0.3466 * f64::from(k) - 1e-9).collect();
        let cells = Cells::of(&even, 5000.0).unwrap();
        for (place, &threshold) in even.iter().enumerate() {
            let above = above(threshold, 5000.0);
            for units in [above - 2, above - 1, above] {
                assert_eq!(cells.cell(units), place);
            }
            assert_eq!(
                (cells.above[place], cells.before[place]),
                (above, place as u8)
            );
        }
        assert!(Cells::of(&even, 10.0).is_none());
        assert!(Cells::of(&[1.0; 7], 5000.0).is_none());
        let sizes = |thresholds: &[f64]| {
            let judges = judges(thresholds, 5000.0);
            judges
                .iter()
                .map(|(range, _)| range.len())
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(&even), [16]);
        assert_eq!(sizes(&even[..3]), [3]);
        let further: Vec<f64> = (0..20).map(|k| 0.3 * f64::from(k) - 1e-9).collect();
        assert_eq!(sizes(&further), [16, 4]);
        assert_eq!(sizes(&[1.0; 7]), [7]);
        let integers: Vec<f64> = (1..=40).map(|n| f64::from(n).ln() - 1e-9).collect();
        assert_eq!(sizes(&integers).iter().sum::<usize>(), 40);
        // More than 6.5 nats do not occur.
        assert_eq!(sizes(&[even.clone(), vec![6.6]].concat()), [16]);
        assert_eq!(sizes(&[]), []);
    }
}
