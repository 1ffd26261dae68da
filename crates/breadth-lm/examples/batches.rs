//! The batches of a training run, for a comparison with PyTorch step by step:
//! `batches TRAIN.toml STEPS` prints one line of `{"prompts": [[ids]], "responses": [[ids]]}` a
//! step.

use std::error::Error;
use std::io::{BufWriter, Write, stdout};
use std::path::Path;

use breadth_lm::train::{Source, TrainConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [config, steps] = &arguments[..] else {
        return Err("batches TRAIN.toml STEPS".into());
    };
    let config = TrainConfig::read(Path::new(config))?;
    let source = Source::new(&config)?;
    let mut out = BufWriter::new(stdout().lock());
    for step in 0..steps.parse()? {
        let pairs = source.batch(config.seed, step, config.train.batch_size);
        let (prompts, responses): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let line = serde_json::json!({ "prompts": prompts, "responses": responses });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
