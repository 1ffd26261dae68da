//! Projection.

use super::{GradientTransformation, apply_updates, scale_all};
use crate::tree::{Real, Tree};

/// Changes the updates so that the parameters end in the ball of a radius around 0: `u <- Proj(theta + u) - theta`, all arrays together. The last link of a chain.
#[derive(Clone, Debug)]
pub struct ProjectOntoBall {
    /// Of the ball.
    pub radius: f64,
}

impl<T: Real> GradientTransformation<T> for ProjectOntoBall {
    fn update(&mut self, updates: &mut Tree<T>, params: &Tree<T>, _: u64) {
        let mut moved = params.clone();
        apply_updates(&mut moved, updates);
        let norm = moved.global_norm();
        if norm > self.radius {
            scale_all(&mut moved, self.radius / norm);
            let mut back = params.clone();
            scale_all(&mut back, -1.0);
            apply_updates(&mut moved, &back);
            *updates = moved;
        }
    }
}
