//! Products of a few rows with a matrix that is stored (out, in), as most checkpoints store theirs.
//!
//! A general matrix product first packs such a matrix into another order, which for a few rows
//! costs more than the product itself. Here each output is an inner product of two rows as they
//! lie.

#![allow(
    unsafe_code,
    reason = "vector instructions, which the processor is asked for"
)]

/// Rows of `x` up to which [`linear`] is the faster way (measured: at 32 rows 2.4 times, at 128
/// none).
pub const MOST: usize = 64;

/// The numbers of a product `x W' + b`, all matrices without gaps.
#[derive(Clone, Copy)]
pub struct Product<'a> {
    /// (rows, inputs).
    pub x: &'a [f32],
    /// Number of rows.
    pub rows: usize,
    /// (outputs, inputs), or more.
    pub weight: &'a [f32],
    /// Length of both's rows.
    pub inputs: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// (outputs).
    pub bias: Option<&'a [f32]>,
}

/// Whether the processor has AVX-512.
fn is_known() -> bool {
    #[cfg(target_arch = "x86_64")]
    return breadth_stats::simd::InstructionSet::in_use()
        == breadth_stats::simd::InstructionSet::Avx512;
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// `x W' + b`, (rows, outputs); `None` where the processor lacks AVX-512.
///
/// # Panics
/// If a row lies outside its slice.
pub fn linear(product: Product) -> Option<Vec<f32>> {
    #[cfg(target_arch = "x86_64")]
    if is_known() {
        let size = |rows: usize, cols: usize| rows.checked_mul(cols).expect("too large");
        assert!(size(product.rows, product.inputs) <= product.x.len());
        assert!(size(product.outputs, product.inputs) <= product.weight.len());
        assert!(
            product
                .bias
                .is_none_or(|bias| bias.len() == product.outputs)
        );
        let mut out = vec![0.0; size(product.rows, product.outputs)];
        // SAFETY: the processor has AVX-512, and every row was found to lie in its slice.
        unsafe { avx512::fill(&mut out, product) };
        return Some(out);
    }
    None
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use std::arch::x86_64::{
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_loadu_ps, _mm512_maskz_loadu_ps,
        _mm512_reduce_add_ps, _mm512_setzero_ps,
    };

    use super::Product;

    /// Numbers in a register.
    const LANES: usize = 16;
    /// Rows and outputs of a block: 24 sums, which with what they are made of fill the 32
    /// registers.
    const ROWS: usize = 4;
    const OUTPUTS: usize = 6;

    /// # Safety
    /// Every row must lie in its slice, and `out` must have `rows * outputs` numbers.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn fill(out: &mut [f32], product: Product) {
        let outputs = product.outputs;
        let mut column = 0;
        while column < outputs {
            let wide = column + OUTPUTS <= outputs;
            let mut row = 0;
            while row < product.rows {
                let tall = row + ROWS <= product.rows;
                // SAFETY: the block's rows and outputs exist.
                unsafe {
                    match (tall, wide) {
                        (true, true) => block::<ROWS, OUTPUTS>(out, product, row, column),
                        (true, false) => block::<ROWS, 1>(out, product, row, column),
                        (false, true) => block::<1, OUTPUTS>(out, product, row, column),
                        (false, false) => block::<1, 1>(out, product, row, column),
                    }
                }
                row += if tall { ROWS } else { 1 };
            }
            column += if wide { OUTPUTS } else { 1 };
        }
    }

    /// # Safety
    /// As [`fill`], for the rows `row..row + R` and outputs `column..column + C`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn block<const R: usize, const C: usize>(
        out: &mut [f32],
        product: Product,
        row: usize,
        column: usize,
    ) {
        // SAFETY: the caller's promise; the mask keeps the last load inside the row.
        unsafe {
            let x = product.x.as_ptr().add(row * product.inputs);
            let w = product.weight.as_ptr().add(column * product.inputs);
            let mut sums = [[_mm512_setzero_ps(); C]; R];
            let whole = product.inputs / LANES * LANES;
            let mut at = 0;
            while at < whole {
                let weights: [_; C] =
                    std::array::from_fn(|c| _mm512_loadu_ps(w.add(c * product.inputs + at)));
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = _mm512_loadu_ps(x.add(r * product.inputs + at));
                    for (sum, &weight) in sums.iter_mut().zip(&weights) {
                        *sum = _mm512_fmadd_ps(x, weight, *sum);
                    }
                }
                at += LANES;
            }
            let mask = ((1u32 << (product.inputs - whole)) - 1) as u16;
            for (r, sums) in sums.iter_mut().enumerate() {
                let rest = _mm512_maskz_loadu_ps(mask, x.add(r * product.inputs + whole));
                for (c, sum) in sums.iter_mut().enumerate() {
                    let from = w.add(c * product.inputs + whole);
                    let weight = _mm512_mask_loadu_ps(_mm512_setzero_ps(), mask, from);
                    let total = _mm512_reduce_add_ps(_mm512_fmadd_ps(rest, weight, *sum));
                    let bias = product.bias.map_or(0.0, |bias| bias[column + c]);
                    out[(row + r) * product.outputs + column + c] = total + bias;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_remainder_equals_a_plain_loop() {
        let number = |i: usize| (i * 37 % 23) as f32 / 8.0 - 1.0;
        for (rows, outputs, inputs) in [
            (1, 1, 1),
            (4, 6, 16),
            (5, 7, 17),
            (3, 5, 15),
            (9, 13, 40),
            (32, 18, 64),
            (0, 3, 4),
        ] {
            let x: Vec<f32> = (0..rows * inputs).map(number).collect();
            let weight: Vec<f32> = (0..outputs * inputs).map(number).collect();
            let bias: Vec<f32> = (0..outputs).map(number).collect();
            let Some(out) = linear(Product {
                x: &x,
                rows,
                weight: &weight,
                inputs,
                outputs,
                bias: Some(&bias),
            }) else {
                assert!(!is_known(), "nothing came of a product that is known");
                continue;
            };
            assert_eq!(out.len(), rows * outputs);
            for (i, &value) in out.iter().enumerate() {
                let (r, c) = (i / outputs, i % outputs);
                let term = |k: usize| x[r * inputs + k] * weight[c * inputs + k];
                let exact: f32 = (0..inputs).map(term).sum::<f32>() + bias[c];
                assert!(
                    (value - exact).abs() < 1e-4 * (1.0 + exact.abs()),
                    "{value} {exact}"
                );
            }
        }
    }
}
