//! The layers of a decoder, their weights on a device.

use burn::tensor::Tensor;

use super::activation::Activation;
use super::kernels::{self, Heads};

/// Weight, (inputs, outputs), and bias of `x W + b`.
#[derive(Clone, Debug)]
pub(super) struct Affine {
    pub(super) weight: Tensor<2>,
    pub(super) bias: Tensor<1>,
}

impl Affine {
    pub(super) fn apply(&self, x: Tensor<2>) -> Tensor<2> {
        kernels::linear(x, self.weight.clone(), self.bias.clone())
    }

    /// The columns `start..end` of the output alone.
    pub(super) fn columns(&self, start: usize, end: usize) -> Self {
        Self {
            weight: self.weight.clone().narrow(1, start, end - start),
            bias: self.bias.clone().narrow(0, start, end - start),
        }
    }

    /// Part `part` of `parts` of every head's outputs.
    pub(super) fn of_heads(&self, heads: usize, part: usize, parts: usize) -> Self {
        let [inputs, outputs] = self.weight.dims();
        let width = outputs / heads / parts;
        let by_head = self
            .weight
            .clone()
            .transpose()
            .reshape([heads, parts, width, inputs]);
        let bias = self.bias.clone().reshape([heads, parts, width]);
        Self {
            weight: by_head
                .narrow(1, part, 1)
                .reshape([heads * width, inputs])
                .transpose(),
            bias: bias.narrow(1, part, 1).reshape([heads * width]),
        }
    }
}

/// A normalisation: of layers with a bias, of the root mean square without.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub(super) gain: Tensor<1>,
    pub(super) bias: Option<Tensor<1>>,
    /// What is added to the gain.
    pub(super) offset: f32,
    pub(super) epsilon: f32,
}

impl Norm {
    pub(super) fn apply(&self, x: Tensor<2>) -> Tensor<2> {
        let gain = self.gain.clone();
        match &self.bias {
            Some(bias) => kernels::layer_norm(x, gain, bias.clone(), self.epsilon),
            None => kernels::rms_norm(x, gain, self.offset, self.epsilon),
        }
    }
}

/// `norm(x)`, or `x` where there is no norm.
pub(super) fn apply(norm: &Option<Norm>, x: Tensor<2>) -> Tensor<2> {
    match norm {
        Some(norm) => norm.apply(x),
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
    pub(super) fn apply(&self, x: Tensor<2>) -> Tensor<2> {
        let x = apply(&self.norm, x);
        let inner = match &self.gate {
            Some(gate) => kernels::gated(gate.apply(x.clone()), self.up.apply(x), self.activation),
            None => kernels::activate(self.up.apply(x), self.activation),
        };
        apply(&self.post_norm, self.out.apply(inner))
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
