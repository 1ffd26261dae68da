//! Phi-3.

use serde_json::{Value, json};

use super::fields::Fields;
use super::llama::{Defaults, Sizes, with_windows};
use crate::error::Result;
use crate::model::config::{Config, Family};

/// Phi-3's fields.
pub fn read(fields: &mut Fields) -> Result<Config> {
    let original = fields.size_or("original_max_position_embeddings", Some(4096))?;
    let window = fields.size("sliding_window")?;
    let theta = fields.number("rope_theta")?.unwrap_or(10_000.0);
    let share = fields.number("partial_rotary_factor")?.unwrap_or(1.0);
    let scaling = fields.take("rope_scaling");
    let mut parameters = fields.take("rope_parameters").or(scaling);
    if let (Some(Value::Object(map)), Some(original)) = (&mut parameters, original) {
        // It stands beside the object in Phi-3's files, and counts before what stands inside.
        map.insert("original_max_position_embeddings".into(), json!(original));
    }
    let defaults = Defaults {
        max_position_embeddings: 4096,
        norm_epsilon: 1e-5,
        ..Defaults::LLAMA
    };
    let sizes = Sizes::read(fields, defaults)?;
    let rotary = fields.rotary_of(
        parameters,
        theta,
        share,
        sizes.head_dim,
        sizes.max_position_embeddings,
    )?;
    let config = sizes.config(fields, Family::Phi3, vec![rotary])?;
    let sliding = vec![true; config.layers];
    Ok(with_windows(config, window, &sliding))
}
