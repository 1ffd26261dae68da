//! human-eval, EvalPlus, large_language_monkeys and sharpening-tax.

use insta::assert_snapshot;

use crate::support::{Ask, Folder, asked_refusal, golden, logs, refusal, row, rows};

#[test]
fn human_eval_results() {
    let logs = logs(&["human-eval/base.jsonl_results.jsonl"]);
    let of = |task: &str, at: &str, value| row("base", &format!("HumanEval/{task}"), at, value);
    assert_eq!(
        rows(&logs),
        [
            of("0", "0", 1.0),
            of("1", "0", 0.0),
            of("0", "1", 0.0),
            of("1", "1", 0.0)
        ]
    );
    let named = Ask {
        model: "mine",
        ..Ask::default()
    };
    assert_eq!(
        named
            .logs(&["human-eval/base.jsonl_results.jsonl"])
            .models(),
        ["mine"]
    );
}

/// As data frames and `str()` write truth values.
#[test]
fn grades_of_human_eval_as_text() {
    let folder = Folder::new();
    let line =
        |passed: &str| format!(r#"{{"task_id":"H/0","completion":"x","passed":"{passed}"}}"#);
    let path = folder.file("m_results.jsonl", line("True") + "\n" + &line("false"));
    let rewards = Ask::default().read(&[path]).unwrap();
    let rewards: Vec<f64> = rewards.sample_rows().map(|row| row.reward).collect();
    assert_eq!(rewards, [1.0, 0.0]);
}

#[test]
fn programs_that_nobody_tested() {
    let line = "{\"task_id\": \"HumanEval/0\", \"completion\": \"return 1\"}\n";
    assert_snapshot!(refusal("samples.jsonl", line), @"samples.jsonl, line 1: no response of this log is graded; give the log that the evaluation writes, or judge the texts (`ReadOptions::texts`)");
    let odd =
        "{\"task_id\": \"a\", \"passed\": true}\n{\"task_id\": \"a\", \"passed\": \"perhaps\"}\n";
    assert_snapshot!(refusal("samples.jsonl", odd), @"samples.jsonl, line 2, field `passed`: not graded; give the file of results that the evaluation writes (.._results.jsonl)");
    assert_snapshot!(refusal("samples.jsonl", "{\"task_id\": \"a\", \"passed\": true}\n{\"passed\": false}\n"), @"samples.jsonl, line 2, field `task_id`: no value; is this line whole?");
    assert_snapshot!(refusal("samples.jsonl", "{\"task_id\": \"a\", \"passed\": 2}\n"), @"samples.jsonl, line 1, field `passed`: 2 is not a reward; give a number in [0, 1], or true or false; for rewards of another scale say what counts as right, as in `LogOptions::reward_map` '>0', '>=1', '==1' or 'min=-1,max=1'");
    assert_snapshot!(refusal("samples.jsonl", "{\"task_id\": \"a\", \"passed\": true}\n{\"task_id\": \"a\", \"pas"), @"samples.jsonl, line 2: not a JSON object (EOF while parsing a string, character 21); the log may be truncated: copy it again, or remove what is not whole");
}

#[test]
fn eval_plus_results_of_both_versions() {
    for (name, model) in [
        ("tuned.eval_results.json", "tuned"),
        ("earlier_eval_results.json", "earlier"),
    ] {
        let name = format!("evalplus/{name}");
        let of = |values: [f64; 4]| {
            let keys = [("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")]
                .into_iter()
                .zip(values);
            keys.map(|((task, at), value)| row(model, &format!("HumanEval/{task}"), at, value))
                .collect::<Vec<_>>()
        };
        let ask = |reward| Ask {
            reward,
            ..Ask::default()
        };
        assert_eq!(
            rows(&ask("").logs(&[&name])),
            of([1.0, 0.0, 0.0, 0.0]),
            "both kinds of tests"
        );
        assert_eq!(rows(&ask("plus").logs(&[&name])), of([1.0, 0.0, 0.0, 0.0]));
        assert_eq!(rows(&ask("base").logs(&[&name])), of([1.0, 1.0, 0.0, 0.0]));
    }
    let base_only = r#"{"date":"","hash":"","eval":{"a":[{"task_id":"a","solution":"","base_status":"pass","plus_status":null}]}}"#;
    let folder = Folder::new();
    let path = folder.file("m.eval_results.json", base_only);
    assert_eq!(
        rows(&Ask::default().read(&[path]).unwrap()),
        [row("m", "a", "0", 1.0)]
    );
    let plus = Ask {
        reward: "plus",
        ..Ask::default()
    };
    assert_snapshot!(asked_refusal(&plus, "m.eval_results.json", base_only), @"m.eval_results.json: `LogOptions::reward` plus: no such reward in this log; it has `base`");
    assert_snapshot!(refusal("m.json", r#"{"date":"","hash":"","eval":{"a":[{"solution":""}]}}"#), @"m.json, field `eval.a`: not what EvalPlus writes there (missing field `base_status`)");
}

#[test]
fn a_folder_of_yaml_files() {
    let logs = logs(&["monkeys/Llama-3-8B", "monkeys/Llama-3-8B/contest"]);
    let of = |prompt: &str, values: [f64; 3]| {
        let keys = ["0", "1", "2"].into_iter().zip(values);
        keys.map(|(at, value)| row("Llama-3-8B", prompt, at, value))
            .collect::<Vec<_>>()
    };
    let expected = [
        of("0", [1.0, 0.0, 1.0]),
        of("algebra_12", [0.0; 3]),
        of("contest", [1.0, 1.0, 0.0]),
    ];
    assert_eq!(rows(&logs), expected.concat());
}

#[test]
fn yaml_files_that_are_wrong() {
    assert_snapshot!(refusal("m/0.yaml", "prompt: hello\nsamples:\n- a\n- b\n"), @"m/0.yaml: no response of this log is graded; give the log that the evaluation writes, or judge the texts (`ReadOptions::texts`)");
    assert_snapshot!(refusal("m/0.yaml", "is_corrects:\n- true\nsamples:\n- a\n- b\n"), @"m/0.yaml, field `is_corrects`: 1 outcomes for 2 samples");
    assert_snapshot!(refusal("m/0.yaml", "is_corrects:\n- true\n- perhaps\nsamples:\n- a\n- b\n"), @"m/0.yaml, line 3: not readable as YAML (invalid boolean at line 3, column 3); the file may be truncated: copy it again");
    assert_snapshot!(refusal("m/0.yaml", "samples:\n- a\n- \"b\n"), @"m/0.yaml, line 3: not readable as YAML (unclosed quote at line 3, column 3); the file may be truncated: copy it again");
    assert_snapshot!(refusal("m/0.yaml", b"samples:\n- \xff\n"), @"m/0.yaml: not UTF-8; save the file as UTF-8");
}

#[test]
fn as_many_samples_as_the_paper_draws() {
    let folder = Folder::new();
    let mut text = String::from("gt_answer: '1'\nis_corrects:\n");
    let n = 300_000;
    (0..n).for_each(|at| text.push_str(if at % 3 == 0 { "- true\n" } else { "- false\n" }));
    text.push_str("samples:\n");
    (0..n).for_each(|at| text.push_str(&format!("- the answer is {at}\n")));
    let path = folder.file("m/0.yaml", text);
    let logs = Ask::default().read(&[path]).unwrap();
    assert_eq!(logs.rows(), n);
    assert_eq!(
        logs.sample_rows().filter(|row| row.reward == 1.0).count(),
        n / 3
    );
}

#[test]
fn outcomes_of_agents() {
    let logs = logs(&["sharpening-tax/base.jsonl"]);
    let of = |task: &str, values: [f64; 4]| {
        let keys = ["0", "1", "2", "3"].into_iter().zip(values);
        keys.map(|(at, value)| row("org/base-31B:harness", task, at, value))
            .collect::<Vec<_>>()
    };
    let expected = [
        of("parallel_0", [1.0, 0.0, 1.0, 1.0]),
        of("irrelevance_3", [0.0, 0.0, 0.0, 1.0]),
        of("counted", [1.0, 0.0, 0.0, 0.0]),
    ];
    assert_eq!(rows(&logs), expected.concat());
    let groups: Vec<Option<String>> = logs.sample_rows().map(|row| row.group).collect();
    assert_eq!(groups[0], Some("parallel".into()));
    assert_eq!(groups[4], Some("irrelevance".into()));
}

#[test]
fn outcomes_that_are_wrong() {
    let of = |rest: &str| refusal("m/a.jsonl", format!("{{\"task_id\":\"t\",{rest}}}\n"));
    assert_snapshot!(of(r#""pass_flags":[]"#), @"m/a.jsonl, line 1, field `pass_flags`: [] is not a list of outcomes");
    assert_snapshot!(of(r#""pass_flags":[1,0,2]"#), @"m/a.jsonl, line 1, field `pass_flags`: 2 is not a reward; give a number in [0, 1], or true or false; for rewards of another scale say what counts as right, as in `LogOptions::reward_map` '>0', '>=1', '==1' or 'min=-1,max=1'");
    assert_snapshot!(of(r#""pass_flags":[1,"x"]"#), @r#"m/a.jsonl, line 1, field `pass_flags`: "x" is not an outcome"#);
    assert_snapshot!(of(r#""n":2,"c":3"#), @"m/a.jsonl, line 1, field `c`: 3 right of 2 samples; at most `n` can be right");
    assert_snapshot!(of(r#""n":1e9,"c":3"#), @"m/a.jsonl, line 1, field `n`: 1000000000 samples of one task; at most 1000000 are read");
    assert_snapshot!(of(r#""n":0,"c":0"#), @"m/a.jsonl, line 1, field `n`: 0 samples say nothing; remove the line");
    let twice = "{\"task_id\":\"t\",\"pass_flags\":[1]}\n".repeat(2);
    assert_snapshot!(refusal("m/a.jsonl", twice), @"m/a.jsonl, line 2: duplicate of m/a.jsonl, line 1: both give model `a`, prompt `t`, response `0`; remove one of them");
    assert!(golden("sharpening-tax/base.jsonl.config.json").is_file());
}
