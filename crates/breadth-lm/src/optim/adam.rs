//! Adam's scaling.

use rayon::prelude::*;

use super::transformation::GradientTransformation;
use crate::tree::{Array, Real, Tree};
use crate::vectorized;

/// `m / (sqrt(v) + epsilon)` with bias-corrected moments `m <- b1 m + (1 - b1) g`, `v <- b2 v + (1
/// - b2) g^2` (Kingma and Ba 2015).
///
/// ```
/// use breadth_lm::optim::{GradientTransformation, ScaleByAdam};
/// use breadth_lm::tree::{Array, Tree};
///
/// let tree = |w: f64| -> Tree<f64> {
///     [("w".to_string(), Array::new([1], vec![w]))].into_iter().collect()
/// };
/// let mut adam = ScaleByAdam::new([0.5, 0.5], 1e-8, &tree(0.0));
/// let mut update = |gradient, step| {
///     let mut updates = tree(gradient);
///     adam.update(&mut updates, &tree(0.0), step);
///     updates["w"].data[0]
/// };
/// // m = 4/2 and v = 16/2, both over 1 - 1/2: 4 / sqrt(16).
/// assert!((update(4.0, 0) - 1.0).abs() < 1e-7);
/// // m = 2/2 + 2/2 and v = 8/2 + 4/2, both over 1 - 1/4: 8/3 / sqrt(8).
/// assert!((update(2.0, 1) - 0.942809).abs() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub struct ScaleByAdam<T: Real = f32> {
    betas: [f64; 2],
    epsilon: f64,
    first: Tree<T>,
    second: Tree<T>,
}

impl<T: Real> ScaleByAdam<T> {
    /// Moments start at zero, shaped like `params`.
    #[must_use]
    pub fn new(betas: [f64; 2], epsilon: f64, params: &Tree<T>) -> Self {
        Self {
            betas,
            epsilon,
            first: params.zeros_like(),
            second: params.zeros_like(),
        }
    }
}

impl<T: Real> GradientTransformation<T> for ScaleByAdam<T> {
    fn update(&mut self, updates: &mut Tree<T>, _: &Tree<T>, step: u64) {
        let [b1, b2] = self.betas;
        let correction = |beta: f64| 1.0 - beta.powf(step as f64 + 1.0);
        let by = Scale {
            b1: T::of(b1),
            b2: T::of(b2),
            rest1: T::of(1.0) - T::of(b1),
            rest2: T::of(1.0) - T::of(b2),
            first: T::of(1.0 / correction(b1)),
            second: T::of(1.0 / correction(b2)),
            epsilon: T::of(self.epsilon),
        };
        let moments = self.first.iter_mut().zip(self.second.iter_mut());
        let leaves: Vec<(&mut Array<T>, &mut Array<T>, &mut Array<T>)> = updates
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

    fn state(&self) -> Tree<T> {
        let mut state = Tree::default();
        state.extend_with_prefix("first.", self.first.clone());
        state.extend_with_prefix("second.", self.second.clone());
        state
    }

    fn load(&mut self, state: Tree<T>) {
        self.first = state.with_prefix("first.");
        self.second = state.with_prefix("second.");
    }
}

/// One step's constants.
struct Scale<T> {
    b1: T,
    b2: T,
    rest1: T,
    rest2: T,
    first: T,
    second: T,
    epsilon: T,
}

vectorized! {
    /// Both moments and the update of one array, in one pass.
    fn scale<T: Real>(by: &Scale<T>, g: &mut [T], m: &mut [T], v: &mut [T]) {
        for ((g, m), v) in g.iter_mut().zip(m).zip(v) {
            *m = by.b1 * *m + by.rest1 * *g;
            *v = by.b2 * *v + by.rest2 * *g * *g;
            *g = *m * by.first / ((*v * by.second).root() + by.epsilon);
        }
    }
}
