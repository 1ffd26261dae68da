//! `breadth plan`: rows and samples that a question needs.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Folder, three_checkpoints};

fn plan(arguments: &[&str]) -> String {
    Folder::with(&[])
        .run(&[&["plan"], arguments].concat())
        .success()
}

#[test]
fn from_numbers() {
    assert_snapshot!(plan(&["--certify", "0.05", "--coverage", "0.02", "--separate", "0.10,0.05", "--see", "64"]), @"
    To certify Cov_N <= 5.0% where it is 2.0%: 390 rows.
    To separate two checkpoints, left behind by N on 10.0% of the responses against 5.0%: 540 rows.
    To see an answer of probability 1/64: 147 samples per prompt.
    95% confidence, reached with a chance of 90% if the shares are as stated.
    ");
    assert_snapshot!(plan(&["--separate", "0.1,0.05", "--per-prompt", "4", "--correlation", "0.5"]), @"
    To separate two checkpoints, left behind by N on 10.0% of the responses against 5.0%: 1,416 rows of 354 prompts.
    95% confidence, reached with a chance of 90% if the shares are as stated.
    ");
    assert_snapshot!(plan(&["--certify", "0.05", "--coverage", "0.05", "--separate", "0.1,0.1"]), @"
    Cov_N <= 5.0% cannot be certified where it is 5.0%.
    No number of rows separates two checkpoints, left behind by N on 10.0% of the responses against 10.0%.
    95% confidence, reached with a chance of 90% if the shares are as stated.
    ");
}

#[test]
fn from_a_pilot() {
    let folder = Folder::with(&[("pilot.jsonl", &three_checkpoints())]);
    let pilot = [
        "plan",
        "pilot.jsonl",
        "-n",
        "2",
        "-r",
        "teacher",
        "--certify",
        "0.7",
    ];
    assert_snapshot!(folder.run(&pilot).success(), @"
    The pilot: 8 rows, 8 prompts; at N = 2 its tournament takes late.
    To separate late from even, left behind by 2 on 75.0% of the responses against 25.0%: 49 rows.
    To separate late from early, left behind by 2 on 75.0% of the responses against 25.0%: 49 rows.
    To certify Cov_2 of early <= 70.0% where it is 12.5%: 8 rows.
    To certify Cov_2 of even <= 70.0% where it is 0%: 4 rows.
    To certify Cov_2 of late <= 70.0% where it is 25.0%: 13 rows.
    95% confidence, reached with a chance of about 90% if the shares are as stated by the pilot, which is itself uncertain.
    ");
    let document = folder.run(&[&pilot[..], &["--json"]].concat()).json();
    assert_eq!(
        document["pilot"],
        json!({"rows": 8, "prompts": 8, "winner": "late"})
    );
    assert_eq!(document["plans"][0]["goal"], "separate");
}

/// One model is far behind on one response of three, and those count a tenth.
#[test]
fn a_pilot_is_read_as_tables_are() {
    let row = |model: &str, prompt: usize, group: &str, logprob: f64| {
        format!(
            r#"{{"model":"{model}","prompt_id":"{prompt}","group":"{group}","value":{logprob}}}"#
        )
    };
    let rows = (0..18).flat_map(|i| {
        let (group, a) = if i % 3 == 2 { ("y", -9.0) } else { ("x", -1.0) };
        [row("a", i, group, a), row("b", i, group, -2.0)]
    });
    let rows: Vec<String> = rows.collect();
    let folder = Folder::with(&[("pilot.jsonl", &rows.join("\n"))]);
    let pilot = [
        "plan",
        "pilot.jsonl",
        "-n",
        "4",
        "--columns",
        "logprob=value",
    ];
    assert_snapshot!(folder.run(&pilot).success(), @r"
    The pilot: 18 rows, 18 prompts; at N = 4 its tournament takes b.
    To separate b from a, left behind by 4 on 33.3% of the responses against 0%: 22 rows.
    95% confidence, reached with a chance of about 90% if the shares are as stated by the pilot, which is itself uncertain.
    ");
    let weighted = [&pilot[..], &["--group-weights", "x=9,y=1"]].concat();
    assert_snapshot!(folder.run(&weighted).success(), @r"
    The pilot: 18 rows, 18 prompts; at N = 4 its tournament takes b.
    To separate b from a, left behind by 4 on 10.0% of the responses against 0%: 46 rows.
    95% confidence, reached with a chance of about 90% if the shares are as stated by the pilot, which is itself uncertain.
    ");
    assert_snapshot!(folder.run(&["plan", "--see", "8", "--intersect"]).failure(1), @"error: how tables are read says something about a pilot: give its table");
}

#[test]
fn what_cannot_be_planned_is_said() {
    let folder = Folder::with(&[("pilot.jsonl", &three_checkpoints())]);
    let refused = |arguments: &[&str]| folder.run(&[&["plan"], arguments].concat()).failure(1);
    assert_snapshot!(refused(&[]), @"error: nothing to plan: give a pilot table, --certify E, --separate AHEAD,BEHIND or --see N");
    assert_snapshot!(refused(&["--certify", "2"]), @"error: --certify, --coverage: e = 2 is no share; give a number in [0, 1], such as 0.1");
    assert_snapshot!(refused(&["--separate", "0.7,0.6"]), @"error: --separate, --models: ahead + behind = 1.2999999999999998 is no share; give a number in [0, 1], such as 0.1");
    assert_snapshot!(refused(&["--separate", "0.1,0", "--models", "1"]), @"error: --models 1: at least two compete");
    assert_snapshot!(refused(&["--see", "0"]), @"error: --see: 0 is no number from 1 to 1e15, the N of 1/N");
    assert_snapshot!(refused(&["--separate", "0.1,0", "--correlation", "2"]), @"error: --correlation: 2 is no number from 0 to 1");
    assert_snapshot!(refused(&["pilot.jsonl", "--certify", "0.1"]), @"error: --certify: a coverage is one against a reference: name that of the pilot");
}
