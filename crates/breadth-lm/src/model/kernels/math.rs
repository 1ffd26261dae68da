//! Elementwise and row-wise arithmetic that the compiler vectorises.
//!
//! Sums run over [`LANES`] independent accumulators in a fixed order, so a result depends on the
//! data alone, never on the thread count. Everything here is `#[inline(always)]`: the caller is a
//! [`vectorized`](crate::vectorized) function, which is compiled once per instruction set.

/// Independent accumulators of a reduction: one AVX-512 register of `f32`.
pub const LANES: usize = 16;

const LOG2_E: f32 = std::f32::consts::LOG2_E;
// ln 2 in two parts, so that `x - n * ln 2` keeps its last bits.
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;
// Adding and subtracting 1.5 * 2^23 rounds to the nearest integer without a branch or a call.
const ROUND: f32 = 12_582_912.0;

/// `e^x` to about 1e-7 relative, saturating below 1e-38 and above 1e38.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let n = x.mul_add(LOG2_E, ROUND) - ROUND;
    let r = n.mul_add(-LN2_HI, x);
    let r = n.mul_add(-LN2_LO, r);
    let mut p = 1.987_569_1e-4_f32;
    p = p.mul_add(r, 1.398_199_9e-3);
    p = p.mul_add(r, 8.333_452e-3);
    p = p.mul_add(r, 4.166_579_6e-2);
    p = p.mul_add(r, 0.166_666_66);
    p = p.mul_add(r, 0.5);
    let p = (p * r).mul_add(r, r) + 1.0;
    // SAFETY of the value: |n| <= 127, so the exponent field stays in range.
    p * f32::from_bits((((n as i32) + 127) as u32) << 23)
}

/// Logistic function `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// Distribution function of the standard normal distribution, `(1 + erf(x / sqrt 2)) / 2`, to about
/// 1e-7.
///
/// Source: Abramowitz and Stegun, 7.1.26.
#[inline(always)]
pub fn normal_cdf(x: f32) -> f32 {
    let z = (x * std::f32::consts::FRAC_1_SQRT_2).abs();
    let t = 1.0 / 0.327_591_1_f32.mul_add(z, 1.0);
    let mut p = 1.061_405_4_f32;
    p = p.mul_add(t, -1.453_152);
    p = p.mul_add(t, 1.421_413_7);
    p = p.mul_add(t, -0.284_496_74);
    p = p.mul_add(t, 0.254_829_6);
    let tail = 0.5 * p * t * exp(-z * z);
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// Folds `f(i)` over `0..n` into [`LANES`] accumulators and adds them up.
#[inline(always)]
fn fold_sum(n: usize, f: impl Fn(usize) -> f32) -> f32 {
    let mut acc = [0.0f32; LANES];
    let blocks = n / LANES;
    for b in 0..blocks {
        for (l, a) in acc.iter_mut().enumerate() {
            *a += f(b * LANES + l);
        }
    }
    let mut tail = 0.0;
    for i in blocks * LANES..n {
        tail += f(i);
    }
    acc.iter().sum::<f32>() + tail
}

/// Sum of a slice.
#[inline(always)]
pub fn sum(x: &[f32]) -> f32 {
    fold_sum(x.len(), |i| x[i])
}

/// Sum of `(x - mean)^2`.
#[inline(always)]
pub fn sum_squared_deviation(x: &[f32], mean: f32) -> f32 {
    fold_sum(x.len(), |i| (x[i] - mean) * (x[i] - mean))
}

/// Inner product of two slices of one length.
#[inline(always)]
pub fn dot(x: &[f32], y: &[f32]) -> f32 {
    let y = &y[..x.len()];
    fold_sum(x.len(), |i| x[i] * y[i])
}

/// Largest element; `-inf` for an empty slice.
#[inline(always)]
pub fn max(x: &[f32]) -> f32 {
    let mut acc = [f32::NEG_INFINITY; LANES];
    let mut blocks = x.chunks_exact(LANES);
    for block in &mut blocks {
        for (a, &v) in acc.iter_mut().zip(block) {
            *a = if v > *a { v } else { *a };
        }
    }
    let mut m = f32::NEG_INFINITY;
    for &v in acc.iter().chain(blocks.remainder()) {
        m = if v > m { v } else { m };
    }
    m
}

/// Replaces `x` by `e^(x - shift)` and returns the sum.
#[inline(always)]
pub fn exp_in_place(x: &mut [f32], shift: f32) -> f32 {
    for v in x.iter_mut() {
        *v = exp(*v - shift);
    }
    sum(x)
}

/// Sum of `e^(x - shift)`.
#[inline(always)]
pub fn sum_exp(x: &[f32], shift: f32) -> f32 {
    fold_sum(x.len(), |i| exp(x[i] - shift))
}

/// Replaces a row by its softmax.
#[inline(always)]
pub fn softmax_in_place(x: &mut [f32]) {
    let shift = max(x);
    let scale = 1.0 / exp_in_place(x, shift);
    for v in x.iter_mut() {
        *v *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_accurate_to_single_precision() {
        let worst = (-8600..8700)
            .map(|i| i as f32 / 100.0)
            .map(|x| ((f64::from(exp(x)) / f64::from(x).exp()) - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2.5e-7, "worst relative error {worst}");
        assert!(exp(f32::NEG_INFINITY) < 2e-38);
        assert!((exp(0.0) - 1.0).abs() == 0.0);
    }

    #[test]
    fn tanh_and_the_normal_distribution_are_accurate_to_single_precision() {
        // erf by its Taylor series in f64, which converges everywhere.
        let erf = |x: f64| {
            let (mut term, mut sum) = (x, x);
            for n in 1..200 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            2.0 / std::f64::consts::PI.sqrt() * sum
        };
        for i in -600..=600 {
            let x = i as f32 / 100.0;
            assert!((f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 3e-7);
            let exact = 0.5 * (1.0 + erf(f64::from(x) / 2f64.sqrt()));
            assert!((f64::from(normal_cdf(x)) - exact).abs() < 3e-7, "{x}");
        }
        assert_eq!(
            (normal_cdf(40.0), normal_cdf(-40.0)),
            (1.0, normal_cdf(-40.0).min(1e-30))
        );
    }

    #[test]
    fn reductions_agree_with_plain_loops_at_every_length() {
        for n in 0..70 {
            let x: Vec<f32> = (0..n).map(|i| ((i * 37 % 11) as f32) - 5.0).collect();
            assert_eq!(sum(&x), x.iter().sum::<f32>());
            assert_eq!(dot(&x, &x), x.iter().map(|v| v * v).sum::<f32>());
            assert_eq!(max(&x), x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }

    #[test]
    fn softmax_rows_sum_to_one_and_survive_large_inputs() {
        let mut x = vec![1e4, 1e4 - 1.0, -1e4];
        softmax_in_place(&mut x);
        assert!((sum(&x) - 1.0).abs() < 1e-6);
        assert!((x[0] - 0.731_058_6).abs() < 1e-6);
    }
}
