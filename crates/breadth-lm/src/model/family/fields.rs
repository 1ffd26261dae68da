//! The fields of a `config.json`, taken out one by one; what is left over is unknown.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use breadth_data::short;
use serde_json::{Map, Value, json};

use super::harmless::{self, Verdict};
use crate::error::{Error, Result};
use crate::memory::in_words;
use crate::model::activation::Activation;

/// The largest size; products of several must stay numbers.
const MOST: u64 = 1 << 40;
/// The most layers: what is made for each of them before the weights are looked at stays small.
const MOST_LAYERS: usize = 10_000;
/// The widest head, likewise.
const MOST_HEAD_DIM: usize = 1 << 16;

/// What is still to be read of a `config.json`.
pub struct Fields {
    whole: Map<String, Value>,
    left: Map<String, Value>,
    /// What a reader knows to change no score.
    passed: BTreeSet<String>,
    path: PathBuf,
}

impl Fields {
    /// All fields of the checkpoint at `path`.
    pub fn new(fields: Map<String, Value>, path: &Path) -> Self {
        Self {
            whole: fields.clone(),
            left: fields,
            passed: BTreeSet::new(),
            path: path.into(),
        }
    }

    /// An error of this checkpoint.
    pub fn error(&self, message: String) -> Error {
        Error::checkpoint(&self.path, message)
    }

    /// Takes a field out; `null` counts as absent.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// Whether a field is there that nobody took yet.
    pub fn has_left(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(|value| !value.is_null())
    }

    /// Passes over a field that no code of the family reads; [`finish`](Self::finish) names it.
    pub fn pass_over(&mut self, name: &str) {
        self.left.remove(name);
        self.passed.insert(name.into());
    }

    /// Passes over a field that no code of the family reads where it says what the family does.
    pub fn agree(&mut self, name: &str, value: &Value) {
        if self.left.get(name) == Some(value) {
            self.pass_over(name);
        }
    }

    /// Whether the file has no such field; one that is `null` is there.
    pub fn lacks(&self, name: &str) -> bool {
        !self.whole.contains_key(name)
    }

    /// The error of a field whose value is not what it may be.
    pub fn wrong<T>(&self, name: &str, value: &Value, wanted: &str) -> Result<T> {
        Err(self.error(format!("config.json: {name} = {value} is not {wanted}")))
    }

    /// A whole number, if it is there.
    pub fn size(&mut self, name: &str) -> Result<Option<usize>> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(n) if n <= MOST => Ok(Some(n as usize)),
                Some(_) => self.wrong(name, &value, "a size that a model has"),
                None => self.wrong(name, &value, "a whole number"),
            },
        }
    }

    /// A whole number; `default` where the file lacks it, nothing where it is `null`.
    pub fn size_or(&mut self, name: &str, default: Option<usize>) -> Result<Option<usize>> {
        if self.lacks(name) {
            Ok(default)
        } else {
            self.size(name)
        }
    }

    /// A number above 0; `default` where the file lacks it, nothing where it is `null`.
    pub fn positive_or(&mut self, name: &str, default: f32) -> Result<Option<f32>> {
        if self.lacks(name) {
            Ok(Some(default))
        } else {
            self.positive(name)
        }
    }

    /// A whole number that must be there.
    pub fn required(&mut self, name: &str) -> Result<usize> {
        self.size(name)?
            .ok_or_else(|| self.error(format!("config.json has no {name}")))
    }

    /// How many blocks there are, each with two normalisations of width `hidden_size` at least.
    pub fn layers(&mut self, name: &str, hidden_size: usize) -> Result<usize> {
        let layers = self.required(name)?;
        if layers <= MOST_LAYERS {
            return Ok(layers);
        }
        let bytes = 8 * layers as u128 * hidden_size as u128;
        Err(self.error(format!(
            "config.json: {name} = {layers}, with weights of {} at least; a model has at most \
             {MOST_LAYERS} layers",
            in_words(bytes)
        )))
    }

    /// The width of a head, within what rotary tables are made for.
    pub fn head_dim(&self, head_dim: usize) -> Result<usize> {
        if head_dim <= MOST_HEAD_DIM {
            Ok(head_dim)
        } else {
            Err(self.error(format!(
                "config.json: heads are {head_dim} wide; a model has heads of {MOST_HEAD_DIM} at \
                 most"
            )))
        }
    }

    /// A number, if it is there.
    pub fn number(&mut self, name: &str) -> Result<Option<f64>> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_f64() {
                Some(number) => Ok(Some(number)),
                None => self.wrong(name, &value, "a number"),
            },
        }
    }

    /// A number above 0, if it is there.
    pub fn positive(&mut self, name: &str) -> Result<Option<f32>> {
        match self.number(name)? {
            Some(number) if number > 0.0 => Ok(Some(number as f32)),
            Some(number) => self.wrong(name, &json!(number), "above 0"),
            None => Ok(None),
        }
    }

    /// True or false, if it is there.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(value) => self.wrong(name, &value, "true or false"),
        }
    }

    /// The field, if present, must be one of `allowed`.
    pub fn expect(&mut self, name: &str, allowed: &[Value]) -> Result<()> {
        match self.take(name) {
            Some(value) if !allowed.contains(&value) => {
                let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
                let allowed = allowed.join(" or ");
                Err(self.error(format!(
                    "config.json: {name} = {value}; this decoder has {allowed} only"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The activation that a field names, or the family's own.
    pub fn activation(&mut self, name: &str, default: Activation) -> Result<Activation> {
        match self.take(name).as_ref().map(Value::as_str) {
            None => Ok(default),
            Some(Some("silu" | "swish")) => Ok(Activation::Silu),
            Some(Some("gelu" | "gelu_python")) => Ok(Activation::Gelu),
            Some(Some("relu")) => Ok(Activation::Relu),
            Some(Some("gelu_new" | "gelu_pytorch_tanh" | "gelu_fast")) => Ok(Activation::GeluTanh),
            Some(other) => {
                let other = other.map_or(Value::Null, Value::from);
                Err(self.error(format!(
                    "config.json: {name} = {other}; this decoder has silu, gelu, gelu_new and relu \
                     only"
                )))
            }
        }
    }

    /// Which layers have a window: `layer_types`, or what `default` says of each.
    pub fn sliding_layers(
        &mut self,
        layers: usize,
        default: impl Fn(usize) -> bool,
    ) -> Result<Vec<bool>> {
        let Some(value) = self.take("layer_types") else {
            return Ok((0..layers).map(default).collect());
        };
        let of_name = |v: &Value| match v.as_str() {
            Some("sliding_attention") => Some(true),
            Some("full_attention") => Some(false),
            _ => None,
        };
        let list: Option<Vec<bool>> = value
            .as_array()
            .and_then(|list| list.iter().map(of_name).collect());
        match list {
            Some(list) if list.len() == layers => Ok(list),
            _ => self.wrong(
                "layer_types",
                &value,
                &format!("a list of {layers} times full_attention or sliding_attention"),
            ),
        }
    }

    /// Refuses what nobody took and could change a score; returns the names of what is passed over
    /// beyond the usual.
    pub fn finish(&self) -> Result<Vec<String>> {
        let mut passed = self.passed.clone();
        for (name, value) in &self.left {
            match harmless::judge(name, value) {
                Verdict::Usual => {}
                Verdict::Passed => drop(passed.insert(name.clone())),
                Verdict::Live => {
                    return Err(self.error(format!(
                        "config.json has the field {name}, which breadth does not know; scores \
                         could be wrong (its value is {}; remove the field if nothing reads it)",
                        short(&value.to_string())
                    )));
                }
            }
        }
        Ok(passed.into_iter().collect())
    }

    /// What nobody took yet.
    pub fn rest(&self) -> Map<String, Value> {
        self.left.clone()
    }

    /// Other fields of the same checkpoint.
    pub fn replaced(&self, fields: Map<String, Value>) -> Self {
        Self::new(fields, &self.path)
    }

    /// The object as it was.
    pub fn original(&self) -> Map<String, Value> {
        self.whole.clone()
    }
}
