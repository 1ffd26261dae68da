//! Matrices that know how to pass a gradient on to what they were made from.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::gemm::Matrix;
use crate::tree::Data;

/// A matrix of `f32` in row-major order. Clones share its numbers.
///
/// Where a gradient is wanted it also has a [`Node`]; without one nothing is kept of how it was
/// made.
#[derive(Clone)]
pub struct Tensor {
    data: Data<f32>,
    rows: usize,
    cols: usize,
    node: Option<Arc<Node>>,
}

/// Where a tensor with a gradient came from: a parameter, or an operation that hands the gradient
/// of its output on to its inputs.
pub struct Node {
    /// Larger than those of all nodes it was made from.
    id: u64,
    backward: Option<Box<Backward>>,
}

type Backward = dyn Fn(Vec<f32>, &mut Pending) + Send + Sync;

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Node {
    fn new(backward: Option<Box<Backward>>) -> Arc<Self> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { id, backward })
    }
}

impl Tensor {
    /// A matrix without a gradient.
    ///
    /// # Panics
    /// If `data` is not `rows * cols` numbers.
    pub fn new(data: impl Into<Data<f32>>, rows: usize, cols: usize) -> Self {
        let data = data.into();
        assert_eq!(rows * cols, data.len(), "matrix of {rows} x {cols}");
        Self {
            data,
            rows,
            cols,
            node: None,
        }
    }

    /// The same numbers as a parameter, whose gradient [`Tensor::backward`] finds.
    pub fn tracked(self) -> Self {
        Self {
            node: Some(Node::new(None)),
            ..self
        }
    }

    /// The same numbers as the output of an operation: `backward` gets their gradient and adds to
    /// those of the inputs. Dropped if no input wants one.
    pub fn made_from<const N: usize>(
        self,
        inputs: [&Option<Arc<Node>>; N],
        backward: impl Fn(Vec<f32>, &mut Pending) + Send + Sync + 'static,
    ) -> Self {
        let wanted = inputs.iter().any(|input| input.is_some());
        let node = wanted.then(|| Node::new(Some(Box::new(backward))));
        Self { node, ..self }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The numbers, row by row.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The numbers to be changed in place; copied if anyone else reads them.
    pub fn into_data(self) -> Data<f32> {
        self.data
    }

    /// The whole as a factor of a product.
    pub fn matrix(&self) -> Matrix<'_> {
        Matrix::new(self.data(), self.rows, self.cols, self.cols)
    }

    /// Where it came from, without its numbers.
    pub fn node(&self) -> &Option<Arc<Node>> {
        &self.node
    }

    /// Gradients of `sum_i weights_i output_i` by all parameters that the output was made from.
    ///
    /// A node's gradient is complete when all nodes made later have handed on theirs, so the latest
    /// always goes first. The order of additions is fixed by the order of operations.
    pub fn backward(self, weights: Vec<f32>) -> Gradients {
        assert_eq!(weights.len(), self.data.len(), "a weight for each output");
        let (mut pending, mut gradients) = (Pending(BTreeMap::new()), BTreeMap::new());
        pending.add(&self.node, || weights);
        drop(self);
        while let Some((id, (node, gradient))) = pending.0.pop_last() {
            match &node.backward {
                Some(backward) => backward(gradient, &mut pending),
                None => drop(gradients.insert(id, gradient)),
            }
        }
        Gradients(gradients)
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({} x {})", self.rows, self.cols)
    }
}

/// Gradients that are still to be handed on.
pub struct Pending(BTreeMap<u64, (Arc<Node>, Vec<f32>)>);

impl Pending {
    /// Adds a part to the gradient of an input, if one is wanted.
    pub fn add(&mut self, to: &Option<Arc<Node>>, part: impl FnOnce() -> Vec<f32>) {
        let Some(node) = to else { return };
        match self.0.get_mut(&node.id) {
            Some((_, gradient)) => {
                for (g, p) in gradient.iter_mut().zip(part()) {
                    *g += p;
                }
            }
            None => drop(self.0.insert(node.id, (node.clone(), part()))),
        }
    }

    /// The gradient of an input of `len` numbers so far, if one is wanted.
    pub fn of(&mut self, input: &Option<Arc<Node>>, len: usize) -> Option<&mut [f32]> {
        let node = input.as_ref()?;
        let fresh = || (node.clone(), vec![0.0; len]);
        Some(&mut self.0.entry(node.id).or_insert_with(fresh).1)
    }
}

/// The gradients of parameters.
pub struct Gradients(BTreeMap<u64, Vec<f32>>);

impl Gradients {
    /// Takes the gradient of a parameter; none if the output does not depend on it.
    pub fn take(&mut self, parameter: &Tensor) -> Option<Vec<f32>> {
        self.0.remove(&parameter.node.as_ref()?.id)
    }
}
