//! Every way to train: it resumes to the same bits, does not depend on threads, and improves what
//! it says it improves.

use std::path::Path;

use breadth_data::{Metrics, RunFolder};
use breadth_lm::model::Checkpoint;
use breadth_lm::train::{TrainConfig, train};

const TASK: &str = r#"
seed = 3
MODEL
[task]
mixture = { g1 = 0.9, g2 = 0.1 }
[task.graph-search]
middle_layers = 2
width = 2
names = 12
edge_order = "slot"
family = { figure = "1", branching = 1, label = "drawn" }
"#;

const FRESH: &str = "[model]\nlayers = 1\nwidth = 16\nheads = 2\n";

fn config(init: Option<&Path>, more: &str) -> TrainConfig {
    let text = match init {
        Some(folder) => TASK.replace("MODEL", &format!("init = {folder:?}")) + more,
        None => TASK.replace("MODEL", "") + FRESH + more,
    };
    TrainConfig::parse(&text, "test.toml").unwrap()
}

/// A checkpoint that knows the graphs a little.
fn pretrained(out: &Path, steps: u64) -> std::path::PathBuf {
    let more =
        format!("[optimizer]\nlearning_rate = 5e-3\n[train]\nsteps = {steps}\nbatch_size = 32\n");
    train(&config(None, &more), out, "train", &mut |_| {}).unwrap();
    RunFolder::new(out).checkpoint(steps)
}

fn column(out: &Path, name: &str) -> Vec<f64> {
    let metrics = Metrics::read(&out.join("metrics.parquet")).unwrap();
    let found = metrics.columns.into_iter().find(|(n, _)| n == name);
    found.unwrap_or_else(|| panic!("no column {name}")).1
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Every way, with so many steps.
fn every(teacher: &Path) -> Vec<String> {
    let ways = [
        "[optimizer]\nname = 'sgd'\nlearning_rate = 0.1\nmomentum = 0.5\n".to_owned(),
        "[optimizer]\nname = 'normalized_sgd'\nlearning_rate = 0.02\nper = 'module'\n[objective]\nper = 'sequence'\n".to_owned(),
        "[optimizer]\nname = 'sign_sgd'\nlearning_rate = 1e-3\n[objective]\nname = 'coverage'\nn = 8\n".to_owned(),
        "[optimizer]\nname = 'muon'\nlearning_rate = 2e-3\n[objective]\nname = 'confidence_limited'\nlimit = 0.8\n".to_owned(),
        format!("[objective]\nname = 'distill'\nteacher = {teacher:?}\n"),
        format!("[objective]\nname = 'distill'\nteacher = {teacher:?}\ntargets = 'tokens'\ntruncate = 4\nresponses = 'data'\n"),
        "[optimizer]\nname = 'sgd'\nlearning_rate = 1e-3\n[objective]\nname = 'token_level'\n".to_owned(),
        "[rl]\ngroup = 4\n".to_owned(),
        "[rl]\nalgorithm = 'grpo'\ngroup = 4\nupdates = 2\nverifier = 'valid-path'\n".to_owned(),
    ];
    ways.into_iter()
        .map(|way| {
            way + "[train]\nsteps = 8\nbatch_size = 4\ncheckpoint_every = 3\nlog_every = 2\n"
        })
        .collect()
}

#[test]
fn every_way_resumes_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let start = pretrained(&folder.path().join("start"), 150);
    for (at, way) in every(&start).iter().enumerate() {
        let config = config(Some(&start), way);
        let whole = folder.path().join(format!("whole-{at}"));
        train(&config, &whole, "train", &mut |_| {}).unwrap();
        for steps in [2, 4, 7] {
            let out = folder.path().join(format!("stopped-{at}-{steps}"));
            let stopped = std::panic::catch_unwind(|| {
                train(&config, &out, "train", &mut |p| {
                    assert!(p.step < steps, "stop here")
                })
            });
            assert!(stopped.is_err(), "{way}");
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(1 + steps as usize % 3)
                .build()
                .unwrap();
            pool.install(|| train(&config, &out, "train", &mut |_| {}))
                .unwrap();
            for file in [
                "checkpoints/step-000008/model.safetensors",
                "metrics.parquet",
            ] {
                let bytes = |out: &Path| std::fs::read(out.join(file)).unwrap();
                assert!(
                    bytes(&out) == bytes(&whole),
                    "{way}: {file} after a stop at {steps}"
                );
            }
        }
        let last = Checkpoint::read(&RunFolder::new(&whole).checkpoint(8)).unwrap();
        assert_ne!(
            last.weights,
            Checkpoint::read(&start).unwrap().weights,
            "{way}"
        );
    }
}

#[test]
fn reinforcement_raises_the_reward() {
    let folder = tempfile::tempdir().unwrap();
    let start = pretrained(&folder.path().join("start"), 250);
    for algorithm in ["reinforce", "grpo"] {
        let out = folder.path().join(algorithm);
        let more = format!(
            "[optimizer]\nlearning_rate = 2e-3\n[rl]\nalgorithm = '{algorithm}'\ngroup = 8\nverifier = 'valid-path'\n[train]\nsteps = 120\nbatch_size = 16\nlog_every = 1\n"
        );
        train(&config(Some(&start), &more), &out, "train", &mut |_| {}).unwrap();
        let reward = column(&out, "reward");
        let (first, last) = (mean(&reward[..10]), mean(&reward[100..]));
        assert!(last > first + 0.15, "{algorithm}: {first} to {last}");
    }
}

#[test]
fn a_student_approaches_its_teacher() {
    let folder = tempfile::tempdir().unwrap();
    let teacher = pretrained(&folder.path().join("teacher"), 150);
    for (name, settings) in [
        ("laws", ""),
        ("tokens", "targets = 'tokens'\n"),
        ("truncated", "truncate = 16\n"),
    ] {
        let out = folder.path().join(name);
        let more = format!(
            "[optimizer]\nlearning_rate = 5e-3\n[objective]\nname = 'distill'\nteacher = {teacher:?}\n{settings}[train]\nsteps = 120\nbatch_size = 16\nlog_every = 1\n"
        );
        train(&config(None, &more), &out, "train", &mut |_| {}).unwrap();
        let (kl, cov) = (column(&out, "teacher_kl"), column(&out, "cov_4"));
        assert!(mean(&kl[110..]) < 0.5 * mean(&kl[..5]), "{name}: {kl:?}");
        assert!(mean(&cov[110..]) < mean(&cov[..5]), "{name}");
        let stopped = column(&out, "stopped_kl_4");
        assert!(
            stopped
                .iter()
                .zip(&kl)
                .all(|(stopped, kl)| *stopped <= kl + 1e-12)
        );
    }
}

#[test]
fn what_does_not_go_together_is_named() {
    let error = |more: &str| {
        let text =
            TASK.replace("MODEL", "") + FRESH + more + "[train]\nsteps = 1\nbatch_size = 1\n";
        TrainConfig::parse(&text, "train.toml")
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(error("[rl]\n[objective]\nname = 'coverage'\nn = 2\n"), @"train.toml: give either [objective] or [rl]");
    insta::assert_snapshot!(error("[rl]\ngroup = 1\n"), @"train.toml: [rl]: group must be at least 2: a response is compared with its group");
    insta::assert_snapshot!(error("[rl]\nclip = 1.5\n"), @"train.toml: [rl]: clip must be in (0, 1)");
    insta::assert_snapshot!(error("[objective]\nname = 'token_level'\n"), @r#"train.toml: token_level is plain SGD: [optimizer] name = "sgd" with a learning rate and a schedule, and nothing else"#);
    insta::assert_snapshot!(error("[optimizer]\nname = 'sgd'\nbetas = [0.9, 0.9]\n"), @"train.toml: [optimizer]: betas is a setting of adamw; remove it");
    insta::assert_snapshot!(error("[optimizer]\nname = 'normalized_sgd'\nlambda = -1\n"), @"train.toml: [optimizer]: lambda = -1 must be at least 0");
}
