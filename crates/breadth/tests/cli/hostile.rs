//! Files that mean harm, each the smallest of its kind: one message that names the file, exit status
//! 1, nothing written. What they take is measured in the tests of `breadth-data`.

use std::io::Write;
use std::path::Path;

use insta::assert_snapshot;

use crate::support::Folder;

/// A log of Inspect whose one sample is this text.
fn eval(sample: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut member = |name: &str, text: &[u8]| {
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file(name, options).expect("memory");
        zip.write_all(text).expect("memory");
    };
    let header = br#"{"status":"success","eval":{"task":"t","model":"m"}}"#;
    member("header.json", header);
    member("samples/1_epoch_1.json", sample);
    zip.finish().expect("memory").into_inner()
}

/// What `import` says of a log, which it leaves without an output.
#[track_caller]
fn import(name: &str, bytes: &[u8]) -> String {
    let folder = Folder::new();
    folder.write(name, bytes);
    let said = folder
        .run(&["import", name, "-o", "out.parquet"])
        .failure(1);
    let left = std::fs::read_dir(folder.path("."))
        .expect("a folder")
        .count();
    assert_eq!(left, 1, "nothing is written");
    assert!(said.len() < 600, "{said}");
    said
}

#[test]
fn archives_that_unpack_to_more_than_they_are() {
    let list = format!(
        "{{\"id\":1,\"scores\":{{\"s\":{{\"value\":[{}0]}}}}}}",
        "0,".repeat(20 << 20)
    );
    assert_snapshot!(import("zeros.eval", &eval(list.as_bytes())), @"error: zeros.eval/samples/1_epoch_1.json: a member of more than 33554432 bytes out of 183078 compressed ones, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 33554432)");
    let list = format!(
        "{{\"id\":1,\"scores\":{{\"s\":{{\"value\":[{}0]}}}}}}",
        "0,".repeat(10 << 20)
    );
    assert_snapshot!(import("values.eval", &eval(list.as_bytes())), @"error: values.eval/samples/1_epoch_1.json: its values take more than 134217728 bytes, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 33554432)");
    let spaces = [b"{\"id\":1,", &b" ".repeat(64 << 20)[..], b"\"epoch\":1}"].concat();
    assert_snapshot!(import("spaces.eval", &eval(&spaces)), @"error: spaces.eval/samples/1_epoch_1.json: a member of more than 33554432 bytes out of 65263 compressed ones, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 33554432)");
}

/// The archive lists its sample twice, and says otherwise at its end.
#[test]
fn archives_whose_count_of_members_is_untrue() {
    let sample = br#"{"id":1,"epoch":1,"scores":{"s":{"value":1}}}"#;
    let once = eval(sample);
    let end = once.len() - 22;
    let field = |at: usize, length: usize| &once[end + at..end + at + length];
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |n, &byte| n << 8 | usize::from(byte))
    };
    let (size, start) = (number(field(12, 4)), number(field(16, 4)));
    let last = once[start..end]
        .windows(4)
        .rposition(|four| four == b"PK\x01\x02")
        .unwrap();
    let double = &once[start + last..end];
    let size = ((size + double.len()) as u32).to_le_bytes();
    let ending = |count: u16| {
        let count = count.to_le_bytes();
        [field(0, 8), &count, &count, &size, field(16, 4)].concat()
    };
    let twice = [&once[..end], double].concat();
    let true_end = [&ending(3)[..], &[0, 0]].concat();
    let false_end = [&ending(2)[..], &[0, 0]].concat();
    let in_comment = [&ending(3)[..], &[22, 0], &false_end].concat();
    for ends in [true_end, in_comment] {
        let said = import("twice.eval", &[&twice[..], &ends].concat());
        assert!(
            said.contains("1 members have the name of another"),
            "{said}"
        );
    }
}

/// What an archive says of a member's length is not what it takes.
#[test]
fn archives_that_say_they_are_large() {
    let mut large = eval(&[b"{\"id\":1,", &b" ".repeat(64 << 20)[..], b"\"epoch\":1}"].concat());
    let at = large
        .windows(4)
        .rposition(|four| four == b"PK\x01\x02")
        .unwrap();
    large[at + 20..at + 24].copy_from_slice(&0xffff_ff00_u32.to_le_bytes());
    let said = import("lie.eval", &large);
    assert!(
        said.contains("a member of more than 33554432 bytes"),
        "{said}"
    );
}

#[test]
fn tables_of_nothing_and_of_too_many_models() {
    let folder = Folder::with(&[
        ("blank.csv", &"\n".repeat(70_000)),
        ("blank.jsonl", &" \n".repeat(70_000)),
    ]);
    for name in ["blank.csv", "blank.jsonl"] {
        for command in ["select", "reach", "plan"] {
            let said = folder.run(&[command, name]).failure(1);
            assert!(
                said.starts_with(&format!("error: {name}: ")) && said.len() < 300,
                "{said}"
            );
        }
    }
    let many: String = (0..40_000)
        .map(|at| format!("{{\"model\":\"m{at}\",\"prompt_id\":1,\"logprob\":-1}}\n"))
        .collect();
    let folder = Folder::with(&[("many.jsonl", &many)]);
    let said = folder.run(&["select", "many.jsonl"]).failure(1);
    assert!(
        said.contains("models, of which each is compared with every other"),
        "{said}"
    );
}

#[test]
fn logs_and_tables_of_more_rows_than_bytes() {
    let counts = "{\"id\":1,\"n\":1000000,\"c\":0}\n{\"id\":2,\"n\":1000000,\"c\":0}\n";
    assert_snapshot!(import("counts.jsonl", counts.as_bytes()), @"error: counts.jsonl, line 2: rows that take more than 268435456 bytes, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 33554432)");
    let rows: String = (0..20_000)
        .map(|at| format!("{},{at},-1\n", at % 2000))
        .collect();
    let table = format!("model,prompt_id,logprob\n{rows}");
    let folder = Folder::with(&[("a.csv", &table)]);
    assert_snapshot!(folder.run(&["select", "a.csv"]).failure(1), @"error: a.csv: 2000 models by 16384 responses, of which 16384 are given, which is more than is read at once; if it is meant, raise the limit: --max-record-bytes, or BREADTH_MAX_RECORD_BYTES (now 33554432)");
}

#[test]
fn shuffled_tables_are_no_empty_ones() {
    // Multiplying by a number that has no factor in common with the length visits each row once.
    let (models, responses) = (25_usize, 4000);
    let rows: String = (0..models * responses)
        .map(|at| at * 61_803 % (models * responses))
        .map(|row| format!("step-{},{},-1\n", row % models, row / models))
        .collect();
    let table = format!("model,prompt_id,logprob\n{rows}");
    let folder = Folder::with(&[("a.csv", &table)]);
    // Of the first 8,192 rows nearly every response is known, and a twelfth of the cells given.
    let small = |name| ["select", name, "--json", "--max-record-bytes", "65536"];
    let document = folder.run(&small("a.csv")).json();
    assert_eq!(document["rows"], responses);
    let document = folder.pipe(&table, &small("-")).json();
    assert_eq!(document["rows"], responses);
}

#[test]
fn yaml_that_is_deep() {
    let deep = format!(
        "samples: {}{}\nis_corrects: [true]\n",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_snapshot!(import("m/0.yaml", deep.as_bytes()), @"error: m/0.yaml, line 1: not readable as YAML (recursion limit exceeded at line 1, column 265); the file may be truncated: copy it again");
}

/// Of a run's `run.json`, the last of two names would be believed.
#[test]
fn a_name_twice_in_a_run() {
    let manifest = r#"{"command":"train","config":{"seed":1,"seed":2}}"#;
    let folder = Folder::with(&[("run/run.json", manifest)]);
    assert_snapshot!(folder.run(&["report", "run"]).failure(1), @"error: run/run.json is not valid JSON: `seed` is given twice at line 1 column 44; it was damaged or edited, so write the run again");
}

/// `score` on the tiny golden model with one thing changed.
struct Scored(Folder);

impl Scored {
    fn new() -> Self {
        let folder = Folder::with(&[(
            "data.jsonl",
            "{\"prompt\": [7, 3, 5], \"response\": [9, 2]}\n",
        )]);
        let scored = Self(folder);
        for name in ["config.json", "model.safetensors"] {
            scored
                .0
                .write(&format!("model/{name}"), &Self::golden(name));
        }
        scored
    }

    fn golden(name: &str) -> Vec<u8> {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/lm");
        std::fs::read(golden.join(name)).expect("a golden model")
    }

    #[track_caller]
    fn failure(&self) -> String {
        let arguments = [
            "score",
            "model",
            "--data",
            "data.jsonl",
            "-o",
            "out.parquet",
        ];
        let said = self.0.run(&arguments).failure(1);
        assert!(!self.0.path("out.parquet").exists());
        said
    }

    /// Renames the model's file, and names it in an index.
    fn with_index(&self, name: &str) {
        let from = self.0.path("model/model.safetensors");
        std::fs::rename(from, self.0.path("model/one.safetensors")).expect("a file");
        let index = format!("{{\"weight_map\":{{\"a\":\"one.safetensors\",\"b\":\"{name}\"}}}}");
        self.0
            .write("model/model.safetensors.index.json", index.as_bytes());
    }
}

#[test]
fn a_name_twice_in_a_checkpoint() {
    let scored = Scored::new();
    let config = String::from_utf8(Scored::golden("config.json")).expect("UTF-8");
    let config = config.replacen('{', "{\"n_layer\": 1, \"n_layer\": 1, ", 1);
    scored.0.write("model/config.json", config.as_bytes());
    assert_snapshot!(scored.failure(), @"error: model/config.json: is not a JSON object: `n_layer` is given twice at line 1 column 24");

    let scored = Scored::new();
    let file = Scored::golden("model.safetensors");
    let (length, rest) = file.split_first_chunk().expect("a header");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header = String::from_utf8(header.to_vec()).expect("JSON");
    let names: serde_json::Value = serde_json::from_str(&header).expect("JSON");
    let (name, tensor) = names
        .as_object()
        .expect("an object")
        .iter()
        .next_back()
        .expect("a tensor");
    let twice = header.replacen('{', &format!("{{\"{name}\":{tensor},"), 1);
    let length = (twice.len() as u64).to_le_bytes();
    scored.0.write(
        "model/model.safetensors",
        &[&length[..], twice.as_bytes(), data].concat(),
    );
    assert_snapshot!(scored.failure(), @"error: checkpoint model/model.safetensors: the header of the file: `transformer.wte.weight` is given twice at line 1 column 2609");

    let scored = Scored::new();
    scored.with_index("two.safetensors");
    scored.0.write("model/two.safetensors", &file);
    assert_snapshot!(scored.failure(), @"error: checkpoint model/two.safetensors: tensor transformer.h.0.attn.c_attn.bias stands in another file of the model, too");
}

#[test]
fn an_index_that_leads_elsewhere() {
    let scored = Scored::new();
    scored.with_index("../other/model.safetensors");
    scored.0.write(
        "other/model.safetensors",
        &Scored::golden("model.safetensors"),
    );
    assert_snapshot!(scored.failure(), @r#"error: checkpoint model: model.safetensors.index.json names "../other/model.safetensors", which is no file of this folder"#);
}

/// A pipe that nobody writes to would be waited for.
#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_weights() {
    let scored = Scored::new();
    scored.with_index("two.safetensors");
    let pipe = scored.0.path("model/two.safetensors");
    let made = std::process::Command::new("mkfifo").arg(pipe).status();
    assert!(made.expect("mkfifo").success());
    assert_snapshot!(scored.failure(), @"error: checkpoint model/two.safetensors: is a named pipe, where a file is needed");
}
