//! One training: a configuration in, a run folder out.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use breadth_lm::train::{TrainConfig, resume_remark, train};
use serde::Serialize;

use super::arguments::Arguments;
use crate::output::Output;
use crate::progress::Bar;

#[derive(Serialize)]
struct Document {
    schema: u32,
    command: &'static str,
    out: PathBuf,
    steps: u64,
    /// Of the last step made now; absent when the run was already finished.
    loss: Option<f64>,
}

pub fn run(arguments: &Arguments, output: &Output) -> Result<()> {
    let [path] = &arguments.configs[..] else {
        bail!("several configurations: add --compare to train them side by side");
    };
    let mut config = TrainConfig::read(path)?;
    config.seed = arguments.seed.unwrap_or(config.seed);
    let out = arguments.out.clone().or_else(|| config.out.clone());
    let out = out.unwrap_or_else(|| default_out(path));
    if let Some(remark) = resume_remark(&config, &out) {
        output.remark(&remark);
    }
    let mut bar = Bar::new("train", output);
    let mut loss = None;
    train(&config, &out, "train", &mut |progress| {
        loss = Some(progress.loss);
        bar.step(progress);
    })?;
    bar.finish();
    let document = Document {
        schema: 1,
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
