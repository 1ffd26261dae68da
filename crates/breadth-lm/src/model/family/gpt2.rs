//! GPT-2.

use serde_json::json;

use super::fields::Fields;
use crate::error::Result;
use crate::model::activation::Activation;
use crate::model::config::{Biases, Config, Family, LayerType, NormKind, Placement};

/// GPT-2's fields.
pub fn read(fields: &mut Fields) -> Result<Config> {
    let activation = fields.activation("activation_function", Activation::GeluTanh)?;
    let tie_word_embeddings = fields.flag("tie_word_embeddings")?.unwrap_or(true);
    let scaled = fields.flag("scale_attn_weights")?.unwrap_or(true);
    let by_layer = fields.flag("scale_attn_by_inverse_layer_idx")?;
    for name in ["learned", "absolute"] {
        fields.agree("position_embedding_type", &json!(name));
    }
    fields.expect("add_cross_attention", &[json!(false)])?;
    let (hidden_size, heads) = (fields.required("n_embd")?, fields.required("n_head")?);
    let layers = fields.layers("n_layer", hidden_size)?;
    let intermediate_size = fields.size("n_inner")?.unwrap_or(4 * hidden_size);
    if heads == 0 || !hidden_size.is_multiple_of(heads) {
        return Err(fields.error(format!(
            "config.json: n_embd = {hidden_size} is not a multiple of n_head = {heads}"
        )));
    }
    let head_dim = hidden_size / heads;
    Ok(Config {
        family: Family::Gpt2,
        vocab_size: fields.required("vocab_size")?,
        max_position_embeddings: fields.required("n_positions")?,
        hidden_size,
        layers,
        heads,
        key_value_heads: heads,
        head_dim,
        intermediate_size,
        norm: NormKind::Layer,
        norm_epsilon: fields.positive("layer_norm_epsilon")?.unwrap_or(1e-5),
        placement: Placement::Before,
        parallel: false,
        activation,
        gated: false,
        learned_positions: true,
        rotary: Vec::new(),
        layer_types: vec![LayerType::default(); layers],
        attention_scale: if scaled {
            1.0 / (head_dim as f32).sqrt()
        } else {
            1.0
        },
        scale_by_layer: by_layer.unwrap_or(false),
        attention_softcap: None,
        logit_softcap: None,
        query_key_norm: None,
        biases: Biases {
            query_key_value: true,
            attention_out: true,
            mlp: true,
        },
        tie_word_embeddings,
        embedding_scale: 1.0,
        unread: Vec::new(),
        json: Default::default(),
    })
}
