//! Inspect.

use std::io::Write;

use breadth_data::{Outcome, ReadOptions, SampleTable, ScoreTable, Table};
use insta::assert_snapshot;

use crate::support::{Ask, Folder, golden, logs, refusal, row, rows};

#[test]
fn a_finished_log_in_both_forms() {
    let expected: Vec<_> = ["q0", "q1", "q2"]
        .into_iter()
        .flat_map(|id| {
            let epoch = move |epoch: &str| row("mockllm/model", &format!("tiny/{id}"), epoch, 1.0);
            ["1", "2"].map(epoch)
        })
        .collect();
    for (name, format) in [
        ("finished.eval", "Inspect .eval"),
        ("finished.json", "Inspect .json"),
    ] {
        let logs = logs(&[&format!("inspect/{name}")]);
        let mut found = rows(&logs);
        found.sort_by(|a, b| (&a.1, &a.2).cmp(&(&b.1, &b.2)));
        assert_eq!(found, expected, "{name}");
        assert_eq!((logs.files[0].format, logs.table), (format, Table::Samples));
        assert!(logs.remarks().is_empty(), "{:?}", logs.remarks());
        let answers: Vec<Option<String>> = logs.sample_rows().map(|row| row.answer).collect();
        assert!(answers.iter().all(Option::is_some), "{answers:?}");
    }
}

#[test]
fn an_unfinished_log_with_unscored_samples() {
    let logs = logs(&["inspect/unfinished.eval"]);
    let of = |prompt: &str, epoch: &str, value| {
        row(
            "runs/a/checkpoint-40",
            &format!("sums/{prompt}"),
            epoch,
            value,
        )
    };
    let expected = [
        of("a/1", "1", 1.0),
        of("a/1", "2", 0.0),
        of("7", "1", 0.5),
        of("n", "1", 0.0),
    ];
    assert_eq!(rows(&logs), expected);
    assert_snapshot!(logs.remarks().join("\n"), @"
    Inspect .eval: samples without a score are left out, which makes Pass@k too high if they were failures
    Inspect .eval: the run is unfinished; samples written: 6
    Inspect .eval: left out: samples that were not scored (1)
    Inspect .eval: left out: samples that ended in an error (1)
    ");
}

#[test]
fn the_table_without_import() {
    let table = SampleTable::read(
        &[golden("inspect/unfinished.eval")],
        &ReadOptions::default(),
    )
    .unwrap();
    let rewards = |values: &[f64]| Some(Outcome::Rewards(values.to_vec()));
    assert_eq!(
        table.outcomes,
        [[rewards(&[1.0, 0.0]), rewards(&[0.5]), rewards(&[0.0])]]
    );
    assert_eq!(table.remarks.len(), 4, "{:?}", table.remarks);
}

#[test]
fn several_scores_and_a_sample_in_pieces() {
    let log = golden("inspect/scorers.eval");
    let folder = Folder::new();
    let path = folder.file("scorers.eval", std::fs::read(log).unwrap());
    let ask = |reward| Ask {
        reward,
        ..Ask::default()
    };
    assert_snapshot!(folder.refusal(&ask(""), std::slice::from_ref(&path)), @"scorers.eval: 3 scores in this log; choose one with `LogOptions::reward`: `exact`, `rubric/sense`, `rubric/style`");
    let values = |reward| rows(&ask(reward).read(std::slice::from_ref(&path)).unwrap());
    let of = |id: &str, value| row("hf/tiny", &format!("sums/{id}"), "1", value);
    assert_eq!(values("exact"), [of("w", 1.0), of("p", 0.0)]);
    assert_eq!(values("rubric/style"), [of("w", 0.25), of("p", 0.75)]);
    assert_eq!(values("rubric/sense"), [of("w", 1.0)], "null is unscored");
}

#[test]
fn log_probabilities_of_targets() {
    let logs = logs(&["inspect/perplexity.json"]);
    assert_eq!(logs.table, Table::Scores);
    let of = |id: &str, value| row("runs/a/checkpoint-40", &format!("sums/{id}"), "0", value);
    assert_eq!(rows(&logs), [of("x", -6.5), of("y", f64::NEG_INFINITY)]);
    let tokens: Vec<Option<u32>> = logs.score_rows().map(|row| row.tokens).collect();
    assert_eq!(tokens, [Some(4), Some(2)]);
    assert_snapshot!(logs.remarks().join("\n"), @"
    Inspect .json: left out: further epochs of a text whose log-probability is known (1)
    Inspect .json: left out: samples that were not scored (1)
    ");
    let options = ReadOptions {
        tokens: true,
        ..ReadOptions::default()
    };
    let table = ScoreTable::read(&[golden("inspect/perplexity.json")], &options).unwrap();
    assert_eq!(
        (&table.logprob[..], table.tokens),
        (&[vec![-6.5, f64::NEG_INFINITY]][..], Some(vec![4, 2]))
    );
    let error = SampleTable::read(
        &[golden("inspect/perplexity.json")],
        &ReadOptions::default(),
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("this is a score table, and a sample table is needed here"),
        "{error}"
    );
}

/// A log of samples with these scores.
fn log(scores: &[&str]) -> String {
    let samples: Vec<String> = scores
        .iter()
        .enumerate()
        .map(|(at, scores)| {
            format!(r#"{{"id":{at},"epoch":1,"input":"?","target":"!","scores":{scores}}}"#)
        })
        .collect();
    format!(
        r#"{{"version":2,"status":"success","eval":{{"task":"t","model":"m"}},"samples":[{}]}}"#,
        samples.join(",")
    )
}

#[test]
fn values_of_scores() {
    let folder = Folder::new();
    for (value, expected) in [
        (r#""C""#, 1.0),
        (r#""P""#, 0.5),
        (r#""yes""#, 1.0),
        (r#""False""#, 0.0),
        (r#""0.25""#, 0.25),
        ("true", 1.0),
        ("0.75", 0.75),
    ] {
        let path = folder.file(
            "log.json",
            log(&[&format!(r#"{{"s":{{"value":{value}}}}}"#)]),
        );
        let logs = Ask::default().read(&[path]).unwrap();
        assert_eq!(rows(&logs), [row("m", "t/0", "1", expected)], "{value}");
    }
}

#[test]
fn runs_that_did_not_end_well() {
    let folder = Folder::new();
    let remarks = |path| {
        let logs = Ask::default().read(&[path]).unwrap();
        logs.remarks().join("; ")
    };
    let one = log(&[r#"{"s":{"value":1}}"#]);
    for (status, remark) in [
        ("success", ""),
        (
            "started",
            "Inspect .json: the run is unfinished; samples written: 1",
        ),
        (
            "cancelled",
            "Inspect .json: the run ended with status `cancelled`; samples written: 1",
        ),
    ] {
        let path = folder.file("log.json", one.replace("success", status));
        assert_eq!(remarks(path), remark);
    }
    let sample = (
        "samples/0_epoch_1.json",
        r#"{"id":0,"epoch":1,"score":{"value":"C"}}"#,
    );
    let head = ("start.json", r#"{"eval":{"task":"t","model":"m"}}"#);
    let first = folder.file("log.eval", archive(&[head, sample, ("results.json", "{}")]));
    assert_eq!(
        rows(&Ask::default().read(std::slice::from_ref(&first)).unwrap()),
        [row("m", "t/0", "1", 1.0)]
    );
    assert_eq!(
        remarks(first),
        "",
        "the first versions ended with other members"
    );
}

#[test]
fn scores_that_are_no_rewards() {
    let of = |value: &str| {
        refusal(
            "log.json",
            log(&[
                r#"{"s":{"value":1}}"#,
                &format!(r#"{{"s":{{"value":{value}}}}}"#),
            ]),
        )
    };
    assert_snapshot!(of("7"), @"log.json, row 2, field `scores.s`: 7 is not a reward; give a number in [0, 1], or true or false; for rewards of another scale say what counts as right, as in `LogOptions::reward_map` '>0', '>=1', '==1' or 'min=-1,max=1'");
    assert_snapshot!(of(r#""A""#), @r#"log.json, row 2, field `scores.s`: "A" is not a reward; choose a score that is a number in [0, 1] or one of C, P, I, N (`LogOptions::reward`)"#);
    assert_snapshot!(of("[1, 0]"), @"log.json, row 2, field `scores.s`: [1,0] is not a reward; choose a score that is a number in [0, 1] or one of C, P, I, N (`LogOptions::reward`)");
    assert_snapshot!(refusal("log.json", log(&["{}"])), @"log.json: no score in this log");
    assert_snapshot!(refusal("log.json", log(&[r#"{"s":{"value":NaN}}"#])), @"log.json (Inspect .json: left out: samples that were not scored (1)): no rows; a table needs at least one");
    assert_snapshot!(refusal("log.json", log(&[])), @"log.json: no sample in this log; is it only the head of one (--no-log-samples)?");
    let positive = r#"{"p":{"value":1,"metadata":{"num_tokens":2,"sum_log_probs":0.5}}}"#;
    assert_snapshot!(refusal("log.json", log(&[positive])), @"log.json, row 1, field `scores.p.metadata.sum_log_probs`: 0.5 is above 0, and no probability is above 1; give natural logs of probabilities");
}

#[test]
fn damaged_logs() {
    assert_snapshot!(refusal("log.json", &log(&["{}"])[..90]), @"log.json: not readable as JSON (EOF while parsing an object, line 1, character 90); the log may be truncated: copy it again, or remove what is not whole");
    let twice = log(&[r#"{"s":{"value":1}}"#; 2]).replace(r#""id":1"#, r#""id":0"#);
    assert_snapshot!(refusal("log.json", twice), @"log.json, row 2: duplicate of log.json, row 1: both give model `m`, prompt `t/0`, response `1`; remove one of them");
    let whole = std::fs::read(golden("inspect/finished.eval")).unwrap();
    assert_snapshot!(refusal("cut.eval", &whole[..whole.len() - 40]), @"cut.eval: not readable as a zip archive (invalid Zip archive: Could not find EOCD); it may be truncated: copy it again");
    let mut broken = whole.clone();
    broken[2000..2020].fill(7);
    assert_snapshot!(refusal("broken.eval", broken), @"broken.eval/samples/q0_epoch_1.json: cannot be read (Invalid checksum); check that the file is whole and that you may read it");
    assert_snapshot!(refusal("other.eval", archive(&[("notes.txt", "hello")])), @"other.eval: not a log that is known here; known are those of lm-evaluation-harness (samples_*.jsonl), Inspect (.eval, .json), sharpening-tax and counts {id, n, c}, every_eval_ever, human-eval (results), EvalPlus (results), verl ({step}.jsonl), OpenRLHF, prime-rl, NeMo Gym, NeMo-RL, SkyRL, slime, TRL (completions), BigCode (generations), large_language_monkeys (YAML). Tables of our own need no import");
    let head = ("header.json", r#"{"eval":{"task":"t","model":"m"}}"#);
    assert_snapshot!(refusal("bad.eval", archive(&[head, ("samples/0_epoch_1.json", "{\"id\": 0,")])), @"bad.eval/samples/0_epoch_1.json: not what Inspect writes there (EOF while parsing a value at line 1 column 9); the log may be damaged: copy it again");
    assert_snapshot!(refusal("empty.eval", archive(&[head])), @"empty.eval: no sample in this log; is it only the head of one (--no-log-samples)?");
    assert_snapshot!(refusal("head.eval", archive(&[("header.json", "[]")])), @"head.eval/header.json: not what Inspect writes there (invalid length 1, expected struct Header with 2 elements at line 1 column 2); the log may be damaged: copy it again");
}

fn archive(members: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        archive
            .start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// As `inspect score` marks a sample, and one with two right answers.
#[test]
fn invalid_samples_are_left_out_and_every_target_is_kept() {
    let text = std::fs::read_to_string(golden("inspect/finished.json")).unwrap();
    let mut log: serde_json::Value = serde_json::from_str(&text).unwrap();
    let samples = log["samples"].as_array_mut().unwrap();
    samples[0]["invalidation"] = serde_json::json!({"reason": "leak"});
    for sample in samples.iter_mut() {
        sample["target"] = match sample["id"].as_str() {
            Some("q1") => serde_json::json!(["4", "four"]),
            _ => serde_json::json!(["5"]),
        };
    }
    let count = samples.len();
    let folder = Folder::new();
    let logs = Ask::default()
        .read(&[folder.file("log.json", log.to_string())])
        .unwrap();
    let golds: Vec<Option<String>> = logs.sample_rows().map(|row| row.gold).collect();
    assert_eq!(golds.len(), count - 1);
    for gold in [r#"["4","four"]"#, "5"] {
        assert!(golds.contains(&Some(gold.into())), "{golds:?}");
    }
    assert!(
        logs.remarks()[0].contains("samples that are marked as invalid"),
        "{:?}",
        logs.remarks()
    );
    for sample in log["samples"].as_array_mut().unwrap() {
        sample["invalidation"] = serde_json::json!({});
    }
    let path = folder.file("none.json", log.to_string());
    assert_snapshot!(folder.refusal(&Ask::default(), &[path]), @"none.json: all samples of this log are marked as invalid");
}

#[test]
fn ids_as_data_frames_write_them_and_a_log_without_a_model() {
    let folder = Folder::new();
    let log = log(&[r#"{"s":{"value":"C"}}"#]).replace("\"id\":0", "\"id\":1.0");
    let path = folder.file("log.json", &log);
    let logs = Ask::default().read(&[path]).unwrap();
    assert_eq!(rows(&logs), [row("m", "t/1", "1", 1.0)]);
    let path = folder.file("log.json", log.replace("\"m\"", "null"));
    assert_snapshot!(folder.refusal(&Ask::default(), std::slice::from_ref(&path)), @"log.json: the log does not say which model it is about; name it with `LogOptions::models`");
    let ask = Ask {
        model: "mine",
        ..Ask::default()
    };
    assert_eq!(ask.read(&[path]).unwrap().models(), ["mine"]);
}
