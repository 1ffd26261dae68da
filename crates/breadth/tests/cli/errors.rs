//! Bad input: exit status 1, one message that names the place and says what to do, and no result.

use insta::assert_snapshot;

use crate::support::{Folder, counts, scores, three_checkpoints, two_models};

/// The message of a failing command on one table.
fn message(table: &str, arguments: &[&str]) -> String {
    let folder = Folder::with(&[("table.jsonl", table)]);
    let message = folder
        .run(&[arguments, &["table.jsonl"]].concat())
        .failure(1);
    assert!(
        message.starts_with("error: ") && !message.contains("stack backtrace"),
        "{message}"
    );
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

#[track_caller]
fn assert_names(message: &str, places: &[&str]) {
    for place in places {
        assert!(message.contains(place), "`{place}` is not in: {message}");
    }
}

const SELECT: &[&str] = &["select"];
const PASS: &[&str] = &["pass"];

/// Two good rows, then this one.
fn after_two_rows(row: &str) -> String {
    two_models(1, 0.5) + row + "\n"
}

#[test]
fn a_log_probability_that_is_not_a_number() {
    let bad = after_two_rows(r#"{"prompt_id":1,"model":"a","logprob":NaN}"#);
    assert_names(&message(&bad, SELECT), &["table.jsonl", "3", "logprob"]);
    let csv = "prompt_id,model,logprob\n0,a,-1\n1,a,nan\n";
    assert_names(&message(csv, SELECT), &["table.jsonl", "logprob"]);
}

#[test]
fn a_log_probability_above_zero() {
    let bad = after_two_rows(r#"{"prompt_id":1,"model":"a","logprob":0.5}"#);
    assert_names(
        &message(&bad, SELECT),
        &["table.jsonl", "3", "logprob", "0.5"],
    );
}

#[test]
fn rounding_above_zero_is_forgiven() {
    let table = scores(&[("a", &[-1.0, 0.0005]), ("b", &[-1.0, 0.0])]);
    let folder = Folder::with(&[("table.jsonl", &table)]);
    let document = folder
        .run(&["select", "table.jsonl", "-n", "1", "--json"])
        .json();
    assert_eq!(
        document["models"][0]["cross_entropy"],
        document["models"][1]["cross_entropy"]
    );
}

#[test]
fn a_reward_outside_zero_to_one() {
    let row = r#"{"model":"m","prompt_id":1,"response_id":0,"reward":1.5}"#;
    assert_names(&message(row, PASS), &["table.jsonl", "1", "reward", "1.5"]);
}

#[test]
fn more_correct_samples_than_samples() {
    assert_names(
        &message(&counts(&[("m", &[(3, 4)])]), PASS),
        &["table.jsonl", "3", "4"],
    );
}

#[test]
fn a_duplicate_key() {
    let bad = after_two_rows(r#"{"prompt_id":0,"model":"b","logprob":-2}"#);
    assert_names(&message(&bad, SELECT), &["table.jsonl", "3", "b"]);
}

#[test]
fn a_missing_column() {
    assert_names(
        &message("{\"prompt_id\":1,\"logprob\":-2}\n", SELECT),
        &["table.jsonl", "model"],
    );
}

#[test]
fn a_file_that_is_not_there_or_not_a_table() {
    let folder = Folder::with(&[("noise.parquet", "PAR1 and then nothing")]);
    let missing = folder.run(&["select", "scores.parquet"]).failure(1);
    assert_names(&missing, &["scores.parquet"]);
    assert_names(
        &folder.run(&["select", "noise.parquet"]).failure(1),
        &["noise.parquet"],
    );
    assert_names(
        &folder.run(&["pass", "nothing-*.jsonl"]).failure(1),
        &["nothing-*.jsonl"],
    );
}

#[test]
fn a_model_that_lacks_rows_unless_they_are_intersected() {
    let holes = scores(&[("whole", &[-1.0, -1.0, -1.0]), ("holed", &[-1.0, -1.0])]);
    assert_names(&message(&holes, SELECT), &["holed", "--intersect"]);
    let folder = Folder::with(&[("table.jsonl", &holes)]);
    let ran = folder.run(&["select", "table.jsonl", "--intersect", "--json", "-q"]);
    assert_eq!(ran.json()["rows"], 2);
}

#[test]
fn no_rows_at_all() {
    assert_names(&message("", SELECT), &["table.jsonl"]);
    let sampled = two_models(2, 0.5).replace("\"model\"", "\"source\":\"a\",\"model\"");
    assert_names(&message(&sampled, SELECT), &["data"]);
}

#[test]
fn a_table_of_the_other_kind() {
    let by_reach = ["select", "--rule", "reach"];
    assert_names(&message(&counts(&[("m", &[(4, 1)])]), &by_reach), &["pass"]);
    assert_names(&message(&two_models(2, 0.5), PASS), &["select"]);
}

#[test]
fn levels_below_one() {
    let table = three_checkpoints();
    assert_snapshot!(message(&table, &["select", "-n", "0.5"]), @"error: -n 0.5: a level is a finite number N >= 1; past 1e308 write --log-n");
    assert_snapshot!(message(&table, &["select", "-n", "nan"]), @"error: -n NaN: a level is a finite number N >= 1; past 1e308 write --log-n");
    assert_snapshot!(message(&table, &["select", "--log-n", "-1"]), @"error: --log-n -1: a level is a finite number of nats >= 0");
    assert_snapshot!(message(&table, &["profile", "-r", "teacher", "-n", "0,1"]), @"error: -n 0: a level is a finite number N >= 1; past 1e308 write --log-n");
    assert_snapshot!(message(&table, &["select", "--best-of", "1"]), @"error: --best-of 1: a choice needs at least 2 samples; write --best-of 2 or more");
}

#[test]
fn progressions_that_do_not_continue() {
    assert_snapshot!(message(&three_checkpoints(), &["profile", "-r", "teacher", "-n", "1,2,5,.."]), @"error: -n: 1,2,5,.. does not say how to go on: the numbers before `..` must grow by one factor or one step");
}

#[test]
fn names_that_are_not_in_the_table() {
    let table = three_checkpoints();
    assert_names(
        &message(&table, &["profile", "-r", "nobody"]),
        &["nobody", "teacher", "early", "even", "late"],
    );
    assert_names(
        &message(&table, &["profile", "-r", "teacher", "-m", "nobody"]),
        &["nobody", "early"],
    );
    assert_names(
        &message(&table, &["select", "-r", "nobody"]),
        &["nobody", "early"],
    );
}

#[test]
fn nothing_to_compare_with_the_reference() {
    let lonely = scores(&[("teacher", &[-1.0])]);
    assert_snapshot!(message(&lonely, &["profile", "-r", "teacher"]), @"error: the table holds no model beside the reference `teacher`; add their scores");
    assert_snapshot!(message(&lonely, &["profile"]), @"error: name the model that stands for the truth: --reference R");
}

#[test]
fn a_reference_that_excludes_the_data() {
    let table = scores(&[
        ("teacher", &[-1.0, f64::NEG_INFINITY]),
        ("q", &[-1.0, -2.0]),
    ]);
    assert_snapshot!(message(&table, &["profile", "-r", "teacher"]), @"error: the reference gives probability 0 to response `0` of prompt `1`, which `q` gives -2 nats; a response drawn from the data has a positive probability under it: remove the row or correct the reference");
}

#[test]
fn ks_beyond_the_samples() {
    let table = counts(&[("rich", &[(64, 1)]), ("scarce", &[(64, 3)])]);
    let table = table.replace(
        "\"scarce\",\"prompt_id\":0,\"n\":64",
        "\"scarce\",\"prompt_id\":0,\"n\":32",
    );
    assert_snapshot!(message(&table, &["pass", "-k", "1,64"]), @"error: --extrapolate: needed where k is beyond the samples, as k = 64 is: model `scarce` has 32 samples for prompt `0`; or ask for k <= 32, or draw more samples");
    assert_snapshot!(message(&table, &["pass", "-k", "2.5"]), @"error: k = 2.5 is not a number of samples; write whole numbers >= 1, such as -k 1,8,64");
    assert_snapshot!(message(&table, &["pass", "-k", "0"]), @"error: k = 0 is not a number of samples; write whole numbers >= 1, such as -k 1,8,64");
}

#[test]
fn a_run_that_was_not_scored_yet() {
    let folder = Folder::with(&[("my run/run.json", "{}"), ("my run/metrics.parquet", "")]);
    let scored = |command| folder.run(&[command, "my run"]).failure(1);
    assert_snapshot!(scored("select"), @"error: my run/scores.parquet: not there, as train keeps checkpoints and scores none; score them first: breadth score 'my run' --data HELDOUT.jsonl -o 'my run/scores.parquet'");
    for command in ["reach", "report"] {
        assert_eq!(scored(command), scored("select"));
    }
    assert_snapshot!(scored("pass"), @"error: my run/samples.parquet: not there, as train keeps checkpoints and samples none; sample them first: breadth sample 'my run' --prompts PROMPTS.jsonl -k 16 --verifier VERIFIER -o 'my run/samples.parquet'");
}

#[test]
fn a_folder_that_is_no_run() {
    let folder = Folder::with(&[("run/run.json", "{"), ("empty/readme.txt", "no table")]);
    assert_names(&folder.run(&["report", "run"]).failure(1), &["run.json"]);
    assert_names(&folder.run(&["report", "empty"]).failure(1), &["empty"]);
    assert_names(&folder.run(&["select", "run"]).failure(1), &["run.json"]);
}
