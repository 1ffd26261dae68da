//! The MODEL arguments: checkpoint folders, or folders of them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use breadth_lm::model::checkpoint;
use breadth_lm::text::{self, Data, DataOptions, Generation, Text};

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
/// family is scored by a command of its own. The same goes for end tokens and chat templates, where they were used.
pub fn read_data(
    models: &[(String, PathBuf)],
    files: &[PathBuf],
    options: &DataOptions,
) -> Result<(Text, Data)> {
    let first = &models[0].1;
    let text = Text::of_checkpoint(first)?;
    for (_, other) in &models[1..] {
        same_file(first, other, "tokenizer.json", "tokenizers")?;
    }
    let data = text::read_data(files, &text, options)?;
    for (_, other) in &models[1..] {
        if data.account.conversations > 0 {
            same_file(first, other, "chat_template.jinja", "chat templates")?;
        }
        if data.account.end_token.appended > 0 {
            same_end_tokens(first, other)?;
        }
    }
    Ok((text, data))
}

fn same_file(first: &Path, other: &Path, name: &str, what: &str) -> Result<()> {
    let read = |folder: &Path| std::fs::read(folder.join(name)).ok();
    if read(first) != read(other) {
        differ(first, other, what)?;
    }
    Ok(())
}

fn same_end_tokens(first: &Path, other: &Path) -> Result<()> {
    if Generation::read(first)?.end_tokens != Generation::read(other)?.end_tokens {
        differ(first, other, "end tokens")?;
    }
    Ok(())
}

fn differ(first: &Path, other: &Path, what: &str) -> Result<()> {
    anyhow::bail!(
        "{} and {} have different {what}; run the command once for each",
        first.display(),
        other.display()
    )
}

/// The command line as it was typed, for the provenance of what it writes.
pub fn command_line() -> String {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    words.insert(0, "breadth".into());
    words.join(" ")
}
