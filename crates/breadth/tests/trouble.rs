//! Bad configurations, bad checkpoints, a full disk: one message, exit status 1, nothing
//! half-written.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CONFIG: &str = r#"
[task]
mixture = { g1 = 0.9, g2 = 0.1 }
[task.graph-search]
middle_layers = 2
width = 2
names = 12
edge_order = "slot"
family = { figure = "1", branching = 1, label = "drawn" }
[model]
layers = 1
width = 32
heads = 4
[train]
steps = 4
batch_size = 4
checkpoint_every = 2
"#;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.text(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Trains; the last checkpoint.
    fn trained(&self) -> PathBuf {
        let config = self.write("train.toml", CONFIG);
        let output = breadth(&["train", &config, "--out", &self.text("run")]);
        assert!(output.status.success(), "{}", said(&output));
        self.path("run/checkpoints/step-000004")
    }

    /// What a failing command says, with this folder's name taken out.
    fn failure(&self, arguments: &[&str]) -> String {
        let output = breadth(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(output.stdout.is_empty());
        let text = said(&output).replace(self.folder.path().to_str().unwrap(), "DIR");
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("error:"))
                .count(),
            1,
            "{text}"
        );
        text
    }
}

fn breadth(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_breadth"))
        .args(arguments)
        .arg("-q")
        .output()
        .unwrap()
}

/// Runs with files limited to `blocks` of 512 bytes: what a full disk looks like to a program.
fn breadth_on_a_full_disk(blocks: u32, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_breadth");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {program} \"$@\" -q");
    Command::new("sh")
        .args(["-c", &script, "sh"])
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_configuration_with_an_unknown_key_or_an_impossible_value() {
    let place = Place::new();
    let run = |text: &str| {
        let config = place.write("bad.toml", text);
        place.failure(&["train", &config, "--out", &place.text("run")])
    };
    let text = run(&CONFIG.replace("heads = 4", "head = 4"));
    assert!(
        text.contains("DIR/bad.toml") && text.contains("unknown field `head`"),
        "{text}"
    );
    let text = run(&CONFIG.replace("heads = 4", "heads = 5"));
    assert!(
        text.contains("width = 32 is not a multiple of heads = 5"),
        "{text}"
    );
    let text = run(&CONFIG.replace("steps = 4", "steps = 0"));
    assert!(text.contains("[train] steps = 0"), "{text}");
    let text = run(&CONFIG.replace("g2 = 0.1", "g2 = 0.2"));
    assert!(text.contains("1.1"), "{text}");
    let text = run(&CONFIG.replace("names = 12", "names = 3"));
    assert!(text.contains("names"), "{text}");
    let text = place.failure(&["train", &place.text("nowhere.toml")]);
    assert!(text.contains("DIR/nowhere.toml"), "{text}");
    assert!(!place.path("run/checkpoints/step-000000").exists());
}

#[test]
fn a_checkpoint_that_is_truncated_of_another_architecture_or_not_there() {
    let place = Place::new();
    let checkpoint = place.trained();
    let data = place.write(
        "data.jsonl",
        "{\"prompt\": [1, 2, 14], \"response\": [3]}\n",
    );
    let out = place.text("scores.parquet");
    let score = || {
        place.failure(&[
            "score",
            checkpoint.to_str().unwrap(),
            "--data",
            &data,
            "-o",
            &out,
        ])
    };

    let weights = checkpoint.join("model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() - 100]).unwrap();
    let text = score();
    assert!(text.contains("step-000004/model.safetensors"), "{text}");
    assert!(text.contains("not a whole safetensors file"), "{text}");
    std::fs::write(&weights, &whole).unwrap();

    let config = checkpoint.join("config.json");
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, good.replace("\"gpt2\"", "\"llama\"")).unwrap();
    let text = score();
    assert!(text.contains("config.json has no hidden_size"), "{text}");
    std::fs::write(&config, good.replace("\"n_layer\": 1", "\"n_layer\": 2")).unwrap();
    let text = score();
    assert!(text.contains("has no tensor transformer.h.1."), "{text}");
    std::fs::write(&config, &good).unwrap();

    std::fs::remove_file(&weights).unwrap();
    assert!(score().contains("has no model.safetensors"), "{}", score());
    let text = place.failure(&["score", &place.text("nowhere"), "--data", &data, "-o", &out]);
    assert!(text.contains("DIR/nowhere: no such folder"), "{text}");
    assert!(!Path::new(&out).exists());
}

#[test]
fn data_that_the_model_cannot_take() {
    let place = Place::new();
    let checkpoint = place.trained();
    let out = place.text("scores.parquet");
    let score = |line: &str| {
        let data = place.write("data.jsonl", line);
        place.failure(&[
            "score",
            checkpoint.to_str().unwrap(),
            "--data",
            &data,
            "-o",
            &out,
        ])
    };
    let text = score("{\"prompt\": [1], \"response\": [3]}\n{\"prompt\": [1]}\n");
    assert!(
        text.contains("DIR/data.jsonl, line 2: has no response"),
        "{text}"
    );
    let text = score("{\"prompt\": [1], \"response\": [99]}\n");
    assert!(
        text.contains("token 99 is outside the model's vocabulary of 15"),
        "{text}"
    );
    let text = score("{\"prompt\": \"1 frog\", \"response\": \"2\"}\n");
    assert!(text.contains("DIR/data.jsonl, line 1: prompt"), "{text}");
    let text = score(
        "{\"prompt\": [1], \"response\": [3], \"prompt_id\": 7}\n{\"prompt\": [2], \"response\": [3], \"prompt_id\": 7}\n",
    );
    assert!(
        text.contains("prompt_id 7, response_id 0 stands there twice"),
        "{text}"
    );
    let text = score("not json\n");
    assert!(text.contains("DIR/data.jsonl, line 1"), "{text}");
    assert!(score("").contains("no line of data"));
    assert!(!Path::new(&out).exists());
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let place = Place::new();
    let config = place.write("train.toml", CONFIG);
    let arguments = ["train", &config, "--out", &place.text("run")];
    let output = breadth_on_a_full_disk(16, &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("File too large"),
        "{}",
        said(&output)
    );
    assert!(!place.path("run/checkpoints/step-000000").exists());
    // With room again, the same command does the job.
    let output = breadth(&arguments);
    assert!(output.status.success(), "{}", said(&output));

    let lines: String = (0..3000)
        .map(|i| format!("{{\"prompt\": [1, {}], \"response\": [3]}}\n", i % 12))
        .collect();
    let data = place.write("data.jsonl", &lines);
    let out = place.text("scores.parquet");
    let arguments = [
        "score",
        &place.text("run"),
        "--data",
        &data,
        "-o",
        &out,
        "--token-logprobs",
    ];
    let output = breadth_on_a_full_disk(4, &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(!Path::new(&out).exists());
    let output = breadth(&arguments);
    assert!(output.status.success(), "{}", said(&output));
}
