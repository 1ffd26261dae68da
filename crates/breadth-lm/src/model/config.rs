//! Sizes of a decoder, and their form in a Hugging Face `config.json`.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};

/// Sizes of a GPT-2-like decoder: pre-LayerNorm, learned positions, tanh-GELU, head tied to the token embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Number of tokens.
    pub vocab_size: usize,
    /// Longest sequence.
    pub positions: usize,
    /// Model width.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads; divides `width`.
    pub heads: usize,
    /// Width inside the MLP.
    pub inner: usize,
    /// Added to the variance in layer normalisation.
    pub layer_norm_epsilon: f32,
}

/// Fields of a GPT-2 `config.json` that say nothing about what the model computes when it scores.
const IGNORED: [&str; 29] = [
    "_name_or_path",
    "architectures",
    "attn_pdrop",
    "bos_token_id",
    "chunk_size_feed_forward",
    "dtype",
    "embd_pdrop",
    "eos_token_id",
    "id2label",
    "initializer_range",
    "is_encoder_decoder",
    "label2id",
    "n_ctx",
    "output_attentions",
    "output_hidden_states",
    "pad_token_id",
    "problem_type",
    "reorder_and_upcast_attn",
    "resid_pdrop",
    "return_dict",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "task_specific_params",
    "torch_dtype",
    "transformers_version",
    "use_cache",
];

impl Config {
    /// Checks that the sizes fit together.
    ///
    /// # Errors
    /// Names the size that does not.
    pub fn validate(&self, place: &str) -> Result<()> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("positions", self.positions),
            ("width", self.width),
            ("layers", self.layers),
            ("heads", self.heads),
            ("inner", self.inner),
        ];
        for (name, size) in sizes {
            if size == 0 {
                return Err(Error::config(
                    place,
                    format!("{name} = 0; at least 1 is needed"),
                ));
            }
        }
        if !self.width.is_multiple_of(self.heads) {
            let message = format!(
                "width = {} is not a multiple of heads = {}",
                self.width, self.heads
            );
            return Err(Error::config(place, message));
        }
        if !(self.layer_norm_epsilon > 0.0 && self.layer_norm_epsilon.is_finite()) {
            let message = format!(
                "layer_norm_epsilon = {} is not above 0",
                self.layer_norm_epsilon
            );
            return Err(Error::config(place, message));
        }
        Ok(())
    }

    /// The `config.json` that other tools read.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "activation_function": "gelu_new",
            "attn_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "resid_pdrop": 0.0,
            "bos_token_id": null,
            "eos_token_id": null,
            "layer_norm_epsilon": f64::from(self.layer_norm_epsilon.to_string().parse::<f32>().unwrap_or(1e-5)),
            "n_embd": self.width,
            "n_head": self.heads,
            "n_inner": self.inner,
            "n_layer": self.layers,
            "n_positions": self.positions,
            "vocab_size": self.vocab_size,
            "tie_word_embeddings": true,
            "torch_dtype": "float32",
        })
    }

    /// Reads a GPT-2 `config.json`.
    ///
    /// # Errors
    /// If a field is missing, unknown, or asks for something this decoder does not do; the message names it.
    pub fn from_json(text: &str, path: &Path) -> Result<Self> {
        let value: Value = serde_json::from_str(text)
            .map_err(|e| Error::checkpoint(path, format!("config.json is not JSON: {e}")))?;
        let Value::Object(fields) = value else {
            return Err(Error::checkpoint(path, "config.json is not a JSON object"));
        };
        Fields { fields, path }.read()
    }
}

/// The fields of a `config.json`, taken out one by one; what is left over is unknown.
struct Fields<'a> {
    fields: Map<String, Value>,
    path: &'a Path,
}

impl Fields<'_> {
    fn error(&self, message: String) -> Error {
        Error::checkpoint(self.path, message)
    }

    fn size(&mut self, name: &str) -> Result<Option<usize>> {
        match self.fields.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(n) => Ok(Some(n as usize)),
                None => Err(self.error(format!(
                    "config.json: {name} = {value} is not a whole number"
                ))),
            },
        }
    }

    fn required(&mut self, name: &str) -> Result<usize> {
        self.size(name)?
            .ok_or_else(|| self.error(format!("config.json has no {name}")))
    }

    /// The field, if present, must be one of `allowed`.
    fn expect(&mut self, name: &str, allowed: &[Value]) -> Result<()> {
        match self.fields.remove(name) {
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

    fn read(mut self) -> Result<Config> {
        match self.fields.remove("model_type") {
            Some(Value::String(t)) if t == "gpt2" => {}
            Some(other) => {
                return Err(self.error(format!("model_type = {other}; gpt2 is what breadth reads")));
            }
            None => return Err(self.error("config.json has no model_type".into())),
        }
        self.expect(
            "activation_function",
            &[json!("gelu_new"), json!("gelu_pytorch_tanh")],
        )?;
        self.expect("tie_word_embeddings", &[json!(true)])?;
        self.expect("scale_attn_weights", &[json!(true)])?;
        self.expect("scale_attn_by_inverse_layer_idx", &[json!(false)])?;
        self.expect("add_cross_attention", &[json!(false)])?;
        let epsilon = self.fields.remove("layer_norm_epsilon");
        let width = self.required("n_embd")?;
        let config = Config {
            vocab_size: self.required("vocab_size")?,
            positions: self.required("n_positions")?,
            width,
            layers: self.required("n_layer")?,
            heads: self.required("n_head")?,
            inner: self.size("n_inner")?.unwrap_or(4 * width),
            layer_norm_epsilon: epsilon.as_ref().and_then(Value::as_f64).unwrap_or(1e-5) as f32,
        };
        if let Some(name) = self
            .fields
            .keys()
            .find(|name| !IGNORED.contains(&name.as_str()))
        {
            let message = format!(
                "config.json has the field {name}, which breadth does not know; scores could be wrong"
            );
            return Err(self.error(message));
        }
        config.validate(&format!("checkpoint {}: config.json", self.path.display()))?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config {
            vocab_size: 19,
            positions: 48,
            width: 64,
            layers: 2,
            heads: 4,
            inner: 256,
            layer_norm_epsilon: 1e-5,
        }
    }

    fn read(edit: impl FnOnce(&mut Map<String, Value>)) -> std::result::Result<Config, String> {
        let mut value = config().to_json();
        edit(value.as_object_mut().unwrap());
        Config::from_json(&value.to_string(), Path::new("ckpt")).map_err(|e| e.to_string())
    }

    #[test]
    fn json_round_trip() {
        assert_eq!(read(|_| {}), Ok(config()));
        assert_eq!(read(|m| drop(m.remove("n_inner"))).unwrap().inner, 256);
    }

    #[test]
    fn what_it_cannot_do_is_refused_by_name() {
        let cases: [(&str, Value, &str); 7] = [
            (
                "model_type",
                json!("llama"),
                "model_type = \"llama\"; gpt2 is what breadth reads",
            ),
            (
                "activation_function",
                json!("relu"),
                "activation_function = \"relu\"",
            ),
            (
                "tie_word_embeddings",
                json!(false),
                "tie_word_embeddings = false",
            ),
            (
                "scale_attn_by_inverse_layer_idx",
                json!(true),
                "scale_attn_by_inverse_layer_idx",
            ),
            (
                "rope_theta",
                json!(10000),
                "the field rope_theta, which breadth does not know",
            ),
            (
                "n_head",
                json!(5),
                "width = 64 is not a multiple of heads = 5",
            ),
            ("n_layer", json!(-1), "n_layer = -1 is not a whole number"),
        ];
        for (name, value, expected) in cases {
            let error = read(|m| drop(m.insert(name.into(), value))).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = read(|m| drop(m.remove("vocab_size"))).unwrap_err();
        assert!(error.contains("config.json has no vocab_size"), "{error}");
    }
}
