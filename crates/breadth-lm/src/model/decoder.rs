//! The forward pass: packed batches in, log-probabilities of the targets out.

use std::sync::Arc;

use burn::tensor::{Bytes, DType, Device, Gradients, Int, Tensor, TensorData};

use super::activation::Activation;
use super::batch::Batch;
use super::checkpoint::Checkpoint;
use super::config::{Config, NormKind};
use super::kernels::{self, Heads, RotaryTable};
use super::layout::{self, Inner, Layout, Parameter, Projections};
use super::rotary::{Rotary, RotaryCache};
use crate::tree::{Array, Tree};

/// Numbers of logits at a time where only the log-probabilities of the targets are wanted: 16 MB.
const LOGITS_AT_ONCE: usize = 1 << 22;

/// A parameter on a device.
#[derive(Clone, Debug)]
enum Leaf {
    Vector(Tensor<1>),
    Matrix(Tensor<2>),
}

/// Weight, (inputs, outputs), and bias of `x W + b`.
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

    /// Part `part` of `parts` of every head's outputs.
    fn of_heads(&self, heads: usize, part: usize, parts: usize) -> Self {
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
struct Norm {
    gain: Tensor<1>,
    bias: Option<Tensor<1>>,
    /// What is added to the gain.
    offset: f32,
    epsilon: f32,
}

impl Norm {
    fn apply(&self, x: Tensor<2>) -> Tensor<2> {
        let gain = self.gain.clone();
        match &self.bias {
            Some(bias) => kernels::layer_norm(x, gain, bias.clone(), self.epsilon),
            None => kernels::rms_norm(x, gain, self.offset, self.epsilon),
        }
    }
}

/// `norm(x)`, or `x` where there is no norm.
fn apply(norm: &Option<Norm>, x: Tensor<2>) -> Tensor<2> {
    match norm {
        Some(norm) => norm.apply(x),
        None => x,
    }
}

#[derive(Clone, Debug)]
struct Mlp {
    norm: Option<Norm>,
    gate: Option<Affine>,
    up: Affine,
    activation: Activation,
    out: Affine,
    post_norm: Option<Norm>,
}

impl Mlp {
    fn apply(&self, x: Tensor<2>) -> Tensor<2> {
        let x = apply(&self.norm, x);
        let inner = match &self.gate {
            Some(gate) => kernels::gated(gate.apply(x.clone()), self.up.apply(x), self.activation),
            None => kernels::activate(self.up.apply(x), self.activation),
        };
        apply(&self.post_norm, self.out.apply(inner))
    }
}

#[derive(Clone, Debug)]
struct Block {
    norm: Option<Norm>,
    query: Affine,
    key: Affine,
    value: Affine,
    query_norm: Option<Norm>,
    key_norm: Option<Norm>,
    heads: Heads,
    /// Which angles turn query and key; none with learned positions.
    rotary: Option<usize>,
    out: Affine,
    post_norm: Option<Norm>,
    parallel: bool,
    mlp: Mlp,
}

/// What attention sees of one layer: its query, key and value rows.
pub(crate) struct Attended<'a> {
    pub layer: usize,
    pub heads: Heads,
    pub query: Tensor<2>,
    pub key: &'a Tensor<2>,
    pub value: &'a Tensor<2>,
}

/// How rows turn, by the kind of layer: angles, and the row of each there.
struct RotaryTables(Vec<(Arc<RotaryTable>, Arc<[u32]>)>);

/// The rows in which a block's output is wanted, and how they turn.
struct TargetRows<'a> {
    rows: Tensor<1, Int>,
    rotary: &'a RotaryTables,
}

/// A decoder on a device. With an autodiff device its parameters are tracked and [`Decoder::gradients`] reads them.
#[derive(Clone, Debug)]
pub struct Decoder {
    config: Config,
    leaves: Vec<(String, Leaf)>,
    tokens: Tensor<2>,
    positions: Option<Tensor<2>>,
    blocks: Vec<Block>,
    final_norm: Norm,
    head: Affine,
    angles: Arc<RotaryCache>,
    device: Device,
}

/// Moves weights to a device and looks them up by name.
struct Loader<'a> {
    config: &'a Config,
    weights: &'a Tree,
    leaves: Vec<(String, Leaf)>,
    device: &'a Device,
    tracked: &'a dyn Fn(&str) -> bool,
}

impl Loader<'_> {
    /// The numbers of a parameter, shared with the checkpoint.
    fn data(&self, parameter: &Parameter) -> TensorData {
        let array = &self.weights[&parameter.name];
        let shared = bytes::Bytes::from_owner(array.data.clone());
        let property = burn::tensor::AllocationProperty::Other;
        let bytes = Bytes::from_shared(shared, property);
        TensorData::from_bytes(bytes, array.shape.clone(), DType::F32)
    }

    fn is_tracked(&self, name: &str) -> bool {
        self.device.is_autodiff() && (self.tracked)(name)
    }

    fn matrix(&mut self, parameter: &Parameter) -> Tensor<2> {
        let mut tensor = Tensor::<2>::from_data(self.data(parameter), self.device);
        if self.is_tracked(&parameter.name) {
            tensor = tensor.require_grad();
            self.leaves
                .push((parameter.name.clone(), Leaf::Matrix(tensor.clone())));
        }
        tensor
    }

    fn vector(&mut self, parameter: &Parameter) -> Tensor<1> {
        let mut tensor = Tensor::<1>::from_data(self.data(parameter), self.device);
        if self.is_tracked(&parameter.name) {
            tensor = tensor.require_grad();
            self.leaves
                .push((parameter.name.clone(), Leaf::Vector(tensor.clone())));
        }
        tensor
    }

    fn affine(&mut self, affine: &layout::Affine) -> Affine {
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

    fn norm(&mut self, norm: &layout::Norm) -> Norm {
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

    fn optional(&mut self, norm: &Option<layout::Norm>) -> Option<Norm> {
        norm.as_ref().map(|norm| self.norm(norm))
    }

    fn projections(&mut self, projections: &Projections) -> [Affine; 3] {
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

    fn mlp(&mut self, block: &layout::Block) -> Mlp {
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

    fn block(&mut self, layer: usize, block: &layout::Block) -> Block {
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

impl Decoder {
    /// Puts a checkpoint on a device. On the CPU the weights are those of the checkpoint, not a copy.
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
        let layout = Layout::of(&config);
        let mut loader = Loader {
            config: &config,
            weights: &checkpoint.weights,
            leaves: Vec::new(),
            device,
            tracked,
        };
        let tokens = loader.matrix(&layout.tokens);
        let positions = layout.positions.as_ref().map(|p| loader.matrix(p));
        let blocks = layout.blocks.iter().enumerate();
        let blocks = blocks.map(|(i, b)| loader.block(i, b)).collect();
        let final_norm = loader.norm(&layout.final_norm);
        let head = match &layout.head {
            Some(head) => loader.matrix(head),
            None => tokens.clone(),
        };
        let leaves = loader.leaves;
        Self {
            leaves,
            tokens,
            positions,
            blocks,
            final_norm,
            head: Affine {
                weight: head.transpose(),
                bias: Tensor::zeros([config.vocab_size], device),
            },
            angles: Arc::default(),
            config,
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
    /// The last block and the head run at the target positions alone. Off an autodiff device, which must keep them for the gradient, logits are
    /// made for some rows at a time.
    #[must_use]
    pub fn log_probs(&self, batch: &Batch) -> Tensor<1> {
        let hidden = self.hidden(batch, |_| ());
        let [rows, _] = hidden.dims();
        let most = (LOGITS_AT_ONCE / self.config.vocab_size).max(1);
        if self.device.is_autodiff() || rows <= most {
            return kernels::token_log_probs(self.head(hidden), batch.targets.clone());
        }
        let some = |start: usize| {
            let count = most.min(rows - start);
            let logits = self.head(hidden.clone().narrow(0, start, count));
            kernels::token_log_probs(logits, batch.targets[start..start + count].into())
        };
        Tensor::cat((0..rows).step_by(most).map(some).collect(), 0)
    }

    /// Logits at the target positions, (targets, vocabulary).
    pub(crate) fn logits(&self, batch: &Batch) -> Tensor<2> {
        self.head(self.hidden(batch, |_| ()))
    }

    /// What the head sees at the target positions, (targets, width); `keep` sees each layer's keys and values.
    pub(crate) fn hidden(&self, batch: &Batch, mut keep: impl FnMut(&Attended)) -> Tensor<2> {
        let mut x = self.embed(batch.tokens.clone(), batch.positions.clone());
        let rotary = self.rotary(&batch.positions, &batch.lengths);
        let target_rotary = self.rotary(&batch.target_positions, &batch.target_lengths);
        let last = self.blocks.len() - 1;
        for (layer, block) in self.blocks.iter().enumerate() {
            let (wanted, spans) = if layer == last {
                let (rows, rotary) = (self.rows(&batch.target_rows), &target_rotary);
                (Some(TargetRows { rows, rotary }), &batch.target_spans)
            } else {
                (None, &batch.spans)
            };
            x = self.block(layer, x, &rotary, wanted, |attended| {
                keep(&attended);
                kernels::attention(
                    attended.query,
                    attended.key.clone(),
                    attended.value.clone(),
                    spans.clone(),
                    block.heads,
                )
            });
        }
        self.final_norm.apply(x)
    }

    /// One token per row through all blocks, to what the head sees, (rows, width); `attend` sees each layer's query, key and value rows.
    pub(crate) fn step(
        &self,
        tokens: Arc<[u32]>,
        positions: Arc<[u32]>,
        mut attend: impl FnMut(Attended) -> Tensor<2>,
    ) -> Tensor<2> {
        let lengths: Vec<u32> = positions.iter().map(|p| p + 1).collect();
        let rotary = self.rotary(&positions, &lengths);
        let mut x = self.embed(tokens, positions);
        for layer in 0..self.blocks.len() {
            x = self.block(layer, x, &rotary, None, &mut attend);
        }
        self.final_norm.apply(x)
    }

    fn rows(&self, rows: &[i64]) -> Tensor<1, Int> {
        Tensor::from_data(TensorData::new(rows.to_vec(), [rows.len()]), &self.device)
    }

    /// How rows at these positions, of sequences of these lengths, turn.
    fn rotary(&self, positions: &Arc<[u32]>, lengths: &[u32]) -> RotaryTables {
        let reach = positions.iter().max().map_or(0, |&p| p as usize + 1);
        let angles = self.angles.get(&self.config.rotary, reach).into_iter();
        let of_kind = |(rotary, angles): (&Rotary, Arc<RotaryTable>)| {
            let Some(from) = rotary.long_from() else {
                return (angles, positions.clone());
            };
            let row = |(&position, &length): (&u32, &u32)| {
                if length as usize > from {
                    position + angles.positions as u32
                } else {
                    position
                }
            };
            let rows = positions.iter().zip(lengths).map(row).collect();
            (angles, rows)
        };
        RotaryTables(self.config.rotary.iter().zip(angles).map(of_kind).collect())
    }

    fn embed(&self, tokens: Arc<[u32]>, positions: Arc<[u32]>) -> Tensor<2> {
        let x = match &self.positions {
            Some(table) => kernels::embed(self.tokens.clone(), table.clone(), tokens, positions),
            None => {
                let nowhere = Tensor::zeros([1, self.config.hidden_size], &self.device);
                let first = vec![0; tokens.len()];
                kernels::embed(self.tokens.clone(), nowhere, tokens, first.into())
            }
        };
        match self.config.embedding_scale {
            1.0 => x,
            scale => x.mul_scalar(scale),
        }
    }

    /// One block; with `wanted`, its output exists at those rows alone.
    fn block(
        &self,
        layer: usize,
        x: Tensor<2>,
        rotary: &RotaryTables,
        wanted: Option<TargetRows>,
        attend: impl FnOnce(Attended) -> Tensor<2>,
    ) -> Tensor<2> {
        let block = &self.blocks[layer];
        let turn = |x: Tensor<2>, rotary: &RotaryTables| match block.rotary {
            Some(kind) => {
                let (angles, rows) = rotary.0[kind].clone();
                kernels::rotate(x, angles, rows, block.heads.width)
            }
            None => x,
        };
        let normal = apply(&block.norm, x.clone());
        let key = apply(&block.key_norm, block.key.apply(normal.clone()));
        let key = turn(key, rotary);
        let value = block.value.apply(normal.clone());
        let (x, normal, rotary) = match wanted {
            Some(TargetRows { rows, rotary }) => {
                (x.select(0, rows.clone()), normal.select(0, rows), rotary)
            }
            None => (x, normal, rotary),
        };
        let query = apply(&block.query_norm, block.query.apply(normal));
        let mixed = attend(Attended {
            layer,
            heads: block.heads,
            query: turn(query, rotary),
            key: &key,
            value: &value,
        });
        let attention = apply(&block.post_norm, block.out.apply(mixed));
        if block.parallel {
            x.clone() + attention + block.mlp.apply(x)
        } else {
            let x = x + attention;
            x.clone() + block.mlp.apply(x)
        }
    }

    /// Logits, (rows, vocabulary), of what [`Decoder::hidden`] gives.
    pub(crate) fn head(&self, hidden: Tensor<2>) -> Tensor<2> {
        let logits = self.head.apply(hidden);
        match self.config.logit_softcap {
            Some(cap) => logits.div_scalar(cap).tanh().mul_scalar(cap),
            None => logits,
        }
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

/// The numbers of a tensor, row by row.
pub(crate) fn values(tensor: Tensor<2>) -> Vec<f32> {
    tensor
        .into_data()
        .try_into_vec::<f32>()
        .expect("activations are f32")
}
