//! Tokens at the start, at the end and at the boundary of a response.

use breadth_lm::text::{Boundary, DataOptions, EndToken};
use serde_json::{Value, json};

use crate::{Folder, families, ids, optional, read_json};

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
