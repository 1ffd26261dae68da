//! lm-evaluation-harness.

use breadth_data::{ReadOptions, SampleTable, ScoreTable, Table};
use insta::assert_snapshot;

use crate::support::{Ask, Folder, asked_refusal, golden, logs, refusal, row, rows};

const REAL: &str = "lm-eval/tiny/samples_tinymc_2026-11-23T12-56-45.049373.jsonl";
const REVISION: &str = "lm-eval/org__tiny/samples_tinymc_2026-11-24T08-00-00.000001.jsonl";
const GENERATED: &str = "lm-eval/generated/samples_sums_2026-11-24T09-00-00.000002.jsonl";
const PROGRAMS: &str = "lm-eval/programs/samples_humaneval_2026-11-24T10-00-00.000003.jsonl";
const TEXTS: &str = "lm-eval/texts/samples_wikitext_2026-11-24T11-00-00.000004.jsonl";

#[test]
fn log_likelihoods_of_the_targets() {
    let logs = logs(&[REAL]);
    assert_eq!(logs.table, Table::Scores);
    let expected = [
        ("tinymc/0", "0", -10.021769523620605),
        ("tinymc/1", "1", -9.123855590820312),
        ("tinymc/2", "0", -12.691146850585938),
        ("tinymc/3", "1", -9.538779258728027),
    ];
    let expected = expected.map(|(prompt, response, value)| row("tiny", prompt, response, value));
    assert_eq!(rows(&logs), expected);
    assert_eq!(logs.files[0].format, "lm-evaluation-harness samples");
    assert!(
        logs.score_rows()
            .all(|row| row.group.as_deref() == Some("tinymc") && row.source == "data")
    );
}

#[test]
fn checkpoints_join_and_a_revision_names_one() {
    let logs = logs(&[REAL, REVISION]);
    assert_eq!(logs.models(), ["tiny", "org/tiny@step20"]);
    let second = [
        (0, 0, -1.5),
        (1, 1, f64::NEG_INFINITY),
        (2, 0, -0.25),
        (3, 1, -0.5),
    ];
    let second = second.map(|(doc, choice, value)| {
        row(
            "org/tiny@step20",
            &format!("tinymc/{doc}"),
            &choice.to_string(),
            value,
        )
    });
    assert_eq!(rows(&logs)[4..], second);
}

#[test]
fn a_log_is_a_table_without_import() {
    let table =
        ScoreTable::read(&[golden(REAL), golden(REVISION)], &ReadOptions::default()).unwrap();
    assert_eq!(table.models, ["tiny", "org/tiny@step20"]);
    assert_eq!(
        table.column("org/tiny@step20").unwrap(),
        [-1.5, f64::NEG_INFINITY, -0.25, -0.5]
    );
    assert_eq!(table.groups, ["tinymc"]);
    assert!(table.remarks.is_empty(), "{:?}", table.remarks);
}

#[test]
fn metrics_of_choices_where_samples_are_asked_for() {
    let ask = Ask {
        table: Some(Table::Samples),
        ..Ask::default()
    };
    let expected = [(0, 0.0), (1, 1.0), (2, 0.0), (3, 1.0)];
    let expected = expected.map(|(doc, acc)| row("tiny", &format!("tinymc/{doc}"), "0", acc));
    let logs = ask.logs(&[REAL]);
    assert_eq!(rows(&logs), expected);
    assert!(logs.files[0].dropped.is_empty(), "{:?}", logs.remarks());
}

#[test]
fn generated_answers_by_filter() {
    let strict = Ask {
        filter: "strict-match",
        ..Ask::default()
    };
    let logs = strict.logs(&[GENERATED]);
    let values =
        |logs: &breadth_data::Logs| rows(logs).into_iter().map(|row| row.3).collect::<Vec<_>>();
    assert_eq!(values(&logs), [1.0, 0.0, 0.0]);
    let answers: Vec<Option<String>> = logs.sample_rows().map(|row| row.answer).collect();
    assert_eq!(
        answers,
        ["4", "[invalid]", "10"].map(|text| Some(text.to_owned()))
    );
    let flexible = Ask {
        filter: "flexible-extract",
        ..Ask::default()
    };
    assert_eq!(values(&flexible.logs(&[GENERATED])), [1.0, 1.0, 0.0]);
    assert_eq!(
        logs.remarks(),
        [
            "lm-evaluation-harness samples: rewards are the metric `exact_match`, filter `strict-match`"
        ]
    );
}

#[test]
fn a_filter_must_be_chosen() {
    let folder = Folder::new();
    let path = folder.file(
        "samples_sums_2026.jsonl",
        std::fs::read(golden(GENERATED)).unwrap(),
    );
    let ask = |filter| Ask {
        filter,
        model: "m",
        ..Ask::default()
    };
    assert_snapshot!(folder.refusal(&ask(""), std::slice::from_ref(&path)), @"samples_sums_2026.jsonl: 2 filters in this log; choose one with `LogOptions::filter`: `strict-match`, `flexible-extract`");
    assert_snapshot!(folder.refusal(&ask("strict"), &[path]), @"samples_sums_2026.jsonl: `LogOptions::filter` strict: no such filter in this log; it has `strict-match`, `flexible-extract`");
}

#[test]
fn pass_at_1_of_repeats_is_a_count() {
    let logs = logs(&[PROGRAMS]);
    let table = |logs: &breadth_data::Logs| -> Vec<(String, f64)> {
        logs.sample_rows()
            .map(|row| (row.prompt_id, row.reward))
            .collect()
    };
    let of =
        |doc: usize, rewards: [f64; 4]| rewards.map(|reward| (format!("humaneval/{doc}"), reward));
    let expected = [
        of(0, [1.0, 0.0, 0.0, 0.0]),
        of(1, [1.0; 4]),
        of(2, [0.0; 4]),
    ];
    assert_eq!(table(&logs), expected.concat());
    assert_eq!(logs.models(), ["programs"], "the folder names the model");
    let remarks = logs.remarks().join("\n");
    assert!(
        remarks.contains("how many responses to a prompt were right, not which"),
        "{remarks}"
    );
}

#[test]
fn whole_texts() {
    let expected = [("wikitext/0", -10.5), ("wikitext/1", -20.25)];
    let expected = expected.map(|(prompt, value)| row("texts", prompt, "0", value));
    assert_eq!(rows(&logs(&[TEXTS])), expected);
}

#[test]
fn a_log_of_the_other_table() {
    let folder = Folder::new();
    let error = SampleTable::read(&[golden(TEXTS)], &ReadOptions::default()).unwrap_err();
    let text = error.to_string();
    let why = "no metric of this log is in [0, 1] for every document, as a reward must be; it has `word_perplexity`";
    assert!(text.ends_with(why), "{text}");
    let path = folder.file(
        "samples_a_2026.jsonl",
        std::fs::read(golden(PROGRAMS)).unwrap(),
    );
    let error = ScoreTable::read(&[path], &ReadOptions::default()).unwrap_err();
    assert_snapshot!(folder.message(error), @"samples_a_2026.jsonl: this is a sample table, and a score table is needed here; `pass` and `select` take sample tables (responses that all models were asked about are told by a column `source`)");
}

/// A line of a multiple-choice task as some version writes it.
fn line(doc_id: usize, target: &str, choices: &[&str], resps: &str, rest: &str) -> String {
    let arguments: Vec<String> = choices
        .iter()
        .enumerate()
        .map(|(at, choice)| {
            format!(r#""gen_args_{at}":{{"arg_0":"Q{doc_id}","arg_1":"{choice}"}}"#)
        })
        .collect();
    format!(
        r#"{{"doc_id":{doc_id},"doc":{{}},"target":"{target}","arguments":{{{}}},"resps":{resps}{rest}}}"#,
        arguments.join(",")
    ) + "\n"
}

/// The log-probabilities of a log of these lines.
#[track_caller]
fn values(content: String) -> Vec<f64> {
    let folder = Folder::new();
    let path = folder.file("model/samples_t_2026.jsonl", content);
    let ask = Ask::default();
    let logs = ask.read(&[path]).unwrap_or_else(|error| panic!("{error}"));
    rows(&logs).into_iter().map(|row| row.3).collect()
}

#[test]
fn every_way_to_write_a_log_likelihood() {
    let two = [" a", " b"];
    for resps in [
        r#"[[["-1.5","False"]],[["-2","True"]]]"#,
        "[[[-1.5,false]],[[-2,true]]]",
        "[[-1.5],[-2]]",
        r#"["-1.5","-2"]"#,
    ] {
        assert_eq!(values(line(0, "0", &two, resps, "")), [-1.5], "{resps}");
    }
    for infinite in [r#""-inf""#, r#""-Infinity""#, "-Infinity"] {
        let resps = format!("[[[{infinite},false]],[[-2,true]]]");
        assert_eq!(
            values(line(0, "0", &two, &resps, "")),
            [f64::NEG_INFINITY],
            "{infinite}"
        );
    }
    let rounding = "[[[0.0005,false]],[[-2,true]]]";
    assert_eq!(values(line(0, "0", &two, rounding, "")), [0.0]);
}

#[test]
fn arguments_as_lists_and_responses_only_filtered() {
    let line = r#"{"doc_id":5,"doc":{},"target":" b","arguments":[["Q"," a"],["Q"," b"]],"filtered_resps":[[-1,false],[-3,false]],"acc":0.0}"#;
    assert_eq!(values(line.into()), [-3.0]);
}

#[test]
fn targets_as_texts() {
    let resps = "[[[-1,false]],[[-2,true]]]";
    assert_eq!(values(line(0, "b", &[" a", " b"], resps, "")), [-2.0]);
    assert_eq!(
        values(line(0, " b", &["b", " b"], resps, "")),
        [-2.0],
        "the exact text counts first"
    );
    assert_eq!(
        values(line(
            0,
            "said whole",
            &[" said whole"],
            "[[[-4,false]]]",
            ""
        )),
        [-4.0]
    );
}

#[test]
fn numbers_as_choices_are_told_by_the_accuracy() {
    // The most likely choice is " 2" at position 1: as a number the target 1 is right, as a text it
    // is not.
    let (choices, resps) = ([" 1", " 2"], "[[[-3,false]],[[-2,true]]]");
    assert_eq!(
        values(line(0, "1", &choices, resps, r#","acc":1.0"#)),
        [-2.0]
    );
    assert_eq!(
        values(line(0, "1", &choices, resps, r#","acc":0.0"#)),
        [-3.0]
    );
    assert_snapshot!(refusal("m/samples_t_2026.jsonl", line(0, "1", &choices, resps, "")), @"m/samples_t_2026.jsonl, line 1, field `target`: `1` is the number of one choice and the text of another, and no metric `acc` tells which is meant; log `acc` too, or import the metrics (`Table::Samples`)");
    let wrong = line(0, "0", &[" a", " b"], resps, r#","acc":1.0"#);
    assert_snapshot!(refusal("m/samples_t_2026.jsonl", wrong), @"m/samples_t_2026.jsonl, line 1, field `target`: `0` does not agree with `acc`, which says whether the most likely choice is the target; import the metrics instead (`Table::Samples`)");
    assert_snapshot!(refusal("m/samples_t_2026.jsonl", line(0, "[0, 1]", &choices, resps, "")), @"m/samples_t_2026.jsonl: no target is among the choices that were scored; import the metrics instead (`Table::Samples`)");
}

#[test]
fn choices_asked_about_again_without_their_context() {
    let line = r#"{"doc_id":0,"doc":{},"target":"1","arguments":{"gen_args_0":{"arg_0":"Q","arg_1":" a"},"gen_args_1":{"arg_0":"Q","arg_1":" b"},"gen_args_2":{"arg_0":"","arg_1":" a"},"gen_args_3":{"arg_0":"","arg_1":" b"}},"resps":[[[-1,0]],[[-2,0]],[[-0.1,0]],[[-9,0]]],"acc":0.0,"acc_mutual_info":1.0}"#;
    assert_eq!(values(line.into()), [-2.0]);
}

#[test]
fn lines_of_one_document_under_several_filters() {
    let resps = "[[[-1,false]],[[-2,true]]]";
    let of = |filter: &str| format!(r#","filter":"{filter}","acc":1.0,"acc_norm":0.0"#);
    let content = line(0, "0", &["a", "b"], resps, &of("none"))
        + &line(0, "0", &["a", "b"], resps, &of("other"));
    let folder = Folder::new();
    let path = folder.file("m/samples_t_2026.jsonl", &content);
    let logs = Ask::default().read(std::slice::from_ref(&path)).unwrap();
    assert_eq!(rows(&logs), [row("m", "t/0", "0", -1.0)]);
    assert_eq!(
        logs.remarks(),
        [
            "lm-evaluation-harness samples: left out: lines that repeat a document under another filter (1)"
        ]
    );
    let other = line(
        0,
        "0",
        &["a", "b"],
        "[[[-7,false]],[[-2,true]]]",
        &of("none"),
    );
    let twice = content.clone() + &other;
    assert_snapshot!(refusal("m/samples_t_2026.jsonl", twice), @"m/samples_t_2026.jsonl, line 3: duplicate of m/samples_t_2026.jsonl, line 1: both give doc_id 0, filter `none`; remove one of them");
    let samples = Ask {
        table: Some(Table::Samples),
        filter: "none",
        ..Ask::default()
    };
    assert_snapshot!(asked_refusal(&samples, "m/samples_t_2026.jsonl", &content), @"m/samples_t_2026.jsonl: 2 metrics in this log; choose one with `LogOptions::reward`: `acc`, `acc_norm`");
    let acc = Ask {
        reward: "acc",
        ..samples
    };
    assert_eq!(
        rows(&acc.read(&[path]).unwrap()),
        [row("m", "t/0", "0", 1.0)]
    );
}

#[test]
fn several_targets_are_left_out() {
    let resps = "[[[-1,false]],[[-2,true]]]";
    let content = line(0, "0", &["a", "b"], resps, "") + &line(1, "[0, 1]", &["a", "b"], resps, "");
    let folder = Folder::new();
    let path = folder.file("m/samples_t_2026.jsonl", content);
    let logs = Ask::default().read(&[path]).unwrap();
    assert_eq!(logs.rows(), 1);
    let dropped = &logs.files[0].dropped;
    assert_eq!(
        dropped[..],
        [(
            1,
            "documents whose target is none of the choices, or several".to_owned()
        )]
    );
}

#[test]
fn a_log_in_which_a_run_stands_twice() {
    let folder = Folder::new();
    let resps = "[[[-1,false]],[[-2,true]]]";
    let one = |filter: &str| {
        let rest = format!(r#","filter":"{filter}""#);
        line(0, "1", &[" a", " b"], resps, &rest)
    };
    let said = |content: String| {
        let path = folder.file("m/samples_t_1.jsonl", content);
        Ask::default().read(&[path]).unwrap().remarks().join("; ")
    };
    assert_snapshot!(said(one("none") + &one("none")), @"lm-evaluation-harness samples: left out: lines that repeat a document, as a run leaves them that is appended to the log of an earlier one (1)");
    assert_snapshot!(said(one("none") + &one("other")), @"lm-evaluation-harness samples: left out: lines that repeat a document under another filter (1)");
}

#[test]
fn a_list_as_earlier_versions_wrote_it() {
    let folder = Folder::new();
    let of = |name: &str, task: &str| {
        let items = (0..2).map(|id| {
            let line = line(
                id,
                "1",
                &[" a", " b"],
                "[[[-1,false]],[[-Infinity,true]]]",
                "",
            );
            line.replace("\"doc\":{}", &format!("\n  \"doc\": {{\"of\":\"{task}\"}}"))
        });
        let items: Vec<String> = items.collect();
        folder.file(name, format!("[\n  {}\n]", items.join(",\n  ")))
    };
    let paths = [
        of("m/samples_snarks_2025-03-01T10-00-00.123456.json", "snarks"),
        of("m/samples_gpqa_2025-03-01T10-00-00.123456.json", "gpqa"),
    ];
    let infinite = f64::NEG_INFINITY;
    let logs = Ask::default().read(&paths).unwrap();
    let expected = ["snarks/0", "snarks/1", "gpqa/0", "gpqa/1"];
    assert_eq!(
        rows(&logs),
        expected.map(|prompt| row("m", prompt, "1", infinite))
    );
    let by_folder = Ask::default().read(&[folder.path()]).unwrap();
    assert_eq!(by_folder.rows(), 4);
    let wrong = "[{\"doc_id\":0,\"doc\":{}},\n{\"doc_id\":1,\"doc\":{}}]";
    assert_snapshot!(refusal("m/samples_t_1.json", wrong), @"m/samples_t_1.json, row 1, field `arguments`: no value; is this line whole?");
}

#[test]
fn tasks_that_no_name_says_stay_apart() {
    let folder = Folder::new();
    let of = |name: &str, task: &str| {
        let line = line(0, "1", &[" a", " b"], "[[[-1,false]],[[-2,true]]]", "");
        let line = line.replace("\"doc\":{}", &format!("\"doc\":{{\"of\":\"{task}\"}}"));
        folder.file(name, line)
    };
    let one = [
        of("a/pretrained__a_piqa.jsonl", "piqa"),
        of("b/pretrained__b_piqa.jsonl", "piqa"),
    ];
    assert_eq!(Ask::default().read(&one).unwrap().prompts(), ["0"]);
    let others = [
        of("a/pretrained__a_arc.jsonl", "arc"),
        of("b/pretrained__b_arc.jsonl", "arc"),
    ];
    let logs = Ask::default().read(&[one, others].concat()).unwrap();
    assert_eq!((logs.models().len(), logs.rows()), (2, 4));
    assert_snapshot!(logs.prompts().join(" "), @"f59c609420b29065/0 92204f79c07fd92d/0");
    assert_snapshot!(logs.remarks().join("; "), @"several tasks in logs whose names do not say which (samples_{task}_{time}.jsonl): prompts are named after their documents");
}

/// Beside the results of a later run of another model.
#[test]
fn a_log_without_its_own_results_has_not_the_model_of_another_run() {
    let folder = Folder::new();
    let log = std::fs::read(golden(REAL)).unwrap();
    folder.file(
        "mine/results_2026-11-24T00-00-00.000001.json",
        r#"{"model_name": "other"}"#,
    );
    let path = folder.file("mine/samples_tinymc_2026-11-23T12-56-45.049373.jsonl", log);
    assert_eq!(Ask::default().read(&[path]).unwrap().models(), ["mine"]);
}

/// As data frames write whole numbers.
#[test]
fn numbers_of_documents_may_be_floats() {
    let folder = Folder::new();
    let log = std::fs::read_to_string(golden(GENERATED)).unwrap();
    let number = |text: &str| {
        let path = folder.file("m/samples_sums_1.jsonl", text);
        let ask = Ask {
            filter: "strict-match",
            ..Ask::default()
        };
        rows(&ask.read(&[path]).unwrap())
    };
    let floats = log.replace("\"doc_id\": 0,", "\"doc_id\": 0.0,");
    assert_ne!(floats, log);
    assert_eq!(number(&floats), number(&log));
}
