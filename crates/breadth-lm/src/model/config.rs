//! What a decoder computes.

use serde_json::{Map, Value, json};

use super::activation::Activation;
use super::rotary::Rotary;
use crate::error::{Error, Result};
use crate::generation::Sequence;

/// Architecture families whose checkpoints can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
#[non_exhaustive]
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

/// The normalisation of the residual stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// LayerNorm, with gain and bias.
    Layer,
    /// RMSNorm: `x / rms(x) * gain`.
    Rms,
    /// RMSNorm of Gemma: `x / rms(x) * (1 + gain)`.
    RmsPlusOne,
}

/// Where a block normalises: pre-norm, post-norm or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// The input of attention and of the MLP.
    Before,
    /// Their output.
    After,
    /// Both.
    Around,
}

/// How query and key are normalised before their inner product.
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
    /// Sliding window: how many positions a query attends to, its own included; `None` is full
    /// causal attention.
    pub window: Option<usize>,
    /// Index into [`Config::rotary`] of the rotary embedding of query and key.
    pub rotary: usize,
}

/// The configuration of a decoder-only transformer, in the terms of transformers' `config.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Whose names the weights have.
    pub family: Family,
    /// Number of tokens.
    pub vocab_size: usize,
    /// Longest sequence, in tokens.
    pub max_position_embeddings: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Query heads (`num_attention_heads`).
    pub heads: usize,
    /// Key-value heads (`num_key_value_heads`); divides `heads`.
    pub key_value_heads: usize,
    /// Width of one attention head.
    pub head_dim: usize,
    /// Hidden width of the MLP.
    pub intermediate_size: usize,
    /// Normalisation.
    pub norm: NormKind,
    /// Added to the variance (LayerNorm) or the mean square (RMSNorm).
    pub norm_epsilon: f32,
    /// Where blocks normalise.
    pub placement: Placement,
    /// Whether attention and MLP are parallel, both fed with the block's input
    /// (`use_parallel_residual`).
    pub parallel: bool,
    /// Activation of the MLP.
    pub activation: Activation,
    /// Whether the MLP is `down(activation(gate(x)) * up(x))` and not `down(activation(up(x)))`.
    pub gated: bool,
    /// Whether each position has a learned embedding.
    pub learned_positions: bool,
    /// Rotary embeddings, indexed by [`LayerType::rotary`]; empty with learned positions.
    pub rotary: Vec<Rotary>,
    /// What each layer attends to.
    pub layer_types: Vec<LayerType>,
    /// Softmax scale, usually `1 / sqrt(head_dim)`.
    pub attention_scale: f32,
    /// Whether layer `i`, counted from 1, divides the softmax scale by `i`
    /// (`scale_attn_by_inverse_layer_idx`).
    pub scale_by_layer: bool,
    /// Soft cap of attention scores, `cap * tanh(score / cap)` (`attn_logit_softcapping`).
    pub attention_softcap: Option<f32>,
    /// Soft cap of logits, `cap * tanh(logit / cap)` (`final_logit_softcapping`).
    pub logit_softcap: Option<f32>,
    /// Normalisation of query and key.
    pub query_key_norm: Option<QueryKeyNorm>,
    /// Biases.
    pub biases: Biases,
    /// Whether the output head shares the token embedding.
    pub tie_word_embeddings: bool,
    /// Factor of the token embeddings; 1 but for Gemma, `sqrt(hidden_size)`.
    pub embedding_scale: f32,
    /// Fields of the file that were ignored because they cannot change a score, beyond those that
    /// transformers writes into every file.
    pub unread: Vec<String>,
    /// The `config.json` that says all this.
    pub(super) json: Map<String, Value>,
}

/// What the families call their sizes in `config.json`: most of them, then GPT-2.
const POSITIONS: [&str; 2] = ["max_position_embeddings", "n_positions"];
const WIDTH: [&str; 2] = ["hidden_size", "n_embd"];
const LAYERS: [&str; 2] = ["num_hidden_layers", "n_layer"];
const HEADS: [&str; 2] = ["num_attention_heads", "n_head"];
const INNER: [&str; 2] = ["intermediate_size", "n_inner"];
const EPSILON: [&str; 3] = ["rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon"];

impl Config {
    /// Checks that the sizes fit together.
    ///
    /// # Errors
    /// Names the size that does not.
    pub fn validate(&self, place: &str) -> Result<()> {
        let error = |message: String| Err(Error::config(place, message));
        let sizes = [
            (&["vocab_size"][..], self.vocab_size),
            (&POSITIONS, self.max_position_embeddings),
            (&WIDTH, self.hidden_size),
            (&LAYERS, self.layers),
            (&HEADS, self.heads),
            (&["num_key_value_heads"], self.key_value_heads),
            (&["head_dim"], self.head_dim),
            (&INNER, self.intermediate_size),
        ];
        if let Some((names, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            let name = self.field(names);
            return error(format!("{name} = 0; at least 1 is needed"));
        }
        if !self.heads.is_multiple_of(self.key_value_heads) {
            let (heads, shared) = (self.heads, self.key_value_heads);
            let name = self.field(&HEADS);
            return error(format!(
                "{name} = {heads} is not a multiple of num_key_value_heads = {shared}"
            ));
        }
        if !(self.norm_epsilon > 0.0 && self.norm_epsilon.is_finite()) {
            let (name, epsilon) = (self.field(&EPSILON), self.norm_epsilon);
            return error(format!("{name} = {epsilon}; a number above 0 is needed"));
        }
        if let Some(rotary) = self.rotary.iter().find(|r| 2 * r.half() > self.head_dim) {
            let (turned, width) = (2 * rotary.half(), self.head_dim);
            return error(format!(
                "rotary positions turn {turned} numbers of a head of {width}"
            ));
        }
        Ok(())
    }

    /// Of the names that families give a field, the one that the file has; the first where it has
    /// none of them, as where a size follows from others.
    fn field<'a>(&self, names: &[&'a str]) -> &'a str {
        let of_file = names.iter().find(|name| self.json.contains_key(**name));
        of_file.unwrap_or(&names[0])
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
                "token {token} is outside the model's vocabulary of {vocab}; is the tokenizer the \
                 model's own?"
            );
            return Err(Error::data(place, message));
        }
        if sequence.inputs() > self.max_position_embeddings {
            let (length, limit) = (sequence.inputs(), self.max_position_embeddings);
            let message = format!(
                "{length} input tokens; the model has {limit} positions; shorten the prompt or the \
                 response"
            );
            return Err(Error::data(place, message));
        }
        Ok(())
    }

    /// The `config.json` that other tools read: what was read, with the type in which weights are
    /// written.
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

    /// With LongRoPE: the longest sequence that uses the short rotary factors; longer ones use
    /// others.
    #[must_use]
    pub fn long_from(&self) -> Option<usize> {
        self.rotary.iter().find_map(Rotary::long_from)
    }

    /// `heads * head_dim`.
    #[must_use]
    pub fn query_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// `key_value_heads * head_dim`, the width of all keys and that of all values.
    #[must_use]
    pub fn key_width(&self) -> usize {
        self.key_value_heads * self.head_dim
    }
}
