//! Projection.

use rayon::prelude::*;

use super::transformation::{GradientTransformation, zip_leaves};
use crate::tree::{Array, Real, Tree};
use crate::vectorized;

/// Changes the updates so that the parameters end in the ball of a radius around 0: `u <-
/// Proj(theta + u) - theta`, all arrays together. The last link of a chain.
#[derive(Clone, Debug)]
pub struct ProjectOntoBall {
    /// Of the ball.
    pub radius: f64,
}

impl<T: Real> GradientTransformation<T> for ProjectOntoBall {
    fn update(&mut self, updates: &mut Tree<T>, params: &Tree<T>, _: u64) {
        let pairs: Vec<(&Array<T>, &Array<T>)> = updates
            .iter()
            .map(|(name, update)| (update, &params[name]))
            .collect();
        let squares: Vec<f64> = pairs
            .into_par_iter()
            .map(|(update, param)| squares_of_sum(&update.data, &param.data))
            .collect();
        let norm = squares.iter().sum::<f64>().sqrt();
        if norm > self.radius {
            let scale = T::of(self.radius / norm);
            zip_leaves(updates, params, |updates, params| {
                for (u, &p) in updates.iter_mut().zip(params) {
                    *u = scale * (p + *u) - p;
                }
            });
        }
    }
}

vectorized! {
    /// `|a + b|^2` in `f64`, in eight interleaved parts.
    fn squares_of_sum<T: Real>(a: &[T], b: &[T]) -> f64 {
        let mut parts = [0.0; 8];
        let square = |(a, b): (&T, &T)| {
            let sum = (*a + *b).to_f64();
            sum * sum
        };
        let blocks = a.chunks_exact(8).zip(b.chunks_exact(8));
        for (a, b) in blocks {
            for (part, pair) in parts.iter_mut().zip(a.iter().zip(b)) {
                *part += square(pair);
            }
        }
        let done = a.len() / 8 * 8;
        let rest = a[done..].iter().zip(&b[done..]).map(square);
        parts.into_iter().chain(rest).sum()
    }
}
