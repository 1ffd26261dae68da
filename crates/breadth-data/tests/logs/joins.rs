//! Logs of several checkpoints: the same prompts, or a refusal.

use breadth_data::{LogOptions, ReadOptions, ScoreTable};
use insta::assert_snapshot;

use crate::support::{Ask, Folder, golden, row, rows};

const REAL: &str = "lm-eval/tiny/samples_tinymc_2026-11-23T12-56-45.049373.jsonl";

fn both() -> Ask {
    Ask {
        intersect: true,
        ..Ask::default()
    }
}

/// The real log, and the same with some of its text replaced.
fn with_another(replace: &[(&str, &str)]) -> (Folder, [std::path::PathBuf; 2]) {
    let text = std::fs::read_to_string(golden(REAL)).unwrap();
    let other = replace.iter().fold(text.clone(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let folder = Folder::new();
    let paths = [
        folder.file("a/samples_tinymc_1.jsonl", text),
        folder.file("b/samples_tinymc_1.jsonl", other),
    ];
    (folder, paths)
}

#[test]
fn another_document_prompt_target_or_continuation() {
    let (folder, paths) = with_another(&[("f4f69c0a", "00000000"), ("cf06a8df", "00000000")]);
    assert_snapshot!(folder.refusal(&Ask::default(), &paths), @"2 of 4 prompts are not the same in all logs, so their rows must not be compared: prompt `tinymc/0` differs in `doc_hash` between a/samples_tinymc_1.jsonl, line 1 and b/samples_tinymc_1.jsonl, line 1; prompt `tinymc/1` differs in `prompt_hash` between a/samples_tinymc_1.jsonl, line 2 and b/samples_tinymc_1.jsonl, line 2. Run all models on the same version of the task with the same examples and template, or leave these prompts out (`ReadOptions::intersect`)");
    let (folder, paths) = with_another(&[(
        "the quick brown 2\", \"arg_1\": \" fox",
        "A shot. the quick brown 2\", \"arg_1\": \" fox",
    )]);
    assert_snapshot!(folder.refusal(&Ask::default(), &paths), @"1 of 4 prompts are not the same in all logs, so their rows must not be compared: prompt `tinymc/2` differs in `arguments` between a/samples_tinymc_1.jsonl, line 3 and b/samples_tinymc_1.jsonl, line 3. Run all models on the same version of the task with the same examples and template, or leave these prompts out (`ReadOptions::intersect`)");
    let error = ScoreTable::read(&paths, &ReadOptions::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("1 of 4 prompts are not the same"),
        "a table without import is as strict: {error}"
    );
}

#[test]
fn the_first_of_many_are_listed() {
    let text: String = (0..9)
        .map(|doc| format!("{{\"doc_id\":{doc},\"doc\":{{\"n\":{doc}}},\"target\":\"x\",\"arguments\":[[\"q\",\"x\"]],\"resps\":[[[-1,0]]]}}\n"))
        .collect();
    let folder = Folder::new();
    let other = text.replace("\"n\":", "\"m\":");
    let paths = [
        folder.file("a/samples_t_1.jsonl", text),
        folder.file("b/samples_t_1.jsonl", other),
    ];
    let message = folder.refusal(&Ask::default(), &paths);
    assert!(
        message.starts_with("9 of 9 prompts are not the same in all logs"),
        "{message}"
    );
    assert_eq!(
        message.matches("differs in `doc_hash`").count(),
        5,
        "{message}"
    );
}

#[test]
fn intersect_leaves_out_what_differs() {
    let (_folder, paths) = with_another(&[("f4f69c0a", "00000000")]);
    let logs = both().read(&paths).unwrap();
    assert_eq!((logs.differ, logs.rows()), (1, 6));
    assert_eq!(logs.prompts(), ["tinymc/1", "tinymc/2", "tinymc/3"]);
    assert_eq!(
        logs.remarks(),
        ["left out: prompts that differ between the logs (1)"]
    );
    let table = ScoreTable::read(&paths, &both().options()).unwrap();
    assert_eq!(table.prompts, logs.prompts());
}

#[test]
fn a_checkpoint_that_lacks_documents() {
    let text = std::fs::read_to_string(golden(REAL)).unwrap();
    let shorter: String = text
        .lines()
        .skip(1)
        .map(|line| format!("{line}\n"))
        .collect();
    let folder = Folder::new();
    let paths = [
        folder.file("a/samples_tinymc_1.jsonl", text),
        folder.file("b/samples_tinymc_1.jsonl", shorter),
    ];
    assert_snapshot!(folder.refusal(&Ask::default(), &paths), @"model `b` lacks 1 of 4 responses; the first is source `data`, prompt `tinymc/0`, response `0`, which a/samples_tinymc_1.jsonl, line 1 gives for another model; add them, or use only what all models have (`ReadOptions::intersect`)");
    assert_eq!(both().read(&paths).unwrap().rows(), 6);
}

#[test]
fn two_logs_of_one_name() {
    let (folder, paths) = with_another(&[]);
    let ask = Ask {
        model: "m",
        ..Ask::default()
    };
    assert_snapshot!(folder.refusal(&ask, &paths), @"b/samples_tinymc_1.jsonl, line 1: duplicate of a/samples_tinymc_1.jsonl, line 1: both give model `m` a response of one number to prompt `tinymc/0`; remove one of the logs, or name their models one by one, in the order of the logs, with `breadth import` (`LogOptions::models`)");
    let names = |models: &[&str]| ReadOptions {
        log: LogOptions {
            models: models.iter().map(|name| name.to_string()).collect(),
            ..LogOptions::default()
        },
        ..ReadOptions::default()
    };
    let read = |models: &[&str]| breadth_data::Logs::read(&paths, None, &names(models));
    assert_eq!(
        read(&["early", "late"]).unwrap().models(),
        ["early", "late"]
    );
    assert_snapshot!(read(&["a", "b", "c"]).unwrap_err(), @"3 names of models for 2 logs; give one name for all, or one for each in their order (a folder or pattern counts as one)");
}

#[test]
fn logs_and_tables_together() {
    let folder = Folder::new();
    let table = folder.file(
        "teacher.csv",
        "model,prompt_id,response_id,logprob\nteacher,tinymc/1,1,-2\nteacher,tinymc/3,1,-3\n",
    );
    let options = ReadOptions {
        intersect: true,
        ..ReadOptions::default()
    };
    let read = ScoreTable::read(&[table, golden(REAL)], &options).unwrap();
    assert_eq!(read.column("teacher").unwrap(), [-2.0, -3.0]);
    assert_eq!(
        read.column("tiny").unwrap(),
        [-9.123855590820312, -9.538779258728027]
    );
}

#[test]
fn tasks_keep_their_documents_apart() {
    let line = "{\"doc_id\":0,\"doc\":{},\"target\":\"x\",\"arguments\":[[\"q\",\"x\"]],\"resps\":[[[-1,0]]]}\n";
    let folder = Folder::new();
    let paths = [
        folder.file("m/samples_a_b_2026.jsonl", line),
        folder.file("m/samples_c_2026.jsonl", line),
    ];
    let logs = Ask::default().read(&paths).unwrap();
    assert_eq!(
        rows(&logs),
        [row("m", "a_b/0", "0", -1.0), row("m", "c/0", "0", -1.0)]
    );
}
