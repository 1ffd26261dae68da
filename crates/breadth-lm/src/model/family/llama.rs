//! Llama 2 and 3, Mistral; and what most families share with them.

use serde_json::json;

use super::fields::Fields;
use super::rotary::{self, Share, Usual};
use crate::error::Result;
use crate::model::activation::Activation;
use crate::model::config::{Biases, Config, Family, LayerType, NormKind, Placement};
use crate::model::rotary::Rotary;

/// The sizes, under the names that all but GPT-2 use.
pub struct Sizes {
    vocab_size: usize,
    max_position_embeddings: usize,
    pub hidden_size: usize,
    layers: usize,
    heads: usize,
    key_value_heads: usize,
    head_dim: usize,
    intermediate_size: usize,
    norm_epsilon: f32,
}

/// What transformers takes where a file lacks a field; the other sizes must be there.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    pub max_position_embeddings: usize,
    /// As many as heads without one.
    pub key_value_heads: Option<usize>,
    /// `hidden_size` over the heads without one.
    pub head_dim: Option<usize>,
    pub heads: Option<usize>,
    pub vocab_size: Option<usize>,
    pub norm_epsilon: f32,
}

impl Defaults {
    /// Llama's.
    pub const LLAMA: Self = Self {
        max_position_embeddings: 2048,
        key_value_heads: None,
        head_dim: None,
        heads: None,
        vocab_size: None,
        norm_epsilon: 1e-6,
    };
}

impl Sizes {
    /// Takes the sizes.
    pub fn read(fields: &mut Fields, defaults: Defaults) -> Result<Self> {
        let required = |fields: &mut Fields, name: &str, default| match default {
            Some(_) if fields.lacks(name) => Ok(default.unwrap_or_default()),
            _ => fields.required(name),
        };
        let hidden_size = fields.required("hidden_size")?;
        let heads = required(fields, "num_attention_heads", defaults.heads)?;
        let head_dim = match fields.size_or("head_dim", defaults.head_dim)? {
            Some(head_dim) => head_dim,
            None if heads > 0 && hidden_size.is_multiple_of(heads) => hidden_size / heads,
            None => {
                return Err(fields.error(format!(
                    "config.json: hidden_size = {hidden_size} is not a multiple of \
                     num_attention_heads = {heads}, and there is no head_dim"
                )));
            }
        };
        let head_dim = fields.head_dim(head_dim)?;
        let shared = fields.size_or("num_key_value_heads", defaults.key_value_heads)?;
        Ok(Self {
            vocab_size: required(fields, "vocab_size", defaults.vocab_size)?,
            max_position_embeddings: required(
                fields,
                "max_position_embeddings",
                Some(defaults.max_position_embeddings),
            )?,
            hidden_size,
            layers: fields.layers("num_hidden_layers", hidden_size)?,
            heads,
            key_value_heads: shared.unwrap_or(heads),
            head_dim,
            intermediate_size: fields.required("intermediate_size")?,
            norm_epsilon: defaults.norm_epsilon,
        })
    }

    /// Rotary positions of base `theta` that turn so much of a head, where the file says nothing.
    pub fn usual(&self, theta: f64, share: Share) -> Usual {
        Usual {
            theta,
            share,
            head_dim: self.head_dim,
            positions: self.max_position_embeddings,
        }
    }

    /// Rotary positions that turn whole heads, one kind for all layers.
    pub fn rotary(&self, fields: &mut Fields) -> Result<Rotary> {
        let theta = fields.number("rope_theta")?.unwrap_or(10_000.0);
        let usual = self.usual(theta, Share::whole(fields)?);
        rotary::read(fields, usual)
    }

    /// The decoder of Llama 2 with these sizes.
    pub fn config(
        self,
        fields: &mut Fields,
        family: Family,
        rotary: Vec<Rotary>,
    ) -> Result<Config> {
        let activation = fields.activation("hidden_act", Activation::Silu)?;
        if activation == Activation::Silu {
            fields.agree("activation", &json!("swiglu"));
        }
        Ok(Config {
            family,
            vocab_size: self.vocab_size,
            max_position_embeddings: self.max_position_embeddings,
            hidden_size: self.hidden_size,
            layers: self.layers,
            heads: self.heads,
            key_value_heads: self.key_value_heads,
            head_dim: self.head_dim,
            intermediate_size: self.intermediate_size,
            norm: NormKind::Rms,
            norm_epsilon: fields
                .positive("rms_norm_eps")?
                .unwrap_or(self.norm_epsilon),
            placement: Placement::Before,
            parallel: false,
            activation,
            gated: true,
            learned_positions: false,
            rotary,
            layer_types: vec![LayerType::default(); self.layers],
            attention_scale: 1.0 / (self.head_dim as f32).sqrt(),
            scale_by_layer: false,
            attention_softcap: None,
            logit_softcap: None,
            query_key_norm: None,
            biases: Biases::default(),
            tie_word_embeddings: fields.flag("tie_word_embeddings")?.unwrap_or(false),
            embedding_scale: 1.0,
            unread: Vec::new(),
            json: Default::default(),
        })
    }
}

/// Sizes, rotary positions and what Llama 2 has.
pub fn plain(fields: &mut Fields, family: Family, defaults: Defaults) -> Result<Config> {
    let sizes = Sizes::read(fields, defaults)?;
    let rotary = sizes.rotary(fields)?;
    sizes.config(fields, family, vec![rotary])
}

/// Llama's fields.
pub fn read_llama(fields: &mut Fields) -> Result<Config> {
    let attention = fields.flag("attention_bias")?.unwrap_or(false);
    let mlp = fields.flag("mlp_bias")?.unwrap_or(false);
    // Left by models of Qwen; the code of Llama has no windows, and here they are off.
    if fields.flag("use_sliding_window")? == Some(false) {
        fields.pass_over("sliding_window");
    }
    Ok(Config {
        biases: Biases {
            query_key_value: attention,
            attention_out: attention,
            mlp,
        },
        ..plain(fields, Family::Llama, Defaults::LLAMA)?
    })
}

/// Mistral's fields.
pub fn read_mistral(fields: &mut Fields) -> Result<Config> {
    let window = fields.size_or("sliding_window", Some(4096))?;
    let defaults = Defaults {
        max_position_embeddings: 131_072,
        key_value_heads: Some(8),
        ..Defaults::LLAMA
    };
    let config = plain(fields, Family::Mistral, defaults)?;
    let sliding = fields.sliding_layers(config.layers, |_| true)?;
    Ok(with_windows(config, window, &sliding))
}

/// Gives the sliding layers their window.
pub fn with_windows(config: Config, window: Option<usize>, sliding: &[bool]) -> Config {
    let kind = |&slides: &bool| LayerType {
        window: window.filter(|_| slides),
        rotary: 0,
    };
    Config {
        layer_types: sliding.iter().map(kind).collect(),
        ..config
    }
}
