//! The configurations that the figures share.

use breadth_lm::optim::Optimizer;
use breadth_lm::task::TaskConfig;
use breadth_lm::task::graph_search::{Class, GraphSearchConfig};
use breadth_lm::train::TrainConfig;
use breadth_lm::train::config::{LoopConfig, ModelConfig};

use crate::statement::Size;

/// Parts of a batch: the miniatures' are small, the paper's keep a larger machine busy.
const SHARDS: [usize; 2] = [2, 8];

/// One stage of training.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub steps: u64,
    pub batch_size: usize,
    pub checkpoint_every: u64,
    /// So many examples, met again and again; fresh ones for `None`.
    pub examples: Option<u64>,
    pub optimizer: Optimizer,
}

/// A rate that rises over `warmup_steps` and falls to `decay_to` of itself, with the miniatures'
/// AdamW.
pub(super) fn adamw(learning_rate: f64, warmup_steps: u64, decay_to: f64) -> Optimizer {
    Optimizer {
        learning_rate,
        warmup_steps,
        decay_to,
        betas: Some([0.9, 0.99]),
        weight_decay: Some(0.01),
        clip_norm: Some(1.0),
        ..Optimizer::default()
    }
}

/// The paper's Adam: a constant rate, the usual averaging.
pub(super) fn paper_adam(learning_rate: f64) -> Optimizer {
    Optimizer {
        betas: Some([0.9, 0.999]),
        ..adamw(learning_rate, 0, 1.0)
    }
}

/// The miniatures' model, or the paper's.
pub(super) fn model(size: Size) -> ModelConfig {
    let (layers, width) = match size {
        Size::Small | Size::Medium => (2, 64),
        Size::Paper => (6, 384),
    };
    ModelConfig {
        layers,
        width,
        heads: 4,
        intermediate_size: None,
        max_position_embeddings: None,
    }
}

/// The seeds of a figure's training runs.
///
/// The pilots on which the signs were written had seed 0, which the small size repeats; the other
/// sizes take fresh ones.
pub(super) fn seeds(size: Size, seed: u64, count: u64) -> Vec<u64> {
    let first = match size {
        Size::Small => seed * count,
        Size::Medium | Size::Paper => seed * count + 1,
    };
    (first..first + count).collect()
}

impl Stage {
    /// The configuration of a run from fresh weights.
    pub fn config(
        &self,
        graph: &GraphSearchConfig,
        mixture: &[(Class, f64)],
        model: &ModelConfig,
        seed: u64,
    ) -> TrainConfig {
        let is_large = model.width > 64;
        TrainConfig {
            seed,
            out: None,
            init: None,
            task: Some(TaskConfig {
                mixture: mixture.iter().copied().collect(),
                examples: self.examples,
                graph_search: Some(graph.clone()),
                ..TaskConfig::default()
            }),
            data: None,
            model: Some(model.clone()),
            optimizer: self.optimizer.clone(),
            objective: breadth_lm::train::Objective::default(),
            rl: None,
            train: LoopConfig {
                steps: self.steps,
                batch_size: self.batch_size,
                checkpoint_every: self.checkpoint_every,
                log_every: 10,
                shards: SHARDS[usize::from(is_large)],
            },
        }
    }
}
