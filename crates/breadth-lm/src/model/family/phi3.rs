//! Phi-3.

use serde_json::{Value, json};

use super::fields::Fields;
use super::llama::{Defaults, Sizes, with_windows};
use super::rotary::{self, Share};
use crate::error::Result;
use crate::model::config::{Config, Family};

/// Phi-3's fields.
pub fn read(fields: &mut Fields) -> Result<Config> {
    let original = fields.size_or("original_max_position_embeddings", Some(4096))?;
    let window = fields.size("sliding_window")?;
    let theta = fields.number("rope_theta")?.unwrap_or(10_000.0);
    let share = fields.number("partial_rotary_factor")?.unwrap_or(1.0);
    let defaults = Defaults {
        max_position_embeddings: 4096,
        norm_epsilon: 1e-5,
        ..Defaults::LLAMA
    };
    let sizes = Sizes::read(fields, defaults)?;
    let usual = sizes.usual(theta, Share::Part(share));
    let objects = rotary::objects(fields);
    let rotary = rotary::either(fields, objects, |fields, mut object| {
        if let (Some(Value::Object(map)), Some(original)) = (&mut object, original) {
            // It stands beside the object in Phi-3's files, and counts before what stands inside.
            map.insert("original_max_position_embeddings".into(), json!(original));
        }
        rotary::of(fields, object, usual)
    })?;
    let config = sizes.config(fields, Family::Phi3, vec![rotary])?;
    let sliding = vec![true; config.layers];
    Ok(with_windows(config, window, &sliding))
}
