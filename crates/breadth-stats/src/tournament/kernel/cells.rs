//! Many thresholds at once: each difference is put into a cell that holds one threshold at most, so
//! that one comparison finds how many it passes.

#![allow(
    unsafe_code,
    reason = "vector instructions, behind what the processor has"
)]

use std::ops::Range;

/// Cells of a group.
pub(super) const CELLS: usize = 16;
/// From this many thresholds on, cells are faster than one comparison for each.
pub(super) const WORTH_IT: usize = 5;

/// Ascending thresholds and how they are compared, which follows from their values.
#[derive(Clone, Debug)]
pub(super) struct Thresholds {
    pub(super) values: Vec<f64>,
    /// Covers all of them, in order; a range without cells is compared one by one.
    pub(super) groups: Vec<(Range<usize>, Option<Cells>)>,
}

/// A group of thresholds with one cell for each.
///
/// The cell of x >= 0 is `round(clamp(x scale + offset, 0, 15))`. Every step of it is monotone,
/// rounding included, so a threshold in an earlier cell than that of x is passed for certain and
/// one in a later cell is not; the one in its own cell is compared.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    pub(super) scale: f64,
    pub(super) offset: f64,
    /// The threshold of each cell, NaN where there is none.
    pub(super) threshold: [f64; CELLS],
    /// Thresholds in earlier cells.
    pub(super) before: [u8; CELLS],
}

impl PartialEq for Thresholds {
    fn eq(&self, other: &Thresholds) -> bool {
        self.values == other.values
    }
}

impl Thresholds {
    /// From ascending values.
    pub(super) fn new(values: Vec<f64>) -> Thresholds {
        Thresholds {
            groups: groups(&values, Cells::of),
            values,
        }
    }
}

/// Groups of neighbours, as many together as find cells of their own; those that find none stand
/// together without.
pub(super) fn groups<C>(
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

/// The magnitude that a difference must reach. A threshold of 0 or less is reached by all but those
/// that the other side is ahead of by more than its magnitude: the next number above it counts
/// these.
pub(super) fn magnitude(threshold: f64) -> f64 {
    if threshold > 0.0 {
        threshold
    } else {
        threshold.abs().next_up()
    }
}

impl Cells {
    /// Cells as wide as the least gap, if there are enough of them.
    fn of(thresholds: &[f64]) -> Option<Cells> {
        let magnitudes: Vec<f64> = thresholds.iter().copied().map(magnitude).collect();
        let gaps = magnitudes.windows(2).map(|pair| pair[1] - pair[0]);
        let scale = (1.0 + 1e-9) / gaps.fold(f64::INFINITY, f64::min);
        let mut cells = Cells {
            scale,
            offset: -magnitudes[0] * scale,
            threshold: [f64::NAN; CELLS],
            before: [0; CELLS],
        };
        if !(scale > 0.0 && scale.is_finite() && cells.offset.is_finite()) {
            return None;
        }
        for &magnitude in &magnitudes {
            let cell = &mut cells.threshold[cells.cell(magnitude)];
            if !cell.is_nan() {
                return None;
            }
            *cell = magnitude;
        }
        for cell in 1..CELLS {
            let own = u8::from(!cells.threshold[cell - 1].is_nan());
            cells.before[cell] = cells.before[cell - 1] + own;
        }
        Some(cells)
    }

    /// The cell of a magnitude, as the vector loop finds it.
    fn cell(&self, x: f64) -> usize {
        let last = (CELLS - 1) as f64;
        x.mul_add(self.scale, self.offset)
            .clamp(0.0, last)
            .round_ties_even() as usize
    }
}

/// Adds to `ahead` (thresholds of the group * 2) the rows where a is ahead of b by each, and where
/// b is ahead of a.
///
/// A register holds 16 counters of 4 bits for each of 8 rows, one counter per threshold passed
/// last; before they overflow they are spread over bytes, and at the end of the block over 16 bits
/// and summed. At most 1920 rows.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
pub(super) fn add_counts(
    a: &[f64],
    b: &[f64],
    cells: &Cells,
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
) {
    use std::arch::x86_64::*;
    assert!(a.len() == b.len() && a.len() <= 15 * 16 * 8);
    let shifts = cells.before.map(|before| 4 * (i64::from(before) - 1));
    // SAFETY: arrays of 16 numbers of 64 bits.
    let (t0, t1, s0, s1) = unsafe {
        (
            _mm512_loadu_pd(cells.threshold.as_ptr()),
            _mm512_loadu_pd(cells.threshold.as_ptr().add(8)),
            _mm512_loadu_epi64(shifts.as_ptr()),
            _mm512_loadu_epi64(shifts.as_ptr().add(8)),
        )
    };
    let (scale, offset) = (_mm512_set1_pd(cells.scale), _mm512_set1_pd(cells.offset));
    let (zero, last) = (_mm512_setzero_pd(), _mm512_set1_pd((CELLS - 1) as f64));
    // Adding it rounds to a whole number in the lowest bits.
    let whole = _mm512_set1_pd(6_755_399_441_055_744.0);
    let (one, four) = (_mm512_set1_epi64(1), _mm512_set1_epi64(4));
    let (low_nibbles, low_bytes) = (_mm512_set1_epi8(15), _mm512_set1_epi16(255));
    let none = _mm512_setzero_si512();
    // [first ahead, second ahead][even counters, odd counters]
    let mut bytes = [[none; 2]; 2];
    let mut start = 0;
    while start < a.len() {
        let stop = a.len().min(start + 15 * 8);
        let (mut first, mut second) = (none, none);
        while start < stop {
            let left = stop - start;
            // SAFETY: the mask leaves out what lies beyond the rows.
            let (x, y) = unsafe {
                if left >= 8 {
                    (
                        _mm512_loadu_pd(a.as_ptr().add(start)),
                        _mm512_loadu_pd(b.as_ptr().add(start)),
                    )
                } else {
                    let mask = (1_u8 << left) - 1;
                    (
                        _mm512_maskz_loadu_pd(mask, a.as_ptr().add(start)),
                        _mm512_maskz_loadu_pd(mask, b.as_ptr().add(start)),
                    )
                }
            };
            let d = _mm512_sub_pd(x, y);
            let size = _mm512_abs_pd(d);
            let at = _mm512_fmadd_pd(size, scale, offset);
            let at = _mm512_max_pd(_mm512_min_pd(at, last), zero);
            let cell = _mm512_castpd_si512(_mm512_add_pd(at, whole));
            let threshold = _mm512_permutex2var_pd(t0, cell, t1);
            let shift = _mm512_permutex2var_epi64(s0, cell, s1);
            let passed = _mm512_cmp_pd_mask::<_CMP_GE_OQ>(size, threshold);
            let shift = _mm512_mask_add_epi64(shift, passed, shift, four);
            // A shift below 0 is one by far too much: it leaves nothing.
            let hit = _mm512_sllv_epi64(one, shift);
            // Both false where both are -inf.
            let is_first = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(d, zero);
            let is_second = _mm512_cmp_pd_mask::<_CMP_LT_OQ>(d, zero);
            first = _mm512_mask_add_epi64(first, is_first, first, hit);
            second = _mm512_mask_add_epi64(second, is_second, second, hit);
            start += 8;
        }
        start = stop;
        for (side, nibbles) in [first, second].into_iter().enumerate() {
            let even = _mm512_and_si512(nibbles, low_nibbles);
            let odd = _mm512_and_si512(_mm512_srli_epi64::<4>(nibbles), low_nibbles);
            bytes[side][0] = _mm512_add_epi8(bytes[side][0], even);
            bytes[side][1] = _mm512_add_epi8(bytes[side][1], odd);
        }
    }
    // Counters 0, 4, 8, 12 from the even bytes of the even nibbles, and so on.
    let mut counts = [[0_u64; CELLS]; 2];
    for side in 0..2 {
        for parity in 0..2 {
            let even = _mm512_and_si512(bytes[side][parity], low_bytes);
            let odd = _mm512_srli_epi16::<8>(bytes[side][parity]);
            let sums = [
                _mm512_reduce_add_epi64(even) as u64,
                _mm512_reduce_add_epi64(odd) as u64,
            ];
            for lane in 0..4 {
                for (byte, sum) in sums.iter().enumerate() {
                    counts[side][4 * lane + 2 * byte + parity] = sum >> (16 * lane) & 0xffff;
                }
            }
        }
    }
    add_passed(&counts, a.len(), thresholds, ahead);
}

/// From how many rows pass each threshold as their last to how many pass it.
#[cfg(target_arch = "x86_64")]
pub(super) fn add_passed<const C: usize>(
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

    /// Levels at equal steps of log N fit one group; where they crowd, groups are smaller; a few
    /// are compared one by one.
    #[test]
    fn groups_cover_all_thresholds_in_order() {
        let even = |steps: i32| {
            (0..steps)
                .map(|k| 0.5 * f64::from(k) - 1e-9)
                .collect::<Vec<f64>>()
        };
        let sizes = |values: Vec<f64>| {
            let groups = Thresholds::new(values).groups;
            groups
                .iter()
                .map(|(range, cells)| (range.len(), cells.is_some()))
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(even(16)), [(16, true)]);
        assert_eq!(sizes(even(20)), [(16, true), (4, false)]);
        assert_eq!(sizes(even(3)), [(3, false)]);
        assert_eq!(sizes(vec![]), []);
        let integers: Vec<f64> = (1..=40).map(|n| f64::from(n).ln() - 1e-9).collect();
        let covered: usize = sizes(integers).iter().map(|(size, _)| size).sum();
        assert_eq!(covered, 40);
        // The same one twice has no cell of its own.
        assert_eq!(sizes(vec![1.0; 7]), [(7, false)]);
    }
}
