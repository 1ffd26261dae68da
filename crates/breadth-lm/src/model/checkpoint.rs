//! Checkpoints as ordinary Hugging Face folders: `config.json`, `model.safetensors`, tokenizer files.

use std::path::{Path, PathBuf};

use breadth_data::atomic;

use super::config::Config;
use crate::error::{Error, Result};
use crate::tree::{Array, Tree};

/// A model's sizes and weights, in host memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Sizes.
    pub config: Config,
    /// Weights under GPT-2's names (`transformer.wte.weight`, ..).
    pub weights: Tree,
}

/// Names and shapes of a GPT-2's weights.
#[must_use]
pub fn weight_shapes(config: &Config) -> Vec<(String, Vec<usize>)> {
    let (d, inner) = (config.width, config.inner);
    let mut shapes = vec![
        (
            "transformer.wte.weight".to_string(),
            vec![config.vocab_size, d],
        ),
        (
            "transformer.wpe.weight".to_string(),
            vec![config.positions, d],
        ),
        ("transformer.ln_f.weight".to_string(), vec![d]),
        ("transformer.ln_f.bias".to_string(), vec![d]),
    ];
    let block = [
        ("ln_1.weight", vec![d]),
        ("ln_1.bias", vec![d]),
        ("attn.c_attn.weight", vec![d, 3 * d]),
        ("attn.c_attn.bias", vec![3 * d]),
        ("attn.c_proj.weight", vec![d, d]),
        ("attn.c_proj.bias", vec![d]),
        ("ln_2.weight", vec![d]),
        ("ln_2.bias", vec![d]),
        ("mlp.c_fc.weight", vec![d, inner]),
        ("mlp.c_fc.bias", vec![inner]),
        ("mlp.c_proj.weight", vec![inner, d]),
        ("mlp.c_proj.bias", vec![d]),
    ];
    for layer in 0..config.layers {
        for (name, shape) in &block {
            shapes.push((format!("transformer.h.{layer}.{name}"), shape.clone()));
        }
    }
    shapes
}

impl Checkpoint {
    /// Fresh weights as GPT-2 draws them: normal with deviation 0.02, divided by `sqrt(2 layers)` for the two projections
    /// into the residual stream; biases 0, gains 1.
    pub fn random(config: Config, rng: &mut impl rand::Rng) -> Self {
        use rand_distr::{Distribution, StandardNormal};
        let residual = 0.02 / (2.0 * config.layers as f32).sqrt();
        let mut weights = Tree::default();
        for (name, shape) in weight_shapes(&config) {
            let n = shape.iter().product();
            let deviation = if name.ends_with("c_proj.weight") {
                residual
            } else {
                0.02
            };
            let array = match (shape.len(), name.ends_with(".weight")) {
                (2, _) => {
                    let draw = |_| deviation * Distribution::<f32>::sample(&StandardNormal, rng);
                    Array::new(shape, (0..n).map(draw).collect())
                }
                (_, gain) => Array::full(shape, if gain { 1.0 } else { 0.0 }),
            };
            weights.insert(name, array);
        }
        Self { config, weights }
    }

    /// Reads a folder.
    ///
    /// # Errors
    /// If a file is missing or truncated, the architecture is another one, or weights and sizes disagree.
    pub fn read(folder: &Path) -> Result<Self> {
        let config = Config::from_json(&read_text(folder, "config.json")?, folder)?;
        let path = folder.join("model.safetensors");
        let bytes = std::fs::read(&path).map_err(|e| missing(folder, "model.safetensors", &e))?;
        let stored = Tree::from_safetensors(&bytes, &path)?;
        let weights = take_weights(stored, &config, &path)?;
        Ok(Self { config, weights })
    }

    /// Writes the folder whole or not at all; `extra` are further files by name (tokenizer, ..).
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn write(&self, folder: &Path, extra: &[(&str, String)]) -> Result<()> {
        let weights = self.weights.to_safetensors(folder)?;
        let config = format!("{:#}\n", self.config.to_json());
        atomic::write_dir(folder, |dir| {
            std::fs::write(dir.join("model.safetensors"), &weights)?;
            std::fs::write(dir.join("config.json"), &config)?;
            for (name, text) in extra {
                std::fs::write(dir.join(name), text)?;
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Hash of sizes and weights, 16 hexadecimal digits: equal for equal models, whatever the folder.
    #[must_use]
    pub fn content_hash(&self) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(self.config.to_json().to_string().as_bytes());
        for (name, array) in self.weights.iter() {
            hash.update(name.as_bytes());
            hash.update(bytemuck::cast_slice(&array.data));
        }
        hash.finalize().to_hex()[..16].to_string()
    }
}

fn missing(folder: &Path, file: &str, e: &std::io::Error) -> Error {
    let message = match e.kind() {
        std::io::ErrorKind::NotFound if folder.exists() => {
            format!("has no {file}; a Hugging Face folder has config.json and model.safetensors")
        }
        std::io::ErrorKind::NotFound => "no such folder".to_string(),
        _ => format!("{file}: {e}"),
    };
    Error::checkpoint(folder, message)
}

fn read_text(folder: &Path, file: &str) -> Result<String> {
    std::fs::read_to_string(folder.join(file)).map_err(|e| missing(folder, file, &e))
}

/// Picks the weights the sizes ask for; both `transformer.h.0..` and GPT-2's original `h.0..` names are known.
fn take_weights(stored: Tree, config: &Config, path: &Path) -> Result<Tree> {
    let mut weights = Tree::default();
    for (name, shape) in weight_shapes(config) {
        let short = name.trim_start_matches("transformer.");
        let array = stored
            .get(&name)
            .or_else(|| stored.get(short))
            .ok_or_else(|| {
                Error::checkpoint(
                    path,
                    format!("has no tensor {name}, which config.json asks for"),
                )
            })?;
        if array.shape != shape {
            let found = &array.shape;
            let message =
                format!("tensor {name} has shape {found:?}; config.json asks for {shape:?}");
            return Err(Error::checkpoint(path, message));
        }
        weights.insert(name, array.clone());
    }
    Ok(weights)
}

/// The checkpoint folders a command was given: a folder with `config.json` is one; any other folder stands for those inside
/// it (or inside its `checkpoints/`), in the order of their names.
///
/// # Errors
/// If there is none.
pub fn find(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    if path.join("config.json").exists() {
        return Ok(vec![(name_of(path), path.to_path_buf())]);
    }
    let inside = path.join("checkpoints");
    let parent = if inside.is_dir() { &inside } else { path };
    let entries = std::fs::read_dir(parent).map_err(|e| missing(parent, "config.json", &e))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| p.join("config.json").exists())
        .filter(|p| !name_of(p).starts_with('.'))
        .collect();
    folders.sort();
    if folders.is_empty() {
        return Err(Error::checkpoint(
            path,
            "has no config.json, nor has any folder in it",
        ));
    }
    Ok(folders.into_iter().map(|p| (name_of(&p), p)).collect())
}

fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    full.file_name()
        .map_or_else(|| "model".into(), |n| n.to_string_lossy().into_owned())
}
