//! GPT-NeoX, and Pythia with it.

use super::fields::Fields;
use crate::error::Result;
use crate::model::activation::Activation;
use crate::model::config::{Biases, Config, Family, NormKind};
use crate::model::family::llama;

/// GPT-NeoX's fields.
pub fn read(fields: &mut Fields) -> Result<Config> {
    let base = fields.number("rotary_emb_base")?.unwrap_or(10_000.0);
    let share = fields.number("rotary_pct")?.unwrap_or(0.25);
    let share = fields.number("partial_rotary_factor")?.unwrap_or(share);
    let theta = fields.number("rope_theta")?.unwrap_or(base);
    let scaling = fields.take("rope_scaling");
    let parameters = fields.take("rope_parameters").or(scaling);
    let bias = fields.flag("attention_bias")?.unwrap_or(true);
    let parallel = fields.flag("use_parallel_residual")?.unwrap_or(true);
    let activation = fields.activation("hidden_act", Activation::Gelu)?;
    let epsilon = fields.positive("layer_norm_eps")?.unwrap_or(1e-5);
    let sizes = llama::Sizes::read(fields, llama::Defaults::LLAMA)?;
    let rotary = fields.rotary_of(
        parameters,
        theta,
        share,
        sizes.head_dim,
        sizes.max_position_embeddings,
    )?;
    Ok(Config {
        norm: NormKind::Layer,
        norm_epsilon: epsilon,
        parallel,
        activation,
        gated: false,
        biases: Biases {
            query_key_value: bias,
            attention_out: bias,
            mlp: true,
        },
        ..sizes.config(fields, Family::GptNeox, vec![rotary])?
    })
}
