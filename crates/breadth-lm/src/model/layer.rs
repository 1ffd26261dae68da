//! The layers of a decoder with their weights.

use std::sync::Arc;

use super::activation::Activation;
use super::kernels::Heads;
use super::operations::{self, Affine, linear};
use super::tensor::Tensor;

/// The columns `start..end` of the output of a matrix alone.
pub(super) fn columns(all: &Affine, start: usize, end: usize) -> Affine {
    Affine {
        outputs: start..end,
        ..all.clone()
    }
}

/// Part `part` of `parts` of every head's outputs, of a matrix (outputs, inputs).
pub(super) fn of_heads(all: &Affine, heads: usize, part: usize, parts: usize) -> Affine {
    let width = all.outputs.len() / heads / parts;
    let first = |head: usize| (head * parts + part) * width;
    let rows = (0..heads).flat_map(|head| first(head)..first(head) + width);
    let rows: Arc<[u32]> = rows.map(|row| row as u32).collect();
    let select = |x: &Tensor| operations::select(x, rows.clone());
    Affine {
        weight: select(&all.weight),
        inputs_first: false,
        bias: all.bias.as_ref().map(select),
        outputs: 0..rows.len(),
    }
}

/// A normalisation: of layers with a bias, of the root mean square without.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub(super) gain: Tensor,
    pub(super) bias: Option<Tensor>,
    /// What is added to the gain.
    pub(super) offset: f32,
    pub(super) epsilon: f32,
}

impl Norm {
    pub(super) fn apply(&self, x: &Tensor) -> Tensor {
        match &self.bias {
            Some(bias) => operations::layer_norm(x, &self.gain, bias, self.epsilon),
            None => operations::rms_norm(x, &self.gain, self.offset, self.epsilon),
        }
    }
}

/// `norm(x)`, or `x` where there is no norm.
pub(super) fn apply(norm: &Option<Norm>, x: Tensor) -> Tensor {
    match norm {
        Some(norm) => norm.apply(&x),
        None => x,
    }
}

#[derive(Clone, Debug)]
pub(super) struct Mlp {
    pub(super) norm: Option<Norm>,
    pub(super) gate: Option<Affine>,
    pub(super) up: Affine,
    pub(super) activation: Activation,
    pub(super) out: Affine,
    pub(super) post_norm: Option<Norm>,
}

impl Mlp {
    pub(super) fn apply(&self, x: &Tensor) -> Tensor {
        let x = apply(&self.norm, x.clone());
        let gate = self.gate.as_ref().map(|gate| linear(&x, gate));
        let up = linear(&x, &self.up);
        let inner = match gate {
            Some(gate) => operations::gated(&gate, &up, self.activation),
            None => operations::activate(&up, self.activation),
        };
        apply(&self.post_norm, linear(&inner, &self.out))
    }
}

#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) norm: Option<Norm>,
    pub(super) query: Affine,
    pub(super) key: Affine,
    pub(super) value: Affine,
    pub(super) query_norm: Option<Norm>,
    pub(super) key_norm: Option<Norm>,
    pub(super) heads: Heads,
    /// Which angles turn query and key; none with learned positions.
    pub(super) rotary: Option<usize>,
    pub(super) out: Affine,
    pub(super) post_norm: Option<Norm>,
    pub(super) parallel: bool,
    pub(super) mlp: Mlp,
}
