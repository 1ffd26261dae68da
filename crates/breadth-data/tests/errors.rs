//! Every kind of bad input ends in one message that names the file, the row and the column, and
//! says what to do.

use std::path::{Path, PathBuf};

use breadth_data::{
    Metrics, Provenance, ReadOptions, SampleRow, SampleTable, ScoreRow, ScoreTable, write_samples,
    write_scores,
};
use insta::assert_snapshot;
use tempfile::TempDir;

/// A folder for one test, whose path is left out of messages.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    fn message(&self, error: impl std::fmt::Display) -> String {
        let folder = format!("{}/", self.0.path().display());
        error.to_string().replace(&folder, "")
    }

    fn scores(&self, paths: &[PathBuf]) -> String {
        self.message(ScoreTable::read(paths, &ReadOptions::default()).unwrap_err())
    }

    fn samples(&self, paths: &[PathBuf]) -> String {
        self.message(SampleTable::read(paths, &ReadOptions::default()).unwrap_err())
    }
}

/// The message for a score table of this content.
fn scores(name: &str, content: impl AsRef<[u8]>) -> String {
    let folder = Folder::new();
    let path = folder.file(name, content);
    folder.scores(&[path])
}

/// The message for a sample table of this content.
fn samples(name: &str, content: impl AsRef<[u8]>) -> String {
    let folder = Folder::new();
    let path = folder.file(name, content);
    folder.samples(&[path])
}

const HEADER: &str = "model,prompt_id,response_id,logprob,weight,group\n";

fn csv(rows: &str) -> String {
    scores("s.csv", format!("{HEADER}{rows}"))
}

fn json(line: &str) -> String {
    let good = r#"{"model":"a","prompt_id":"p","response_id":"good","logprob":-1}"#;
    scores("s.jsonl", format!("{good}\n\n{line}\n"))
}

#[test]
fn log_probabilities_out_of_their_domain() {
    assert_snapshot!(csv("a,p1,0,-1,,\na,p2,0,nan,,\n"), @"");
    assert_snapshot!(csv("a,p1,0,0.002,,\n"), @"");
    assert_snapshot!(csv("a,p1,0,inf,,\n"), @"");
    assert_snapshot!(csv("a,p1,0,,,\n"), @"");
    assert_snapshot!(csv("a,p1,0,low,,\n"), @"");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":NaN}"#), @"");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":null}"#), @"");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":true}"#), @"");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":[-1]}"#), @"");
}

#[test]
fn ids_that_are_missing_or_not_ids() {
    assert_snapshot!(csv(",p1,0,-1,,\n"), @"");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":null,"logprob":-1}"#), @"");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":1.5,"logprob":-1}"#), @"");
    assert_snapshot!(json(r#"{"model":{"name":"a"},"prompt_id":1,"logprob":-1}"#), @"");
}

#[test]
fn weights_and_groups() {
    assert_snapshot!(csv("a,p1,0,-1,0,\n"), @"");
    assert_snapshot!(csv("a,p1,0,-1,inf,\n"), @"");
    assert_snapshot!(csv("a,p1,0,-1,1,\nb,p1,0,-1,2,\n"), @"");
    assert_snapshot!(csv("a,p1,0,-1,,G1\nb,p1,0,-1,,G2\n"), @"");
    assert_snapshot!(csv("a,p1,0,-1,,G1\na,p2,0,-1,,\n"), @"");
}

#[test]
fn duplicates_and_missing_rows() {
    assert_snapshot!(csv("a,p1,0,-1,,\na,p2,0,-1,,\na,p1,0,-2,,\n"), @"");
    assert_snapshot!(csv("a,p1,0,-1,,\na,p2,0,-1,,\nb,p2,0,-2,,\n"), @"");
    let folder = Folder::new();
    let one = folder.file("one.csv", "model,prompt_id,logprob\na,1,-1\n");
    let two = folder.file("two.jsonl", r#"{"model":"a","prompt_id":1,"logprob":-1}"#);
    assert_snapshot!(folder.scores(&[one, two]), @"");
}

#[test]
fn an_intersection_of_nothing() {
    let folder = Folder::new();
    let path = folder.file("s.csv", "model,prompt_id,logprob\na,1,-1\na,2,-1\nb,3,-1\n");
    let options = ReadOptions {
        intersect: true,
        ..ReadOptions::default()
    };
    assert_snapshot!(folder.message(ScoreTable::read(&[path], &options).unwrap_err()), @"");
}

#[test]
fn tables_without_rows() {
    assert_snapshot!(csv(""), @"");
    assert_snapshot!(scores("s.jsonl", "\n \n"), @"");
    assert_snapshot!(scores("s.jsonl", ""), @"");
    let folder = Folder::new();
    let path = folder.path("s.parquet");
    write_scores(&path, &[], &Provenance::default()).unwrap();
    assert_snapshot!(folder.scores(&[path]), @"");
}

#[test]
fn missing_columns() {
    assert_snapshot!(scores("s.csv", "model,prompt,logprob\na,1,-1\n"), @"");
    assert_snapshot!(json(r#"{"prompt_id":"p","logprob":-1}"#), @"");
    assert_snapshot!(json("{}"), @"");
    assert_snapshot!(samples("s.csv", "model,prompt_id,reward\na,1,1\n"), @"");
    assert_snapshot!(samples("s.csv", "model,prompt_id,response_id\na,1,1\n"), @"");
    let folder = Folder::new();
    let path = folder.path("m.parquet");
    let metrics = Metrics {
        columns: vec![("step".into(), vec![1.0])],
    };
    metrics.write(&path, &Provenance::default()).unwrap();
    assert_snapshot!(folder.scores(&[path]), @"");
}

#[test]
fn the_other_table() {
    let header = "model,prompt_id,response_id,reward,logprob\n";
    assert_snapshot!(scores("s.csv", format!("{header}a,1,0,1,-3\n")), @"");
    assert_snapshot!(scores("s.jsonl", r#"{"model":"a","prompt_id":1,"n":4,"c":2}"#), @"");
    assert_snapshot!(samples("s.jsonl", r#"{"model":"a","prompt_id":1,"logprob":-1}"#), @"");
    let folder = Folder::new();
    let path = folder.path("samples.parquet");
    write_samples(&path, &[sample(0.5)], &Provenance::default()).unwrap();
    assert_snapshot!(folder.scores(&[path]), @"");
    let path = folder.path("scores.parquet");
    write_scores(&path, &[score(-1.0)], &Provenance::default()).unwrap();
    assert_snapshot!(folder.samples(&[path]), @"");
}

#[test]
fn lines_that_are_not_json() {
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":-1"#), @"");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":-1} {"#), @"");
    assert_snapshot!(json("model a"), @"");
    assert_snapshot!(json("[1]"), @"");
    assert_snapshot!(json(r#"{"model":"a","model":"b","prompt_id":"p","logprob":-1}"#), @"");
    assert_snapshot!(scores("s.json", "[{\"model\":\"a\"}]"), @"");
}

#[test]
fn lines_that_are_not_csv() {
    assert_snapshot!(csv("a,p1,0,-1,,\na,p,with comma,0,-1,,\n"), @"");
    assert_snapshot!(scores("s.csv", b"model,prompt_id,logprob\na,\xff,-1\n"), @"");
    assert_snapshot!(scores("s.csv", "model,prompt_id,logprob,model\na,1,-1,b\n"), @"");
}

#[test]
fn unreadable_files() {
    assert_snapshot!(scores("s.parquet", b"PAR1 and then nothing"), @"");
    assert_snapshot!(scores("s.bin", b"\x00\x01\x02"), @"");
    assert_snapshot!(scores("s.zip", b"PK\x03\x04...."), @"");
    assert_snapshot!(scores("s.jsonl.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1]), @"");
    assert_snapshot!(scores("s.jsonl.zst", [0x28, 0xb5, 0x2f, 0xfd, 4]), @"");
}

#[test]
fn a_truncated_parquet_file() {
    let folder = Folder::new();
    let path = folder.path("s.parquet");
    write_scores(&path, &[score(-1.0)], &Provenance::default()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    folder.file("s.parquet", &whole[..whole.len() / 2]);
    assert_snapshot!(folder.scores(&[path]), @"");
}

#[test]
fn inputs_that_are_not_there() {
    let folder = Folder::new();
    assert_snapshot!(folder.scores(&[]), @"");
    assert_snapshot!(folder.scores(&[folder.path("none.parquet")]), @"");
    assert_snapshot!(folder.scores(&[folder.path("*.parquet")]), @"");
    folder.file("notes.txt", "not a table");
    assert_snapshot!(folder.scores(&[folder.path("")]), @"");
    folder.file("run.json", "{}");
    assert_snapshot!(folder.scores(&[folder.path("")]), @"");
}

#[test]
fn token_log_probabilities() {
    let folder = Folder::new();
    let message = |fields: &str| {
        let line = format!(r#"{{"model":"a","prompt_id":1,"logprob":-3,{fields}}}"#);
        let path = folder.file("s.jsonl", line);
        let options = ReadOptions {
            token_logprobs: true,
            ..ReadOptions::default()
        };
        folder.message(ScoreTable::read(&[path], &options).unwrap_err())
    };
    assert_snapshot!(message(r#""token_logprobs":[-1,-1.5]"#), @"");
    assert_snapshot!(message(r#""token_logprobs":[-4,1]"#), @"");
    assert_snapshot!(message(r#""token_logprobs":[-1,null,-2]"#), @"");
    assert_snapshot!(message(r#""token_logprobs":[-1,-2],"tokens":3"#), @"");
    assert_snapshot!(message(r#""token_logprobs":[-1,-2],"tokens":1.5"#), @"");
    assert_snapshot!(message(r#""token_logprobs":[-1,-2,"x"]"#), @"");
}

#[test]
fn rewards_and_counts() {
    let header = "model,prompt_id,response_id,reward\n";
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,1.5\n")), @"");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,-0.1\n")), @"");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,nan\n")), @"");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,\n")), @"");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,,1\n")), @"");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,1\na,1,1,0\na,1,0,0\n")), @"");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,1\na,2,0,1\nb,2,0,1\n")), @"");
    let header = "model,prompt_id,n,c\n";
    assert_snapshot!(samples("s.csv", format!("{header}a,1,4,5\n")), @"");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,0\n")), @"");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,4,1.5\n")), @"");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,4,\n")), @"");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,4,2\na,1,4,3\n")), @"");
}

#[test]
fn groups_of_prompts() {
    let content = "model,prompt_id,n,c,group\na,1,4,2,G1\nb,1,4,2,G2\n";
    assert_snapshot!(samples("s.csv", content), @"");
}

#[test]
fn names_that_a_table_does_not_have() {
    let folder = Folder::new();
    let path = folder.file("s.csv", "model,prompt_id,logprob\na,1,-1\nb,1,-1\n");
    let table = ScoreTable::read(&[path], &ReadOptions::default()).unwrap();
    assert_snapshot!(table.column("c").unwrap_err(), @"");
    assert_snapshot!(table.with_source("a").unwrap_err(), @"");
}

#[test]
fn rows_that_could_not_be_read_back_are_not_written() {
    let folder = Folder::new();
    let path = folder.path("out.parquet");
    let made = Provenance::default();
    let rows = [score(-1.0), score(f64::NAN)];
    assert_snapshot!(folder.message(write_scores(&path, &rows, &made).unwrap_err()), @"");
    let row = ScoreRow {
        weight: Some(-1.0),
        ..score(-1.0)
    };
    assert_snapshot!(folder.message(write_scores(&path, &[row], &made).unwrap_err()), @"");
    let row = ScoreRow {
        token_logprobs: Some(vec![-2.0]),
        ..score(-1.0)
    };
    assert_snapshot!(folder.message(write_scores(&path, &[row], &made).unwrap_err()), @"");
    assert_snapshot!(folder.message(write_samples(&path, &[sample(2.0)], &made).unwrap_err()), @"");
    let row = SampleRow {
        logprob: Some(1.0),
        ..sample(1.0)
    };
    assert_snapshot!(folder.message(write_samples(&path, &[row], &made).unwrap_err()), @"");
    assert_eq!(names(folder.0.path()), [""; 0], "something was left behind");
}

#[test]
fn metrics_that_do_not_fit_together() {
    let folder = Folder::new();
    let path = folder.path("m.parquet");
    let message = |columns: &[(&str, &[f64])]| {
        let columns = columns
            .iter()
            .map(|(name, values)| (name.to_string(), values.to_vec()));
        let metrics = Metrics {
            columns: columns.collect(),
        };
        folder.message(metrics.write(&path, &Provenance::default()).unwrap_err())
    };
    assert_snapshot!(message(&[]), @"");
    assert_snapshot!(message(&[("loss", &[1.0])]), @"");
    assert_snapshot!(message(&[("step", &[1.5])]), @"");
    assert_snapshot!(message(&[("step", &[f64::NAN])]), @"");
    assert_snapshot!(message(&[("step", &[1.0]), ("loss", &[])]), @"");
    assert_snapshot!(message(&[("step", &[1.0]), ("loss", &[1.0]), ("loss", &[2.0])]), @"");
    assert!(!path.exists());
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = Folder::new();
    let made = Provenance::default();
    let path = folder.path("none/out.parquet");
    assert_snapshot!(folder.message(write_scores(&path, &[], &made).unwrap_err()), @"");
    std::fs::create_dir(folder.path("taken")).unwrap();
    let path = folder.path("taken");
    assert_snapshot!(folder.message(write_scores(&path, &[], &made).unwrap_err()), @"");
    assert_eq!(names(folder.0.path()), ["taken"]);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn score(logprob: f64) -> ScoreRow {
    ScoreRow {
        source: "data".into(),
        prompt_id: "p1".into(),
        response_id: "0".into(),
        model: "a".into(),
        logprob,
        ..ScoreRow::default()
    }
}

fn sample(reward: f64) -> SampleRow {
    SampleRow {
        model: "a".into(),
        prompt_id: "p1".into(),
        response_id: "0".into(),
        reward,
        logprob: Some(-1.0),
        ..SampleRow::default()
    }
}
