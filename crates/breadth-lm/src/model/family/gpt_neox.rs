//! GPT-NeoX, and Pythia with it.

use serde_json::json;

use super::fields::Fields;
use crate::error::Result;
use crate::model::activation::Activation;
use crate::model::config::{Biases, Config, Family, NormKind};
use crate::model::family::llama;
use crate::model::family::rotary::{self, Share};

/// GPT-NeoX's fields.
pub fn read(fields: &mut Fields) -> Result<Config> {
    let theta = fields.number("rotary_emb_base")?.unwrap_or(10_000.0);
    let said = fields.number("rotary_pct")?;
    let share = said.unwrap_or(0.25);
    // What other families call the same; no code of this one reads these names.
    for (name, own) in [("rope_theta", theta), ("partial_rotary_factor", share)] {
        if fields.number(name)?.is_some_and(|other| other != own) {
            fields.pass_over(name);
        }
    }
    let bias = fields.flag("attention_bias")?.unwrap_or(true);
    let parallel = fields.flag("use_parallel_residual")?.unwrap_or(true);
    let activation = fields.activation("hidden_act", Activation::Gelu)?;
    let epsilon = fields.positive("layer_norm_eps")?.unwrap_or(1e-5);
    let sizes = llama::Sizes::read(fields, llama::Defaults::LLAMA)?;
    let usual = sizes.usual(theta, Share::Part(share));
    let objects = rotary::objects(fields);
    let rotary = rotary::either(fields, objects, |fields, object| {
        let inside = object
            .as_ref()
            .and_then(|o| o.get("partial_rotary_factor")?.as_f64());
        match (said, inside) {
            (Some(said), Some(inside)) if said != inside => Err(fields.error(format!(
                "config.json: rotary_pct = {said}, and partial_rotary_factor = {inside} in the \
                 object of rotary positions: releases of transformers differ in which they take; \
                 keep the one that is meant"
            ))),
            _ => rotary::of(fields, object, usual),
        }
    })?;
    let config = sizes.config(fields, Family::GptNeox, vec![rotary])?;
    // GPT-NeoX's own name of the tie.
    fields.agree("weight_tying", &json!(config.tie_word_embeddings));
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
        ..config
    })
}
