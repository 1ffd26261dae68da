//! Operations that treat each row on its own: normalisation, GELU, log-softmax, embeddings.

use super::math;
use crate::vectorized;

const GELU_C: f32 = 0.797_884_6; // sqrt(2 / pi)
const GELU_A: f32 = 0.044_715;

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
    /// GELU, tanh form: `x sigmoid(2 c (x + a x^3))`.
    pub fn gelu(x: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; x.len()];
        for (&x, out) in x.iter().zip(&mut out) {
            *out = x * math::sigmoid(2.0 * GELU_C * x * (GELU_A * x).mul_add(x, 1.0));
        }
        out
    }
}

vectorized! {
    /// `dx` of [`gelu`].
    pub fn gelu_backward(x: &[f32], grad: &[f32]) -> Vec<f32> {
        let mut dx = vec![0.0; x.len()];
        for ((&x, &grad), dx) in x.iter().zip(grad).zip(&mut dx) {
            let s = math::sigmoid(2.0 * GELU_C * x * (GELU_A * x).mul_add(x, 1.0));
            let slope = 2.0 * GELU_C * (3.0 * GELU_A * x).mul_add(x, 1.0);
            *dx = grad * (x * s * (1.0 - s)).mul_add(slope, s);
        }
        dx
    }
}

vectorized! {
    /// Sum of each column.
    pub fn column_sums(x: &[f32], width: usize) -> Vec<f32> {
        let mut out = vec![0.0; width];
        for row in x.chunks_exact(width) {
            for (o, &v) in out.iter_mut().zip(row) {
                *o += v;
            }
        }
        out
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

/// Row sums `tokens_table[token] + positions_table[position]`.
pub fn embed(
    tokens_table: &[f32],
    positions_table: &[f32],
    width: usize,
    tokens: &[u32],
    positions: &[u32],
) -> Vec<f32> {
    let mut out = Vec::with_capacity(tokens.len() * width);
    for (&token, &position) in tokens.iter().zip(positions) {
        let token = &tokens_table[token as usize * width..][..width];
        let position = &positions_table[position as usize * width..][..width];
        out.extend(token.iter().zip(position).map(|(a, b)| a + b));
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
