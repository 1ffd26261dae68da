//! What a MODEL argument may be: folders with fields of other tools, LoRA adapters, names of models
//! in the local cache.

use breadth_data::{ReadOptions, ScoreTable};
use breadth_lm::tree::{Array, Tree};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Folder, Ran};

const DATA: &str = r#"{"prompt": [7, 3, 5], "response": [9, 2]}"#;

/// A tiny model of a family under `name`, with these fields more.
fn copy(folder: &Folder, family: &str, name: &str, more: &Value) {
    let golden = format!(
        "{}/../../tests/golden/families/{family}/",
        env!("CARGO_MANIFEST_DIR")
    );
    let read = |file: &str| std::fs::read(format!("{golden}{file}")).unwrap();
    let mut config: Value = serde_json::from_slice(&read("config.json")).unwrap();
    config
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    folder.write(
        &format!("{name}/config.json"),
        config.to_string().as_bytes(),
    );
    folder.write(
        &format!("{name}/model.safetensors"),
        &read("model.safetensors"),
    );
}

fn log_prob(folder: &Folder, table: &str) -> f64 {
    let table = ScoreTable::read(&[folder.path(table)], &ReadOptions::default()).unwrap();
    table.logprob[0][0]
}

#[test]
fn fields_that_change_no_score_pass_with_one_line_that_lists_them() {
    let folder = Folder::with(&[("data.jsonl", DATA)]);
    copy(&folder, "qwen2", "plain", &json!({}));
    let more = json!({
        "use_mrope": false, "unsloth_version": "2025.3.1",
        "keys_to_ignore_at_inference": ["past_key_values"],
    });
    copy(&folder, "qwen2", "tuned", &more);
    copy(&folder, "qwen2", "other", &json!({"use_mrope": true}));
    let score =
        |model: &str, out: &str| folder.run(&["score", model, "--data", "data.jsonl", "-o", out]);
    score("plain", "plain.parquet").success();
    let Ran { status, stderr, .. } = score("tuned", "tuned.parquet");
    assert_eq!(status, 0);
    assert_snapshot!(stderr, @r"
    note: config.json has fields that change no score and were passed over: unsloth_version, use_mrope
    next: breadth reach tuned.parquet
    ");
    assert_eq!(
        log_prob(&folder, "plain.parquet"),
        log_prob(&folder, "tuned.parquet")
    );
    assert_snapshot!(score("other", "other.parquet").failure(1), @"error: checkpoint other: config.json has the field use_mrope, which breadth does not know; scores could be wrong (its value is true; remove the field if nothing reads it)");
}

#[test]
fn an_adapter_is_scored_on_its_base_or_says_what_it_is() {
    let folder = Folder::with(&[("data.jsonl", DATA)]);
    copy(&folder, "qwen2", "base", &json!({}));
    let config = r#"{"base_model_name_or_path": "some/base", "peft_type": "LORA", "r": 2}"#;
    folder.write("run/checkpoint-10/adapter_config.json", config.as_bytes());
    let module = "base_model.model.model.layers.0.self_attn.o_proj";
    let tensors: Tree = [("lora_A", [2, 32]), ("lora_B", [32, 2])]
        .map(|(part, shape)| (format!("{module}.{part}.weight"), Array::full(shape, 0.5)))
        .into_iter()
        .collect();
    let bytes = tensors.to_safetensors(&folder.path("run")).unwrap();
    folder.write("run/checkpoint-10/adapter_model.safetensors", &bytes);
    let score = |more: &[&str]| {
        let words = ["score", "run", "--data", "data.jsonl", "-o", "out.parquet"];
        let mut command = folder.command(&[&words[..], more].concat());
        command.env("HF_HUB_CACHE", folder.path("cache"));
        Ran::of(command)
    };
    assert_snapshot!(score(&[]).failure(1), @r#"error: checkpoint run/checkpoint-10: holds a LoRA adapter of some/base, which is no folder here; say where that model is (--base DIR of score and sample), or merge it first: AutoPeftModelForCausalLM.from_pretrained("run/checkpoint-10").merge_and_unload().save_pretrained("merged")"#);
    // That comes before what is missing of the base: its tokenizer.
    let said = score(&[]).failure(1);
    folder.write("data.jsonl", br#"{"prompt": "a", "response": "b"}"#);
    assert_eq!(score(&[]).failure(1), said);
    folder.write("data.jsonl", DATA.as_bytes());
    score(&["--base", "base"]).success();
    let adapted = log_prob(&folder, "out.parquet");
    folder
        .run(&[
            "score",
            "base",
            "--data",
            "data.jsonl",
            "-o",
            "base.parquet",
        ])
        .success();
    assert!((adapted - log_prob(&folder, "base.parquet")).abs() > 1e-3);
}

/// mlx-lm's adapters have a file of the same name; in a run folder they are found, and refused.
#[test]
fn an_adapter_of_another_library_is_refused_wherever_it_lies() {
    let folder = Folder::with(&[("data.jsonl", DATA)]);
    copy(&folder, "qwen2", "base", &json!({}));
    let config = r#"{"fine_tune_type": "lora", "num_layers": 16, "lora_parameters": {"rank": 16}}"#;
    folder.write("run/checkpoint-1/adapter_config.json", config.as_bytes());
    for model in ["run/checkpoint-1", "run"] {
        for more in [&[][..], &["--base", "base"], &["--truncate", "left"]] {
            let words = ["score", model, "--data", "data.jsonl", "-o", "out.parquet"];
            let said = folder.run(&[&words[..], more].concat()).failure(1);
            let is_said = said.contains("has no peft_type") || said.contains("--max-length T");
            assert!(is_said, "{said}");
        }
    }
}

/// Two folders with the same files: scored they give the same numbers, sampled they do not.
#[test]
fn the_same_checkpoint_twice_is_said_to_be_the_same_and_comes_with_what_is_next() {
    let rows = |i: usize| {
        format!(
            "{{\"prompt\": [7, 3, {}], \"response\": [9, 2]}}\n",
            1 + i % 9
        )
    };
    let data: String = (0..24).map(rows).collect();
    let folder = Folder::with(&[("data.jsonl", &data)]);
    copy(&folder, "qwen2", "runs/a", &json!({}));
    copy(&folder, "qwen2", "runs/b", &json!({}));
    let score = [
        "score",
        "runs",
        "--data",
        "data.jsonl",
        "-o",
        "scores.parquet",
    ];
    let ran = folder.run(&score);
    assert_eq!(
        (ran.status, &*ran.stderr),
        (0, "next: breadth select scores.parquet\n")
    );
    let one = [
        "score",
        "runs/a",
        "--data",
        "data.jsonl",
        "-o",
        "my scores.parquet",
    ];
    assert_eq!(
        folder.run(&one).stderr,
        "next: breadth reach 'my scores.parquet'\n"
    );
    for silent in ["-q", "--json"] {
        let out = format!("{silent}.parquet");
        let words = [
            "score",
            "runs/a",
            "--data",
            "data.jsonl",
            "-o",
            &format!("./{out}"),
            silent,
        ];
        assert_eq!(folder.run(&words).stderr, "", "{silent}");
    }
    let said = folder.run(&["select", "scores.parquet"]).success();
    assert!(
        said.starts_with("Take a: all candidates are the same model"),
        "{said}"
    );
    let sample = [
        "sample",
        "runs",
        "--prompts",
        "data.jsonl",
        "-k",
        "4",
        "--max-tokens",
        "2",
        "--verifier",
        "exact",
        "-o",
        "samples.parquet",
    ];
    let ran = folder.run(&sample);
    assert_eq!(
        (ran.status, &*ran.stderr),
        (0, "next: breadth pass samples.parquet\n")
    );
    assert!(
        ran.stdout
            .starts_with("wrote samples.parquet (2 models, 24 prompts, 4 samples each)")
    );
    let said = folder.run(&["select", "samples.parquet"]).success();
    assert!(
        said.starts_with("Take a: all candidates are the same model"),
        "{said}"
    );
}

/// What a trainer leaves: adapters with the tokenizer saved anew, one without any, and their base.
#[test]
fn adapters_stand_beside_their_base() {
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/text/byte_level.json"
    );
    let tokenizer = std::fs::read_to_string(golden).unwrap();
    let data = r#"{"prompt": "a b", "response": " c"}"#;
    let folder = Folder::with(&[
        ("data.jsonl", data),
        ("run/base/tokenizer.json", &tokenizer),
    ]);
    let tokens: Value = serde_json::from_str(&tokenizer).unwrap();
    let size = tokens["model"]["vocab"].as_object().unwrap().len() + 64;
    let config = format!(
        "[data]\nfiles = [\"data.jsonl\"]\ntokenizer = \"run/base/tokenizer.json\"\n[model]\n\
         layers = 1\nwidth = 32\nheads = 4\npositions = {size}\n[train]\nsteps = 1\n\
         batch_size = 1\ncheckpoint_every = 1\n"
    );
    folder.write("train.toml", config.as_bytes());
    folder
        .run(&["train", "train.toml", "--out", "made"])
        .success();
    let made = std::fs::read_dir(folder.path("made/checkpoints")).unwrap();
    let made = made.last().unwrap().unwrap().path();
    for file in ["config.json", "model.safetensors"] {
        let bytes = std::fs::read(made.join(file)).unwrap();
        folder.write(&format!("run/base/{file}"), &bytes);
    }
    let base = folder.path("run/base").display().to_string();
    let config = json!({"base_model_name_or_path": base, "peft_type": "LORA", "r": 2}).to_string();
    let module = "base_model.model.transformer.h.0.mlp.c_fc";
    let tensors: Tree = [("lora_A", [2, 32]), ("lora_B", [128, 2])]
        .map(|(part, shape)| (format!("{module}.{part}.weight"), Array::full(shape, 0.01)))
        .into_iter()
        .collect();
    let bytes = tensors.to_safetensors(&folder.path("run")).unwrap();
    for name in ["run/checkpoint-10", "run/checkpoint-20"] {
        folder.write(&format!("{name}/adapter_config.json"), config.as_bytes());
        folder.write(&format!("{name}/adapter_model.safetensors"), &bytes);
    }
    // Saved anew: other white space, and a length to cut at that nobody asked for here.
    let mut anew = tokens.clone();
    anew["truncation"] = Value::Null;
    let anew = serde_json::to_string_pretty(&anew).unwrap();
    assert_ne!(anew, tokenizer);
    folder.write("run/checkpoint-10/tokenizer.json", anew.as_bytes());
    let score = || {
        let words = ["score", "run", "--data", "data.jsonl", "-o", "out.parquet"];
        folder.run(&words)
    };
    score().success();
    let table = || ScoreTable::read(&[folder.path("out.parquet")], &ReadOptions::default());
    let before = table().unwrap();
    assert_eq!(before.models, ["base", "checkpoint-10", "checkpoint-20"]);
    // The end token is the base's, whether the adapters name it or it is given.
    folder.write("run/base/generation_config.json", br#"{"eos_token_id": 5}"#);
    score().success();
    let named = table().unwrap();
    assert_ne!(named.logprob, before.logprob, "another end token");
    let elsewhere = config.replace(&base, "org/elsewhere");
    for name in ["run/checkpoint-10", "run/checkpoint-20"] {
        folder.write(&format!("{name}/adapter_config.json"), elsewhere.as_bytes());
    }
    let given = |models: &[&str], more: &[&str]| {
        let words = [
            "--base",
            "run/base",
            "--data",
            "data.jsonl",
            "-o",
            "out.parquet",
        ];
        let mut command = folder.command(&[&["score"], models, &words[..], more].concat());
        command.env("HF_HUB_CACHE", folder.path("cache"));
        Ran::of(command).success();
        table().unwrap()
    };
    assert_eq!(given(&["run"], &[]).logprob, named.logprob);
    // So is the longest sequence.
    let cut = given(&["run/checkpoint-10"], &["--truncate", "left"]);
    assert_eq!(cut.logprob, named.logprob[1..2]);
    // Another merge is another tokenizer.
    let mut other = tokens;
    other["model"]["merges"].as_array_mut().unwrap().truncate(3);
    folder.write(
        "run/checkpoint-10/tokenizer.json",
        other.to_string().as_bytes(),
    );
    for name in ["run/checkpoint-10", "run/checkpoint-20"] {
        folder.write(&format!("{name}/adapter_config.json"), config.as_bytes());
    }
    let refused = score().failure(1);
    assert!(
        refused.contains("have different tokenizers; run the command once for each"),
        "{refused}"
    );
}

#[test]
fn a_name_of_the_hub_stands_for_what_lies_in_the_local_cache() {
    let folder = Folder::with(&[("data.jsonl", DATA)]);
    let model = "cache/models--tiny--qwen2";
    copy(
        &folder,
        "qwen2",
        &format!("{model}/snapshots/0123abcd"),
        &json!({}),
    );
    folder.write(&format!("{model}/refs/main"), b"0123abcd");
    let score = |name: &str| {
        let mut command =
            folder.command(&["score", name, "--data", "data.jsonl", "-o", "out.parquet"]);
        command.env("HF_HUB_CACHE", "cache");
        Ran::of(command)
    };
    score("tiny/qwen2").success();
    let table = ScoreTable::read(&[folder.path("out.parquet")], &ReadOptions::default()).unwrap();
    assert_eq!(table.models[0], "qwen2");
    assert_snapshot!(score("gpt2").failure(1), @"error: checkpoint gpt2: no such folder, nor is a model of this name in the local Hugging Face cache (cache/models--gpt2/snapshots); `hf download gpt2` puts it there");
}

#[test]
fn text_without_a_tokenizer_says_how_to_make_one() {
    let folder = Folder::with(&[("data.jsonl", r#"{"prompt": "a", "response": "b"}"#)]);
    copy(&folder, "qwen2", "model", &json!({}));
    let score = || {
        folder
            .run(&[
                "score",
                "model",
                "--data",
                "data.jsonl",
                "-o",
                "out.parquet",
            ])
            .failure(1)
    };
    assert_snapshot!(score(), @r#"error: data.jsonl, line 1: prompt: is text, and there is no model/tokenizer.json; AutoTokenizer.from_pretrained("the model it was trained from").save_pretrained("model") writes one; or give token ids"#);
    folder.write("model/tokenizer.model", b"");
    assert_snapshot!(score(), @r#"error: data.jsonl, line 1: prompt: is text, and there is no model/tokenizer.json; AutoTokenizer.from_pretrained("model").save_pretrained("model") makes it from the tokenizer.model that is there; or give token ids"#);
}

#[test]
fn samples_have_a_stated_length_where_the_model_names_none() {
    let folder = Folder::with(&[("data.jsonl", DATA)]);
    copy(&folder, "gpt2", "model", &json!({}));
    let sample = |more: &[&str]| {
        let first = ["sample", "model", "--prompts", "data.jsonl", "-k", "1"];
        let rest = ["-o", "out.parquet", "--json"];
        folder.run(&[&first[..], &rest, more].concat())
    };
    let max_tokens = |ran: &Ran| {
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["max_tokens"]
            .as_u64()
            .unwrap()
    };
    // 64 positions, of which the prompt takes 3; the last token takes none.
    let ran = sample(&[]);
    assert_snapshot!(ran.stderr, @"note: responses have at most 62 tokens, as the model's generation_config.json names no max_new_tokens; --max-tokens T changes it");
    assert_eq!(max_tokens(&ran), 62);
    assert_eq!(sample(&["--max-tokens", "5"]).json()["max_tokens"], 5);
    let long = json!({"max_position_embeddings": 4096});
    copy(&folder, "qwen2", "model", &long);
    assert_eq!(max_tokens(&sample(&[])), 256);
    folder.write("model/generation_config.json", br#"{"max_new_tokens": 7}"#);
    assert_eq!(sample(&[]).json()["max_tokens"], 7);
}

/// Finite files that end in NaN: the checkpoint is named, and no row of a table that is not there.
#[test]
fn checkpoints_that_compute_nan_are_named() {
    let folder = Folder::with(&[("data.jsonl", DATA)]);
    copy(&folder, "qwen2", "model", &json!({}));
    let file = folder.path("model/model.safetensors");
    let bytes = std::fs::read(&file).unwrap();
    let mut weights: Tree = Tree::from_safetensors(&bytes, &file).unwrap();
    for (_, array) in weights.iter_mut() {
        array.data.iter_mut().for_each(|v| *v = v.signum() * 3e38);
    }
    folder.write(
        "model/model.safetensors",
        &weights.to_safetensors(&file).unwrap(),
    );
    let score = [
        "score",
        "model",
        "--data",
        "data.jsonl",
        "-o",
        "out.parquet",
    ];
    assert_snapshot!(folder.run(&score).failure(1), @"error: checkpoint model: computes NaN for prompt_id 0: its numbers leave the range of 32-bit floats; look at its weights (are some huge?), at rope_theta and rope_scaling of its config.json, and at lora_alpha if it is an adapter");
    let sample = [
        "sample",
        "model",
        "--prompts",
        "data.jsonl",
        "-k",
        "2",
        "--max-tokens",
        "2",
        "-o",
        "out.parquet",
    ];
    let said = folder.run(&sample).failure(1);
    assert!(
        said.contains("checkpoint model: computes NaN for prompt_id 0"),
        "{said}"
    );
    assert!(!folder.path("out.parquet").exists());
    for (fields, named) in [
        (json!({"rope_theta": 0}), "rope_theta = 0.0 is not above 0"),
        (
            json!({"rope_theta": -10.5}),
            "rope_theta = -10.5 is not above 0",
        ),
        (
            json!({"rope_scaling": {"rope_type": "linear", "factor": 0}}),
            "factor = 0.0 is not above 0",
        ),
        (
            json!({"rope_scaling": {"rope_type": "yarn", "factor": -2.0}}),
            "factor = -2.0 is not above 0",
        ),
    ] {
        let mut fields = fields;
        // The new form of these fields would count before the old one.
        fields["rope_parameters"] = Value::Null;
        copy(&folder, "qwen2", "model", &fields);
        let said = folder.run(&score).failure(1);
        assert!(
            said.contains(&format!("checkpoint model: config.json: {named}")),
            "{said}"
        );
    }
}

/// What an index names is read whatever it is called, and so is an adapter's base.
#[test]
fn weights_of_any_name_and_bases_are_inputs() {
    let folder = Folder::with(&[("data.jsonl", DATA)]);
    copy(&folder, "qwen2", "base", &json!({}));
    let base = folder.path("base").display().to_string();
    let config = json!({
        "base_model_name_or_path": base, "peft_type": "LORA", "r": 2, "lora_alpha": 1e308,
    });
    folder.write("tuned/adapter_config.json", config.to_string().as_bytes());
    let module = "base_model.model.model.layers.0.self_attn.o_proj";
    let tensors: Tree = [("lora_A", [2, 32]), ("lora_B", [32, 2])]
        .map(|(part, shape)| (format!("{module}.{part}.weight"), Array::full(shape, 0.5)))
        .into_iter()
        .collect();
    let bytes = tensors.to_safetensors(&folder.path("tuned")).unwrap();
    folder.write("tuned/adapter_model.safetensors", &bytes);
    folder.write("tuned/tokenizer.json", b"{}");
    let score = |model: &str, out: &str| {
        folder
            .run(&["score", model, "--data", "data.jsonl", "-o", out])
            .failure(1)
    };
    for out in [
        "base/config.json",
        "base/../base/model.safetensors",
        "tuned/adapter_model.safetensors",
    ] {
        let said = score("tuned", out);
        assert!(said.contains("this is the input "), "{out}: {said}");
    }
    std::fs::remove_file(folder.path("tuned/tokenizer.json")).unwrap();
    let said = score("tuned", "out.parquet");
    assert!(
        said.contains("has numbers beyond 32-bit floats when it is merged; look at lora_alpha"),
        "{said}"
    );
    let file = folder.path("base/model.safetensors");
    let weights: Tree = Tree::from_safetensors(&std::fs::read(&file).unwrap(), &file).unwrap();
    let names = weights
        .iter()
        .map(|(name, _)| (name.to_owned(), "1.parquet"));
    let map: std::collections::BTreeMap<String, &str> = names.collect();
    std::fs::rename(&file, folder.path("base/1.parquet")).unwrap();
    folder.write(
        "base/model.safetensors.index.json",
        json!({ "weight_map": map }).to_string().as_bytes(),
    );
    assert_snapshot!(score("base", "base/1.parquet"), @"error: base/1.parquet: this is the input base/1.parquet; nothing was written. Choose another output");
    // Tables may stand there.
    folder
        .run(&[
            "score",
            "base",
            "--data",
            "data.jsonl",
            "-o",
            "base/scores.parquet",
        ])
        .success();
}
