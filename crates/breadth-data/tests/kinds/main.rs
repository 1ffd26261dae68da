//! Score tables and sample tables told apart by their columns, and columns of other names.

use std::path::{Path, PathBuf};

use breadth_data::{
    Provenance, ReadOptions, SampleRow, SampleTable, ScoreRow, ScoreTable, TablePaths,
    write_samples, write_scores,
};

mod renamed;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

#[track_caller]
fn find(inputs: &[&Path]) -> TablePaths {
    let inputs: Vec<PathBuf> = inputs.iter().map(|path| path.to_path_buf()).collect();
    TablePaths::find(&inputs, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// The first letters of the kinds found.
#[track_caller]
fn kind(path: &Path) -> &'static str {
    let found = find(&[path]);
    match (found.scores.len(), found.samples.len()) {
        (1, 0) => "scores",
        (0, 1) => "samples",
        _ => panic!("{found:?}"),
    }
}

fn golden(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../../tests/golden/logs").join(name)
}

#[test]
fn columns_tell() {
    let folder = Folder::new();
    for (columns, expected) in [
        ("model,prompt_id,logprob", "scores"),
        ("model,prompt_id,logprob,source,reward", "scores"),
        ("model,prompt_id,logprob,n,c", "scores"),
        ("model,prompt_id,response_id,reward", "samples"),
        ("model,prompt_id,response_id,passed,logprob", "samples"),
        ("model,prompt_id,response_id,correct", "samples"),
        ("\"model\", prompt_id ,n,\"c\"", "samples"),
        // What is neither is for the reader of score tables to explain.
        ("name,question", "scores"),
        ("", "scores"),
    ] {
        let path = folder.file("t.csv", &format!("{columns}\n"));
        assert_eq!(kind(&path), expected, "{columns}");
    }
    let bare = folder.file(
        "t.jsonl",
        "\n \n{\"model\": \"a\", \"prompt_id\": 1, \"logprob\": -Infinity}\n",
    );
    assert_eq!(kind(&bare), "scores");
    let nested = "{\"model\":\"a\",\"prompt_id\":1,\"extra\":{\"logprob\":1},\"n\":4,\"c\":1}\n";
    assert_eq!(kind(&folder.file("t.jsonl", nested)), "samples");
}

#[test]
fn what_a_run_leaves() {
    let folder = Folder::new();
    let run = folder.path("run");
    folder.file("run/run.json", "{}");
    let (scores, samples) = (run.join("scores.parquet"), run.join("samples.parquet"));
    let row = ScoreRow {
        source: "data".into(),
        model: "a".into(),
        prompt_id: "1".into(),
        response_id: "0".into(),
        logprob: -1.0,
        ..ScoreRow::default()
    };
    write_scores(&scores, &[row], &Provenance::default()).unwrap();
    let found = find(&[&run]);
    assert_eq!(
        (&found.scores, found.samples.len()),
        (&vec![scores.clone()], 0)
    );
    let row = SampleRow {
        model: "a".into(),
        prompt_id: "1".into(),
        response_id: "0".into(),
        reward: 1.0,
        ..SampleRow::default()
    };
    write_samples(&samples, &[row], &Provenance::default()).unwrap();
    let both = TablePaths {
        scores: vec![scores],
        samples: vec![samples],
    };
    assert_eq!(find(&[&run]), both);
    // Also inside of another folder, and without the file that makes it a run.
    assert_eq!(find(&[&folder.path("")]), both);
    std::fs::remove_file(run.join("run.json")).unwrap();
    assert_eq!(find(&[&run]), both);
    ScoreTable::read(&both.scores, &ReadOptions::default()).unwrap();
    SampleTable::read(&both.samples, &ReadOptions::default()).unwrap();
}

#[test]
fn folders_of_one_kind_stay_folders() {
    let folder = Folder::new();
    folder.file("s/a.csv", "model,prompt_id,logprob\na,1,-1\n");
    folder.file("s/notes.json", "{}");
    folder.file(
        "g/b.jsonl",
        "{\"model\":\"a\",\"prompt_id\":1,\"n\":4,\"c\":1}\n",
    );
    let (s, g) = (folder.path("s"), folder.path("g"));
    let found = find(&[&g, &s]);
    assert_eq!((found.scores, found.samples), (vec![s], vec![g]));
}

#[test]
fn logs_of_other_tools() {
    let folder = Folder::new();
    let choice = "{\"doc_id\":0,\"doc\":{},\"target\":\"x\",\"arguments\":[[\"q\",\"x\"]],\"resps\":[[[-1,0]]],\"acc\":1.0}\n";
    assert_eq!(
        kind(&folder.file("step-1/samples_c_1.jsonl", choice)),
        "scores"
    );
    let passed = "{\"task_id\": \"HumanEval/0\", \"completion\": \"..\", \"passed\": true}\n";
    assert_eq!(kind(&folder.file("m.jsonl", passed)), "samples");
    assert_eq!(kind(&golden("verl")), "samples");
    assert_eq!(kind(&golden("trl")), "samples");
}

#[test]
fn what_is_not_there_is_an_error() {
    let folder = Folder::new();
    let missing = TablePaths::find(&[folder.path("no.parquet")], &ReadOptions::default());
    assert!(missing.is_err());
    let state = folder.file("state.json", "{\"log_history\": []}");
    let error = TablePaths::find(&[state], &ReadOptions::default()).unwrap_err();
    assert!(
        error.to_string().contains("Hugging Face trainer"),
        "{error}"
    );
}
