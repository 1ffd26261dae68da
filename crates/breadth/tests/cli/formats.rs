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

/// A table with columns of other names, beside one with ours.
#[test]
fn columns_of_other_names() {
    let renamed = three_checkpoints()
        .replace("\"prompt_id\"", "\"question\"")
        .replace("\"logprob\"", "\"total\"");
    let folder = Folder::with(&[("scores.jsonl", &renamed)]);
    let columns = ["--columns", "prompt_id=question,logprob=total"];
    let select = ["select", "scores.jsonl", "--json"];
    assert_eq!(
        folder.run(&[&select[..], &columns].concat()).json(),
        expected()
    );
    let error = folder.run(&select).failure(1);
    assert!(
        error.contains("no column `prompt_id`; found")
            && error.contains("; --columns takes others"),
        "{error}"
    );
    let graded = "{\"model\": \"early\", \"prompt_id\": 1, \"n\": 4, \"right\": 2}\n";
    folder.write("graded.jsonl", graded.as_bytes());
    let pass = folder
        .run(&[
            "pass",
            "graded.jsonl",
            "--columns",
            "c=right",
            "-k",
            "1",
            "--json",
        ])
        .json();
    assert_eq!(pass["models"][0]["pass"][0]["value"], 0.5);
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
