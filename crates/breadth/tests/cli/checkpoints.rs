//! Checkpoints that mean harm, or change while they are used: one message that names the file,
//! nothing written.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Folder, Ran};

fn golden(name: &str) -> Vec<u8> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/lm");
    std::fs::read(golden.join(name)).expect("a golden model")
}

/// The tiny golden model and `lines` of data.
fn place(lines: usize) -> Folder {
    let folder = Folder::new();
    for name in ["config.json", "model.safetensors"] {
        folder.write(&format!("model/{name}"), &golden(name));
    }
    let line = |i: usize| format!("{{\"prompt\": [7, {}, 5], \"response\": [9, 2]}}\n", i % 12);
    let data: String = (0..lines).map(line).collect();
    folder.write("data.jsonl", data.as_bytes());
    folder
}

fn score(folder: &Folder) -> Ran {
    folder.run(&[
        "score",
        "model",
        "--data",
        "data.jsonl",
        "-o",
        "out.parquet",
        "-q",
    ])
}

/// What a score that is refused says; nothing is written.
#[track_caller]
fn refused(folder: &Folder) -> String {
    let said = score(folder).failure(1);
    for entry in std::fs::read_dir(folder.path("")).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().unwrap();
        assert!(!name.contains("out.parquet"), "{name}");
    }
    said
}

/// The golden model in two files and an index.
fn shards(folder: &Folder, second: &str) {
    let index = json!({"weight_map": {"a": "model-1.safetensors", "b": second}});
    folder.write(
        "model/model.safetensors.index.json",
        index.to_string().as_bytes(),
    );
    let from = folder.path("model/model.safetensors");
    std::fs::rename(from, folder.path("model/model-1.safetensors")).unwrap();
}

#[test]
fn shards_are_files_of_the_folder() {
    for name in [
        "../other/model.safetensors",
        "/etc/passwd",
        "a/b.safetensors",
    ] {
        let folder = place(2);
        folder.write("other/model.safetensors", &golden("model.safetensors"));
        shards(&folder, name);
        assert_eq!(
            refused(&folder),
            format!(
                "error: checkpoint model: model.safetensors.index.json names \"{name}\", which is no \
                 file of this folder\n"
            )
        );
    }
}

/// Opening a named pipe waits for a writer.
#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_opened() {
    let pipe = |folder: &Folder, name: &str| {
        let _ = std::fs::remove_file(folder.path(name));
        let made = std::process::Command::new("mkfifo")
            .arg(folder.path(name))
            .status();
        assert!(made.expect("there is a `mkfifo`").success());
    };
    let folder = place(2);
    shards(&folder, "model-2.safetensors");
    pipe(&folder, "model/model-2.safetensors");
    assert_snapshot!(refused(&folder), @"error: checkpoint model/model-2.safetensors: is a named pipe, where a file is needed");
    for name in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ] {
        let folder = place(2);
        pipe(&folder, &format!("model/{name}"));
        let said = refused(&folder);
        let expected =
            format!("error: checkpoint model/{name}: is a named pipe, where a file is needed\n");
        assert_eq!(said, expected);
    }
    let folder = place(2);
    std::fs::remove_file(folder.path("model/model.safetensors")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path("model/model.safetensors")).unwrap();
    assert_snapshot!(refused(&folder), @"error: checkpoint model/model.safetensors: is a device, where a file is needed");
}

/// What is read beside the weights.
const BESIDE: [&str; 5] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "generation_config.json",
];

/// Links within the local cache of the hub are how it is built; others lead to what may change.
#[cfg(unix)]
#[test]
fn links_that_lead_out_of_the_folder() {
    use std::os::unix::fs::symlink;
    let folder = place(2);
    folder.write("other/weights", &golden("model.safetensors"));
    std::fs::remove_file(folder.path("model/model.safetensors")).unwrap();
    symlink("../other/weights", folder.path("model/model.safetensors")).unwrap();
    let said = refused(&folder);
    let start = "error: checkpoint model: model.safetensors is a link out of the folder, to /";
    assert!(said.starts_with(start), "{said}");
    assert!(
        said.ends_with("/other/weights; put the file itself there\n"),
        "{said}"
    );
    // What stands beside the weights.
    for name in BESIDE {
        let folder = place(2);
        folder.write("other/file", b"{}");
        symlink("../other/file", folder.path(&format!("model/{name}"))).unwrap();
        let said = refused(&folder);
        let start = format!("error: checkpoint model: {name} is a link out of the folder, to /");
        assert!(said.starts_with(&start), "{said}");
        // Within the folder a link is as good as a file.
        let folder = place(2);
        let text = match name {
            "tokenizer.json" => golden("../text/byte_level.json"),
            _ => b"{}".to_vec(),
        };
        folder.write("model/file", &text);
        symlink("file", folder.path(&format!("model/{name}"))).unwrap();
        assert_eq!(score(&folder).status, 0, "{name}");
    }
    // The cache.
    let folder = place(2);
    std::fs::create_dir_all(folder.path("hub/models--a--b/snapshots/0123")).unwrap();
    folder.write("hub/models--a--b/blobs/e0", b"{\"max_new_tokens\": 7}");
    symlink(
        "../../blobs/e0",
        folder.path("hub/models--a--b/snapshots/0123/generation_config.json"),
    )
    .unwrap();
    for (name, blob) in [("config.json", "c0"), ("model.safetensors", "ff")] {
        folder.write(&format!("hub/models--a--b/blobs/{blob}"), &golden(name));
        let link = folder.path(&format!("hub/models--a--b/snapshots/0123/{name}"));
        symlink(format!("../../blobs/{blob}"), link).unwrap();
    }
    folder.write("hub/models--a--b/refs/main", b"0123");
    let mut command = folder.command(&[
        "score",
        "a/b",
        "--data",
        "data.jsonl",
        "-o",
        "hub.parquet",
        "-q",
    ]);
    command.env("HF_HUB_CACHE", folder.path("hub"));
    let ran = Ran::of(command);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}

/// Sizes are refused before anything is made for them.
#[test]
fn sizes_that_nobody_has() {
    let with = |changes: &[(&str, Value)]| {
        let folder = place(2);
        let mut config: Value = serde_json::from_slice(&golden("config.json")).unwrap();
        for (name, value) in changes {
            config[*name] = value.clone();
        }
        folder.write("model/config.json", config.to_string().as_bytes());
        refused(&folder)
    };
    assert_snapshot!(with(&[("n_layer", json!(1_000_000_000))]), @"error: checkpoint model: config.json: n_layer = 1000000000, with weights of 256.0 GB at least; a model has at most 10000 layers");
    assert_snapshot!(with(&[("n_layer", json!(u64::MAX))]), @"error: checkpoint model: config.json: n_layer = 18446744073709551615 is not a size that a model has");
    assert_snapshot!(with(&[("n_layer", json!(9_999))]), @"error: checkpoint model/model.safetensors: has no tensor transformer.h.2.attn.c_attn.weight, which config.json asks for");
    assert_snapshot!(with(&[("vocab_size", json!(1_000_000_000_000_u64))]), @"error: checkpoint model/model.safetensors: tensor transformer.wte.weight has shape [19, 32]; config.json asks for [1000000000000, 32]");
    assert_snapshot!(with(&[("n_embd", json!(1_u64 << 40)), ("n_head", json!(1 << 26))]), @"error: checkpoint model/model.safetensors: tensor transformer.wte.weight has shape [19, 32]; config.json asks for [19, 1099511627776]");
    assert_snapshot!(with(&[("n_head", json!(1_u64 << 40)), ("n_embd", json!(1_u64 << 40))]), @"error: checkpoint model/model.safetensors: tensor transformer.wte.weight has shape [19, 32]; config.json asks for [19, 1099511627776]");
    let folder = place(2);
    let llama = json!({
        "model_type": "llama", "hidden_size": 32, "num_attention_heads": 4,
        "num_hidden_layers": 1_000_000_000, "intermediate_size": 64, "vocab_size": 50,
    });
    folder.write("model/config.json", llama.to_string().as_bytes());
    assert_snapshot!(refused(&folder), @"error: checkpoint model: config.json: num_hidden_layers = 1000000000, with weights of 256.0 GB at least; a model has at most 10000 layers");
    let mut wide = llama;
    wide["num_hidden_layers"] = json!(2);
    wide["head_dim"] = json!(1_u64 << 40);
    folder.write("model/config.json", wide.to_string().as_bytes());
    assert_snapshot!(refused(&folder), @"error: checkpoint model: config.json: heads are 1099511627776 wide; a model has heads of 65536 at most");
}

/// `abort.toml` of the hostile inputs, and its like.
#[test]
fn trainings_that_fit_nowhere() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/hostile");
    let read = |name: &str| std::fs::read_to_string(cases.join(name)).expect("a case");
    let folder = Folder::new();
    let said = |text: &str| {
        folder.write("train.toml", text.as_bytes());
        let said = folder
            .run(&["train", "train.toml", "--out", "run", "-q"])
            .failure(1);
        assert!(!folder.path("run").exists());
        said
    };
    let huge = said(&read("abort.toml"));
    assert!(
        huge.starts_with("error: [model]: the weights alone take 13.2 TB; "),
        "{huge}"
    );
    let plain = read("c.toml");
    let wide = said(&plain.replace("width = 32", "width = 4294967296"));
    assert!(
        wide.starts_with("error: [model]: the weights alone take "),
        "{wide}"
    );
    let batch = said(&plain.replace("batch_size = 8", "batch_size = 1000000000000"));
    assert!(
        batch.starts_with("error: [train] batch_size: the tokens of a batch alone take "),
        "{batch}"
    );
}

/// What a process may take may be less than what the machine has.
#[cfg(target_os = "linux")]
#[test]
fn a_training_that_does_not_fit_the_limit_of_the_process() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/hostile");
    let plain = std::fs::read_to_string(cases.join("c.toml")).expect("a case");
    let folder = Folder::new();
    folder.write(
        "train.toml",
        plain.replace("width = 32", "width = 20000").as_bytes(),
    );
    let said = folder
        .shell(
            "ulimit -v 2000000",
            &["train", "train.toml", "--out", "run", "-q"],
        )
        .failure(1);
    assert!(
        said.starts_with("error: [model]: the weights alone take "),
        "{said}"
    );
    assert!(
        said.contains("; this process may take 2.0 GB (`ulimit`)"),
        "{said}"
    );
    assert!(!folder.path("run").exists());
}

/// An end token that is none would end nothing, and be no news.
#[test]
fn end_tokens_are_tokens_of_the_model() {
    for bad in ["1099511627776", "-1", "4294967295"] {
        let folder = place(2);
        let text = format!("{{\"eos_token_id\": {bad}}}");
        folder.write("model/generation_config.json", text.as_bytes());
        let said = refused(&folder);
        let expected =
            format!("error: model/generation_config.json: eos_token_id = {bad} is no token");
        assert!(said.starts_with(&expected), "{said}");
    }
}

/// What comes of weights that are no numbers is no fault of the data or of the output.
#[test]
fn weights_that_are_no_numbers() {
    for (number, name) in [
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
        (f32::NEG_INFINITY, "-inf"),
    ] {
        let folder = place(2);
        let mut weights = golden("model.safetensors");
        let last = weights.len() - 4;
        weights[last..].copy_from_slice(&number.to_le_bytes());
        folder.write("model/model.safetensors", &weights);
        let said = refused(&folder);
        let start =
            "error: checkpoint model/model.safetensors: tensor transformer.wte.weight holds ";
        assert!(
            said.starts_with(&format!("{start}{name} (number ")),
            "{said}"
        );
        assert!(
            said.ends_with("; the training that wrote it diverged, or the file is damaged\n"),
            "{said}"
        );
    }
}

/// A checkpoint that another program overwrites, or cuts short, in the middle of a job.
#[cfg(unix)]
#[test]
fn checkpoints_that_change_while_they_are_scored() {
    use std::io::{Seek, SeekFrom, Write};
    for cut in [false, true] {
        let folder = place(40_000);
        let words = [
            "score",
            "model",
            "--data",
            "data.jsonl",
            "-o",
            "out.parquet",
            "-q",
        ];
        let mut command = folder.command(&[&words[..], &["--threads", "1"]].concat());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let part = folder.path("out.parquet.parts/0000-000001");
        while !part.exists() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let weights = folder.path("model/model.safetensors");
        let mut file = std::fs::File::options().write(true).open(weights).unwrap();
        if cut {
            file.set_len(4096).unwrap();
        } else {
            file.seek(SeekFrom::End(-4)).unwrap();
            file.write_all(&0.5f32.to_le_bytes()).unwrap();
        }
        let ended = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        let (short, changed) = (
            "error: model/model.safetensors: became shorter while it was read; no table was written",
            "error: checkpoint model: changed while it was used, so what was made of it",
        );
        assert!(
            said.starts_with(changed) || cut && said.starts_with(short),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(!folder.path("out.parquet").exists());
        let parts = folder.path("out.parquet.parts/0000-000000");
        assert!(
            !parts.exists() || said.starts_with(short),
            "a part of it was kept"
        );
        for entry in std::fs::read_dir(folder.path("")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.starts_with(".breadth"), "{name}");
        }
    }
}
