//! `breadth train`: a configuration in, a run folder out.

mod compare;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use breadth_lm::train::{TrainConfig, train};
use serde::Serialize;

use crate::output::Output;
use crate::progress::Bar;

const EXAMPLES: &str = "\
Examples:
  # train, or go on where a killed run stopped
  breadth train finetune.toml --out runs/finetune

  # the same configuration under another seed
  breadth train finetune.toml --seed 1 --out runs/finetune-1

  # several ways side by side, three seeds each, and the same reinforcement learning from each one's chosen checkpoint
  breadth train --compare adamw.toml muon.toml coverage.toml --seeds 3 --then rl.toml --out runs/compare

A configuration:
  init = \"runs/pretrain/checkpoints/step-002500\"   # or a [model] section
  [data]
  files = [\"train.jsonl\"]                          # lines of {\"prompt\": .., \"response\": ..}
  [optimizer]
  learning_rate = 1e-4
  warmup_steps = 10
  [train]
  steps = 480
  batch_size = 64
  checkpoint_every = 30

  # [task]      in place of [data], with an exact distribution: graph-search, totals = { from = 10, to = 89 } (many right answers),
  #             sums = { terms = 5, below = 10, steps = true } (a chain of steps; or wrong = 0.2, wrong labels);
  #             examples = 640 (a fixed training set), held_out = 0.5 (share of prompts that training never meets)
  # [optimizer] name = \"adamw\" (default), \"sgd\", \"normalized_sgd\", \"sign_sgd\", \"muon\"
  #             proof = { statement = \"thm-6.1\", bound = 1, variance = 4 } for learning_rate
  # [objective] name = \"cross_entropy\" (default), \"coverage\" (n = 8), \"confidence_limited\" (limit = 0.9),
  #             \"distill\" (teacher = \"CHECKPOINT\" or \"vllm:http://HOST:PORT/MODEL\"), \"token_level\"
  # [rl]        in place of an objective: algorithm = \"reinforce\" or \"grpo\", group = 8, verifier = \"exact\" (as in sample --verifier)

The loss is the mean cross-entropy of the response tokens unless [objective] or [rl] says otherwise. The run folder holds Hugging Face checkpoints, metrics.parquet and what a \
resume needs: kill it at any moment and run the same command again.";

/// Train a model from a TOML file; a killed run resumes to the same bits
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The configuration; several with --compare
    #[arg(required = true, value_name = "CONFIG.toml")]
    configs: Vec<PathBuf>,
    /// Train all, measure every checkpoint on the task, and put them side by side in OUT/report.html
    #[arg(long, requires = "out")]
    compare: bool,
    /// With --compare: how many seeds of each, from --seed on; `{seed}` in `init` and `teacher` stands for the seed
    #[arg(long, value_name = "S", default_value_t = 1, requires = "compare", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// With --compare: a further training, such as reinforcement learning, from each run's chosen checkpoint
    #[arg(long, value_name = "CONFIG.toml", requires = "compare")]
    then: Option<PathBuf>,
    /// With --compare: N of the tournament that chooses
    #[arg(short, value_name = "N", default_value_t = 4.0, requires = "compare")]
    n: f64,
    /// Run folder [default: `out` of the configuration, or runs/ and the configuration's name]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Seed, instead of the configuration's
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

#[derive(Serialize)]
struct Document {
    command: &'static str,
    out: PathBuf,
    steps: u64,
    /// Of the last step made now; absent when the run was already finished.
    loss: Option<f64>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    if arguments.compare {
        return compare::run(arguments, output);
    }
    let [path] = &arguments.configs[..] else {
        bail!("several configurations: add --compare to train them side by side");
    };
    let mut config = TrainConfig::read(path)?;
    config.seed = arguments.seed.unwrap_or(config.seed);
    let out = arguments.out.clone().or_else(|| config.out.clone());
    let out = out.unwrap_or_else(|| default_out(path));
    let mut bar = Bar::new("train", output);
    let mut loss = None;
    train(&config, &out, "train", &mut |progress| {
        loss = Some(progress.loss);
        bar.step(progress);
    })?;
    bar.finish();
    let document = Document {
        command: "train",
        out,
        steps: config.train.steps,
        loss,
    };
    output.result(&document, |_| text(&document))
}

fn default_out(config: &Path) -> PathBuf {
    Path::new("runs").join(config.file_stem().unwrap_or_default())
}

fn text(document: &Document) -> String {
    let out = document.out.display();
    let last = match document.loss {
        Some(loss) => format!(
            "trained {} steps, last loss {loss:.4} nats per token",
            document.steps
        ),
        None => format!("all {} steps were done before", document.steps),
    };
    format!("{last}\ncheckpoints in {out}/checkpoints")
}
