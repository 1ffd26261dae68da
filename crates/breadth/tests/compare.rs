//! `breadth train --compare` on a task small enough for a test.

use std::path::Path;
use std::process::{Command, Output};

const TASK: &str = r#"
[task]
mixture = { g1 = 0.9, g2 = 0.1 }
[task.graph-search]
middle_layers = 2
width = 2
names = 12
edge_order = "slot"
family = { figure = "1", branching = 1, label = "drawn" }
"#;
const MODEL: &str = "[model]\nlayers = 1\nwidth = 8\nheads = 2\n";
const LOOP: &str = "[train]\nsteps = 6\nbatch_size = 4\ncheckpoint_every = 3\n";

fn breadth(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_breadth"))
        .args(arguments)
        .current_dir(folder)
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap()
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn ways_of_training_stand_side_by_side_and_resume() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "adamw.toml", &format!("{TASK}{MODEL}{LOOP}"));
    let coverage = "[optimizer]\nname = 'sign_sgd'\nlearning_rate = 1e-3\n[objective]\nname = 'coverage'\nn = 8\n";
    write(
        folder,
        "coverage.toml",
        &format!("{TASK}{MODEL}{coverage}{LOOP}"),
    );
    write(
        folder,
        "rl.toml",
        &format!("init = 'x-{{seed}}'\n{TASK}[rl]\ngroup = 2\n{LOOP}"),
    );
    let arguments = [
        "train",
        "--compare",
        "adamw.toml",
        "coverage.toml",
        "--seeds",
        "2",
        "--then",
        "rl.toml",
        "--out",
        "out",
        "-n",
        "2",
        "--json",
        "-q",
    ];
    let first = breadth(folder, &arguments);
    assert!(
        first.status.success(),
        "{}",
        String::from_utf8_lossy(&first.stderr)
    );
    let document: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    let runs = document["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 2);
    for (run, name) in runs.iter().zip(["adamw", "coverage"]) {
        assert_eq!(run["name"], name);
        assert_eq!(run["seeds"], serde_json::json!([0, 1]));
        for field in [
            "final_kl",
            "best_coverage",
            "final_pass",
            "chosen_pass",
            "then_pass_1",
            "then_pass",
        ] {
            let spread = &run[field];
            let [least, mean, most] =
                ["least", "mean", "most"].map(|part| spread[part].as_f64().unwrap());
            assert!(least <= mean && mean <= most, "{field}: {spread}");
        }
        assert!(run["best_coverage"]["mean"].as_f64() <= run["final_coverage"]["mean"].as_f64());
    }
    let page = std::fs::read_to_string(folder.join("out/report.html")).unwrap();
    assert!(page.contains("Pass@4 over training") && page.contains("<svg"));
    assert!(folder.join("out/adamw-1/then/report.html").exists());
    // Again: everything is there, and nothing changes.
    let weights = folder.join("out/coverage-1/then/checkpoints/step-000006/model.safetensors");
    let before = std::fs::metadata(&weights).unwrap().modified().unwrap();
    let second = breadth(folder, &arguments);
    assert_eq!(first.stdout, second.stdout);
    assert_eq!(
        before,
        std::fs::metadata(&weights).unwrap().modified().unwrap()
    );
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "a.toml", &format!("{TASK}{MODEL}{LOOP}"));
    write(
        folder,
        "data.toml",
        &format!("[data]\nfiles = ['x.jsonl']\ntokenizer = 't.json'\n{MODEL}{LOOP}"),
    );
    let error = |arguments: &[&str]| {
        let output = breadth(folder, &[&["train"], arguments].concat());
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    insta::assert_snapshot!(error(&["a.toml", "data.toml"]), @"error: several configurations: add --compare to train them side by side");
    insta::assert_snapshot!(error(&["--compare", "a.toml", "a.toml", "--out", "o"]), @"error: two configurations are named `a`; give their files names of their own");
    insta::assert_snapshot!(error(&["--compare", "data.toml", "--out", "o"]), @"error: data.toml: --compare measures on the law of a [task]; with [data] train one by one, then breadth score and breadth select");
}
