//! Tokenizers from strangers: files that the library panics at, or that it would obey to the
//! reader's harm, are errors of the file.

use std::path::{Path, PathBuf};

use breadth_lm::text::{Responses, Text, read_items};
use serde_json::{Value, json};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(name)
}

/// What is said of a tokenizer, and of a text that is cut with it if it is taken.
fn refusal(name: &str) -> String {
    let tokenizer = std::fs::read(file(&format!("cases/hostile/tokenizer/{name}"))).unwrap();
    read(&tokenizer, "2 10 | a").unwrap_err()
}

/// The tokens of a prompt, or what is said of it or of the tokenizer.
fn read(tokenizer: &[u8], prompt: &str) -> Result<Vec<u32>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("tokenizer.json"), tokenizer).unwrap();
    let line = json!({"prompt": prompt, "response": " a 3"});
    std::fs::write(path("data.jsonl"), line.to_string()).unwrap();
    let read = Text::of_checkpoint(folder.path())
        .and_then(|text| read_items(&[path("data.jsonl")], &text, Responses::Required));
    match read {
        Ok(mut items) => Ok(items.remove(0).prompt),
        Err(error) => Err(error
            .to_string()
            .replace(&folder.path().display().to_string(), "DIR")),
    }
}

/// The golden tokenizer, changed.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let golden = std::fs::read(file("golden/text/byte_level.json")).unwrap();
    let mut tokenizer = serde_json::from_slice(&golden).unwrap();
    change(&mut tokenizer);
    tokenizer.to_string().into_bytes()
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

#[test]
fn a_token_longer_than_any_real_one_is_named() {
    let with = |length: usize| {
        let vocabulary = |tokenizer: &mut Value| {
            tokenizer["model"]["vocab"]["A".repeat(length)] = json!(5000);
        };
        read(&changed(vocabulary), "the")
    };
    assert!(with(4096).is_ok());
    let message = with(4097).unwrap_err();
    assert!(
        message.contains("token 5000 of its vocabulary, AAAA"),
        "{message}"
    );
    assert!(
        message.contains("has 4097 bytes; a token has at most 4096"),
        "{message}"
    );
    assert!(message.chars().count() < 500, "{message}");
}

#[test]
fn a_post_processor_adds_no_more_tokens_than_a_few() {
    let with = |ids: usize, times: usize| {
        let id = json!("<x>");
        let mut single = vec![json!({"SpecialToken": {"id": id, "type_id": 0}}); times];
        single.push(json!({"Sequence": {"id": "A", "type_id": 0}}));
        let template = json!({"type": "TemplateProcessing", "single": single, "pair": single,
            "special_tokens": {"<x>": {"id": id, "ids": vec![0; ids], "tokens": vec!["<x>"; ids]}}});
        read(
            &changed(|tokenizer| tokenizer["post_processor"] = template),
            "the",
        )
    };
    let few = with(2, 3).unwrap();
    assert_eq!(few[..6], [0; 6]);
    let message = with(50_000, 400).unwrap_err();
    assert_eq!(
        message,
        "DIR/tokenizer.json: its post-processor puts 20000000 tokens around each text; at most \
         1024 are real"
    );
    let twice = |tokenizer: &mut Value| {
        let text = json!({"Sequence": {"id": "A", "type_id": 0}});
        tokenizer["post_processor"] = json!({"type": "TemplateProcessing", "single": [text, text],
            "pair": [text, text], "special_tokens": {}});
    };
    let message = read(&changed(twice), "the").unwrap_err();
    assert!(message.contains("writes each text 2 times"), "{message}");
    let levels = |tokenizer: &mut Value| {
        let level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": false});
        tokenizer["pre_tokenizer"] = json!({"type": "Sequence", "pretokenizers": vec![level; 20]});
    };
    let message = read(&changed(levels), "the").unwrap_err();
    assert!(message.contains("ByteLevel more than once"), "{message}");
}

/// What is measured is what the normalizers make of this text, not what they could make of another.
#[test]
fn a_text_is_tokenized_up_to_a_length() {
    let golden = changed(|_| ());
    let mebibyte = "a ".repeat(1 << 19);
    assert!(!read(&golden, &mebibyte).unwrap().is_empty());
    let message = read(&golden, &format!("{mebibyte}a")).unwrap_err();
    assert!(
        message.contains(
            "has 1048577 bytes; at most 1048576 are tokenized (BREADTH_MAX_RECORD_BYTES sets 32 \
             times that)"
        ),
        "{message}"
    );
    let longer = changed(|tokenizer| {
        tokenizer["normalizer"] =
            json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aaaa"});
    });
    let (text, all) = ("a      ".repeat(1 << 17), "a".repeat(1 << 20));
    assert!(read(&longer, &text).is_ok());
    let message = read(&longer, &all).unwrap_err();
    assert!(
        message.contains("and 4194304 after the tokenizer's normalizers"),
        "{message}"
    );
}
