//! Arbitrary tables through the commands that compute: a result or one message, never a panic,
//! never NaN as a number.

mod document;
mod table;

use std::fs;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::sample::select;

/// Flags for `select`; each list is one way to call it.
const SELECT: &[&[&str]] = &[
    &[],
    &["-n", "1"],
    &["-n", "1e308", "--confidence", "0.999999"],
    &["--log-n", "2000"],
    &["--best-of", "3", "--intersect", "--landscape"],
    &["--rule", "cross-entropy"],
    &["--rule", "reach", "--log-n", "400"],
    &["--require", "certain"],
    &["--race", "-n", "2"],
    &["--group-weights", "a=0.5,b=2"],
    &["--rule", "offset", "-n", "16"],
    &["--rule", "offset", "--a", "0.3", "--reference", "d"],
    &["--reference", "a", "--confidence", "0.5"],
];

/// Flags for `reach`.
const REACH: &[&[&str]] = &[
    &[],
    &["-k", "1,1e6", "--budget", "2"],
    &["-k", "1e300", "--intersect", "--confidence", "0.999999"],
    &["--reference", "a", "--group-weights", "a=0.5,b=2"],
];

/// Flags for `profile`.
const PROFILE: &[&[&str]] = &[
    &["--reference", "a"],
    &["--reference", "b", "-n", "1,1.5,4,1e300"],
    &[
        "--reference",
        "a",
        "--baseline",
        "b",
        "--group-weights",
        "a=1",
    ],
    &["--reference", "a", "--intersect", "--confidence", "0.5"],
    &["--reference", "a", "--tokens"],
    &["--reference", "a", "--answers", "-n", "1,3"],
];

/// Flags for `plan`.
const PLAN: &[&[&str]] = &[
    &[],
    &["-n", "2", "--reference", "a", "--certify", "0.3"],
    &["--log-n", "50", "--confidence", "0.5"],
];

/// Flags for `pass`.
const PASS: &[&[&str]] = &[
    &[],
    &["-k", "1"],
    &["-k", "1,2", "--intersect"],
    &["-k", "64"],
    &["--majority", "--solved", "0.5", "--all-of"],
    &["-k", "1,40", "--extrapolate"],
    &["-k", "40", "--extrapolate=beta"],
];

/// Flags for `select --answers`.
const ANSWERS: &[&[&str]] = &[
    &["--answers"],
    &["--answers", "--reference", "a", "-n", "2"],
    &["--answers", "--landscape", "--log-n", "20"],
];

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("FUZZ_CASES").map_or(200, |n| n.parse().expect("a number")),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn select_on_any_scores(rows in table::scores(), flags in select(SELECT), json in any::<bool>()) {
        check("select", &rows, flags, json);
    }

    #[test]
    fn reach_on_any_scores(rows in table::scores(), flags in select(REACH), json in any::<bool>()) {
        check("reach", &rows, flags, json);
    }

    #[test]
    fn profile_on_any_scores(rows in table::scores(), flags in select(PROFILE), json in any::<bool>()) {
        check("profile", &rows, flags, json);
    }

    #[test]
    fn plan_on_any_scores(rows in table::scores(), flags in select(PLAN), json in any::<bool>()) {
        check("plan", &rows, flags, json);
    }

    #[test]
    fn answers_on_any_samples(rows in table::samples(), flags in select(ANSWERS), json in any::<bool>()) {
        check("select", &rows, flags, json);
    }

    #[test]
    fn pass_on_any_samples(rows in table::samples(), flags in select(PASS), json in any::<bool>()) {
        check("pass", &rows, flags, json);
    }
}

/// Runs a command on a table and checks how it ended and what it printed.
fn check(command: &str, rows: &str, flags: &[&str], json: bool) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("table.jsonl"), rows).expect("a writable file");
    let ran = Command::new(env!("CARGO_BIN_EXE_breadth"))
        .current_dir(folder.path())
        .args([command, "table.jsonl"])
        .args(flags)
        .args(json.then_some("--json"))
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    let story = || format!("breadth {command} {flags:?} on\n{rows}\nprinted\n{out}\n{err}");
    match ran.status.code() {
        Some(0 | 3) if json => {
            document::check(&out).unwrap_or_else(|why| panic!("{why}: {}", story()))
        }
        Some(0 | 3) => assert!(!out.contains("NaN") && !out.is_empty(), "{}", story()),
        Some(1 | 2) => {
            assert!(out.is_empty(), "a failure prints no result: {}", story());
            assert_eq!(err.matches("error:").count(), 1, "one message: {}", story());
        }
        _ => panic!("neither a result nor a message: {}", story()),
    }
    assert!(!err.contains("panicked"), "{}", story());
}
