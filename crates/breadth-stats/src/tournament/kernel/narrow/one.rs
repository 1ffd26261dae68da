//! Counting one threshold.

#![allow(
    unsafe_code,
    reason = "vector instructions, behind what the processor has"
)]

use std::arch::x86_64::*;

use super::{BLOCK, Columns, DOUBT, Units};

/// Rows among which those in doubt are looked for where there is one.
const CHUNK: usize = 64;
const _: () = assert!(BLOCK / CHUNK <= u32::BITS as usize);

/// Counts one threshold.
pub(super) type Count = unsafe fn(Units, i16) -> ([u64; 2], u32);

/// On how many rows each is ahead by more units than `above`, and the chunks with a row in doubt, a
/// bit for each.
#[target_feature(enable = "avx2")]
pub(super) fn count_avx2([a, b]: Units, above: i16) -> ([u64; 2], u32) {
    let bounds = [above, above - DOUBT].map(|bound| _mm256_set1_epi16(bound));
    let below = _mm256_set1_epi16(-above);
    let mut totals = [_mm256_setzero_si256(); 2];
    let mut in_doubt = 0;
    for (chunk, (a, b)) in a.chunks_exact(CHUNK).zip(b.chunks_exact(CHUNK)).enumerate() {
        let before = _mm256_add_epi16(totals[0], totals[1]);
        let mut may_be = before;
        for at in (0..CHUNK).step_by(16) {
            // SAFETY: within the chunk.
            let d = unsafe { _mm256_sub_epi16(load(&a[at..]), load(&b[at..])) };
            totals[0] = _mm256_sub_epi16(totals[0], _mm256_cmpgt_epi16(d, bounds[0]));
            totals[1] = _mm256_sub_epi16(totals[1], _mm256_cmpgt_epi16(below, d));
            may_be = _mm256_sub_epi16(may_be, _mm256_cmpgt_epi16(_mm256_abs_epi16(d), bounds[1]));
        }
        let reached = _mm256_add_epi16(totals[0], totals[1]);
        let doubt = _mm256_xor_si256(may_be, reached);
        in_doubt |= u32::from(_mm256_testz_si256(doubt, doubt) == 0) << chunk;
    }
    (totals.map(|total| sum(total)), in_doubt)
}

/// # Safety
/// There are 16 numbers.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load(numbers: &[i16]) -> __m256i {
    // SAFETY: the caller's.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
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

/// [`count_avx2`], twice as wide.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
pub(super) fn count_avx512([a, b]: Units, above: i16) -> ([u64; 2], u32) {
    let bounds = [above, -above, above - DOUBT].map(|bound| _mm512_set1_epi16(bound));
    let one = _mm512_set1_epi16(1);
    let mut totals = [_mm512_setzero_si512(); 2];
    let mut in_doubt = 0;
    for (chunk, (a, b)) in a.chunks_exact(CHUNK).zip(b.chunks_exact(CHUNK)).enumerate() {
        let mut doubt = 0;
        for at in (0..CHUNK).step_by(32) {
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
            totals[0] = _mm512_mask_add_epi16(totals[0], is_first, totals[0], one);
            totals[1] = _mm512_mask_add_epi16(totals[1], is_second, totals[1], one);
            doubt |= may_be ^ (is_first | is_second);
        }
        in_doubt |= u32::from(doubt != 0) << chunk;
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

/// Adds the rows in doubt by their log-probabilities; `magnitude`: what these must differ by.
#[inline(always)]
pub(super) fn settle(
    counts: &mut [u64; 2],
    mut in_doubt: u32,
    above: i16,
    magnitude: f64,
    units: Units,
    columns: Columns,
) {
    while in_doubt != 0 {
        let start = CHUNK * in_doubt.trailing_zeros() as usize;
        in_doubt &= in_doubt - 1;
        let mut rows = 0_u64;
        for at in 0..CHUNK {
            let size = (units[0][start + at] - units[1][start + at]).abs();
            rows |= u64::from((above - DOUBT < size) & (size <= above)) << at;
        }
        while rows != 0 {
            let row = start + rows.trailing_zeros() as usize;
            rows &= rows - 1;
            // Beyond the last row nothing is ahead.
            if let (Some(a), Some(b)) = (columns[0].get(row), columns[1].get(row)) {
                let difference = a - b;
                counts[0] += u64::from(difference >= magnitude);
                counts[1] += u64::from(-difference >= magnitude);
            }
        }
    }
}
