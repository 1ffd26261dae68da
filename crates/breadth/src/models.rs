//! The MODEL arguments: checkpoint folders, or folders of them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use breadth_lm::model::checkpoint;
use breadth_lm::text::{Item, Responses, Text, read_items};

/// What `score` and `sample` ask.
#[derive(Debug, clap::Args)]
pub struct Models {
    /// Checkpoint folders (config.json, model.safetensors, tokenizer.json), folders of them, or run folders
    #[arg(required = true, value_name = "MODEL")]
    paths: Vec<PathBuf>,
}

impl Models {
    /// Names and folders, in the order given; a folder of checkpoints stands for all of them.
    pub fn find(&self) -> Result<Vec<(String, PathBuf)>> {
        let mut found = Vec::new();
        for path in &self.paths {
            found.extend(checkpoint::find(path)?);
        }
        Ok(found)
    }
}

/// The first model's tokenizer, and the data in its tokens.
///
/// Checkpoints of one run share a tokenizer; scores under different tokenizers are not comparable token by token, so each
/// family is scored by a command of its own.
pub fn read_data(
    models: &[(String, PathBuf)],
    files: &[PathBuf],
    responses: Responses,
) -> Result<(Text, Vec<Item>)> {
    let first = &models[0].1;
    let text = Text::of_checkpoint(first)?;
    for (_, other) in &models[1..] {
        same_tokenizer(first, other)?;
    }
    let items = read_items(files, &text, responses)?;
    Ok((text, items))
}

fn same_tokenizer(first: &Path, other: &Path) -> Result<()> {
    let read = |folder: &Path| std::fs::read(folder.join("tokenizer.json")).ok();
    if read(first) != read(other) {
        anyhow::bail!(
            "{} and {} have different tokenizers; run the command once for each",
            first.display(),
            other.display()
        );
    }
    Ok(())
}

/// The command line as it was typed, for the provenance of what it writes.
pub fn command_line() -> String {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    words.insert(0, "breadth".into());
    words.join(" ")
}
