//! Broken and random files end in an error or in valid numbers, never in a panic.

use std::path::Path;

use breadth_data::{Metrics, Provenance, ReadOptions, SampleTable, ScoreTable};
use proptest::prelude::*;

const GOLDENS: [&str; 9] = [
    "polars.parquet",
    "polars-categorical.parquet",
    "polars-integers.parquet",
    "pyarrow-plain.parquet",
    "scores.jsonl",
    "scores.jsonl.gz",
    "scores.jsonl.zst",
    "scores.csv",
    "samples.parquet",
];

fn golden(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read(root.join("../../tests/golden/data").join(name)).unwrap()
}

/// Reads the bytes as everything they could be; whatever is read must be valid.
fn read_all(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    let inputs = [path.clone()];
    let options = ReadOptions {
        intersect: true,
        tokens: true,
        token_logprobs: true,
        ..ReadOptions::default()
    };
    if let Ok(table) = ScoreTable::read(&inputs, &options) {
        assert!(table.rows() > 0);
        for column in &table.logprob {
            assert_eq!(column.len(), table.rows());
            assert!(column.iter().all(|value| *value <= 0.0));
        }
    }
    if let Ok(table) = SampleTable::read(&inputs, &options) {
        assert!(!table.prompts.is_empty());
    }
    if let Ok(metrics) = Metrics::read(&path) {
        assert_eq!(metrics.columns[0].0, "step");
    }
    let _: Result<Option<Provenance>, _> = Provenance::read(&path);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn damaged_tables(
        golden_at in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let mut bytes = golden(GOLDENS[golden_at.index(GOLDENS.len())]);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_all(&bytes);
    }

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn random_text(text in "[{}\\[\\]\":,\\-\\.eE0-9a-zNI \n]{0,200}") {
        read_all(text.as_bytes());
    }

    #[test]
    fn random_members(
        members in prop::collection::vec(
            ("(model|prompt_id|logprob|reward|n|c|weight|tokens|token_logprobs|response_id)",
             r#"(-?[0-9]{1,25}(\.[0-9]{1,3})?|"[a-z]{0,3}"|null|true|NaN|-Infinity|\[-?[0-9],null\]|\{"a":1\})"#),
            0..8,
        ),
        count in 1..3usize,
    ) {
        let members: Vec<String> = members.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
        read_all(format!("{{{}}}\n", members.join(",")).repeat(count).as_bytes());
    }
}
