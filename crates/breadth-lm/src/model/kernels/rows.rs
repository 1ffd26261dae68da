//! Operations that treat each row on its own: normalisation, activations, rotary positions, log-softmax,
//! embeddings.

use super::RotaryTable;
use super::math;
use crate::model::activation::Activation;
use crate::vectorized;

const GELU_C: f32 = 0.797_884_6; // sqrt(2 / pi)
const GELU_A: f32 = 0.044_715;
const INV_SQRT_2_PI: f32 = 0.398_942_3;

/// Mean and `1 / sqrt(var + epsilon)` of a row.
#[inline(always)]
fn moments(x: &[f32], epsilon: f32) -> (f32, f32) {
    let n = x.len() as f32;
    let mean = math::sum(x) / n;
    let variance = math::sum_squared_deviation(x, mean) / n;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

vectorized! {
    /// Layer normalisation of every row of `x`.
    pub fn layer_norm(x: &[f32], gain: &[f32], bias: &[f32], epsilon: f32) -> Vec<f32> {
        let width = gain.len();
        let mut out = vec![0.0; x.len()];
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            let (mean, scale) = moments(x, epsilon);
            for (((o, x), g), b) in out.iter_mut().zip(x).zip(gain).zip(bias) {
                *o = ((x - mean) * scale).mul_add(*g, *b);
            }
        }
        out
    }
}

vectorized! {
    /// `(dx, dgain, dbias)` of [`layer_norm`].
    pub fn layer_norm_backward(x: &[f32], gain: &[f32], epsilon: f32, grad: &[f32]) -> [Vec<f32>; 3] {
        let width = gain.len();
        let mut dx = vec![0.0; x.len()];
        let (mut dgain, mut dbias) = (vec![0.0f32; width], vec![0.0f32; width]);
        let mut normal = vec![0.0f32; width];
        let mut scaled = vec![0.0f32; width];
        let rows = x.chunks_exact(width).zip(grad.chunks_exact(width));
        for ((x, grad), dx) in rows.zip(dx.chunks_exact_mut(width)) {
            let (mean, scale) = moments(x, epsilon);
            for i in 0..width {
                normal[i] = (x[i] - mean) * scale;
                scaled[i] = grad[i] * gain[i];
                dgain[i] = grad[i].mul_add(normal[i], dgain[i]);
                dbias[i] += grad[i];
            }
            let mean_scaled = math::sum(&scaled) / width as f32;
            let mean_product = math::dot(&scaled, &normal) / width as f32;
            for i in 0..width {
                dx[i] = scale * (scaled[i] - mean_scaled - normal[i] * mean_product);
            }
        }
        [dx, dgain, dbias]
    }
}

vectorized! {
    /// RMS normalisation of every run of `gain.len()` numbers.
    pub fn rms_norm(x: &[f32], gain: &[f32], offset: f32, epsilon: f32) -> Vec<f32> {
        let width = gain.len();
        let mut out = vec![0.0; x.len()];
        for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)) {
            let scale = 1.0 / (math::dot(x, x) / width as f32 + epsilon).sqrt();
            for ((o, x), g) in out.iter_mut().zip(x).zip(gain) {
                *o = x * scale * (g + offset);
            }
        }
        out
    }
}

vectorized! {
    /// `(dx, dgain)` of [`rms_norm`].
    pub fn rms_norm_backward(x: &[f32], gain: &[f32], offset: f32, epsilon: f32, grad: &[f32]) -> [Vec<f32>; 2] {
        let width = gain.len();
        let mut dx = vec![0.0; x.len()];
        let mut dgain = vec![0.0f32; width];
        let mut scaled = vec![0.0f32; width];
        let rows = x.chunks_exact(width).zip(grad.chunks_exact(width));
        for ((x, grad), dx) in rows.zip(dx.chunks_exact_mut(width)) {
            let scale = 1.0 / (math::dot(x, x) / width as f32 + epsilon).sqrt();
            for i in 0..width {
                scaled[i] = grad[i] * (gain[i] + offset);
                dgain[i] = grad[i].mul_add(x[i] * scale, dgain[i]);
            }
            let mean_product = math::dot(&scaled, x) * scale * scale / width as f32;
            for i in 0..width {
                dx[i] = scale * (scaled[i] - x[i] * mean_product);
            }
        }
        [dx, dgain]
    }
}

/// An activation and its slope at one number.
trait Shape {
    fn value(x: f32) -> f32;
    fn slope(x: f32) -> f32;
}

struct GeluTanh;
struct Gelu;
struct Silu;
struct Relu;

impl Shape for GeluTanh {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * math::sigmoid(2.0 * GELU_C * x * (GELU_A * x).mul_add(x, 1.0))
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let s = math::sigmoid(2.0 * GELU_C * x * (GELU_A * x).mul_add(x, 1.0));
        let inner = 2.0 * GELU_C * (3.0 * GELU_A * x).mul_add(x, 1.0);
        (x * s * (1.0 - s)).mul_add(inner, s)
    }
}

impl Shape for Gelu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * math::normal_cdf(x)
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let density = INV_SQRT_2_PI * math::exp(-0.5 * x * x);
        x.mul_add(density, math::normal_cdf(x))
    }
}

impl Shape for Silu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * math::sigmoid(x)
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let s = math::sigmoid(x);
        (x * s).mul_add(1.0 - s, s)
    }
}

impl Shape for Relu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        if x > 0.0 { x } else { 0.0 }
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        if x > 0.0 { 1.0 } else { 0.0 }
    }
}

// Loops, and not iterators collected: a closure that the standard library calls is compiled for the
// baseline, where `mul_add` is a call.

vectorized! {
    fn activate_by<A: Shape>(_kind: A, x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        for (&x, out) in x.iter().zip(&mut out) {
            *out = A::value(x);
        }
        out
    }
}

vectorized! {
    fn activate_backward_by<A: Shape>(_kind: A, x: &[f32], grad: &[f32]) -> Vec<f32> {
        let mut dx = vec![0.0; x.len()];
        for ((&x, &grad), dx) in x.iter().zip(grad).zip(&mut dx) {
            *dx = grad * A::slope(x);
        }
        dx
    }
}

vectorized! {
    fn gated_by<A: Shape>(_kind: A, gate: &[f32], up: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; gate.len()];
        for ((&gate, &up), out) in gate.iter().zip(up).zip(&mut out) {
            *out = A::value(gate) * up;
        }
        out
    }
}

vectorized! {
    fn gated_backward_by<A: Shape>(_kind: A, gate: &[f32], up: &[f32], grad: &[f32]) -> [Vec<f32>; 2] {
        let (mut dgate, mut dup) = (vec![0.0; gate.len()], vec![0.0; gate.len()]);
        let inputs = gate.iter().zip(up).zip(grad);
        for (((&gate, &up), &grad), (dgate, dup)) in inputs.zip(dgate.iter_mut().zip(&mut dup)) {
            *dgate = grad * up * A::slope(gate);
            *dup = grad * A::value(gate);
        }
        [dgate, dup]
    }
}

/// The activation of every number.
pub fn activate(x: &[f32], activation: Activation) -> Vec<f32> {
    match activation {
        Activation::GeluTanh => activate_by(GeluTanh, x),
        Activation::Gelu => activate_by(Gelu, x),
        Activation::Silu => activate_by(Silu, x),
        Activation::Relu => activate_by(Relu, x),
    }
}

/// `dx` of [`activate`].
pub fn activate_backward(x: &[f32], grad: &[f32], activation: Activation) -> Vec<f32> {
    match activation {
        Activation::GeluTanh => activate_backward_by(GeluTanh, x, grad),
        Activation::Gelu => activate_backward_by(Gelu, x, grad),
        Activation::Silu => activate_backward_by(Silu, x, grad),
        Activation::Relu => activate_backward_by(Relu, x, grad),
    }
}

/// `activation(gate) * up`.
pub fn gated(gate: &[f32], up: &[f32], activation: Activation) -> Vec<f32> {
    match activation {
        Activation::GeluTanh => gated_by(GeluTanh, gate, up),
        Activation::Gelu => gated_by(Gelu, gate, up),
        Activation::Silu => gated_by(Silu, gate, up),
        Activation::Relu => gated_by(Relu, gate, up),
    }
}

/// `(dgate, dup)` of [`gated`].
pub fn gated_backward(
    gate: &[f32],
    up: &[f32],
    grad: &[f32],
    activation: Activation,
) -> [Vec<f32>; 2] {
    match activation {
        Activation::GeluTanh => gated_backward_by(GeluTanh, gate, up, grad),
        Activation::Gelu => gated_backward_by(Gelu, gate, up, grad),
        Activation::Silu => gated_backward_by(Silu, gate, up, grad),
        Activation::Relu => gated_backward_by(Relu, gate, up, grad),
    }
}

vectorized! {
    /// Rotates the pairs of every head by the angles of the row's position, in the direction of
    /// `sign`.
    pub fn rotate(x: &[f32], angles: &RotaryTable, positions: &[u32], head_dim: usize, sign: f32) -> Vec<f32> {
        let half = angles.half;
        let mut out = x.to_vec();
        let width = x.len() / positions.len().max(1);
        for (row, &position) in out.chunks_exact_mut(width.max(1)).zip(positions) {
            let cos = &angles.cos[position as usize * half..][..half];
            let sin = &angles.sin[position as usize * half..][..half];
            for head in row.chunks_exact_mut(head_dim) {
                let (first, rest) = head.split_at_mut(half);
                for (((a, b), &c), &s) in first.iter_mut().zip(rest).zip(cos).zip(sin) {
                    let (x, y, s) = (*a, *b, sign * s);
                    *a = x * c - y * s;
                    *b = y * c + x * s;
                }
            }
        }
        out
    }
}

vectorized! {
    /// Adds the sum of each column of `x` to `out`.
    pub fn add_column_sums(out: &mut [f32], x: &[f32]) {
        let mut sums = vec![0.0; out.len()];
        for row in x.chunks_exact(out.len()) {
            for (sum, &v) in sums.iter_mut().zip(row) {
                *sum += v;
            }
        }
        for (o, sum) in out.iter_mut().zip(sums) {
            *o += sum;
        }
    }
}

vectorized! {
    /// `log softmax(row)[target]` per row.
    pub fn token_log_probs(logits: &[f32], targets: &[u32]) -> Vec<f32> {
        let width = (logits.len() / targets.len().max(1)).max(1);
        let mut scratch = vec![0.0f32; width];
        let mut out = vec![0.0; targets.len()];
        for ((row, &target), out) in logits.chunks_exact(width).zip(targets).zip(&mut out) {
            scratch.copy_from_slice(row);
            let shift = math::max(row);
            let total = math::exp_in_place(&mut scratch, shift);
            *out = row[target as usize] - shift - total.ln();
        }
        out
    }
}

vectorized! {
    /// `dlogits` of [`token_log_probs`]: `grad (onehot - softmax)`.
    pub fn token_log_probs_backward(logits: &[f32], targets: &[u32], grad: &[f32]) -> Vec<f32> {
        let width = (logits.len() / targets.len().max(1)).max(1);
        let mut out = logits.to_vec();
        for ((row, &target), &grad) in out.chunks_exact_mut(width).zip(targets).zip(grad) {
            math::softmax_in_place(row);
            for v in row.iter_mut() {
                *v *= -grad;
            }
            row[target as usize] += grad;
        }
        out
    }
}

vectorized! {
    /// `log softmax` of each row, in place.
    pub fn log_softmax(logits: &mut [f32], width: usize) {
        for row in logits.chunks_exact_mut(width) {
            let shift = math::max(row);
            let total = math::sum_exp(row, shift).ln();
            for v in row.iter_mut() {
                *v = *v - shift - total;
            }
        }
    }
}

vectorized! {
    /// Turns the gradient by [`log_softmax`] into that by the logits: `grad - softmax sum(grad)`.
    pub fn log_softmax_backward(grad: &mut [f32], log_softmax: &[f32], width: usize) {
        let rows = grad.chunks_exact_mut(width).zip(log_softmax.chunks_exact(width));
        for (grad, log_q) in rows {
            let total = math::sum(grad);
            for (g, &log_q) in grad.iter_mut().zip(log_q) {
                *g -= total * math::exp(log_q);
            }
        }
    }
}

/// Rows `index` of a matrix.
pub fn gather(x: &[f32], width: usize, index: &[u32]) -> Vec<f32> {
    let mut out = Vec::with_capacity(index.len() * width);
    for &i in index {
        out.extend_from_slice(&x[i as usize * width..][..width]);
    }
    out
}

/// Adds each row of `grad` to row `index` of a fresh table.
pub fn scatter_add(rows: usize, width: usize, index: &[u32], grad: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; rows * width];
    for (&i, grad) in index.iter().zip(grad.chunks_exact(width)) {
        let row = &mut out[i as usize * width..][..width];
        for (o, g) in row.iter_mut().zip(grad) {
            *o += g;
        }
    }
    out
}
