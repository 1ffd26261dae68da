//! Folders of logs, the readers of further rollouts, and formats of few lines.

use breadth_data::{ReadOptions, SampleTable, ScoreTable, Table};
use insta::assert_snapshot;

use crate::support::{Ask, Folder, asked_refusal, golden, row, rows};

const CHOICE: &str = "{\"doc_id\":0,\"doc\":{},\"target\":\"x\",\"arguments\":[[\"q\",\"x\"]],\"resps\":[[[-1,0]]],\"acc\":1.0}\n";
const ANSWER: &str = "{\"doc_id\":0,\"doc\":{},\"target\":\"4\",\"arguments\":[[\"q\",{\"until\":[]}]],\"resps\":[[\"4\"]],\"filtered_resps\":[\"4\"],\"exact_match\":1.0}\n";

#[test]
fn folders_inside_of_folders_by_step() {
    let folder = Folder::new();
    for step in [100, 20, 3] {
        folder.file(&format!("evals/step-{step}/samples_c_1.jsonl"), CHOICE);
    }
    folder.file("evals/.cache/samples_c_1.jsonl", "{");
    folder.file("evals/checkpoint-3/config.json", "{}");
    folder.file("evals/checkpoint-3/train.jsonl", "{");
    folder.file("evals/scores.parquet.parts/0000-000000.jsonl", "{");
    let path = folder.file("evals/step-3/results_1.json", "{}");
    let evals = path.parent().unwrap().parent().unwrap();
    let logs = Ask::default().read(&[evals.into()]).unwrap();
    assert_eq!(logs.models(), ["step-3", "step-20", "step-100"]);
    let pattern = evals.join("step-*/samples_*.jsonl");
    let table = ScoreTable::read(&[pattern], &ReadOptions::default()).unwrap();
    assert_eq!(table.models, ["step-3", "step-20", "step-100"]);
}

#[test]
fn models_of_a_table_by_step() {
    let folder = Folder::new();
    let path = folder.file(
        "scores.csv",
        "model,prompt_id,logprob\nstep-100,1,-1\nteacher,1,-2\nstep-20,1,-3\n",
    );
    let table = ScoreTable::read(&[path], &ReadOptions::default()).unwrap();
    assert_eq!(table.models, ["step-20", "teacher", "step-100"]);
    assert_eq!(table.logprob, [[-3.0], [-2.0], [-1.0]]);
    let path = folder.file(
        "samples.csv",
        "model,prompt_id,response_id,reward,answer\n500,1,0,1,a\n60,1,0,0,b\n",
    );
    let options = ReadOptions {
        answers: true,
        ..ReadOptions::default()
    };
    let table = SampleTable::read(&[path], &options).unwrap();
    assert_eq!(table.models, ["60", "500"]);
    assert_eq!(table.answer, [[[1]], [[0]]]);
}

#[test]
fn tasks_of_both_kinds_in_one_folder() {
    let folder = Folder::new();
    let path = folder.file("m/samples_choices_1.jsonl", CHOICE);
    folder.file("m/samples_answers_1.jsonl", ANSWER);
    folder.file(
        "m/samples_more_1.jsonl",
        ANSWER.replace("exact_match", "correct"),
    );
    let m = path.parent().unwrap().to_path_buf();
    let scores = Ask {
        table: Some(Table::Scores),
        ..Ask::default()
    };
    let logs = scores.read(std::slice::from_ref(&m)).unwrap();
    assert_eq!(rows(&logs), [row("m", "choices/0", "0", -1.0)]);
    assert_eq!(logs.others.len(), 2);
    let remark = folder.message(logs.remarks().join("\n"));
    assert_snapshot!(remark, @"left out: logs that make a sample table, not a score table: `m/samples_answers_1.jsonl`, `m/samples_more_1.jsonl`");
    let samples = Ask {
        table: Some(Table::Samples),
        ..Ask::default()
    };
    let logs = samples.read(std::slice::from_ref(&m)).unwrap();
    assert_eq!(logs.prompts(), ["answers/0", "choices/0", "more/0"]);
    let named = Ask {
        reward: "exact_match,correct,acc",
        ..samples
    };
    assert_eq!(named.read(std::slice::from_ref(&m)).unwrap().rows(), 3);
    let named = ["answers", "choices"].map(|task| m.join(format!("samples_{task}_1.jsonl")));
    for paths in [&named[..], std::slice::from_ref(&m)] {
        let any = Ask::default().read(paths).unwrap();
        assert_eq!(any.table, Table::Scores, "where there are log-likelihoods");
        assert_eq!(any.prompts(), ["choices/0"]);
    }
    let remark = Ask::default().read(&named).unwrap().remarks().join("\n");
    assert_snapshot!(folder.message(remark), @"left out: logs that make a sample table, not a score table: `m/samples_answers_1.jsonl`; `Table::Samples` takes them");
    assert_snapshot!(folder.refusal(&scores, &[path.with_file_name("samples_answers_1.jsonl")]), @"m/samples_answers_1.jsonl: this is a sample table, and a score table is needed here; `pass` and `select` take sample tables (responses that all models were asked about are told by a column `source`)");
}

/// `choices` without filters, `answers` with two, under two models.
fn filters() -> Folder {
    let folder = Folder::new();
    for model in ["a", "b"] {
        let choice = CHOICE.replace("\"acc\"", "\"filter\":\"none\",\"acc\"");
        folder.file(&format!("{model}/samples_choices_1.jsonl"), choice);
        let of = |filter: &str, grade: &str| {
            let filter = format!("\"filter\":\"{filter}\",\"exact_match\"");
            ANSWER
                .replace("\"exact_match\"", &filter)
                .replace("1.0", grade)
        };
        let answers = of("strict-match", "0.0") + &of("flexible-extract", "1.0");
        folder.file(&format!("{model}/samples_answers_1.jsonl"), answers);
    }
    folder
}

#[test]
fn a_filter_counts_where_a_log_has_filters() {
    let folder = filters();
    let ask = |table, filter| Ask {
        table,
        filter,
        ..Ask::default()
    };
    let paths = [folder.path()];
    let logs = ask(Some(Table::Samples), "strict-match")
        .read(&paths)
        .unwrap();
    let expected = ["a", "b"].map(|model| {
        [
            row(model, "answers/0", "0", 0.0),
            row(model, "choices/0", "0", 1.0),
        ]
    });
    assert_eq!(rows(&logs), expected.concat());
    let scores = ask(None, "").read(&paths).unwrap();
    assert_eq!(
        (scores.table, scores.rows(), scores.others.len()),
        (Table::Scores, 2, 2)
    );
    let refusal = |filter| folder.refusal(&ask(Some(Table::Samples), filter), &paths);
    assert_snapshot!(refusal(""), @"a/samples_answers_1.jsonl: 2 filters in this log; choose one with `LogOptions::filter`: `strict-match`, `flexible-extract`");
    assert_snapshot!(refusal("strict"), @"a/samples_answers_1.jsonl: `LogOptions::filter` strict: no such filter in this log; it has `strict-match`, `flexible-extract`");
    let choices = ["a", "b"].map(|model| {
        folder
            .path()
            .join(format!("{model}/samples_choices_1.jsonl"))
    });
    assert_snapshot!(folder.refusal(&ask(Some(Table::Samples), "strict-match"), &choices), @"a/samples_choices_1.jsonl: `LogOptions::filter` strict-match: no such filter in this log, which has none, and no other log here has it; leave it out");
    folder.file("b/samples_answers_1.jsonl", ANSWER);
    assert_snapshot!(refusal("strict-match"), @"b/samples_answers_1.jsonl: `LogOptions::filter` strict-match: no such filter in this log, which has none, but another log of the same task has it, and grades of different filters must not be compared; run the models on the same version of the task");
}

#[test]
fn rollouts_of_other_programs() {
    let of = |name: &str| {
        let logs = Ask::default().logs(&[name]);
        let shown = logs.sample_rows().map(|row| {
            let text = |text: Option<String>| text.unwrap_or("-".into()).replace('\n', "|");
            let [prompt, reply, gold] = [row.prompt, row.text, row.gold].map(text);
            format!(
                "{} {} {} {prompt} -> {reply} ({gold})",
                row.model, row.response_id, row.reward
            )
        });
        let shown: Vec<String> = shown.collect();
        format!("{}\n{}", logs.files[0].format, shown.join("\n"))
    };
    assert_snapshot!(of("openrlhf/qwen-sft.jsonl"), @r"
    OpenRLHF rewards
    qwen-sft 0 0.91 What is 2+2? -> It is 4. (-)
    qwen-sft 1 0.08 What is 2+2? -> It is 5. (-)
    qwen-sft 0 0.75 Name a prime. -> 7 (-)
    ");
    assert_snapshot!(of("prime-rl/step_40/train_rollouts.jsonl"), @r"
    prime-rl rollouts
    step-40 0 1 system: Answer in a box.|user: 2+2? -> \boxed{4} (4)
    step-40 1 0.1 system: Answer in a box.|user: 2+2? -> \boxed{5} (4)
    step-40 0 0 system: Answer in a box.|user: 3*3? -> nine (9)
    ");
    assert_snapshot!(of("verifiers/results.jsonl"), @r"
    prime-rl rollouts
    org/tiny 0 1 user: 2+2? -> 4 (4)
    org/tiny 1 0 user: 2+2? -> 22 (4)
    ");
    assert_snapshot!(of("prime-rl/step_60/eval/all/traces.jsonl"), @r"
    verifiers traces
    step-60 0 1 system: Be brief.|user: What is 2+2? -> 4 (4)
    step-60 1 0 system: Be brief.|user: What is 2+2? -> 22 (4)
    step-60 2 1 system: Be brief.|user: What is 2+2? -> 4 (4)
    ");
    assert_snapshot!(of("nemo-gym/rollouts.jsonl"), @r"
    NeMo Gym rollouts
    qwen-sft 0 1 system: Be brief.|user: What is 2+2? Answer in \boxed{}. -> \boxed{4} (4)
    qwen-sft 1 0 system: Be brief.|user: What is 2+2? Answer in \boxed{}. -> \boxed{5} (4)
    ");
    assert_snapshot!(of("nemo-rl/val_data_step12.jsonl"), @r"
    NeMo-RL rollouts
    step-12 0 1 user: 2+2? -> It is 4. (-)
    step-12 1 0 user: 2+2? -> It is 5. (-)
    ");
    assert_snapshot!(of("nemo-rl/train_data_step3.jsonl"), @r"
    NeMo-RL rollouts
    step-3 0 1 2+2? -> It is 4. (-)
    step-3 1 0 2+2? -> It is 5. (-)
    ");
    assert_snapshot!(of("skyrl/global_step_20_evals/gsm8k.jsonl"), @r"
    SkyRL evaluations
    step-20 0 1 <|im_start|>user|2+2?<|im_end|>|<|im_start|>assistant| -> #### 4<|im_end|> (4)
    step-20 1 0 <|im_start|>user|2+2?<|im_end|>|<|im_start|>assistant| -> #### 5<|im_end|> (4)
    step-20 0 1 <|im_start|>user|3*3?<|im_end|>|<|im_start|>assistant| -> #### 9<|im_end|> (9)
    ");
    assert_snapshot!(of("slime/rollout_7.pt"), @r"
    slime rollouts
    step-7 0 1 user: 2+2? -> It is 4. (4)
    step-7 1 0 user: 2+2? -> It is 5. (4)
    step-7 0 1 3*3? -> It is 9. (9)
    ");
    assert_snapshot!(of("every-eval/gsm8k_samples.jsonl"), @r"
    every_eval_ever instances
    org/tiny 0 1 2+2? -> It is 4. (4)
    org/tiny 0 0 3*3? -> It is 8. (9)
    ");
}

#[test]
fn metrics_of_rollouts_can_be_the_reward() {
    let ask = Ask {
        reward: "correct_answer",
        ..Ask::default()
    };
    let logs = ask.logs(&["prime-rl/step_40/train_rollouts.jsonl"]);
    let rewards: Vec<f64> = logs.sample_rows().map(|row| row.reward).collect();
    assert_eq!(rewards, [1.0, 0.0, 0.0]);
    // One of those that a trace's reward is made of, a metric, and one that is not there.
    let of = |reward: &'static str| {
        let ask = Ask {
            reward,
            ..Ask::default()
        };
        let logs = ask.logs(&["prime-rl/step_60/eval/all/traces.jsonl"]);
        let rewards: Vec<f64> = logs.sample_rows().map(|row| row.reward).collect();
        assert_eq!(logs.files[0].dropped.len(), usize::from(rewards.len() == 3));
        rewards
    };
    assert_eq!(of("format"), [0.5, 1.0, 0.0]);
    assert_eq!(of("length"), [0.5; 4]);
    let unknown = Ask {
        reward: "accuracy",
        ..Ask::default()
    };
    let line = std::fs::read_to_string(golden("prime-rl/step_60/eval/all/traces.jsonl")).unwrap();
    assert_snapshot!(asked_refusal(&unknown, "traces.jsonl", &line), @"traces.jsonl: `LogOptions::reward` accuracy: no such reward in this log; it has `correct`, `format`, `length`");
    let circle = line.replace("\"parent\": 0", "\"parent\": 1");
    assert_snapshot!(asked_refusal(&Ask::default(), "traces.jsonl", &circle), @"traces.jsonl, line 1, field `nodes`: a message before itself");
    let line = "{\"content\":[\"q and a in one\"],\"rewards\":[1.0],\"idx\":0}\n";
    assert_snapshot!(asked_refusal(&Ask::default(), "train_data_step1.jsonl", line), @"train_data_step1.jsonl, line 1, field `content`: no prompt in it apart from the response; log conversations as lists of messages");
}

#[test]
fn averages_beside_the_evaluations_of_skyrl() {
    let logs = Ask::default().logs(&["skyrl/global_step_20_evals"]);
    assert_eq!(logs.rows(), 3);
}

#[test]
fn counts_by_task() {
    let folder = Folder::new();
    let lines = "{\"id\": \"a\", \"n\": 4, \"c\": 1}\n{\"id\": 2, \"n\": 2, \"c\": 2}\n";
    let path = folder.file("qwen-7b.jsonl", lines);
    let logs = Ask::default().read(&[path]).unwrap();
    assert_eq!(logs.models(), ["qwen-7b"]);
    let rewards: Vec<(String, f64)> = logs
        .sample_rows()
        .map(|r| (r.prompt_id, r.reward))
        .collect();
    let expected = [
        ("a", 1.0),
        ("a", 0.0),
        ("a", 0.0),
        ("a", 0.0),
        ("2", 1.0),
        ("2", 1.0),
    ];
    assert_eq!(
        rewards,
        expected.map(|(id, reward)| (id.to_owned(), reward))
    );
}

#[test]
fn generations_are_there_to_be_judged() {
    let folder = Folder::new();
    let path = folder.file(
        "starcoder.json",
        "[[\"def f(): 1\", \"def f(): 2\"], [\"x\", \"y\"]]",
    );
    assert_snapshot!(folder.refusal(&Ask::default(), std::slice::from_ref(&path)), @"starcoder.json: no response of this log is graded; give the log that the evaluation writes, or judge the texts (`ReadOptions::texts`)");
    let ask = Ask {
        texts: true,
        ..Ask::default()
    };
    let table = SampleTable::read(&[path], &ask.options()).unwrap();
    assert_eq!(table.models, ["starcoder"]);
    assert_eq!(table.prompts, ["0", "1"]);
    assert_eq!(table.text.unwrap().text, [[[0, 1], [2, 3]]]);
}

#[test]
fn two_metrics_of_one_evaluation() {
    let text = std::fs::read_to_string(golden("every-eval/gsm8k_samples.jsonl")).unwrap();
    let other = text.replacen("\"run1#exact_match\"", "\"run1#f1\"", 1);
    assert_snapshot!(asked_refusal(&Ask::default(), "a_samples.jsonl", other), @r#"a_samples.jsonl, line 2, field `evaluation_result_id`: "run1#exact_match" after "run1#f1": two metrics of one evaluation repeat its responses; keep the lines of one of them"#);
}
