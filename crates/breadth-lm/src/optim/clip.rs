//! Clipping.

use super::transformation::{GradientTransformation, scale_all};
use crate::tree::{Real, Tree};

/// Scales all updates by `min(1, limit / (|updates| + 1e-6))`, the norm over all arrays together,
/// as PyTorch does.
#[derive(Clone, Debug)]
pub struct ClipByGlobalNorm {
    /// Largest norm let through.
    pub limit: f64,
}

impl<T: Real> GradientTransformation<T> for ClipByGlobalNorm {
    fn update(&mut self, updates: &mut Tree<T>, _: &Tree<T>, _: u64) {
        let scale = self.limit / (updates.global_norm() + 1e-6);
        if scale < 1.0 {
            scale_all(updates, scale);
        }
    }
}
