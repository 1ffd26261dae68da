//! Pass@N from samples against the exact value from log-probabilities, through the commands that
//! users type.

use std::path::Path;
use std::process::Command;

use breadth_data::{ReadOptions, ScoreTable};
use breadth_stats::pass_at_n_exact;

const CONFIG: &str = r#"
[task]
mixture = { g1 = 1.0 }
[task.graph-search]
middle_layers = 1
width = 2
names = 6
edge_order = "slot"
family = { figure = "1", branching = 1, label = "drawn" }
[model]
layers = 1
width = 32
heads = 4
[optimizer]
learning_rate = 1e-2
[train]
steps = 60
batch_size = 32
checkpoint_every = 20
"#;

fn breadth(arguments: &[&str]) -> serde_json::Value {
    let output = Command::new(env!("CARGO_BIN_EXE_breadth"))
        .args(arguments)
        .args(["-q", "--json"])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Prompts of the task and their right responses: `s a t` for the even node `a` of the odd layer 1
/// would be wrong, the odd one is right.
fn write_data(path: &Path) {
    let mut lines = String::new();
    for names in 0..240u32 {
        let mut rest: Vec<u32> = (0..6).collect();
        let mut code = names as usize;
        let mut take = || {
            let at = code % rest.len();
            code /= 2;
            rest.remove(at)
        };
        let (s, t, a, b) = (take(), take(), take(), take());
        if (a + b) % 2 == 0 {
            continue;
        }
        let right = if a % 2 == 1 { a } else { b };
        let prompt = format!("{s} {a} | {s} {b} | {a} {t} | {b} {t} / {s} {t} =");
        lines += &format!("{{\"prompt\": \"{prompt}\", \"response\": \"{s} {right} {t}\"}}\n");
    }
    std::fs::write(path, lines).unwrap();
}

#[test]
fn sampled_pass_holds_the_exact_value_in_its_interval() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(text("train.toml"), CONFIG).unwrap();
    write_data(Path::new(&text("data.jsonl")));
    breadth(&["train", &text("train.toml"), "--out", &text("run")]);
    breadth(&[
        "score",
        &text("run"),
        "--data",
        &text("data.jsonl"),
        "-o",
        &text("scores.parquet"),
    ]);
    breadth(&[
        "sample",
        &text("run"),
        "--prompts",
        &text("data.jsonl"),
        "-k",
        "64",
        "-o",
        &text("samples.parquet"),
    ]);
    let passed = breadth(&["pass", &text("samples.parquet"), "-k", "1,4,16,64"]);

    let table =
        ScoreTable::read(&[text("scores.parquet").into()], &ReadOptions::default()).unwrap();
    let models = passed["models"].as_array().unwrap();
    assert_eq!(models.len(), 4);
    let mut solved = Vec::new();
    for model in models {
        let column = table.column(model["model"].as_str().unwrap()).unwrap();
        for point in model["pass"].as_array().unwrap() {
            let k = point["k"].as_f64().unwrap();
            let exact = column
                .iter()
                .map(|&q| pass_at_n_exact(q, k).unwrap())
                .sum::<f64>()
                / column.len() as f64;
            let [low, high] = ["low", "high"].map(|end| point[end].as_f64().unwrap());
            assert!(
                low <= exact && exact <= high,
                "{model}: Pass@{k} is {exact}, not in [{low}, {high}]"
            );
            solved.push(exact);
        }
    }
    // Not a comparison of zeros with zeros: training takes Pass@1 from chance on.
    assert!(solved[0] < 0.05 && solved[12] > 0.1, "{solved:?}");
}
