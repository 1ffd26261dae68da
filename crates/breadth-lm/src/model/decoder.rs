//! The forward pass: packed batches in, log-probabilities of the targets out.

use std::sync::Arc;

use super::batch::Batch;
use super::checkpoint::Checkpoint;
use super::config::Config;
use super::kernels::{Heads, RotaryTable};
use super::layer::{Block, Norm, apply};
use super::layout::Layout;
use super::loader::{Leaf, Loader};
use super::operations::{self, Affine, linear};
use super::rotary::{Rotary, RotaryCache};
use super::tensor::{Gradients, Tensor};
use crate::tree::{Array, Tree};

/// Numbers of logits at a time where only the log-probabilities of the targets are wanted: 16 MB.
const LOGITS_AT_ONCE: usize = 1 << 22;

/// What attention sees of one layer: its query, key and value rows.
pub(crate) struct Attended<'a> {
    pub layer: usize,
    pub heads: Heads,
    pub query: Tensor,
    pub key: &'a Tensor,
    pub value: &'a Tensor,
}

/// Rotary tables by the kind of layer, and the row of each token there.
struct RotaryTables(Vec<(Arc<RotaryTable>, Arc<[u32]>)>);

/// The rows in which a block's output is wanted, with their rotary tables.
struct TargetRows<'a> {
    rows: Arc<[u32]>,
    rotary: &'a RotaryTables,
}

/// A decoder. [`Decoder::gradients`] reads the gradients of the parameters that it tracks.
#[derive(Clone, Debug)]
pub struct Decoder {
    config: Config,
    leaves: Vec<Leaf>,
    tokens: Tensor,
    positions: Option<Tensor>,
    blocks: Vec<Block>,
    final_norm: Norm,
    head: Affine,
    angles: Arc<RotaryCache>,
}

impl Decoder {
    /// The decoder of a checkpoint, whose weights it shares.
    #[must_use]
    pub fn new(checkpoint: &Checkpoint) -> Self {
        Self::tracking(checkpoint, &|_| false)
    }

    /// The same with gradients of the parameters with these names.
    pub(crate) fn tracking(checkpoint: &Checkpoint, tracked: &dyn Fn(&str) -> bool) -> Self {
        let config = checkpoint.config.clone();
        let layout = Layout::of(&config);
        let mut loader = Loader {
            config: &config,
            weights: &checkpoint.weights,
            leaves: Vec::new(),
            tracked,
        };
        let tokens = loader.tensor(&layout.tokens);
        let positions = layout.positions.as_ref().map(|p| loader.tensor(p));
        let blocks = layout.blocks.iter().enumerate();
        let blocks = blocks.map(|(i, b)| loader.block(i, b)).collect();
        let final_norm = loader.norm(&layout.final_norm);
        let head = match &layout.head {
            Some(head) => loader.tensor(head),
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
                outputs: 0..head.rows(),
                weight: head,
                inputs_first: false,
                bias: None,
            },
            angles: Arc::default(),
            config,
        }
    }

    /// Sizes.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `log q(target)` at each target position of the batch, in nats, (targets).
    ///
    /// The last block and the head run at the target positions alone. Unless they must be kept for
    /// a gradient, logits are made for some rows at a time.
    #[must_use]
    pub fn log_probs(&self, batch: &Batch) -> Tensor {
        let hidden = self.hidden(batch, |_| ());
        let rows = hidden.rows();
        let most = (LOGITS_AT_ONCE / self.config.vocab_size).max(1);
        if !self.leaves.is_empty() || rows <= most {
            return operations::token_log_probs(&self.head(&hidden), batch.targets.clone());
        }
        let mut all = Vec::with_capacity(rows);
        for start in (0..rows).step_by(most) {
            let some = start..rows.min(start + most);
            let index = some.clone().map(|row| row as u32).collect();
            let logits = self.head(&operations::select(&hidden, index));
            let own = operations::token_log_probs(&logits, batch.targets[some].into());
            all.extend_from_slice(own.data());
        }
        Tensor::new(all, rows, 1)
    }

    /// Logits at the target positions, (targets, vocabulary).
    pub(crate) fn logits(&self, batch: &Batch) -> Tensor {
        self.head(&self.hidden(batch, |_| ()))
    }

    /// What the head sees at the target positions, (targets, width); `keep` sees each layer's keys
    /// and values.
    pub(crate) fn hidden(&self, batch: &Batch, mut keep: impl FnMut(&Attended)) -> Tensor {
        let mut x = self.embed(batch.tokens.clone(), batch.positions.clone());
        let rotary = self.rotary(&batch.positions, &batch.lengths);
        let target_rotary = self.rotary(&batch.target_positions, &batch.target_lengths);
        let last = self.blocks.len() - 1;
        for (layer, block) in self.blocks.iter().enumerate() {
            let (wanted, spans) = if layer == last {
                let (rows, rotary) = (batch.target_rows.clone(), &target_rotary);
                (Some(TargetRows { rows, rotary }), &batch.target_spans)
            } else {
                (None, &batch.spans)
            };
            x = self.block(layer, x, &rotary, wanted, |attended| {
                keep(&attended);
                let Attended {
                    query, key, value, ..
                } = attended;
                operations::attention(&query, key, value, spans.clone(), block.heads)
            });
        }
        self.final_norm.apply(&x)
    }

    /// One token per row through all blocks, to what the head sees, (rows, width); `attend` sees
    /// each layer's query, key and value rows.
    pub(crate) fn step(
        &self,
        tokens: Arc<[u32]>,
        positions: Arc<[u32]>,
        mut attend: impl FnMut(Attended) -> Tensor,
    ) -> Tensor {
        let lengths: Vec<u32> = positions.iter().map(|p| p + 1).collect();
        let rotary = self.rotary(&positions, &lengths);
        let mut x = self.embed(tokens, positions);
        for layer in 0..self.blocks.len() {
            x = self.block(layer, x, &rotary, None, &mut attend);
        }
        self.final_norm.apply(&x)
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

    fn embed(&self, tokens: Arc<[u32]>, positions: Arc<[u32]>) -> Tensor {
        let mut x = operations::select(&self.tokens, tokens);
        if let Some(table) = &self.positions {
            x = operations::add(&operations::select(table, positions), x);
        }
        match self.config.embedding_scale {
            1.0 => x,
            by => operations::scale(x, by),
        }
    }

    /// One block; with `wanted`, its output exists at those rows alone.
    fn block(
        &self,
        layer: usize,
        x: Tensor,
        rotary: &RotaryTables,
        wanted: Option<TargetRows>,
        attend: impl FnOnce(Attended) -> Tensor,
    ) -> Tensor {
        let block = &self.blocks[layer];
        let turn = |x: Tensor, rotary: &RotaryTables| match block.rotary {
            Some(kind) => {
                let (angles, rows) = rotary.0[kind].clone();
                operations::rotate(&x, angles, rows, block.heads.width)
            }
            None => x,
        };
        let normal = apply(&block.norm, x.clone());
        let (x, seen, own_rotary) = match wanted {
            Some(TargetRows { rows, rotary }) => {
                let seen = operations::select(&normal, rows.clone());
                (operations::select(&x, rows), seen, rotary)
            }
            None => (x, normal.clone(), rotary),
        };
        let query = apply(&block.query_norm, linear(&seen, &block.query));
        let query = turn(query, own_rotary);
        let key = apply(&block.key_norm, linear(&normal, &block.key));
        let key = turn(key, rotary);
        let value = linear(&normal, &block.value);
        let mixed = attend(Attended {
            layer,
            heads: block.heads,
            query,
            key: &key,
            value: &value,
        });
        let attention = apply(&block.post_norm, linear(&mixed, &block.out));
        let sum = operations::add(&x, attention);
        let inner = block.mlp.apply(if block.parallel { &x } else { &sum });
        operations::add(&sum, inner)
    }

    /// Logits, (rows, vocabulary), of what [`Decoder::hidden`] gives.
    pub(crate) fn head(&self, hidden: &Tensor) -> Tensor {
        let logits = linear(hidden, &self.head);
        match self.config.logit_softcap {
            Some(cap) => operations::cap_softly(logits, cap),
            None => logits,
        }
    }

    /// Gradients of the tracked parameters by name, without those on which nothing depended.
    #[must_use]
    pub(crate) fn gradients(&self, mut gradients: Gradients) -> Tree {
        let entry = |Leaf { parameter, tensor }: &Leaf| {
            let array = Array::new(parameter.shape.clone(), gradients.take(tensor)?);
            Some((parameter.name.clone(), array))
        };
        self.leaves.iter().filter_map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Gpt2;
    use crate::rng;

    #[test]
    fn a_decoder_reads_the_weights_where_the_checkpoint_has_them() {
        let config = Gpt2 {
            vocab_size: 5,
            max_position_embeddings: 4,
            hidden_size: 4,
            layers: 1,
            heads: 2,
            intermediate_size: 6,
            layer_norm_epsilon: 1e-5,
        }
        .config("test")
        .unwrap();
        let checkpoint = Checkpoint::random(config, &mut rng::stream(0, "test/init", 0));
        let of = |name: &str| checkpoint.weights[name].data.as_ptr();
        for decoder in [
            Decoder::new(&checkpoint),
            Decoder::tracking(&checkpoint, &|_| true),
        ] {
            let block = &decoder.blocks[0];
            let table = of("transformer.wte.weight");
            assert_eq!(decoder.tokens.data().as_ptr(), table);
            assert_eq!(decoder.head.weight.data().as_ptr(), table);
            let joint = of("transformer.h.0.attn.c_attn.weight");
            for affine in [&block.query, &block.key, &block.value] {
                assert_eq!(affine.weight.data().as_ptr(), joint);
            }
        }
        let is_bias = |name: &str| name.ends_with("bias");
        let some = Decoder::tracking(&checkpoint, &is_bias);
        assert!(some.leaves.iter().all(|leaf| is_bias(&leaf.parameter.name)));
        assert_eq!(some.leaves.len(), 7);
    }
}
