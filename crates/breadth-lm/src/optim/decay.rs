//! Weight decay.

use rayon::prelude::*;

use super::transformation::GradientTransformation;
use crate::tree::{Array, Real, Tree};

/// Adds `rate * parameter` to the update of every array of two or more dimensions (biases and gains
/// are left alone).
#[derive(Clone, Debug)]
pub struct AddDecayedWeights {
    /// Weight decay before the learning rate.
    pub rate: f64,
}

impl<T: Real> GradientTransformation<T> for AddDecayedWeights {
    fn update(&mut self, updates: &mut Tree<T>, params: &Tree<T>, _: u64) {
        let rate = T::of(self.rate);
        let pairs: Vec<(&mut Array<T>, &Array<T>)> = updates
            .iter_mut()
            .filter(|(_, u)| u.shape.len() >= 2)
            .map(|(name, u)| (u, &params[name]))
            .collect();
        pairs.into_par_iter().for_each(|(update, param)| {
            for (u, &p) in update.data.iter_mut().zip(&param.data) {
                *u += rate * p;
            }
        });
    }
}
