//! Counting many thresholds with AVX-512: each row sets the bit of the threshold it reaches last,
//! and bits that stand at one place are added as the digits of a binary number.

#![allow(
    unsafe_code,
    reason = "vector instructions, behind what the processor has"
)]

use std::arch::x86_64::*;

use super::cells::{CELLS, Cells, Counts, InDoubt, LAST_PART, PARTS_BITS, STEP, settled};
use super::units::{Columns, DOUBT, FULL, Units};
use crate::tournament::kernel::pair::BLOCK;

/// Steps whose bits are added together.
const TOGETHER: usize = 1 << TREE;
const TREE: usize = 3;
const DIGITS: usize = 7;
const _: () = assert!(TOGETHER * STEP == FULL && BLOCK / STEP < 1 << DIGITS && DIGITS <= 8);

/// Counters of the 16 bits of each word of a register: `digits[k]` has the digit of 2^k of each.
///
/// Two operations add three bits at every place: a digit, and two of its value that came in turn.
/// So half of what comes reaches the second digit, a quarter the third (a tree of carry-save
/// adders, after Harley and Seal).
struct Planes {
    digits: [__m512i; DIGITS],
    /// The first of two of a digit's value.
    waiting: [__m512i; TREE],
}

impl Planes {
    #[target_feature(enable = "avx512f")]
    fn new() -> Planes {
        Planes {
            digits: [_mm512_setzero_si512(); DIGITS],
            waiting: [_mm512_setzero_si512(); TREE],
        }
    }

    /// `at`: 0, 1 .. [`TOGETHER`] - 1 in turn.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn add(&mut self, at: usize, bits: __m512i) {
        let mut carry = bits;
        for (power, (digit, waiting)) in self.digits.iter_mut().zip(&mut self.waiting).enumerate() {
            if at >> power & 1 == 0 {
                *waiting = carry;
                return;
            }
            let sum = _mm512_ternarylogic_epi64::<0x96>(*digit, *waiting, carry);
            carry = _mm512_ternarylogic_epi64::<0xe8>(*digit, *waiting, carry);
            *digit = sum;
        }
        for digit in &mut self.digits[TREE..] {
            let next = _mm512_and_si512(*digit, carry);
            *digit = _mm512_xor_si512(*digit, carry);
            carry = next;
        }
    }

    /// How often each bit was set.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn counts(&self) -> [u64; CELLS] {
        let mut digits = [_mm512_setzero_si512(); 8];
        digits[..DIGITS].copy_from_slice(&self.digits);
        let mut places = transposed(digits);
        let one = _mm512_set1_epi16(1);
        for counts in &mut places {
            // Both as 16 bits of one number: each total is at most a block's rows.
            let low = _mm512_madd_epi16(_mm512_and_si512(*counts, _mm512_set1_epi16(255)), one);
            let high = _mm512_madd_epi16(_mm512_srli_epi16::<8>(*counts), one);
            *counts = _mm512_or_si512(low, _mm512_slli_epi32::<16>(high));
        }
        let sums = add_places(places);
        let mut counts = [0; CELLS];
        for (place, sum) in sums.into_iter().enumerate() {
            counts[place] = u64::from(sum & 0xffff);
            counts[place + 8] = u64::from(sum >> 16);
        }
        counts
    }
}

/// From digits of counters to the counters themselves: bit i of a byte of register k becomes bit k
/// of that byte of register i. In a word the low byte then counts one bit and the high byte the one
/// eight places on.
#[target_feature(enable = "avx512f,avx512bw")]
fn transposed(mut rows: [__m512i; 8]) -> [__m512i; 8] {
    for (distance, mask) in [(4, 0x0f), (2, 0x33), (1, 0x55)] {
        let (mask, by) = (_mm512_set1_epi8(mask), _mm_cvtsi32_si128(distance));
        for at in (0..8).filter(|at| at & distance == 0) {
            let (low, high) = (at as usize, (at + distance) as usize);
            let moved = _mm512_xor_si512(_mm512_srl_epi16(rows[low], by), rows[high]);
            let moved = _mm512_and_si512(moved, mask);
            rows[high] = _mm512_xor_si512(rows[high], moved);
            rows[low] = _mm512_xor_si512(rows[low], _mm512_sll_epi16(moved, by));
        }
    }
    rows
}

/// The sum of the 16 numbers in each register.
#[target_feature(enable = "avx512f")]
fn add_places([a, b, c, d, e, f, g, h]: [__m512i; 8]) -> [u32; 8] {
    let two = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let four =
        |ab, cd| _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let abcd = four(two(a, b), two(c, d));
    let efgh = four(two(e, f), two(g, h));
    let low = _mm512_shuffle_i64x2::<0b01_00_01_00>(abcd, efgh);
    let high = _mm512_shuffle_i64x2::<0b11_10_11_10>(abcd, efgh);
    // abcd twice, then efgh twice.
    let sums = _mm512_add_epi32(low, high);
    let halves = _mm512_shuffle_i64x2::<0b10_10_10_00>(sums, sums);
    let others = _mm512_shuffle_i64x2::<0b11_11_11_01>(sums, sums);
    let mut out = [0; 16];
    // SAFETY: 16 numbers.
    unsafe { _mm512_storeu_epi32(out.as_mut_ptr().cast(), _mm512_add_epi32(halves, others)) };
    std::array::from_fn(|at| out[at])
}

/// A register to look up what stands for each cell.
#[target_feature(enable = "avx512f,avx512bw")]
fn table(of_cells: [i16; CELLS]) -> __m512i {
    let mut all = [0; 2 * CELLS];
    all[..CELLS].copy_from_slice(&of_cells);
    // SAFETY: 32 numbers of 16 bits.
    unsafe { _mm512_loadu_epi16(all.as_ptr()) }
}

/// [`Cells`] in registers.
struct Tables {
    start: __m512i,
    multiplier: __m512i,
    above: __m512i,
    /// The bit of the last threshold that is reached in each cell by who does not reach its own,
    /// and by who does.
    bits: [__m512i; 2],
}

impl Tables {
    #[target_feature(enable = "avx512f,avx512bw")]
    fn of(cells: &Cells) -> Tables {
        let bit = |reached: u8| ((1_u32 << reached) >> 1) as i16;
        Tables {
            start: _mm512_set1_epi16(cells.start as i16),
            multiplier: _mm512_set1_epi16(cells.multiplier as i16),
            above: table(cells.above),
            bits: [0, 1].map(|own| table(cells.before.map(|before| bit(before + own)))),
        }
    }

    /// The bit of the threshold that each row reaches last, none for a row in doubt; the same for
    /// those rows where the second is ahead; and which rows are not in doubt.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn judge(&self, a: __m512i, b: __m512i) -> (__m512i, __m512i, u32) {
        let d = _mm512_sub_epi16(a, b);
        let size = _mm512_abs_epi16(d);
        let cell = _mm512_mulhrs_epi16(_mm512_subs_epu16(size, self.start), self.multiplier);
        let cell = _mm512_min_epu16(cell, _mm512_set1_epi16(LAST_PART as i16));
        let cell = _mm512_srli_epi16::<PARTS_BITS>(cell);
        // Below 0 where the threshold is reached: large without a sign, as where it is clearly
        // missed.
        let missing = _mm512_sub_epi16(_mm512_permutexvar_epi16(cell, self.above), size);
        let clear = _mm512_cmpge_epu16_mask(missing, _mm512_set1_epi16(DOUBT));
        let reached = _mm512_movepi16_mask(missing);
        let bits = _mm512_maskz_permutexvar_epi16(clear, cell, self.bits[0]);
        let bits = _mm512_mask_permutexvar_epi16(bits, reached, cell, self.bits[1]);
        let second = _mm512_maskz_mov_epi16(_mm512_movepi16_mask(d), bits);
        (bits, second, clear)
    }
}

/// By a bit for each row and threshold.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
pub(super) fn count_cells_avx512(units: Units, columns: Columns, cells: &Cells) -> Option<Counts> {
    let (counts, in_doubt) = count_clear(units, cells);
    settled(counts, &in_doubt, units, columns, cells)
}

/// How many rows that are not in doubt reach each threshold as their last, by side, and which are
/// in doubt, a bit for each.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
fn count_clear([a, b]: Units, cells: &Cells) -> (Counts, InDoubt) {
    let tables = Tables::of(cells);
    let (mut both, mut second) = (Planes::new(), Planes::new());
    let mut in_doubt = InDoubt::none();
    let parts = a.chunks_exact(FULL).zip(b.chunks_exact(FULL));
    for (part, (a, b)) in parts.enumerate() {
        for at in 0..TOGETHER {
            // SAFETY: within the part.
            let (x, y) = unsafe {
                (
                    _mm512_loadu_epi16(a.as_ptr().add(at * STEP)),
                    _mm512_loadu_epi16(b.as_ptr().add(at * STEP)),
                )
            };
            let (of_both, of_second, clear) = tables.judge(x, y);
            in_doubt.rows[part * TOGETHER + at] = !clear;
            both.add(at, of_both);
            second.add(at, of_second);
        }
    }
    for (at, rows) in in_doubt.rows.chunks_exact(16).enumerate() {
        // SAFETY: 16 numbers.
        let rows = unsafe { _mm512_loadu_epi32(rows.as_ptr().cast()) };
        in_doubt.steps |= u64::from(_mm512_test_epi32_mask(rows, rows)) << (16 * at);
    }
    let (mut first, second) = (both.counts(), second.counts());
    for (first, second) in first.iter_mut().zip(second) {
        *first -= second;
    }
    ([first, second], in_doubt)
}
