//! Logs whose reading is easily quietly wrong: each with numbers worked out by hand.

use std::path::PathBuf;

use insta::assert_snapshot;

use crate::support::{Ask, Folder, asked_refusal, refusal, row, rows};

fn rewards(logs: &breadth_data::Logs) -> Vec<f64> {
    logs.sample_rows().map(|row| row.reward).collect()
}

/// Two responses to one document under this metric.
fn repeats(metric: &str, value: f64) -> String {
    format!(
        r#"{{"doc_id":0,"doc":{{}},"target":"x","arguments":[["q",{{"until":[]}}]],"resps":[["a","b"]],"filtered_resps":[["a","b"]],"filter":"create_test","metrics":["{metric}"],"{metric}":{value}}}"#
    ) + "\n"
}

#[test]
fn pass_at_more_than_1_is_no_reward_of_a_response() {
    assert_snapshot!(refusal("m/samples_h_1.jsonl", repeats("pass@10", 1.0)), @"m/samples_h_1.jsonl: `pass@10` is about 10 responses together and no reward of one of them; evaluate with pass@1 too, or judge the texts (`ReadOptions::texts`)");
    let asked = Ask {
        reward: "pass@2",
        ..Ask::default()
    };
    assert_snapshot!(asked_refusal(&asked, "m/samples_h_1.jsonl", repeats("pass@2", 1.0)), @"m/samples_h_1.jsonl: `pass@2` is about 2 responses together and no reward of one of them; evaluate with pass@1 too, or judge the texts (`ReadOptions::texts`)");
    let majority = repeats("exact_match", 1.0).replace("create_test", "maj@4");
    assert_snapshot!(refusal("m/samples_h_1.jsonl", majority), @"m/samples_h_1.jsonl: the filter `maj@4` makes one answer of 4 responses, so its `exact_match` is no reward of one of them; choose another filter (`LogOptions::filter`), or judge the texts (`ReadOptions::texts`)");
    // Beside pass@1 it is no choice: 0.5 of two is one right response.
    let both = repeats("pass@1", 0.5).replace(
        "\"metrics\":[\"pass@1\"]",
        "\"metrics\":[\"pass@1\",\"pass@2\"],\"pass@2\":1.0",
    );
    let folder = Folder::new();
    let path = folder.file("m/samples_h_1.jsonl", both);
    assert_eq!(rewards(&Ask::default().read(&[path]).unwrap()), [1.0, 0.0]);
}

#[test]
fn metrics_that_are_better_the_lower_they_are() {
    let folder = Folder::new();
    let line = |doc: usize, score: f64| {
        format!(
            r#"{{"doc_id":{doc},"doc":{{}},"target":"","arguments":[["q{doc}",{{"until":[]}}]],"resps":[["a"]],"filtered_resps":["a"],"metrics":["score"],"score":{score}}}"#
        ) + "\n"
    };
    folder.file(
        "m/results_1.json",
        r#"{"higher_is_better":{"toxic":{"score":false},"other":{"score":true}},"model_name":"m"}"#,
    );
    let content = line(0, 1.0) + &line(1, 0.0);
    let path = folder.file("m/samples_toxic_1.jsonl", &content);
    let ask = |reward_map| Ask {
        reward_map,
        ..Ask::default()
    };
    let paths = [path];
    assert_snapshot!(folder.refusal(&ask(""), &paths), @"m/samples_toxic_1.jsonl: the lower `score` is, the better (`higher_is_better` in the results beside this log), so it is no reward; say what counts as right (`LogOptions::reward_map` '==0' or '<0.5'), or choose another metric (`LogOptions::reward`)");
    let named = Ask {
        reward: "score",
        ..Ask::default()
    };
    assert!(named.read(&paths).is_err());
    assert!(ask(">0").read(&paths).is_err());
    assert!(ask("min=0,max=1").read(&paths).is_err());
    for map in ["==0", "<0.5", "<=0"] {
        assert_eq!(
            rewards(&ask(map).read(&paths).unwrap()),
            [0.0, 1.0],
            "{map}"
        );
    }
    let other = folder.file("m/samples_other_1.jsonl", content);
    assert_eq!(rewards(&ask("").read(&[other]).unwrap()), [1.0, 0.0]);
}

#[test]
fn adapters_of_one_base_are_models() {
    let folder = Folder::new();
    let mut paths = Vec::new();
    for step in [1, 2] {
        let arguments =
            format!("pretrained=org/base,enable_lora=True,lora_local_path=/x/checkpoint-{step}00");
        folder.file(
            &format!("base/results_{step}.json"),
            format!(r#"{{"config":{{"model_args":"{arguments}"}},"model_name":"org/base"}}"#),
        );
        let line = repeats("pass@1", 0.5);
        paths.push(folder.file(&format!("base/samples_h_{step}.jsonl"), line));
    }
    let logs = Ask::default().read(&paths).unwrap();
    assert_eq!(
        logs.models(),
        ["org/base+/x/checkpoint-100", "org/base+/x/checkpoint-200"]
    );
}

/// Three examples of one text with two responses each, right 1, 0 and 2 times: Pass@1 is 1/2 and
/// Pass@2 is 2/3.
#[test]
fn examples_of_one_text() {
    let right = [(0, 1), (0, 0), (1, 0), (1, 0), (2, 1), (2, 1)];
    let lines = |line: &dyn Fn(usize, usize) -> String| -> String {
        right
            .iter()
            .map(|&(example, reward)| line(example, reward) + "\n")
            .collect()
    };
    let verifiers = lines(&|example, reward| {
        format!(
            r#"{{"example_id":{example},"task":"wordle","prompt":"Guess.","completion":"a","reward":{reward},"answer":"w{example}"}}"#
        )
    });
    let gym = lines(&|example, reward| {
        format!(
            r#"{{"responses_create_params":{{"input":"Guess."}},"response":{{"model":"m"}},"reward":{reward},"_ng_task_index":{example}}}"#
        )
    });
    let trace = |task: &str, reward| {
        format!(
            r#"{{"task":{task},"env_name":"e","nodes":[{{"message":{{"role":"user","content":"Guess."}},"parent":null,"sampled":false}}],"rewards":{{"r":{reward}}},"calls":[{{"model":"m"}}]}}"#
        )
    };
    let numbered =
        lines(&|example, reward| trace(&format!(r#"{{"data":{{"idx":{example}}}}}"#), reward));
    let keyed = lines(&|example, reward| {
        trace(
            &format!(r#"{{"key":"k{example}","data":{{"idx":0}}}}"#),
            reward,
        )
    });
    for (content, names) in [
        (verifiers, ["/wordle/0", "/wordle/1", "/wordle/2"]),
        (gym, ["/0", "/1", "/2"]),
        (numbered, ["/e/0", "/e/1", "/e/2"]),
        (keyed, ["/e/k0", "/e/k1", "/e/k2"]),
    ] {
        let folder = Folder::new();
        let path = folder.file("m.jsonl", content);
        let logs = Ask::default().read(&[path]).unwrap();
        let prompts = logs.prompts();
        for (prompt, name) in prompts.iter().zip(names) {
            assert_eq!(
                &prompt[16..],
                name,
                "the hash of the text, then the example"
            );
            assert_eq!(prompt[..16], prompts[0][..16]);
        }
        assert_eq!((prompts.len(), logs.rows()), (3, 6));
        assert_eq!(rewards(&logs), [1.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    }
}

#[test]
fn one_example_with_two_answers_names_its_field() {
    let line = |answer| {
        format!(
            r#"{{"example_id":0,"prompt":"q","completion":"a","reward":1,"answer":"{answer}"}}"#
        )
    };
    let content = format!("{}\n{}\n", line("4"), line("5"));
    let message = refusal("m.jsonl", content);
    assert!(
        message.contains("differs in `answer` between m.jsonl, line 1"),
        "{message}"
    );
}

/// A question that is right under one filter and under the other, and one that is right under one.
#[test]
fn filters_of_every_eval_ever() {
    let line = |filter: &str, sample: usize, right: bool, metadata: &str| {
        format!(
            r#"{{"evaluation_id":"e","model_id":"m","evaluation_name":"gsm8k{filter}","sample_id":"{sample}","input":{{"raw":"q{sample}"}},"output":{{"raw":["a"]}},"evaluation":{{"is_correct":{right}}}{metadata}}}"#
        ) + "\n"
    };
    let of = |filter: &str, right: [bool; 2], metadata: &str| {
        line(filter, 0, right[0], metadata) + &line(filter, 1, right[1], metadata)
    };
    let both = of("/strict", [true, false], "") + &of("/flexible", [true, true], "");
    let folder = Folder::new();
    let path = folder.file("m_samples.jsonl", both);
    let ask = |filter| Ask {
        filter,
        ..Ask::default()
    };
    let paths = [path];
    assert_snapshot!(folder.refusal(&ask(""), &paths), @"m_samples.jsonl: 2 filters in this log; choose one with `LogOptions::filter`: `strict`, `flexible`");
    assert_snapshot!(folder.refusal(&ask("none"), &paths), @"m_samples.jsonl: `LogOptions::filter` none: no such filter in this log; it has `strict`, `flexible`");
    let strict = ask("strict").read(&paths).unwrap();
    assert_eq!(
        rows(&strict),
        [
            row("m", "gsm8k/strict/0", "0", 1.0),
            row("m", "gsm8k/strict/1", "0", 0.0)
        ]
    );
    assert_eq!(
        strict.remarks(),
        ["every_eval_ever instances: responses are those of the filter `strict`"]
    );
    assert_eq!(rewards(&ask("flexible").read(&paths).unwrap()), [1.0, 1.0]);
    // The filter `none` stands in no name; a line says what its filter is.
    let none = r#","metadata":{"filter":"none"}"#;
    let path = folder.file(
        "n.jsonl",
        of("", [false, false], none) + &of("/strict", [true, true], ""),
    );
    assert_snapshot!(folder.refusal(&ask(""), &[path]), @"n.jsonl: 2 filters in this log; choose one with `LogOptions::filter`: `none`, `strict`");
    // Tasks of one group ask other questions under the same numbers.
    let group =
        of("/algebra", [true, false], "") + &of("/logic", [true, true], "").replace("\"q", "\"p");
    let path = folder.file("g.jsonl", group);
    assert_eq!(ask("").read(&[path]).unwrap().rows(), 4);
}

#[test]
fn tasks_of_one_model_in_yaml() {
    let folder = Folder::new();
    let file = |name: &str, question: &str, right: &str| {
        folder.file(
            name,
            format!("question: {question}\nis_corrects:\n- {right}\n- false\n"),
        )
    };
    let paths = [
        file("runs/Llama-3-8B/MATH/0.yaml", "m", "true"),
        file("runs/Llama-3-8B/GSM8K/0.yaml", "g", "false"),
        file("code_contests/Llama-3-8B/0.yaml", "c", "true"),
    ];
    let logs = Ask::default().read(&paths).unwrap();
    let of = |prompt, values: [f64; 2]| {
        [
            row("Llama-3-8B", prompt, "0", values[0]),
            row("Llama-3-8B", prompt, "1", values[1]),
        ]
    };
    let expected = [
        of("MATH/0", [1.0, 0.0]),
        of("GSM8K/0", [0.0, 0.0]),
        of("code_contests/0", [1.0, 0.0]),
    ];
    assert_eq!(rows(&logs), expected.concat());
    let groups: Vec<Option<String>> = logs.sample_rows().map(|row| row.group).collect();
    assert_eq!(groups[0].as_deref(), Some("MATH"));
    let others = [file("A/0.yaml", "a", "true"), file("B/0.yaml", "b", "true")];
    let message = folder.refusal(&Ask::default(), &others);
    assert!(
        message.contains("prompt `0` differs in `question`"),
        "{message}"
    );
}

/// NeMo-RL's logs with a reward: 1 in training, 0 in the evaluation.
fn nemo(folder: &Folder, name: &str, question: &str, reward: f64) -> PathBuf {
    folder.file(
        name,
        format!(r#"{{"content":["{question}","a"],"rewards":[{reward}],"idx":0}}"#) + "\n",
    )
}

#[test]
fn training_beside_evaluation() {
    let folder = Folder::new();
    let train = nemo(&folder, "n/train_data_step3.jsonl", "t", 1.0);
    let val = nemo(&folder, "n/val_data_step3.jsonl", "v", 0.0);
    let logs = Ask::default().read(&[train.clone(), val]).unwrap();
    assert_eq!(rewards(&logs), [0.0]);
    assert_snapshot!(folder.message(logs.remarks().join("\n")), @"left out: rollouts of training, as those of evaluations are there too; give them alone to read them: `n/train_data_step3.jsonl`");
    assert_eq!(rewards(&Ask::default().read(&[train]).unwrap()), [1.0]);

    let golden = std::fs::read(crate::support::golden("slime/rollout_7.pt")).unwrap();
    folder.file("s/7.pt", &golden);
    let path = folder.file("s/eval_7.pt", &golden);
    let logs = Ask::default()
        .read(&[path.parent().unwrap().into()])
        .unwrap();
    assert_eq!((logs.rows(), logs.files.len()), (3, 1));
    assert!(logs.files[0].path.ends_with("eval_7.pt"));

    let trace = |reward: f64| {
        format!(
            r#"{{"task":{{}},"nodes":[{{"message":{{"role":"user","content":"q"}},"parent":null,"sampled":false}}],"rewards":{{"r":{reward}}}}}"#
        ) + "\n"
    };
    let all = folder.file("p/step_5/train/all/traces.jsonl", trace(1.0) + &trace(0.0));
    let step = all.ancestors().nth(3).unwrap().to_path_buf();
    folder.file("p/step_5/train/effective/traces.jsonl", trace(1.0));
    let logs = Ask::default().read(std::slice::from_ref(&step)).unwrap();
    assert_eq!(
        rewards(&logs),
        [1.0, 0.0],
        "effective rollouts are among all"
    );
    assert_snapshot!(folder.message(logs.remarks().join("\n")), @"left out: logs whose rows stand in others of these, too: `p/step_5/train/effective/traces.jsonl`");
    folder.file("p/step_5/eval/all/traces.jsonl", trace(0.5));
    assert_eq!(rewards(&Ask::default().read(&[step]).unwrap()), [0.5]);
    let effective = folder.file("p/step_5/train/effective/traces.jsonl", trace(1.0));
    assert_eq!(rewards(&Ask::default().read(&[effective]).unwrap()), [1.0]);
}

#[test]
fn models_that_only_folders_tell_apart() {
    let folder = Folder::new();
    let counts = "{\"id\": 0, \"n\": 2, \"c\": 1}\n";
    let file = |name: &str, content: &str| folder.file(name, content);
    let read = |paths: &[PathBuf]| Ask::default().read(paths).unwrap();
    let paths = [20, 100].map(|step| file(&format!("c/step-{step}/counts.jsonl"), counts));
    assert_eq!(read(&paths).models(), ["step-20", "step-100"]);
    let reward = "{\"input\":\"q\",\"output\":\"a\",\"reward\":1}\n";
    let paths = [20, 100].map(|step| file(&format!("o/step-{step}/rewards.jsonl"), reward));
    assert_eq!(read(&paths).models(), ["step-20", "step-100"]);
    let paths = [20, 100].map(|step| {
        file(
            &format!("b/step-{step}/generations_humaneval.json"),
            "[[\"x\"]]",
        )
    });
    let texts = Ask {
        texts: true,
        ..Ask::default()
    };
    assert_eq!(
        texts.read(&paths).unwrap().models(),
        ["step-20", "step-100"]
    );
    // One file name, and one name of the folders next to the files.
    let paths = [20, 100].map(|step| file(&format!("e/step-{step}/evals/qwen.jsonl"), counts));
    let logs = read(&paths);
    assert_eq!(logs.models(), ["step-20", "step-100"]);
    assert_eq!(
        logs.remarks(),
        ["models are named after folders, as several logs would be `qwen`: `step-20`, `step-100`"]
    );
    // Two tasks of one model share no prompt.
    let more = "{\"id\": 1, \"n\": 2, \"c\": 2}\n";
    let paths = [file("t/a/qwen.jsonl", counts), file("t/b/qwen.jsonl", more)];
    assert_eq!(read(&paths).models(), ["qwen"]);
}

#[test]
fn keys_of_scores_with_slashes() {
    let sample = |id: usize, strict: bool| {
        format!(
            r#"{{"id":{id},"epoch":1,"input":"q{id}","target":"","scores":{{"ifeval":{{"value":{{"prompt/strict":{strict},"prompt/loose":false}}}}}}}}"#
        )
    };
    let log = format!(
        r#"{{"version":2,"status":"success","eval":{{"task":"t","model":"m"}},"samples":[{},{}]}}"#,
        sample(0, true),
        sample(1, false)
    );
    let folder = Folder::new();
    let path = folder.file("a.json", log);
    let of = |reward| Ask {
        reward,
        ..Ask::default()
    };
    let paths = [path];
    assert_eq!(
        rewards(&of("ifeval/prompt/strict").read(&paths).unwrap()),
        [1.0, 0.0]
    );
    assert_eq!(
        rewards(&of("ifeval/prompt/loose").read(&paths).unwrap()),
        [0.0, 0.0]
    );
}

#[test]
fn scalars_of_numpy_are_rewards() {
    let logs = Ask::default().logs(&["slime/rollout_8.pt"]);
    assert_eq!(rewards(&logs), [1.0, 0.0, 0.25, 1.0, 0.0]);
    assert!(logs.remarks().is_empty(), "{:?}", logs.remarks());
}

#[test]
fn tensors_as_rewards_are_named() {
    use std::io::Write;
    let rebuilt = b"\x80\x02}(X\x0a\0\0\0rollout_idK\x03X\x07\0\0\0samples](}(X\x06\0\0\0promptX\x01\0\0\0qX\x06\0\0\0rewardctorch._utils\n_rebuild_tensor_v2\n(K\0t\x52ueu.";
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("3/data.pkl", options).unwrap();
    archive.write_all(rebuilt).unwrap();
    let content = archive.finish().unwrap().into_inner();
    assert_snapshot!(refusal("3.pt", content), @"3.pt, row 1, field `reward`: an object of `torch._utils._rebuild_tensor_v2`, of which nothing is read; save plain numbers, as float(reward) gives them");
}
