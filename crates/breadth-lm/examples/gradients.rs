//! Gradients and AdamW steps of a checkpoint, for comparison with PyTorch:
//! `gradients CHECKPOINT BATCHES.json OUT.safetensors [--adamw]`.
//!
//! A batch is `{"prompts": [[ids]], "responses": [[ids]]}`. Without `--adamw`, the gradients of its
//! mean token loss are written under GPT-2's names, and the loss is printed. With it, the file is a
//! list of batches, one AdamW step is made on each (learning rate 1e-2, betas 0.9 and 0.99, weight
//! decay 0.01 on matrices, clipping at 1), and the parameters are written.

use std::error::Error;
use std::path::Path;

use breadth_lm::generation::Sequence;
use breadth_lm::model::Checkpoint;
use breadth_lm::optim::{GradientTransformation, Optimizer, apply_updates};
use breadth_lm::train::value_and_gradient;
use breadth_lm::tree::Tree;
use serde::Deserialize;

#[derive(Deserialize)]
struct Batch {
    prompts: Vec<Vec<u32>>,
    responses: Vec<Vec<u32>>,
}

impl Batch {
    fn sequences(&self) -> Vec<Sequence<'_>> {
        let pairs = self.prompts.iter().zip(&self.responses);
        pairs
            .map(|(prompt, response)| Sequence { prompt, response })
            .collect()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [checkpoint, batches, out, flags @ ..] = &arguments[..] else {
        return Err("gradients CHECKPOINT BATCHES.json OUT.safetensors [--adamw]".into());
    };
    let checkpoint = Checkpoint::read(Path::new(checkpoint))?;
    let text = std::fs::read_to_string(batches)?;
    let tree = match flags {
        [] => gradient(&checkpoint, &serde_json::from_str(&text)?),
        _ => steps(checkpoint, &serde_json::from_str::<Vec<Batch>>(&text)?),
    };
    let out = Path::new(out);
    std::fs::write(out, tree.to_safetensors(out)?)?;
    Ok(())
}

fn gradient(checkpoint: &Checkpoint, batch: &Batch) -> Tree {
    let (loss, gradient) = value_and_gradient(checkpoint, &batch.sequences(), 2);
    println!("{{\"loss\": {loss}}}");
    gradient
}

fn steps(mut checkpoint: Checkpoint, batches: &[Batch]) -> Tree {
    let settings = Optimizer {
        learning_rate: 1e-2,
        ..Optimizer::default()
    };
    let mut optimizer = settings.build(batches.len() as u64, &checkpoint.weights);
    for (step, batch) in batches.iter().enumerate() {
        let (_, mut updates) = value_and_gradient(&checkpoint, &batch.sequences(), 2);
        optimizer.update(&mut updates, &checkpoint.weights, step as u64);
        apply_updates(&mut checkpoint.weights, &updates);
    }
    checkpoint.weights
}
