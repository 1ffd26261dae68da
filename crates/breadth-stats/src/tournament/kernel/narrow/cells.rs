//! Many thresholds at once: each difference is put into a cell that holds one threshold at most, so
//! that one comparison finds how many it reaches.

#![allow(
    unsafe_code,
    reason = "vector instructions, behind what the processor has"
)]

use std::arch::x86_64::*;

use super::one::{load, sum};
use super::units::{Columns, DOUBT, Units, above, magnitude};
use crate::tournament::kernel::pair::BLOCK;

/// Cells of a group.
pub(super) const CELLS: usize = 16;
/// Parts of a cell, as a power of two, and the last of all.
pub(super) const PARTS_BITS: u32 = 4;
pub(super) const LAST_PART: u32 = ((CELLS as u32) << PARTS_BITS) - 1;
/// Rows of a step.
pub(super) const STEP: usize = 32;
/// Rows of a pair in a block that are judged by themselves before the block is left to the loop over
/// log-probabilities.
const MOST_IN_DOUBT: u32 = BLOCK as u32 / 16;
/// The bit of a code that says that the second of a pair is ahead; the lower ones say how many
/// thresholds it reaches.
const SECOND: u8 = 32;

/// How many rows reach each threshold as their last, where the first of a pair is ahead and where
/// the second is.
pub(super) type Counts = [[u64; CELLS]; 2];

/// Counts a group of thresholds; `None` if too many rows are in doubt.
pub(super) type CountCells = unsafe fn(Units, Columns, &Cells) -> Option<Counts>;

/// Thresholds with a cell for each, in units.
///
/// The cell of x units is `min(255, (max(0, x - start) multiplier + 2^14) >> 15) >> 4`: a cell has
/// sixteen parts, so that the multiplier has digits enough. What is in doubt for a threshold is all
/// in its cell.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) start: u16,
    pub(super) multiplier: u16,
    /// [`above`] of each cell's threshold, the largest number where there is none.
    pub(super) above: [i16; CELLS],
    /// Thresholds in earlier cells.
    pub(super) before: [u8; CELLS],
    /// What a log-probability must be ahead by, ascending.
    magnitudes: Vec<f64>,
}

impl Cells {
    /// If there are cells enough.
    pub(super) fn of(thresholds: &[f64], scale: f64) -> Option<Cells> {
        let magnitudes: Vec<f64> = thresholds.iter().copied().map(magnitude).collect();
        let gaps = magnitudes.windows(2).map(|pair| pair[1] - pair[0]);
        let width = scale * gaps.fold(f64::INFINITY, f64::min);
        let multiplier = (32_768.0 * f64::from(1 << PARTS_BITS) / width).ceil();
        if multiplier > 32_767.0 {
            return None;
        }
        let mut cells = Cells {
            start: (magnitudes[0] * scale - 0.5 * width).max(0.0) as u16,
            multiplier: multiplier as u16,
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
    pub(super) fn cell(&self, units: i16) -> usize {
        let from_start = u32::from((units.max(0) as u16).saturating_sub(self.start));
        let part = (from_start * u32::from(self.multiplier) + (1 << 14)) >> 15;
        (part.min(LAST_PART) >> PARTS_BITS) as usize
    }
}

/// The rows in doubt.
pub(super) struct InDoubt {
    /// Of each step, a bit for each row.
    pub(super) rows: [u32; BLOCK / STEP],
    /// A bit for each step that has any.
    pub(super) steps: u64,
}

impl InDoubt {
    pub(super) fn none() -> InDoubt {
        InDoubt {
            rows: [0; BLOCK / STEP],
            steps: 0,
        }
    }

    #[inline(always)]
    fn add(&mut self, step: usize, rows: u32) {
        self.rows[step] = rows;
        self.steps |= u64::from(rows != 0) << step;
    }
}

/// The counts with those of the rows in doubt, by their log-probabilities; `None` if these are too
/// many.
pub(super) fn settled(
    mut counts: Counts,
    in_doubt: &InDoubt,
    units: Units,
    columns: Columns,
    cells: &Cells,
) -> Option<Counts> {
    let mut settled = 0;
    let mut steps = in_doubt.steps;
    while steps != 0 {
        let step = steps.trailing_zeros() as usize;
        steps &= steps - 1;
        let mut rows = in_doubt.rows[step];
        settled += rows.count_ones();
        if settled > MOST_IN_DOUBT {
            return None;
        }
        while rows != 0 {
            let row = step * STEP + rows.trailing_zeros() as usize;
            rows &= rows - 1;
            // Beyond the last row nothing is ahead.
            if let (Some(a), Some(b)) = (columns[0].get(row), columns[1].get(row)) {
                let difference = a - b;
                let before = cells.before[cells.cell((units[0][row] - units[1][row]).abs())];
                let own = u8::from(difference.abs() >= cells.magnitudes[usize::from(before)]);
                if let Some(last) = usize::from(before + own).checked_sub(1) {
                    counts[usize::from(difference < 0.0)][last] += 1;
                }
            }
        }
    }
    Some(counts)
}

/// By codes of a byte for each row.
#[target_feature(enable = "avx2")]
pub(super) fn count_cells_avx2(units: Units, columns: Columns, cells: &Cells) -> Option<Counts> {
    let mut codes = [0; BLOCK];
    let in_doubt = code(units, cells, &mut codes);
    let counts = tally(&codes[..units[0].len()], cells.magnitudes.len());
    settled(counts, &in_doubt, units, columns, cells)
}

/// Writes the code of each row: how many of the thresholds it reaches, and [`SECOND`]; 0 for those
/// in doubt, which it returns.
#[target_feature(enable = "avx2")]
fn code([a, b]: Units, cells: &Cells, codes: &mut [u8; BLOCK]) -> InDoubt {
    let tables = Tables::of(cells);
    let mut in_doubt = InDoubt::none();
    let steps = a.chunks_exact(STEP).zip(b.chunks_exact(STEP));
    let out = codes.chunks_exact_mut(STEP);
    for (step, ((a, b), codes)) in steps.zip(out).enumerate() {
        // SAFETY: within the step.
        let (low, high) = unsafe {
            (
                tables.judge(load(a), load(b)),
                tables.judge(load(&a[16..]), load(&b[16..])),
            )
        };
        let in_order = |bytes| _mm256_permute4x64_epi64::<0b11_01_10_00>(bytes);
        let doubt = in_order(_mm256_packs_epi16(low.1, high.1));
        let bytes = in_order(_mm256_packus_epi16(low.0, high.0));
        let bytes = _mm256_andnot_si256(doubt, bytes);
        // SAFETY: room for a step.
        unsafe { _mm256_storeu_si256(codes.as_mut_ptr().cast(), bytes) };
        in_doubt.add(step, _mm256_movemask_epi8(doubt) as u32);
    }
    in_doubt
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
        let cell = _mm256_mulhrs_epi16(_mm256_subs_epu16(size, self.start), self.multiplier);
        let cell = _mm256_min_epu16(cell, _mm256_set1_epi16(LAST_PART as i16));
        let cell = _mm256_srli_epi16::<{ PARTS_BITS as i32 }>(cell);
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

/// How many of the codes are each of the thresholds reached last, by side.
#[target_feature(enable = "avx2")]
fn tally(codes: &[u8], thresholds: usize) -> Counts {
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
                *count = sum(equal);
            }
        }
    }
    counts
}
