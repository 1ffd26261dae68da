//! Gemma 2 and the text models of Gemma 3.

use serde_json::{Map, Value, json};

use super::fields::Fields;
use super::llama::{Defaults, Sizes, with_windows};
use super::rotary::{self, Share};
use crate::error::Result;
use crate::model::activation::Activation;
use crate::model::config::{Biases, Config, Family, LayerType, NormKind, Placement, QueryKeyNorm};
use crate::model::rotary::Rotary;

/// Gemma 2's fields.
pub fn read_gemma2(fields: &mut Fields) -> Result<Config> {
    let window = fields.size("sliding_window")?.or(Some(4096));
    // Beside it in the first files; never read.
    fields.take("sliding_window_size");
    let softcap = fields.positive_or("attn_logit_softcapping", 50.0)?;
    let final_softcap = fields.positive_or("final_logit_softcapping", 30.0)?;
    let defaults = Defaults {
        max_position_embeddings: 8192,
        key_value_heads: Some(4),
        head_dim: Some(256),
        ..Defaults::LLAMA
    };
    let sizes = Sizes::read(fields, defaults)?;
    let rotary = sizes.rotary(fields)?;
    let config = Config {
        attention_softcap: softcap,
        logit_softcap: final_softcap,
        ..shared(fields, sizes, Family::Gemma2, vec![rotary])?
    };
    let sliding = fields.sliding_layers(config.layers, |layer| layer.is_multiple_of(2))?;
    Ok(with_windows(config, window, &sliding))
}

/// What a Gemma 3 file may leave out, as those with images do.
const GEMMA3: Defaults = Defaults {
    max_position_embeddings: 131_072,
    key_value_heads: Some(4),
    head_dim: Some(256),
    heads: Some(8),
    vocab_size: Some(262_208),
    norm_epsilon: 1e-6,
};

/// The fields of the text model of a Gemma 3 with images, as a file of its own: what `text_config`
/// says, and of the rest what holds for both.
pub fn text_model(fields: &mut Fields) -> Result<Fields> {
    let mut text = match fields.take("text_config") {
        Some(Value::Object(text)) => text,
        _ => {
            let message = "config.json: model_type = \"gemma3\" and no text_config";
            return Err(fields.error(message.into()));
        }
    };
    // What is seen, and where in a sequence; a text without images has none of it.
    for name in [
        "vision_config",
        "mm_tokens_per_image",
        "boi_token_index",
        "eoi_token_index",
        "image_token_index",
    ] {
        fields.take(name);
    }
    let mut whole = fields.rest();
    whole.remove("model_type");
    whole.append(&mut text);
    // Its head has no cap, whatever the file says.
    whole.insert("final_logit_softcapping".into(), Value::Null);
    whole.insert("model_type".into(), json!("gemma3_text"));
    whole.insert("architectures".into(), json!(["Gemma3ForCausalLM"]));
    let mut own = fields.replaced(fill(whole));
    own.take("model_type");
    Ok(own)
}

/// Writes down what the file leaves out, so that other tools need no defaults.
fn fill(mut text: Map<String, Value>) -> Map<String, Value> {
    for (name, value) in [
        ("num_attention_heads", GEMMA3.heads),
        ("num_key_value_heads", GEMMA3.key_value_heads),
        ("head_dim", GEMMA3.head_dim),
        ("vocab_size", GEMMA3.vocab_size),
        (
            "max_position_embeddings",
            Some(GEMMA3.max_position_embeddings),
        ),
    ] {
        text.entry(name).or_insert(json!(value));
    }
    text
}

/// Gemma 3's fields: local layers have rotary positions of their own.
pub fn read_gemma3(fields: &mut Fields) -> Result<Config> {
    let window = fields.size("sliding_window")?.or(Some(4096));
    // Declared, but not applied by the reference implementation.
    if let Some(cap) = fields.take("attn_logit_softcapping") {
        return Err(fields.error(format!(
            "config.json: attn_logit_softcapping = {cap}; Gemma 3 has no cap on attention, and \
             transformers applies none; write null to score as transformers does"
        )));
    }
    let pattern = fields.size("sliding_window_pattern")?;
    let pattern = fields
        .size("_sliding_window_pattern")?
        .or(pattern)
        .unwrap_or(6);
    let softcap = fields.positive("final_logit_softcapping")?;
    let sizes = Sizes::read(fields, GEMMA3)?;
    let rotary = rotary_of_gemma3(fields, &sizes)?;
    let config = Config {
        query_key_norm: Some(QueryKeyNorm::Head),
        logit_softcap: softcap,
        ..shared(fields, sizes, Family::Gemma3, rotary)?
    };
    let local = |layer: usize| pattern == 0 || !(layer + 1).is_multiple_of(pattern);
    let layer_types = fields.sliding_layers(config.layers, local)?.into_iter();
    let kind = |local: bool| LayerType {
        window: window.filter(|_| local),
        rotary: usize::from(local),
    };
    Ok(Config {
        layer_types: layer_types.map(kind).collect(),
        ..config
    })
}

/// The global, then the local rotary positions.
fn rotary_of_gemma3(fields: &mut Fields, sizes: &Sizes) -> Result<Vec<Rotary>> {
    let theta = fields.number("rope_theta")?.unwrap_or(1e6);
    let local_theta = fields.number("rope_local_base_freq")?.unwrap_or(1e4);
    let share = Share::whole(fields)?;
    let [global, local] = [theta, local_theta].map(|theta| sizes.usual(theta, share));
    let older = fields.take("rope_scaling");
    let (newer, of_windows) = match fields.take("rope_parameters") {
        Some(Value::Object(mut map)) => {
            let both = (
                map.remove("full_attention"),
                map.remove("sliding_attention"),
            );
            refuse_flat(fields, &map)?;
            both
        }
        other => (other, None),
    };
    // What the older object says is put into the newer one.
    let older = match (&newer, older) {
        (Some(Value::Object(newer)), Some(Value::Object(older))) => {
            let mut both = newer.clone();
            both.extend(older);
            Some(Value::Object(both))
        }
        (_, older) => older,
    };
    Ok(vec![
        rotary::either(fields, [older, newer], |fields, object| {
            rotary::of(fields, object, global)
        })?,
        rotary::of(fields, of_windows, local)?,
    ])
}

/// Refuses what stands beside the objects of the two kinds of layers: it counts for none.
fn refuse_flat(fields: &Fields, rest: &Map<String, Value>) -> Result<()> {
    match rest.keys().next() {
        None => Ok(()),
        Some(name) => Err(fields.error(format!(
            "config.json: rope_parameters has {name} beside full_attention and sliding_attention, \
             where no code of Gemma 3 reads it; write it into the one that is meant"
        ))),
    }
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
    // An older name, which the reference implementation does not read.
    fields.take("hidden_act");
    let activation = fields.activation("hidden_activation", Activation::GeluTanh)?;
    let tie_word_embeddings = fields.flag("tie_word_embeddings")?.unwrap_or(true);
    let scale = (sizes.hidden_size as f64).sqrt() as f32;
    Ok(Config {
        norm: NormKind::RmsPlusOne,
        placement: Placement::Around,
        activation,
        attention_scale: scalar.powf(-0.5),
        biases: Biases {
            query_key_value: bias,
            attention_out: bias,
            mlp: false,
        },
        tie_word_embeddings,
        embedding_scale: scale,
        ..sizes.config(fields, family, rotary)?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gemma_3_has_no_cap_on_attention() {
        let read = |cap: Value| {
            let json = json!({"model_type": "gemma3_text", "attn_logit_softcapping": cap});
            let fields = json.as_object().unwrap().clone();
            super::super::read(fields, "x".as_ref())
                .unwrap_err()
                .to_string()
        };
        let told =
            "attn_logit_softcapping = 50.0; Gemma 3 has no cap on attention, and transformers";
        assert!(read(json!(50.0)).contains(told), "{}", read(json!(50.0)));
        assert!(!read(json!(null)).contains("attn_logit_softcapping"));
    }
}
