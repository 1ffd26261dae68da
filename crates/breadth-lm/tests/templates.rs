//! Chat templates: equal to transformers construct by construct, cases from the field, and programs
//! that must be stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use breadth_lm::text::{ChatTemplate, Item, Responses, Text, read_items};
use serde::Deserialize;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

/// What `scripts/conformance templates golden` writes.
#[derive(Deserialize)]
struct Golden {
    tokens: BTreeMap<String, String>,
    messages: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    template: String,
    text: Option<String>,
}

#[test]
fn every_construct_gives_what_transformers_gives() {
    let golden: Golden = serde_json::from_str(&read("golden/templates/constructs.json")).unwrap();
    let mut rendered = 0;
    for case in golden.cases {
        let template = ChatTemplate::new(&*case.template, golden.tokens.clone(), "t.jinja");
        let ours = template.render_json(&golden.messages, true).ok();
        assert_eq!(ours, case.text, "{}", case.template);
        rendered += usize::from(ours.is_some());
    }
    assert!(rendered > 350, "{rendered}");
}

/// A folder with a tokenizer and this chat template, and what is made of a data file in it.
fn items(template: &str, data: &str) -> Result<Vec<Item>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::copy(file("golden/text/byte_level.json"), path("tokenizer.json")).unwrap();
    std::fs::write(path("chat_template.jinja"), template).unwrap();
    std::fs::write(path("data.jsonl"), data).unwrap();
    let text = Text::of_checkpoint(folder.path()).unwrap();
    let items = read_items(&[path("data.jsonl")], &text, Responses::Optional);
    let place = folder.path().display().to_string();
    items.map_err(|e| e.to_string().replace(&place, "DIR"))
}

#[test]
fn templates_from_the_field_give_what_transformers_gives() {
    for case in [
        "03-chat-template-crlf",
        "05-chat-template-none-is-iterable",
        "06-chat-template-dict-order",
        "26-chat-template-reasoning-names",
    ] {
        let case = format!("cases/field/{case}");
        let template = read(&format!("{case}/chat_template.jinja"));
        let items = items(&template, &read(&format!("{case}/prompts.jsonl"))).unwrap();
        let expected = read(&format!("{case}/expected.txt"));
        assert_eq!(items[0].prompt_text.as_deref(), Some(&*expected), "{case}");
    }
    assert!(read("cases/field/03-chat-template-crlf/chat_template.jinja").contains("\r\n"));
}

#[test]
fn fields_that_a_template_does_not_ask_for_change_nothing() {
    let template = read("golden/text/templates/chatml.jinja");
    let plain = r#"{"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}"#;
    let plain = items(&template, plain).unwrap();
    for data in ["weight.jsonl", "nulls.jsonl"] {
        let data = read(&format!("cases/field/12-message-extra-keys/{data}"));
        assert_eq!(items(&template, &data).unwrap(), plain, "{data}");
    }
}

#[test]
fn templates_that_would_hang_or_fill_the_memory_end_with_their_file_and_the_reason() {
    for (template, reason) in [
        ("nested-loops", "needs more steps"),
        ("doubling", "needs more steps"),
        ("tojson-indent", "tojson(indent=10000000000) is too wide"),
    ] {
        let template = read(&format!("cases/hostile/templates/{template}.jinja"));
        let line = r#"{"prompt": [{"role": "user", "content": "x"}]}"#;
        let message = items(&template, &format!("{line}\n{line}")).unwrap_err();
        let told = message.starts_with(
            "DIR/data.jsonl, line 1: the chat template of DIR/chat_template.jinja refuses it: ",
        );
        assert!(told && message.contains(reason), "{message}");
        assert!(message.len() < 400, "{message}");
        // Without a conversation it is not run.
        let text = items(&template, r#"{"prompt": "The", "response": " capital"}"#);
        assert_eq!(text.unwrap().len(), 1);
    }
}

#[test]
fn what_a_template_makes_of_conversations_is_bounded_before_it_is_tokenized() {
    let line = r#"{"prompt": [{"role": "user", "content": "x"}]}"#;
    let message = items("{{ 'ab ' * 5000000 }}", line).unwrap_err();
    assert!(
        message.starts_with("DIR/data.jsonl, line 1: prompt: cannot be tokenized"),
        "{message}"
    );
    assert!(
        message.contains("has 15000000 bytes; at most 1048576 are tokenized"),
        "{message}"
    );
    // All together are more than 64 MiB, whichever is read first.
    let many = [line; 9].join("\n");
    let message = items("{{ messages[0].content * 8000000 }}", &many).unwrap_err();
    assert_eq!(
        message,
        "DIR/data.jsonl: the chat template beside DIR/tokenizer.json makes more than 67108864 \
         bytes of the conversations, far more than they have; split the file, or raise \
         BREADTH_MAX_RECORD_BYTES"
    );
}

#[test]
fn a_template_that_is_not_jinja_stops_conversations_only() {
    let text = r#"{"prompt": "The", "response": " capital"}"#;
    assert!(items("{% if %}", text).is_ok());
    let message = items(
        "{% if %}",
        r#"{"prompt": [{"role": "user", "content": "x"}]}"#,
    )
    .unwrap_err();
    assert!(
        message.contains("DIR/chat_template.jinja refuses it: is not Jinja: "),
        "{message}"
    );
}
