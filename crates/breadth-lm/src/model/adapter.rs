//! LoRA adapters as PEFT saves them: `adapter_config.json` and `adapter_model.safetensors`, merged
//! into the weights of their base when read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Map, Value};

use super::checkpoint::Checkpoint;
use super::family::is_off;
use super::hub;
use super::inside;
use super::layout::{self, Layout};
use super::weights::{Files, has_weights};
use crate::error::{Error, Result};
use crate::files;
use crate::tree::Array;

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
/// Weights that are not read.
const PICKLED: &str = "adapter_model.bin";
/// What PEFT puts before the names of a model's modules.
const PREFIX: &str = "base_model.model.";

/// Fields of `adapter_config.json` that say nothing about the merged weights, or nothing that the
/// tensors do not say.
const NEVER_READ: &[&str] = &[
    "auto_mapping",
    "base_model_name_or_path",
    "corda_config",
    "ensure_weight_tying",
    "eva_config",
    "exclude_modules",
    "inference_mode",
    "layers_pattern",
    "layers_to_transform",
    "loftq_config",
    "lora_dropout",
    "megatron_core",
    "modules_to_save",
    "peft_version",
    "qalora_group_size",
    "revision",
    "target_modules",
    "task_type",
];

/// Whether a folder holds an adapter and no weights of a whole model.
///
/// ```
/// assert!(!breadth_lm::model::adapter::is_one("no/such/folder".as_ref()));
/// ```
#[must_use]
pub fn is_one(folder: &Path) -> bool {
    folder.join(CONFIG).exists() && !has_weights(folder)
}

/// Whether a folder holds an adapter beside the weights of a whole model. Transformers adds it to
/// those, in whatever base it names (5.24, `from_pretrained` where PEFT is installed).
///
/// ```
/// assert!(!breadth_lm::model::adapter::is_on_top("no/such/folder".as_ref()));
/// ```
#[must_use]
pub fn is_on_top(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).exists();
    has(CONFIG) && (has(WEIGHTS) || has(PICKLED)) && has_weights(folder)
}

/// The files of an adapter that are read.
pub(super) fn files() -> Vec<String> {
    vec![CONFIG.into(), WEIGHTS.into()]
}

/// The folder of the model that an adapter changes: `given`, or what `base_model_name_or_path`
/// names, if that is a folder here or a snapshot in the local cache of the Hugging Face hub.
///
/// # Errors
/// If it is none, or an adapter too, or this is no adapter of PEFT; the message says how to give it.
pub fn base_of(folder: &Path, given: Option<&Path>) -> Result<PathBuf> {
    let fields = fields(folder)?;
    let name = base_name(&fields);
    let named = || find_base(name);
    let base = given.map(Path::to_path_buf).or_else(named);
    let Some(base) = base else {
        let name = match name {
            "" => "an unnamed model",
            name => name,
        };
        let message = format!(
            "holds a LoRA adapter of {name}, which is no folder here; say where that model is \
             (`base` of score and sample), or {}",
            merge_first(folder)
        );
        return Err(Error::checkpoint(folder, message));
    };
    if base.canonicalize().ok() == folder.canonicalize().ok() {
        return Err(Error::checkpoint(
            folder,
            "holds a LoRA adapter, which is given as its own base; `base` is the folder of the \
             model that it changes",
        ));
    }
    // Two adapters that name each other would never come to a model.
    if is_one(&base) || is_on_top(&base) {
        let message = format!(
            "holds a LoRA adapter whose base, {}, holds an adapter too; merge that one first: {}",
            base.display(),
            merging(&base)
        );
        return Err(Error::checkpoint(folder, message));
    }
    Ok(base)
}

/// What `adapter_config.json` calls the base; empty where it does not say.
fn base_name(fields: &Map<String, Value>) -> &str {
    let name = fields.get("base_model_name_or_path");
    name.and_then(Value::as_str).unwrap_or("")
}

/// The folder that a base's name stands for, if it is here.
fn find_base(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(name);
    let is_there = !name.is_empty() && path.is_dir();
    is_there.then_some(path).or_else(|| hub::snapshot(name))
}

fn merge_first(folder: &Path) -> String {
    format!("merge it first: {}", merging(folder))
}

fn merging(folder: &Path) -> String {
    format!(
        "AutoPeftModelForCausalLM.from_pretrained(\"{}\").merge_and_unload().save_pretrained(\"merged\")",
        folder.display()
    )
}

fn fields(folder: &Path) -> Result<Map<String, Value>> {
    let path = inside::file(folder, CONFIG)?;
    let text = files::settings(&path).map_err(|e| Error::io(&path, e))?;
    match breadth_data::parse_json(&text) {
        Ok(Value::Object(fields)) if fields.contains_key("peft_type") => Ok(fields),
        Ok(Value::Object(_)) => Err(Error::checkpoint(
            folder,
            format!(
                "{CONFIG} has no peft_type, so this is no adapter of PEFT (mlx-lm and Adapters \
                 write a file of this name, too), and such adapters are not merged here; merge it \
                 with the library that wrote it and give the merged model's folder (mlx-lm: \
                 `mlx_lm.fuse --model BASE --adapter-path {} --save-path merged`)",
                folder.display()
            ),
        )),
        Ok(_) => Err(Error::checkpoint(
            folder,
            format!("{CONFIG} is not a JSON object"),
        )),
        Err(e) => Err(Error::checkpoint(
            folder,
            format!("{CONFIG} is not JSON: {e}"),
        )),
    }
}

/// What `adapter_config.json` says of the sum `W + s B A`.
#[derive(Clone, Debug, PartialEq)]
struct Scale {
    alpha: f64,
    /// `r` and the values of `rank_pattern`; empty where there is no `r`.
    ranks: Vec<u64>,
    /// Whether `s` is `alpha / sqrt(r)` and not `alpha / r`.
    by_root: bool,
}

impl Scale {
    /// Reads it, and refuses what is merged in another way.
    fn read(mut fields: Map<String, Value>, folder: &Path) -> Result<Self> {
        let refuse = |what: String| {
            let message = format!(
                "{CONFIG}: {what}, which is not merged here; {}",
                merge_first(folder)
            );
            Err(Error::checkpoint(folder, message))
        };
        let mut take = |name: &str| fields.remove(name).unwrap_or_default();
        let kind = take("peft_type");
        if kind != "LORA" {
            return refuse(format!("peft_type = {kind}"));
        }
        let bias = take("bias");
        if !(bias.is_null() || bias == "none") {
            return refuse(format!("bias = {bias}"));
        }
        // The others (PiSSA, OLoRA, ..) take something away from the base before they add.
        let start = take("init_lora_weights");
        let plain = ["gaussian", "orthogonal", "eva"]
            .iter()
            .any(|name| start == *name);
        if !(start.is_null() || start.is_boolean() || plain) {
            return refuse(format!("init_lora_weights = {start}"));
        }
        let alpha = match take("lora_alpha") {
            Value::Null => 8.0,
            alpha => match alpha.as_f64() {
                Some(alpha) => alpha,
                None => return refuse(format!("lora_alpha = {alpha}")),
            },
        };
        let (rank, pattern) = (take("r").as_u64(), take("rank_pattern"));
        let of_modules = pattern.as_object().into_iter().flatten();
        let of_modules = of_modules.filter_map(|(_, rank)| rank.as_u64());
        let ranks = rank
            .into_iter()
            .chain(of_modules.filter(|_| rank.is_some()));
        let ranks = ranks.collect();
        let by_root = take("use_rslora") == Value::Bool(true);
        // Which way a matrix is stored is known of the family.
        take("fan_in_fan_out");
        let live = |(name, value): &(&String, &Value)| {
            !NEVER_READ.contains(&name.as_str()) && !is_off(name, value)
        };
        match fields.iter().find(live) {
            Some((name, value)) => refuse(format!("{name} = {value}")),
            None => Ok(Self {
                alpha,
                ranks,
                by_root,
            }),
        }
    }

    /// `s` of a matrix of rank `r`.
    fn of_rank(&self, r: usize) -> f64 {
        let r = r as f64;
        self.alpha / if self.by_root { r.sqrt() } else { r }
    }
}

/// The tensors of an adapter by the weight that they change.
#[derive(Default)]
struct Tensors {
    /// `A` (r, in) and `B` (out, r).
    pairs: BTreeMap<String, [Option<Array>; 2]>,
    /// Weights in place of the base's (`modules_to_save`).
    whole: BTreeMap<String, Array>,
}

impl Tensors {
    fn read(folder: &Path, base: &Checkpoint) -> Result<Self> {
        let files = Files::of(folder, &[WEIGHTS.into()])?;
        let (known, tokens) = (names(base), Layout::of(&base.config).tokens.name);
        let mut tensors = Self::default();
        let mut seen: BTreeMap<(String, Part), String> = BTreeMap::new();
        for (name, array) in files.all()? {
            let path = name.strip_prefix(PREFIX).unwrap_or(&name);
            let (module, part) = split(path);
            let weight = match part {
                Part::Whole => known.get(path),
                _ => known.get(&format!("{module}.weight")),
            };
            let Some(weight) = weight else {
                let message = format!(
                    "{WEIGHTS} has the tensor {name}, which changes nothing that the base has as a \
                     matrix of its own; {}",
                    merge_first(folder)
                );
                return Err(Error::checkpoint(folder, message));
            };
            // PEFT saves what it took from the base beside what it learned.
            let is_tied = base.config.tie_word_embeddings && *weight == tokens;
            if part == Part::Base || part == Part::Whole && is_tied {
                check_copy(folder, base, (&name, &array), weight)?;
                continue;
            }
            if let Some(other) = seen.insert((weight.clone(), part), name.clone()) {
                let message = format!(
                    "{WEIGHTS} has both {other} and {name}, which stand for the same tensor of \
                     {weight}; remove the one that is not meant"
                );
                return Err(Error::checkpoint(folder, message));
            }
            match part {
                Part::Base | Part::Whole => drop(tensors.whole.insert(weight.clone(), array)),
                Part::Down | Part::Up => {
                    let pair = tensors.pairs.entry(weight.clone()).or_default();
                    pair[usize::from(part == Part::Up)] = Some(array);
                }
            }
        }
        Ok(tensors)
    }
}

/// Which tensor of a module this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Down,
    Up,
    /// The weight of a module that is adapted, as it was before.
    Base,
    Whole,
}

/// A module and the part of it that a tensor's name stands for.
fn split(path: &str) -> (&str, Part) {
    for (mark, part) in [(".lora_A.", Part::Down), (".lora_B.", Part::Up)] {
        if let Some((module, rest)) = path.split_once(mark)
            && ["weight", "default.weight"].contains(&rest)
        {
            return (module, part);
        }
    }
    match path.strip_suffix(".base_layer.weight") {
        Some(module) => (module, Part::Base),
        None => (path, Part::Whole),
    }
}

/// Refuses a tensor that stands for a weight of the base and is not equal to it.
fn check_copy(
    folder: &Path,
    base: &Checkpoint,
    (name, array): (&str, &Array),
    weight: &str,
) -> Result<()> {
    if base.weights[weight] == *array {
        return Ok(());
    }
    let message = format!(
        "{WEIGHTS} has {name}, which is not equal to {weight} of the base: the adapter was trained \
         on another base or changed it, or was saved with less precision; {}",
        merge_first(folder)
    );
    Err(Error::checkpoint(folder, message))
}

/// The weights of a model under all names that they have.
fn names(base: &Checkpoint) -> BTreeMap<String, String> {
    let layout = Layout::of(&base.config);
    let mut names = BTreeMap::new();
    for parameter in layout.parameters() {
        for alias in layout::aliases(base.config.family, &parameter.name) {
            names.insert(alias, parameter.name.clone());
        }
        names.insert(parameter.name.clone(), parameter.name.clone());
    }
    if base.config.tie_word_embeddings {
        let heads = layout::tied_heads(base.config.family).into_iter();
        names.extend(heads.map(|head| (head, layout.tokens.name.clone())));
    }
    names
}

/// Adds an adapter to its base: `W + s B A` with `s = alpha / r`, or `alpha / sqrt(r)` with
/// `use_rslora`, in `f32`.
///
/// # Errors
/// If the adapter is of another kind, or does not fit the base.
///
/// Source: Hu et al. 2022, LoRA; Kalajdzievski 2023, rank-stabilised LoRA; PEFT's
/// `get_delta_weight`.
pub(super) fn merge(folder: &Path, base: &mut Checkpoint) -> Result<()> {
    let scale = Scale::read(fields(folder)?, folder)?;
    if !folder.join(WEIGHTS).exists() {
        let message = format!(
            "has no {WEIGHTS}; save the adapter again with save_pretrained(.., \
             safe_serialization=True)"
        );
        return Err(Error::checkpoint(folder, message));
    }
    let tensors = Tensors::read(folder, base)?;
    replace(folder, base, tensors.whole)?;
    for (name, pair) in tensors.pairs {
        let [Some(down), Some(up)] = pair else {
            let message =
                format!("{WEIGHTS} has only one of lora_A and lora_B for {name}; copy it again");
            return Err(Error::checkpoint(folder, message));
        };
        add(folder, base, &name, [down, up], &scale)?;
    }
    Ok(())
}

/// Adds an adapter to the whole model that lies beside it.
///
/// # Errors
/// As [`merge`], or if another model that the adapter names is here: transformers 4.57 takes that
/// one, and 5.24 the weights of the folder.
pub(super) fn merge_on_top(folder: &Path, own: &mut Checkpoint) -> Result<()> {
    let remedy = format!(
        "{CONFIG} stands beside the weights of a whole model: if those hold the adapter already, \
         move {CONFIG} and {WEIGHTS} out of the folder; else move them to a folder of their own, \
         and say which model they change (`base` of score and sample)"
    );
    let fields = fields(folder)?;
    let name = base_name(&fields);
    let is_other = |base: &PathBuf| base.canonicalize().ok() != folder.canonicalize().ok();
    if find_base(name).is_some_and(|base| is_other(&base)) {
        let message =
            format!("holds a LoRA adapter of another model that is here, {name}; {remedy}");
        return Err(Error::checkpoint(folder, message));
    }
    merge(folder, own).map_err(|error| match error {
        Error::Checkpoint { path, message } => {
            Error::checkpoint(&path, format!("{message}. {remedy}"))
        }
        other => other,
    })
}

/// Puts whole weights in place of the base's.
fn replace(folder: &Path, base: &mut Checkpoint, whole: BTreeMap<String, Array>) -> Result<()> {
    for (name, array) in whole {
        let own = &base.weights[name.as_str()].shape;
        if *own != array.shape {
            let message = format!(
                "{WEIGHTS}: {name} has shape {:?}, and the base's is {own:?}; {}",
                array.shape,
                merge_first(folder)
            );
            return Err(Error::checkpoint(folder, message));
        }
        base.weights.insert(name, array);
    }
    Ok(())
}

fn add(
    folder: &Path,
    base: &mut Checkpoint,
    name: &str,
    [down, up]: [Array; 2],
    scale: &Scale,
) -> Result<()> {
    let layout = Layout::of(&base.config);
    let is_head = layout.head.as_ref().is_some_and(|head| head.name == name);
    let inputs_first = layout::stores_inputs_first(base.config.family) && !is_head;
    let error = |message: String| Err(Error::checkpoint(folder, message));
    if name == layout.tokens.name {
        return error(format!(
            "adapts the token table ({name}) as a matrix; {}",
            merge_first(folder)
        ));
    }
    let shape = base.weights[name].shape.clone();
    let ([a, b], [rows, columns]) = (
        [&down.shape[..], &up.shape[..]],
        <[usize; 2]>::try_from(&shape[..]).unwrap_or_default(),
    );
    let [outputs, inputs] = if inputs_first {
        [columns, rows]
    } else {
        [rows, columns]
    };
    let rank = a.first().copied().unwrap_or_default();
    if rank == 0 || a != [rank, inputs] || b != [outputs, rank] {
        return error(format!(
            "{WEIGHTS}: lora_A {a:?} and lora_B {b:?} of {name} do not fit the base's {shape:?}; \
             is this its base?"
        ));
    }
    if !scale.ranks.is_empty() && !scale.ranks.contains(&(rank as u64)) {
        let ranks: Vec<String> = scale.ranks.iter().map(u64::to_string).collect();
        return error(format!(
            "{CONFIG} says r = {}, and lora_A and lora_B of {name} in {WEIGHTS} have rank {rank}; \
             are both files of one adapter? copy them again",
            ranks.join(" or ")
        ));
    }
    let (left, right) = if inputs_first {
        (transposed(&down), transposed(&up))
    } else {
        (up.data.to_vec(), down.data.to_vec())
    };
    let scale = scale.of_rank(rank) as f32;
    let mut weight = base.weights[name].clone();
    let rows = weight
        .data
        .par_chunks_mut(columns)
        .zip(left.par_chunks(rank));
    rows.for_each(|(row, left)| add_row(row, left, &right, scale));
    if !weight.data.iter().all(|v| v.is_finite()) {
        return error(format!(
            "{name} has numbers beyond 32-bit floats when it is merged; look at lora_alpha of \
             {CONFIG} and at {WEIGHTS}"
        ));
    }
    base.weights.insert(name, weight);
    Ok(())
}

/// `row += scale * left right` with `left` (rank) and `right` (rank, columns).
fn add_row(row: &mut [f32], left: &[f32], right: &[f32], scale: f32) {
    let mut sum = vec![0.0; row.len()];
    for (&l, right) in left.iter().zip(right.chunks_exact(row.len())) {
        for (sum, r) in sum.iter_mut().zip(right) {
            *sum += l * r;
        }
    }
    for (own, sum) in row.iter_mut().zip(sum) {
        *own += scale * sum;
    }
}

/// The elements of a matrix by columns.
fn transposed(matrix: &Array) -> Vec<f32> {
    let (rows, columns) = (matrix.shape[0], matrix.shape[1]);
    let entry = |at: usize| matrix.data[at % rows * columns + at / rows];
    (0..rows * columns).map(entry).collect()
}
