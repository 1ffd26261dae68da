//! From the weights of a checkpoint to layers.

use super::config::{Config, NormKind};
use super::kernels::Heads;
use super::layer::{Block, Mlp, Norm, columns, of_heads};
use super::layout::{self, Inner, Parameter, Projections};
use super::operations::Affine;
use super::tensor::Tensor;
use crate::tree::Tree;

/// A parameter whose gradient is wanted.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) parameter: Parameter,
    pub(super) tensor: Tensor,
}

/// Looks weights up by name.
pub(super) struct Loader<'a> {
    pub(super) config: &'a Config,
    pub(super) weights: &'a Tree,
    pub(super) leaves: Vec<Leaf>,
    pub(super) tracked: &'a dyn Fn(&str) -> bool,
}

impl Loader<'_> {
    /// The numbers of a parameter, shared with the checkpoint; a vector is one column.
    pub(super) fn tensor(&mut self, parameter: &Parameter) -> Tensor {
        let array = &self.weights[&parameter.name];
        let rows = array.shape.first().copied().unwrap_or(1);
        let cols = array.shape.iter().skip(1).product();
        let tensor = Tensor::new(array.data.clone(), rows, cols);
        if !(self.tracked)(&parameter.name) {
            return tensor;
        }
        let tensor = tensor.tracked();
        self.leaves.push(Leaf {
            parameter: parameter.clone(),
            tensor: tensor.clone(),
        });
        tensor
    }

    fn affine(&mut self, affine: &layout::Affine) -> Affine {
        let weight = self.tensor(&affine.weight);
        let inputs_first = layout::stores_inputs_first(self.config.family);
        let outputs = if inputs_first {
            weight.cols()
        } else {
            weight.rows()
        };
        Affine {
            weight,
            inputs_first,
            bias: affine.bias.as_ref().map(|bias| self.tensor(bias)),
            outputs: 0..outputs,
        }
    }

    pub(super) fn norm(&mut self, norm: &layout::Norm) -> Norm {
        Norm {
            gain: self.tensor(&norm.gain),
            bias: norm.bias.as_ref().map(|bias| self.tensor(bias)),
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
                [0, 1, 2].map(|i| columns(&all, ends[i], ends[i + 1]))
            }
            Projections::Interleaved(all) => {
                let all = self.affine(all);
                [0, 1, 2].map(|part| of_heads(&all, self.config.heads, part, 3))
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
                (
                    Some(columns(&both, 0, inner)),
                    columns(&both, inner, 2 * inner),
                )
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
