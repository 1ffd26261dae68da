//! Checkpoints as ordinary Hugging Face folders: `config.json`, `model.safetensors` (or several), tokenizer files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use breadth_data::{NaturalKey, atomic, checkpoint_step};
use memmap2::Mmap;
use rayon::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors};

use super::adapter;
use super::config::Config;
use super::hub;
use super::layout::{self, Layout, Parameter};
use crate::error::{Error, Result};
use crate::tree::{Array, Data, Real, Tree};

/// What is read of a checkpoint's weights; the second where there are several files.
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A model's sizes and weights, in host memory or mapped from its files.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Sizes.
    pub config: Config,
    /// Weights under their family's names (`transformer.wte.weight`, `model.layers.0.self_attn.q_proj.weight`, ..).
    pub weights: Tree,
}

/// Names and shapes of the weights that a configuration asks for.
#[must_use]
pub fn weight_shapes(config: &Config) -> Vec<(String, Vec<usize>)> {
    let layout = Layout::of(config);
    let pair = |p: &Parameter| (p.name.clone(), p.shape.clone());
    layout.parameters().into_iter().map(pair).collect()
}

impl Config {
    /// The configuration of a checkpoint's folder; of a LoRA adapter that of its base, which is `base` or what the adapter names.
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
    /// Fresh weights as GPT-2 draws them: normal with deviation 0.02, divided by `sqrt(2 layers)` for the two projections
    /// into the residual stream; biases 0, gains such that a normalisation only normalises.
    pub fn random(config: Config, rng: &mut impl rand::Rng) -> Self {
        use rand_distr::{Distribution, StandardNormal};
        let small = 0.02 / (2.0 * config.layers as f32).sqrt();
        let gain = match config.norm {
            super::config::NormKind::RmsPlusOne => 0.0,
            _ => 1.0,
        };
        let layout = Layout::of(&config);
        let residual: Vec<&Parameter> = layout.residual().collect();
        let mut weights = Tree::default();
        for parameter in layout.parameters() {
            let n = parameter.shape.iter().product();
            let deviation = if residual.contains(&parameter) {
                small
            } else {
                0.02
            };
            let data: Vec<f32> = match parameter.shape.len() {
                2 => {
                    let draw = |_| deviation * Distribution::<f32>::sample(&StandardNormal, rng);
                    (0..n).map(draw).collect()
                }
                _ if parameter.name.ends_with(".bias") => vec![0.0; n],
                _ => vec![gain; n],
            };
            weights.insert(&parameter.name, Array::new(parameter.shape.clone(), data));
        }
        Self { config, weights }
    }

    /// Reads a folder. Weights of type `f32` are mapped and not copied; the files must not change while the checkpoint is used. Those of type
    /// `f16` and `bf16` are widened.
    ///
    /// A folder of a LoRA adapter stands for its base with the adapter merged in ([`adapter::base_of`]).
    ///
    /// # Errors
    /// If a file is missing or truncated, the architecture is another one, or weights and sizes disagree.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::read_on(folder, None)
    }

    /// As [`read`](Self::read), with the folder of the model that an adapter changes; a whole model is read as it is.
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
            std::fs::write(dir.join(WEIGHTS), &weights)?;
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
            hash.update(array.data.as_ref());
        }
        hash.finalize().to_hex()[..16].to_string()
    }
}

/// Where a stored tensor lies.
struct Stored {
    file: usize,
    dtype: Dtype,
    shape: Vec<usize>,
    /// First byte in the file, and how many.
    start: usize,
    bytes: usize,
}

/// The mapped files of a checkpoint's weights.
pub(super) struct Files {
    folder: PathBuf,
    files: Vec<(PathBuf, Arc<Mmap>)>,
    tensors: BTreeMap<String, Stored>,
}

impl Files {
    fn open(folder: &Path) -> Result<Self> {
        Self::of(folder, &file_names(folder)?)
    }

    /// The files of these names.
    pub(super) fn of(folder: &Path, names: &[String]) -> Result<Self> {
        let mut files = Self {
            folder: folder.into(),
            files: Vec::new(),
            tensors: BTreeMap::new(),
        };
        for name in names {
            files.add(name)?;
        }
        Ok(files)
    }

    /// All tensors with their names.
    pub(super) fn all(&self) -> Result<Vec<(String, Array)>> {
        let read =
            |(name, stored): (&String, &Stored)| Ok((name.clone(), self.read(name, stored)?));
        self.tensors.iter().map(read).collect()
    }

    fn add(&mut self, name: &str) -> Result<()> {
        let path = self.folder.join(name);
        let file = std::fs::File::open(&path).map_err(|e| missing(&self.folder, name, &e))?;
        // SAFETY: the map is only read. A file that somebody changes meanwhile changes the numbers; the documentation of `Checkpoint::read` forbids it.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| Error::io(&path, e))?;
        let torn = |e: safetensors::SafeTensorError| {
            let size = map.len();
            let message =
                format!("not a whole safetensors file ({size} bytes): {e}; copy it again");
            Error::checkpoint(&path, message)
        };
        let parsed = SafeTensors::deserialize(&map).map_err(torn)?;
        let base = map.as_ptr() as usize;
        for (name, view) in parsed.iter() {
            let stored = Stored {
                file: self.files.len(),
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                start: view.data().as_ptr() as usize - base,
                bytes: view.data().len(),
            };
            self.tensors.insert(name.to_owned(), stored);
        }
        self.files.push((path, Arc::new(map)));
        Ok(())
    }

    /// Where the tensors are said to be, for messages.
    fn place(&self) -> PathBuf {
        match &self.files[..] {
            [(path, _)] => path.clone(),
            _ => self.folder.clone(),
        }
    }

    /// The weights that the sizes ask for, under the family's names; nothing else may be stored.
    fn weights(mut self, config: &Config) -> Result<Tree> {
        let mut taken = Vec::new();
        for (name, shape) in weight_shapes(config) {
            taken.push((name.clone(), self.take(config, &name, &shape)?));
        }
        let read = |(name, stored): &(String, Stored)| Ok((name.clone(), self.read(name, stored)?));
        let weights: Tree = taken
            .par_iter()
            .map(read)
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .collect();
        self.check_rest(config, &weights)?;
        Ok(weights)
    }

    fn take(&mut self, config: &Config, name: &str, shape: &[usize]) -> Result<Stored> {
        let mut names = vec![name.to_owned()];
        names.extend(layout::aliases(config.family, name));
        let found = names.iter().find_map(|name| self.tensors.remove(name));
        let Some(stored) = found else {
            let message = format!("has no tensor {name}, which config.json asks for");
            return Err(Error::checkpoint(&self.place(), message));
        };
        if stored.shape != shape {
            let found = &stored.shape;
            let message =
                format!("tensor {name} has shape {found:?}; config.json asks for {shape:?}");
            return Err(Error::checkpoint(&self.place(), message));
        }
        Ok(stored)
    }

    fn read(&self, name: &str, stored: &Stored) -> Result<Array> {
        let (path, map) = &self.files[stored.file];
        let count = stored.shape.iter().product();
        let mapped = match stored.dtype {
            Dtype::F32 => Data::mapped(map, stored.start, count),
            _ => None,
        };
        let shape = stored.shape.clone();
        if let Some(data) = mapped {
            return Ok(Array { shape, data });
        }
        let bytes = &map[stored.start..stored.start + stored.bytes];
        let data = f32::read(stored.dtype, bytes).ok_or_else(|| {
            let dtype = stored.dtype;
            let message = format!("tensor {name} has type {dtype:?}; F32, F16 or BF16 is needed");
            Error::checkpoint(path, message)
        })?;
        Ok(Array::new(shape, data))
    }

    /// Refuses tensors that nothing asked for: an adapter, say, or a part of the model that this decoder would leave out.
    fn check_rest(&self, config: &Config, weights: &Tree) -> Result<()> {
        let head = layout::tied_head(config.family);
        for (name, stored) in &self.tensors {
            if layout::is_leftover(config.family, name) {
                continue;
            }
            let message = if config.tie_word_embeddings
                && (*name == head || name.ends_with("lm_head.weight"))
            {
                let tokens = &Layout::of(config).tokens.name;
                if self.read(name, stored)?.data == weights[tokens].data {
                    continue;
                }
                format!(
                    "tensor {name} differs from the token table, to which config.json ties it (tie_word_embeddings)"
                )
            } else {
                format!(
                    "has the tensor {name}, which config.json does not ask for; scores could be wrong"
                )
            };
            return Err(Error::checkpoint(&self.place(), message));
        }
        Ok(())
    }
}

/// Whether a folder has the weights of a whole model.
pub(super) fn has_weights(folder: &Path) -> bool {
    let known = [
        WEIGHTS,
        INDEX,
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    ];
    known.iter().any(|name| folder.join(name).exists())
}

/// The files of a checkpoint's weights: one, or those that the index names.
fn file_names(folder: &Path) -> Result<Vec<String>> {
    if folder.join(WEIGHTS).exists() {
        return Ok(vec![WEIGHTS.into()]);
    }
    let Ok(text) = std::fs::read_to_string(folder.join(INDEX)) else {
        let pickled = ["pytorch_model.bin", "pytorch_model.bin.index.json"];
        if let Some(name) = pickled.iter().find(|name| folder.join(name).exists()) {
            let message = format!(
                "has {name} and no {WEIGHTS}; save it again with save_pretrained(.., safe_serialization=True)"
            );
            return Err(Error::checkpoint(folder, message));
        }
        let absent = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(missing(folder, WEIGHTS, &absent));
    };
    let index: serde_json::Value = serde_json::from_str(&text)
        .map_err(|e| Error::checkpoint(folder, format!("{INDEX} is not JSON: {e}")))?;
    let map = index["weight_map"].as_object();
    let names = map.into_iter().flatten().filter_map(|(_, v)| v.as_str());
    let names: std::collections::BTreeSet<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        let message = format!("{INDEX} has no weight_map that names files");
        return Err(Error::checkpoint(folder, message));
    }
    Ok(names.into_iter().collect())
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

/// The checkpoint folders a command was given: a folder with `config.json`, or with a LoRA adapter, is one; any other folder stands for those inside
/// it (or inside its `checkpoints/`), in the order of their names, numbers in them by value: `checkpoint-400` before `checkpoint-1600`.
///
/// A trainer leaves its final model beside the folders of its steps. Then all are meant: `run/checkpoint-20`,
/// `run/checkpoint-100`, and `run`, the final one, last.
///
/// A path that is not there may be the name of a model in the local cache of the Hugging Face hub.
///
/// # Errors
/// If there is none.
pub fn find(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    if !path.exists() {
        return find_in_cache(path);
    }
    if is_checkpoint(path) {
        let own = name_of(path);
        let is_step = |folder: &PathBuf| checkpoint_step(&name_of(folder)).is_some();
        let steps = folders_in(path)?.into_iter().filter(is_step);
        let mut found: Vec<(String, PathBuf)> = steps
            .map(|folder| (format!("{own}/{}", name_of(&folder)), folder))
            .collect();
        found.push((own, path.to_path_buf()));
        return Ok(found);
    }
    let inside = path.join("checkpoints");
    let parent = if inside.is_dir() { &inside } else { path };
    let folders = folders_in(parent)?;
    if folders.is_empty() {
        return Err(Error::checkpoint(
            path,
            "has no config.json, nor has any folder in it",
        ));
    }
    Ok(folders.into_iter().map(|p| (name_of(&p), p)).collect())
}

/// A model that other tools downloaded, by its name on the Hugging Face hub.
fn find_in_cache(path: &Path) -> Result<Vec<(String, PathBuf)>> {
    let name = path.to_str().unwrap_or_default();
    if let Some(snapshot) = hub::snapshot(name) {
        return Ok(vec![(name_of(path), snapshot)]);
    }
    let message = match hub::place(name) {
        None => "no such folder".to_owned(),
        Some(place) => format!(
            "no such folder, nor is a model of this name in the local Hugging Face cache ({}); `hf download {name}` puts it there",
            place.display()
        ),
    };
    Err(Error::checkpoint(path, message))
}

/// Whether a folder is a checkpoint: it says what the model computes, or it is an adapter of one that does.
fn is_checkpoint(folder: &Path) -> bool {
    folder.join("config.json").exists() || adapter::is_one(folder)
}

/// The checkpoints directly in a folder.
fn folders_in(parent: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(parent).map_err(|e| missing(parent, "config.json", &e))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|p| is_checkpoint(p))
        .filter(|p| !name_of(p).starts_with('.'))
        .collect();
    folders.sort_by_cached_key(|folder| NaturalKey::of(&name_of(folder)));
    Ok(folders)
}

/// Folders inside of one that was given that look like checkpoints and are none of those that [`find`] takes: those
/// without a `config.json` (an unfinished one), and in a checkpoint those that are named after no step.
#[must_use]
pub fn left_out(path: &Path) -> Vec<PathBuf> {
    let taken: Vec<PathBuf> = find(path)
        .map(|found| found.into_iter().map(|(_, folder)| folder).collect())
        .unwrap_or_default();
    let inside = path.join("checkpoints");
    let parent = if inside.is_dir() { &inside } else { path };
    let entries = std::fs::read_dir(parent).into_iter().flatten();
    let folders = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_left = |folder: &PathBuf| {
        let looks = is_checkpoint(folder) || checkpoint_step(&name_of(folder)).is_some();
        folder.is_dir() && looks && !taken.contains(folder) && !name_of(folder).starts_with('.')
    };
    let mut left: Vec<PathBuf> = folders.filter(is_left).collect();
    left.sort_by_cached_key(|folder| NaturalKey::of(&name_of(folder)));
    left
}

fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    full.file_name()
        .map_or_else(|| "model".into(), |n| n.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let found = find(path).unwrap();
        found.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_final_model_beside_the_steps() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        for inside in ["checkpoint-100", "checkpoint-20", "onnx"] {
            std::fs::create_dir_all(run.join(inside)).unwrap();
            std::fs::write(run.join(inside).join("config.json"), "{}").unwrap();
        }
        std::fs::create_dir(run.join("checkpoint-300")).unwrap();
        assert_eq!(names(&run), ["checkpoint-20", "checkpoint-100", "onnx"]);
        std::fs::write(run.join("config.json"), "{}").unwrap();
        assert_eq!(
            names(&run),
            ["run/checkpoint-20", "run/checkpoint-100", "run"]
        );
        let left = left_out(&run);
        assert_eq!(left, [run.join("checkpoint-300"), run.join("onnx")]);
        assert_eq!(names(&run.join("checkpoint-20")), ["checkpoint-20"]);
        assert!(left_out(&run.join("checkpoint-20")).is_empty());
    }
}
