//! Muon's orthogonalisation.

use rayon::prelude::*;

use super::{GradientTransformation, Momentum, ScaleByAdam};
use crate::model::kernels::gemm::{Matrix, matmul};
use crate::tree::{Array, Tree};

/// Coefficients of Muon's quintic iteration, tuned by its authors for a steep slope at 0.
const QUINTIC: [f32; 3] = [3.4445, -4.7750, 2.0315];
/// Iterations.
const STEPS: usize = 5;
/// Betas and epsilon of Adam for what is not a hidden matrix.
const ADAM: ([f64; 2], f64) = ([0.9, 0.95], 1e-8);

/// Muon: the momentum of each hidden matrix is replaced by a nearly orthogonal one with the same singular vectors (five quintic Newton-Schulz steps), times
/// `0.2 sqrt(max(rows, columns))`, which gives it the root mean square of an Adam update; embeddings, gains and biases take Adam's update.
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

/// Hidden matrices, and everything else. Embeddings are the tables of tokens and positions.
fn split(tree: &Tree) -> (Tree, Tree) {
    let is_hidden = |name: &str, array: &Array| {
        array.shape.len() == 2 && !name.contains("wte") && !name.contains("wpe")
    };
    let (mut hidden, mut others) = (Tree::default(), Tree::default());
    for (name, array) in tree.iter() {
        let side = match is_hidden(name, array) {
            true => &mut hidden,
            false => &mut others,
        };
        side.insert(name, array.clone());
    }
    (hidden, others)
}

/// `X <- a X + (b A + c A^2) X` with `A = X X'`, from `X = G / |G|`, on the side with fewer rows.
fn orthogonalize(array: &mut Array) {
    let [rows, columns] = array.shape[..] else {
        return;
    };
    let scale = 1.0 / (array.norm() + 1e-7);
    let (n, m) = (rows.min(columns), rows.max(columns));
    // Kept as (n, m) row by row: a tall matrix is transposed on the way in and out.
    let mut x = vec![0.0; n * m];
    for (i, row) in array.data.chunks_exact(columns).enumerate() {
        for (j, &v) in row.iter().enumerate() {
            let place = if rows <= columns {
                i * m + j
            } else {
                j * m + i
            };
            x[place] = v * scale as f32;
        }
    }
    let [a, b, c] = QUINTIC;
    let (mut gram, mut square, mut next) = (vec![0.0; n * n], vec![0.0; n * n], vec![0.0; n * m]);
    for _ in 0..STEPS {
        let wide = Matrix::new(&x, n, m, m);
        matmul(&mut gram, n, wide, wide.t(), 1.0, false);
        let g = Matrix::new(&gram, n, n, n);
        matmul(&mut square, n, g, g, c, false);
        for (s, &g) in square.iter_mut().zip(&gram) {
            *s += b * g;
        }
        matmul(
            &mut next,
            m,
            Matrix::new(&square, n, n, n),
            Matrix::new(&x, n, m, m),
            1.0,
            false,
        );
        for (x, &more) in x.iter_mut().zip(&next) {
            *x = a * *x + more;
        }
    }
    let factor = 0.2 * (m as f32).sqrt();
    for (i, row) in array.data.chunks_exact_mut(columns).enumerate() {
        for (j, v) in row.iter_mut().enumerate() {
            let place = if rows <= columns {
                i * m + j
            } else {
                j * m + i
            };
            *v = factor * x[place];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Singular values of the result, from its Gram matrix times its own inverse scale: `X X'` is near the identity.
    #[test]
    fn singular_values_come_near_one() {
        for (rows, columns) in [(4, 9), (9, 4), (6, 6), (1, 5)] {
            let data =
                (0..rows * columns).map(|i| ((i * 37 % 23) as f32 - 11.0) / 7.0 + 0.01 * i as f32);
            let mut array = Array::new([rows, columns], data.collect());
            orthogonalize(&mut array);
            let (n, m) = (rows.min(columns), rows.max(columns));
            let factor = 0.2 * (m as f64).sqrt();
            // The squared Frobenius norm is the sum of n squared singular values, each in [0.68, 1.13] squared unless tiny.
            let mean_square = (array.norm() / factor).powi(2) / n as f64;
            assert!(
                (0.4..1.3).contains(&mean_square),
                "{rows}x{columns}: {mean_square}"
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
