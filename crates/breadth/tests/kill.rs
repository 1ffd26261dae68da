//! `kill -9` at random moments of training, scoring and sampling: the resumed result is that of a
//! run left alone.

#[path = "common/kill.rs"]
mod common;
#[path = "../../breadth-lm/tests/common/files.rs"]
mod files;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{KILLS, empty, kill};
use files::files;

const CONFIG: &str = r#"
seed = 1
[task]
mixture = { g1 = 0.9, g2 = 0.1 }
[task.graph-search]
middle_layers = 2
width = 2
names = 12
edge_order = "slot"
family = { figure = "1", branching = 1, label = "drawn" }
[model]
layers = 2
width = 32
heads = 4
[train]
steps = 120
batch_size = 16
checkpoint_every = 15
log_every = 5
"#;

fn breadth(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_breadth"));
    command.args(arguments).args(["-q", "--threads", "2"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Runs to the end; how long it took.
fn finish(arguments: &[&str]) -> Duration {
    let start = Instant::now();
    let output = breadth(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    start.elapsed()
}

fn same(got: &BTreeMap<String, Vec<u8>>, expected: &BTreeMap<String, Vec<u8>>, moment: u64) {
    assert_eq!(
        got.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "moment {moment}"
    );
    for (name, bytes) in got {
        assert!(
            bytes == &expected[name],
            "{name} differs after a kill at moment {moment}"
        );
    }
}

#[test]
fn training_killed_at_twenty_moments_ends_in_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("train.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let config = config.to_str().unwrap();
    let whole = folder.path().join("whole");
    let time = finish(&["train", config, "--out", whole.to_str().unwrap()]);
    let expected = files(&whole);
    for moment in 0..KILLS {
        let out = folder.path().join(format!("killed-{moment}"));
        let arguments = ["train", config, "--out", out.to_str().unwrap()];
        kill(breadth(&arguments), &out, time, moment);
        finish(&arguments);
        same(&files(&out), &expected, moment);
    }
}

/// Long enough a job to be killed in the middle of.
fn write_data(path: &Path) {
    let line = |i: usize| {
        let prompt = (0..20)
            .map(|j| ((i * 7 + j * 3) % 15).to_string())
            .collect::<Vec<_>>()
            .join(", ");
        let (a, b) = (i % 12, (i / 12) % 12);
        format!("{{\"prompt\": [{prompt}], \"response\": [{a}, {b}, 5, 7]}}\n")
    };
    std::fs::write(path, (0..1500).map(line).collect::<String>()).unwrap();
}

fn killed_jobs_end_in_the_same_bits(name: &str, flags: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("train.toml");
    std::fs::write(
        &config,
        CONFIG
            .replace("steps = 120", "steps = 3")
            .replace("every = 15", "every = 1"),
    )
    .unwrap();
    let run = folder.path().join("run");
    finish(&[
        "train",
        config.to_str().unwrap(),
        "--out",
        run.to_str().unwrap(),
    ]);
    let data = folder.path().join("data.jsonl");
    write_data(&data);
    let arguments = |out: &str| -> Vec<String> {
        let head = [name, run.to_str().unwrap()];
        let words = head
            .iter()
            .chain(flags)
            .map(|w| w.replace("DATA", data.to_str().unwrap()));
        words.chain(["-o".into(), out.into()]).collect()
    };
    // One name in a folder of its own each: the command line is part of a table's provenance, so it
    // must not differ.
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let table = out.join("table.parquet");
    let arguments = arguments(table.to_str().unwrap());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let time = finish(&arguments);
    let expected = files(&out);
    assert_eq!(expected.len(), 1, "{:?}", expected.keys());
    for moment in 0..KILLS {
        empty(&out);
        kill(breadth(&arguments), &out, time, moment);
        finish(&arguments);
        let mut got = files(&out);
        got.retain(|name, _| !name.starts_with(".breadth-tmp-"));
        same(&got, &expected, moment);
    }
}

#[test]
fn scoring_killed_at_twenty_moments_ends_in_the_same_bits() {
    killed_jobs_end_in_the_same_bits("score", &["--data", "DATA", "--token-logprobs"]);
}

#[test]
fn sampling_killed_at_twenty_moments_ends_in_the_same_bits() {
    killed_jobs_end_in_the_same_bits("sample", &["--prompts", "DATA", "-k", "4"]);
}

/// Ctrl-C and SIGTERM while a verifier runs: its whole family ends with the job, no temporary file
/// stays, the status says which signal.
#[cfg(target_os = "linux")]
#[test]
fn interrupted_jobs_leave_nothing_behind() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("train.toml");
    std::fs::write(&config, CONFIG.replace("steps = 120", "steps = 1")).unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    finish(&["train", config.to_str().unwrap(), "--out", &path("run")]);
    write_data(Path::new(&path("data.jsonl")));
    // A verifier that never answers, with a child that never ends.
    let verifier = folder.path().join("verifier");
    std::fs::write(
        &verifier,
        "#!/bin/sh\nsleep 600 &\necho $! >> \"$0.pids\"\nwait\n",
    )
    .unwrap();
    std::fs::set_permissions(&verifier, std::fs::Permissions::from_mode(0o755)).unwrap();
    let pids = folder.path().join("verifier.pids");
    let judge = format!("command:{}", path("verifier"));
    let (run, data) = (path("run"), path("data.jsonl"));
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let _ = std::fs::remove_file(&pids);
        let out = folder.path().join(signal);
        std::fs::create_dir(&out).unwrap();
        let table = out.join("table.parquet");
        let table = table.to_str().unwrap();
        let arguments = [
            "sample",
            &run,
            "--prompts",
            &data,
            "-k",
            "2",
            "--verifier",
            &judge,
        ];
        let arguments = [&arguments[..], &["--verifier-timeout", "600", "-o", table]].concat();
        let mut job = breadth(&arguments).spawn().unwrap();
        while std::fs::read_to_string(&pids).map_or(0, |text| text.lines().count()) == 0 {
            assert!(job.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(20));
        }
        let id = job.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let ended = job.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(status));
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(said.contains("the same command goes on"), "{said}");
        for name in files(&out).keys() {
            assert!(!name.contains(".breadth-tmp-"), "{name}");
        }
        for pid in std::fs::read_to_string(&pids).unwrap().lines() {
            let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
            let is_alive = || state().is_some_and(|stat| !stat.contains(") Z "));
            let start = Instant::now();
            while is_alive() && start.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(!is_alive(), "process {pid} of the verifier runs on");
        }
    }
}
