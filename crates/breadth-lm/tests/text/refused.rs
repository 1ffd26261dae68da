//! What does not fit, or cannot be read.

use breadth_lm::text::{Cut, DataOptions, Side, read_data, read_references};
use serde_json::json;

use crate::{Folder, read_json};

#[test]
fn what_is_too_long_is_an_error_unless_a_side_is_named() {
    let folder = Folder::named("llama3");
    let line = [json!({"prompt": "a b c d", "response": "b c"})];
    let with = |max_length, reserve, side| {
        let cut = Some(Cut {
            max_length,
            reserve,
            side,
        });
        folder.data(
            &line,
            &DataOptions {
                cut,
                ..DataOptions::default()
            },
        )
    };
    let whole = with(100, 0, Some(Side::Left)).unwrap();
    let (prompt, response) = (
        whole.items[0].prompt.clone(),
        whole.items[0].response.clone(),
    );
    assert_eq!(whole.account.cut.as_ref().unwrap().prompts, 0);
    let length = prompt.len() + response.len();
    assert_eq!(with(length, 0, None).unwrap().items, whole.items);
    let message = with(length - 1, 0, None).unwrap_err();
    assert!(
        message.contains(&format!(
            "{length} tokens of prompt and response; at most {}",
            length - 1
        )),
        "{message}"
    );
    let left = with(length - 2, 0, Some(Side::Left)).unwrap();
    assert_eq!(
        left.items[0].prompt,
        [&prompt[..1], &prompt[3..]].concat(),
        "the start token stays"
    );
    let right = with(length - 2, 0, Some(Side::Right)).unwrap();
    assert_eq!(right.items[0].prompt, prompt[..prompt.len() - 2]);
    assert_eq!(
        (&left.items[0].response, &right.items[0].response),
        (&response, &response)
    );
    let cut = right.account.cut.clone().unwrap();
    assert_eq!((cut.prompts, cut.tokens), (1, 2));
    assert!(
        right.account.warnings()[0].contains("1 prompts were cut on the right"),
        "{:?}",
        right.account.warnings()
    );
    let message = with(response.len() + 1, 0, Some(Side::Left)).unwrap_err();
    assert!(message.contains("responses are never cut"), "{message}");
    let reserved = with(prompt.len() + 9, 10, Some(Side::Left)).unwrap();
    assert_eq!(
        reserved.items[0].prompt.len(),
        prompt.len() - 1,
        "room for ten tokens to be drawn"
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let folder = Folder::named("gemma");
    let user = json!({"role": "user", "content": "a"});
    for (line, expected) in [
        (
            json!({"response": "x"}),
            "DIR/data.jsonl, line 1: has neither prompt nor messages",
        ),
        (
            json!({"prompt": "x"}),
            "DIR/data.jsonl, line 1: has no response",
        ),
        (
            json!({"prompt": "x", "prompt_id": 1, "completion": "y"}),
            "DIR/data.jsonl, line 1: has no response; it has `completion`",
        ),
        (
            json!({"question": "x", "response": "y"}),
            "line 1: has neither prompt nor messages; it has `question`",
        ),
        (
            json!({"prompt": "x", "response": ""}),
            "DIR/data.jsonl, line 1: response: is empty; remove the line",
        ),
        (
            json!({"prompt": 3, "response": "x"}),
            "prompt: must be text, a list of token ids or a list of messages",
        ),
        (
            json!({"prompt": [1, -1], "response": "x"}),
            "line 1: prompt[1]: -1 is not a token id",
        ),
        (
            json!({"prompt": "x", "response": [1.5]}),
            "line 1: response[0]: 1.5 is not a token id",
        ),
        (
            json!({"prompt": "x", "messages": [user]}),
            "messages: stands beside prompt",
        ),
        (
            json!({"messages": [user], "response": "x"}),
            "response: stands beside messages",
        ),
        (json!({"messages": []}), "messages: holds no message"),
        (json!({"messages": "x"}), "messages: must be a list"),
        (
            json!({"messages": [user]}),
            "has no response; the last message must be the assistant's",
        ),
        (
            json!({"messages": [{"role": "assistant", "content": "x"}]}),
            "hold no message before the response",
        ),
        (
            json!({"messages": [{"content": "x"}]}),
            "messages[0]: has no role",
        ),
        (
            json!({"messages": [{"role": "user"}]}),
            "messages[0]: has no content",
        ),
        (
            json!({"messages": [user, {"role": "assistant", "content": ""}]}),
            "messages[1].content: is empty",
        ),
        (
            json!({"messages": [user, {"role": "assistant", "content": [1]}]}),
            "messages[1].content: must be text, or a list of parts that are all text",
        ),
        (
            json!({"messages": [user, {"role": "assistant", "content": [{"type": "image"}]}]}),
            "messages[1].content: must be text, or a list of parts that are all text",
        ),
        (
            json!({"messages": [user, {"role": "assistant", "content": []}]}),
            "messages[1].content: is empty",
        ),
        (
            json!({"prompt": [user], "response": [{"role": "assistant", "content": "x"}]}),
            "line 1: response: is a list of messages; put the last turn of the assistant into `messages`",
        ),
        (
            json!({"prompt": [user], "tools": {"name": "f"}}),
            "line 1: tools: must be a list of objects (JSON schemas of functions), or null",
        ),
        (
            json!({"prompt": [user], "tools": ["f"]}),
            "line 1: tools: must be a list of objects",
        ),
        (
            json!({"prompt": [user], "tools": "f"}),
            "line 1: tools: is text that is no JSON: ",
        ),
        (
            json!({"prompt": [user], "chat_template_kwargs": [1]}),
            "line 1: chat_template_kwargs: must be an object of variables, or null",
        ),
        (
            json!({"prompt": [user], "chat_template_kwargs": {"add_generation_prompt": true}}),
            "line 1: chat_template_kwargs.add_generation_prompt: is set by what renders the",
        ),
        (
            json!({"prompt": [user], "chat_template_kwargs": {"messages": []}}),
            "line 1: chat_template_kwargs.messages: is set by what renders the conversation",
        ),
        (
            json!({"prompt": [user], "chat_template_kwargs": {"tools": []}}),
            "line 1: chat_template_kwargs.tools: stands there; give `tools` beside",
        ),
        (
            json!({"prompt": [user], "chat_template_kwargs": {"documents": ["x"]}}),
            "line 1: chat_template_kwargs.documents: must be a list of objects (with title and text)",
        ),
        (
            json!({"messages": [user, user, {"role": "assistant", "content": "x"}]}),
            "line 1: the chat template of DIR/chat_template.jinja refuses it: Conversation roles must alternate",
        ),
        (
            json!({"prompt": "x", "response": "y", "weight": 0}),
            "weight: 0 is not a weight; give a finite number above 0",
        ),
        (
            json!({"prompt": "x", "response": "y", "group": []}),
            "group: must be text or a number",
        ),
        (
            json!([1]),
            "line 1: is not an object; a line is {\"prompt\"",
        ),
    ] {
        let message = folder.refusal(line.clone());
        assert!(message.contains(expected), "{line}\n{message}\n{expected}");
    }
}

#[test]
fn text_that_a_tokenizer_leaves_out_is_an_error() {
    let folder = Folder::new(&read_json("metaspace.json"));
    let message = folder.refusal(json!({"prompt": "The capital", "response": "Paris ☃"}));
    assert!(
        message.contains("line 1: response: the tokenizer DIR/tokenizer.json leaves out '☃'"),
        "{message}"
    );
    let message = folder.refusal(json!({"prompt": "☃", "response": "Paris"}));
    assert!(
        message.contains("line 1: prompt: the tokenizer"),
        "{message}"
    );
    // Bytes stand for everything.
    let items = Folder::named("chatml").items(&[json!({"prompt": "☃ 😀\u{200d}é\u{0301}"})]);
    assert!(!items[0].prompt.is_empty());
}

#[test]
fn one_prompt_id_stands_for_one_prompt_in_a_table() {
    let folder = Folder::named("llama3");
    let side = Some(Side::Left);
    let cut = Some(Cut {
        max_length: 6,
        reserve: 0,
        side,
    });
    let options = DataOptions {
        cut,
        one_prompt_per_id: true,
        ..DataOptions::default()
    };
    let line = |response: u32, prompt: &str, text: &str| json!({"prompt_id": 1, "response_id": response, "prompt": prompt, "response": text});
    // A longer response leaves less of the same prompt.
    let same = [line(0, "a b c d", "b"), line(1, "a b c d", "b c d")];
    let data = folder.data(&same, &options).unwrap();
    assert_ne!(data.items[0].prompt, data.items[1].prompt);
    let others = [line(0, "a b c d", "b"), line(1, "d b c d", "b")];
    assert_eq!(
        folder.data(&others, &options).unwrap_err(),
        "prompt_id 1: its lines with response_id 0 and 1 have different prompts; give each \
         prompt its own prompt_id"
    );
    assert!(folder.data(&others, &DataOptions::default()).is_ok());
}

#[test]
fn data_in_other_forms() {
    let folder = Folder::named("llama3");
    let line = "{\"prompt\": \"a\", \"response\": \"b\"}\n";
    let plain = folder.read(line, &DataOptions::default()).unwrap();
    let marked = folder.read(&format!("\u{feff}{line}"), &DataOptions::default());
    assert_eq!(marked.unwrap().items, plain.items);
    let message = folder.read("PAR1..", &DataOptions::default()).unwrap_err();
    insta::assert_snapshot!(message, @r#"DIR/data.jsonl: is a Parquet file, and JSON Lines are read; make them of it: pandas.read_parquet(FILE).to_json("data.jsonl", orient="records", lines=True)"#);
    let path = folder.0.path().join("data.jsonl.gz");
    let packed: &[u8] = &[
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 42, 40, 202, 207, 45, 40, 81, 178, 82, 80, 74,
        84, 210, 81, 80, 42, 74, 45, 46, 200, 207, 43, 78, 5, 9, 36, 41, 213, 114, 1, 0, 144, 201,
        76, 208, 33, 0, 0, 0,
    ];
    std::fs::write(&path, packed).unwrap();
    let items = read_data(&[path], &folder.text(), &DataOptions::default());
    assert_eq!(items.unwrap().items, plain.items);
    let path = folder.0.path().to_path_buf();
    let message = read_data(&[path], &folder.text(), &DataOptions::default()).unwrap_err();
    assert!(
        message.to_string().ends_with(
            "is a folder, and files of JSON Lines are read; name those in it (FOLDER/*.jsonl)"
        ),
        "{message}"
    );
}

#[test]
fn an_answer_key_needs_ids_or_prompts() {
    let folder = Folder::named("llama3");
    let path = folder.0.path().join("key.jsonl");
    folder.write("key.jsonl", "{\"prompt_id\": 1, \"answer\": \"42\"}");
    let key = read_references(std::slice::from_ref(&path)).unwrap();
    assert_eq!(key.get("1").unwrap().answer.as_deref(), Some("42"));
    folder.write("key.jsonl", "{\"answer\": \"42\"}");
    let error = read_references(&[path]).unwrap_err().to_string();
    assert!(error.contains("has neither prompt nor messages"), "{error}");
}
