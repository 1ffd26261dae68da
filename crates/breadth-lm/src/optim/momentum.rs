//! Momentum.

use super::transformation::{GradientTransformation, zip_leaves};
use crate::tree::{Real, Tree};

/// `m <- decay m + g`, passed on as it is or, in Nesterov's form, as `decay m + g` once more.
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
