//! Conversations and their templates, against transformers.

use breadth_lm::text::{Account, Boundary, DataOptions, EndToken, Responses, Text, read_items};
use serde_json::{Value, json};

use crate::{Folder, families, ids, optional, read_json};

#[test]
fn conversations_are_what_transformers_makes_of_them() {
    let mut compared = 0;
    for family in families() {
        let folder = Folder::family(&family);
        // With tools and variables beside them, and without.
        let cases = ["conversations", "beside"].map(|name| family[name].as_array().unwrap());
        for case in cases.into_iter().flatten() {
            // A conversation that ends with the assistant would have a response; these all end
            // otherwise.
            let line = case["line"].as_str().unwrap();
            match (folder.read(line, &optional()), case["raises"].as_str()) {
                (Ok(data), None) => {
                    assert_eq!(
                        data.items[0].prompt_text.as_deref(),
                        case["text"].as_str(),
                        "{} {line}",
                        family["name"]
                    );
                    if let Some(theirs) = case.get("ids").map(ids) {
                        assert_eq!(data.items[0].prompt, theirs, "{} {line}", family["name"]);
                    }
                    compared += 1;
                }
                (Err(message), Some(raised)) => {
                    let own = raised.strip_prefix("TemplateError: ");
                    assert!(message.contains(own.unwrap_or("")), "{raised}\n{message}");
                    assert!(message.contains("data.jsonl, line 1"), "{message}");
                }
                (ours, theirs) => panic!("{} {line}\n{ours:?}\n{theirs:?}", family["name"]),
            }
        }
    }
    assert_eq!(compared, 104 + 73);
}

/// The last message as a list of parts: what the template writes of it, or a refusal where it
/// writes no texts of lists.
#[test]
fn a_turn_of_parts_is_what_transformers_makes_of_it() {
    let mut taken = Vec::new();
    for family in families() {
        let folder = Folder::family(&family);
        let name = family["name"].as_str().unwrap();
        for case in family["turns"].as_array().unwrap() {
            let line = json!({"messages": case["messages"]});
            let data = match folder.data(&[line], &DataOptions::default()) {
                Ok(data) => data,
                Err(message) => {
                    let told = "line 1: the chat template does not write the texts of the last";
                    assert!(message.contains(told), "{name}: {message}");
                    continue;
                }
            };
            let item = &data.items[0];
            let [prompt, response] =
                [&item.prompt_text, &item.response_text].map(|text| text.as_deref().unwrap());
            let end = ["<end_of_turn>\n", "<|im_end|>\n"][usize::from(name == "tools")];
            let whole = format!("{prompt}{response}{end}");
            assert_eq!(Some(&*whole), case["text"].as_str(), "{name}");
            let counts = (data.account.as_written, data.account.rewritten);
            taken.push((name.to_owned(), response.to_owned(), counts));
        }
    }
    let seen =
        |name: &str, response: &str, written| (name.to_owned(), response.to_owned(), (written, 0));
    // Both trim the parts.
    let expected = ["gemma3", "tools"]
        .map(|name| [seen(name, "It is 42.", 0), seen(name, "42", 1)])
        .concat();
    assert_eq!(taken, expected);
}

#[test]
fn where_there_are_tools_the_template_for_tools_is_taken() {
    let named = read_json("expected.json")["named"].clone();
    let in_config = Folder::new(&read_json("byte_level.json"));
    in_config.write(
        "tokenizer_config.json",
        &named["tokenizer_config"].to_string(),
    );
    let in_files = Folder::new(&read_json("byte_level.json"));
    std::fs::create_dir(in_files.0.path().join("additional_chat_templates")).unwrap();
    let templates = &named["tokenizer_config"]["chat_template"];
    for (at, file) in [
        (0, "additional_chat_templates/tool_use.jinja"),
        (1, "chat_template.jinja"),
    ] {
        in_files.write(file, templates[at]["template"].as_str().unwrap());
    }
    for case in named["conversations"].as_array().unwrap() {
        let line = case["line"].as_str().unwrap();
        for folder in [&in_config, &in_files] {
            let data = folder.read(line, &optional()).unwrap();
            let text = data.items[0].prompt_text.as_deref();
            assert_eq!(text, case["text"].as_str(), "{line}");
        }
    }
    assert!(in_config.text().has_template_of(&in_files.text()));
    in_files.write("additional_chat_templates/tool_use.jinja", "other");
    assert!(!in_config.text().has_template_of(&in_files.text()));
}

/// The response follows a prompt with the tools in it, and plain text has no template for them.
#[test]
fn tools_stand_in_the_prompt_of_a_whole_conversation() {
    let folder = Folder::named("tools");
    let messages = json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]);
    let tools = json!([{"name": "f"}]);
    let variables = json!({"enable_thinking": false});
    let read = |line: Value| folder.data(&[line], &DataOptions::default()).unwrap();
    let data =
        read(json!({"messages": messages, "tools": tools, "chat_template_kwargs": variables}));
    let prompt = data.items[0].prompt_text.clone().unwrap();
    let expected = "<s><|im_start|>system\n# Tools\n{\"name\": \"f\"}<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n<think>False</think>";
    assert_eq!(prompt, expected);
    assert_eq!(data.items[0].response_text.as_deref(), Some("b"));
    // As text, and beside a prompt of text.
    let as_text = read(
        json!({"messages": messages, "tools": tools.to_string(), "chat_template_kwargs": variables}),
    );
    assert_eq!(as_text.items, data.items);
    let plain = json!({"prompt": "a", "response": "b"});
    let beside = json!({"prompt": "a", "response": "b", "tools": 3, "chat_template_kwargs": 3});
    assert_eq!(read(plain).items, read(beside).items);
    // An id of many digits stays what it is.
    let long = r#"{"prompt_id": 123456789012345678901, "prompt": "a", "response": "b"}"#;
    let data = folder.read(long, &optional()).unwrap();
    assert_eq!(data.items[0].prompt_id, "123456789012345678901");
}

/// Any of several texts is right.
#[test]
fn an_answer_may_be_a_list_of_texts() {
    let folder = Folder::named("llama3");
    let answer = |answer: Value| {
        let line = json!({"prompt": "x", "answer": answer});
        let data = folder.data(&[line], &optional());
        data.map(|data| data.items[0].answer.clone())
    };
    let listed = answer(json!(["7", "seven"])).unwrap();
    assert_eq!(listed.as_deref(), Some(r#"["7","seven"]"#));
    assert_eq!(answer(json!(["7"])).unwrap().as_deref(), Some("7"));
    assert_eq!(answer(json!(null)).unwrap(), None);
    for wrong in [json!([1, 2]), json!([]), json!([["7"]])] {
        let error = answer(wrong).unwrap_err();
        assert!(
            error.contains("answer: must be text, a number, or a list of texts"),
            "{error}"
        );
    }
}

#[test]
fn the_last_word_of_the_assistant_is_the_response() {
    let auto = DataOptions {
        end_token: EndToken::Auto,
        ..DataOptions::default()
    };
    for family in families() {
        let folder = Folder::family(&family);
        let messages =
            json!([{"role": "user", "content": "12?"}, {"role": "assistant", "content": "42"}]);
        let data = folder
            .data(&[json!({"messages": messages, "answer": 42})], &auto)
            .unwrap();
        let end = family["end_of_turn"].as_u64().unwrap() as u32;
        // What the template writes for the turn, in the tokens of one piece with the prompt.
        let name = family["name"].as_str().unwrap();
        let written = match name {
            "qwen3" => "<think>\n\n</think>\n\n42",
            "llama2" => " 42 ",
            "mistral" => " 42",
            _ => "42",
        };
        let prompt = &messages.as_array().unwrap()[..1];
        let given = |response: &str, boundary| {
            let options = DataOptions { boundary, ..auto };
            let line = json!({"prompt": prompt, "response": response});
            folder.data(&[line], &options).unwrap()
        };
        let in_one_piece = given(written, Boundary::Joint);
        let expected = &in_one_piece.items[0];
        assert_eq!(data.items[0].prompt, expected.prompt, "{name}");
        assert_eq!(data.items[0].response, expected.response, "{name}");
        assert_eq!(data.items[0].response.last(), Some(&end), "{name}");
        assert_eq!(data.items[0].response_text.as_deref(), Some(written));
        assert_eq!(data.items[0].answer.as_deref(), Some("42"));
        assert_eq!(
            (data.account.conversations, data.account.end_token.appended),
            (1, 1)
        );
        assert!(
            data.end_tokens.contains(&end),
            "sampling stops at the end of the turn"
        );
        // Qwen 3 writes empty thoughts before an answer, Llama 2 and Mistral a space, and one goes
        // on behind the prompt with a list of all roles.
        let counts = |account: &Account| (account.as_written, account.rewritten);
        let expected = match name {
            "marked" => (0, 1),
            "qwen3" | "llama2" | "mistral" => (1, 0),
            _ => (0, 0),
        };
        assert_eq!(counts(&data.account), expected, "{name}");
        // A response that is given by itself is taken as it stands, and that is said.
        let apart = given("42", Boundary::Separate);
        assert_eq!(apart.items[0].response_text.as_deref(), Some("42"));
        let expected = usize::from(expected != (0, 0));
        assert_eq!(counts(&apart.account), (0, expected), "{name}");
        let warned = apart.account.warnings().concat();
        assert_eq!(
            warned.contains("give whole conversations as `messages`"),
            expected > 0,
            "{name}: {warned}"
        );
    }
}

/// What stands between the words that open the turn and the content is scored, and so is the
/// reasoning that a message brings.
#[test]
fn a_turn_is_taken_as_its_template_writes_it() {
    let folder = Folder::named("qwen2");
    let read = |template: &str, last: Value| {
        folder.write("chat_template.jinja", template);
        let line = json!({"messages": [{"role": "user", "content": "12?"}, last]});
        let data = folder.data(&[line], &DataOptions::default()).unwrap();
        let counts = (data.account.as_written, data.account.rewritten);
        (data.items[0].response_text.clone().unwrap(), counts)
    };
    let template = |prompt: &str, turn: &str| {
        format!(
            "{{% for m in messages %}}{{% if m.role == 'user' %}}<|im_start|>user\n{{{{ m.content \
             }}}}<|im_end|>\n{{% else %}}<|im_start|>assistant{turn}<|im_end|>\n{{% endif %}}\
             {{% endfor %}}{{% if add_generation_prompt %}}<|im_start|>assistant{prompt}{{% endif %}}"
        )
    };
    let says = |content: &str| json!({"role": "assistant", "content": content});
    let content = "{{ m.content }}";
    let plain = template("\n", &format!("\n{content}"));
    assert_eq!(read(&plain, says("42")), ("42".into(), (0, 0)));
    let blank = template("\n", &format!("\n\n{content}\n"));
    assert_eq!(read(&blank, says("42")), ("\n42\n".into(), (1, 0)));
    let trimmed = template("\n", "\n{{ m.content | trim }}");
    assert_eq!(read(&trimmed, says(" 42 ")), ("42".into(), (1, 0)));
    let thinks = template(
        "\n",
        &format!("\n<think>{{{{ m.reasoning }}}}</think>{content}"),
    );
    let mut reasoned = says("42");
    reasoned["reasoning"] = json!("6 * 7");
    assert_eq!(
        read(&thinks, reasoned),
        ("<think>6 * 7</think>42".into(), (1, 0))
    );
    // A prompt that the whole conversation does not begin with, and a content that is left out.
    let opened = template("\n<think>\n", &format!("\n{content}"));
    assert_eq!(read(&opened, says("42")), ("42".into(), (0, 1)));
    let left_out = template("\n", "\n{{ m.content[2:] }}");
    assert_eq!(
        read(&left_out, says("42 is it")),
        ("42 is it".into(), (0, 1))
    );
}

#[test]
fn without_a_template_or_a_tokenizer_the_message_says_what_to_do() {
    let folder = Folder::new(&read_json("byte_level.json"));
    let line = json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]});
    let message = folder.refusal(line);
    assert!(
        message.contains(
            "line 1: is a conversation, and DIR has no chat template; put chat_template.jinja there"
        ),
        "{message}"
    );
    let empty = tempfile::tempdir().unwrap();
    let data = empty.path().join("data.jsonl");
    std::fs::write(
        &data,
        "{\"prompt\": [1, 2], \"response\": [3]}\n\n{\"prompt\": \"x\", \"response\": [3]}\n",
    )
    .unwrap();
    let text = Text::of_checkpoint(empty.path()).unwrap();
    let message = read_items(std::slice::from_ref(&data), &text, Responses::Required)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("line 3: prompt: is text, and there is no"),
        "{message}"
    );
    std::fs::write(&data, "{\"prompt\": [1, 2], \"response\": [3]}\n{\"prompt\": [1], \"response\": [3], \"prompt_id\": 0}\n").unwrap();
    let message = read_items(&[data], &text, Responses::Required)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("prompt_id 0, response_id 0 stands there twice"),
        "{message}"
    );
}

#[test]
fn named_templates_of_a_configuration_are_used() {
    let folder = Folder::new(&read_json("byte_level.json"));
    let template = "{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}";
    let list = json!([{"name": "rag", "template": "x"}, {"name": "default", "template": template}]);
    folder.write(
        "tokenizer_config.json",
        &json!({"chat_template": list}).to_string(),
    );
    let items = folder.items(&[json!({"prompt": [{"role": "user", "content": "a"}]})]);
    assert_eq!(items[0].prompt_text.as_deref(), Some("<|user|>a<|end|>"));
    assert_eq!(folder.text().decode(&items[0].prompt), "<|user|>a<|end|>");
    assert_eq!(folder.text().decode_plain(&items[0].prompt), "a");
    assert_eq!(folder.text().end_of_turn(), items[0].prompt.last().copied());
}
