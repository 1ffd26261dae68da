//! The sample table against a slow and obvious construction of it.

use std::collections::BTreeMap;
use std::path::Path;

use breadth_data::{Outcome, Provenance, ReadOptions, SampleRow, SampleTable, write_samples};
use proptest::prelude::*;
use proptest::sample::select;

/// Rewards by model and prompt, in the order of the rows.
type Facts = BTreeMap<(String, String), Vec<f64>>;

fn oracle(rows: &[SampleRow]) -> Facts {
    let mut facts = Facts::new();
    for row in rows {
        let key = (row.model.clone(), row.prompt_id.clone());
        facts.entry(key).or_default().push(row.reward);
    }
    facts
}

fn facts(table: &SampleTable) -> Facts {
    let mut facts = Facts::new();
    for (model, outcomes) in table.models.iter().zip(&table.outcomes) {
        for (prompt, outcome) in table.prompts.iter().zip(outcomes) {
            if let Some(Outcome::Rewards(rewards)) = outcome {
                facts.insert((model.clone(), prompt.clone()), rewards.clone());
            }
        }
    }
    facts
}

/// Rows in random order, with samples for every model and prompt.
fn complete() -> impl Strategy<Value = Vec<SampleRow>> {
    let ids =
        |count| prop::collection::hash_set(select(&["0", "p/1", "x y", "é", "7"][..]), 1..count);
    let reward = prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0f64];
    let samples = prop::collection::vec(reward, 1..5);
    (ids(4), ids(5), any::<bool>())
        .prop_flat_map(move |(models, prompts, grouped)| {
            let cells = models.len() * prompts.len();
            prop::collection::vec(samples.clone(), cells).prop_map(move |samples| {
                let pairs = models
                    .iter()
                    .flat_map(|m| prompts.iter().map(move |p| (m, p)));
                let rows = pairs.zip(samples).flat_map(|((model, prompt), rewards)| {
                    rewards
                        .into_iter()
                        .enumerate()
                        .map(move |(at, reward)| SampleRow {
                            model: model.to_string(),
                            prompt_id: prompt.to_string(),
                            response_id: at.to_string(),
                            reward,
                            group: grouped.then(|| format!("class of {prompt}")),
                            ..SampleRow::default()
                        })
                });
                rows.collect::<Vec<_>>()
            })
        })
        .prop_shuffle()
}

fn write_csv(path: &Path, rows: &[SampleRow]) {
    let mut file = csv::Writer::from_path(path).unwrap();
    file.write_record(["reward", "group", "response_id", "prompt_id", "model"])
        .unwrap();
    for row in rows {
        let group = row.group.as_deref().unwrap_or_default();
        let (reward, ids) = (
            row.reward.to_string(),
            [&row.response_id, &row.prompt_id, &row.model],
        );
        let fields = [&reward, group].into_iter().chain(ids.map(String::as_str));
        file.write_record(fields).unwrap();
    }
    file.flush().unwrap();
}

fn write_json_lines(path: &Path, rows: &[SampleRow]) {
    let line = |row: &SampleRow| {
        serde_json::json!({
            "model": row.model, "prompt_id": row.prompt_id, "response_id": row.response_id,
            "reward": row.reward, "group": row.group,
        })
    };
    let lines: Vec<String> = rows.iter().map(|row| line(row).to_string()).collect();
    std::fs::write(path, lines.join("\n")).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_format_gives_the_outcomes_of_the_oracle(rows in complete()) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write_samples(&path("a.parquet"), &rows, &Provenance::default()).unwrap();
        write_json_lines(&path("a.jsonl"), &rows);
        write_csv(&path("a.csv"), &rows);
        for name in ["a.parquet", "a.jsonl", "a.csv"] {
            let table = SampleTable::read(&[path(name)], &ReadOptions::default()).unwrap();
            prop_assert_eq!(facts(&table), oracle(&rows));
            for (prompt, group) in table.prompts.iter().zip(&table.group) {
                let name = group.map(|code| table.groups[code as usize].clone());
                let expected = rows[0].group.as_ref().map(|_| format!("class of {prompt}"));
                prop_assert_eq!(name, expected);
            }
        }
    }

    #[test]
    fn prompts_missing_for_a_model_are_refused_or_left_out(
        rows in complete(),
        at in any::<prop::sample::Index>(),
    ) {
        let gone = rows[at.index(rows.len())].clone();
        let is_gone = |row: &&SampleRow| row.model == gone.model && row.prompt_id == gone.prompt_id;
        let rest: Vec<SampleRow> = rows.iter().filter(|row| !is_gone(row)).cloned().collect();
        let known = |test: &dyn Fn(&SampleRow) -> bool| rest.iter().any(test);
        prop_assume!(known(&|row| row.model == gone.model));
        prop_assume!(known(&|row| row.prompt_id == gone.prompt_id));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write_csv(&path, &rest);
        let inputs = [path];
        let message = SampleTable::read(&inputs, &ReadOptions::default()).unwrap_err().to_string();
        let expected = format!("model `{}` lacks 1 of", gone.model);
        prop_assert!(message.starts_with(&expected), "{}", message);
        let options = ReadOptions { intersect: true, ..ReadOptions::default() };
        let common: Vec<SampleRow> =
            rest.iter().filter(|row| row.prompt_id != gone.prompt_id).cloned().collect();
        let table = SampleTable::read(&inputs, &options).unwrap();
        prop_assert_eq!(facts(&table), oracle(&common));
    }
}

fn read(content: &str) -> SampleTable {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    std::fs::write(&path, content).unwrap();
    SampleTable::read(&[path], &ReadOptions::default()).unwrap()
}

#[test]
fn booleans_are_rewards_under_any_of_their_names() {
    let expected = [[Some(Outcome::Rewards(vec![1.0, 0.0]))]];
    for name in ["reward", "correct", "passed"] {
        for [yes, no] in [["true", "false"], ["1", "0"], ["1.0", "\"0\""]] {
            let line = |id, value| {
                format!(
                    "{{\"model\":\"a\",\"prompt_id\":1,\"response_id\":{id},\"{name}\":{value}}}\n"
                )
            };
            assert_eq!(
                read(&(line(0, yes) + &line(1, no))).outcomes,
                expected,
                "{name} {yes}"
            );
        }
        let csv = format!("model,prompt_id,response_id,{name}\na,1,0,True\na,1,1,FALSE\n");
        assert_eq!(read(&csv).outcomes, expected, "{name}");
    }
}

#[test]
fn a_reward_comes_before_other_names_of_it_and_before_counts() {
    let table = read("model,prompt_id,response_id,reward,correct,n,c\na,1,0,0.25,true,9,3\n");
    assert_eq!(table.outcomes, [[Some(Outcome::Rewards(vec![0.25]))]]);
}

#[test]
fn one_count_is_a_table() {
    let table = read("{\"model\":\"a\",\"prompt_id\":1,\"n\":1,\"c\":0}");
    assert_eq!(table.outcomes, [[Some(Outcome::Counts { n: 1, c: 0 })]]);
    assert_eq!(
        (table.models, table.prompts),
        (vec!["a".into()], vec!["1".into()])
    );
}

#[test]
fn counts_and_samples_of_different_prompts_go_together() {
    let table = read("model,prompt_id,response_id,reward,n,c\na,1,0,0.5,,\na,2,,,4,3\n");
    let outcomes = [Outcome::Rewards(vec![0.5]), Outcome::Counts { n: 4, c: 3 }];
    assert_eq!(table.outcomes, [outcomes.map(Some)]);
}

#[test]
fn answers_are_read_when_asked_for_and_given_by_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, rows: &[&str]| {
        let path = folder.path().join(name);
        std::fs::write(&path, rows.join("\n")).unwrap();
        path
    };
    let row = |model: &str, response: u32, answer: &str| {
        format!(
            r#"{{"model":"{model}","prompt_id":1,"response_id":{response},"reward":0{answer}}}"#
        )
    };
    let given = write(
        "given",
        &[
            &row("a", 0, r#","answer":"7""#),
            &row("a", 1, r#","answer":null"#),
            &row("a", 2, r#","answer":7"#),
        ],
    );
    let lacking = write("lacking", &[&row("b", 0, "")]);
    let read = |paths: &[&std::path::PathBuf], answers| {
        let paths: Vec<_> = paths.iter().map(|&path| path.clone()).collect();
        let options = ReadOptions {
            answers,
            ..ReadOptions::default()
        };
        SampleTable::read(&paths, &options).unwrap()
    };
    let table = read(&[&given], true);
    assert_eq!(table.answers, ["7", ""]);
    assert_eq!(table.answer, [[[0, 1, 0]]]);
    assert!(read(&[&given], false).answer.is_empty());
    assert!(read(&[&given, &lacking], true).answer.is_empty());
}

/// A list of numbers could be an interval; a list of texts is what any verifier takes.
#[test]
fn a_right_answer_may_be_a_list_of_texts() {
    let golds = |gold: &str| {
        let row = format!(
            "{{\"model\":\"a\",\"prompt_id\":\"p\",\"response_id\":\"x\",\"reward\":1,\"text\":\"y\",\"gold\":{gold}}}"
        );
        let options = ReadOptions {
            texts: true,
            ..ReadOptions::default()
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("samples.jsonl");
        std::fs::write(&path, row).unwrap();
        let read = SampleTable::read(&[path], &options).map_err(|e| e.to_string());
        read.map(|table| table.text.unwrap().gold)
    };
    assert_eq!(
        golds(r#"["7", "seven"]"#),
        Ok(vec![Some(r#"["7","seven"]"#.into())])
    );
    assert_eq!(golds(r#"["7"]"#), Ok(vec![Some("7".into())]));
    assert!(golds("[1, 2]").unwrap_err().contains("found a list"));
}

/// As pandas writes a column of ids in which one is missing.
#[test]
fn ids_that_differ_in_form_alone_are_said() {
    let dir = tempfile::tempdir().unwrap();
    let paths = [("a.csv", "1.0"), ("b.csv", "1")].map(|(name, id)| {
        let path = dir.path().join(name);
        let text = format!("model,prompt_id,response_id,reward\n{name},{id},0,1\n");
        std::fs::write(&path, text).unwrap();
        path
    });
    let error = SampleTable::read(&paths, &ReadOptions::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("prompt `1` (there is `1.0`, too"),
        "{error}"
    );
}

#[test]
fn texts_are_read_when_they_are_asked_for() {
    let rows = r#"{"model":"a","prompt_id":"p","response_id":"x","reward":1,"text":"yes"}
{"model":"a","prompt_id":"p","response_id":"y","reward":0,"text":""}
{"model":"b","prompt_id":"p","response_id":"x","reward":0,"text":"yes"}
"#;
    let options = ReadOptions {
        texts: true,
        ..ReadOptions::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("samples.jsonl");
    std::fs::write(&path, rows).unwrap();
    let text = SampleTable::read(std::slice::from_ref(&path), &options)
        .unwrap()
        .text
        .unwrap();
    assert_eq!(text.texts, ["yes", ""]);
    assert_eq!(text.text, [[vec![0, 1]], [vec![0]]]);
    assert_eq!(text.responses, ["x", "y"]);
    assert_eq!(text.response, [[vec![0, 1]], [vec![0]]]);
    assert_eq!(read(rows).text, None);
    std::fs::write(&path, rows.replace(r#","text":"""#, "")).unwrap();
    let message = SampleTable::read(&[path], &options)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("line 2") && message.contains("text"),
        "{message}"
    );
}
