//! Tokenizers from strangers: files that the library panics at, or that it would obey to the
//! reader's harm, are errors of the file.

use std::path::{Path, PathBuf};

use breadth_lm::text::{Responses, Text, read_items};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(name)
}

/// What is said of a tokenizer, and of a text that is cut with it if it is taken.
fn refusal(name: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::copy(
        file(&format!("cases/hostile/tokenizer/{name}")),
        path("tokenizer.json"),
    )
    .unwrap();
    let line = r#"{"prompt": "2 10 | a", "response": " a 3"}"#;
    std::fs::write(path("data.jsonl"), line).unwrap();
    let read = Text::of_checkpoint(folder.path())
        .and_then(|text| read_items(&[path("data.jsonl")], &text, Responses::Required));
    let message = read.unwrap_err().to_string();
    message.replace(&folder.path().display().to_string(), "DIR")
}

#[test]
fn tokenizers_that_fail_or_deceive_are_refused_by_their_name() {
    for (name, reason) in [
        (
            "tok-dropout.json",
            "model.dropout is 0.5: the same text would be other tokens each time",
        ),
        ("tok-precomp1.json", "precompiled_charsmap is damaged"),
        ("tok-precomp3.json", "precompiled_charsmap is damaged"),
        (
            "tok-replbomb.json",
            "the tokenizer's normalizers may make each of them",
        ),
        (
            "tok-tmpl.json",
            "puts id 99999 around texts, which is no token",
        ),
        ("crash101-tok-7af5410daf-tokenizer.json", "not a tokenizer"),
    ] {
        let message = refusal(name);
        assert!(message.contains(reason), "{name}: {message}");
        assert!(message.contains("DIR/tokenizer.json"), "{name}: {message}");
        assert!(message.chars().count() < 400, "{name}: {message}");
        assert!(!message.contains(char::is_control), "{name}: {message}");
    }
}
