//! `breadth probe`, and `score` and `sample` with servers, as their users meet them: over HTTP, and
//! killed.

#[path = "../../breadth-lm/tests/server/fake.rs"]
#[allow(dead_code)] // most of its defects are for the library's tests
mod fake;
#[path = "common/kill.rs"]
mod kill;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use breadth_data::{ReadOptions, ScoreTable};
use serde_json::Value;

use fake::{Defect, Dialect, Fake, scores};
use kill::{KILLS, empty, kill};

fn breadth(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_breadth"));
    command
        .args(arguments)
        .arg("-q")
        .env_remove("BREADTH_API_KEY");
    command
}

fn run(arguments: &[&str]) -> Output {
    breadth(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn tokens(i: usize) -> (Vec<u32>, Vec<u32>) {
    let digit = |j: usize| ((i * 7 + j * j * 3 + j) % 12) as u32;
    (
        (0..3 + i % 4).map(digit).collect(),
        (9..11 + i % 5).map(digit).collect(),
    )
}

fn write_data(path: &Path, lines: usize) {
    let line = |i| {
        let (prompt, response) = tokens(i);
        format!("{{\"prompt\": {prompt:?}, \"response\": {response:?}}}\n")
    };
    std::fs::write(path, (0..lines).map(line).collect::<String>()).unwrap();
}

#[test]
fn a_faithful_server_passes() {
    let fake = Fake::new(Dialect::Vllm, Defect::None);
    let url = format!("openai:{}", fake.url);
    let output = run(&["probe", &url]);
    let text = stdout(&output);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        text.starts_with("vllm 0.32.0 gives right log-probabilities of toy.\n"),
        "{text}"
    );
    for line in [
        "  echo      pass  ",
        "  boundary  pass  ",
        "  shift     pass  ",
        "  infinity  cannot tell  ",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let document: Value = serde_json::from_str(&stdout(&run(&["probe", &url, "--json"]))).unwrap();
    assert_eq!(
        (&document["command"], &document["trusted"]),
        (&Value::from("probe"), &Value::from(true))
    );
    let names: Vec<&str> = document["hosts"][0]["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "echo", "boundary", "shift", "infinity", "batch", "raw", "sampling"
        ]
    );
    assert_eq!(document["hosts"][0]["checks"][3]["verdict"], "cannot tell");
}

#[test]
fn a_shifted_server_fails_and_is_not_scored_with() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (
        folder.path().join("data.jsonl"),
        folder.path().join("scores.parquet"),
    );
    write_data(&data, 4);
    let fake = Fake::new(Dialect::Vllm, Defect::Shift(1));
    let url = format!("openai:{}", fake.url);
    let output = run(&["probe", &url]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("vllm 0.32.0 does not give right log-probabilities of toy"));
    assert!(
        stdout(&output).contains("0.0e0 one token earlier"),
        "{}",
        stdout(&output)
    );
    let output = run(&[
        "score",
        &url,
        "--data",
        data.to_str().unwrap(),
        "-o",
        out.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("does not pass `breadth probe`, so its scores would be wrong: boundary"),
        "{said}"
    );
    assert!(!out.exists());
}

#[test]
fn servers_are_scored_in_the_order_given() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (
        folder.path().join("data.jsonl"),
        folder.path().join("scores.parquet"),
    );
    write_data(&data, 40);
    let fakes = [Dialect::Vllm, Dialect::Vllm].map(|dialect| Fake::new(dialect, Defect::None));
    // Two servers of one model, as two arguments: a pool.
    let urls = [
        format!("vllm:{}/toy", fakes[0].url),
        format!("openai:{}/toy", fakes[1].url),
    ];
    let arguments = |a: &str, b: &str| {
        let words = [
            "score",
            a,
            b,
            "--data",
            data.to_str().unwrap(),
            "-o",
            out.to_str().unwrap(),
        ];
        run(&words)
    };
    let mixed = arguments(&urls[0], &urls[1]);
    assert!(
        stderr(&mixed).contains("different kinds"),
        "{}",
        stderr(&mixed)
    );
    let pool = arguments(&urls[0], &format!("vllm:{}/toy", fakes[1].url));
    assert!(pool.status.success(), "{}", stderr(&pool));
    // Each is probed with 13 requests and more; ten requests of four lines are shared.
    assert!(fakes.iter().all(|f| f.answered() > 12));
    let table = ScoreTable::read(&[out], &ReadOptions::default()).unwrap();
    assert_eq!(table.models, ["toy"]);
    for (i, &got) in table.logprob[0].iter().enumerate() {
        let (prompt, response) = tokens(i);
        let each = scores(&[&prompt[..], &response].concat(), 1.0);
        let right: f64 = each[prompt.len()..].iter().map(|v| v.unwrap()).sum();
        assert_eq!(got, right, "line {}", i + 1);
    }
}

#[test]
fn text_needs_a_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.jsonl");
    std::fs::write(&data, "{\"prompt\": \"a\", \"response\": \"b\"}\n").unwrap();
    let fake = Fake::new(Dialect::Vllm, Defect::None);
    let url = format!("openai:{}", fake.url);
    let output = run(&[
        "score",
        &url,
        "--data",
        data.to_str().unwrap(),
        "-o",
        "nowhere.parquet",
    ]);
    assert!(
        stderr(&output).contains("--tokenizer FOLDER"),
        "{}",
        stderr(&output)
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn wrong_addresses_are_usage_errors_or_named() {
    let output = run(&["probe", "localhost:8000"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output)
            .contains("no kind of server; the kinds are vllm, sglang, llama.cpp, openai")
    );
    let output = run(&["score", "openai:localhost:1/m", "--data", "d", "-o", "o"]);
    assert!(
        stderr(&output).contains("write openai:http://HOST:PORT/MODEL"),
        "{}",
        stderr(&output)
    );
}

/// Runs a job on a slow server again and again, killed at a moment each; the result is that of the
/// run left alone.
fn killed_jobs_end_in_the_same_bits(name: &str, flags: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.jsonl");
    write_data(&data, 2200);
    let fake = Fake::new(Dialect::Vllm, Defect::None).with_delay(Duration::from_millis(10));
    let url = format!("openai:{}/toy", fake.url);
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let table = out.join("table.parquet");
    let mut arguments = vec![name, &url, "-o", table.to_str().unwrap()];
    arguments.extend(flags.iter().map(|&f| {
        if f == "DATA" {
            data.to_str().unwrap()
        } else {
            f
        }
    }));
    let start = Instant::now();
    let whole = run(&arguments);
    assert!(whole.status.success(), "{}", stderr(&whole));
    let time = start.elapsed();
    let expected = std::fs::read(&table).unwrap();
    for moment in 0..KILLS {
        empty(&out);
        let mut job = breadth(&arguments);
        job.stdout(Stdio::null());
        kill(job, &out, time, moment);
        let again = run(&arguments);
        assert!(
            again.status.success(),
            "moment {moment}: {}",
            stderr(&again)
        );
        assert!(
            std::fs::read(&table).unwrap() == expected,
            "the table differs after a kill at moment {moment}"
        );
        assert!(!out.join("table.parquet.parts").exists());
    }
}

#[test]
fn scoring_on_a_server_killed_at_twenty_moments_ends_in_the_same_bits() {
    killed_jobs_end_in_the_same_bits("score", &["--data", "DATA", "--token-logprobs"]);
}

#[test]
fn sampling_from_a_server_killed_at_twenty_moments_ends_in_the_same_bits() {
    killed_jobs_end_in_the_same_bits(
        "sample",
        &[
            "--prompts",
            "DATA",
            "-k",
            "2",
            "--max-tokens",
            "3",
            "--verifier",
            "valid-path",
        ],
    );
}

/// What the program is to be instead of a test: the server of the checkpoint in this folder.
const ROLE: &str = "BREADTH_TEST_SERVER";

/// The command that serves a checkpoint by this very program.
fn serving() -> String {
    let program = std::env::current_exe().unwrap();
    format!(
        "{ROLE}={{path}} {} --exact a_role --nocapture {{port}}",
        program.display()
    )
}

/// The server of a checkpoint, whose distribution hangs on the folder's name; as a test it has no
/// role.
#[test]
fn a_role() {
    let Ok(path) = std::env::var(ROLE) else {
        return;
    };
    let name = Path::new(&path).file_name().unwrap().to_string_lossy();
    let digits = name.trim_start_matches("step-").parse().unwrap();
    let port = std::env::args().next_back().unwrap().parse().unwrap();
    println!("serving {path}");
    let fake = Fake::on(port, Dialect::Vllm, Defect::None);
    fake.set_weights(digits);
    std::thread::sleep(Duration::from_secs(120));
}

/// Three checkpoints, whose files are only looked at.
fn checkpoints(folder: &Path) {
    for step in [1, 2, 3] {
        let checkpoint = folder.join(format!("run/step-{step}"));
        std::fs::create_dir_all(&checkpoint).unwrap();
        let golden = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/golden/families/qwen2/"
        );
        for file in ["config.json", "model.safetensors"] {
            std::fs::copy(format!("{golden}{file}"), checkpoint.join(file)).unwrap();
        }
    }
}

fn columns(path: &Path) -> Vec<Vec<f64>> {
    let table = ScoreTable::read(&[path.to_path_buf()], &ReadOptions::default()).unwrap();
    table.logprob.clone()
}

#[test]
fn servers_are_started_for_one_checkpoint_after_another_and_a_kill_is_survived() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    checkpoints(folder.path());
    write_data(Path::new(&path("data.jsonl")), 2500);
    let score_by = |serve: &str, out: &str, more: &[&str]| {
        let (run, data, out) = (path("run"), path("data.jsonl"), path(out));
        let mut arguments = vec!["score", &run, "--data", &data, "-o", &out];
        arguments.extend(["--serve", serve]);
        arguments.extend(more);
        breadth(&arguments)
    };
    let score = |out: &str, more: &[&str]| score_by(&serving(), out, more);
    let whole = score("whole.parquet", &[]).output().unwrap();
    assert!(whole.status.success(), "{}", stderr(&whole));
    let expected = columns(Path::new(&path("whole.parquet")));
    assert_eq!(expected.len(), 3);
    assert!(expected[0] != expected[1] && expected[1] != expected[2]);
    for step in [1, 2, 3] {
        let log = path(&format!("whole.parquet.serve/step-{step}.log"));
        let said = std::fs::read_to_string(log).unwrap();
        assert!(said.contains(&format!("serving {}", path(&format!("run/step-{step}")))));
    }
    // Killed once the second checkpoint has a part, and gone on with.
    let mut job = score("killed.parquet", &[])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let second = path("killed.parquet.parts/0001-000000");
    let started = Instant::now();
    while !Path::new(&second).exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "no part");
        std::thread::sleep(Duration::from_millis(1));
    }
    job.kill().unwrap();
    job.wait().unwrap();
    assert!(!Path::new(&path("killed.parquet")).exists());
    // With other flags a server computes otherwise: nothing is mixed.
    let float16 = format!("DTYPE=float16 {}", serving());
    let other = score_by(&float16, "killed.parquet", &[]).output().unwrap();
    let said = stderr(&other);
    assert!(
        said.contains("whose servers were started by another --serve command")
            && said
                .contains("Run that one to its end, remove the folder, or choose another output"),
        "{said}"
    );
    assert!(Path::new(&second).exists());
    let resumed = score("killed.parquet", &["--parallel", "2"])
        .output()
        .unwrap();
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert_eq!(columns(Path::new(&path("killed.parquet"))), expected);
    // The first checkpoint was done, and its server was not started again.
    let log = std::fs::read_to_string(path("killed.parquet.serve/step-1.log")).unwrap();
    assert_eq!(log.matches("serving ").count(), 1, "{log}");
    assert!(!Path::new(&path("killed.parquet.parts")).exists());
}

#[test]
fn a_server_that_does_not_start_is_an_error_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    checkpoints(folder.path());
    write_data(Path::new(&path("data.jsonl")), 3);
    let output = run(&[
        "score",
        &path("run"),
        "--data",
        &path("data.jsonl"),
        "-o",
        &path("out.parquet"),
        "--serve",
        "echo 'no such GPU: {gpu}' # {path} {port}; exit 3",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("server of step-1: ended before it answered")
            && said.contains("no such GPU: 0"),
        "{said}"
    );
    assert!(!Path::new(&path("out.parquet")).exists());
}
