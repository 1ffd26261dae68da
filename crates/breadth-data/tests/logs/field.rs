//! Logs as people have them: `tests/cases/field`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use breadth_data::{Outcome, SampleTable, Table};
use insta::assert_snapshot;

use crate::support::{Ask, Folder, row, rows};

/// A file or folder of a case, copied so that messages have no path before it.
fn case(folder: &Folder, name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/field");
    folder.file(
        Path::new(name).file_name().unwrap().to_str().unwrap(),
        std::fs::read(root.join(name)).unwrap(),
    )
}

fn texts() -> Ask {
    Ask {
        texts: true,
        ..Ask::default()
    }
}

fn rewards(logs: &breadth_data::Logs) -> Vec<f64> {
    logs.sample_rows().map(|row| row.reward).collect()
}

#[test]
fn a_verl_log_keeps_prompts_responses_and_right_answers() {
    let folder = Folder::new();
    let path = case(&folder, "09-regrade-a-log/verl/10.jsonl");
    let logs = Ask::default().read(std::slice::from_ref(&path)).unwrap();
    let first = logs.sample_rows().next().unwrap();
    assert_eq!(first.text.as_deref(), Some("It is \\boxed{4}"));
    assert_eq!(first.prompt.as_deref(), Some("user\nQ0\nassistant\n"));
    assert_eq!(first.gold.as_deref(), Some("4"));
    let table = SampleTable::read(&[path], &texts().options()).unwrap();
    let text = table.text.unwrap();
    assert_eq!(text.text, [[[0, 1]]]);
    assert_eq!(text.texts[1], "It is \\boxed{5}");
    assert_eq!(text.gold, [Some("4".to_owned())]);
}

#[test]
fn every_repeat_of_lm_eval_is_there_to_be_judged() {
    let folder = Folder::new();
    let path = case(
        &folder,
        "09-regrade-a-log/samples_gsm8k_2026-01-16T15-23-47.000001.jsonl",
    );
    let table = SampleTable::read(&[path], &texts().options()).unwrap();
    let Some(Outcome::Rewards(rewards)) = &table.outcomes[0][0] else {
        panic!("{:?}", table.outcomes);
    };
    assert_eq!(rewards[0], 1.0, "the graded one");
    assert_eq!(rewards.len(), 4);
    assert!(rewards[1..].iter().all(|reward| reward.is_nan()));
    let text = table.text.unwrap();
    assert_eq!(text.texts, ["It is 4", "It is 5", "no"]);
    assert_eq!(text.text, [[[0, 1, 0, 2]]]);
    assert_eq!(text.prompts, [Some("Q0".to_owned())]);
    assert_eq!(text.gold, [Some("4".to_owned())]);
}

#[test]
fn rewards_of_another_scale() {
    let folder = Folder::new();
    let minus = case(&folder, "14-verl-minus-one-rewards/minus/10.jsonl");
    assert_snapshot!(folder.refusal(&Ask::default(), std::slice::from_ref(&minus)), @"10.jsonl, line 2, field `score`: -1 is not a reward; give a number in [0, 1], or true or false; for rewards of another scale say what counts as right, as in `LogOptions::reward_map` '>0', '>=1', '==1' or 'min=-1,max=1'");
    let mapped = |path: &PathBuf, reward_map: &'static str| {
        let ask = Ask {
            reward_map,
            ..Ask::default()
        };
        let logs = ask.read(std::slice::from_ref(path));
        rewards(&logs.unwrap_or_else(|error| panic!("{error}")))
    };
    assert_eq!(mapped(&minus, ">0"), [1.0, 0.0]);
    assert_eq!(mapped(&minus, "min=-1,max=1"), [1.0, 0.0]);
    let bonus = case(&folder, "14-verl-minus-one-rewards/bonus/10.jsonl");
    assert_eq!(mapped(&bonus, ">=1"), [1.0, 0.0]);
    let both = case(&folder, "14-verl-minus-one-rewards/both/10.jsonl");
    assert_snapshot!(folder.refusal(&Ask::default(), std::slice::from_ref(&both)), @"10.jsonl, line 2, field `score`: -1 is not a reward; give a number in [0, 1], or true or false; or choose another field with `LogOptions::reward`: `acc`; for rewards of another scale say what counts as right, as in `LogOptions::reward_map` '>0', '>=1', '==1' or 'min=-1,max=1'");
    let accuracy = Ask {
        reward: "acc",
        ..Ask::default()
    };
    assert_eq!(rewards(&accuracy.read(&[both]).unwrap()), [1.0, 0.0]);
    let narrow = Ask {
        reward_map: "min=0,max=1",
        ..Ask::default()
    };
    assert_snapshot!(folder.refusal(&narrow, &[minus]), @"10.jsonl, line 2, field `score`: -1 is outside of `LogOptions::reward_map` min=0,max=1; widen the range, or say what counts as right ('>0')");
}

#[test]
fn choices_that_are_contexts() {
    let folder = Folder::new();
    let name = "16-lm-eval-winogrande/samples_winogrande_2026-01-16T15-23-47.000001.jsonl";
    let path = case(&folder, name);
    let ask = Ask {
        model: "m",
        ..Ask::default()
    };
    let logs = ask.read(std::slice::from_ref(&path)).unwrap();
    let expected = [
        row("m", "winogrande/0", "0", -3.5),
        row("m", "winogrande/1", "0", -3.5),
    ];
    assert_eq!(rows(&logs), expected);
    let text = std::fs::read_to_string(&path).unwrap();
    let wrong = folder.file(
        "samples_w_1.jsonl",
        text.replace("\"acc\": 1.0", "\"acc\": 0.0"),
    );
    assert_eq!(
        rows(&ask.read(&[wrong]).unwrap())[0],
        row("m", "w/0", "1", -4.5)
    );
    let untold = folder.file(
        "samples_w_2.jsonl",
        text.replace("\"acc\": 1.0", "\"x\": 1.0"),
    );
    assert_snapshot!(folder.refusal(&ask, &[untold]), @"samples_w_2.jsonl: the choices of this task are contexts before one continuation, and no metric `acc` tells which context is right; log `acc` too, or import the metrics (`Table::Samples`)");
}

#[test]
fn inspect_logs_with_errors_and_epochs() {
    let folder = Folder::new();
    let errors = case(&folder, "21-inspect-logs-ok/errors.json");
    let logs = Ask::default().read(&[errors]).unwrap();
    assert_eq!(logs.rows(), 1);
    assert_snapshot!(logs.remarks().join("\n"), @r"
    Inspect .json: samples without a score are left out, which makes Pass@k too high if they were failures
    Inspect .json: the run ended with status `error`; samples written: 3
    Inspect .json: left out: samples that ended in an error (1)
    Inspect .json: left out: samples that were not scored (1)
    ");
    let epochs = case(&folder, "21-inspect-logs-ok/epochs.json");
    let logs = Ask::default().read(&[epochs]).unwrap();
    assert_eq!(rewards(&logs), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    assert_eq!(logs.prompts(), ["t/1", "t/2"]);
    let list = case(&folder, "21-inspect-logs-ok/list.json");
    assert_snapshot!(folder.refusal(&Ask::default(), &[list]), @"list.json, row 1, field `scores.s`: [null,1.0] is not a reward; choose a score that is a number in [0, 1] or one of C, P, I, N (`LogOptions::reward`)");
}

#[test]
fn evalplus_in_both_shapes() {
    let folder = Folder::new();
    let old = case(&folder, "22-evalplus-humaneval-ok/old_eval_results.json");
    let new = case(&folder, "22-evalplus-humaneval-ok/new_eval_results.json");
    let logs = Ask::default().read(&[old.clone(), new.clone()]).unwrap();
    assert_eq!(logs.models(), ["old", "new"]);
    assert_eq!(rewards(&logs), [1.0, 0.0, 1.0, 0.0]);
    let base = Ask {
        reward: "base",
        ..Ask::default()
    };
    assert_eq!(
        rewards(&base.read(&[old.clone(), new.clone()]).unwrap()),
        [1.0; 4]
    );
    assert_eq!(
        texts().read(&[new]).unwrap().rows(),
        2,
        "solutions are kept"
    );
    assert_snapshot!(folder.refusal(&texts(), &[old]), @"old_eval_results.json, row 1, field `text`: no text of the response in this log, so that it cannot be judged anew; take the grades of the log (leave `ReadOptions::texts` out)");
}

#[test]
fn other_shapes_of_lm_eval() {
    let folder = Folder::new();
    let model = Ask {
        model: "m",
        ..Ask::default()
    };
    let f1 = case(&folder, "23-lm-eval-shapes-ok/f1.jsonl");
    assert_snapshot!(folder.refusal(&model, &[f1]), @"f1.jsonl: no metric of this log is in [0, 1] for every document, as a reward must be; it has `f1`");
    let lambada = case(&folder, "23-lm-eval-shapes-ok/lambada.jsonl");
    let logs = model.read(&[lambada]).unwrap();
    assert_eq!(logs.table, Table::Scores);
    assert_eq!(
        rows(&logs),
        [row("m", "0", "0", -8.5), row("m", "1", "0", -9.5)]
    );
    let ifeval = case(&folder, "23-lm-eval-shapes-ok/ifeval.jsonl");
    assert_snapshot!(folder.refusal(&model, std::slice::from_ref(&ifeval)), @"ifeval.jsonl: 2 metrics in this log; choose one with `LogOptions::reward`: `prompt_level_strict_acc`, `prompt_level_loose_acc`");
    let strict = Ask {
        reward: "prompt_level_strict_acc",
        ..model
    };
    assert_eq!(rewards(&strict.read(&[ifeval]).unwrap()), [0.0, 1.0]);
}

/// The three tables of case 25: columns `step`, `prompt`, `completion`, `advantage` and rewards.
fn completions(folder: &Folder, step: i64, columns: &[(&str, [Option<f64>; 8])]) -> PathBuf {
    use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
    let prompts = ["q1", "q1", "q1", "q1", "q2", "q2", "q2", "q2"];
    let mut arrays: Vec<(&str, ArrayRef)> = vec![
        ("step", Arc::new(Int64Array::from(vec![step; 8]))),
        ("prompt", Arc::new(StringArray::from(prompts.to_vec()))),
        ("completion", Arc::new(StringArray::from(vec!["a"; 8]))),
        ("advantage", Arc::new(Float64Array::from(vec![0.1; 8]))),
    ];
    for (name, values) in columns {
        arrays.push((name, Arc::new(Float64Array::from(values.to_vec()))));
    }
    let batch = RecordBatch::try_from_iter_with_nullable(
        arrays.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let path = folder.file(&format!("completions_{step:05}.parquet"), "");
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn trl_completions() {
    let folder = Folder::new();
    let graded = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0].map(Some);
    let two = completions(
        &folder,
        5,
        &[
            ("accuracy_reward", graded),
            ("format_reward", [Some(0.5); 8]),
        ],
    );
    assert_snapshot!(folder.refusal(&Ask::default(), std::slice::from_ref(&two)), @"completions_00005.parquet: 2 reward columns in this log; choose one with `LogOptions::reward`: `accuracy_reward`, `format_reward`");
    let mut holes = graded;
    (holes[1], holes[5]) = (None, None);
    let holes = completions(&folder, 6, &[("accuracy_reward", holes)]);
    let logs = Ask::default().read(std::slice::from_ref(&holes)).unwrap();
    assert_eq!(logs.rows(), 6);
    let first = logs.sample_rows().next().unwrap();
    assert_eq!(
        (first.text.as_deref(), first.prompt.as_deref()),
        (Some("a"), Some("q1"))
    );
    assert_eq!(
        texts().read(&[holes]).unwrap().rows(),
        8,
        "what nobody graded is there to be judged"
    );
    let lengths = [-12.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -1.0].map(Some);
    let lengths = completions(&folder, 7, &[("length_reward", lengths)]);
    assert_snapshot!(folder.refusal(&Ask::default(), &[lengths]), @"completions_00007.parquet, row 1, field `length_reward`: -12 is not a reward; give a number in [0, 1], or true or false; for rewards of another scale say what counts as right, as in `LogOptions::reward_map` '>0', '>=1', '==1' or 'min=-1,max=1'");
}
