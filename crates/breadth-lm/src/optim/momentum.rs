//! Momentum.

use super::transformation::{GradientTransformation, zip_leaves};
use crate::tree::{Real, Tree};

/// `m <- decay m + g`, passed on as it is or, in Nesterov's form, as `decay m + g` once more.
///
/// ```
/// use breadth_lm::optim::{GradientTransformation, Momentum};
/// use breadth_lm::tree::{Array, Tree};
///
/// let tree = |w: f32| -> Tree {
///     [("w".to_string(), Array::new([1], vec![w]))].into_iter().collect()
/// };
/// // m = 2, then 1 + 4 = 5; in Nesterov's form 1 + 2 and 2.5 + 4.
/// for (nesterov, expected) in [(false, [2.0, 5.0]), (true, [3.0, 6.5])] {
///     let mut momentum = Momentum::new(0.5, nesterov, &tree(0.0));
///     for (step, gradient) in [2.0, 4.0].into_iter().enumerate() {
///         let mut updates = tree(gradient);
///         momentum.update(&mut updates, &tree(0.0), step as u64);
///         assert_eq!(updates["w"].data, [expected[step]]);
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Momentum<T: Real = f32> {
    decay: f64,
    nesterov: bool,
    trace: Tree<T>,
}

impl<T: Real> Momentum<T> {
    /// The trace starts at zero, shaped like `params`.
    #[must_use]
    pub fn new(decay: f64, nesterov: bool, params: &Tree<T>) -> Self {
        let trace = params.zeros_like();
        Self {
            decay,
            nesterov,
            trace,
        }
    }
}

impl<T: Real> GradientTransformation<T> for Momentum<T> {
    fn update(&mut self, updates: &mut Tree<T>, _: &Tree<T>, _: u64) {
        let decay = T::of(self.decay);
        zip_leaves(&mut self.trace, updates, |trace, updates| {
            for (m, &g) in trace.iter_mut().zip(updates) {
                *m = decay * *m + g;
            }
        });
        let nesterov = self.nesterov;
        zip_leaves(updates, &self.trace, |updates, trace| {
            for (g, &m) in updates.iter_mut().zip(trace) {
                *g = if nesterov { decay * m + *g } else { m };
            }
        });
    }

    fn state(&self) -> Tree<T> {
        self.trace.clone()
    }

    fn load(&mut self, state: Tree<T>) {
        self.trace = state;
    }
}
