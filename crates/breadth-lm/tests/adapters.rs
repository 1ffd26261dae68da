//! LoRA adapters: merged on reading, equal to a checkpoint that was merged by hand.

use std::path::{Path, PathBuf};

use breadth_lm::decode::score;
use breadth_lm::generation::Sequence;
use breadth_lm::job::Model;
use breadth_lm::model::Checkpoint;
use breadth_lm::tree::{Array, Tree};
use serde_json::{Value, json};

/// A golden model of each way in which matrices are stored, and the modules that are adapted.
const MODELS: [(&str, &[&str]); 4] = [
    (
        "gpt2",
        &["transformer.h.0.attn.c_attn", "transformer.h.1.mlp.c_proj"],
    ),
    ("gpt2-untied", &["transformer.h.0.mlp.c_fc", "lm_head"]),
    (
        "llama3",
        &[
            "model.layers.0.self_attn.k_proj",
            "model.layers.1.mlp.down_proj",
        ],
    ),
    (
        "phi3",
        &[
            "model.layers.1.self_attn.qkv_proj",
            "model.layers.0.mlp.gate_up_proj",
        ],
    ),
];
const RANK: usize = 3;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/golden/families/{name}"))
}

fn matrix(rows: usize, columns: usize, seed: usize) -> Array {
    let entry = |i: usize| ((i * 37 + seed * 11) % 23) as f32 / 23.0 - 0.5;
    Array::new([rows, columns], (0..rows * columns).map(entry).collect())
}

/// `W + s B A`, entry by entry as it is written, with `W` (out, in) unless it is stored the other
/// way.
fn merged_by_hand(w: &mut Array, a: &Array, b: &Array, s: f64, inputs_first: bool) {
    let columns = w.shape[1];
    for (at, entry) in w.data.iter_mut().enumerate() {
        let (row, column) = (at / columns, at % columns);
        let (o, i) = if inputs_first {
            (column, row)
        } else {
            (row, column)
        };
        let inputs = a.shape[1];
        let term = |k: usize| f64::from(b.data[o * RANK + k]) * f64::from(a.data[k * inputs + i]);
        *entry += (s * (0..RANK).map(term).sum::<f64>()) as f32;
    }
}

/// An adapter of some modules of a model, as PEFT writes it.
struct Made {
    folder: tempfile::TempDir,
    merged: Checkpoint,
}

fn make(name: &str, modules: &[&str], config: &Value, s: f64) -> Made {
    let mut merged = Checkpoint::read(&golden(name)).unwrap();
    let mut adapter = Tree::default();
    for (seed, module) in modules.iter().enumerate() {
        let inputs_first = name.starts_with("gpt2") && *module != "lm_head";
        let weight = format!("{module}.weight");
        let shape = merged.weights[weight.as_str()].shape.clone();
        let [outputs, inputs] = if inputs_first {
            [shape[1], shape[0]]
        } else {
            [shape[0], shape[1]]
        };
        let (a, b) = (matrix(RANK, inputs, seed), matrix(outputs, RANK, seed + 5));
        let (_, w) = merged
            .weights
            .iter_mut()
            .find(|(n, _)| *n == weight)
            .unwrap();
        merged_by_hand(w, &a, &b, s, inputs_first);
        adapter.insert(format!("base_model.model.{module}.lora_A.weight"), a);
        adapter.insert(format!("base_model.model.{module}.lora_B.weight"), b);
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), config, &adapter);
    Made { folder, merged }
}

fn write(folder: &Path, config: &Value, tensors: &Tree) {
    std::fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
    let bytes = tensors.to_safetensors(folder).unwrap();
    std::fs::write(folder.join("adapter_model.safetensors"), bytes).unwrap();
}

fn config(more: Value) -> Value {
    let mut config = json!({
        "alpha_pattern": {}, "auto_mapping": null, "base_model_name_or_path": "some/base", "bias": "none", "corda_config": null,
        "eva_config": null, "exclude_modules": null, "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true,
        "layer_replication": null, "layers_pattern": null, "layers_to_transform": null, "loftq_config": {}, "lora_alpha": 16,
        "lora_bias": false, "lora_dropout": 0.05, "megatron_config": null, "megatron_core": "megatron.core", "modules_to_save": null,
        "peft_type": "LORA", "qalora_group_size": 16, "r": RANK, "rank_pattern": {}, "revision": null, "target_modules": ["q_proj"],
        "target_parameters": null, "task_type": "CAUSAL_LM", "trainable_token_indices": null, "use_dora": false, "use_qalora": false,
        "use_rslora": false,
    });
    config
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    config
}

fn scores(checkpoint: &Checkpoint) -> Vec<Vec<f32>> {
    let pairs: [(&[u32], &[u32]); 2] = [(&[7, 3, 5], &[9, 2, 40]), (&[1], &[11, 12, 13, 14])];
    let sequences = pairs.map(|(prompt, response)| Sequence { prompt, response });
    score(checkpoint, &sequences).unwrap()
}

/// The largest difference between two models' log-probabilities.
fn gap(a: &Checkpoint, b: &Checkpoint) -> f32 {
    let (a, b) = (scores(a), scores(b));
    let pairs = a.iter().flatten().zip(b.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn an_adapter_scores_as_the_checkpoint_that_was_merged_by_hand() {
    for (name, modules) in MODELS {
        for (more, s) in [
            (json!({}), 16.0 / RANK as f64),
            (json!({"use_rslora": true}), 16.0 / (RANK as f64).sqrt()),
            (
                json!({"lora_alpha": 1.5, "fan_in_fan_out": true}),
                1.5 / RANK as f64,
            ),
        ] {
            let made = make(name, modules, &config(more.clone()), s);
            let read = Checkpoint::read_on(made.folder.path(), Some(&golden(name))).unwrap();
            let gap_to_hand = gap(&read, &made.merged);
            assert!(gap_to_hand < 1e-4, "{name} {more}: {gap_to_hand}");
            let base = Checkpoint::read(&golden(name)).unwrap();
            assert!(
                gap(&read, &base) > 1e-2,
                "{name}: the adapter does something"
            );
        }
    }
}

#[test]
fn a_base_that_is_a_folder_here_needs_no_flag() {
    let base = golden("llama3");
    let named = config(json!({"base_model_name_or_path": base.to_str().unwrap()}));
    let made = make("llama3", MODELS[2].1, &named, 16.0 / RANK as f64);
    let read = Checkpoint::read(made.folder.path()).unwrap();
    assert!(gap(&read, &made.merged) < 1e-4);
}

fn copy_model(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// As transformers 5.24 loads such a folder.
#[test]
fn an_adapter_beside_weights_is_added_to_them() {
    let made = make(
        "llama3",
        MODELS[2].1,
        &config(json!({})),
        16.0 / RANK as f64,
    );
    let folder = made.folder.path();
    copy_model(&golden("llama3"), folder);
    assert!(gap(&Checkpoint::read(folder).unwrap(), &made.merged) < 1e-4);
    for name in [folder.to_str().unwrap(), "no/such/model"] {
        let named = config(json!({"base_model_name_or_path": name}));
        std::fs::write(folder.join("adapter_config.json"), named.to_string()).unwrap();
        assert!(gap(&Checkpoint::read(folder).unwrap(), &made.merged) < 1e-4);
    }
    let models = Model::folders(&[("run".into(), folder.to_path_buf())]);
    let file = folder.join("adapter_model.safetensors");
    assert!(models[0].files().contains(&file));
    let remarks = models[0].remarks();
    assert!(
        remarks[0].contains("is applied on top of the weights"),
        "{remarks:?}"
    );

    let said = || {
        let error = Checkpoint::read(folder).unwrap_err().to_string();
        let error = error.replace(golden("gpt2").to_str().unwrap(), "gpt2");
        error.replace(folder.to_str().unwrap(), "run")
    };
    let other = config(json!({"base_model_name_or_path": golden("gpt2").to_str().unwrap()}));
    std::fs::write(folder.join("adapter_config.json"), other.to_string()).unwrap();
    insta::assert_snapshot!(said(), @"checkpoint run: holds a LoRA adapter of another model that is here, gpt2; adapter_config.json stands beside the weights of a whole model: if those hold the adapter already, move adapter_config.json and adapter_model.safetensors out of the folder; else move them to a folder of their own, and say which model they change (`base` of score and sample)");
    copy_model(&golden("gpt2"), folder);
    std::fs::write(
        folder.join("adapter_config.json"),
        config(json!({})).to_string(),
    )
    .unwrap();
    let error = said();
    assert!(
        error.contains("changes nothing that the base has")
            && error.contains("to a folder of their own"),
        "{error}"
    );
    std::fs::remove_file(folder.join("adapter_model.safetensors")).unwrap();
    assert_eq!(
        Checkpoint::read(folder).unwrap(),
        Checkpoint::read(&golden("gpt2")).unwrap()
    );
}

/// Adapters that name each other would be followed for ever.
#[test]
fn an_adapter_is_no_base() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    for (own, other) in [(&first, &second), (&second, &first)] {
        std::fs::create_dir(own).unwrap();
        let named = config(json!({"base_model_name_or_path": other.to_str().unwrap()}));
        write(own, &named, &Tree::default());
    }
    let said = |base: Option<&Path>| {
        let error = Checkpoint::read_on(&first, base).unwrap_err().to_string();
        error.replace(folder.path().to_str().unwrap(), "run")
    };
    insta::assert_snapshot!(said(None), @r#"checkpoint run/first: holds a LoRA adapter whose base, run/second, holds an adapter too; merge that one first: AutoPeftModelForCausalLM.from_pretrained("run/second").merge_and_unload().save_pretrained("merged")"#);
    assert_eq!(said(Some(&second)), said(None));
}

#[test]
fn whole_weights_take_the_place_of_the_bases() {
    let folder = tempfile::tempdir().unwrap();
    let base = Checkpoint::read(&golden("llama3")).unwrap();
    let head = matrix(base.config.vocab_size, base.config.hidden_size, 3);
    let mut tensors = Tree::default();
    tensors.insert("base_model.model.lm_head.weight", head.clone());
    write(
        folder.path(),
        &config(json!({"modules_to_save": ["lm_head"]})),
        &tensors,
    );
    let read = Checkpoint::read_on(folder.path(), Some(&golden("llama3"))).unwrap();
    assert_eq!(read.weights["lm_head.weight"], head);
}

#[test]
fn what_is_not_merged_rightly_is_refused() {
    let base = golden("llama3");
    let folder = tempfile::tempdir().unwrap();
    let refusal = |more: Value, tensors: &Tree, base: Option<&Path>| {
        write(folder.path(), &config(more), tensors);
        let error = Checkpoint::read_on(folder.path(), base)
            .unwrap_err()
            .to_string();
        error.replace(folder.path().to_str().unwrap(), "run/checkpoint-10")
    };
    let none = Tree::default();
    let at = |more| refusal(more, &none, Some(&base));
    insta::assert_snapshot!(refusal(json!({}), &none, None), @r#"checkpoint run/checkpoint-10: holds a LoRA adapter of some/base, which is no folder here; say where that model is (`base` of score and sample), or merge it first: AutoPeftModelForCausalLM.from_pretrained("run/checkpoint-10").merge_and_unload().save_pretrained("merged")"#);
    insta::assert_snapshot!(refusal(json!({"base_model_name_or_path": null}), &none, None), @r#"checkpoint run/checkpoint-10: holds a LoRA adapter of an unnamed model, which is no folder here; say where that model is (`base` of score and sample), or merge it first: AutoPeftModelForCausalLM.from_pretrained("run/checkpoint-10").merge_and_unload().save_pretrained("merged")"#);
    insta::assert_snapshot!(refusal(json!({}), &none, Some(folder.path())), @"checkpoint run/checkpoint-10: holds a LoRA adapter, which is given as its own base; `base` is the folder of the model that it changes");
    insta::assert_snapshot!(at(json!({"use_dora": true})), @r#"checkpoint run/checkpoint-10: adapter_config.json: use_dora = true, which is not merged here; merge it first: AutoPeftModelForCausalLM.from_pretrained("run/checkpoint-10").merge_and_unload().save_pretrained("merged")"#);
    for (more, part) in [
        (json!({"peft_type": "IA3"}), "peft_type = \"IA3\""),
        (json!({"bias": "lora_only"}), "bias = \"lora_only\""),
        (
            json!({"init_lora_weights": "pissa"}),
            "init_lora_weights = \"pissa\"",
        ),
        (
            json!({"alpha_pattern": {"q_proj": 4}}),
            "alpha_pattern = {\"q_proj\":4}",
        ),
        (json!({"lora_bias": true}), "lora_bias = true"),
        (
            json!({"trainable_token_indices": [1, 2]}),
            "trainable_token_indices = [1,2]",
        ),
    ] {
        let error = at(more);
        assert!(
            error.contains(part) && error.contains("merge_and_unload"),
            "{error}"
        );
    }
    let tree = |names: &[&str], rows: usize, columns: usize| -> Tree {
        let of = |name: &&str| (format!("base_model.model.{name}"), matrix(rows, columns, 1));
        names.iter().map(of).collect()
    };
    let q = "model.layers.0.self_attn.q_proj";
    let one = tree(&[&format!("{q}.lora_A.weight")], RANK, 32);
    insta::assert_snapshot!(refusal(json!({}), &one, Some(&base)), @"checkpoint run/checkpoint-10: adapter_model.safetensors has only one of lora_A and lora_B for model.layers.0.self_attn.q_proj.weight; copy it again");
    let both = [format!("{q}.lora_A.weight"), format!("{q}.lora_B.weight")];
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    insta::assert_snapshot!(refusal(json!({}), &tree(&both, RANK, 20), Some(&base)), @"checkpoint run/checkpoint-10: adapter_model.safetensors: lora_A [3, 20] and lora_B [3, 20] of model.layers.0.self_attn.q_proj.weight do not fit the base's [32, 32]; is this its base?");
    // Beside the tensor, one under PEFT's name of an adapter, and one without its prefix.
    for other in [
        format!("base_model.model.{q}.lora_A.default.weight"),
        format!("{q}.lora_A.weight"),
    ] {
        let mut twice = tree(&both, RANK, 32);
        twice.insert(other.clone(), matrix(RANK, 32, 2));
        let error = refusal(json!({}), &twice, Some(&base));
        for name in [&format!("base_model.model.{q}.lora_A.weight"), &other] {
            assert!(error.contains(&format!(" {name}")), "{error}");
        }
        assert!(error.contains("stand for the same tensor of"), "{error}");
    }
    let mut fitting = tree(&both[..1], RANK, 32);
    fitting.insert(
        format!("base_model.model.{q}.lora_B.weight"),
        matrix(32, RANK, 2),
    );
    insta::assert_snapshot!(refusal(json!({"r": 16}), &fitting, Some(&base)), @"checkpoint run/checkpoint-10: adapter_config.json says r = 16, and lora_A and lora_B of model.layers.0.self_attn.q_proj.weight in adapter_model.safetensors have rank 3; are both files of one adapter? copy them again");
    write(
        folder.path(),
        &config(json!({"r": 16, "rank_pattern": {"q_proj": RANK}})),
        &fitting,
    );
    Checkpoint::read_on(folder.path(), Some(&base)).unwrap();
    let unknown = tree(&["score.weight"], 2, 32);
    insta::assert_snapshot!(refusal(json!({}), &unknown, Some(&base)), @r#"checkpoint run/checkpoint-10: adapter_model.safetensors has the tensor base_model.model.score.weight, which changes nothing that the base has as a matrix of its own; merge it first: AutoPeftModelForCausalLM.from_pretrained("run/checkpoint-10").merge_and_unload().save_pretrained("merged")"#);
    let resized = tree(&["lm_head.weight"], 99, 32);
    insta::assert_snapshot!(refusal(json!({}), &resized, Some(&base)), @r#"checkpoint run/checkpoint-10: adapter_model.safetensors: lm_head.weight has shape [99, 32], and the base's is [61, 32]; merge it first: AutoPeftModelForCausalLM.from_pretrained("run/checkpoint-10").merge_and_unload().save_pretrained("merged")"#);
    let embedding = tree(&["model.embed_tokens.lora_embedding_A"], RANK, 61);
    assert!(refusal(json!({}), &embedding, Some(&base)).contains("lora_embedding_A"));
    std::fs::remove_file(folder.path().join("adapter_model.safetensors")).unwrap();
    let error = Checkpoint::read_on(folder.path(), Some(&base))
        .unwrap_err()
        .to_string();
    assert!(error.contains("safe_serialization=True"), "{error}");
}

/// mlx-lm and Adapters write files of the same name and of other contents.
#[test]
fn an_adapter_of_another_library_is_said_to_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"{"fine_tune_type": "lora", "num_layers": 16, "lora_parameters": {"rank": 16}}"#;
    std::fs::write(folder.path().join("adapter_config.json"), config).unwrap();
    let said = |base: Option<&Path>| {
        let error = Checkpoint::read_on(folder.path(), base).unwrap_err();
        let place = folder.path().to_str().unwrap();
        error.to_string().replace(place, "adapter")
    };
    insta::assert_snapshot!(said(None), @"checkpoint adapter: adapter_config.json has no peft_type, so this is no adapter of PEFT (mlx-lm and Adapters write a file of this name, too), and such adapters are not merged here; merge it with the library that wrote it and give the merged model's folder (mlx-lm: `mlx_lm.fuse --model BASE --adapter-path adapter --save-path merged`)");
    assert_eq!(said(Some(&golden("llama3"))), said(None));
}

/// A base of PEFT's that is not named is asked for.
#[test]
fn an_adapter_without_the_name_of_its_base_asks_for_it() {
    let mut unnamed = config(json!({}));
    let fields = unnamed.as_object_mut().unwrap();
    fields.remove("base_model_name_or_path");
    let made = make("llama3", MODELS[2].1, &unnamed, 16.0 / RANK as f64);
    let error = Checkpoint::read(made.folder.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("a LoRA adapter of an unnamed model"),
        "{error}"
    );
    let read = Checkpoint::read_on(made.folder.path(), Some(&golden("llama3"))).unwrap();
    assert!(gap(&read, &made.merged) < 1e-4);
}

/// What PEFT saved of the base must be the base's.
#[test]
fn a_weight_of_another_base_is_refused() {
    let (base, folder) = (golden("llama3"), tempfile::tempdir().unwrap());
    let said = |name: &str, array: &Array, base: &Path| {
        let tensors: Tree = [(format!("base_model.model.{name}"), array.clone())]
            .into_iter()
            .collect();
        write(folder.path(), &config(json!({})), &tensors);
        let read = Checkpoint::read_on(folder.path(), Some(base));
        read.map_err(|e| e.to_string().replace(folder.path().to_str().unwrap(), "a"))
    };
    let own = Checkpoint::read(&base).unwrap();
    let head = &own.weights["lm_head.weight"];
    let same = said("lm_head.base_layer.weight", head, &base).unwrap();
    assert_eq!(same.weights, own.weights);
    let mut other = head.clone();
    other.data[7] = f32::from_bits(other.data[7].to_bits() + 1);
    let error = said("lm_head.base_layer.weight", &other, &base).unwrap_err();
    insta::assert_snapshot!(error, @r#"checkpoint a: adapter_model.safetensors has base_model.model.lm_head.base_layer.weight, which is not equal to lm_head.weight of the base: the adapter was trained on another base or changed it, or was saved with less precision; merge it first: AutoPeftModelForCausalLM.from_pretrained("a").merge_and_unload().save_pretrained("merged")"#);
    let tied = golden("llama-linear");
    let tokens = &Checkpoint::read(&tied).unwrap().weights["model.embed_tokens.weight"];
    for name in ["model.embed_tokens.weight", "lm_head.weight"] {
        said(name, tokens, &tied).unwrap();
        let error = said(name, &Array::full(tokens.shape.clone(), 0.5), &tied).unwrap_err();
        assert!(
            error.contains("not equal to model.embed_tokens.weight"),
            "{error}"
        );
    }
}
