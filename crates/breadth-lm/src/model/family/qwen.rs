//! Qwen 2 and 3.

use serde_json::json;

use super::fields::Fields;
use super::llama::{Defaults, plain, with_windows};
use crate::error::Result;
use crate::model::config::{Biases, Config, Family, QueryKeyNorm};

/// Qwen 2's fields.
pub fn read_qwen2(fields: &mut Fields) -> Result<Config> {
    for name in ["attention_bias", "qkv_bias"] {
        fields.agree(name, &json!(true));
    }
    let config = windowed(fields, Family::Qwen2, None)?;
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
    let config = windowed(fields, Family::Qwen3, Some(128))?;
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
fn windowed(fields: &mut Fields, family: Family, head_dim: Option<usize>) -> Result<Config> {
    let used = fields.flag("use_sliding_window")?.unwrap_or(false);
    let window = fields.size_or("sliding_window", Some(4096))?;
    let window = window.filter(|_| used);
    let first = fields.size("max_window_layers")?.unwrap_or(28);
    let defaults = Defaults {
        max_position_embeddings: 32_768,
        key_value_heads: Some(32),
        head_dim,
        ..Defaults::LLAMA
    };
    let config = plain(fields, family, defaults)?;
    let sliding = fields.sliding_layers(config.layers, |layer| layer >= first)?;
    Ok(with_windows(config, window, &sliding))
}
