//! Data as people have it to token ids: conversations against transformers, boundaries, ends, cuts,
//! and what is refused.

use std::path::{Path, PathBuf};

use breadth_lm::text::{
    Account, Boundary, Cut, Data, DataOptions, EndToken, Item, Responses, Side, Text, read_data,
    read_items,
};
use serde_json::{Value, json};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden/text")
        .join(name)
}

fn read_json(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(golden(name)).unwrap()).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap() as u32)
        .collect()
}

/// A checkpoint folder without weights, and data files in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(tokenizer: &Value) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("tokenizer.json", &tokenizer.to_string());
        folder
    }

    /// One of the families of `make.py`.
    fn family(family: &Value) -> Self {
        let mut tokenizer = read_json("byte_level.json");
        tokenizer["post_processor"] = family["post_processor"].clone();
        let folder = Self::new(&tokenizer);
        let template = format!("templates/{}.jinja", family["name"].as_str().unwrap());
        folder.write(
            "chat_template.jinja",
            &std::fs::read_to_string(golden(&template)).unwrap(),
        );
        for name in ["tokenizer_config", "generation_config"] {
            folder.write(&format!("{name}.json"), &family[name].to_string());
        }
        folder
    }

    fn named(name: &str) -> Self {
        let families = read_json("expected.json")["families"].clone();
        let family = families
            .as_array()
            .unwrap()
            .iter()
            .find(|f| f["name"] == name);
        Self::family(family.unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn text(&self) -> Text {
        Text::of_checkpoint(self.0.path()).unwrap()
    }

    fn data(&self, lines: &[Value], options: &DataOptions) -> Result<Data, String> {
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        self.read(&lines.join("\n"), options)
    }

    fn read(&self, lines: &str, options: &DataOptions) -> Result<Data, String> {
        self.write("data.jsonl", lines);
        let read = read_data(&[self.0.path().join("data.jsonl")], &self.text(), options);
        let folder = self.0.path().display().to_string();
        read.map_err(|e| e.to_string().replace(&folder, "DIR"))
    }

    fn items(&self, lines: &[Value]) -> Vec<Item> {
        self.data(lines, &optional()).unwrap().items
    }

    fn refusal(&self, line: Value) -> String {
        self.data(&[line], &DataOptions::default()).unwrap_err()
    }
}

fn optional() -> DataOptions {
    DataOptions {
        responses: Responses::Optional,
        ..DataOptions::default()
    }
}

fn families() -> Vec<Value> {
    read_json("expected.json")["families"]
        .as_array()
        .unwrap()
        .clone()
}

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

#[test]
fn plain_prompts_begin_as_the_tokenizer_says() {
    for family in families() {
        let folder = Folder::family(&family);
        for case in family["plain"].as_array().unwrap() {
            let items = folder.items(&[json!({"prompt": case["text"]})]);
            assert_eq!(
                items[0].prompt,
                ids(&case["ids"]),
                "{} {case}",
                family["name"]
            );
        }
    }
}

#[test]
fn the_start_is_never_written_twice_and_no_end_is_put_behind_a_prompt() {
    let folder = Folder::named("llama3");
    let items = folder.items(&[
        json!({"prompt": "x <"}),
        json!({"prompt": "<|begin_of_text|>x <"}),
        json!({"prompt": [{"role": "user", "content": "x"}]}),
        json!({"prompt": ""}),
    ]);
    assert_eq!(items[0].prompt, items[1].prompt);
    assert_eq!(items[0].prompt.iter().filter(|&&id| id == 2).count(), 1);
    assert_eq!(items[2].prompt.iter().filter(|&&id| id == 2).count(), 1);
    assert_eq!(items[3].prompt, [2]);
    // This one's post-processor writes <s> before and </s> after a text.
    let spaces = Folder::new(&read_json("metaspace.json"));
    spaces.write(
        "tokenizer_config.json",
        r#"{"bos_token": "<s>", "eos_token": "</s>"}"#,
    );
    let items = spaces.items(&[json!({"prompt": "The capital"}), json!({"prompt": ""})]);
    assert_eq!(
        (items[0].prompt[0], items[0].prompt.contains(&1)),
        (0, false)
    );
    assert_eq!(items[1].prompt, [0]);
}

/// The ids are those of transformers 4.57.1 and 5.24.
#[test]
fn tokens_that_only_the_configuration_names_are_whole() {
    let ids = |config: Value, prompt: &str| {
        let folder = Folder::new(&read_json("byte_level.json"));
        folder.write("tokenizer_config.json", &config.to_string());
        let data = folder.data(&[json!({"prompt": prompt})], &optional());
        data.map(|data| data.items[0].prompt.clone())
    };
    assert_eq!(ids(json!({}), " assistant").unwrap(), [290]);
    for config in [
        json!({"additional_special_tokens": ["istant"]}),
        json!({"extra_special_tokens": {"x_token": "istant"}}),
        json!({"extra_special_tokens": ["istant"]}),
        json!({"pad_token": {"content": "istant", "lstrip": false}}),
    ] {
        assert_eq!(
            ids(config.clone(), " assistant").unwrap(),
            [288, 289],
            "{config}"
        );
        assert_eq!(
            ids(config.clone(), "a istant").unwrap(),
            [82, 238, 289],
            "{config}"
        );
    }
    let token = json!({"content": "istant", "lstrip": true, "normalized": false, "special": true});
    let decoder = json!({"added_tokens_decoder": {"400": token}});
    assert_eq!(ids(decoder, "a istant").unwrap(), [82, 289]);
    let split = json!({"split_special_tokens": true});
    assert_eq!(ids(split, "<s>").unwrap(), [45, 100, 47]);
    assert_eq!(ids(json!({}), "<s>").unwrap(), [0]);
    let pad = json!({"pad_token": "[PAD]"});
    assert_eq!(ids(pad.clone(), " assistant").unwrap(), [290]);
    let error = ids(pad, "a[PAD]").unwrap_err();
    assert!(
        error.contains("which tokenizer_config.json names as a token"),
        "{error}"
    );
}

/// Releases of transformers differ in which they follow.
#[test]
fn a_disputed_start_token_is_said() {
    let folder = Folder::named("llama3");
    let said = |class: &str, add_bos: Value, line: Value| {
        let config = json!({"bos_token": "<|begin_of_text|>", "tokenizer_class": class, "add_bos_token": add_bos});
        folder.write("tokenizer_config.json", &config.to_string());
        let data = folder.data(&[line], &optional()).unwrap();
        data.account.disputed_start
    };
    let text = json!({"prompt": "x"});
    let start = said("LlamaTokenizerFast", json!(false), text.clone()).unwrap();
    assert!(
        start.contains("says add_bos_token = false, and the post-processor of"),
        "{start}"
    );
    for (class, add_bos, line) in [
        ("LlamaTokenizerFast", json!(true), text.clone()),
        ("LlamaTokenizerFast", json!(null), text.clone()),
        ("PreTrainedTokenizerFast", json!(false), text),
        (
            "LlamaTokenizerFast",
            json!(false),
            json!({"prompt": [2, 3]}),
        ),
        (
            "LlamaTokenizerFast",
            json!(false),
            json!({"prompt": [{"role": "user", "content": "x"}]}),
        ),
    ] {
        assert_eq!(said(class, add_bos, line.clone()), None, "{class} {line}");
    }
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
fn a_saved_truncation_does_not_cut() {
    let tokenizer = read_json("byte_level.json");
    assert_eq!(
        tokenizer["truncation"]["max_length"], 8,
        "the file asks for it"
    );
    let items =
        Folder::new(&tokenizer).items(&[json!({"prompt": "a b c d e f g h i j k l m n o p"})]);
    assert!(items[0].prompt.len() > 16);
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
fn end_tokens_are_appended_where_they_are_asked_for() {
    let folder = Folder::named("llama3");
    let lines = [
        json!({"prompt": "a", "response": "b"}),
        json!({"prompt": "a", "response": "b<|end_of_text|>", "prompt_id": "x"}),
        json!({"prompt": [5], "response": [6], "prompt_id": "y"}),
        json!({"prompt": [5], "response": [6, 6], "prompt_id": "z"}),
    ];
    let read = |end_token| {
        let data = folder
            .data(
                &lines,
                &DataOptions {
                    end_token,
                    ..DataOptions::default()
                },
            )
            .unwrap();
        let counts = &data.account.end_token;
        let counts = (counts.appended, counts.present, counts.without);
        let last: Vec<u32> = data
            .items
            .iter()
            .map(|i| *i.response.last().unwrap())
            .collect();
        (counts, last)
    };
    // <|end_of_text|> is 3, <|eot_id|> is 6: both end a response of this model.
    let ((_, never), (_, auto), (_, always)) = (
        read(EndToken::Never),
        read(EndToken::Auto),
        read(EndToken::Always),
    );
    assert_eq!(never[1..], [3, 6, 6]);
    assert_ne!(never[0], 3);
    assert_eq!(
        (&auto[..], &always[..]),
        (&[3, 3, 6, 6][..], &[3, 3, 6, 6][..])
    );
    assert_eq!(read(EndToken::Auto).0, (1, 3, 0));
    let ids = [json!({"prompt": [5], "response": [99]})];
    let of_ids = |end_token| {
        let data = folder
            .data(
                &ids,
                &DataOptions {
                    end_token,
                    ..DataOptions::default()
                },
            )
            .unwrap();
        (
            data.items[0].response.clone(),
            data.account.end_token.without,
        )
    };
    assert_eq!(
        of_ids(EndToken::Auto),
        (vec![99], 1),
        "ids are left as they are"
    );
    assert_eq!(of_ids(EndToken::Always), (vec![99, 3], 0));
}

#[test]
fn a_model_without_an_end_token_has_none_appended() {
    let folder = Folder::new(&read_json("byte_level.json"));
    // An id that is no token of the vocabulary, as configurations that were copied have it.
    folder.write("config.json", r#"{"eos_token_id": 50256}"#);
    let lines = [json!({"prompt": "a", "response": "b"})];
    let with = |end_token| {
        folder.data(
            &lines,
            &DataOptions {
                end_token,
                ..DataOptions::default()
            },
        )
    };
    let account = with(EndToken::Auto).unwrap().account;
    assert_eq!(
        (account.end_token.appended, account.end_token.without),
        (0, 1)
    );
    let sentence = &account.end_token.sentence();
    assert_eq!(
        sentence,
        "end token (auto; the model names none): appended to 0 responses, 0 had one, 1 have none"
    );
    let message = with(EndToken::Always).unwrap_err();
    assert!(
        message.contains("end_token = always: the model names no end token"),
        "{message}"
    );
}

#[test]
fn boundaries_that_merge_are_counted_and_shown() {
    let expected = read_json("expected.json");
    for name in ["byte_level", "metaspace"] {
        let folder = Folder::new(&read_json(&format!("{name}.json")));
        folder.write("tokenizer_config.json", r#"{"eos_token": "</s>"}"#);
        let cases = expected["boundaries"][name].as_array().unwrap();
        let start: &[u32] = if name == "metaspace" { &[0] } else { &[] };
        let mut changed = 0;
        for case in cases {
            let (apart, joint) = (ids(&case["apart"]), ids(&case["joint"]));
            let line = [json!({"prompt": case["prompt"], "response": case["response"]})];
            let data = folder.data(&line, &DataOptions::default()).unwrap();
            let item = &data.items[0];
            let whole = [&item.prompt[..], &item.response].concat();
            assert_eq!(whole, [start, &apart].concat());
            assert_eq!(data.account.boundary.changed == 1, apart != joint, "{case}");
            assert_eq!(data.account.boundary.checked, 1);
            changed += usize::from(apart != joint);
            let options = DataOptions {
                boundary: Boundary::Joint,
                ..DataOptions::default()
            };
            match folder.data(&line, &options) {
                Ok(data) => {
                    let item = &data.items[0];
                    assert_eq!(
                        [&item.prompt[..], &item.response].concat(),
                        [start, &joint].concat()
                    );
                }
                Err(message) => {
                    assert!(
                        message.contains(
                            "line 1: boundary = joint: the last tokens of the prompt merge"
                        ),
                        "{message}"
                    );
                    assert!(
                        !joint.starts_with(&whole[start.len()..item.prompt.len()]),
                        "{case}"
                    );
                }
            }
        }
        assert!(changed > 0 && changed < cases.len());
    }
}

#[test]
fn the_warning_has_a_place_and_both_lists_of_ids() {
    let folder = Folder::new(&read_json("byte_level.json"));
    let lines = [
        json!({"prompt": "x <", "response": " y"}),
        json!({"prompt": "the us", "response": "er and", "prompt_id": "b"}),
    ];
    let account = folder
        .data(&lines, &DataOptions::default())
        .unwrap()
        .account;
    let change = account.boundary.example.clone().unwrap();
    assert!(change.place.ends_with("data.jsonl, line 2"));
    assert_ne!(change.apart, change.joint);
    let warning = &account.warnings()[0];
    assert!(warning.starts_with("at 1 of 2 boundaries"), "{warning}");
    assert!(
        warning.contains(&format!(
            "{:?} apart, {:?} in one piece",
            change.apart, change.joint
        )),
        "{warning}"
    );
}

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
