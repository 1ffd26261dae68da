//! OLMo 2.

use super::fields::Fields;
use super::llama::{Defaults, plain};
use crate::error::Result;
use crate::model::config::{Biases, Config, Family, Placement, QueryKeyNorm};

/// OLMo 2's fields.
pub fn read(fields: &mut Fields) -> Result<Config> {
    let bias = fields.flag("attention_bias")?.unwrap_or(false);
    let defaults = Defaults {
        norm_epsilon: 1e-5,
        ..Defaults::LLAMA
    };
    let config = plain(fields, Family::Olmo2, defaults)?;
    Ok(Config {
        placement: Placement::After,
        query_key_norm: Some(QueryKeyNorm::Whole),
        biases: Biases {
            query_key_value: bias,
            attention_out: bias,
            mlp: false,
        },
        ..config
    })
}
