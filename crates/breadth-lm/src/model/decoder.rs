//! The forward pass: packed batches in, log-probabilities of the targets out.

use std::sync::Arc;

use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};

use super::batch::Batch;
use super::checkpoint::Checkpoint;
use super::config::Config;
use super::kernels::{self, Span};
use crate::tree::{Array, Tree};

/// A parameter on a device.
#[derive(Clone, Debug)]
enum Leaf {
    Vector(Tensor<1>),
    Matrix(Tensor<2>),
}

/// Weight and bias of `x W + b`.
#[derive(Clone, Debug)]
struct Affine {
    weight: Tensor<2>,
    bias: Tensor<1>,
}

impl Affine {
    fn apply(&self, x: Tensor<2>) -> Tensor<2> {
        kernels::linear(x, self.weight.clone(), self.bias.clone())
    }

    /// The columns `start..end` of the output alone.
    fn columns(&self, start: usize, end: usize) -> Self {
        Self {
            weight: self.weight.clone().narrow(1, start, end - start),
            bias: self.bias.clone().narrow(0, start, end - start),
        }
    }
}

/// Gain and bias of a layer normalisation.
#[derive(Clone, Debug)]
struct Norm {
    gain: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f32,
}

impl Norm {
    fn apply(&self, x: Tensor<2>) -> Tensor<2> {
        kernels::layer_norm(x, self.gain.clone(), self.bias.clone(), self.epsilon)
    }
}

#[derive(Clone, Debug)]
struct Block {
    attention_norm: Norm,
    query: Affine,
    key_value: Affine,
    attention_out: Affine,
    mlp_norm: Norm,
    mlp_in: Affine,
    mlp_out: Affine,
}

/// A decoder on a device. With an autodiff device its parameters are tracked and [`Decoder::gradients`] reads them.
#[derive(Clone, Debug)]
pub struct Decoder {
    config: Config,
    leaves: Vec<(String, Leaf)>,
    tokens: Tensor<2>,
    positions: Tensor<2>,
    blocks: Vec<Block>,
    final_norm: Norm,
    device: Device,
}

/// Moves weights to a device and looks them up by name.
struct Loader<'a> {
    weights: &'a Tree,
    leaves: Vec<(String, Leaf)>,
    device: &'a Device,
    tracked: &'a dyn Fn(&str) -> bool,
    epsilon: f32,
}

impl Loader<'_> {
    fn data(&self, name: &str) -> TensorData {
        let array = &self.weights[name];
        TensorData::new(array.data.clone(), array.shape.clone())
    }

    fn is_tracked(&self, name: &str) -> bool {
        self.device.is_autodiff() && (self.tracked)(name)
    }

    fn matrix(&mut self, name: &str) -> Tensor<2> {
        let mut tensor = Tensor::<2>::from_data(self.data(name), self.device);
        if self.is_tracked(name) {
            tensor = tensor.require_grad();
            self.leaves
                .push((name.into(), Leaf::Matrix(tensor.clone())));
        }
        tensor
    }

    fn vector(&mut self, name: &str) -> Tensor<1> {
        let mut tensor = Tensor::<1>::from_data(self.data(name), self.device);
        if self.is_tracked(name) {
            tensor = tensor.require_grad();
            self.leaves
                .push((name.into(), Leaf::Vector(tensor.clone())));
        }
        tensor
    }

    fn affine(&mut self, name: &str) -> Affine {
        Affine {
            weight: self.matrix(&format!("{name}.weight")),
            bias: self.vector(&format!("{name}.bias")),
        }
    }

    fn norm(&mut self, name: &str) -> Norm {
        Norm {
            gain: self.vector(&format!("{name}.weight")),
            bias: self.vector(&format!("{name}.bias")),
            epsilon: self.epsilon,
        }
    }

    fn block(&mut self, layer: usize, width: usize) -> Block {
        let name = format!("transformer.h.{layer}");
        let projection = self.affine(&format!("{name}.attn.c_attn"));
        Block {
            attention_norm: self.norm(&format!("{name}.ln_1")),
            query: projection.columns(0, width),
            key_value: projection.columns(width, 3 * width),
            attention_out: self.affine(&format!("{name}.attn.c_proj")),
            mlp_norm: self.norm(&format!("{name}.ln_2")),
            mlp_in: self.affine(&format!("{name}.mlp.c_fc")),
            mlp_out: self.affine(&format!("{name}.mlp.c_proj")),
        }
    }
}

impl Decoder {
    /// Puts a checkpoint on a device.
    #[must_use]
    pub fn new(checkpoint: &Checkpoint, device: &Device) -> Self {
        Self::tracking(checkpoint, device, &|_| true)
    }

    /// The same with gradients, on an autodiff device, of the parameters with these names alone.
    pub(crate) fn tracking(
        checkpoint: &Checkpoint,
        device: &Device,
        tracked: &dyn Fn(&str) -> bool,
    ) -> Self {
        let config = checkpoint.config.clone();
        let mut loader = Loader {
            weights: &checkpoint.weights,
            leaves: Vec::new(),
            device,
            tracked,
            epsilon: config.layer_norm_epsilon,
        };
        let tokens = loader.matrix("transformer.wte.weight");
        let positions = loader.matrix("transformer.wpe.weight");
        let blocks = (0..config.layers)
            .map(|layer| loader.block(layer, config.width))
            .collect();
        let final_norm = loader.norm("transformer.ln_f");
        Self {
            leaves: loader.leaves,
            config,
            tokens,
            positions,
            blocks,
            final_norm,
            device: device.clone(),
        }
    }

    /// Sizes.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `log q(target)` at each target position of the batch, in nats, (targets).
    ///
    /// The last block and the head run at the target positions alone.
    #[must_use]
    pub fn log_probs(&self, batch: &Batch) -> Tensor<1> {
        let logits = self.logits(batch);
        kernels::token_log_probs(logits, batch.targets.clone())
    }

    /// Logits at the target positions, (targets, vocabulary).
    pub(crate) fn logits(&self, batch: &Batch) -> Tensor<2> {
        self.head(self.hidden(batch, |_, _| ()))
    }

    /// What the head sees at the target positions, (targets, width); `keep` sees each layer's key-value tensor.
    pub(crate) fn hidden(
        &self,
        batch: &Batch,
        mut keep: impl FnMut(usize, &Tensor<2>),
    ) -> Tensor<2> {
        let mut x = kernels::embed(
            self.tokens.clone(),
            self.positions.clone(),
            batch.tokens.clone(),
            batch.positions.clone(),
        );
        let rows = self.rows(&batch.target_rows);
        for (layer, block) in self.blocks.iter().enumerate() {
            let last = layer + 1 == self.blocks.len();
            let (rows, spans) = match last {
                true => (Some(rows.clone()), &batch.target_spans),
                false => (None, &batch.spans),
            };
            x = self.block(block, x, rows, |query, key_value| {
                keep(layer, &key_value);
                self.attend(query, key_value, spans)
            });
        }
        self.final_norm.apply(x)
    }

    /// One token per row through all blocks, to what the head sees, (rows, width); `attend` sees each layer's query, key and value rows.
    pub(crate) fn step(
        &self,
        tokens: Arc<[u32]>,
        positions: Arc<[u32]>,
        mut attend: impl FnMut(usize, Tensor<2>, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let mut x = kernels::embed(
            self.tokens.clone(),
            self.positions.clone(),
            tokens,
            positions,
        );
        for (layer, block) in self.blocks.iter().enumerate() {
            x = self.block(block, x, None, |query, key_value| {
                attend(layer, query, key_value)
            });
        }
        self.final_norm.apply(x)
    }

    fn rows(&self, rows: &[i64]) -> Tensor<1, Int> {
        Tensor::from_data(TensorData::new(rows.to_vec(), [rows.len()]), &self.device)
    }

    fn attend(&self, query: Tensor<2>, key_value: Tensor<2>, spans: &Arc<[Span]>) -> Tensor<2> {
        kernels::attention(query, key_value, spans.clone(), self.config.heads)
    }

    /// A pre-LayerNorm block; with `rows`, its output exists at those rows alone.
    fn block(
        &self,
        block: &Block,
        x: Tensor<2>,
        rows: Option<Tensor<1, Int>>,
        attend: impl FnOnce(Tensor<2>, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let normal = block.attention_norm.apply(x.clone());
        let key_value = block.key_value.apply(normal.clone());
        let (x, normal) = match rows {
            Some(rows) => (x.select(0, rows.clone()), normal.select(0, rows)),
            None => (x, normal),
        };
        let mixed = attend(block.query.apply(normal), key_value);
        let x = x + block.attention_out.apply(mixed);
        let inner = kernels::gelu(block.mlp_in.apply(block.mlp_norm.apply(x.clone())));
        x + block.mlp_out.apply(inner)
    }

    /// Logits, (rows, vocabulary), of what [`Decoder::hidden`] gives: the head is the transposed token table.
    pub(crate) fn head(&self, hidden: Tensor<2>) -> Tensor<2> {
        hidden.matmul(self.tokens.clone().transpose())
    }

    /// Gradients of a backward pass, by parameter name.
    #[must_use]
    pub fn gradients(&self, grads: &Gradients) -> Tree {
        let read = |leaf: &Leaf| match leaf {
            Leaf::Vector(t) => t.grad(grads).map(|g| g.into_data()),
            Leaf::Matrix(t) => t.grad(grads).map(|g| g.into_data()),
        };
        let array = |leaf: &Leaf| {
            let data = read(leaf)?;
            let shape = data.shape().to_vec();
            Some(Array::new(shape, data.try_into_vec::<f32>().ok()?))
        };
        let entry = |(name, leaf): &(String, Leaf)| Some((name.clone(), array(leaf)?));
        self.leaves.iter().filter_map(entry).collect()
    }
}
