//! What `train` is asked for.

use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  # train, or go on where a killed run stopped
  breadth train finetune.toml --out runs/finetune

  # the same configuration under another seed
  breadth train finetune.toml --seed 1 --out runs/finetune-1

  # several ways side by side, three seeds each, and the same reinforcement
  # learning from each one's chosen checkpoint
  breadth train --compare adamw.toml muon.toml coverage.toml --seeds 3 \\
    --then rl.toml --out runs/compare

A configuration:
  # a checkpoint to go on from, or a [model] section for a new one
  init = \"runs/pretrain/checkpoints/step-002500\"
  [data]
  # lines of {\"prompt\": .., \"response\": ..}
  files = [\"train.jsonl\"]
  [optimizer]
  learning_rate = 1e-4
  warmup_steps = 10
  [train]
  steps = 480
  batch_size = 64
  checkpoint_every = 30

  # [model] in place of init: a new decoder of the GPT-2 kind
  # layers = 2, width = 64, heads = 4, and, unless they follow from the rest,
  # inner = 256 (of the MLP; 4 times width), positions = 128 (longest sequence)
  # With it [data] needs tokenizer = \"tokenizer.json\".

  # [task] in place of [data], with an exact distribution: graph-search,
  # totals = { from = 10, to = 89 } (many right answers), or
  # sums = { terms = 5, below = 10, steps = true } (a chain of steps; or
  # wrong = 0.2, wrong labels); examples = 640 (a fixed training set),
  # held_out = 0.5 (share of prompts that training never meets)

  # [optimizer] name = \"adamw\" (default), \"sgd\", \"normalized_sgd\",
  # \"sign_sgd\", \"muon\"; in place of learning_rate
  # proof = { statement = \"thm-6.1\", bound = 1, variance = 4 }

  # [objective] name = \"cross_entropy\" (default), \"coverage\" (n = 8),
  # \"confidence_limited\" (limit = 0.9), \"token_level\", \"distill\"
  # (teacher = \"CHECKPOINT\" or \"vllm:http://HOST:PORT/MODEL\")

  # [rl] in place of an objective: algorithm = \"reinforce\" or \"grpo\",
  # group = 8, verifier = \"exact\" (as in sample --verifier)

The loss is the mean cross-entropy of the response tokens unless [objective] or [rl] says otherwise. The run folder holds Hugging Face checkpoints, metrics.parquet and what a \
resume needs: kill it at any moment and run the same command again.";

/// Train a model from a TOML file; a killed run resumes to the same bits
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The configuration; several with --compare
    #[arg(required = true, value_name = "CONFIG.toml")]
    pub(super) configs: Vec<PathBuf>,
    /// Train all, measure every checkpoint on the task, and put them side by side in
    /// OUT/report.html
    #[arg(long, requires = "out")]
    pub(super) compare: bool,
    /// With --compare: how many seeds of each, from --seed on; `{seed}` in `init` and `teacher`
    /// stands for the seed
    #[arg(long, value_name = "S", default_value_t = 1, requires = "compare", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) seeds: u64,
    /// With --compare: a further training, such as reinforcement learning, from each run's chosen
    /// checkpoint
    #[arg(long, value_name = "CONFIG.toml", requires = "compare")]
    pub(super) then: Option<PathBuf>,
    /// With --compare: N of the tournament that chooses
    #[arg(short, value_name = "N", default_value_t = 4.0, requires = "compare")]
    pub(super) n: f64,
    /// Run folder [default: `out` of the configuration, or runs/ and the configuration's name]
    #[arg(short, long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Seed, instead of the configuration's
    #[arg(long, value_name = "S")]
    pub(super) seed: Option<u64>,
}
