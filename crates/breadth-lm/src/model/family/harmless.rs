//! Fields of a `config.json` that no reader takes: which of them cannot change a score.
//!
//! The readers of the families take every name that transformers' code of the family reads when it
//! scores. What is left is for training, for drawing, for other heads, for other tools; or it
//! belongs to an architecture that breadth does not have. A name that is known to be of the first
//! kind passes whatever its value, and any name passes whose value is switched off. The rest is
//! refused: a model with code of its own may well read it.

use serde_json::Value;

/// What becomes of a field that no reader took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What transformers writes into every file.
    Usual,
    /// Passed over, and worth a word.
    Passed,
    /// It could change a score.
    Live,
}

/// What transformers itself writes: about training, drawing, other heads, the file.
const USUAL: &[&str] = &[
    "_attn_implementation",
    "_attn_implementation_autoset",
    "_attn_implementation_internal",
    "_commit_hash",
    "_name_or_path",
    "architectures",
    "attention_dropout",
    "attn_implementation",
    "attn_pdrop",
    "auto_map",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "cache_implementation",
    "chunk_size_feed_forward",
    "classifier_dropout",
    "cls_token_id",
    "decoder_start_token_id",
    "dtype",
    "embd_pdrop",
    "eos_token_id",
    "finetuning_task",
    "hidden_dropout",
    "id2label",
    "initializer_range",
    "is_decoder",
    "is_encoder_decoder",
    "keys_to_ignore_at_inference",
    "label2id",
    "n_ctx",
    "output_attentions",
    "output_hidden_states",
    "pad_token_id",
    "prefix",
    "pretraining_tp",
    "problem_type",
    "reorder_and_upcast_attn",
    "resid_pdrop",
    "return_dict",
    "return_dict_in_generate",
    "sep_token_id",
    "summary_activation",
    "summary_first_dropout",
    "summary_proj_to_labels",
    "summary_type",
    "summary_use_proj",
    "task_specific_params",
    "tokenizer_class",
    "torch_dtype",
    "transformers_version",
    "use_cache",
];

/// Seen in published files with values that are not off; never read by transformers' code of the
/// families when it scores.
const NEVER_READ: &[&str] = &[
    // Drawing: what transformers' `GenerationConfig` has, and older versions kept here.
    "assistant_confidence_threshold",
    "assistant_early_exit",
    "assistant_ensemble_weight",
    "assistant_lookbehind",
    "cache_config",
    "compile_config",
    "constraints",
    "continuous_batching_config",
    "disable_compile",
    "diversity_penalty",
    "do_sample",
    "dola_layers",
    "early_stopping",
    "encoder_no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "epsilon_cutoff",
    "eta_cutoff",
    "exponential_decay_length_penalty",
    "force_words_ids",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "generation_config",
    "generation_kwargs",
    "guidance_scale",
    "is_assistant",
    "length_penalty",
    "low_memory",
    "max_cache_len",
    "max_length",
    "max_matching_ngram_size",
    "max_new_tokens",
    "max_time",
    "min_length",
    "min_new_tokens",
    "min_p",
    "no_repeat_ngram_size",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_logits",
    "output_scores",
    "penalty_alpha",
    "prefill_chunk_size",
    "prompt_lookup_num_tokens",
    "remove_invalid_values",
    "renormalize_logits",
    "repetition_penalty",
    "return_legacy_cache",
    "sequence_bias",
    "speculation_type",
    "stop_strings",
    "suppress_tokens",
    "target_lookbehind",
    "temperature",
    "token_healing",
    "top_h",
    "top_k",
    "top_p",
    "typical_p",
    "use_mtp",
    "watermarking_config",
    // Of other programs (vLLM reads the first two), and of other models than text models.
    "dual_chunk_attention_config",
    "sparse_attention_config",
    "boi_token_index",
    "eoi_token_index",
    "image_token_index",
    "mm_tokens_per_image",
    "max_window_layers",
    "pad_vocab_size_multiple",
    "trust_remote_code",
    // Training.
    "ignore_index",
    "loss_type",
    "gradient_checkpointing",
    "gradient_checkpointing_kwargs",
    "initializer_factor",
    "neftune_noise_alpha",
    "use_gradient_checkpointing",
    "num_steps",
    // How attention is computed, not what; the two of Megatron name what all families do.
    "_flash_attn_2_enabled",
    "apply_query_key_layer_scaling",
    "normalize_attention_scores",
    "use_flash_attention",
    "use_flash_attention_2",
    "use_flash_attn",
    "use_memory_efficient_attention",
    "use_sdpa",
    // Heads, labels, what a caller gets back.
    "_num_labels",
    "num_labels",
    "output_past",
    "predict_special_tokens",
    "torchscript",
    "use_return_dict",
    // Remarks on where the weights come from, and of other tools.
    "author",
    "badwordsids",
    "bos_token",
    "created_date",
    "eos_token",
    "custom_pipelines",
    "is_llama_config",
    "license",
    "max_seq_len",
    "max_seq_length",
    "max_sequence_length",
    "model_max_length",
    "pad_token",
    "seq_length",
    "transformers.js_config",
    "unk_token",
    "use_bfloat16",
];

/// Beginnings and ends of such names.
const NEVER_READ_FROM: &[&str] = &["summary_", "tokenizer_", "training_", "unsloth_"];
const NEVER_READ_TO: &[&str] = &[
    "_dropout",
    "_dropout_prob",
    "_pdrop",
    "_token_id",
    "_token_ids",
    "_version",
];

/// Names that say something where they are off: the model then lacks what every model here has.
const ON_BY_NATURE: &[&str] = &[
    "causal",
    "is_causal",
    "rotary",
    "use_causal_mask",
    "use_pos_emb",
    "use_rope",
    "use_rotary",
    "use_rotary_emb",
];

/// Beginnings of the names of switches, which are no factors.
const SWITCHES: &[&str] = &[
    "add_", "apply_", "do_", "enable_", "has_", "is_", "use_", "with_",
];

/// Whether a field can change a score.
pub(super) fn judge(name: &str, value: &Value) -> Verdict {
    if USUAL.contains(&name) {
        return Verdict::Usual;
    }
    let passes = if ON_BY_NATURE.contains(&name) {
        value.is_null() || *value == Value::Bool(true)
    } else if name == "layer_types" {
        is_full_attention(value)
    } else {
        is_never_read(name) || is_off(name, value)
    };
    if passes {
        Verdict::Passed
    } else {
        Verdict::Live
    }
}

fn is_never_read(name: &str) -> bool {
    NEVER_READ.contains(&name)
        || NEVER_READ_FROM.iter().any(|start| name.starts_with(start))
        || NEVER_READ_TO.iter().any(|end| name.ends_with(end))
}

/// Every layer sees all before it: what a family without windows does anyway.
fn is_full_attention(value: &Value) -> bool {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    value.is_null() || !list.is_empty() && list.iter().all(|kind| kind == "full_attention")
}

/// Values that switch off what they stand for: nothing, false, 0, and 1 for what multiplies.
pub fn is_off(name: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) if multiplies(name) => number.as_f64() == Some(1.0),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// Parts of the names of factors.
const FACTORS: &[&str] = &["multiplier", "scale", "scaling", "factor", "_mod"];

/// Factors that take the place of a usual one, which is not 1.
const OWN_SCALES: &[&str] = &["attention_multiplier", "attention_scale", "attn_scale"];

fn multiplies(name: &str) -> bool {
    let is_switch = SWITCHES.iter().any(|start| name.starts_with(start));
    !is_switch && !OWN_SCALES.contains(&name) && FACTORS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_off_or_never_read_passes() {
        for (name, value) in [
            ("use_mrope", json!(false)),
            ("rope_interleaved", json!(false)),
            ("full_attn_mod", json!(1)),
            ("interpolate_factor", json!(1.0)),
            ("pruned_heads", json!({})),
            ("sliding_window", json!(null)),
            ("transformers.js_config", json!({"dtype": "q4"})),
            ("unsloth_version", json!("2025.3.1")),
            ("neftune_noise_alpha", json!(5.0)),
            ("max_length", json!(4096)),
            ("hidden_dropout_prob", json!(0.1)),
            ("num_steps", json!("global_step320000")),
            ("badwordsids", json!([[0]])),
            ("license", json!("CC-BY-NC-SA 4.0")),
            ("apply_query_key_layer_scaling", json!(true)),
            ("is_causal", json!(true)),
            ("layer_types", json!(["full_attention", "full_attention"])),
            ("residual_multiplier", json!(1.0)),
            ("logits_scaling", json!(1)),
            ("num_experts", json!(0)),
            ("use_scaled_rope", json!(0)),
            (
                "dual_chunk_attention_config",
                json!({"chunk_size": 262_144}),
            ),
            ("mm_tokens_per_image", json!(256)),
            ("min_p", json!(0.1)),
            ("stop_strings", json!(["x"])),
        ] {
            assert_eq!(judge(name, &value), Verdict::Passed, "{name} = {value}");
        }
        assert_eq!(judge("use_cache", &json!(true)), Verdict::Usual);
    }

    #[test]
    fn what_could_change_a_score_is_live() {
        for (name, value) in [
            ("use_mrope", json!(true)),
            ("use_mrope", json!(1)),
            ("rope_interleaved", json!(true)),
            ("residual_multiplier", json!(0.22)),
            ("residual_multiplier", json!(0)),
            ("logit_scale", json!(0.0)),
            ("attention_multiplier", json!(1.0)),
            ("attention_multiplier", json!(0.5)),
            ("clip_qkv", json!(8)),
            ("clip_qkv", json!(1.0)),
            ("attn_logit_softcapping", json!(1.0)),
            ("sliding_window", json!(1)),
            ("no_rope_layer_interval", json!(1)),
            ("num_attention_sinks", json!(1)),
            ("qk_norm", json!(1)),
            ("alibi", json!(1)),
            ("sliding_window", json!(4096)),
            ("norm_type", json!("layernorm")),
            ("no_rope_layers", json!([1, 1, 1, 0])),
            ("is_causal", json!(false)),
            ("use_rope", json!(false)),
            (
                "layer_types",
                json!(["full_attention", "sliding_attention"]),
            ),
        ] {
            assert_eq!(judge(name, &value), Verdict::Live, "{name} = {value}");
        }
    }
}
