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

use std::arch::x86_64::*;
use std::ops::Range;

use super::cells::{CELLS, WORTH_IT, add_passed, groups, magnitude};
use super::pair::{BLOCK, add_pair_any};
use crate::simd::InstructionSet;

/// Rows of a step.
const STEP: usize = 32;
/// Rows that are counted again, for one threshold, where one of them is in doubt.
const CHUNK: usize = 2 * STEP;
/// Rows of a pair in a block that are judged by themselves, for many thresholds, before the rest is
/// left to the loop over log-probabilities.
const MOST_IN_DOUBT: u32 = BLOCK as u32 / 16;
/// The largest distance from a row's largest value, in units.
const UNITS: f64 = 32_000.0;
/// Columns further below a row's largest value than so many nats are not written in units, which
/// would be coarse for all.
const FAR: f64 = 64.0;
/// What rounding in `f64` may add to an error of a unit, with room.
const SLACK: f64 = 1e-3;
/// More units than [`above`] say that a threshold is reached, and so many fewer that it is not.
const DOUBT: i16 = 3;
/// The bit of a code that says that the second of a pair is ahead; the lower ones say how many
/// thresholds it reaches.
const SECOND: u8 = 32;

/// A difference of more units than this reaches the threshold for certain, and one of [`DOUBT`]
/// fewer does not. The largest number if no difference reaches it.
fn above(threshold: f64, scale: f64) -> i16 {
    // Conversion saturates.
    (magnitude(threshold) * scale + 1.0 + SLACK).floor() as i16
}

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

/// Thresholds with a cell for each, as in [`super::cells`], in units.
///
/// The cell of x units is `min(15, (max(0, x - start) multiplier) >> 16)`. What is in doubt for a
/// threshold is all in its cell.
#[derive(Debug)]
struct Cells {
    start: u16,
    multiplier: u16,
    /// [`above`] of each cell's threshold, the largest number where there is none.
    above: [i16; CELLS],
    /// Thresholds in earlier cells.
    before: [u8; CELLS],
    /// What a log-probability must be ahead by, ascending.
    magnitudes: Vec<f64>,
}

impl Cells {
    /// If there are cells enough.
    fn of(thresholds: &[f64], scale: f64) -> Option<Cells> {
        let magnitudes: Vec<f64> = thresholds.iter().copied().map(magnitude).collect();
        let gaps = magnitudes.windows(2).map(|pair| pair[1] - pair[0]);
        let width = scale * gaps.fold(f64::INFINITY, f64::min);
        let mut cells = Cells {
            start: (magnitudes[0] * scale - 0.5 * width).max(0.0) as u16,
            multiplier: (65_536.0 / width).ceil() as u16,
            above: [i16::MAX; CELLS],
            before: [0; CELLS],
            magnitudes,
        };
        for (place, &threshold) in thresholds.iter().enumerate() {
            let above = above(threshold, scale);
            let cell = cells.cell(above);
            let is_whole = cells.cell(above + 1 - DOUBT) == cell;
            if !is_whole || cells.above[cell] != i16::MAX {
                return None;
            }
            cells.above[cell] = above;
            for before in &mut cells.before[cell + 1..] {
                *before = place as u8 + 1;
            }
        }
        Some(cells)
    }

    /// As the vector loops find it.
    fn cell(&self, units: i16) -> usize {
        let from_start = (units.max(0) as u16).saturating_sub(self.start);
        let cell = (u32::from(from_start) * u32::from(self.multiplier)) >> 16;
        (cell as usize).min(CELLS - 1)
    }

    /// The code of a row in doubt.
    #[cold]
    fn code(&self, [a, b]: [f64; 2]) -> u8 {
        let difference = a - b;
        let reached = self.magnitudes.partition_point(|&m| m <= difference.abs());
        reached as u8 | if difference < 0.0 { SECOND } else { 0 }
    }
}

impl Narrow {
    /// Of columns of equal length, at most a block, and ascending thresholds; `None` where it is
    /// not worth it for so many pairs.
    pub(super) fn of(columns: &[&[f64]], thresholds: &[f64], pairs: usize) -> Option<Narrow> {
        if pairs * thresholds.len() < 4 * columns.len() {
            return None;
        }
        match InstructionSet::in_use() {
            // Cells of wider numbers are as fast there.
            InstructionSet::Avx512 if thresholds.len() >= WORTH_IT => None,
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
        columns: [&[f64]; 2],
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
    for (at, largest) in largest.chunks_mut(CHUNK).enumerate() {
        let chunk = at * CHUNK..at * CHUNK + largest.len();
        for column in columns {
            for (largest, &value) in largest.iter_mut().zip(&column[chunk.clone()]) {
                *largest = if value > *largest { value } else { *largest };
            }
        }
        for (column, distance) in columns.iter().zip(&mut distances) {
            // The bits of numbers without a sign are in their order, NaN (where all are -inf) last.
            for (&largest, &value) in largest.iter().zip(&column[chunk.clone()]) {
                *distance = (*distance).max((largest - value).abs().to_bits() as i64);
            }
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
    let stride = rows.next_multiple_of(CHUNK);
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
    columns: [&[f64]; 2],
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
) {
    add(narrow, pair, columns, thresholds, ahead, count_avx512);
}

#[target_feature(enable = "avx2")]
fn add_avx2(
    narrow: &Narrow,
    pair: [usize; 2],
    columns: [&[f64]; 2],
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
) {
    add(narrow, pair, columns, thresholds, ahead, count_avx2);
}

/// Counts one threshold.
type Count = unsafe fn([&[i16]; 2], i16) -> ([u64; 2], u32);

#[inline(always)]
fn add(
    narrow: &Narrow,
    pair: [usize; 2],
    columns: [&[f64]; 2],
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
    count: Count,
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
                    let (counts, mut in_doubt) = unsafe { count(units, above) };
                    let mut clear = rows;
                    while in_doubt != 0 {
                        let start = CHUNK * in_doubt.trailing_zeros() as usize;
                        in_doubt &= in_doubt - 1;
                        let stop = rows.min(start + CHUNK);
                        let (a, b) = (&columns[0][start..stop], &columns[1][start..stop]);
                        add_pair_any(a, b, None, value, here);
                        clear -= stop - start;
                    }
                    add_passed(&[[counts[0]], [counts[1]]], clear, value, here);
                }
            }
            Judge::Cells(cells) => {
                let mut codes = [0; BLOCK];
                // SAFETY: as above.
                let judged = unsafe { code_avx2(units, columns, cells, &mut codes) };
                // SAFETY: as above.
                let counts =
                    unsafe { tally(&codes[..judged.next_multiple_of(STEP)], values.len()) };
                add_passed(&counts, judged, values, here);
                if judged < rows {
                    add_pair_any(
                        &columns[0][judged..],
                        &columns[1][judged..],
                        None,
                        values,
                        here,
                    );
                }
            }
        }
        // Who is nowhere ahead by this much is nowhere ahead by more.
        if here[last] == before {
            break;
        }
    }
}

/// How many of the codes are each of the thresholds reached last, by side.
#[target_feature(enable = "avx2")]
fn tally(codes: &[u8], thresholds: usize) -> [[u64; CELLS]; 2] {
    /// Counted at a time: additions to one number wait for each other.
    const TOGETHER: usize = 4;
    let mut counts = [[0; CELLS]; 2];
    for (side, counts) in counts.iter_mut().enumerate() {
        for first in (0..thresholds).step_by(TOGETHER) {
            let code =
                |at: usize| _mm256_set1_epi8((first + at + 1 + side * SECOND as usize) as i8);
            let wanted: [__m256i; TOGETHER] = std::array::from_fn(code);
            // A block has fewer steps than a byte counts.
            let mut equal = [_mm256_setzero_si256(); TOGETHER];
            for step in codes.chunks_exact(STEP) {
                // SAFETY: the step's bytes.
                let own = unsafe { _mm256_loadu_si256(step.as_ptr().cast()) };
                for (equal, &wanted) in equal.iter_mut().zip(&wanted) {
                    *equal = _mm256_sub_epi8(*equal, _mm256_cmpeq_epi8(own, wanted));
                }
            }
            for (count, equal) in counts[first..].iter_mut().zip(equal) {
                *count = sum_bytes(equal);
            }
        }
    }
    counts
}

/// Of 32 numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn sum_bytes(numbers: __m256i) -> u64 {
    let sums = _mm256_sad_epu8(numbers, _mm256_setzero_si256());
    let mut lanes = [0_u64; 4];
    // SAFETY: room for 4 numbers of 64 bits.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sums) };
    lanes.iter().sum()
}

/// On how many rows of the clear chunks each is ahead by more units than `above`, and the chunks
/// with a row in doubt, a bit for each.
#[target_feature(enable = "avx2")]
fn count_avx2([a, b]: [&[i16]; 2], above: i16) -> ([u64; 2], u32) {
    let bounds = [above, above - DOUBT].map(|bound| _mm256_set1_epi16(bound));
    let below = _mm256_set1_epi16(-above);
    let mut totals = [_mm256_setzero_si256(); 2];
    let mut in_doubt = 0;
    for (chunk, (a, b)) in a.chunks_exact(CHUNK).zip(b.chunks_exact(CHUNK)).enumerate() {
        let (mut first, mut second, mut reach) = (totals[0], totals[1], _mm256_setzero_si256());
        for at in (0..CHUNK).step_by(16) {
            // SAFETY: within the chunk.
            let [x, y] = unsafe { [load(a.as_ptr().add(at)), load(b.as_ptr().add(at))] };
            let d = _mm256_sub_epi16(x, y);
            first = _mm256_sub_epi16(first, _mm256_cmpgt_epi16(d, bounds[0]));
            second = _mm256_sub_epi16(second, _mm256_cmpgt_epi16(below, d));
            reach = _mm256_sub_epi16(reach, _mm256_cmpgt_epi16(_mm256_abs_epi16(d), bounds[1]));
        }
        let before = _mm256_add_epi16(totals[0], totals[1]);
        let clear = _mm256_sub_epi16(_mm256_add_epi16(first, second), before);
        let doubt = _mm256_xor_si256(reach, clear);
        if _mm256_testz_si256(doubt, doubt) == 1 {
            totals = [first, second];
        } else {
            in_doubt |= 1 << chunk;
        }
    }
    (totals.map(|total| sum(total)), in_doubt)
}

/// # Safety
/// 16 numbers stand there.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load(at: *const i16) -> __m256i {
    // SAFETY: the caller's.
    unsafe { _mm256_loadu_si256(at.cast()) }
}

/// Of 16 numbers of at least 0.
#[inline]
#[target_feature(enable = "avx2")]
fn sum(numbers: __m256i) -> u64 {
    let pairs = _mm256_madd_epi16(numbers, _mm256_set1_epi16(1));
    let mut sums = [0_i32; 8];
    // SAFETY: room for 8 numbers of 32 bits.
    unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), pairs) };
    sums.iter().map(|&sum| sum as u64).sum()
}

/// Writes the code of each row: how many of the thresholds it reaches, and [`SECOND`]. Returns for
/// how many rows: all of them, if not too many are in doubt.
#[target_feature(enable = "avx2")]
fn code_avx2(
    [a, b]: [&[i16]; 2],
    columns: [&[f64]; 2],
    cells: &Cells,
    codes: &mut [u8; BLOCK],
) -> usize {
    let tables = Tables::of(cells);
    let mut doubts = Doubts::new(columns, cells);
    let steps = a.chunks_exact(STEP).zip(b.chunks_exact(STEP));
    for ((a, b), codes) in steps.zip(codes.chunks_exact_mut(STEP)) {
        // SAFETY: within the step.
        let (low, high) = unsafe {
            (
                tables.judge(load(a.as_ptr()), load(b.as_ptr())),
                tables.judge(load(a.as_ptr().add(16)), load(b.as_ptr().add(16))),
            )
        };
        let in_order = |bytes| _mm256_permute4x64_epi64::<0b11_01_10_00>(bytes);
        let bytes = in_order(_mm256_packus_epi16(low.0, high.0));
        // SAFETY: room for a step.
        unsafe { _mm256_storeu_si256(codes.as_mut_ptr().cast(), bytes) };
        let doubt = in_order(_mm256_packs_epi16(low.1, high.1));
        if !doubts.settle(_mm256_movemask_epi8(doubt) as u32, codes) {
            break;
        }
    }
    doubts.judged()
}

/// [`Cells`] in registers.
struct Tables {
    start: __m256i,
    multiplier: __m256i,
    above_low: __m256i,
    above_high: __m256i,
    before: __m256i,
}

impl Tables {
    #[target_feature(enable = "avx2")]
    fn of(cells: &Cells) -> Tables {
        let twice = |bytes: [u8; CELLS]| {
            // SAFETY: 16 bytes.
            unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(bytes.as_ptr().cast())) }
        };
        Tables {
            start: _mm256_set1_epi16(cells.start as i16),
            multiplier: _mm256_set1_epi16(cells.multiplier as i16),
            above_low: twice(cells.above.map(|above| above as u8)),
            above_high: twice(cells.above.map(|above| (above >> 8) as u8)),
            before: twice(cells.before),
        }
    }

    /// The codes of 16 rows, and which are in doubt.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn judge(&self, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
        let d = _mm256_sub_epi16(a, b);
        let size = _mm256_abs_epi16(d);
        let from_start = _mm256_subs_epu16(size, self.start);
        let cell = _mm256_mulhi_epu16(from_start, self.multiplier);
        let cell = _mm256_min_epu16(cell, _mm256_set1_epi16(CELLS as i16 - 1));
        // An index with its highest bit set finds 0.
        let low = _mm256_or_si256(cell, _mm256_set1_epi16(i16::MIN));
        let high = _mm256_or_si256(_mm256_slli_epi16::<8>(cell), _mm256_set1_epi16(0x80));
        let low = _mm256_shuffle_epi8(self.above_low, low);
        let above = _mm256_or_si256(low, _mm256_shuffle_epi8(self.above_high, high));
        let over = _mm256_sub_epi16(size, above);
        let reached = _mm256_cmpgt_epi16(over, _mm256_setzero_si256());
        let may_be = _mm256_cmpgt_epi16(over, _mm256_set1_epi16(-DOUBT));
        // The first cell has none before it: the high bytes find 0.
        let count = _mm256_sub_epi16(_mm256_shuffle_epi8(self.before, cell), reached);
        let second = _mm256_set1_epi16(i16::from(SECOND));
        let side = _mm256_and_si256(_mm256_srli_epi16::<10>(d), second);
        (
            _mm256_or_si256(count, side),
            _mm256_andnot_si256(reached, may_be),
        )
    }
}

/// Settles rows in doubt by their log-probabilities, as far as it is worth it.
struct Doubts<'a> {
    columns: [&'a [f64]; 2],
    cells: &'a Cells,
    /// Rows judged.
    rows: usize,
    settled: u32,
}

impl<'a> Doubts<'a> {
    fn new(columns: [&'a [f64]; 2], cells: &'a Cells) -> Doubts<'a> {
        Doubts {
            columns,
            cells,
            rows: 0,
            settled: 0,
        }
    }

    /// Corrects the codes of a step's rows in doubt, a bit for each; whether to go on.
    #[inline(always)]
    fn settle(&mut self, in_doubt: u32, codes: &mut [u8]) -> bool {
        let start = self.rows;
        self.rows += STEP;
        in_doubt == 0 || self.settle_some(start, in_doubt, codes)
    }

    #[cold]
    fn settle_some(&mut self, start: usize, mut in_doubt: u32, codes: &mut [u8]) -> bool {
        self.settled += in_doubt.count_ones();
        while in_doubt != 0 {
            let at = in_doubt.trailing_zeros() as usize;
            in_doubt &= in_doubt - 1;
            // Beyond the last row nothing is ahead.
            if let (Some(&a), Some(&b)) = (
                self.columns[0].get(start + at),
                self.columns[1].get(start + at),
            ) {
                codes[at] = self.cells.code([a, b]);
            }
        }
        self.settled <= MOST_IN_DOUBT
    }

    fn judged(&self) -> usize {
        self.rows.min(self.columns[0].len())
    }
}

/// [`count_avx2`], twice as wide.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
fn count_avx512([a, b]: [&[i16]; 2], above: i16) -> ([u64; 2], u32) {
    let bounds = [above, -above, above - DOUBT].map(|bound| _mm512_set1_epi16(bound));
    let one = _mm512_set1_epi16(1);
    let mut totals = [_mm512_setzero_si512(); 2];
    let mut in_doubt = 0;
    for (chunk, (a, b)) in a.chunks_exact(CHUNK).zip(b.chunks_exact(CHUNK)).enumerate() {
        let [mut first, mut second] = totals;
        let mut doubt = 0;
        for at in (0..CHUNK).step_by(STEP) {
            // SAFETY: within the chunk.
            let (x, y) = unsafe {
                (
                    _mm512_loadu_epi16(a.as_ptr().add(at)),
                    _mm512_loadu_epi16(b.as_ptr().add(at)),
                )
            };
            let d = _mm512_sub_epi16(x, y);
            let is_first = _mm512_cmpgt_epi16_mask(d, bounds[0]);
            let is_second = _mm512_cmpgt_epi16_mask(bounds[1], d);
            let may_be = _mm512_cmpgt_epi16_mask(_mm512_abs_epi16(d), bounds[2]);
            first = _mm512_mask_add_epi16(first, is_first, first, one);
            second = _mm512_mask_add_epi16(second, is_second, second, one);
            doubt |= may_be ^ (is_first | is_second);
        }
        if doubt == 0 {
            totals = [first, second];
        } else {
            in_doubt |= 1 << chunk;
        }
    }
    let sum = |total| {
        let halves = [
            _mm512_castsi512_si256(total),
            _mm512_extracti64x4_epi64::<1>(total),
        ];
        sum(halves[0]) + sum(halves[1])
    };
    (totals.map(sum), in_doubt)
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
        assert_eq!(narrow.units[3 * CHUNK..][..3], [-2000, -32000, 0]);
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
        let levels: Vec<f64> = (0..13)
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
            (2, at) if at % 3 == 0 => value_near(levels[at % 13]),
            _ => -20.0 - 5.0 * noise(row * 4 + column),
        };
        fn value_near(level: f64) -> f64 {
            -20.0 - level - 1e-7
        }
        for rows in [0, 1, 63, 64, 65, 500, 1000, BLOCK] {
            for start in [0, 1024, 1500] {
                let columns: Vec<Vec<f64>> = (0..4)
                    .map(|column| {
                        (start..start + rows)
                            .map(|row| value(column, row))
                            .collect()
                    })
                    .collect();
                let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
                for count in [1, 3, 4, 13] {
                    compare(&columns, &levels[..count]);
                }
            }
        }
    }

    fn compare(columns: &[&[f64]], levels: &[f64]) {
        let narrow = of(columns, levels);
        for add in versions() {
            for pair in [[0, 1], [0, 2], [1, 2], [2, 0], [0, 3]] {
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
        // More than 6.5 nats do not occur.
        assert_eq!(sizes(&[even.clone(), vec![6.6]].concat()), [16]);
        assert_eq!(sizes(&[]), []);
    }
}
