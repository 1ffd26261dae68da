//! The weights of a Hugging Face folder: `model.safetensors` (or several files with an index),
//! mapped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use rayon::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors};

use super::config::Config;
use super::inside;
use super::layout::{self, Layout, Parameter};
use super::mapped;
use crate::error::{Error, Result};
use crate::files;
use crate::memory;
use crate::tree::stored::Stored as _;
use crate::tree::{Array, Data, Tree};

/// What is read of a checkpoint's weights; the second where there are several files.
pub(super) const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// Weights that are not read.
const PICKLED: [&str; 2] = ["pytorch_model.bin", "pytorch_model.bin.index.json"];

/// What stands in place of a large file in a clone of a repository without Git LFS.
const LFS_POINTER: &[u8] = b"version https://git-lfs";

/// Names and shapes of the weights that a configuration asks for.
#[must_use]
pub fn weight_shapes(config: &Config) -> Vec<(String, Vec<usize>)> {
    let layout = Layout::of(config);
    let pair = |p: &Parameter| (p.name.clone(), p.shape.clone());
    layout.parameters().into_iter().map(pair).collect()
}

/// What `torch.compile` and distributed training put before all names.
const WRAPPERS: [&str; 2] = ["_orig_mod.", "module."];
/// What PEFT puts before the names of a model that it changes.
const UNMERGED: &str = "base_model.model.";
/// The head of TRL's models with a value, which no score depends on.
const VALUE_HEAD: &str = "v_head.";

/// Whether there is a value head among the weights of a folder.
pub(super) fn has_value_head(folder: &Path) -> bool {
    let is_of_it = |name: &String| name.starts_with(VALUE_HEAD);
    Files::open(folder).is_ok_and(|files| files.tensors.keys().any(is_of_it))
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
    pub(super) fn open(folder: &Path) -> Result<Self> {
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
        let path = inside::file(&self.folder, name)?;
        let file = std::fs::File::open(&path).map_err(|e| missing(&self.folder, name, &e))?;
        let map = mapped::map(&file, &path).map_err(|e| Error::io(&path, e))?;
        let torn = |e: safetensors::SafeTensorError| {
            let size = map.len();
            let message = match map.starts_with(LFS_POINTER) {
                true => {
                    "is a pointer of Git LFS and not the weights; `git lfs pull` in its folder \
                         fetches them"
                        .to_owned()
                }
                false => format!("not a whole safetensors file ({size} bytes): {e}; copy it again"),
            };
            Error::checkpoint(&path, message)
        };
        let parsed = SafeTensors::deserialize(&map).map_err(torn)?;
        // The library takes the last of two tensors of one name.
        let header = header(&map).unwrap_or_default();
        breadth_data::check_json(header)
            .map_err(|e| Error::checkpoint(&path, format!("the header of the file: {e}")))?;
        let base = map.as_ptr() as usize;
        // In the order of names, so that an error is the same every time.
        let mut tensors: Vec<_> = parsed.iter().collect();
        tensors.sort_unstable_by_key(|(name, _)| *name);
        for (name, view) in tensors {
            let stored = Stored {
                file: self.files.len(),
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                start: view.data().as_ptr() as usize - base,
                bytes: view.data().len(),
            };
            if self.tensors.insert(name.to_owned(), stored).is_some() {
                let message = format!("tensor {name} stands in another file of the model, too");
                return Err(Error::checkpoint(&path, message));
            }
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
    pub(super) fn weights(mut self, config: &Config) -> Result<Tree> {
        self.unwrap_names()?;
        let (tokens, mut taken) = (Layout::of(config).tokens.name, Vec::new());
        for (name, shape) in weight_shapes(config) {
            let mut names = vec![name.clone()];
            names.extend(layout::aliases(config.family, &name));
            if config.tie_word_embeddings && name == tokens {
                // Of the two names of one tensor some writers keep the head's alone.
                names.extend(layout::tied_heads(config.family));
            }
            taken.push((name, self.take(&names, &shape)?));
        }
        self.check_memory(&taken)?;
        let read = |(name, stored): &(String, Stored)| {
            let array = self.read(name, stored)?;
            self.check_finite(name, stored, &array)?;
            Ok((name.clone(), array))
        };
        let weights: Tree = taken
            .par_iter()
            .map(read)
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .collect();
        self.check_rest(config, &weights)?;
        Ok(weights)
    }

    /// Takes away what stands before the names of all tensors.
    fn unwrap_names(&mut self) -> Result<()> {
        let all_begin_with =
            |files: &Self, start: &str| files.tensors.keys().all(|name| name.starts_with(start));
        while let Some(start) = (WRAPPERS.into_iter())
            .find(|start| !self.tensors.is_empty() && all_begin_with(self, start))
        {
            let tensors = std::mem::take(&mut self.tensors).into_iter();
            self.tensors = tensors
                .map(|(name, stored)| (name[start.len()..].to_owned(), stored))
                .collect();
        }
        if self.tensors.is_empty() || !all_begin_with(self, UNMERGED) {
            return Ok(());
        }
        let message = format!(
            "the names of all tensors begin with {UNMERGED}, as PEFT names those of a model that it \
             changes; save the model itself: model.merge_and_unload().save_pretrained(..)"
        );
        Err(Error::checkpoint(&self.place(), message))
    }

    /// Refuses weights that do not fit into memory; those of type `f32` need none of their own.
    fn check_memory(&self, taken: &[(String, Stored)]) -> Result<()> {
        let widened = taken.iter().filter(|(_, one)| one.dtype != Dtype::F32);
        let numbers = widened.map(|(_, one)| one.shape.iter().product::<usize>() as u128);
        match memory::lacks(4 * numbers.sum::<u128>()) {
            Some(what) => {
                let message = format!("its weights as single floats take {what}");
                Err(Error::checkpoint(&self.folder, message))
            }
            None => Ok(()),
        }
    }

    /// Refuses a tensor with a number that is none: every score would be none either.
    fn check_finite(&self, name: &str, stored: &Stored, array: &Array) -> Result<()> {
        let Some((at, value)) = first_not_finite(&array.data) else {
            return Ok(());
        };
        let message = format!(
            "tensor {name} holds {value} (number {at} of {}); the training that wrote it \
             diverged, or the file is damaged",
            array.data.len()
        );
        Err(Error::checkpoint(&self.files[stored.file].0, message))
    }

    /// The tensor under the first of its names that is stored.
    fn take(&mut self, names: &[String], shape: &[usize]) -> Result<Stored> {
        let name = &names[0];
        let found = names.iter().find_map(|name| self.tensors.remove(name));
        let Some(stored) = found else {
            let message = format!("has no tensor {name}, which config.json asks for");
            return Err(Error::checkpoint(&self.place(), message));
        };
        if stored.shape == [0] {
            let message = format!(
                "tensor {name} is empty, as DeepSpeed's ZeRO-3 leaves it where the weights were not \
                 gathered; take them from its own checkpoint: python zero_to_fp32.py . merged \
                 --safe_serialization, in the folder that has global_step.."
            );
            return Err(Error::checkpoint(&self.place(), message));
        }
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

    /// Refuses tensors that nothing asked for: an adapter, say, or a part of the model that this
    /// decoder would leave out.
    fn check_rest(&self, config: &Config, weights: &Tree) -> Result<()> {
        let heads = layout::tied_heads(config.family);
        for (name, stored) in &self.tensors {
            if layout::is_leftover(config.family, name) || name.starts_with(VALUE_HEAD) {
                continue;
            }
            let message = if config.tie_word_embeddings && heads.contains(name) {
                let tokens = &Layout::of(config).tokens.name;
                if self.read(name, stored)?.data == weights[tokens].data {
                    continue;
                }
                format!(
                    "tensor {name} differs from the token table, to which config.json ties it \
                     (tie_word_embeddings)"
                )
            } else {
                format!(
                    "has the tensor {name}, which config.json does not ask for; scores could be \
                     wrong"
                )
            };
            return Err(Error::checkpoint(&self.place(), message));
        }
        Ok(())
    }
}

/// The first number that is NaN or infinite, counted from 1.
fn first_not_finite(numbers: &[f32]) -> Option<(usize, f32)> {
    const BLOCK: usize = 1 << 12;
    let is_finite = |block: &[f32]| {
        const EXPONENT: u32 = f32::INFINITY.to_bits();
        let highest = block.iter().map(|v| v.to_bits() & EXPONENT);
        highest.fold(0, u32::max) < EXPONENT
    };
    let block = numbers.chunks(BLOCK).position(|block| !is_finite(block))?;
    let rest = numbers[block * BLOCK..].iter();
    let at = block * BLOCK + rest.take_while(|v| v.is_finite()).count();
    Some((at + 1, numbers[at]))
}

/// The header of a safetensors file: its length in 8 bytes, and JSON.
fn header(file: &[u8]) -> Option<&[u8]> {
    let (length, rest) = file.split_first_chunk()?;
    rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

/// Whether a folder has the weights of a whole model.
pub(super) fn has_weights(folder: &Path) -> bool {
    let mut known = [WEIGHTS, INDEX].iter().chain(&PICKLED);
    known.any(|name| folder.join(name).exists())
}

/// The files of a checkpoint that are read.
pub(super) fn read_files(folder: &Path) -> Result<Vec<String>> {
    let mut names = file_names(folder)?;
    if names != [WEIGHTS] {
        names.push(INDEX.into());
    }
    names.push("config.json".into());
    Ok(names)
}

/// The files of a checkpoint's weights: one, or those that the index names.
fn file_names(folder: &Path) -> Result<Vec<String>> {
    if folder.join(WEIGHTS).exists() {
        return Ok(vec![WEIGHTS.into()]);
    }
    let text = match files::settings(&inside::file(folder, INDEX)?) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(without_weights(folder, &e));
        }
        Err(e) => return Err(missing(folder, INDEX, &e)),
    };
    let index = breadth_data::parse_json(&text)
        .map_err(|e| Error::checkpoint(folder, format!("{INDEX} is not JSON: {e}")))?;
    let map = index["weight_map"].as_object();
    let names = map.into_iter().flatten().filter_map(|(_, v)| v.as_str());
    let names: std::collections::BTreeSet<String> = names.map(str::to_owned).collect();
    if names.is_empty() {
        let message = format!("{INDEX} has no weight_map that names files");
        return Err(Error::checkpoint(folder, message));
    }
    let is_beside = |name: &&String| Path::new(name).file_name() == Some(name.as_ref());
    if let Some(name) = names.iter().find(|name| !is_beside(name)) {
        let message = format!("{INDEX} names {name:?}, which is no file of this folder");
        return Err(Error::checkpoint(folder, message));
    }
    Ok(names.into_iter().collect())
}

/// What lies in a folder in place of a Hugging Face model, and what to do about it.
pub(super) fn other_form(folder: &Path) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    let find = |is_meant: &dyn Fn(&str) -> bool| names.iter().find(|name| is_meant(name));
    let place = folder.display();
    if let Some(name) = find(&|name| name.starts_with("pytorch_model_fsdp")) {
        return Some(format!(
            "{name} holds shards of FSDP: accelerate merge-weights {place}/{name} {place}"
        ));
    }
    if find(&|name| name.ends_with(".distcp")).is_some() {
        return Some(format!(
            "it holds shards of FSDP (.distcp): accelerate merge-weights {place} MERGED, and put \
             config.json and the tokenizer there"
        ));
    }
    if let Some(name) = find(&|name| name.starts_with("global_step")) {
        return Some(format!(
            "{name} is a checkpoint of DeepSpeed: python {place}/zero_to_fp32.py {place} {place} \
             --safe_serialization makes the weights of it"
        ));
    }
    if let Some(name) = find(&|name| name.ends_with(".gguf")) {
        return Some(format!(
            "{name} is GGUF, which is not read: take the model's Hugging Face form, or run it behind \
             a server (llama.cpp:http://HOST:PORT/NAME in place of the folder)"
        ));
    }
    let name = find(&|name| name.starts_with("consolidated.") && !name.ends_with(".json"))?;
    Some(format!(
        "{name} is the form of the model's makers (Mistral, Meta): take its Hugging Face form, or \
         make that with transformers' convert_mistral_weights_to_hf.py or \
         convert_llama_weights_to_hf.py"
    ))
}

/// The error about a folder in which there are no weights.
fn without_weights(folder: &Path, absent: &std::io::Error) -> Error {
    if let Some(other) = other_form(folder) {
        return Error::checkpoint(folder, format!("has no {WEIGHTS}; {other}"));
    }
    match PICKLED.iter().find(|name| folder.join(name).exists()) {
        None => missing(folder, WEIGHTS, absent),
        Some(name) => {
            let message = format!(
                "has {name} and no {WEIGHTS}; save it again with save_pretrained(.., \
                 safe_serialization=True)"
            );
            Error::checkpoint(folder, message)
        }
    }
}

pub(super) fn missing(folder: &Path, file: &str, e: &std::io::Error) -> Error {
    let message = match e.kind() {
        std::io::ErrorKind::NotFound if folder.exists() => {
            format!("has no {file}; a Hugging Face folder has config.json and model.safetensors")
        }
        std::io::ErrorKind::NotFound => "no such folder".to_string(),
        _ => format!("{file}: {e}"),
    };
    Error::checkpoint(folder, message)
}
