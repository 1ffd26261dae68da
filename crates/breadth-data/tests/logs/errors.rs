//! Files that are no logs, or not whole.

use breadth_data::{ReadOptions, SampleTable, ScoreTable};
use insta::assert_snapshot;

use crate::support::{Ask, Folder, golden, refusal};

#[test]
fn files_that_are_no_logs() {
    assert_snapshot!(refusal("scores.csv", "model,prompt_id,logprob\na,1,-1\n"), @"scores.csv: not a log that is known here; known are those of lm-evaluation-harness (samples_*.jsonl), Inspect (.eval, .json), sharpening-tax and counts {id, n, c}, every_eval_ever, human-eval (results), EvalPlus (results), verl ({step}.jsonl), OpenRLHF, prime-rl, NeMo Gym, NeMo-RL, SkyRL, slime, TRL (completions), BigCode (generations), large_language_monkeys (YAML). Tables of our own need no import");
    assert_snapshot!(refusal("scores.jsonl", "{\"model\":\"a\",\"prompt_id\":1,\"logprob\":-1}\n"), @"scores.jsonl: not a log that is known here; known are those of lm-evaluation-harness (samples_*.jsonl), Inspect (.eval, .json), sharpening-tax and counts {id, n, c}, every_eval_ever, human-eval (results), EvalPlus (results), verl ({step}.jsonl), OpenRLHF, prime-rl, NeMo Gym, NeMo-RL, SkyRL, slime, TRL (completions), BigCode (generations), large_language_monkeys (YAML). Tables of our own need no import");
    assert_snapshot!(refusal("notes.txt", "hello"), @"notes.txt: not a log that is known here; known are those of lm-evaluation-harness (samples_*.jsonl), Inspect (.eval, .json), sharpening-tax and counts {id, n, c}, every_eval_ever, human-eval (results), EvalPlus (results), verl ({step}.jsonl), OpenRLHF, prime-rl, NeMo Gym, NeMo-RL, SkyRL, slime, TRL (completions), BigCode (generations), large_language_monkeys (YAML). Tables of our own need no import");
    assert_snapshot!(refusal("empty.jsonl", ""), @"empty.jsonl: not a log that is known here; known are those of lm-evaluation-harness (samples_*.jsonl), Inspect (.eval, .json), sharpening-tax and counts {id, n, c}, every_eval_ever, human-eval (results), EvalPlus (results), verl ({step}.jsonl), OpenRLHF, prime-rl, NeMo Gym, NeMo-RL, SkyRL, slime, TRL (completions), BigCode (generations), large_language_monkeys (YAML). Tables of our own need no import");
}

/// Our own table, whose members happen to be those of a log, with texts longer than what is looked
/// at first.
#[test]
fn a_table_with_the_members_of_a_log() {
    let folder = Folder::new();
    let long = "x".repeat(20_000);
    let line = format!(
        "{{\"input\":\"{long}\",\"output\":\"\",\"score\":7,\"task_id\":1,\"passed\":true,\"response_id\":0,\"model\":\"a\",\"prompt_id\":\"p\"}}\n"
    );
    let path = folder.file("samples.jsonl", line);
    let table = SampleTable::read(&[path], &ReadOptions::default()).unwrap();
    assert_eq!(
        (&table.models[0], &table.prompts[0]),
        (&"a".to_owned(), &"p".to_owned())
    );
}

#[test]
fn files_beside_logs() {
    let folder = Folder::new();
    let state = golden("trainer/checkpoint-80/trainer_state.json");
    let state = folder.file("trainer_state.json", std::fs::read(state).unwrap());
    let message = |path: &std::path::PathBuf| {
        folder.message(
            ScoreTable::read(std::slice::from_ref(path), &ReadOptions::default()).unwrap_err(),
        )
    };
    assert_snapshot!(message(&state), @"trainer_state.json: this is the state of a Hugging Face trainer, not a table; give it with `TrainerState::read` beside one");
    let results = golden("lm-eval/tiny/results_2026-11-23T12-56-45.049373.json");
    let results = folder.file("results_1.json", std::fs::read(results).unwrap());
    assert_snapshot!(message(&results), @"results_1.json: these are the results of lm-evaluation-harness, without the documents; give the samples_*.jsonl that it writes with --log_samples");
    let folder_of_log = golden("lm-eval/tiny");
    let table = ScoreTable::read(&[folder_of_log], &ReadOptions::default()).unwrap();
    assert_eq!(
        table.models,
        ["tiny"],
        "the results beside a log do not disturb"
    );
}

#[test]
fn lines_that_are_not_whole() {
    let good = r#"{"doc_id":0,"doc":{},"target":"x","arguments":[["q","x"]],"resps":[[[-1,0]]]}"#;
    let after = |line: &str| refusal("m/samples_t_1.jsonl", format!("{good}\n\n{line}\n"));
    assert_snapshot!(after(r#"{"doc_id":1,"doc":{},"target":"x","argu"#), @"m/samples_t_1.jsonl, line 3: not a JSON object (EOF while parsing a string, character 39); the log may be truncated: copy it again, or remove what is not whole");
    assert_snapshot!(after("[1]"), @"m/samples_t_1.jsonl, line 3: not a JSON object (invalid type: sequence, expected a map, character 0); the log may be truncated: copy it again, or remove what is not whole");
    assert_snapshot!(after(r#"{"doc":{},"target":"x","arguments":[["q","x"]],"resps":[[[-1,0]]]}"#), @"m/samples_t_1.jsonl, line 3, field `doc_id`: no value; is this line whole?");
    assert_snapshot!(after(r#"{"doc_id":1.5,"doc":{},"target":"x","arguments":[["q","x"]],"resps":[[[-1,0]]]}"#), @"m/samples_t_1.jsonl, line 3, field `doc_id`: no value; is this line whole?");
    assert_snapshot!(after(r#"{"doc_id":1,"doc":{},"target":"x","arguments":[],"resps":[[[-1,0]]]}"#), @"m/samples_t_1.jsonl, line 3, field `arguments`: no value; is this line whole?");
    assert_snapshot!(after(r#"{"doc_id":1,"doc":{},"target":"x","arguments":[["q","x"]],"resps":[]}"#), @"m/samples_t_1.jsonl, line 3, field `resps`: no response to request 0; is this line whole?");
    assert_snapshot!(after(r#"{"doc_id":1,"doc":{},"target":"x","arguments":[["q","x"]],"resps":[[["high",0]]]}"#), @r#"m/samples_t_1.jsonl, line 3, field `resps`: found [["high",0]] where a log-likelihood belongs"#);
    assert_snapshot!(after(r#"{"doc_id":1,"doc":{},"target":"x","arguments":[["q","x"]],"resps":[[[NaN,0]]]}"#), @"m/samples_t_1.jsonl, line 3, field `resps`: NaN is not a log-probability; score this response again or remove it");
    assert_snapshot!(after(r#"{"doc_id":1,"doc":{},"target":"x","arguments":[["q","x"]],"resps":[[[0.5,0]]]}"#), @"m/samples_t_1.jsonl, line 3, field `resps`: 0.5 is above 0, and no probability is above 1; give natural logs of probabilities");
    assert_snapshot!(after(r#"{"doc_id":1,"doc":{},"target":"x","arguments":[["q","x"]],"resps":[[["nan",0]]]}"#), @"m/samples_t_1.jsonl, line 3, field `resps`: NaN is not a log-probability; score this response again or remove it");
}

#[test]
fn metrics_that_are_no_rewards() {
    let line = |metrics: &str| {
        format!(
            r#"{{"doc_id":0,"doc":{{}},"target":"x","arguments":[["q",{{"until":[]}}]],"resps":[["a"]],"filtered_resps":["a"],{metrics}}}"#
        )
    };
    let of = |metrics: &str| refusal("m/samples_t_1.jsonl", line(metrics));
    assert_snapshot!(of(r#""bleu":12.5"#), @"m/samples_t_1.jsonl: no metric of this log is in [0, 1] for every document, as a reward must be; it has `bleu`");
    assert_snapshot!(of(r#""exact_match":1,"f1":0.5"#), @"m/samples_t_1.jsonl: 2 metrics in this log; choose one with `LogOptions::reward`: `exact_match`, `f1`");
    let asked = |reward| {
        let ask = Ask {
            reward,
            ..Ask::default()
        };
        crate::support::asked_refusal(
            &ask,
            "m/samples_t_1.jsonl",
            line(r#""bleu":12.5,"parts":[1,"x"],"two":[1,0]"#),
        )
    };
    assert_snapshot!(asked("bleu"), @"m/samples_t_1.jsonl, line 1, field `bleu`: 12.5 is not a reward; give a number in [0, 1], or true or false; for rewards of another scale say what counts as right, as in `LogOptions::reward_map` '>0', '>=1', '==1' or 'min=-1,max=1'");
    assert_snapshot!(asked("parts"), @r#"m/samples_t_1.jsonl, line 1, field `parts`: [1,"x"] is not a reward; choose a metric in [0, 1] with `LogOptions::reward`"#);
    assert_snapshot!(asked("two"), @"m/samples_t_1.jsonl, line 1, field `two`: 2 values for 1 responses; a reward is one number for each response");
    assert_snapshot!(asked("rouge"), @"m/samples_t_1.jsonl: `LogOptions::reward` rouge: no such metric in this log; it has `bleu`, `parts`, `two`");
}

#[test]
fn logs_that_make_different_tables() {
    let folder = Folder::new();
    let likely = r#"{"doc_id":0,"doc":{},"target":"x","arguments":[["q","x"]],"resps":[[[-1,0]]]}"#;
    let paths = [
        folder.file("m/samples_t_1.jsonl", likely),
        folder.file("m.jsonl", "{\"task_id\":\"a\",\"passed\":true}\n"),
    ];
    assert_snapshot!(folder.refusal(&Ask::default(), &paths), @"m.jsonl: this is a sample table, and a score table is needed here; `pass` and `select` take sample tables (responses that all models were asked about are told by a column `source`)");
    let error = SampleTable::read(&paths[..1], &ReadOptions::default()).unwrap_err();
    assert_snapshot!(folder.message(error), @"m/samples_t_1.jsonl: no metric of this log is in [0, 1] for every document, as a reward must be; it has none");
}
