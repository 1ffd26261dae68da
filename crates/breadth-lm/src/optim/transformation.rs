//! What an optimiser is: transformations of gradients, joined in a chain.

use rayon::prelude::*;

use crate::tree::{Array, Real, Tree};

/// Turns gradients into updates, one step at a time.
pub trait GradientTransformation<T: Real = f32>: Send {
    /// Replaces `updates` (at first the gradients of the loss). `step` counts from 0.
    fn update(&mut self, updates: &mut Tree<T>, params: &Tree<T>, step: u64);

    /// What must be saved for a resume; empty for a transformation without memory.
    fn state(&self) -> Tree<T> {
        Tree::default()
    }

    /// Takes back what [`GradientTransformation::state`] gave.
    fn load(&mut self, state: Tree<T>) {
        debug_assert!(state.is_empty());
    }
}

/// Transformations applied one after another.
pub struct Chain<T: Real = f32>(Vec<Box<dyn GradientTransformation<T>>>);

/// Joins transformations: the updates of one are the input of the next.
///
/// ```
/// use breadth_lm::optim::{ClipByGlobalNorm, GradientTransformation, Momentum, chain};
/// use breadth_lm::tree::{Array, Tree};
///
/// let params: Tree = [("w".to_string(), Array::new([2], vec![0.0; 2]))].into_iter().collect();
/// let gradient: Tree = [("w".to_string(), Array::new([2], vec![3.0, 4.0]))].into_iter().collect();
/// let mut optimizer = chain(vec![
///     Box::new(Momentum::new(0.5, false, &params)),
///     Box::new(ClipByGlobalNorm { limit: 6.0 }),
/// ]);
/// // The momentum's norm is 5, then 7.5, of which 6 are left.
/// for (step, norm) in [5.0, 6.0].into_iter().enumerate() {
///     let mut updates = gradient.clone();
///     optimizer.update(&mut updates, &params, step as u64);
///     assert!((updates.global_norm() - norm).abs() < 1e-6);
/// }
/// // What is saved: the state of each, by its place.
/// assert_eq!(optimizer.state()["0.w"].data, [4.5, 6.0]);
/// ```
#[must_use]
pub fn chain<T: Real>(parts: Vec<Box<dyn GradientTransformation<T>>>) -> Chain<T> {
    Chain(parts)
}

impl<T: Real> GradientTransformation<T> for Chain<T> {
    fn update(&mut self, updates: &mut Tree<T>, params: &Tree<T>, step: u64) {
        for part in &mut self.0 {
            part.update(updates, params, step);
        }
    }

    fn state(&self) -> Tree<T> {
        let mut all = Tree::default();
        for (i, part) in self.0.iter().enumerate() {
            all.extend_with_prefix(&format!("{i}."), part.state());
        }
        all
    }

    fn load(&mut self, state: Tree<T>) {
        for (i, part) in self.0.iter_mut().enumerate() {
            part.load(state.with_prefix(&format!("{i}.")));
        }
    }
}

/// `params += updates`.
///
/// ```
/// use breadth_lm::optim::apply_updates;
/// use breadth_lm::tree::{Array, Tree};
/// let tree = |w: [f32; 2]| -> Tree {
///     [("w".to_string(), Array::new([2], w.to_vec()))].into_iter().collect()
/// };
/// let mut params = tree([1.0, 2.0]);
/// apply_updates(&mut params, &tree([0.5, -3.0]));
/// assert_eq!(params, tree([1.5, -1.0]));
/// ```
///
/// # Panics
/// If the trees differ in names or shapes.
pub fn apply_updates<T: Real>(params: &mut Tree<T>, updates: &Tree<T>) {
    zip_leaves(params, updates, |p, u| {
        for (p, &u) in p.iter_mut().zip(u) {
            *p += u;
        }
    });
}

/// Runs `f` on the elements of every array of `a` and its namesake in `b`, arrays in parallel.
pub(super) fn zip_leaves<T: Real>(a: &mut Tree<T>, b: &Tree<T>, f: impl Fn(&mut [T], &[T]) + Sync) {
    let pairs: Vec<(&mut Array<T>, &Array<T>)> =
        a.iter_mut().map(|(name, a)| (a, &b[name])).collect();
    pairs.into_par_iter().for_each(|(a, b)| {
        assert_eq!(a.shape, b.shape, "trees differ in shape");
        f(&mut a.data, &b.data);
    });
}

/// Multiplies every element, arrays in parallel.
pub(super) fn scale_all<T: Real>(tree: &mut Tree<T>, by: f64) {
    let by = T::of(by);
    let arrays: Vec<&mut Array<T>> = tree.iter_mut().map(|(_, a)| a).collect();
    arrays
        .into_par_iter()
        .for_each(|array| array.data.iter_mut().for_each(|v| *v *= by));
}
