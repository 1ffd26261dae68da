//! Tables written by Polars, PyArrow and Python's own modules; `make.py` beside them made them.

use std::path::{Path, PathBuf};

use breadth_data::{Outcome, ReadOptions, SampleTable, ScoreTable};

fn golden(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../../tests/golden/data").join(name)
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

/// What every form of the score table says.
fn expected() -> ScoreTable {
    let inf = f64::NEG_INFINITY;
    ScoreTable {
        of_other_sources: 0,
        models: strings(&["step-2", "step-10"]),
        sources: strings(&["data"]),
        source: vec![0, 0, 0],
        prompts: strings(&["7", "11"]),
        prompt: vec![0, 0, 1],
        responses: strings(&["0", "1"]),
        response: vec![0, 1, 0],
        groups: strings(&["G1", "G2"]),
        group: Some(vec![0, 0, 1]),
        weight: Some(vec![2.0, 2.0, 0.5]),
        tokens: Some(vec![2, 2, 1]),
        logprob: vec![vec![-1.5, inf, -3.25], vec![-12.0, -2.75, 0.0]],
        token_logprobs: Some(vec![
            vec![
                vec![-0.5, -1.0],
                vec![-0.25, f32::NEG_INFINITY],
                vec![-3.25],
            ],
            vec![vec![-4.0, -8.0], vec![-2.5, -0.25], vec![0.0]],
        ]),
        ..ScoreTable::default()
    }
}

#[test]
fn score_tables_of_other_tools() {
    let all = ReadOptions {
        token_logprobs: true,
        ..ReadOptions::default()
    };
    for name in [
        "polars.parquet",
        "polars-categorical.parquet",
        "polars-integers.parquet",
        "pyarrow.parquet",
        "pyarrow-plain.parquet",
        "pyarrow-gzip.parquet",
        "pyarrow-lz4.parquet",
        "scores.jsonl",
        "scores.jsonl.gz",
        "scores.jsonl.zst",
        "scores.csv",
    ] {
        let table = ScoreTable::read(&[golden(name)], &all);
        let table = table.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(table, expected(), "{name}");
    }
}

#[test]
fn a_codec_that_is_not_read() {
    let path = golden("pyarrow-brotli.parquet");
    let error = ScoreTable::read(std::slice::from_ref(&path), &ReadOptions::default()).unwrap_err();
    let (error, path) = (error.to_string(), path.display());
    assert_eq!(
        error,
        format!(
            "{path}: not readable as Parquet (column `model` is compressed with BROTLI); write it \
             again with zstd, snappy, gzip or lz4"
        )
    );
}

#[test]
fn token_columns_are_read_only_when_asked_for() {
    let table = ScoreTable::read(&[golden("polars.parquet")], &ReadOptions::default()).unwrap();
    assert_eq!((&table.tokens, &table.token_logprobs), (&None, &None));
    assert_eq!(table.logprob, expected().logprob);
}

#[test]
fn sample_tables_of_other_tools() {
    let rewards = |values: &[f64]| Some(Outcome::Rewards(values.to_vec()));
    for name in ["samples.parquet", "samples.jsonl"] {
        let table = SampleTable::read(&[golden(name)], &ReadOptions::default()).unwrap();
        assert_eq!(table.models, ["step-2", "step-10"], "{name}");
        assert_eq!(table.prompts, ["p/1", "p/2"], "{name}");
        assert_eq!(table.group, [None, None], "{name}");
        let first = [rewards(&[1.0, 0.0]), rewards(&[1.0])];
        let second = [rewards(&[1.0]), rewards(&[0.0])];
        assert_eq!(table.outcomes, [first, second], "{name}");
    }
}

#[test]
fn counts_instead_of_samples() {
    let counts = |n, c| Some(Outcome::Counts { n, c });
    let table = SampleTable::read(&[golden("counts.csv")], &ReadOptions::default()).unwrap();
    assert_eq!(table.models, ["step-2", "step-10"]);
    let first = [counts(2, 1), counts(1, 1)];
    let second = [counts(1, 1), counts(1, 0)];
    assert_eq!(table.outcomes, [first, second]);
}
