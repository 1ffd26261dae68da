//! Clipping.

use rayon::prelude::*;

use super::GradientTransformation;
use crate::tree::Tree;

/// Scales all updates by `min(1, limit / (|updates| + 1e-6))`, the norm over all arrays together, as PyTorch does.
#[derive(Clone, Debug)]
pub struct ClipByGlobalNorm {
    /// Largest norm let through.
    pub limit: f64,
}

impl GradientTransformation for ClipByGlobalNorm {
    fn update(&mut self, updates: &mut Tree, _: &Tree, _: u64) {
        let scale = self.limit / (updates.global_norm() + 1e-6);
        if scale < 1.0 {
            let arrays: Vec<_> = updates.iter_mut().map(|(_, a)| a).collect();
            arrays.into_par_iter().for_each(|array| {
                for v in &mut array.data {
                    *v *= scale as f32;
                }
            });
        }
    }
}
