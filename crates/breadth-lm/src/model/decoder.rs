//! The forward pass: packed batches in, log-probabilities of the targets out.

use std::sync::Arc;

use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};

use super::batch::Batch;
use super::checkpoint::Checkpoint;
use super::config::Config;
use super::kernels::{self, Heads, RotaryTable};
use super::layer::{Affine, Block, Norm, apply};
use super::layout::Layout;
use super::loader::{Leaf, Loader};
use super::rotary::{Rotary, RotaryCache};
use crate::tree::{Array, Tree};

/// Numbers of logits at a time where only the log-probabilities of the targets are wanted: 16 MB.
const LOGITS_AT_ONCE: usize = 1 << 22;

/// What attention sees of one layer: its query, key and value rows.
pub(crate) struct Attended<'a> {
    pub layer: usize,
    pub heads: Heads,
    pub query: Tensor<2>,
    pub key: &'a Tensor<2>,
    pub value: &'a Tensor<2>,
}

/// Rotary tables by the kind of layer, and the row of each token there.
struct RotaryTables(Vec<(Arc<RotaryTable>, Arc<[u32]>)>);

/// The rows in which a block's output is wanted, with their rotary tables.
struct TargetRows<'a> {
    rows: Tensor<1, Int>,
    rotary: &'a RotaryTables,
}

/// A decoder on a device. With an autodiff device its parameters are tracked and
/// [`Decoder::gradients`] reads them.
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

impl Decoder {
    /// Puts a checkpoint on a device. On the CPU the weights are those of the checkpoint, not a
    /// copy.
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
    /// The last block and the head run at the target positions alone. Off an autodiff device, which
    /// must keep them for the gradient, logits are made for some rows at a time.
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

    /// What the head sees at the target positions, (targets, width); `keep` sees each layer's keys
    /// and values.
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

    /// One token per row through all blocks, to what the head sees, (rows, width); `attend` sees
    /// each layer's query, key and value rows.
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

    /// The rotary tables of rows at these positions, of sequences of these lengths.
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
