//! One pair of columns, one block of rows, several levels: the loops that the compiler vectorises.

#![allow(
    unsafe_code,
    reason = "vector instructions, behind what the processor has"
)]

#[cfg(target_arch = "x86_64")]
use crate::simd::InstructionSet;

/// Rows per block: a pair of blocks (32 KiB) fits the first-level cache, 64 columns in units of 16
/// bits (256 KiB) the second-level one.
pub(super) const BLOCK: usize = 2048;

/// Thresholds compared in one pass over the differences.
const TOGETHER: usize = 4;

/// Adds, for every threshold, the weight of the rows where a is ahead of b by it or more, and of
/// those where b is ahead of a.
///
/// `ahead`: (thresholds * 2).
pub(super) fn add_pair(
    a: &[f64],
    b: &[f64],
    weights: Option<&[u64]>,
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
) {
    #[cfg(target_arch = "x86_64")]
    match InstructionSet::in_use() {
        // SAFETY: the processor has the instructions.
        InstructionSet::Avx512 => {
            return unsafe { add_pair_avx512(a, b, weights, thresholds, ahead) };
        }
        // SAFETY: as above.
        InstructionSet::Avx2 => {
            return unsafe { add_pair_avx2(a, b, weights, thresholds, ahead) };
        }
        InstructionSet::Baseline => {}
    }
    add_pair_any(a, b, weights, thresholds, ahead);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
fn add_pair_avx512(
    a: &[f64],
    b: &[f64],
    weights: Option<&[u64]>,
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
) {
    add_pair_any(a, b, weights, thresholds, ahead);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn add_pair_avx2(
    a: &[f64],
    b: &[f64],
    weights: Option<&[u64]>,
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
) {
    add_pair_any(a, b, weights, thresholds, ahead);
}

#[inline(always)]
pub(super) fn add_pair_any(
    a: &[f64],
    b: &[f64],
    weights: Option<&[u64]>,
    thresholds: &[f64],
    ahead: &mut [[u64; 2]],
) {
    let mut at = 0;
    // No closures here: they would be compiled for the least of processors.
    while at < thresholds.len() {
        let rest = &thresholds[at..];
        let together = if rest.len() >= TOGETHER && rest[0] > 0.0 {
            TOGETHER
        } else {
            1
        };
        let last = at + together - 1;
        let before = ahead[last];
        let here = &mut ahead[at..];
        match (&rest[..together], weights) {
            (&[t], None) if t <= 0.0 => add_counts::<1, true>(a, b, [t], here),
            (&[t], Some(w)) if t <= 0.0 => add_weights::<1, true>(a, b, w, [t], here),
            (&[t0, t1, t2, t3], None) => add_counts::<4, false>(a, b, [t0, t1, t2, t3], here),
            (&[t0, t1, t2, t3], Some(w)) => {
                add_weights::<4, false>(a, b, w, [t0, t1, t2, t3], here)
            }
            (_, None) => add_counts::<1, false>(a, b, [rest[0]], here),
            (_, Some(w)) => add_weights::<1, false>(a, b, w, [rest[0]], here),
        }
        // Who is nowhere ahead by this much is nowhere ahead by more.
        if ahead[last] == before {
            break;
        }
        at += together;
    }
}

/// Written so that the compiler vectorises it: one plain loop, integer sums, no branch.
///
/// The difference is NaN only where both are -inf: ratio 1, ahead by a threshold of 0 or less
/// (`NAN`) and by no other.
#[inline(always)]
fn add_counts<const L: usize, const NAN: bool>(
    a: &[f64],
    b: &[f64],
    thresholds: [f64; L],
    ahead: &mut [[u64; 2]],
) {
    let (mut first, mut second) = ([0_u64; L], [0_u64; L]);
    for (&a, &b) in a.iter().zip(b) {
        let d = a - b;
        for level in 0..L {
            let t = thresholds[level];
            first[level] += u64::from(d >= t || NAN && d.is_nan());
            second[level] += u64::from(d <= -t || NAN && d.is_nan());
        }
    }
    add(ahead, &first, &second);
}

#[inline(always)]
fn add_weights<const L: usize, const NAN: bool>(
    a: &[f64],
    b: &[f64],
    weights: &[u64],
    thresholds: [f64; L],
    ahead: &mut [[u64; 2]],
) {
    let (mut first, mut second) = ([0_u64; L], [0_u64; L]);
    for ((&a, &b), &weight) in a.iter().zip(b).zip(weights) {
        let d = a - b;
        for level in 0..L {
            let t = thresholds[level];
            first[level] += if d >= t || NAN && d.is_nan() {
                weight
            } else {
                0
            };
            second[level] += if d <= -t || NAN && d.is_nan() {
                weight
            } else {
                0
            };
        }
    }
    add(ahead, &first, &second);
}

#[inline(always)]
fn add(ahead: &mut [[u64; 2]], first: &[u64], second: &[u64]) {
    for ((ahead, first), second) in ahead.iter_mut().zip(first).zip(second) {
        ahead[0] += first;
        ahead[1] += second;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type AddPair = fn(&[f64], &[f64], Option<&[u64]>, &[f64], &mut [[u64; 2]]);

    fn value(row: usize, salt: usize) -> f64 {
        match (row * 7 + salt) % 11 {
            0 => f64::NEG_INFINITY,
            v => -(v as f64) * 2.0_f64.ln(),
        }
    }

    /// Row by row, by the one rule.
    fn by_hand(a: &[f64], b: &[f64], weights: Option<&[u64]>, threshold: f64) -> [u64; 2] {
        let ahead = |a: &[f64], b: &[f64]| {
            let behind = |&row: &usize| crate::log_ratio(a[row], b[row]) >= threshold;
            let rows = (0..a.len()).filter(behind);
            rows.map(|row| weights.map_or(1, |w| w[row])).sum()
        };
        [ahead(a, b), ahead(b, a)]
    }

    fn compare_versions(versions: &[AddPair], rows: usize, thresholds: &[f64]) {
        let a: Vec<f64> = (0..rows).map(|row| value(row, 3)).collect();
        let b: Vec<f64> = (0..rows).map(|row| value(row * row, 5)).collect();
        let units: Vec<u64> = (0..rows as u64).map(|row| 1 + row % 5).collect();
        for weights in [None, Some(&units[..])] {
            let expected: Vec<[u64; 2]> = thresholds
                .iter()
                .map(|&t| by_hand(&a, &b, weights, t))
                .collect();
            for version in versions {
                let mut found = vec![[0; 2]; thresholds.len()];
                version(&a, &b, weights, thresholds, &mut found);
                assert_eq!(found, expected, "{rows} rows, {thresholds:?}");
            }
        }
    }

    /// Every compiled version of the loop gives the counts by hand, for any number of levels, also
    /// where the rows do not fill a register.
    #[test]
    fn all_instruction_sets_agree() {
        let mut versions: Vec<AddPair> = vec![add_pair, add_pair_any];
        #[cfg(target_arch = "x86_64")]
        if InstructionSet::of_processor() >= InstructionSet::Avx2 {
            // SAFETY: the processor has the instructions.
            versions.push(|a, b, w, t, ahead| unsafe { add_pair_avx2(a, b, w, t, ahead) });
        }
        let uneven = [-1e-9, 0.69, 1.3862943601, 2.0, 3.0, 4.1, 5.5, 6.0, 6.9];
        // Ratios of the values are powers of two: thresholds at, just below and just above them.
        let even: Vec<f64> = (0..20).map(|k| 0.5 * f64::from(k) * 2.0_f64.ln()).collect();
        let ladders = [
            uneven.to_vec(),
            even.iter().map(|t| t - 1e-9).collect(),
            even.clone(),
            even.iter().map(|t| t.next_up()).collect(),
            even[1..].iter().map(|t| t.next_down()).collect(),
            (1..30).map(|n| f64::from(n).ln() - 1e-9).collect(),
        ];
        for rows in [0, 1, 7, 8, 9, 33, 119, 120, 121, 1000, BLOCK] {
            for ladder in &ladders {
                for levels in 0..=ladder.len() {
                    compare_versions(&versions, rows, &ladder[..levels]);
                }
            }
        }
    }
}
