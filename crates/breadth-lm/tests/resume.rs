//! A run stopped anywhere and started again ends in the same bits; the number of threads changes
//! none.

#[path = "common/files.rs"]
mod files;

use std::path::Path;

use breadth_lm::model::{Checkpoint, Gpt2};
use breadth_lm::rng;
use breadth_lm::train::{TrainConfig, resume_remark, train, train_while};
use breadth_lm::tree::{Array, Tree};
use files::files;

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

/// Without its earlier rows the log would be another than that of a run that was not stopped.
#[test]
fn a_run_whose_log_is_gone_or_anothers_does_not_go_on() {
    let folder = tempfile::tempdir().unwrap();
    train_until(6, folder.path());
    let metrics = folder.path().join("metrics.parquet");
    let own = std::fs::read(&metrics).unwrap();
    let resumed = || train(&config(), folder.path(), "train", &mut |_| {});
    std::fs::remove_file(&metrics).unwrap();
    let error = resumed().unwrap_err().to_string();
    assert!(
        error.contains("metrics.parquet: is missing, and the run stands at step 5: put it back"),
        "{error}"
    );
    std::fs::write(&metrics, own).unwrap();
    resumed().unwrap();
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

/// A tiny checkpoint in `init` and lines of token ids in `data.jsonl`.
fn place(folder: &Path) -> TrainConfig {
    let sizes = Gpt2 {
        vocab_size: 8,
        max_position_embeddings: 8,
        hidden_size: 8,
        layers: 1,
        heads: 2,
        intermediate_size: 16,
        layer_norm_epsilon: 1e-5,
    };
    let config = sizes.config("test").unwrap();
    let init = folder.join("init");
    let model = Checkpoint::random(config, &mut rng::stream(0, "test", 0));
    model.write(&init, &[]).unwrap();
    let data = folder.join("data.jsonl");
    write_data(&data, 1);
    let text = format!(
        "init = {init:?}\n[data]\nfiles = [{data:?}]\n[train]\nsteps = 12\nbatch_size = 2\n\
         checkpoint_every = 4\n"
    );
    TrainConfig::parse(&text, "test.toml").unwrap()
}

fn write_data(path: &Path, first: u32) {
    let line = |i: u32| format!("{{\"prompt\": [{first}, {i}], \"response\": [{i}, 2]}}\n");
    std::fs::write(path, (0..6).map(line).collect::<String>()).unwrap();
}

/// What is said instead of another step, and nothing in the folder changes.
fn refused(config: &TrainConfig, out: &Path) -> String {
    let before = files(out);
    let error = train(config, out, "train", &mut |p| panic!("step {}", p.step)).unwrap_err();
    assert!(files(out) == before, "{error}");
    error.to_string()
}

/// Data, tokenizer and initial weights that are replaced under their names.
#[test]
fn what_a_run_reads_stays_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = place(folder.path());
    let (whole, out) = (path("whole"), path("out"));
    train(&config, &whole, "train", &mut |_| {}).unwrap();
    assert!(!train_while(&config, &out, "train", &mut |p| p.step < 6).unwrap());
    assert_eq!(resume_remark(&config, &out), None);
    write_data(&path("data.jsonl"), 3);
    for out in [&out, &whole] {
        let error = refused(&config, out);
        let said = "data.jsonl had another content (see its run.json); put things back";
        assert!(
            error.contains("when it began, ") && error.contains(said),
            "{error}"
        );
    }
    write_data(&path("data.jsonl"), 1);
    let generation = path("init/generation_config.json");
    std::fs::write(&generation, "{\"eos_token_id\": 2}").unwrap();
    let error = refused(&config, &out);
    assert!(
        error.contains("init/generation_config.json was not there"),
        "{error}"
    );
    std::fs::remove_file(&generation).unwrap();
    let settings = std::fs::read_to_string(path("init/config.json")).unwrap();
    let other = settings.replace("1e-5", "1e-3").replace("0.00001", "0.001");
    assert_ne!(other, settings);
    std::fs::write(path("init/config.json"), other).unwrap();
    let error = refused(&config, &out);
    assert!(error.contains("had another content"), "{error}");
    std::fs::write(path("init/config.json"), settings).unwrap();
    train(&config, &out, "train", &mut |_| {}).unwrap();
    assert!(files(&out) == files(&whole));
}

/// What the model to start from says beside its weights is said by every checkpoint, too.
#[test]
fn what_stands_beside_the_weights_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let config = place(folder.path());
    let init = folder.path().join("init");
    std::fs::create_dir(init.join("additional_chat_templates")).unwrap();
    let texts = [
        ("generation_config.json", "{\"eos_token_id\": 2}"),
        ("chat_template.jinja", "plain"),
        ("additional_chat_templates/tool_use.jinja", "with tools"),
    ];
    for (name, text) in texts {
        std::fs::write(init.join(name), text).unwrap();
    }
    let out = folder.path().join("out");
    train(&config, &out, "train", &mut |_| {}).unwrap();
    for (name, text) in texts {
        let path = out.join("checkpoints/step-000012").join(name);
        assert_eq!(std::fs::read_to_string(path).unwrap(), text);
    }
}

/// A run of before says nothing of what it read.
#[test]
fn a_run_that_kept_no_hashes_goes_on_with_a_remark() {
    let folder = tempfile::tempdir().unwrap();
    let config = place(folder.path());
    let out = folder.path().join("out");
    assert!(!train_while(&config, &out, "train", &mut |p| p.step < 6).unwrap());
    let manifest = out.join("run.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let mut fields: serde_json::Value = serde_json::from_str(&text).unwrap();
    let inputs = fields.as_object_mut().unwrap().remove("inputs").unwrap();
    let names: Vec<&String> = inputs.as_object().unwrap().keys().collect();
    assert!(
        names.iter().any(|name| name.ends_with("data.jsonl")),
        "{names:?}"
    );
    assert!(names.iter().any(|name| name.ends_with("init")), "{names:?}");
    std::fs::write(&manifest, fields.to_string()).unwrap();
    let remark = resume_remark(&config, &out).unwrap();
    assert!(
        remark.contains("kept no hashes of what it read"),
        "{remark}"
    );
    write_data(&folder.path().join("data.jsonl"), 3);
    let mut first = None;
    train(&config, &out, "train", &mut |p| {
        first.get_or_insert(p.step);
    })
    .unwrap();
    assert_eq!(first, Some(7));
}

/// The rules of a policy are its task; what else its file says is another's.
#[test]
fn the_rules_of_a_policy_stay_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    std::fs::write(&rules, CONFIG).unwrap();
    let rl = format!(
        "[rl]\nverifier = \"policy:{}\"\ngroup = 2\n[train]",
        rules.display()
    );
    let config = TrainConfig::parse(&CONFIG.replace("[train]", &rl), "test.toml").unwrap();
    let out = folder.path().join("out");
    let two = |from: u64| move |p: breadth_lm::train::Progress| p.step < from + 2;
    assert!(!train_while(&config, &out, "train", &mut two(0)).unwrap());
    std::fs::write(&rules, CONFIG.replace("seed = 3", "seed = 4")).unwrap();
    assert!(!train_while(&config, &out, "train", &mut two(2)).unwrap());
    std::fs::write(&rules, CONFIG.replace("names = 12", "names = 13")).unwrap();
    let error = refused(&config, &out);
    assert!(error.contains("rules.toml had another content"), "{error}");
}

/// Every file of a state by itself, with what another tool or a torn disk may leave in it.
#[test]
fn a_state_that_contradicts_itself_is_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let config = place(folder.path());
    let out = folder.path().join("out");
    assert!(!train_while(&config, &out, "train", &mut |p| p.step < 6).unwrap());
    let state = out.join("state/step-000006");
    let said = |name: &str, bytes: &[u8]| {
        let whole = std::fs::read(state.join(name)).unwrap();
        std::fs::write(state.join(name), bytes).unwrap();
        let error = refused(&config, &out);
        std::fs::write(state.join(name), whole).unwrap();
        let place = format!("step-000006/{name}: ");
        assert!(error.contains(&place), "{error}");
        error.split_once(&place).unwrap().1.to_owned()
    };
    let tree = |name: &str| {
        Tree::<f32>::from_safetensors(&std::fs::read(state.join(name)).unwrap(), &out).unwrap()
    };
    let gain = "transformer.ln_f.weight";
    let changed = |name: &str, array: &str, to: Option<Array>| {
        let kept = tree(name);
        let mut tree: Tree = kept
            .iter()
            .filter(|(own, _)| *own != array)
            .map(|(own, array)| (own.to_owned(), array.clone()))
            .collect();
        if let Some(to) = to {
            tree.insert(array, to);
        }
        said(name, &tree.to_safetensors(&out).unwrap())
    };
    let [params, moments] = ["params.safetensors", "optimizer.safetensors"];
    let first = tree(moments).iter().next().unwrap().0.to_owned();
    for (error, begins) in [
        (
            changed(params, gain, None),
            "lacks transformer.ln_f.weight of the model; ",
        ),
        (
            changed(params, gain, Some(Array::full([4], 1.0))),
            "has transformer.ln_f.weight of shape [4], and the model of [8]; ",
        ),
        (
            changed(params, "more", Some(Array::full([4], 1.0))),
            "has more, which is nothing of the model; ",
        ),
        (
            changed(params, gain, Some(Array::full([8], f32::NAN))),
            "transformer.ln_f.weight holds what is no finite number; ",
        ),
        (changed(moments, &first, None), "lacks "),
        (
            changed(moments, &first, Some(Array::full([3], 0.0))),
            "has ",
        ),
        (
            said(
                moments,
                &Tree::<f32>::default().to_safetensors(&out).unwrap(),
            ),
            "lacks ",
        ),
        (
            said("state.json", b"{\"step\": 12, \"tokens\": 24}"),
            "says step 12, which is not that of its folder; ",
        ),
    ] {
        assert!(error.starts_with(begins), "{begins}: {error}");
    }
    // Under another name it is of a step that the run has not.
    let late = out.join("state/step-000099");
    std::fs::rename(&state, &late).unwrap();
    std::fs::write(late.join("state.json"), "{\"step\": 99, \"tokens\": 24}").unwrap();
    let error = refused(&config, &out);
    assert!(
        error.contains("step-000099/state.json: says step 99 of a run of 12"),
        "{error}"
    );
    std::fs::write(late.join("state.json"), "{\"step\": 6, \"tokens\": 24}").unwrap();
    std::fs::rename(&late, &state).unwrap();
    train(&config, &out, "train", &mut |_| {}).unwrap();
}

/// Outputs over inputs, and over what no run here has made.
#[test]
fn a_run_replaces_nothing_that_is_not_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = place(folder.path());
    std::fs::create_dir_all(path("pre/checkpoints")).unwrap();
    std::fs::rename(path("init"), path("pre/checkpoints/step-000010")).unwrap();
    let mut over = config.clone();
    over.init = Some(path("pre/../pre/checkpoints/step-000010"));
    let error = refused(&over, &path("pre"));
    assert!(
        error.contains("stands in this folder, whose content is replaced"),
        "{error}"
    );
    // The same checkpoint from elsewhere: then that folder's are another's.
    std::fs::create_dir(path("init")).unwrap();
    for name in ["config.json", "model.safetensors"] {
        let from = path("pre/checkpoints/step-000010").join(name);
        std::fs::copy(from, path("init").join(name)).unwrap();
    }
    let error = refused(&config, &path("pre"));
    assert!(
        error.contains("pre: has checkpoints and no run.json"),
        "{error}"
    );
    for other in ["state/step-000003/notes.txt", "metrics.parquet"] {
        let file = path("other").join(other);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "mine").unwrap();
        let error = refused(&config, &path("other"));
        assert!(error.contains("and no run.json"), "{error}");
        std::fs::remove_dir_all(path("other")).unwrap();
    }
    let mut over = config.clone();
    let data = path("d2/metrics.parquet");
    std::fs::create_dir(path("d2")).unwrap();
    write_data(&data, 1);
    over.data.as_mut().unwrap().files = vec![data];
    let error = refused(&over, &path("d2"));
    assert!(
        error.contains("d2/metrics.parquet: this is the input"),
        "{error}"
    );
    // An input that only lies beside them is nobody's trouble.
    let beside = path("d2/data.jsonl");
    std::fs::rename(path("d2/metrics.parquet"), &beside).unwrap();
    over.data.as_mut().unwrap().files = vec![beside];
    train(&over, &path("d2"), "train", &mut |_| {}).unwrap();
}

/// Finite weights whose first loss is none.
#[test]
fn an_initial_checkpoint_that_computes_nan_is_blamed() {
    let folder = tempfile::tempdir().unwrap();
    let config = place(folder.path());
    let init = config.init.clone().unwrap();
    let mut model = Checkpoint::read(&init).unwrap();
    for name in ["transformer.wte.weight", "transformer.ln_f.weight"] {
        let shape = model.weights[name].shape.clone();
        model.weights.insert(name, Array::full(shape, 3e38));
    }
    model.write(&init, &[]).unwrap();
    let out = folder.path().join("out");
    let error = train(&config, &out, "train", &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("init: computes NaN for the first batch"),
        "{error}"
    );
}
