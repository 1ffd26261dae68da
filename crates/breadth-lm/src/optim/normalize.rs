//! Normalisation: of all arrays together, of each, of each row; and to signs.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::transformation::{GradientTransformation, scale_all};
use crate::tree::{Array, Real, Tree, squares};

/// What shares a norm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// All arrays together, as in the paper.
    #[default]
    Model,
    /// Each array.
    Module,
    /// Each row of a matrix; an array of one dimension is a row.
    Row,
}

/// `g / (lambda + |g|)` (Eq 18).
///
/// Sums of squares in `f64`; an array of zeros stays zero, also for lambda = 0.
#[derive(Clone, Debug)]
pub struct Normalize {
    /// Added to the norm; at 0 every update has length 1.
    pub lambda: f64,
    /// What shares a norm.
    pub per: Per,
}

impl Normalize {
    fn scale(&self, norm: f64) -> f64 {
        if norm == 0.0 {
            0.0
        } else {
            1.0 / (self.lambda + norm)
        }
    }
}

impl<T: Real> GradientTransformation<T> for Normalize {
    fn update(&mut self, updates: &mut Tree<T>, _: &Tree<T>, _: u64) {
        if self.per == Per::Model {
            let scale = self.scale(updates.global_norm());
            return scale_all(updates, scale);
        }
        let arrays: Vec<&mut Array<T>> = updates.iter_mut().map(|(_, a)| a).collect();
        arrays.into_par_iter().for_each(|array| {
            let width = match (self.per, array.shape.as_slice()) {
                (Per::Row, [.., width]) => *width,
                _ => array.data.len(),
            };
            for row in array.data.chunks_mut(width.max(1)) {
                let scale = T::of(self.scale(squares(row).sqrt()));
                row.iter_mut().for_each(|v| *v *= scale);
            }
        });
    }
}

/// The sign of every element, 0 for 0 (Eq 20).
#[derive(Clone, Debug)]
pub struct Sign;

impl<T: Real> GradientTransformation<T> for Sign {
    fn update(&mut self, updates: &mut Tree<T>, _: &Tree<T>, _: u64) {
        let arrays: Vec<&mut Array<T>> = updates.iter_mut().map(|(_, a)| a).collect();
        arrays.into_par_iter().for_each(|array| {
            for v in &mut array.data {
                *v = T::of(match v.to_f64() {
                    v if v > 0.0 => 1.0,
                    v if v < 0.0 => -1.0,
                    v => v,
                });
            }
        });
    }
}
