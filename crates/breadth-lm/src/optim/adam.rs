//! Adam's scaling.

use rayon::prelude::*;

use super::GradientTransformation;
use crate::tree::{Array, Tree};
use crate::vectorized;

/// `m / (sqrt(v) + epsilon)` with bias-corrected moments `m <- b1 m + (1 - b1) g`, `v <- b2 v + (1 - b2) g^2`
/// (Kingma and Ba 2015).
#[derive(Clone, Debug)]
pub struct ScaleByAdam {
    betas: [f64; 2],
    epsilon: f64,
    first: Tree,
    second: Tree,
}

impl ScaleByAdam {
    /// Moments start at zero, shaped like `params`.
    #[must_use]
    pub fn new(betas: [f64; 2], epsilon: f64, params: &Tree) -> Self {
        Self {
            betas,
            epsilon,
            first: params.zeros_like(),
            second: params.zeros_like(),
        }
    }
}

impl GradientTransformation for ScaleByAdam {
    fn update(&mut self, updates: &mut Tree, _: &Tree, step: u64) {
        let [b1, b2] = self.betas;
        let correction = |beta: f64| 1.0 - beta.powf(step as f64 + 1.0);
        let by = Scale {
            b1: b1 as f32,
            b2: b2 as f32,
            first: (1.0 / correction(b1)) as f32,
            second: (1.0 / correction(b2)) as f32,
            epsilon: self.epsilon as f32,
        };
        let moments = self.first.iter_mut().zip(self.second.iter_mut());
        let leaves: Vec<(&mut Array, &mut Array, &mut Array)> = updates
            .iter_mut()
            .zip(moments)
            .map(|((name, g), ((first, m), (_, v)))| {
                assert_eq!(name, first, "updates and moments differ in names");
                (g, m, v)
            })
            .collect();
        leaves
            .into_par_iter()
            .for_each(|(g, m, v)| scale(&by, &mut g.data, &mut m.data, &mut v.data));
    }

    fn state(&self) -> Tree {
        let mut state = Tree::default();
        state.extend_with_prefix("first.", self.first.clone());
        state.extend_with_prefix("second.", self.second.clone());
        state
    }

    fn load(&mut self, state: Tree) {
        self.first = state.with_prefix("first.");
        self.second = state.with_prefix("second.");
    }
}

/// One step's constants.
struct Scale {
    b1: f32,
    b2: f32,
    first: f32,
    second: f32,
    epsilon: f32,
}

vectorized! {
    /// Both moments and the update of one array, in one pass.
    fn scale(by: &Scale, g: &mut [f32], m: &mut [f32], v: &mut [f32]) {
        for ((g, m), v) in g.iter_mut().zip(m).zip(v) {
            *m = by.b1 * *m + (1.0 - by.b1) * *g;
            *v = by.b2 * *v + (1.0 - by.b2) * *g * *g;
            *g = *m * by.first / ((*v * by.second).sqrt() + by.epsilon);
        }
    }
}
