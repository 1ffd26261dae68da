//! Configurations as they are published: `tests/cases/field/configs.jsonl`.

use std::collections::BTreeMap;
use std::path::Path;

use breadth_lm::model::{Checkpoint, Config};
use breadth_lm::tree::{Array, Tree};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Published {
    name: String,
    config: Value,
    /// What the refusal says, where it could not be scored rightly.
    refused: Option<String>,
}

fn published() -> Vec<Published> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/field/configs.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let line = |line| serde_json::from_str(line).unwrap();
    text.lines().map(line).collect()
}

fn read(config: &Value) -> Result<Config, String> {
    Config::from_json(&config.to_string(), Path::new("ckpt")).map_err(|e| e.to_string())
}

#[test]
fn published_configurations_are_read_or_refused_for_a_field_that_changes_scores() {
    let all = published();
    assert!(all.len() >= 100, "{}", all.len());
    for one in &all {
        match (read(&one.config), &one.refused) {
            (Ok(_), None) => {}
            (Err(error), Some(reason)) => {
                assert!(error.contains(reason), "{}: {error}", one.name);
            }
            (Ok(_), Some(reason)) => panic!("{} is read, in spite of {reason}", one.name),
            (Err(error), None) => panic!("{}: {error}", one.name),
        }
    }
    let refused = all.iter().filter(|one| one.refused.is_some()).count();
    assert_eq!(refused, 11);
}

#[test]
fn what_is_passed_over_is_listed() {
    let mut unread: BTreeMap<String, usize> = BTreeMap::new();
    for config in published().iter().filter_map(|one| read(&one.config).ok()) {
        for name in config.unread {
            *unread.entry(name).or_default() += 1;
        }
    }
    let lines: Vec<String> = unread.iter().map(|(n, c)| format!("{n} {c}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    _num_labels 1
    apply_query_key_layer_scaling 1
    attention_bias 8
    attention_probs_dropout_prob 1
    author 1
    badwordsids 1
    created_date 1
    custom_pipelines 1
    dual_chunk_attention_config 1
    full_attn_mod 2
    gradient_checkpointing 4
    hidden_dropout_prob 1
    interpolate_factor 2
    is_llama_config 3
    license 1
    lm_head_bias 2
    max_length 1
    max_sequence_length 4
    mlp_bias 2
    n_special 2
    neftune_noise_alpha 1
    normalize_attention_scores 1
    num_steps 1
    original_max_position_embeddings 1
    output_past 1
    predict_special_tokens 2
    rope_interleaved 3
    transformers.js_config 2
    unsloth_fixed 7
    unsloth_version 3
    use_mrope 9
    ");
}

/// What `Llama-3.2-1B` and the like leave to their class is what transformers' class says.
#[test]
fn what_a_file_leaves_out_is_what_transformers_takes() {
    let sizes = |name: &str| {
        let one = published().into_iter().find(|one| one.name == name);
        read(&one.unwrap().config).unwrap()
    };
    let first = sizes("decapoda-research/llama-7b-hf");
    assert_eq!(
        (first.max_position_embeddings, first.key_value_heads),
        (2048, 32)
    );
    let small = sizes("gemma-3-4b-it");
    assert_eq!(
        (small.heads, small.key_value_heads, small.head_dim),
        (8, 4, 256)
    );
    assert_eq!(
        (small.vocab_size, small.max_position_embeddings),
        (262_208, 131_072)
    );
    let large = sizes("gemma-3-27b-it");
    assert_eq!(
        (large.heads, large.key_value_heads, large.head_dim),
        (32, 16, 128)
    );
    assert_eq!(large.attention_scale, 168_f32.powf(-0.5));
    let window = |config: &Config| {
        config
            .layer_types
            .iter()
            .filter_map(|kind| kind.window)
            .count()
    };
    assert_eq!((window(&large), large.layers), (52, 62));
}

/// A Gemma 3 with images: the same text model, under other names and beside a tower that sees.
#[test]
fn a_gemma_3_with_images_is_read_as_its_text_model() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/families/gemma3");
    let text = Checkpoint::read(&golden).unwrap();
    let own: Value =
        serde_json::from_slice(&std::fs::read(golden.join("config.json")).unwrap()).unwrap();
    for (tokens, rest) in [
        ("language_model.model.", "vision_tower."),
        ("model.language_model.", "model.vision_tower."),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut own = own.clone();
        own["final_logit_softcapping"] = Value::Null;
        let whole = serde_json::json!({
            "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config": own, "vision_config": {"hidden_size": 8},
            "boi_token_index": 5, "eoi_token_index": 6, "image_token_index": 7, "mm_tokens_per_image": 256, "eos_token_id": [1, 106],
        });
        std::fs::write(folder.path().join("config.json"), whole.to_string()).unwrap();
        let renamed =
            |(name, array): (&str, &Array)| (name.replacen("model.", tokens, 1), array.clone());
        let mut weights: Tree = text.weights.iter().map(renamed).collect();
        weights.insert(
            format!("{rest}vision_model.encoder.layers.0.mlp.fc1.weight"),
            Array::full([3, 2], 1.0),
        );
        let bytes = weights.to_safetensors(folder.path()).unwrap();
        std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        let read = Checkpoint::read(folder.path()).unwrap();
        assert_eq!(read.weights, text.weights);
        // What is written is a text model that needs nothing of the other file.
        let written = tempfile::tempdir().unwrap();
        let out = written.path().join("out");
        read.write(&out, &[]).unwrap();
        let again = Checkpoint::read(&out).unwrap();
        assert_eq!(again.weights, read.weights);
        assert_eq!(again.config.to_json(), read.config.to_json());
        let json: Value =
            serde_json::from_slice(&std::fs::read(out.join("config.json")).unwrap()).unwrap();
        assert_eq!(json["model_type"], "gemma3_text");
    }
}

/// What transformers makes of it depends on the attention that is chosen.
#[test]
fn a_window_of_no_token_is_refused() {
    for name in ["mistral", "gemma3_text", "phi3"] {
        let all = published();
        let mut found = all.iter().filter(|one| one.config["model_type"] == name);
        let mut config = found.next().unwrap().config.clone();
        config["sliding_window"] = 0.into();
        let error = read(&config).unwrap_err();
        assert!(
            error.contains("config.json: sliding_window = 0, "),
            "{error}"
        );
    }
}

/// Models of Qwen that were turned into Llama's form keep these fields.
#[test]
fn a_window_of_llama_that_is_switched_off_passes() {
    let mut all = published().into_iter();
    let one = all.find(|one| one.config["model_type"] == "llama" && one.refused.is_none());
    let mut config = one.unwrap().config;
    config["sliding_window"] = 4096.into();
    let error = read(&config).unwrap_err();
    assert!(error.contains("sliding_window"), "{error}");
    config["use_sliding_window"] = false.into();
    let read = read(&config).unwrap();
    assert!(read.unread.contains(&"sliding_window".to_owned()));
    assert!(read.layer_types.iter().all(|kind| kind.window.is_none()));
}
