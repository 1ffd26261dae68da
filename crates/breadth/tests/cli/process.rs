//! How the process behaves among others: threads, pipes, full disks, terminals.

use std::io::Write;
use std::process::Stdio;

use insta::assert_snapshot;

use crate::support::{Folder, Ran, counts, scores, three_checkpoints};

/// A table large enough for several threads to share, with weights, clusters and near ties.
fn large() -> String {
    let column = |seed: u64| -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 40) as f64 / (1_u64 << 24) as f64
        };
        (0..3000).map(|_| -12.0 * next()).collect()
    };
    let columns: Vec<(String, Vec<f64>)> = (1..8)
        .map(|seed| (format!("m{seed}"), column(seed)))
        .collect();
    let table: Vec<(&str, &[f64])> = columns
        .iter()
        .map(|(name, values)| (name.as_str(), &values[..]))
        .collect();
    let text = scores(&table);
    text.lines()
        .enumerate()
        .map(|(row, line)| {
            line.replace(
                "{\"prompt_id\":",
                &format!(
                    "{{\"weight\":{},\"response_id\":{},\"prompt_id\":",
                    1.0 + (row % 3000 % 7) as f64 / 3.0,
                    row % 3000
                ),
            )
        })
        .map(|line| line + "\n")
        .collect()
}

#[test]
fn results_do_not_depend_on_threads() {
    let graded = counts(&[("a", &[(9, 2), (8, 1)]), ("b", &[(9, 1), (8, 0)])]);
    let folder = Folder::with(&[("scores.jsonl", &large()), ("samples.jsonl", &graded)]);
    for arguments in [
        &["select", "scores.jsonl", "--json"][..],
        &["select", "scores.jsonl"],
        &["profile", "scores.jsonl", "--reference", "m1", "--json"],
        &["pass", "samples.jsonl", "--json"],
    ] {
        let with = |threads| {
            folder
                .run(&[arguments, &["--threads", threads]].concat())
                .success()
        };
        assert_eq!(with("1"), with("2"), "{arguments:?}");
        assert_eq!(with("1"), with("5"), "{arguments:?}");
    }
}

#[test]
fn nothing_but_the_result_is_on_stdout_and_no_colour_where_no_terminal_is() {
    let folder = Folder::with(&[("scores.jsonl", &three_checkpoints())]);
    for arguments in [
        &["select", "scores.jsonl"][..],
        &["--help"],
        &["profile", "scores.jsonl", "-r", "teacher"],
    ] {
        let text = folder.run(arguments).success();
        assert!(!text.contains('\x1b'), "{text:?}");
    }
    assert!(
        !folder
            .run(&["select", "nothing.jsonl"])
            .failure(1)
            .contains('\x1b')
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    let mut command = folder.command(&["select", "-"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The reader is gone before the binary has its input, hence before it writes.
    drop(child.stdout.take());
    child
        .stdin
        .take()
        .unwrap()
        .write_all(three_checkpoints().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(0), "")
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_stdout_is_an_error() {
    let folder = Folder::with(&[("scores.jsonl", &three_checkpoints())]);
    let mut command = folder.command(&["select", "scores.jsonl"]);
    command.stdout(
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap(),
    );
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"error: cannot write the result to standard output: No space left on device (os error 28)");
}

#[test]
fn variables_that_mean_nothing_are_usage_errors() {
    let folder = Folder::new();
    let mut command = folder.command(&["plan", "--see", "16"]);
    command.env("BREADTH_SIMD", "sse9");
    assert_snapshot!(Ran::of(command).failure(2), @"error: BREADTH_SIMD = sse9 is none of baseline, avx2, avx512");
    let mut command = folder.command(&["plan", "--see", "16"]);
    command.env("BREADTH_SIMD", "baseline");
    Ran::of(command).success();
    let mut command = folder.command(&["plan", "--see", "16"]);
    command.env("BREADTH_MAX_RECORD_BYTES", "64M");
    assert_snapshot!(Ran::of(command).failure(2), @"error: BREADTH_MAX_RECORD_BYTES=64M: not a whole number of bytes above 0; correct it or unset it");
}
