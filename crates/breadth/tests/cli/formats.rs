//! The same rows give the same answer however they arrive.

use std::io::Write;

use crate::support::{Folder, three_checkpoints};

/// The rows of the fixture, one text per model.
fn parts() -> Vec<String> {
    let table = three_checkpoints();
    let lines: Vec<&str> = table.lines().collect();
    lines.chunks(8).map(|rows| rows.join("\n") + "\n").collect()
}

fn expected() -> serde_json::Value {
    Folder::with(&[("scores.jsonl", &three_checkpoints())])
        .run(&["select", "scores.jsonl", "--json"])
        .json()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn standard_input() {
    assert_eq!(
        Folder::new()
            .pipe(&three_checkpoints(), &["select", "-", "--json"])
            .json(),
        expected()
    );
}

#[test]
fn many_files_globs_and_folders() {
    let folder = Folder::new();
    for (at, part) in parts().iter().enumerate() {
        folder.write(&format!("parts/{at}.jsonl"), part.as_bytes());
    }
    let files = [
        "parts/0.jsonl",
        "parts/1.jsonl",
        "parts/2.jsonl",
        "parts/3.jsonl",
    ];
    assert_eq!(
        folder
            .run(&[&["select", "--json"], &files[..]].concat())
            .json(),
        expected()
    );
    assert_eq!(
        folder.run(&["select", "--json", "parts/*.jsonl"]).json(),
        expected()
    );
    assert_eq!(
        folder.run(&["select", "--json", "parts"]).json(),
        expected()
    );
}

#[test]
fn compressed_files() {
    let folder = Folder::new();
    let parts = parts();
    folder.write("0.jsonl.gz", &gzip(&parts[0]));
    folder.write(
        "1.jsonl.zst",
        &zstd::encode_all((parts[1].clone() + &parts[2]).as_bytes(), 3).unwrap(),
    );
    folder.write("2.jsonl", parts[3].as_bytes());
    assert_eq!(
        folder
            .run(&["select", "--json", "0.jsonl.gz", "1.jsonl.zst", "2.jsonl"])
            .json(),
        expected()
    );
}

#[test]
fn comma_separated_values() {
    let mut csv = "prompt_id,model,logprob\n".to_owned();
    for line in three_checkpoints().lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        csv += &format!(
            "{},{},{}\n",
            row["prompt_id"],
            row["model"].as_str().unwrap(),
            row["logprob"]
        );
    }
    let folder = Folder::with(&[("scores.csv", &csv)]);
    assert_eq!(
        folder.run(&["select", "--json", "scores.csv"]).json(),
        expected()
    );
}
