//! Muon's orthogonalisation.

use rayon::prelude::*;

use super::adam::ScaleByAdam;
use super::momentum::Momentum;
use super::transformation::GradientTransformation;
use crate::gemm::{Matrix, matmul};
use crate::tree::{Array, Tree};

/// Coefficients of Muon's quintic iteration, tuned by its authors for a steep slope at 0.
const QUINTIC: [f32; 3] = [3.4445, -4.7750, 2.0315];
/// Iterations.
const STEPS: usize = 5;
/// Panels of a symmetric product: with 4 they cover 5/8 of it.
const PANELS: usize = 4;
/// Rows of a panel at least.
const LEAST_PANEL: usize = 32;
/// Betas and epsilon of Adam for what is not a hidden matrix.
const ADAM: ([f64; 2], f64) = ([0.9, 0.95], 1e-8);

/// Muon: the momentum of each hidden matrix is replaced by a nearly orthogonal one with the same
/// singular vectors (five quintic Newton-Schulz steps), times `0.2 sqrt(max(rows, columns))`, which
/// gives it the root mean square of an Adam update; embeddings, gains and biases take Adam's
/// update.
///
/// ```
/// use breadth_lm::optim::{GradientTransformation, Muon};
/// use breadth_lm::tree::{Array, Tree};
///
/// let mut updates: Tree = [
///     ("h.0.w".to_string(), Array::new([2, 2], vec![3.0, 0.0, 0.0, -1.0])),
///     ("h.0.b".to_string(), Array::new([2], vec![3.0, -1.0])),
/// ].into_iter().collect();
/// let params = updates.zeros_like();
/// Muon::new(0.0, &params).update(&mut updates, &params, 0);
/// // The singular values 3 and 1, over the norm sqrt(10): after five steps of the quintic 0.753
/// // and 1.134, times 0.2 sqrt(2).
/// let expected = [0.212990, 0.0, 0.0, -0.320661];
/// for (update, expected) in updates["h.0.w"].data.iter().zip(expected) {
///     assert!((update - expected).abs() < 1e-4);
/// }
/// // The bias takes Adam's first step.
/// for (update, sign) in updates["h.0.b"].data.iter().zip([1.0, -1.0]) {
///     assert!((update - sign).abs() < 1e-4);
/// }
/// ```
///
/// Source: Jordan et al. 2024; the factor from Liu et al. 2025.
pub struct Muon {
    momentum: Momentum,
    adam: ScaleByAdam,
}

impl Muon {
    /// Nesterov momentum `decay` for matrices; state shaped like `params`.
    #[must_use]
    pub fn new(decay: f64, params: &Tree) -> Self {
        let (hidden, others) = split(params);
        Self {
            momentum: Momentum::new(decay, true, &hidden),
            adam: ScaleByAdam::new(ADAM.0, ADAM.1, &others),
        }
    }
}

impl GradientTransformation for Muon {
    fn update(&mut self, updates: &mut Tree, params: &Tree, step: u64) {
        let (mut hidden, mut others) = split(updates);
        self.momentum.update(&mut hidden, params, step);
        let arrays: Vec<&mut Array> = hidden.iter_mut().map(|(_, a)| a).collect();
        arrays.into_par_iter().for_each(orthogonalize);
        self.adam.update(&mut others, params, step);
        *updates = hidden;
        updates.extend_with_prefix("", others);
    }

    fn state(&self) -> Tree {
        let mut state = Tree::default();
        state.extend_with_prefix("momentum.", self.momentum.state());
        state.extend_with_prefix("adam.", self.adam.state());
        state
    }

    fn load(&mut self, state: Tree) {
        self.momentum.load(state.with_prefix("momentum."));
        self.adam.load(state.with_prefix("adam."));
    }
}

/// Parts of the names of tables of tokens and positions, and of heads.
const TABLES: [&str; 4] = ["wte", "wpe", "embed_", "lm_head"];

/// Hidden matrices, and everything else.
fn split(tree: &Tree) -> (Tree, Tree) {
    let is_hidden = |name: &str, array: &Array| {
        array.shape.len() == 2 && !TABLES.iter().any(|table| name.contains(table))
    };
    let (mut hidden, mut others) = (Tree::default(), Tree::default());
    for (name, array) in tree.iter() {
        let side = if is_hidden(name, array) {
            &mut hidden
        } else {
            &mut others
        };
        side.insert(name, array.clone());
    }
    (hidden, others)
}

/// `X <- Q(X X') X` with `Q(A) = a + b A + c A^2`, five times over, from `X = G / |G|`.
///
/// All that multiplies X are polynomials of `A = X X'` on the shorter side, which commute: `A <- A
/// Q^2`, `P <- Q P`, and X itself is multiplied once, at the end. That is a third of the arithmetic
/// of multiplying X in each iteration, for a matrix four times as wide as high.
fn orthogonalize(array: &mut Array) {
    let [rows, columns] = array.shape[..] else {
        return;
    };
    let scale = (1.0 / (array.norm() + 1e-7)) as f32;
    let (n, m) = (rows.min(columns), rows.max(columns));
    array.data.iter_mut().for_each(|v| *v *= scale);
    let given = Matrix::new(&array.data, rows, columns, columns);
    let x = if rows <= columns { given } else { given.t() };
    let mut gram = vec![0.0; n * n];
    symmetric_product(&mut gram, n, x, x.t());
    let polynomial = iterated(gram, n);
    let mut out = vec![0.0; n * m];
    let factor = 0.2 * (m as f32).sqrt();
    let p = Matrix::new(&polynomial, n, n, n);
    if rows <= columns {
        matmul(&mut out, m, p, x, factor, false);
    } else {
        // (P X)' = X' P, in the layout of the array.
        matmul(&mut out, n, x.t(), p, factor, false);
    }
    array.data = out.into();
}

/// `P = Q_5 .. Q_1` for a Gram matrix (n, n).
fn iterated(mut gram: Vec<f32>, n: usize) -> Vec<f32> {
    let [a, b, c] = QUINTIC;
    let square_of = |x: &[f32], y: &[f32]| {
        let mut out = vec![0.0; n * n];
        symmetric_product(
            &mut out,
            n,
            Matrix::new(x, n, n, n),
            Matrix::new(y, n, n, n),
        );
        out
    };
    let mut all: Option<Vec<f32>> = None;
    for step in 0..STEPS {
        let mut q = square_of(&gram, &gram);
        for (q, &g) in q.iter_mut().zip(&gram) {
            *q = c * *q + b * g;
        }
        (0..n).for_each(|i| q[i * n + i] += a);
        if step + 1 < STEPS {
            gram = square_of(&q, &square_of(&q, &gram));
        }
        all = Some(match all {
            None => q,
            Some(before) => square_of(&q, &before),
        });
    }
    all.expect("at least one step")
}

/// A product (n, n) that is known to be symmetric: panels of rows from the diagonal on, then the
/// mirror image.
fn symmetric_product(out: &mut [f32], n: usize, left: Matrix, right: Matrix) {
    let panel = n.div_ceil(PANELS).max(LEAST_PANEL);
    for first in (0..n).step_by(panel) {
        let rows = left.rows(first, panel.min(n - first));
        let columns = right.columns(first, n - first);
        matmul(&mut out[first * n + first..], n, rows, columns, 1.0, false);
    }
    for i in 1..n {
        for j in 0..i {
            out[i * n + j] = out[j * n + i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Singular values of the result, from its Gram matrix times its own inverse scale: `X X'` is
    /// near the identity.
    #[test]
    fn singular_values_come_near_one() {
        for (rows, columns) in [(4, 9), (9, 4), (6, 6), (1, 5)] {
            let data =
                (0..rows * columns).map(|i| ((i * 37 % 23) as f32 - 11.0) / 7.0 + 0.01 * i as f32);
            let mut array = Array::new([rows, columns], data.collect());
            orthogonalize(&mut array);
            let (n, m) = (rows.min(columns), rows.max(columns));
            let factor = 0.2 * (m as f64).sqrt();
            // The squared Frobenius norm is the sum of n squared singular values, each in [0.68,
            // 1.13] squared unless tiny.
            let mean_square = (array.norm() / factor).powi(2) / n as f64;
            assert!(
                (0.4..1.3).contains(&mean_square),
                "{rows}x{columns}: {mean_square}"
            );
        }
    }

    /// The iteration as it is defined, on X itself, in `f64`.
    fn by_definition(array: &Array) -> Vec<f64> {
        let [rows, columns] = array.shape[..] else {
            panic!("a matrix")
        };
        let scale = 1.0 / (array.norm() + 1e-7);
        let mut x: Vec<f64> = array.data.iter().map(|&v| scale * f64::from(v)).collect();
        let [a, b, c] = QUINTIC.map(f64::from);
        // x'x multiplies from the right where x is tall; both forms are one.
        for _ in 0..STEPS {
            let gram = |i: usize, j: usize| -> f64 {
                (0..columns)
                    .map(|k| x[i * columns + k] * x[j * columns + k])
                    .sum()
            };
            let gram: Vec<f64> = (0..rows * rows)
                .map(|at| gram(at / rows, at % rows))
                .collect();
            let apply = |y: &[f64]| -> Vec<f64> {
                let entry = |at: usize| {
                    (0..rows)
                        .map(|k| gram[at / columns * rows + k] * y[k * columns + at % columns])
                        .sum()
                };
                (0..rows * columns).map(entry).collect()
            };
            let once = apply(&x);
            let twice = apply(&once);
            x = (0..x.len())
                .map(|i| a * x[i] + b * once[i] + c * twice[i])
                .collect();
        }
        let factor = 0.2 * (rows.max(columns) as f64).sqrt();
        x.iter().map(|v| factor * v).collect()
    }

    #[test]
    fn the_gram_matrix_gives_the_same_as_the_definition() {
        for (rows, columns, rank) in [(40, 160, 40), (150, 50, 50), (70, 70, 70), (40, 80, 3)] {
            let mut rng = crate::rng::stream(0, "muon", rank as u64);
            let mut numbers = |n: usize| -> Vec<f64> {
                (0..n)
                    .map(|_| crate::rng::uniform(&mut rng) - 0.5)
                    .collect()
            };
            let (left, right) = (numbers(rows * rank), numbers(rank * columns));
            let entry = |at: usize| -> f64 {
                let (i, j) = (at / columns, at % columns);
                (0..rank)
                    .map(|k| left[i * rank + k] * right[k * columns + j])
                    .sum()
            };
            let data = (0..rows * columns).map(|at| entry(at) as f32).collect();
            let mut array = Array::new([rows, columns], data);
            let exact = by_definition(&array);
            orthogonalize(&mut array);
            let length = exact.iter().map(|v| v * v).sum::<f64>().sqrt();
            let apart = array.data.iter().zip(&exact);
            let apart: f64 = apart.map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
            assert!(
                apart.sqrt() < 1e-3 * length,
                "{rows}x{columns} of rank {rank}: {}",
                apart.sqrt() / length
            );
        }
    }

    #[test]
    fn a_diagonal_matrix_keeps_its_axes() {
        let mut array = Array::new([2, 2], vec![3.0, 0.0, 0.0, -1.0]);
        orthogonalize(&mut array);
        let factor = 0.2 * 2.0_f32.sqrt();
        assert_eq!((array.data[1], array.data[2]), (0.0, 0.0));
        assert!(
            (array.data[0] / factor - 1.0).abs() < 0.35
                && (array.data[3] / factor + 1.0).abs() < 0.35,
            "{array:?}"
        );
    }
}
