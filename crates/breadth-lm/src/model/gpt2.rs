//! Sizes of a fresh model.

use std::path::Path;

use serde_json::{Value, json};

use super::config::Config;
use super::family;
use crate::error::{Error, Result};
use crate::memory;

/// Sizes of a GPT-2: pre-LayerNorm, learned positions, tanh-GELU, head tied to the token embedding.
///
/// ```
/// use breadth_lm::model::Gpt2;
/// let sizes = Gpt2 {
///     vocab_size: 7, max_position_embeddings: 16, hidden_size: 8, layers: 1, heads: 2,
///     intermediate_size: 32, layer_norm_epsilon: 1e-5,
/// };
/// assert_eq!(sizes.config("example")?.head_dim, 4);
/// # Ok::<(), breadth_lm::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gpt2 {
    /// Number of tokens.
    pub vocab_size: usize,
    /// Longest sequence.
    pub max_position_embeddings: usize,
    /// Model width.
    pub hidden_size: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads; divides `hidden_size`.
    pub heads: usize,
    /// Width inside the MLP.
    pub intermediate_size: usize,
    /// Added to the variance in layer normalisation.
    pub layer_norm_epsilon: f32,
}

impl Gpt2 {
    /// The decoder of these sizes.
    ///
    /// # Errors
    /// Names the size that does not fit, at `place`.
    pub fn config(&self, place: &str) -> Result<Config> {
        // As the settings of a training run name them.
        let sizes = [
            ("positions", self.max_position_embeddings),
            ("width", self.hidden_size),
            ("layers", self.layers),
            ("heads", self.heads),
            ("inner", self.intermediate_size),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            let message = format!("{name} = 0; at least 1 is needed");
            return Err(Error::config(place, message));
        }
        if !self.hidden_size.is_multiple_of(self.heads) {
            let message = format!(
                "width = {} is not a multiple of heads = {}",
                self.hidden_size, self.heads
            );
            return Err(Error::config(place, message));
        }
        if let Some(what) = memory::lacks(self.least_bytes()) {
            let message = format!("the weights alone take {what}");
            return Err(Error::config(place, message));
        }
        let Value::Object(json) = self.to_json() else {
            unreachable!("an object is written below")
        };
        let config = family::read(json, Path::new(place))?;
        config.validate(place)?;
        Ok(config)
    }

    /// Bytes of the matrices in single floats.
    fn least_bytes(&self) -> u128 {
        let [tokens, positions, width, layers, inner] = [
            self.vocab_size,
            self.max_position_embeddings,
            self.hidden_size,
            self.layers,
            self.intermediate_size,
        ]
        .map(|size| size as u128);
        let block = width.saturating_mul(4 * width + 2 * inner);
        let tables = (tokens + positions).saturating_mul(width);
        layers
            .saturating_mul(block)
            .saturating_add(tables)
            .saturating_mul(4)
    }

    fn to_json(&self) -> Value {
        json!({
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "activation_function": "gelu_new",
            "attn_pdrop": 0.0,
            "embd_pdrop": 0.0,
            "resid_pdrop": 0.0,
            "bos_token_id": null,
            "eos_token_id": null,
            "layer_norm_epsilon": shortest(self.layer_norm_epsilon),
            "n_embd": self.hidden_size,
            "n_head": self.heads,
            "n_inner": self.intermediate_size,
            "n_layer": self.layers,
            "n_positions": self.max_position_embeddings,
            "vocab_size": self.vocab_size,
            "tie_word_embeddings": true,
            "torch_dtype": "float32",
        })
    }
}

/// The number as a person would write it: `1e-5` and not the `f64` nearest to its `f32`.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn sizes() -> Gpt2 {
        Gpt2 {
            vocab_size: 19,
            max_position_embeddings: 48,
            hidden_size: 64,
            layers: 2,
            heads: 4,
            intermediate_size: 256,
            layer_norm_epsilon: 1e-5,
        }
    }

    fn read(edit: impl FnOnce(&mut Map<String, Value>)) -> std::result::Result<Config, String> {
        let mut value = sizes().to_json();
        edit(value.as_object_mut().unwrap());
        Config::from_json(&value.to_string(), Path::new("ckpt")).map_err(|e| e.to_string())
    }

    #[test]
    fn json_round_trip() {
        assert_eq!(read(|_| {}), Ok(sizes().config("test").unwrap()));
        assert_eq!(
            read(|m| drop(m.remove("n_inner")))
                .unwrap()
                .intermediate_size,
            256
        );
        let half = read(|m| drop(m.insert("torch_dtype".into(), json!("float16"))));
        assert_eq!(half.unwrap().to_json()["torch_dtype"], "float32");
    }

    #[test]
    fn what_it_cannot_do_is_refused_by_name() {
        let cases: [(&str, Value, &str); 12] = [
            (
                "model_type",
                json!("mamba"),
                "model_type = \"mamba\"; breadth reads gpt2, gpt_neox, llama, mistral, qwen2, \
                 qwen3, olmo2, gemma2, gemma3_text, gemma3, phi3",
            ),
            (
                "activation_function",
                json!("mish"),
                "activation_function = \"mish\"",
            ),
            (
                "add_cross_attention",
                json!(true),
                "add_cross_attention = true",
            ),
            (
                "rope_theta",
                json!(10000),
                "the field rope_theta, which breadth does not know",
            ),
            (
                "quantization_config",
                json!({"bits": 4}),
                "quantization_config: quantised weights are not read",
            ),
            (
                "quantization",
                json!({"group_size": 64, "bits": 4}),
                "quantization: quantised weights are not read; use the unquantised checkpoint",
            ),
            (
                "compression_config",
                json!({"format": "pack-quantized"}),
                "compression_config: quantised weights are not read; use the unquantised",
            ),
            (
                "n_head",
                json!(5),
                "n_embd = 64 is not a multiple of n_head = 5",
            ),
            ("n_layer", json!(-1), "n_layer = -1 is not a whole number"),
            (
                "n_layer",
                json!(0),
                "config.json: n_layer = 0; at least 1 is needed",
            ),
            (
                "n_positions",
                json!(0),
                "config.json: n_positions = 0; at least 1 is needed",
            ),
            (
                "n_inner",
                json!(0),
                "config.json: n_inner = 0; at least 1 is needed",
            ),
        ];
        for (name, value, expected) in cases {
            let error = read(|m| drop(m.insert(name.into(), value))).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let flat = Gpt2 {
            hidden_size: 0,
            ..sizes()
        };
        let error = flat.config("[model]").unwrap_err().to_string();
        assert!(
            error.contains("[model]: width = 0; at least 1 is needed"),
            "{error}"
        );
        let error = read(|m| drop(m.remove("vocab_size"))).unwrap_err();
        assert!(error.contains("config.json has no vocab_size"), "{error}");
    }
}
