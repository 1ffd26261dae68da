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
    assert_snapshot!(csv("a,p1,0,-1,,\na,p2,0,nan,,\n"), @"s.csv, line 3, column `logprob`: NaN is not a log-probability; score this response again or remove it");
    assert_snapshot!(csv("a,p1,0,0.002,,\n"), @"s.csv, line 2, column `logprob`: 0.002 is above 0, and no probability is above 1; give natural logs of probabilities");
    assert_snapshot!(csv("a,p1,0,-3.4e38,,\n"), @"s.csv, line 2, column `logprob`: -3.4e38 is below what any response has; write -inf where the probability is 0");
    assert_snapshot!(csv("a,p1,0,inf,,\n"), @"s.csv, line 2, column `logprob`: inf is above 0, and no probability is above 1; give natural logs of probabilities");
    assert_snapshot!(csv("a,p1,0,,,\n"), @"s.csv, line 2, column `logprob`: no value; fill it in or remove the row");
    assert_snapshot!(csv("a,p1,0,low,,\n"), @r#"s.csv, line 2, column `logprob`: found "low" where numbers belong"#);
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":NaN}"#), @"s.jsonl, line 3, column `logprob`: NaN is not a log-probability; score this response again or remove it");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":null}"#), @"s.jsonl, line 3, column `logprob`: no value; fill it in or remove the row");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":true}"#), @"s.jsonl, line 3, column `logprob`: found true where numbers belong");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":[-1]}"#), @"s.jsonl, line 3, column `logprob`: found a list where numbers belong");
}

#[test]
fn ids_that_are_missing_or_not_ids() {
    assert_snapshot!(csv(",p1,0,-1,,\n"), @"s.csv, line 2, column `model`: no value; fill it in or remove the row");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":null,"logprob":-1}"#), @"s.jsonl, line 3, column `prompt_id`: no value; fill it in or remove the row");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":1.5,"logprob":-1}"#), @"s.jsonl, line 3, column `prompt_id`: found 1.5 (no whole number up to 2^53; write ids as text) where strings or integers belong");
    assert_snapshot!(json(r#"{"model":{"name":"a"},"prompt_id":1,"logprob":-1}"#), @"s.jsonl, line 3, column `model`: found an object where strings or integers belong");
}

#[test]
fn weights_and_groups() {
    assert_snapshot!(csv("a,p1,0,-1,0,\n"), @"s.csv, line 2, column `weight`: 0 is not a weight; give a finite number above 0");
    assert_snapshot!(csv("a,p1,0,-1,inf,\n"), @"s.csv, line 2, column `weight`: inf is not a weight; give a finite number above 0");
    assert_snapshot!(csv("a,p1,0,-1,1,\nb,p1,0,-1,2,\n"), @"s.csv, line 3, column `weight`: 2, but s.csv, line 2 has 1 for the same response (source `data`, prompt `p1`, response `0`); make them equal");
    assert_snapshot!(csv("a,p1,0,-1,,G1\nb,p1,0,-1,,G2\n"), @"s.csv, line 3, column `group`: `G2`, but s.csv, line 2 has `G1` for the same response (source `data`, prompt `p1`, response `0`); make them equal");
    assert_snapshot!(csv("a,p1,0,-1,,G1\na,p2,0,-1,,\n"), @"s.csv, line 3, column `group`: no value, but other rows have one; give every row a `group`, or none");
}

#[test]
fn duplicates_and_missing_rows() {
    assert_snapshot!(csv("a,p1,0,-1,,\na,p2,0,-1,,\na,p1,0,-2,,\n"), @"s.csv, line 4: duplicate of s.csv, line 2: both give model `a`, source `data`, prompt `p1`, response `0`; remove one of them");
    assert_snapshot!(csv("a,p1,0,-1,,\na,p2,0,-1,,\nb,p2,0,-2,,\n"), @"model `b` lacks 1 of 2 responses; the first is source `data`, prompt `p1`, response `0`, which s.csv, line 2 gives for another model; add them, or use only what all models have (`ReadOptions::intersect`)");
    let folder = Folder::new();
    let one = folder.file("one.csv", "model,prompt_id,logprob\na,1,-1\n");
    let two = folder.file("two.jsonl", r#"{"model":"a","prompt_id":1,"logprob":-1}"#);
    assert_snapshot!(folder.scores(&[one, two]), @"two.jsonl, line 1: duplicate of one.csv, line 2: both give model `a`, source `data`, prompt `1`, response `0`; remove one of them");
}

#[test]
fn an_intersection_of_nothing() {
    let folder = Folder::new();
    let path = folder.file("s.csv", "model,prompt_id,logprob\na,1,-1\na,2,-1\nb,3,-1\n");
    let options = ReadOptions {
        intersect: true,
        ..ReadOptions::default()
    };
    assert_snapshot!(folder.message(ScoreTable::read(&[path], &options).unwrap_err()), @"no response is common to all 2 models; model `b` has the fewest: leave it out, or give it the same ones");
}

#[test]
fn tables_without_rows() {
    assert_snapshot!(csv(""), @"s.csv: no rows; a table needs at least one");
    assert_snapshot!(scores("s.jsonl", "\n \n"), @"s.jsonl: no rows; a table needs at least one");
    assert_snapshot!(scores("s.jsonl", ""), @"s.jsonl: no rows; a table needs at least one");
    let folder = Folder::new();
    let path = folder.path("s.parquet");
    write_scores(&path, &[], &Provenance::default()).unwrap();
    assert_snapshot!(folder.scores(&[path]), @"s.parquet: no rows; a table needs at least one");
}

#[test]
fn missing_columns() {
    assert_snapshot!(scores("s.csv", "model,prompt,logprob\na,1,-1\n"), @"s.csv: no column `prompt_id`; found `model`, `prompt`, `logprob`, and a score table needs `model`, `prompt_id` and `logprob`; `ReadOptions::columns` takes others for them");
    assert_snapshot!(json(r#"{"prompt_id":"p","logprob":-1}"#), @"s.jsonl, line 3: no column `model`; found `logprob`, `prompt_id`, and a score table needs `model`, `prompt_id` and `logprob`; `ReadOptions::columns` takes others for them");
    assert_snapshot!(json("{}"), @"s.jsonl, line 3: no column `model`; found none, and a score table needs `model`, `prompt_id` and `logprob`; `ReadOptions::columns` takes others for them");
    assert_snapshot!(samples("s.csv", "model,prompt_id,reward\na,1,1\n"), @"s.csv: no column `response_id`; found `model`, `prompt_id`, `reward`, and a sample table needs `model`, `prompt_id` and either `response_id` with `reward` (or `correct`, `passed`; or `text`, which `ReadOptions::texts` judges) or the counts `n` and `c`; `ReadOptions::columns` takes others for them");
    assert_snapshot!(samples("s.csv", "model,prompt_id,response_id\na,1,1\n"), @"s.csv: no column `reward`; found `model`, `prompt_id`, `response_id`, and a sample table needs `model`, `prompt_id` and either `response_id` with `reward` (or `correct`, `passed`; or `text`, which `ReadOptions::texts` judges) or the counts `n` and `c`; `ReadOptions::columns` takes others for them");
    let folder = Folder::new();
    let path = folder.path("m.parquet");
    let metrics = Metrics {
        columns: vec![("step".into(), vec![1.0])],
    };
    metrics.write(&path, &Provenance::default()).unwrap();
    assert_snapshot!(folder.scores(&[path]), @"m.parquet: no column `model`; found `step`, and a score table needs `model`, `prompt_id` and `logprob`; `ReadOptions::columns` takes others for them");
}

#[test]
fn the_other_table() {
    let header = "model,prompt_id,response_id,reward,logprob\n";
    assert_snapshot!(scores("s.csv", format!("{header}a,1,0,1,-3\n")), @"s.csv: this is a sample table, and a score table is needed here; `pass` and `select` take sample tables (responses that all models were asked about are told by a column `source`)");
    assert_snapshot!(scores("s.jsonl", r#"{"model":"a","prompt_id":1,"n":4,"c":2}"#), @"s.jsonl, line 1: this is a sample table, and a score table is needed here; `pass` and `select` take sample tables (responses that all models were asked about are told by a column `source`)");
    assert_snapshot!(samples("s.jsonl", r#"{"model":"a","prompt_id":1,"logprob":-1}"#), @"s.jsonl, line 1: this is a score table, and a sample table is needed here; `select`, `profile` and `reach` take score tables");
    let folder = Folder::new();
    let path = folder.path("samples.parquet");
    write_samples(&path, &[sample(0.5)], &Provenance::default()).unwrap();
    assert_snapshot!(folder.scores(&[path]), @"samples.parquet: this is a sample table, and a score table is needed here; `pass` and `select` take sample tables (responses that all models were asked about are told by a column `source`)");
    let path = folder.path("scores.parquet");
    write_scores(&path, &[score(-1.0)], &Provenance::default()).unwrap();
    assert_snapshot!(folder.samples(&[path]), @"scores.parquet: this is a score table, and a sample table is needed here; `select`, `profile` and `reach` take score tables");
}

#[test]
fn lines_that_are_not_json() {
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":-1"#), @"s.jsonl, line 3: not a JSON object (EOF while parsing an object, character 41); every line must be one whole object");
    assert_snapshot!(json(r#"{"model":"a","prompt_id":"p","logprob":-1} {"#), @"s.jsonl, line 3: not a JSON object (trailing characters, character 44); every line must be one whole object");
    assert_snapshot!(json("model a"), @"s.jsonl, line 3: not a JSON object (expected value, character 1); every line must be one whole object");
    assert_snapshot!(json("[1]"), @"s.jsonl, line 3: not a JSON object (invalid type: sequence, expected an object, character 0); every line must be one whole object");
    assert_snapshot!(json(r#"{"model":"a","model":"b","prompt_id":"p","logprob":-1}"#), @"s.jsonl, line 3: not a JSON object (`model` is given twice, character 20); every line must be one whole object");
    assert_snapshot!(scores("s.json", "[{\"model\":\"a\"}]"), @"s.json: not readable as JSON Lines (by its first bytes); it is one JSON array; write one object per line (jq -c '.[]')");
}

#[test]
fn decimal_commas() {
    let text = "model;prompt_id;logprob\na;1;-3,187\n";
    assert_snapshot!(scores("s.csv", text), @r#"s.csv, line 2, column `logprob`: found "-3,187" where numbers belong; a number has a decimal point and no comma: save the file with decimal points"#);
}

/// Two ids that differ in what cannot be read would be one.
#[test]
fn ids_in_lines_that_are_not_utf_8() {
    let row = b"{\"model\":\"a\",\"prompt_id\":\"caf\xe9\",\"logprob\":-1}\n";
    assert_snapshot!(scores("s.jsonl", row), @"s.jsonl, line 1, column `prompt_id`: holds characters that cannot be read (bytes that are not UTF-8, or halves of surrogate pairs), so that different names could become one; save the file as UTF-8");
    assert_snapshot!(json(r#"{"model":"a\ud83d","prompt_id":"p","logprob":-1}"#), @"s.jsonl, line 3, column `model`: holds characters that cannot be read (bytes that are not UTF-8, or halves of surrogate pairs), so that different names could become one; save the file as UTF-8");
}

#[test]
fn lines_that_are_not_csv() {
    assert_snapshot!(csv("a,p1,0,-1,,\na,p,with comma,0,-1,,\n"), @"s.csv, line 3: 7 fields where the header has 6; quote fields that contain a comma");
    assert_snapshot!(scores("s.csv", b"model,prompt_id,logprob\na,\xff,-1\n"), @"s.csv, line 2: not UTF-8; save the file as UTF-8");
    assert_snapshot!(scores("s.csv", "model,prompt_id,logprob,model\na,1,-1,b\n"), @"s.csv, line 1: the header names `model` twice; rename one of them");
}

#[test]
fn unreadable_files() {
    assert_snapshot!(scores("s.parquet", b"PAR1 and then nothing"), @"s.parquet: not readable as Parquet (Invalid Parquet file. Corrupt footer); it may be truncated: write or copy it again");
    assert_snapshot!(scores("s.bin", b"\x00\x01\x02"), @"s.bin: not readable as a table (by its first bytes); it is binary, but not Parquet; give Parquet, JSON Lines or CSV");
    assert_snapshot!(scores("s.zip", b"PK\x03\x04...."), @"s.zip: not readable as a zip archive (invalid Zip archive: Could not find EOCD); it may be truncated: copy it again");
    assert_snapshot!(scores("s.jsonl.gz", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1]), @"s.jsonl.gz: cannot be read (incomplete deflate stream); check that the file is whole and that you may read it");
    assert_snapshot!(scores("s.jsonl.zst", [0x28, 0xb5, 0x2f, 0xfd, 4]), @"s.jsonl.zst: cannot be read (incomplete frame); check that the file is whole and that you may read it");
}

#[test]
fn a_truncated_parquet_file() {
    let folder = Folder::new();
    let path = folder.path("s.parquet");
    write_scores(&path, &[score(-1.0)], &Provenance::default()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    folder.file("s.parquet", &whole[..whole.len() / 2]);
    assert_snapshot!(folder.scores(&[path]), @"s.parquet: not readable as Parquet (Invalid Parquet file. Corrupt footer); it may be truncated: write or copy it again");
}

#[test]
fn inputs_that_are_not_there() {
    let folder = Folder::new();
    assert_snapshot!(folder.scores(&[]), @"no table was given; name a file, a folder, a glob, or `-` for JSON Lines on stdin");
    assert_snapshot!(folder.scores(&[folder.path("none.parquet")]), @"none.parquet: no such file or folder; check the path");
    assert_snapshot!(folder.scores(&[folder.path("*.parquet")]), @"*.parquet: no file matches this pattern; check it, and quote it so that the shell leaves it alone");
    folder.file("notes.txt", "not a table");
    assert_snapshot!(folder.scores(&[folder.path("")]), @": no table in this folder; looked for *.parquet, *.jsonl, *.ndjson, *.csv and *.tsv, also with .gz or .zst, and other tools' logs");
    folder.file("run.json", "{}");
    assert_snapshot!(folder.scores(&[folder.path("")]), @"scores.parquet: no such file or folder; check the path");
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
    assert_snapshot!(message(r#""token_logprobs":[-1,-1.5]"#), @"s.jsonl, line 1, column `token_logprobs`: the entries sum to -2.5, but `logprob` is -3; both must be about the same tokens");
    assert_snapshot!(message(r#""token_logprobs":[-4,1]"#), @"s.jsonl, line 1, column `token_logprobs`: token 2: 1 is above 0, and no probability is above 1; give natural logs of probabilities");
    assert_snapshot!(message(r#""token_logprobs":[-1,null,-2]"#), @"s.jsonl, line 1, column `token_logprobs`: found nothing where lists of numbers belong");
    assert_snapshot!(message(r#""token_logprobs":[-1,-2],"tokens":3"#), @"s.jsonl, line 1, column `token_logprobs`: 2 entries, but `tokens` is 3; give one entry for each token");
    assert_snapshot!(message(r#""token_logprobs":[-1,-2],"tokens":1.5"#), @"s.jsonl, line 1, column `tokens`: 1.5 is not a number of tokens; give a whole number");
    assert_snapshot!(message(r#""token_logprobs":[-1,-2,"x"]"#), @r#"s.jsonl, line 1, column `token_logprobs`: found "x" where lists of numbers belong"#);
}

#[test]
fn rewards_and_counts() {
    let header = "model,prompt_id,response_id,reward\n";
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,1.5\n")), @"s.csv, line 2, column `reward`: 1.5 is not a reward; give a number in [0, 1], or true or false");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,-0.1\n")), @"s.csv, line 2, column `reward`: -0.1 is not a reward; give a number in [0, 1], or true or false");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,nan\n")), @"s.csv, line 2, column `reward`: NaN is not a reward; give a number in [0, 1], or true or false");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,\n")), @"s.csv, line 2, column `reward`: no value; fill it in or remove the row; a response with a text can be judged (`ReadOptions::texts`)");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,,1\n")), @"s.csv, line 2, column `response_id`: no value; fill it in or remove the row");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,1\na,1,1,0\na,1,0,0\n")), @"s.csv, line 4: duplicate of s.csv, line 2: both give model `a`, prompt `1`, response `0`; remove one of them");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,1\na,2,0,1\nb,2,0,1\n")), @"model `b` lacks 1 of 2 prompts; the first is prompt `1`, which s.csv, line 2 gives for another model; add them, or use only what all models have (`ReadOptions::intersect`)");
    let header = "model,prompt_id,n,c\n";
    assert_snapshot!(samples("s.csv", format!("{header}a,1,4,5\n")), @"s.csv, line 2, column `c`: 5 correct of 4 samples (`n`); at most `n` can be correct");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,0,0\n")), @"s.csv, line 2, column `n`: 0 samples say nothing; give at least 1 or remove the row");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,4,1.5\n")), @"s.csv, line 2, column `c`: 1.5 is not a count; give a whole number");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,9007199254740993,4\n")), @"s.csv, line 2, column `n`: 9007199254740992 is not a count; nobody draws more than 1,000,000,000 samples of a prompt");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,4,\n")), @"s.csv, line 2, column `c`: no value; fill it in or remove the row");
    assert_snapshot!(samples("s.csv", format!("{header}a,1,4,2\na,1,4,3\n")), @"s.csv, line 3: duplicate of s.csv, line 2: both give model `a`, prompt `1`, its counts; remove one of them");
}

#[test]
fn groups_of_prompts() {
    let content = "model,prompt_id,n,c,group\na,1,4,2,G1\nb,1,4,2,G2\n";
    assert_snapshot!(samples("s.csv", content), @"s.csv, line 3, column `group`: `G2`, but s.csv, line 2 has `G1` for the same prompt `1`; make them equal");
}

#[test]
fn names_that_a_table_does_not_have() {
    let folder = Folder::new();
    let path = folder.file("s.csv", "model,prompt_id,logprob\na,1,-1\nb,1,-1\n");
    let table = ScoreTable::read(&[path], &ReadOptions::default()).unwrap();
    assert_snapshot!(table.column("c").unwrap_err(), @"no model `c` in the table; it has `a`, `b`");
    assert_snapshot!(table.with_source("a").unwrap_err(), @"no rows with source `a` in the table; its sources are `data`");
}

#[test]
fn rows_that_could_not_be_read_back_are_not_written() {
    let folder = Folder::new();
    let path = folder.path("out.parquet");
    let made = Provenance::default();
    let rows = [score(-1.0), score(f64::NAN)];
    assert_snapshot!(folder.message(write_scores(&path, &rows, &made).unwrap_err()), @"out.parquet, row 2, column `logprob`: NaN is not a log-probability; score this response again or remove it");
    let row = ScoreRow {
        weight: Some(-1.0),
        ..score(-1.0)
    };
    assert_snapshot!(folder.message(write_scores(&path, &[row], &made).unwrap_err()), @"out.parquet, row 1, column `weight`: -1 is not a weight; give a finite number above 0");
    let row = ScoreRow {
        token_logprobs: Some(vec![-2.0]),
        ..score(-1.0)
    };
    assert_snapshot!(folder.message(write_scores(&path, &[row], &made).unwrap_err()), @"out.parquet, row 1, column `token_logprobs`: the entries sum to -2, but `logprob` is -1; both must be about the same tokens");
    assert_snapshot!(folder.message(write_samples(&path, &[sample(2.0)], &made).unwrap_err()), @"out.parquet, row 1, column `reward`: 2 is not a reward; give a number in [0, 1], or true or false");
    let row = SampleRow {
        logprob: Some(1.0),
        ..sample(1.0)
    };
    assert_snapshot!(folder.message(write_samples(&path, &[row], &made).unwrap_err()), @"out.parquet, row 1, column `logprob`: 1 is above 0, and no probability is above 1; give natural logs of probabilities");
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
    assert_snapshot!(message(&[]), @"m.parquet: no column; the first must be `step`");
    assert_snapshot!(message(&[("loss", &[1.0])]), @"m.parquet: the first column is `loss`; it must be `step`");
    assert_snapshot!(message(&[("step", &[1.5])]), @"m.parquet: step 1.5 is not a whole number");
    assert_snapshot!(message(&[("step", &[f64::NAN])]), @"m.parquet: step NaN is not a whole number");
    assert_snapshot!(message(&[("step", &[1.0]), ("loss", &[])]), @"m.parquet: column `loss` has 0 rows, but `step` has 1");
    assert_snapshot!(message(&[("step", &[1.0]), ("loss", &[1.0]), ("loss", &[2.0])]), @"m.parquet: two columns are named `loss`; rename one of them");
    assert!(!path.exists());
}

#[test]
fn outputs_that_cannot_be_written() {
    let folder = Folder::new();
    let made = Provenance::default();
    let path = folder.path("none/out.parquet");
    assert_snapshot!(folder.message(write_scores(&path, &[], &made).unwrap_err()), @"none/out.parquet: cannot be written (No such file or directory (os error 2)); nothing was left under its name. Check the folder, its permissions and the free space");
    std::fs::create_dir(folder.path("taken")).unwrap();
    let path = folder.path("taken");
    assert_snapshot!(folder.message(write_scores(&path, &[], &made).unwrap_err()), @"taken: cannot be written (Is a directory (os error 21)); nothing was left under its name. Check the folder, its permissions and the free space");
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
