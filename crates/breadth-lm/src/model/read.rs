//! Reading a Hugging Face folder, or an adapter on its base.

use std::path::Path;

use super::adapter;
use super::checkpoint::Checkpoint;
use super::config::Config;
use super::inside;
use super::weights::{Files, missing};
use crate::error::Result;
use crate::files;

impl Config {
    /// The configuration of a checkpoint's folder; of a LoRA adapter that of its base, which is
    /// `base` or what the adapter names.
    ///
    /// # Errors
    /// If there is none, or the decoder cannot do what it asks for.
    pub fn of_folder(folder: &Path, base: Option<&Path>) -> Result<Self> {
        if adapter::is_one(folder) {
            return Self::of_folder(&adapter::base_of(folder, base)?, None);
        }
        Self::from_json(&read_text(folder, "config.json")?, folder)
    }
}

impl Checkpoint {
    /// Reads a folder. Weights of type `f32` are mapped and not copied; those of type `f16` and
    /// `bf16` are widened.
    ///
    /// The files must not change while the checkpoint is used: a file that is written to changes
    /// the numbers (jobs notice it: they compare the files before and after), and one that is
    /// truncated raises SIGBUS, on which the command line says so and ends
    /// ([`mapped_file`](crate::model::mapped_file)). A file that is replaced by another (as
    /// [`Checkpoint::write`] does) is safe: the map keeps the old one.
    ///
    /// A folder of a LoRA adapter stands for its base with the adapter merged in
    /// ([`adapter::base_of`]); one beside the weights of a whole model changes those
    /// ([`adapter::is_on_top`]).
    ///
    /// # Errors
    /// If a file is missing or truncated, the architecture is another one, or weights and sizes
    /// disagree.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::read_on(folder, None)
    }

    /// As [`read`](Self::read), with the folder of the model that an adapter changes; a whole model
    /// is read as it is.
    ///
    /// # Errors
    /// As [`read`](Self::read), or if an adapter does not fit its base.
    pub fn read_on(folder: &Path, base: Option<&Path>) -> Result<Self> {
        if adapter::is_one(folder) {
            let mut merged = Self::read(&adapter::base_of(folder, base)?)?;
            adapter::merge(folder, &mut merged)?;
            return Ok(merged);
        }
        let config = Config::of_folder(folder, None)?;
        let weights = Files::open(folder)?.weights(&config)?;
        let mut checkpoint = Self { config, weights };
        if adapter::is_on_top(folder) {
            adapter::merge_on_top(folder, &mut checkpoint)?;
        }
        Ok(checkpoint)
    }
}

fn read_text(folder: &Path, file: &str) -> Result<String> {
    let path = inside::file(folder, file)?;
    files::settings(&path).map_err(|e| missing(folder, file, &e))
}
