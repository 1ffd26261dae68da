//! Checkpoints in unusual forms against transformers and PEFT: `tests/golden/loading`, made by
//! `make.py` there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use breadth_lm::decode::score;
use breadth_lm::generation::Sequence;
use breadth_lm::model::Checkpoint;
use breadth_lm::tree::{Array, Tree};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Golden {
    prompt: Vec<u32>,
    response: Vec<u32>,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    model: String,
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default)]
    rename: BTreeMap<String, String>,
    adapter: Option<String>,
    token_logprobs: Option<Vec<f32>>,
    /// What is said instead.
    refused: Option<String>,
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(name)
}

fn all() -> Golden {
    let text = std::fs::read_to_string(golden("loading/expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

impl Case {
    /// Reads the model of `families` under the case's changes.
    fn read(&self) -> Result<Checkpoint, String> {
        let model = golden(&format!("families/{}", self.model));
        if let Some(adapter) = &self.adapter {
            let folder = golden(&format!("loading/{adapter}"));
            return Checkpoint::read_on(&folder, Some(&model)).map_err(|e| e.to_string());
        }
        let folder = tempfile::tempdir().unwrap();
        let config = std::fs::read_to_string(model.join("config.json")).unwrap();
        let mut config: Map<String, Value> = serde_json::from_str(&config).unwrap();
        config.extend(self.config.clone());
        let config = Value::Object(config).to_string();
        std::fs::write(folder.path().join("config.json"), config).unwrap();
        let base = Checkpoint::read(&model).unwrap().weights;
        let renamed = |(name, array): (&str, &Array)| {
            let name = self.rename.get(name).map_or(name, String::as_str);
            (name.to_owned(), array.clone())
        };
        let weights: Tree = base.iter().map(renamed).collect();
        let bytes = weights.to_safetensors(folder.path()).unwrap();
        std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        Checkpoint::read(folder.path()).map_err(|e| e.to_string())
    }
}

#[test]
fn unusual_checkpoints_are_scored_as_elsewhere_or_refused() {
    let golden = all();
    let sequence = Sequence {
        prompt: &golden.prompt,
        response: &golden.response,
    };
    for case in &golden.cases {
        match (case.read(), &case.refused) {
            (Ok(checkpoint), None) => {
                let scored = score(&checkpoint, &[sequence]).unwrap();
                let expected = case.token_logprobs.as_ref().unwrap();
                assert_eq!(scored[0].len(), expected.len());
                let pairs = scored[0].iter().zip(expected);
                let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst < 1e-4, "{case:?}: {worst}");
            }
            (Err(error), Some(words)) => assert!(error.contains(words), "{case:?}: {error}"),
            (Ok(_), Some(_)) => panic!("{case:?}: read"),
            (Err(error), None) => panic!("{case:?}: {error}"),
        }
    }
}

#[test]
fn what_no_code_reads_is_listed() {
    for case in all().cases.iter().filter(|case| case.refused.is_none()) {
        let unread = case.read().unwrap().config.unread;
        for name in ["num_steps", "license", "apply_query_key_layer_scaling"] {
            let is_there = case.config.contains_key(name);
            assert_eq!(unread.contains(&name.to_owned()), is_there, "{case:?}");
        }
        // Phi-3 and GPT-NeoX read a share, under a name of its own the latter.
        let is_said = case.config.contains_key("partial_rotary_factor");
        assert_eq!(
            unread.contains(&"partial_rotary_factor".to_owned()),
            is_said || case.config.get("rope_parameters").is_some_and(has_share),
            "{case:?}"
        );
    }
}

fn has_share(parameters: &Value) -> bool {
    parameters.get("partial_rotary_factor").is_some()
}

/// What torch.compile and distributed training put before all names, and the value head of TRL.
#[test]
fn wrapped_names_and_a_value_head() {
    let model = golden("families/llama3");
    let base = Checkpoint::read(&model).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    std::fs::copy(model.join("config.json"), folder.path().join("config.json")).unwrap();
    let read = |weights: &Tree| {
        let bytes = weights.to_safetensors(folder.path()).unwrap();
        std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        Checkpoint::read(folder.path()).map_err(|e| e.to_string().replace(place, "run"))
    };
    let under = |start: &str| -> Tree {
        let names = base.weights.iter();
        let renamed = |(name, array): (&str, &Array)| (format!("{start}{name}"), array.clone());
        names.map(renamed).collect()
    };
    for start in ["_orig_mod.", "module.", "module._orig_mod."] {
        assert_eq!(read(&under(start)).as_ref(), Ok(&base), "{start}");
    }
    insta::assert_snapshot!(read(&under("base_model.model.")).unwrap_err(), @"checkpoint run/model.safetensors: the names of all tensors begin with base_model.model., as PEFT names those of a model that it changes; save the model itself: model.merge_and_unload().save_pretrained(..)");
    assert!(breadth_lm::model::folders::remarks(folder.path()).is_empty());
    let mut with_value = base.weights.clone();
    with_value.insert("v_head.summary.weight", Array::new([1, 2], vec![1.0, 2.0]));
    assert_eq!(read(&with_value).as_ref(), Ok(&base));
    let remarks = breadth_lm::model::folders::remarks(folder.path());
    assert!(remarks[0].contains("value head"), "{remarks:?}");
    with_value.insert("q_head.weight", Array::new([1, 2], vec![1.0, 2.0]));
    assert!(read(&with_value).unwrap_err().contains("q_head.weight"));
}

/// What a family does anyway is no reason to refuse, if a file says it in other words.
#[test]
fn fields_that_say_what_the_family_does() {
    let with = |model: &str, name: &str, value: Value| {
        let text = std::fs::read_to_string(golden(&format!("families/{model}/config.json")));
        let mut config: Value = serde_json::from_str(&text.unwrap()).unwrap();
        config[name] = value;
        let read = breadth_lm::model::Config::from_json(&config.to_string(), Path::new("m"));
        read.map(|config| config.unread.contains(&name.to_owned()))
            .ok()
    };
    for (model, name, value) in [
        ("llama3", "activation", Value::from("swiglu")),
        ("llama3", "max_window_layers", Value::from(28)),
        ("qwen2", "attention_bias", Value::from(true)),
        ("qwen2", "qkv_bias", Value::from(true)),
        ("gpt2", "position_embedding_type", Value::from("learned")),
        ("gpt-neox", "weight_tying", Value::from(false)),
        ("gemma3", "eoi_token_index", Value::from(2)),
    ] {
        assert_eq!(with(model, name, value), Some(true), "{model} {name}");
    }
    for (model, name, value) in [
        ("llama3", "activation", Value::from("geglu")),
        ("llama3", "qkv_bias", Value::from(true)),
        ("gpt2", "position_embedding_type", Value::from("alibi")),
        ("gpt-neox", "weight_tying", Value::from(true)),
        ("llama3", "final_logit_softcapping", Value::from(1.0)),
    ] {
        assert_eq!(with(model, name, value), None, "{model} {name}");
    }
}

/// A tied model whose head differs from its token table, under either name, is none.
#[test]
fn a_tied_head_is_the_token_table_or_refused() {
    let model = golden("families/llama-linear");
    let base = Checkpoint::read(&model).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(model.join("config.json"), folder.path().join("config.json")).unwrap();
    let read = |weights: &Tree| {
        let bytes = weights.to_safetensors(folder.path()).unwrap();
        std::fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        Checkpoint::read(folder.path()).map_err(|e| e.to_string())
    };
    let tokens = base.weights["model.embed_tokens.weight"].clone();
    let mut both = base.weights.clone();
    both.insert("lm_head.weight", tokens.clone());
    assert_eq!(read(&both).unwrap().weights, base.weights);
    both.insert("lm_head.weight", Array::full(tokens.shape.clone(), 0.5));
    let error = read(&both).unwrap_err();
    assert!(
        error.contains("lm_head.weight differs from the token table"),
        "{error}"
    );
}

/// What a clone without Git LFS has in place of the weights.
#[test]
fn a_pointer_of_git_lfs_is_called_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = golden("families/llama3/config.json");
    std::fs::copy(config, folder.path().join("config.json")).unwrap();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 988097824\n";
    std::fs::write(folder.path().join("model.safetensors"), pointer).unwrap();
    let error = Checkpoint::read(folder.path()).unwrap_err().to_string();
    assert!(
        error.ends_with("model.safetensors: is a pointer of Git LFS and not the weights; `git lfs pull` in its folder fetches them"),
        "{error}"
    );
}
