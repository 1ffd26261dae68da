//! What a decoder computes, read from a Hugging Face `config.json`.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::family::{self, Fields};
use super::kernels::Activation;
use super::rotary::Rotary;
use crate::error::{Error, Result};
use crate::generation::Sequence;

/// Architecture families whose checkpoints are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Family {
    Gpt2,
    GptNeox,
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
    Olmo2,
    Gemma2,
    Gemma3,
    Phi3,
}

/// What normalises the residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// Layer normalisation with gain and bias.
    Layer,
    /// Root mean square, times the gain.
    Rms,
    /// Root mean square, times one more than the gain.
    RmsPlusOne,
}

/// Where a block normalises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The input of attention and of the MLP.
    Before,
    /// Their output.
    After,
    /// Both.
    Around,
}

/// What of query and key is normalised before they meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryKeyNorm {
    /// Every head by itself, with one gain for all.
    Head,
    /// All heads together.
    Whole,
}

/// Which matrices have a bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Biases {
    /// Query, key and value.
    pub query_key_value: bool,
    /// The output of attention.
    pub attention_out: bool,
    /// The MLP.
    pub mlp: bool,
}

/// What may differ from block to block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerType {
    /// Positions that a query sees, its own included; all before it without a window.
    pub window: Option<usize>,
    /// Which of [`Config::rotary`] turns query and key.
    pub rotary: usize,
}

/// A decoder: sizes, and what of the families' variations it has.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Whose names the weights have.
    pub family: Family,
    /// Number of tokens.
    pub vocab_size: usize,
    /// Longest sequence.
    pub max_position_embeddings: usize,
    /// Model width.
    pub hidden_size: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Heads of the query.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`.
    pub key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Width inside the MLP.
    pub intermediate_size: usize,
    /// Normalisation.
    pub norm: NormKind,
    /// Added to the variance or mean square there.
    pub norm_epsilon: f32,
    /// Where blocks normalise.
    pub placement: Placement,
    /// Whether the MLP sees the block's input rather than what attention made of it.
    pub parallel: bool,
    /// Activation of the MLP.
    pub activation: Activation,
    /// Whether the MLP is `down(activation(gate(x)) * up(x))` and not `down(activation(up(x)))`.
    pub gated: bool,
    /// Whether each position has a learned embedding.
    pub learned_positions: bool,
    /// Rotary positions, by the kind of layer; none for learned ones.
    pub rotary: Vec<Rotary>,
    /// Each block's kind.
    pub layer_types: Vec<LayerType>,
    /// What inner products of query and key are multiplied by.
    pub attention_scale: f32,
    /// Whether layer `i`, counted from 1, divides them by `i` again.
    pub scale_by_layer: bool,
    /// Soft cap of attention scores.
    pub attention_softcap: Option<f32>,
    /// Soft cap of logits.
    pub logit_softcap: Option<f32>,
    /// Normalisation of query and key.
    pub query_key_norm: Option<QueryKeyNorm>,
    /// Biases.
    pub biases: Biases,
    /// Whether the head is the token table.
    pub tie_word_embeddings: bool,
    /// What token embeddings are multiplied by.
    pub embedding_scale: f32,
    /// Fields that were passed over, beyond those that transformers writes into every file: they cannot change a score.
    pub unread: Vec<String>,
    /// The `config.json` that says all this.
    pub(super) json: Map<String, Value>,
}

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
    /// Attention heads; divides `width`.
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
        if self.heads == 0 {
            return Err(Error::config(place, "heads = 0; at least 1 is needed"));
        }
        if !self.hidden_size.is_multiple_of(self.heads) {
            let message = format!(
                "width = {} is not a multiple of heads = {}",
                self.hidden_size, self.heads
            );
            return Err(Error::config(place, message));
        }
        let Value::Object(json) = self.to_json() else {
            unreachable!("an object is written below")
        };
        let config = family::read(&mut Fields::new(json, Path::new(place)))?;
        config.validate(place)?;
        Ok(config)
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

impl Config {
    /// Checks that the sizes fit together.
    ///
    /// # Errors
    /// Names the size that does not.
    pub fn validate(&self, place: &str) -> Result<()> {
        let error = |message: String| Err(Error::config(place, message));
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("positions", self.max_position_embeddings),
            ("width", self.hidden_size),
            ("layers", self.layers),
            ("heads", self.heads),
            ("key-value heads", self.key_value_heads),
            ("width of a head", self.head_dim),
            ("inner", self.intermediate_size),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return error(format!("{name} = 0; at least 1 is needed"));
        }
        if !self.heads.is_multiple_of(self.key_value_heads) {
            let (heads, shared) = (self.heads, self.key_value_heads);
            return error(format!(
                "heads = {heads} is not a multiple of the {shared} key-value heads"
            ));
        }
        if !(self.norm_epsilon > 0.0 && self.norm_epsilon.is_finite()) {
            return error(format!(
                "norm epsilon = {} is not above 0",
                self.norm_epsilon
            ));
        }
        if let Some(rotary) = self.rotary.iter().find(|r| 2 * r.half() > self.head_dim) {
            let (turned, width) = (2 * rotary.half(), self.head_dim);
            return error(format!(
                "rotary positions turn {turned} numbers of a head of {width}"
            ));
        }
        Ok(())
    }

    /// Checks that the model can take a sequence.
    ///
    /// # Errors
    /// Names the reason: an empty part, a token beyond the vocabulary, too long for the positions.
    pub fn check_sequence(&self, sequence: &Sequence, place: &str) -> Result<()> {
        if sequence.prompt.is_empty() {
            return Err(Error::data(
                place,
                "the prompt has no token; the first token of a sequence cannot be scored",
            ));
        }
        if sequence.response.is_empty() {
            return Err(Error::data(place, "the response has no token"));
        }
        let tokens = sequence.prompt.iter().chain(sequence.response);
        if let Some(token) = tokens.copied().find(|&t| t as usize >= self.vocab_size) {
            let vocab = self.vocab_size;
            let message = format!(
                "token {token} is outside the model's vocabulary of {vocab}; is the tokenizer the model's own?"
            );
            return Err(Error::data(place, message));
        }
        if sequence.inputs() > self.max_position_embeddings {
            let (length, limit) = (sequence.inputs(), self.max_position_embeddings);
            let message = format!(
                "{length} input tokens; the model has {limit} positions; shorten the prompt or the response"
            );
            return Err(Error::data(place, message));
        }
        Ok(())
    }

    /// The `config.json` that other tools read: what was read, with the type in which weights are written.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = self.json.clone();
        for name in ["torch_dtype", "dtype"] {
            if let Some(value) = json.get_mut(name) {
                *value = json!("float32");
            }
        }
        Value::Object(json)
    }

    /// Reads a `config.json` of any of the families.
    ///
    /// # Errors
    /// If a field is missing, unknown, or asks for something this decoder does not do; the message names it.
    pub fn from_json(text: &str, path: &Path) -> Result<Self> {
        let value: Value = serde_json::from_str(text)
            .map_err(|e| Error::checkpoint(path, format!("config.json is not JSON: {e}")))?;
        let Value::Object(fields) = value else {
            return Err(Error::checkpoint(path, "config.json is not a JSON object"));
        };
        let config = family::read(&mut Fields::new(fields, path))?;
        config.validate(&format!("checkpoint {}: config.json", path.display()))?;
        Ok(config)
    }

    /// The longest sequence that turns by the usual angles, if longer ones turn by others (LongRoPE).
    #[must_use]
    pub fn long_from(&self) -> Option<usize> {
        self.rotary.iter().find_map(Rotary::long_from)
    }

    /// Width of all query heads together.
    #[must_use]
    pub fn query_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Width of all key heads together, which is that of all value heads.
    #[must_use]
    pub fn key_width(&self) -> usize {
        self.key_value_heads * self.head_dim
    }
}

#[cfg(test)]
mod tests {
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
        let cases: [(&str, Value, &str); 7] = [
            (
                "model_type",
                json!("mamba"),
                "model_type = \"mamba\"; breadth reads gpt2, gpt_neox, llama, mistral, qwen2, qwen3, olmo2, gemma2, gemma3_text, gemma3, phi3",
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
                "n_head",
                json!(5),
                "n_embd = 64 is not a multiple of n_head = 5",
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
