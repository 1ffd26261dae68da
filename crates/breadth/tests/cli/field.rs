//! What people have, as they have it: every case of `tests/cases/field` through the binary.

use std::path::{Path, PathBuf};

use breadth_data::{ReadOptions, SampleTable, ScoreTable};
use breadth_lm::model::Checkpoint;
use breadth_lm::tree::Array;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Folder, Ran};

const DATA: &str = r#"{"prompt": [7, 3, 5], "response": [9, 2]}"#;

fn tests(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(tests(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A folder with the files of a case, subfolders and all.
fn case(name: &str) -> Folder {
    fn copy(folder: &Folder, from: &Path, to: &str) {
        for entry in std::fs::read_dir(from).expect("a case") {
            let entry = entry.unwrap();
            let name = format!("{to}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                copy(folder, &entry.path(), &format!("{name}/"));
            } else {
                folder.write(&name, &std::fs::read(entry.path()).unwrap());
            }
        }
    }
    let folder = Folder::new();
    copy(&folder, &tests("cases/field").join(name), "");
    folder
}

/// A tiny model of a family, with these fields more.
fn family(folder: &Folder, family: &str, name: &str, more: &Value) {
    let golden = format!("golden/families/{family}");
    for entry in std::fs::read_dir(tests(&golden)).unwrap() {
        let entry = entry.unwrap();
        let file = entry.file_name().into_string().unwrap();
        if file.starts_with("model") {
            folder.write(
                &format!("{name}/{file}"),
                &std::fs::read(entry.path()).unwrap(),
            );
        }
    }
    let mut config: Value =
        serde_json::from_str(&read(&format!("{golden}/config.json"))).expect("a configuration");
    let fields = config.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    folder.write(
        &format!("{name}/config.json"),
        config.to_string().as_bytes(),
    );
}

/// A model of text, `chat`, with a template and a tokenizer of 420 tokens.
fn chat(folder: &Folder, template: &str) {
    let sizes = json!({"vocab_size": 420, "max_position_embeddings": 256});
    family(folder, "qwen2", "chat", &sizes);
    let mut weights = Checkpoint::read(&tests("golden/families/qwen2"))
        .unwrap()
        .weights;
    let rows = (0..420 * 32).map(|i| (i % 37) as f32 / 37.0 - 0.5);
    let rows = Array::new([420, 32], rows.collect());
    weights.insert("model.embed_tokens.weight", rows);
    let bytes = weights.to_safetensors(&folder.path("chat")).unwrap();
    folder.write("chat/model.safetensors", &bytes);
    folder.write(
        "chat/tokenizer.json",
        read("golden/text/byte_level.json").as_bytes(),
    );
    folder.write("chat/chat_template.jinja", template.as_bytes());
}

fn score(folder: &Folder, model: &str, out: &str) -> Ran {
    folder.run(&["score", model, "--data", "data.jsonl", "-o", out])
}

fn scores(folder: &Folder, name: &str) -> ScoreTable {
    ScoreTable::read(&[folder.path(name)], &ReadOptions::default()).unwrap()
}

/// The document of a command that may have remarks.
#[track_caller]
fn document(folder: &Folder, arguments: &[&str]) -> Value {
    let ran = folder.run(&[arguments, &["--json"]].concat());
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).expect("--json prints JSON")
}

/// Pass@k of the only model.
#[track_caller]
fn pass(folder: &Folder, arguments: &[&str]) -> Vec<f64> {
    let document = document(folder, &[&["pass"], arguments].concat());
    let models = document["models"].as_array().unwrap();
    assert_eq!(models.len(), 1, "{document}");
    let points = models[0]["pass"].as_array().unwrap().iter();
    points
        .map(|point| point["value"].as_f64().unwrap())
        .collect()
}

/// Case 1.
#[test]
fn fields_that_change_no_score_are_passed_over() {
    let lines = read("cases/field/01-config-harmless-fields/fields.jsonl");
    assert_eq!(lines.lines().count(), 16);
    let folder = Folder::with(&[("data.jsonl", DATA)]);
    for (number, line) in lines.lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        let name = line["family"].as_str().unwrap();
        family(&folder, name, "plain", &json!({}));
        family(&folder, name, "more", &line["add"]);
        for model in ["plain", "more"] {
            let ran = score(&folder, model, &format!("{model}-{number}.parquet"));
            assert_eq!(ran.status, 0, "{line}: {}", ran.stderr);
        }
        let of = |model: &str| scores(&folder, &format!("{model}-{number}.parquet")).logprob;
        assert_eq!(of("plain"), of("more"), "{line}");
        std::fs::remove_dir_all(folder.path("plain")).unwrap();
        std::fs::remove_dir_all(folder.path("more")).unwrap();
    }
}

/// Grades a case anew, with the right rewards in the place of the table's: none may change.
#[track_caller]
fn graded(name: &str, verifier: &str, leave_out: &str, expected: f64) {
    let folder = case(name);
    let right: Value =
        serde_json::from_str(&read(&format!("cases/field/{name}/expected.json"))).unwrap();
    let keep = |file: &str, change: &dyn Fn(&mut Value)| {
        let text = read(&format!("cases/field/{name}/{file}"));
        let lines = text.lines().filter_map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            change(&mut line);
            (line["prompt_id"] != leave_out).then(|| format!("{line}\n"))
        });
        folder.write(file, lines.collect::<String>().as_bytes());
    };
    keep("samples.jsonl", &|line| {
        line["reward"] = right[line["prompt_id"].as_str().unwrap()].clone();
    });
    keep("data.jsonl", &|_| ());
    let document = document(
        &folder,
        &[
            "pass",
            "samples.jsonl",
            "--verifier",
            verifier,
            "--data",
            "data.jsonl",
            "-k",
            "1",
        ],
    );
    let all = right.as_object().unwrap().len() - usize::from(!leave_out.is_empty());
    assert_eq!(document["regraded"]["judged"], all);
    assert_eq!(document["regraded"]["changed"], 0, "{name}");
    let value = document["models"][0]["pass"][0]["value"].as_f64().unwrap();
    assert!((value - expected).abs() < 5e-4, "{name}: {value}");
}

/// Cases 2, 18, 19 and 20.
#[test]
fn every_pair_is_graded_right() {
    graded("02-boxed-space-after-comma", "boxed", "", 0.9);
    graded("18-bare-tuples-ok", "boxed", "", 6.0 / 7.0);
    graded("19-last-number-ok", "number", "", 1.0);
    graded("20-math-verify-wrong-pairs-ok", "boxed", "", 4.0 / 11.0);
}

/// Case 7.
#[test]
fn an_answer_that_is_no_number_is_refused_and_the_others_are_graded_right() {
    let name = "07-number-gold-that-is-no-number";
    let folder = case(name);
    let all = [
        "pass",
        "samples.jsonl",
        "--verifier",
        "number",
        "--data",
        "data.jsonl",
    ];
    assert_snapshot!(folder.run(&all).failure(1), @"error: prompt_id tuple: has the answer `(3, 4)`, which is not one number; the verifier number compares numbers: use boxed (fractions, tuples, sets, expressions) or text, or give the number alone");
    graded(name, "number", "tuple", 5.0 / 8.0);
}

/// The prompt of the first line of `prompts.jsonl`, as the checkpoint `chat` is given it.
fn prompt(folder: &Folder) -> String {
    let right = "while read line; do echo '{\"reward\": 1}'; done";
    folder.write("grade.sh", right.as_bytes());
    folder
        .run(&[
            "sample",
            "chat",
            "--prompts",
            "prompts.jsonl",
            "-k",
            "1",
            "--max-tokens",
            "1",
            "--verifier",
            "command:sh grade.sh",
            "--text",
            "-o",
            "out.parquet",
            "-q",
        ])
        .success();
    let options = ReadOptions {
        texts: true,
        ..ReadOptions::default()
    };
    let table = SampleTable::read(&[folder.path("out.parquet")], &options).unwrap();
    table.text.unwrap().prompts[0].clone().unwrap()
}

/// Cases 3, 5, 6 and 26.
#[test]
fn templates_render_as_transformers_renders_them() {
    for name in [
        "03-chat-template-crlf",
        "05-chat-template-none-is-iterable",
        "06-chat-template-dict-order",
        "26-chat-template-reasoning-names",
    ] {
        let folder = case(name);
        let template = read(&format!("cases/field/{name}/chat_template.jinja"));
        chat(&folder, &template);
        let expected = read(&format!("cases/field/{name}/expected.txt"));
        assert_eq!(prompt(&folder), expected, "{name}");
    }
    // The same in tokenizer_config.json, and the reasoning under each of its names.
    let folder = case("03-chat-template-crlf");
    let template = read("cases/field/03-chat-template-crlf/chat_template.jinja");
    assert!(template.contains("\r\n"));
    chat(&folder, "");
    std::fs::remove_file(folder.path("chat/chat_template.jinja")).unwrap();
    let config = json!({"chat_template": template}).to_string();
    folder.write("chat/tokenizer_config.json", config.as_bytes());
    assert_eq!(prompt(&folder), "<|user|>\nhi\n<|assistant|>\n");
    for template_has in ["reasoning_content", "thinking"] {
        for data_has in ["reasoning_content", "thinking", "reasoning"] {
            let name = "26-chat-template-reasoning-names";
            let folder = case(name);
            let template = read(&format!("cases/field/{name}/chat_template.jinja"));
            chat(
                &folder,
                &template.replace("reasoning_content", template_has),
            );
            let data = read(&format!("cases/field/{name}/prompts.jsonl"));
            let data = data.replace("thinking", data_has);
            folder.write("prompts.jsonl", data.as_bytes());
            let expected = read(&format!("cases/field/{name}/expected.txt"));
            assert_eq!(prompt(&folder), expected, "{template_has}, {data_has}");
        }
    }
}

/// Case 8.
#[test]
fn the_checkpoints_beside_a_final_model_are_scored_too() {
    let folder = Folder::with(&[("data.jsonl", DATA)]);
    for name in ["run", "run/checkpoint-20", "run/checkpoint-100"] {
        family(&folder, "qwen2", name, &json!({}));
    }
    let ran = score(&folder, "run", "out.parquet");
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let expected = ["run/checkpoint-20", "run/checkpoint-100", "run"];
    assert_eq!(scores(&folder, "out.parquet").models, expected);
}

/// Case 9.
#[test]
fn logs_are_judged_anew() {
    let folder = case("09-regrade-a-log");
    let anew = ["verl", "--verifier", "boxed"];
    let data = ["--data", "data.jsonl"];
    assert_eq!(pass(&folder, &anew), [0.5, 1.0]);
    assert_eq!(pass(&folder, &[&anew[..], &["-k", "1"]].concat()), [0.5]);
    let log = "samples_gsm8k_2026-01-16T15-23-47.000001.jsonl";
    for more in [&[][..], &data] {
        let words = [log, "--filter", "score-first", "--verifier", "number"];
        let values = pass(&folder, &[&words[..], &["-k", "1,2,4"], more].concat());
        // 2 of 4 are right: 1 - C(2,2)/C(4,2) at k = 2.
        let expected = [0.5, 5.0 / 6.0, 1.0];
        assert!(
            values
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-12),
            "{values:?}"
        );
    }
}

/// Case 9. Whoever judges anew needs no grade: those of another scale do not matter, nor several.
#[test]
fn logs_whose_grades_are_no_rewards_are_judged_anew() {
    for log in ["minus", "bonus", "both"] {
        let folder = case("14-verl-minus-one-rewards");
        let path = format!("{log}/10.jsonl");
        let text = std::fs::read_to_string(folder.path(&path)).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        let text = first.replace("\"x\"", "\"It is 4.\"") + "\n" + rest;
        folder.write(&path, text.as_bytes());
        let words = [log, "--verifier", "number", "-k", "1"];
        assert_eq!(pass(&folder, &words), [0.5], "{log}");
    }
    let folder = case("25-trl-completions-ok");
    for step in [5, 7] {
        let log = format!("completions_0000{step}.parquet");
        let words = ["pass", &log, "--verifier", "regex:(a)", "-k", "1"];
        let data = "{\"prompt\":\"q1\",\"answer\":\"a\"}\n{\"prompt\":\"q2\",\"answer\":\"b\"}\n";
        folder.write("data.jsonl", data.as_bytes());
        let document = document(&folder, &[&words[..], &["--data", "data.jsonl"]].concat());
        assert_eq!(document["models"][0]["pass"][0]["value"], 0.5, "{step}");
    }
    // A list of scores is no reward, and stands beside a text.
    let log = inspect_log().replace(r#""value":"I""#, r#""value":[null,1.0]"#);
    let folder = Folder::with(&[("log.json", &log)]);
    let words = ["log.json", "--verifier", "number", "-k", "1"];
    assert_eq!(pass(&folder, &words), [0.5]);
}

/// Case 12.
#[test]
fn keys_of_messages_that_the_template_does_not_use_change_nothing() {
    let folder = case("12-message-extra-keys");
    chat(&folder, &read("golden/text/templates/chatml.jinja"));
    let plain = r#"{"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}"#;
    folder.write("plain.jsonl", plain.as_bytes());
    let of = |data: &str| {
        let out = format!("{data}.parquet");
        let ran = folder.run(&["score", "chat", "--data", data, "-o", &out]);
        assert_eq!(ran.status, 0, "{data}: {}", ran.stderr);
        scores(&folder, &out).logprob
    };
    assert_eq!(of("weight.jsonl"), of("plain.jsonl"));
    assert_eq!(of("nulls.jsonl"), of("plain.jsonl"));
}

/// Case 13.
#[test]
fn folders_of_adapters_say_what_they_are() {
    let folder = case("13-adapter-folders");
    folder.write("data.jsonl", DATA.as_bytes());
    let mut command = folder.command(&["score", "run", "--data", "data.jsonl", "-o", "o.parquet"]);
    command.env("HF_HUB_CACHE", folder.path("cache"));
    assert_snapshot!(Ran::of(command).failure(1), @r#"error: checkpoint run/checkpoint-10: holds a LoRA adapter of some/base, which is no folder here; say where that model is (--base DIR of score and sample), or merge it first: AutoPeftModelForCausalLM.from_pretrained("run/checkpoint-10").merge_and_unload().save_pretrained("merged")"#);
}

/// Case 14.
#[test]
fn rewards_of_another_scale_are_mapped_or_refused() {
    let folder = case("14-verl-minus-one-rewards");
    for (log, words, expected) in [
        ("minus", &["--reward-map", ">0"][..], 0.5),
        ("minus", &["--reward-map", "min=-1,max=1"], 0.5),
        ("bonus", &["--reward-map", ">=1"], 0.5),
        ("both", &["--reward", "acc"], 0.5),
    ] {
        let out = format!("{log}.parquet");
        let import = [&["import", log, "-o", &out], words].concat();
        folder.run(&import).success();
        assert_eq!(pass(&folder, &[&out, "-k", "1"]), [expected], "{log}");
    }
    assert_snapshot!(folder.run(&["import", "bonus", "-o", "no.parquet"]).failure(1), @"error: bonus/10.jsonl, line 1, field `score`: 1.1 is not a reward; give a number in [0, 1], or true or false; for rewards of another scale say what counts as right, as in --reward-map '>0', '>=1', '==1' or 'min=-1,max=1'");
    assert!(!folder.path("no.parquet").exists());
}

/// Case 16.
#[test]
fn choices_that_are_contexts_become_scores() {
    let folder = case("16-lm-eval-winogrande");
    let log = "samples_winogrande_2026-01-16T15-23-47.000001.jsonl";
    let import = ["import", log, "--model", "m", "-o", "out.parquet"];
    folder.run(&import).success();
    assert_eq!(scores(&folder, "out.parquet").logprob, [[-3.5, -3.5]]);
    folder
        .run(&[&import[..], &["--kind", "samples"]].concat())
        .success();
    assert_eq!(pass(&folder, &["out.parquet", "-k", "1"]), [1.0]);
}

/// Case 21.
#[test]
fn logs_of_inspect_become_samples() {
    let folder = case("21-inspect-logs-ok");
    let said = folder
        .run(&["import", "errors.json", "-o", "errors.parquet"])
        .success();
    assert_snapshot!(said, @"
    wrote errors.parquet: a sample table of 1 row (1 model, 1 prompt); next: breadth pass errors.parquet

     log          format         model  rows  left out
    ───────────────────────────────────────────────────
     errors.json  Inspect .json  m         1         2

    Note: Inspect .json: samples without a score are left out, which makes Pass@k too high if they were failures.
    Note: Inspect .json: the run ended with status `error`; samples written: 3.
    Note: Inspect .json: left out: samples that ended in an error (1).
    Note: Inspect .json: left out: samples that were not scored (1).
    ");
    let epochs = document(&folder, &["import", "epochs.json", "-o", "epochs.parquet"]);
    assert_eq!(
        (&epochs["rows"], &epochs["prompts"]),
        (&json!(8), &json!(2))
    );
    assert_eq!(pass(&folder, &["epochs.parquet", "-k", "1"]), [0.5]);
    assert_snapshot!(folder.run(&["import", "list.json", "-o", "l.parquet"]).failure(1), @"error: list.json, row 1, field `scores.s`: [null,1.0] is not a reward; choose a score that is a number in [0, 1] or one of C, P, I, N (--reward)");
}

/// Case 22.
#[test]
fn logs_of_evalplus_are_read_in_both_shapes() {
    let folder = case("22-evalplus-humaneval-ok");
    let (old, new) = ("old_eval_results.json", "new_eval_results.json");
    let words = ["import", old, new, "-o", "out.parquet"];
    for (more, expected) in [(&[][..], 0.5), (&["--reward", "base"], 1.0)] {
        let ran = folder.run(&[&words[..], more].concat());
        assert_eq!(ran.status, 0, "{}", ran.stderr);
        let document = document(&folder, &["pass", "out.parquet", "-k", "1"]);
        for (at, name) in ["old", "new"].into_iter().enumerate() {
            let model = &document["models"][at];
            assert_eq!(model["model"], name);
            assert_eq!(model["pass"][0]["value"], expected, "{name}");
        }
    }
}

/// Case 23.
#[test]
fn other_shapes_of_lm_eval_are_read_or_refused() {
    let folder = case("23-lm-eval-shapes-ok");
    let import = |log: &str, more: &[&str]| {
        let words = ["import", log, "--model", "m", "-o", "out.parquet"];
        folder.run(&[&words[..], more].concat())
    };
    assert_snapshot!(import("f1.jsonl", &[]).failure(1), @"error: f1.jsonl: no metric of this log is in [0, 1] for every document, as a reward must be; it has `f1`");
    import("lambada.jsonl", &[]).success();
    assert_eq!(scores(&folder, "out.parquet").logprob, [[-8.5, -9.5]]);
    assert_snapshot!(import("ifeval.jsonl", &[]).failure(1), @"error: ifeval.jsonl: 2 metrics in this log; choose one with --reward: `prompt_level_strict_acc`, `prompt_level_loose_acc`");
    import("ifeval.jsonl", &["--reward", "prompt_level_strict_acc"]).success();
    assert_eq!(pass(&folder, &["out.parquet", "-k", "1"]), [0.5]);
    // A metric that is missing somewhere is named with its line.
    let text = read("cases/field/23-lm-eval-shapes-ok/ifeval.jsonl");
    for value in ["null", "NaN"] {
        let broken = text.replace(
            "\"prompt_level_strict_acc\": true",
            &format!("\"prompt_level_strict_acc\": {value}"),
        );
        assert_ne!(broken, text);
        folder.write("broken.jsonl", broken.as_bytes());
        let said = import("broken.jsonl", &["--reward", "prompt_level_strict_acc"]).failure(1);
        assert!(said.contains("line 2"), "{value}: {said}");
    }
}

/// Case 24.
#[test]
fn unclear_forms_are_graded_as_other_graders_grade_them() {
    let mut data = String::new();
    let mut samples = String::new();
    let cases = read("cases/field/24-forms-not-equal-unclear/cases.jsonl");
    for (number, line) in cases.lines().enumerate() {
        let case: Value = serde_json::from_str(line).unwrap();
        let answer = json!({"prompt_id": number, "prompt": "q", "answer": case["gold"]});
        let sample = json!({
            "model": "m", "prompt_id": number, "response_id": 0, "reward": case["others"],
            "text": case["text"],
        });
        data.push_str(&format!("{answer}\n"));
        samples.push_str(&format!("{sample}\n"));
    }
    let folder = Folder::with(&[("data.jsonl", &data), ("samples.jsonl", &samples)]);
    let words = ["pass", "samples.jsonl", "--verifier", "boxed"];
    let document = document(&folder, &[&words[..], &["--data", "data.jsonl"]].concat());
    assert_eq!(document["regraded"]["judged"], 12);
    assert_eq!(document["regraded"]["changed"], 0);
}

/// Case 25.
#[test]
fn completions_of_trl_become_samples() {
    let folder = case("25-trl-completions-ok");
    let import = |step: u32, more: &[&str]| {
        let log = format!("completions_0000{step}.parquet");
        let words = ["import", &log, "--model", "run", "-o", "out.parquet"];
        folder.run(&[&words[..], more].concat())
    };
    assert_snapshot!(import(5, &[]).failure(1), @"error: completions_00005.parquet: 2 reward columns in this log; choose one with --reward: `accuracy_reward`, `format_reward`");
    import(5, &["--reward", "accuracy_reward"]).success();
    assert_eq!(pass(&folder, &["out.parquet", "-k", "1"]), [0.25]);
    assert_snapshot!(import(6, &[]).success(), @"
    wrote out.parquet: a sample table of 6 rows (1 model, 2 prompts); next: breadth pass out.parquet

     log                        format           model       rows  left out
    ────────────────────────────────────────────────────────────────────────
     completions_00006.parquet  TRL completions  run/step-6     6         2

    Note: TRL completions: rewards are the column `accuracy_reward`, the only one of numbers.
    Note: TRL completions: left out: responses whose reward is NaN or null (2).
    ");
    assert_snapshot!(import(7, &[]).failure(1), @"error: completions_00007.parquet, row 1, field `length_reward`: -12 is not a reward; give a number in [0, 1], or true or false; for rewards of another scale say what counts as right, as in --reward-map '>0', '>=1', '==1' or 'min=-1,max=1'");
}

/// A table of one's own with these columns in every row, and one of `texts` in each.
fn own(columns: &str, texts: &[&str]) -> String {
    let row = |(at, text): (usize, &&str)| {
        format!(
            "{{\"model\":\"m\",\"prompt_id\":1,\"response_id\":{at},\"text\":\"{text}\"{columns}}}\n"
        )
    };
    texts.iter().enumerate().map(row).collect()
}

#[test]
fn own_tables_without_rewards_are_graded_by_their_texts() {
    let texts = ["It is 4.", "It is 5.", "4"];
    let gold = own(r#","gold":"4""#, &texts);
    let csv =
        "model,prompt_id,response_id,text,gold\nm,1,0,It is 4.,4\nm,1,1,It is 5.,4\nm,1,2,4,4\n";
    let folder = Folder::with(&[
        ("gold.jsonl", &gold),
        ("gold.csv", csv),
        ("answer.jsonl", &own(r#","answer":"4""#, &texts)),
        ("null.jsonl", &own(r#","answer":"4","reward":null"#, &texts)),
        ("graded.jsonl", &own(r#","answer":"4","reward":0"#, &texts)),
        ("bare.jsonl", &own("", &texts)),
        (
            "data.jsonl",
            r#"{"prompt_id":1,"prompt":"2+2?","answer":4}"#,
        ),
    ]);
    let anew = ["--verifier", "number", "-k", "1"];
    for table in ["gold.jsonl", "gold.csv", "answer.jsonl", "null.jsonl"] {
        let values = pass(&folder, &[&[table], &anew[..]].concat());
        assert_eq!(values, [2.0 / 3.0], "{table}");
    }
    let data = ["bare.jsonl", "--data", "data.jsonl"];
    assert_eq!(pass(&folder, &[&data, &anew[..]].concat()), [2.0 / 3.0]);
    let said = folder.run(&[&["pass", "answer.jsonl"], &anew[..]].concat());
    assert_snapshot!(said.stderr, @"the table has no rewards and no column `gold`: its column `answer`, which is the same in all rows of a prompt, is taken as the right answer");
    // What stands in `answer` beside rewards, or differs, is what each response answers.
    let refused =
        |table: &str, more: &[&str]| folder.run(&[&["pass", table], more].concat()).failure(1);
    assert_snapshot!(refused("graded.jsonl", &anew), @"error: prompt 1: the table has no right answer to it (column `gold`; a column `answer` is what each response answers); give the answers with --data FILE");
    assert_snapshot!(refused("bare.jsonl", &anew), @"error: prompt 1: the table has no right answer to it (column `gold`; a column `answer` is what each response answers); give the answers with --data FILE");
    let differ = own(r#","answer":"4""#, &texts[..1])
        + &own(r#","answer":"5""#, &texts[1..]).replace("\"response_id\":0", "\"response_id\":7");
    folder.write("differ.jsonl", differ.as_bytes());
    assert_eq!(refused("differ.jsonl", &anew), refused("bare.jsonl", &anew));
    // Without a verifier there is nothing to count.
    assert_snapshot!(refused("bare.jsonl", &[]), @"error: bare.jsonl, line 1: no column `reward`; found `model`, `prompt_id`, `response_id`, `text`, and a sample table needs `model`, `prompt_id` and either `response_id` with `reward` (or `correct`, `passed`; or `text`, which --verifier judges) or the counts `n` and `c`; --columns takes others for them");
    assert_snapshot!(refused("null.jsonl", &[]), @"error: null.jsonl, line 1, column `reward`: no value; fill it in or remove the row; a response with a text can be judged (--verifier)");
}

#[test]
fn logs_that_nobody_graded_are_imported_and_graded_later() {
    let programs =
        "{\"task_id\":\"T/0\",\"completion\":\"4\"}\n{\"task_id\":\"T/0\",\"completion\":\"5\"}\n";
    let predicted = r#"{"doc_id": 0, "doc": {"q": "Q0"}, "target": "4", "arguments": {"gen_args_0": {"arg_0": "Q0", "arg_1": {"until": ["\n"]}}}, "resps": [["It is 4"]], "filtered_resps": ["It is 4"], "filter": "none", "metrics": ["bypass"], "bypass": 999}"#;
    let folder = Folder::with(&[
        ("tuned.jsonl", programs),
        ("generations.json", "[[\"4\", \"5\"]]"),
        ("samples_sums_1.jsonl", predicted),
        (
            "data.jsonl",
            r#"{"prompt_id":"T/0","prompt":"2+2?","answer":4}"#,
        ),
    ]);
    let said = folder.run(&["import", "tuned.jsonl", "-o", "out.parquet"]);
    assert_snapshot!(said.success(), @"
    wrote out.parquet: a sample table of 2 rows (1 model, 1 prompt); next: breadth pass out.parquet --verifier VERIFIER

     log          format              model  rows  left out
    ────────────────────────────────────────────────────────
     tuned.jsonl  human-eval results  tuned     2         0

    2 responses without a reward: nobody graded these logs. breadth pass out.parquet --verifier VERIFIER judges the texts (--data FILE has the right answers, where the log has none).
    ");
    let anew = ["--verifier", "number", "-k", "1", "--data", "data.jsonl"];
    assert_eq!(
        pass(&folder, &[&["out.parquet"], &anew[..]].concat()),
        [0.5]
    );
    assert_eq!(
        pass(&folder, &[&["tuned.jsonl"], &anew[..]].concat()),
        [0.5]
    );
    assert_snapshot!(folder.run(&["pass", "out.parquet"]).failure(1), @"error: out.parquet, row 1, column `reward`: no value; fill it in or remove the row; a response with a text can be judged (--verifier)");
    assert_snapshot!(folder.run(&["pass", "tuned.jsonl"]).failure(1), @"error: tuned.jsonl, line 1: no response of this log is graded; give the log that the evaluation writes, or judge the texts (--verifier)");
    let import = |log: &str| {
        let words = ["import", log, "--model", "m", "-o", "more.parquet"];
        document(&folder, &words)["ungraded"].clone()
    };
    assert_eq!(import("generations.json"), 2);
    assert_eq!(import("samples_sums_1.jsonl"), 1);
    let own = ["more.parquet", "--verifier", "number"];
    assert_eq!(pass(&folder, &own), [1.0], "the log has the right answer");
    // A log of which some responses are graded keeps those.
    let mixed = programs.replacen("\"4\"", "\"4\",\"passed\":true", 1);
    folder.write("mixed.jsonl", mixed.as_bytes());
    assert_snapshot!(folder.run(&["import", "mixed.jsonl", "-o", "m.parquet"]).failure(1), @"error: mixed.jsonl, line 2, field `passed`: not graded; give the file of results that the evaluation writes (.._results.jsonl)");
}

/// A log of Inspect with two samples in two epochs, of which one response in three is graded right.
fn inspect_log() -> String {
    let sample = |id: Value, epoch: u32, text: &str, grade: &str| {
        json!({
            "id": id, "epoch": epoch, "input": "2+2?", "target": "4",
            "output": {"choices": [{"message": {"role": "assistant", "content": text}}]},
            "scores": {"match": {"value": grade}},
        })
    };
    let mut samples = [
        sample(json!(1), 1, "It is 4.", "I"),
        sample(json!(1), 2, "5", "I"),
        sample(json!("b"), 1, "**4**", "C"),
        sample(json!("b"), 2, "No number.", "I"),
    ];
    // A solver that writes its output itself leaves no choices.
    samples[3]["output"] = json!({"choices": [], "completion": "No number."});
    let eval = json!({"task": "sums", "model": "org/tiny"});
    json!({"version": 2, "status": "success", "eval": eval, "plan": {}, "samples": samples})
        .to_string()
}

#[test]
fn new_grades_are_kept_as_a_table_or_as_scores_for_inspect() {
    let log = inspect_log();
    let folder = Folder::with(&[("log.json", &log)]);
    let grade = |out: &str| {
        let words = ["pass", "log.json", "--verifier", "number", "-o", out];
        folder.run(&[&words[..], &["-k", "1", "--json"]].concat())
    };
    let ran = grade("scores.jsonl");
    assert_snapshot!(ran.stderr, @"wrote scores.jsonl: 4 rows for Inspect; inspect score LOG --action append --scorer precomputed_scores -S scores=scores.jsonl puts them into the log");
    let lines = std::fs::read_to_string(folder.path("scores.jsonl")).unwrap();
    assert_snapshot!(lines, @r#"
    {"answer":"4","epoch":1,"id":"1","value":1.0}
    {"answer":"5","epoch":2,"id":"1","value":0.0}
    {"answer":"4","epoch":1,"id":"b","value":1.0}
    {"answer":null,"epoch":2,"id":"b","value":0.0}
    "#);
    let ran = grade("graded.parquet");
    assert_snapshot!(ran.stderr, @"wrote graded.parquet: a sample table of 4 rows");
    let before: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(before["models"][0]["pass"][0]["value"], 0.5);
    let table = ["pass", "graded.parquet", "-k", "1"];
    let after = document(&folder, &table);
    assert_eq!(after["models"], before["models"]);
    let majority = document(&folder, &[&table[..], &["--majority"]].concat());
    assert_eq!(majority["models"][0]["majority"][0]["value"], 0.5);
    // Graded once more, from its own texts and right answers.
    let again = [&table[..], &["--verifier", "number"]].concat();
    assert_eq!(document(&folder, &again)["regraded"]["changed"], 0);
    folder
        .run(&["select", "graded.parquet", "--json"])
        .success();
    assert_snapshot!(grade("log.json").failure(1), @"error: log.json: this is the input log.json; nothing was written. Choose another output");
    assert_eq!(
        std::fs::read_to_string(folder.path("log.json")).unwrap(),
        log
    );
    folder.write(
        "other.json",
        log.replace("org/tiny", "org/small").as_bytes(),
    );
    let both = ["pass", "log.json", "other.json", "--verifier", "number"];
    let both = folder.run(&[&both[..], &["-o", "both.jsonl"]].concat());
    assert_snapshot!(both.failure(1), @"error: -o FILE.jsonl is for the scores of one log of Inspect, and there are 2 models here: give one log, or write a table (-o FILE.parquet)");
    assert!(!folder.path("both.jsonl").exists());
    let usage = folder
        .run(&["pass", "log.json", "-o", "x.parquet"])
        .failure(2);
    assert!(usage.contains("--verifier"), "{usage}");
}

#[test]
fn a_configuration_finds_its_data_beside_itself() {
    let train = "[data]\nfiles = [\"train.jsonl\"]\ntokenizer = \"tokenizer.json\"\n\
        [model]\nlayers = 1\nwidth = 8\nheads = 1\npositions = 16\n\
        [train]\nsteps = 1\nbatch_size = 1\n";
    let data = r#"{"prompt": "2+2?", "response": " 4"}"#;
    let folder = Folder::with(&[("task/train.toml", train), ("task/train.jsonl", data)]);
    folder.write(
        "task/tokenizer.json",
        read("golden/text/byte_level.json").as_bytes(),
    );
    let run = |out: &str| folder.run(&["train", "task/train.toml", "--out", out, "-q"]);
    run("run").success();
    assert!(
        folder
            .path("run/checkpoints/step-000001/tokenizer.json")
            .exists()
    );
    // Another file of the same name where the program runs: which one is meant?
    folder.write("train.jsonl", data.as_bytes());
    assert_snapshot!(run("other").failure(1), @"error: task/train.toml: [data] `train.jsonl` is there twice, from here and as task/train.jsonl; write the whole path of the one that is meant");
    assert!(!folder.path("other").exists());
}
