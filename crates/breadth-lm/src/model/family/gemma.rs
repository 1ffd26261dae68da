//! Gemma 2 and the text models of Gemma 3.

use serde_json::{Value, json};

use super::Fields;
use super::llama::{Sizes, with_windows};
use crate::error::Result;
use crate::model::config::{Biases, Config, Family, LayerKind, NormKind, Placement, QueryKeyNorm};
use crate::model::kernels::Activation;
use crate::model::rotary::Rotary;

/// Gemma 2's fields.
pub fn read_gemma2(fields: &mut Fields) -> Result<Config> {
    let window = fields.size("sliding_window")?.or(Some(4096));
    let softcap = fields.positive("attn_logit_softcapping")?;
    let sizes = Sizes::read(fields)?;
    let rotary = fields.rotary(sizes.head_width, sizes.positions, 1.0)?;
    let config = Config {
        attention_softcap: softcap,
        ..shared(fields, sizes, Family::Gemma2, vec![rotary])?
    };
    let sliding = fields.sliding_layers(config.layers, |layer| layer.is_multiple_of(2))?;
    Ok(with_windows(config, window, &sliding))
}

/// Gemma 3's fields: local layers have rotary positions of their own.
pub fn read_gemma3(fields: &mut Fields) -> Result<Config> {
    let window = fields.size("sliding_window")?.or(Some(4096));
    // Declared, but not applied by the reference implementation.
    fields.expect("attn_logit_softcapping", &[])?;
    let pattern = fields.size("sliding_window_pattern")?;
    let pattern = fields
        .size("_sliding_window_pattern")?
        .or(pattern)
        .unwrap_or(6);
    let sizes = Sizes::read(fields)?;
    let rotary = rotary_of_gemma3(fields, &sizes)?;
    let config = Config {
        query_key_norm: Some(QueryKeyNorm::Head),
        ..shared(fields, sizes, Family::Gemma3, rotary)?
    };
    let local = |layer: usize| pattern == 0 || !(layer + 1).is_multiple_of(pattern);
    let kinds = fields.sliding_layers(config.layers, local)?.into_iter();
    let kind = |local: bool| LayerKind {
        window: window.filter(|_| local),
        rotary: usize::from(local),
    };
    Ok(Config {
        kinds: kinds.map(kind).collect(),
        ..config
    })
}

/// The global, then the local rotary positions.
fn rotary_of_gemma3(fields: &mut Fields, sizes: &Sizes) -> Result<Vec<Rotary>> {
    let theta = fields.number("rope_theta")?.unwrap_or(1e6);
    let local_theta = fields.number("rope_local_base_freq")?.unwrap_or(1e4);
    let scaling = fields.take("rope_scaling");
    let (global, local) = match fields.take("rope_parameters") {
        Some(Value::Object(mut map)) if map.contains_key("full_attention") => (
            map.remove("full_attention"),
            map.remove("sliding_attention"),
        ),
        other => (other.or(scaling), None),
    };
    let mut of = |parameters, theta| {
        fields.rotary_of(parameters, theta, 1.0, sizes.head_width, sizes.positions)
    };
    Ok(vec![of(global, theta)?, of(local, local_theta)?])
}

/// What Gemma 2 and 3 share.
fn shared(
    fields: &mut Fields,
    sizes: Sizes,
    family: Family,
    rotary: Vec<Rotary>,
) -> Result<Config> {
    fields.expect("use_bidirectional_attention", &[json!(false)])?;
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    let scalar = fields.positive("query_pre_attn_scalar")?.unwrap_or(256.0);
    let softcap = fields.positive("final_logit_softcapping")?;
    // An older name, which the reference implementation does not read.
    fields.take("hidden_act");
    let activation = fields.activation("hidden_activation", Activation::GeluTanh)?;
    let tied = fields.flag("tie_word_embeddings")?.unwrap_or(true);
    let scale = (sizes.width as f64).sqrt() as f32;
    Ok(Config {
        norm: NormKind::RmsPlusOne,
        placement: Placement::Around,
        activation,
        attention_scale: scalar.powf(-0.5),
        logit_softcap: softcap,
        biases: Biases {
            query_key_value: bias,
            attention_out: bias,
            mlp: false,
        },
        tied,
        embedding_scale: scale,
        ..sizes.config(fields, family, rotary)?
    })
}
