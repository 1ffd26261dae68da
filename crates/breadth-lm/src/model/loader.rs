//! From the weights of a checkpoint to layers on a device.

use burn::tensor::{Bytes, DType, Device, Tensor, TensorData};

use super::config::{Config, NormKind};
use super::kernels::Heads;
use super::layer::{Affine, Block, Mlp, Norm};
use super::layout::{self, Inner, Parameter, Projections};
use crate::tree::Tree;

/// A parameter on a device.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    Vector(Tensor<1>),
    Matrix(Tensor<2>),
}

/// Moves weights to a device and looks them up by name.
pub(super) struct Loader<'a> {
    pub(super) config: &'a Config,
    pub(super) weights: &'a Tree,
    pub(super) leaves: Vec<(String, Leaf)>,
    pub(super) device: &'a Device,
    pub(super) tracked: &'a dyn Fn(&str) -> bool,
}

impl Loader<'_> {
    /// The numbers of a parameter, shared with the checkpoint.
    pub(super) fn data(&self, parameter: &Parameter) -> TensorData {
        let array = &self.weights[&parameter.name];
        let shared = bytes::Bytes::from_owner(array.data.clone());
        let property = burn::tensor::AllocationProperty::Other;
        let bytes = Bytes::from_shared(shared, property);
        TensorData::from_bytes(bytes, array.shape.clone(), DType::F32)
    }

    pub(super) fn is_tracked(&self, name: &str) -> bool {
        self.device.is_autodiff() && (self.tracked)(name)
    }

    pub(super) fn matrix(&mut self, parameter: &Parameter) -> Tensor<2> {
        let mut tensor = Tensor::<2>::from_data(self.data(parameter), self.device);
        if self.is_tracked(&parameter.name) {
            tensor = tensor.require_grad();
            self.leaves
                .push((parameter.name.clone(), Leaf::Matrix(tensor.clone())));
        }
        tensor
    }

    pub(super) fn vector(&mut self, parameter: &Parameter) -> Tensor<1> {
        let mut tensor = Tensor::<1>::from_data(self.data(parameter), self.device);
        if self.is_tracked(&parameter.name) {
            tensor = tensor.require_grad();
            self.leaves
                .push((parameter.name.clone(), Leaf::Vector(tensor.clone())));
        }
        tensor
    }

    pub(super) fn affine(&mut self, affine: &layout::Affine) -> Affine {
        let weight = self.matrix(&affine.weight);
        let weight = if layout::stores_inputs_first(self.config.family) {
            weight
        } else {
            weight.transpose()
        };
        let outputs = weight.dims()[1];
        let bias = match &affine.bias {
            Some(bias) => self.vector(bias),
            None => Tensor::zeros([outputs], self.device),
        };
        Affine { weight, bias }
    }

    pub(super) fn norm(&mut self, norm: &layout::Norm) -> Norm {
        Norm {
            gain: self.vector(&norm.gain),
            bias: norm.bias.as_ref().map(|bias| self.vector(bias)),
            offset: match self.config.norm {
                NormKind::RmsPlusOne => 1.0,
                NormKind::Layer | NormKind::Rms => 0.0,
            },
            epsilon: self.config.norm_epsilon,
        }
    }

    pub(super) fn optional(&mut self, norm: &Option<layout::Norm>) -> Option<Norm> {
        norm.as_ref().map(|norm| self.norm(norm))
    }

    pub(super) fn projections(&mut self, projections: &Projections) -> [Affine; 3] {
        let (query, key) = (self.config.query_width(), self.config.key_width());
        match projections {
            Projections::Separate(three) => three.each_ref().map(|one| self.affine(one)),
            Projections::Blocks(all) => {
                let all = self.affine(all);
                let ends = [0, query, query + key, query + 2 * key];
                [0, 1, 2].map(|i| all.columns(ends[i], ends[i + 1]))
            }
            Projections::Interleaved(all) => {
                let all = self.affine(all);
                [0, 1, 2].map(|part| all.of_heads(self.config.heads, part, 3))
            }
        }
    }

    pub(super) fn mlp(&mut self, block: &layout::Block) -> Mlp {
        let norm = self.optional(&block.mlp_norm);
        let (gate, up) = match &block.inner {
            Inner::Plain(up) => (None, self.affine(up)),
            Inner::Gated([gate, up]) => (Some(self.affine(gate)), self.affine(up)),
            Inner::Blocks(both) => {
                let (both, inner) = (self.affine(both), self.config.intermediate_size);
                (Some(both.columns(0, inner)), both.columns(inner, 2 * inner))
            }
        };
        Mlp {
            norm,
            gate,
            up,
            activation: self.config.activation,
            out: self.affine(&block.mlp_out),
            post_norm: self.optional(&block.mlp_post_norm),
        }
    }

    pub(super) fn block(&mut self, layer: usize, block: &layout::Block) -> Block {
        let config = self.config;
        let kind = config.layer_types[layer];
        let norm = self.optional(&block.attention_norm);
        let [query, key, value] = self.projections(&block.projections);
        Block {
            norm,
            query,
            key,
            value,
            query_norm: self.optional(&block.query_norm),
            key_norm: self.optional(&block.key_norm),
            heads: Heads {
                query: config.heads,
                key_value: config.key_value_heads,
                width: config.head_dim,
                scale: if config.scale_by_layer {
                    config.attention_scale / (layer + 1) as f32
                } else {
                    config.attention_scale
                },
                window: kind.window,
                softcap: config.attention_softcap,
            },
            rotary: (!config.rotary.is_empty()).then_some(kind.rotary),
            out: self.affine(&block.attention_out),
            post_norm: self.optional(&block.attention_post_norm),
            parallel: config.parallel,
            mlp: self.mlp(block),
        }
    }
}
