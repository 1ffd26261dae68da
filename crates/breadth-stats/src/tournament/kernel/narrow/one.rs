//! Counting one threshold.

#![allow(
    unsafe_code,
    reason = "vector instructions, behind what the processor has"
)]

use std::arch::x86_64::*;

use super::units::{Columns, DOUBT, Units};
use crate::tournament::kernel::pair::BLOCK;

/// Rows among which those in doubt are looked for where there is one.
const CHUNK: usize = 64;
const _: () = assert!(BLOCK / CHUNK <= u32::BITS as usize && BLOCK / 32 <= 64);

/// On how many rows each is ahead by more units than `above`, and the chunks with a row in doubt, a
/// bit for each.
///
/// Differences are saturated to bytes where nothing but their sign and what is close to the
/// threshold counts. A byte holds the counts of a block: one of 32 rows in each step.
#[target_feature(enable = "avx2")]
pub(super) fn count([a, b]: Units, above: i16) -> ([u64; 2], u32) {
    let bound = _mm256_set1_epi16(above);
    let (zero, doubtful) = (_mm256_setzero_si256(), _mm256_set1_epi8(DOUBT as i8 - 1));
    // Rows that reach it; and how many more times the first does than the second.
    let (mut both, mut more) = (zero, zero);
    let mut in_doubt = 0;
    for (chunk, (a, b)) in a.chunks_exact(CHUNK).zip(b.chunks_exact(CHUNK)).enumerate() {
        let mut least = _mm256_set1_epi8(-1);
        for at in (0..CHUNK).step_by(32) {
            // SAFETY: within the chunk.
            let (c, d) = unsafe {
                (
                    _mm256_sub_epi16(load(&a[at..]), load(&b[at..])),
                    _mm256_sub_epi16(load(&a[at + 16..]), load(&b[at + 16..])),
                )
            };
            let missing = _mm256_packs_epi16(
                _mm256_sub_epi16(bound, _mm256_abs_epi16(c)),
                _mm256_sub_epi16(bound, _mm256_abs_epi16(d)),
            );
            // -1 where it is reached.
            let reached = _mm256_cmpgt_epi8(zero, missing);
            both = _mm256_sub_epi8(both, reached);
            more = _mm256_sub_epi8(more, _mm256_sign_epi8(reached, _mm256_packs_epi16(c, d)));
            least = _mm256_min_epu8(least, missing);
        }
        let doubt = _mm256_cmpeq_epi8(_mm256_min_epu8(least, doubtful), least);
        in_doubt |= u32::from(_mm256_testz_si256(doubt, doubt) == 0) << chunk;
    }
    let both = sum(both);
    // Of numbers from -64 to 64.
    let more = sum(_mm256_add_epi8(more, _mm256_set1_epi8(64))) as i64 - 32 * 64;
    let first = (both as i64 + more) as u64 / 2;
    ([first, both - first], in_doubt)
}

/// # Safety
/// There are 16 numbers.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn load(numbers: &[i16]) -> __m256i {
    // SAFETY: the caller's.
    unsafe { _mm256_loadu_si256(numbers.as_ptr().cast()) }
}

/// Of 32 numbers from 0 to 255.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn sum(numbers: __m256i) -> u64 {
    let sums = _mm256_sad_epu8(numbers, _mm256_setzero_si256());
    let mut lanes = [0_u64; 4];
    // SAFETY: room for 4 numbers of 64 bits.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sums) };
    lanes.iter().sum()
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
