//! Columns that files call otherwise.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use breadth_data::{Outcome, ReadOptions, SampleTable, ScoreTable, TablePaths};
use insta::assert_snapshot;
use parquet::arrow::ArrowWriter;

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            std::fs::write(folder.path(name), text).unwrap();
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn rewards(&self, names: &[&str], columns: &[(&str, &str)]) -> Result<Vec<f64>, String> {
        let paths: Vec<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        let table = SampleTable::read(&paths, &options(columns));
        let table = table.map_err(|error| {
            let folder = format!("{}/", self.0.path().display());
            error.to_string().replace(&folder, "")
        })?;
        let outcome = |outcome: &Option<Outcome>| match outcome {
            Some(Outcome::Rewards(rewards)) => rewards.clone(),
            other => panic!("{other:?}"),
        };
        Ok(table.outcomes[0].iter().flat_map(outcome).collect())
    }
}

fn options(columns: &[(&str, &str)]) -> ReadOptions {
    let pair = |(here, there): &(&str, &str)| ((*here).to_owned(), (*there).to_owned());
    ReadOptions {
        columns: columns.iter().map(pair).collect(),
        ..ReadOptions::default()
    }
}

const RENAMED: [(&str, &str); 3] = [
    ("reward", "score"),
    ("prompt_id", "question"),
    ("response_id", "sample"),
];

const CSV: &str = "model,question,sample,score,reward\nm,q1,0,1,0\nm,q1,1,0.5,0\n";
const LINES: &str = r#"{"model": "m", "question": "q1", "sample": 0, "score": 1, "reward": 0}
{"model": "m", "question": "q1", "sample": 1, "reward": 0, "score": 0.5}
"#;

#[test]
fn every_format_takes_another_column_for_ours() {
    let folder = Folder::with(&[("s.csv", CSV), ("s.jsonl", LINES)]);
    let text = |values: [&str; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let number = |values: [f64; 2]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("model", text(["m", "m"])),
        ("question", text(["q1", "q1"])),
        ("sample", text(["0", "1"])),
        ("score", number([1.0, 0.5])),
        ("reward", number([0.0, 0.0])),
    ])
    .unwrap();
    let file = std::fs::File::create(folder.path("s.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    for name in ["s.csv", "s.jsonl", "s.parquet"] {
        assert_eq!(
            folder.rewards(&[name], &RENAMED).unwrap(),
            [1.0, 0.5],
            "{name}"
        );
        let kinds = TablePaths::find(&[folder.path(name)], &options(&RENAMED)).unwrap();
        assert_eq!(kinds.samples.len(), 1, "{name}");
    }
    let table = SampleTable::from_batches([batch], &options(&RENAMED)).unwrap();
    assert_eq!(table.outcomes[0][0], Some(Outcome::Rewards(vec![1.0, 0.5])));
}

/// Tables of several tools in one command: each has the one name or the other.
#[test]
fn a_file_without_the_other_column_has_ours() {
    let ours = "model,prompt_id,response_id,reward\nm,q2,0,0.25\n";
    let folder = Folder::with(&[("a.csv", CSV), ("b.csv", ours)]);
    let rewards = folder.rewards(&["a.csv", "b.csv"], &RENAMED).unwrap();
    assert_eq!(rewards, [1.0, 0.5, 0.25]);
    let scores = "model,prompt_id,logprob,total\nm,q1,-9,-1\n";
    std::fs::write(folder.path("c.csv"), scores).unwrap();
    let columns = options(&[("logprob", "total"), ("reward", "score")]);
    let table = ScoreTable::read(&[folder.path("c.csv")], &columns).unwrap();
    assert_eq!(table.logprob, [[-1.0]]);
}

#[test]
fn what_is_refused() {
    let folder = Folder::with(&[("s.csv", CSV), ("s.jsonl", LINES)]);
    let refused = |columns: &[(&str, &str)]| folder.rewards(&["s.csv"], columns).unwrap_err();
    assert_snapshot!(refused(&[("reward", "score")]), @"s.csv: no column `prompt_id`; found `model`, `question`, `sample`, `score`, `reward`, and a sample table needs `model`, `prompt_id` and either `response_id` with `reward` (or `correct`, `passed`; or `text`, which `ReadOptions::texts` judges) or the counts `n` and `c`; `ReadOptions::columns` takes others for them");
    let typo = [&RENAMED[..], &[("group", "topic")]].concat();
    assert_snapshot!(refused(&typo), @"s.csv: no column `topic`, which `ReadOptions::columns` takes for `group`");
    let twice = [&RENAMED[..], &[("reward", "reward")]].concat();
    assert_snapshot!(refused(&twice), @"s.csv: `ReadOptions::columns` names `reward=reward` and another of the same name; name each column once");
    let given_twice = LINES.replace("\"reward\"", "\"score\"");
    std::fs::write(folder.path("t.jsonl"), given_twice).unwrap();
    assert_snapshot!(folder.rewards(&["t.jsonl"], &RENAMED).unwrap_err(), @"t.jsonl, line 1: not a JSON object (`score` is given twice, character 65); every line must be one whole object");
}
