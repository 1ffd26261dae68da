//! Qwen 2 and 3.

use super::Fields;
use super::llama::{plain, with_windows};
use crate::error::Result;
use crate::model::config::{Biases, Config, Family, QueryKeyNorm};

/// Qwen 2's fields.
pub fn read_qwen2(fields: &mut Fields) -> Result<Config> {
    let config = windowed(fields, Family::Qwen2)?;
    Ok(Config {
        biases: Biases {
            query_key_value: true,
            ..Biases::default()
        },
        ..config
    })
}

/// Qwen 3's fields.
pub fn read_qwen3(fields: &mut Fields) -> Result<Config> {
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    let config = windowed(fields, Family::Qwen3)?;
    Ok(Config {
        biases: Biases {
            query_key_value: bias,
            attention_out: bias,
            mlp: false,
        },
        query_key_norm: Some(QueryKeyNorm::Head),
        ..config
    })
}

/// Windows from the layer `max_window_layers` on, if they are used at all.
fn windowed(fields: &mut Fields, family: Family) -> Result<Config> {
    let used = fields.flag("use_sliding_window")?.unwrap_or(false);
    let window = fields.size("sliding_window")?.filter(|_| used);
    let first = fields.size("max_window_layers")?.unwrap_or(28);
    let config = plain(fields, family)?;
    let sliding = fields.sliding_layers(config.layers, |layer| layer >= first)?;
    Ok(with_windows(config, window, &sliding))
}
