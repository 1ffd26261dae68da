//! A run stopped anywhere and started again ends in the same bits; the number of threads changes
//! none.

use std::collections::BTreeMap;
use std::path::Path;

use breadth_lm::train::{TrainConfig, train, train_while};

const CONFIG: &str = r#"
seed = 3
[task]
mixture = { g1 = 0.9, g2 = 0.1 }
[task.graph-search]
middle_layers = 2
width = 2
names = 12
edge_order = "layer"
family = { figure = "1", branching = 1, label = "drawn" }
[model]
layers = 1
width = 8
heads = 2
[optimizer]
warmup_steps = 4
decay_to = 0.1
[train]
steps = 24
batch_size = 6
checkpoint_every = 5
log_every = 3
"#;

fn config() -> TrainConfig {
    TrainConfig::parse(CONFIG, "test.toml").unwrap()
}

/// Every file of a folder with its bytes, but for the saved state.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Trains until `steps` steps were made, then stops as a kill would: by unwinding out of the loop.
fn train_until(steps: u64, out: &Path) {
    let stopped = std::panic::catch_unwind(|| {
        train(&config(), out, "train", &mut |p| {
            assert!(p.step < steps, "stop here")
        })
        .unwrap();
    });
    assert!(stopped.is_err(), "the run ended before step {steps}");
}

#[test]
fn a_run_stopped_anywhere_ends_in_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    train(&config(), &whole, "train", &mut |_| {}).unwrap();
    let expected = files(&whole);
    assert!(expected.contains_key("checkpoints/step-000024/model.safetensors"));
    assert!(expected.contains_key("metrics.parquet"));
    for steps in [1, 4, 5, 6, 17, 23] {
        let out = folder.path().join(format!("stopped-{steps}"));
        train_until(steps, &out);
        train(&config(), &out, "train", &mut |_| {}).unwrap();
        assert_eq!(
            files(&out).keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>()
        );
        for (name, bytes) in files(&out) {
            assert!(
                bytes == expected[&name],
                "{name} differs after a stop at step {steps}"
            );
        }
    }
}

/// Three steps at a time, on checkpoints, between them and before the end.
#[test]
fn a_run_that_is_told_to_stop_goes_on_at_that_step() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, sliced) = (folder.path().join("whole"), folder.path().join("sliced"));
    train(&config(), &whole, "train", &mut |_| {}).unwrap();
    let (mut seen, mut calls) = (Vec::new(), 0);
    loop {
        calls += 1;
        let first = seen.len();
        let finished = train_while(&config(), &sliced, "train", &mut |progress| {
            seen.push(progress.step);
            seen.len() < first + 3
        });
        if finished.unwrap() {
            break;
        }
    }
    assert_eq!((seen, calls), ((1..=24).collect::<Vec<u64>>(), 8));
    assert!(files(&sliced) == files(&whole));
    let again = train_while(&config(), &sliced, "train", &mut |p| {
        panic!("step {}", p.step)
    });
    assert!(again.unwrap());
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = |threads: usize| {
        let out = folder.path().join(threads.to_string());
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| train(&config(), &out, "train", &mut |_| {}).unwrap());
        files(&out)
    };
    assert!(run(1) == run(2));
}

#[test]
fn another_configuration_in_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    train(&config(), &out, "train", &mut |_| {}).unwrap();
    let mut other = config();
    other.seed = 4;
    let error = train(&other, &out, "train", &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("holds a run with another configuration"),
        "{error}"
    );
    // The same one is finished already and makes no step.
    train(&config(), &out, "train", &mut |p| panic!("step {}", p.step)).unwrap();
}

#[test]
fn training_lowers_the_loss() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config();
    (config.train.steps, config.train.checkpoint_every) = (150, 150);
    config.optimizer.learning_rate = 1e-2;
    let (mut first, mut last) = (0.0, 0.0);
    train(&config, &folder.path().join("run"), "train", &mut |p| {
        if p.step <= 10 {
            first += p.loss / 10.0;
        }
        if p.step > 140 {
            last += p.loss / 10.0;
        }
    })
    .unwrap();
    assert!(last < 0.87 * first, "{first} {last}");
}

/// A teacher whose files are replaced, between two halves of a run and in the middle of one.
#[test]
fn a_teacher_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first");
    train(&config(), &first, "train", &mut |_| {}).unwrap();
    let teacher = folder.path().join("teacher");
    std::fs::create_dir(&teacher).unwrap();
    let take = |step: &str| {
        for name in ["config.json", "model.safetensors"] {
            let from = first.join("checkpoints").join(step).join(name);
            std::fs::copy(from, teacher.join(name)).unwrap();
        }
    };
    let (own, other) = ("step-000024", "step-000005");
    take(own);
    let objective = format!("[objective]\nname = 'distill'\nteacher = {teacher:?}\n[train]");
    let text = CONFIG.replace("[train]", &objective);
    let distill = TrainConfig::parse(&text, "test.toml").unwrap();
    let whole = folder.path().join("whole");
    train(&distill, &whole, "train", &mut |_| {}).unwrap();
    let out = folder.path().join("out");
    let error = train(&distill, &out, "train", &mut |p| {
        if p.step == 7 {
            take(other);
        }
    });
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("teacher: changed while it was used"),
        "{error}"
    );
    let error = train(&distill, &out, "train", &mut |p| panic!("step {}", p.step));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("holds a run whose teacher had other files"),
        "{error}"
    );
    take(own);
    let mut begun = None;
    train(&distill, &out, "train", &mut |p| {
        begun.get_or_insert(p.step);
    })
    .unwrap();
    // The step at which it was noticed was not saved.
    assert_eq!(begun, Some(6));
    assert_eq!(files(&out), files(&whole));
}
