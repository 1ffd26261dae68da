//! Jobs that start their servers: one for a checkpoint, or one for the adapters of a base.

use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use breadth_data::{ReadOptions, ScoreTable};
use breadth_lm::job::{Model, Serving};
use breadth_lm::server::ServeCommand;
use breadth_lm::text::Item;

use super::fake::{Defect, Dialect, Fake, scores, speak_of};
use super::launch::{ROLE, in_role, serving};
use super::limits;
use super::resume::{checkpoints, items, score_job};

/// Longest wait for what should come soon.
const PATIENCE: Duration = Duration::from_secs(60);

fn wait_for(path: &Path) {
    let started = Instant::now();
    while !path.exists() && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A server that starts another one on its port, which answers in its place, and ends.
pub fn leave(port: &str, folder: &Path) {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "launch::a_role", "--nocapture"])
        .arg(folder)
        .env(ROLE, format!("stay {port}"))
        .process_group(0)
        .spawn()
        .unwrap();
    wait_for(&folder.join("go"));
    println!("leaving");
    std::process::exit(0);
}

/// The other one: lets the first go in the middle of the work.
pub fn stay(port: &str, folder: &Path) {
    let fake = Fake::on(port.parse().unwrap(), Dialect::Vllm, Defect::None)
        .with_delay(Duration::from_millis(10));
    let started = Instant::now();
    while fake.requests() < 40 && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::fs::write(folder.join("go"), "").unwrap();
    wait_for(&folder.join("done"));
}

/// A server that breaks down in the middle of the work.
pub fn break_down(port: &str) {
    let fake = Fake::on(port.parse().unwrap(), Dialect::Vllm, Defect::None)
        .with_delay(Duration::from_millis(10));
    let started = Instant::now();
    while fake.requests() < 40 && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("RuntimeError: it broke\nresources are released\nbye");
    std::process::exit(0);
}

fn serving_with(command: &str) -> Serving {
    Serving {
        command: ServeCommand::parse(command)
            .unwrap()
            .with_patience(PATIENCE),
        limits: limits(),
        parallel: 1,
    }
}

fn served(found: &[(String, PathBuf)], command: &str) -> Vec<Model> {
    served_by(found, &serving_with(command))
}

fn served_by(found: &[(String, PathBuf)], serving: &Serving) -> Vec<Model> {
    let models = Model::folders(found).into_iter();
    models.map(|model| model.served(serving)).collect()
}

/// Rows that somebody else gave on a dead server's port would be those of another model.
#[test]
fn a_server_that_ended_gives_no_rows_even_if_its_port_answers() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scores.parquet");
    let found = checkpoints(folder.path(), 1);
    let models = served(&found, &in_role("'leave '{port}", "{path}"));
    // Three parts.
    let error = score_job(&models, &items(2100), &out, &mut |_| {});
    std::fs::write(found[0].1.join("done"), "").unwrap();
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains(
            "server of step-0: ended while it was asked (exit status: 0); its last words: "
        ) && error.contains("leaving"),
        "{error}"
    );
    assert!(!out.exists());
    let parts = folder.path().join("scores.parquet.parts");
    let finished = |index: usize| parts.join(format!("0000-{index:06}")).exists();
    assert!(!finished(2), "the last part came after its end");
}

/// Nothing is tried again with a server that is gone: the first pause would be ten minutes.
#[test]
fn the_end_of_a_server_is_noticed_while_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scores.parquet");
    let found = checkpoints(folder.path(), 1);
    let mut serving = serving_with(&in_role("'break '{port}", "{path}"));
    serving.limits.back_off = Duration::from_secs(600);
    serving.limits.longest_wait = Duration::from_secs(3600);
    let error = score_job(
        &served_by(&found, &serving),
        &items(2100),
        &out,
        &mut |_| {},
    );
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains(
            "ended while it was asked (exit status: 0); its last words: RuntimeError: it broke; "
        ),
        "{error}"
    );
}

#[test]
fn after_a_failure_no_other_server_is_started_or_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scores.parquet");
    let found = checkpoints(folder.path(), 3);
    let logs = || std::fs::read_dir(folder.path().join("scores.parquet.serve")).unwrap();
    let run = |command: &str, parallel: usize| {
        let mut serving = serving_with(command);
        serving.command = serving.command.with_patience(Duration::from_secs(3600));
        serving.parallel = parallel;
        let error = score_job(&served_by(&found, &serving), &items(5), &out, &mut |_| {});
        let error = error.unwrap_err().to_string();
        assert!(error.contains(": ended before it answered"), "{error}");
    };
    run("echo no; exit 1; : {path} {port}", 1);
    assert_eq!(logs().count(), 1);
    run(
        "if [ {gpu} = 1 ]; then echo here; sleep 3600; fi; sleep 1; echo no; exit 1; : {path} {port}",
        2,
    );
    assert!(logs().count() <= 2);
}

#[test]
fn how_servers_are_started_is_part_of_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scores.parquet");
    let found = checkpoints(folder.path(), 1);
    let models = served(&found, &serving());
    // Stopped when all parts are made.
    let stopped = catch_unwind(AssertUnwindSafe(|| {
        let mut watch = |p: breadth_lm::job::JobProgress| assert!(p.done < 5, "stop here");
        score_job(&models, &items(5), &out, &mut watch)
    }));
    assert!(stopped.is_err() && !out.exists());
    let run = |command: &str| score_job(&served(&found, command), &items(5), &out, &mut |_| {});
    let error = run(&format!("DTYPE=float16 {}", serving()))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(
            "holds finished parts of another job (`score`): whose servers were started by another \
             --serve command"
        ),
        "{error}"
    );
    let error = score_job(&Model::folders(&found), &items(5), &out, &mut |_| {});
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("of other models, data or settings"),
        "{error}"
    );
    // The same command goes on; spaces around it are none of it.
    run(&format!(" {}\n", serving())).unwrap();
    assert!(out.exists());
}

/// Adapters, each of a base; the weights of what is served are the last digit of its name.
fn adapters(folder: &Path, of: &[(&str, &Path)]) -> Vec<(String, PathBuf)> {
    let write = |(name, base): &(&str, &Path)| {
        let path = folder.join(name);
        std::fs::create_dir(&path).unwrap();
        let config = serde_json::json!({"base_model_name_or_path": base, "peft_type": "LORA"});
        std::fs::write(path.join("adapter_config.json"), config.to_string()).unwrap();
        std::fs::write(path.join("adapter_model.safetensors"), name).unwrap();
        ((*name).to_owned(), path)
    };
    of.iter().map(write).collect()
}

fn log_probs(items: &[Item], weights: u64) -> Vec<f64> {
    speak_of(weights);
    let of = |item: &Item| {
        let each = scores(&[&item.prompt[..], &item.response].concat(), 1.0);
        each[item.prompt.len()..].iter().map(|v| v.unwrap()).sum()
    };
    items.iter().map(of).collect()
}

#[test]
fn adapters_of_one_base_share_a_server_and_each_is_asked_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scores.parquet");
    let bases = checkpoints(folder.path(), 2);
    let (a, b) = (&bases[0].1, &bases[1].1);
    let found = adapters(folder.path(), &[("a1", a), ("b2", b), ("a3", a), ("b4", b)]);
    let command = in_role("'adapters '{port}", "{loras} # {base}");
    let items = items(30);
    score_job(&served(&found, &command), &items, &out, &mut |_| {}).unwrap();
    let table = ScoreTable::read(&[out], &ReadOptions::default()).unwrap();
    assert_eq!(table.models, ["a1", "b2", "a3", "b4"]);
    for (m, weights) in [1, 2, 3, 4].into_iter().enumerate() {
        assert_eq!(table.logprob[m], log_probs(&items, weights));
    }
    let logs = std::fs::read_dir(folder.path().join("scores.parquet.serve")).unwrap();
    let mut logs: Vec<PathBuf> = logs.map(|entry| entry.unwrap().path()).collect();
    logs.sort();
    let said = |log: &PathBuf| std::fs::read_to_string(log).unwrap();
    let expected = [("a1", "a3"), ("b2", "b4")];
    assert_eq!(logs.len(), expected.len());
    for (log, (first, second)) in logs.iter().zip(expected) {
        assert!(log.ends_with(format!("{first}.log")));
        let path = |name: &str| format!("{name}={}", folder.path().join(name).display());
        let line = format!("serving {} {}", path(first), path(second));
        assert_eq!(said(log).matches("serving ").count(), 1);
        assert!(said(log).contains(&line), "{}", said(log));
    }
}

#[test]
fn adapters_are_not_taken_for_their_base_nor_whole_models_for_adapters() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("scores.parquet");
    let bases = checkpoints(folder.path(), 1);
    let base: &Path = &bases[0].1;
    let found = adapters(folder.path(), &[("a1", base), ("a=2", base)]);
    let refused = |found: &[(String, PathBuf)], command: &str| {
        let error = score_job(&served(found, command), &items(3), &out, &mut |_| {});
        assert!(!out.exists());
        error.unwrap_err().to_string()
    };
    let together = in_role("'adapters '{port}", "{loras} # {base}");
    for (found, command, message) in [
        (
            &bases[..],
            &together[..],
            "holds no LoRA adapter, and {base} and {loras}",
        ),
        (
            &found[1..],
            &together,
            "rename the folder without `=` and `,`",
        ),
        // The base alone, under whatever name.
        (
            &found[..1],
            &serving(),
            "server of a1: has no model a1; it has toy; an adapter is asked for by its own name",
        ),
        (
            &found[..1],
            &in_role("'adapters-of-sglang '{port}", "{name}={path} # {base}"),
            "has no model a1; it has toy; requests to sglang do not say which adapter is meant",
        ),
    ] {
        let error = refused(found, command);
        assert!(error.contains(message), "{error}");
    }
    // One adapter on its base.
    let command = in_role("'adapters '{port}", "{name}={path} # {base}");
    score_job(&served(&found[..1], &command), &items(3), &out, &mut |_| {}).unwrap();
    let table = ScoreTable::read(&[out], &ReadOptions::default()).unwrap();
    assert_eq!(table.logprob[0], log_probs(&items(3), 1));
}
