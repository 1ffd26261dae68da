//! verl and TRL.

use breadth_data::{Outcome, ReadOptions, SampleTable};
use insta::assert_snapshot;

use crate::support::{Ask, Folder, asked_refusal, golden, logs, refusal, row, rows};

/// Names of the prompts "1+1" and "2+2": FNV-1a hashes, folded to 64 bits.
const ONE: &str = "25e135018d98789e";
const TWO: &str = "25e12b6ac22de09a";

fn accuracy() -> Ask {
    Ask {
        reward: "acc",
        ..Ask::default()
    }
}

#[test]
fn verl_by_steps_and_prompts() {
    let logs = accuracy().logs(&["verl/20.jsonl", "verl/40.jsonl"]);
    let of = |step: &str, prompt: &str, values: [f64; 4]| {
        let keys = ["0", "1", "2", "3"].into_iter().zip(values);
        keys.map(|(at, value)| row(step, prompt, at, value))
            .collect::<Vec<_>>()
    };
    let expected = [
        of("step-20", ONE, [1.0, 0.0, 0.0, 0.0]),
        of("step-20", TWO, [0.0; 4]),
        of("step-40", TWO, [1.0, 1.0, 0.0, 0.0]),
        of("step-40", ONE, [1.0; 4]),
    ];
    assert_eq!(rows(&logs), expected.concat());
    assert_snapshot!(logs.remarks().join("\n"), @"verl generations: verl's own best@N draws N of the logged responses with replacement and is biased low (1 right of 4 gives best@4 = 0.684, where Pass@4 is 1); Pass@k of this table is unbiased");
    let answers: Vec<Option<String>> = logs.sample_rows().take(2).map(|row| row.answer).collect();
    assert_eq!(answers, [Some("2".to_owned()), Some("0".to_owned())]);
    let named = Ask {
        model: "grpo",
        ..accuracy()
    };
    assert_eq!(
        named.logs(&["verl"]).models(),
        ["grpo/step-20", "grpo/step-40"]
    );
}

#[test]
fn verl_without_import() {
    let paths = [golden("verl/20.jsonl"), golden("verl/40.jsonl")];
    let table = SampleTable::read(&paths, &accuracy().options()).unwrap();
    let rewards = |values: [f64; 4]| Some(Outcome::Rewards(values.to_vec()));
    let first = [rewards([1.0, 0.0, 0.0, 0.0]), rewards([0.0; 4])];
    let second = [rewards([1.0; 4]), rewards([1.0, 1.0, 0.0, 0.0])];
    assert_eq!(table.outcomes, [first, second]);
    let answers = ReadOptions {
        answers: true,
        ..accuracy().options()
    };
    let table = SampleTable::read(&paths, &answers).unwrap();
    assert_eq!(table.answers, ["2", "0", "4"]);
    assert_eq!(table.answer[0], [[0, 1, 1, 1], [1, 1, 1, 1]]);
}

#[test]
fn rewards_of_verl_that_are_wrong() {
    let folder = Folder::new();
    let path = folder.file("20.jsonl", std::fs::read(golden("verl/20.jsonl")).unwrap());
    assert_snapshot!(folder.refusal(&Ask::default(), &[path]), @"20.jsonl, line 2, field `score`: -1 is not a reward; give a number in [0, 1], or true or false; or choose another field with `LogOptions::reward`: `acc`; for rewards of another scale say what counts as right, as in `LogOptions::reward_map` '>0', '>=1', '==1' or 'min=-1,max=1'");
    let of = |rest: &str| {
        refusal(
            "a.jsonl",
            format!("{{\"input\":\"q\",\"output\":\"a\",{rest}}}\n"),
        )
    };
    assert_snapshot!(of(r#""score":1,"gts":"a""#), @"a.jsonl, line 1, field `step`: no training step, here or in the name of the file; call it {step}.jsonl as verl does");
    assert_snapshot!(of(r#""score":"high","step":1"#), @r#"a.jsonl, line 1, field `score`: "high" is not a reward"#);
    assert_snapshot!(of(r#""score":NaN,"step":1"#), @"a.jsonl (verl generations: left out: responses whose reward is NaN or null (1)): no rows; a table needs at least one");
    let ask = Ask {
        reward: "other",
        ..Ask::default()
    };
    assert_snapshot!(asked_refusal(&ask, "a.jsonl", "{\"input\":\"q\",\"output\":\"a\",\"score\":1,\"acc\":0}\n"), @"a.jsonl, line 1, field `other`: no such field; those in [0, 1] on this line: `acc`, `score`");
}

#[test]
fn steps_in_the_names_of_files() {
    let folder = Folder::new();
    let line = "{\"input\":\"1+1\",\"output\":\"a\",\"score\":1}\n";
    let unscored = "{\"input\":\"1+1\",\"output\":\"a\",\"score\":null}\n";
    let path = folder.file("80.jsonl", format!("{line}{unscored}{line}"));
    let logs = Ask::default().read(&[path]).unwrap();
    assert_eq!(
        rows(&logs),
        [row("step-80", ONE, "0", 1.0), row("step-80", ONE, "1", 1.0)]
    );
    assert!(
        logs.remarks()
            .iter()
            .any(|remark| remark.contains("left out: responses whose reward is NaN or null (1)"))
    );
}

#[test]
fn the_same_prompt_with_another_expected_answer() {
    let folder = Folder::new();
    let line = |answer: &str| {
        format!("{{\"input\":\"q\",\"output\":\"a\",\"gts\":\"{answer}\",\"score\":1}}\n")
    };
    let paths = [
        folder.file("1.jsonl", line("4")),
        folder.file("2.jsonl", line("5")),
    ];
    assert_snapshot!(folder.refusal(&Ask::default(), &paths), @"1 of 1 prompts are not the same in all logs, so their rows must not be compared: prompt `aab9e019315011bb` differs in `gts` between 1.jsonl, line 1 and 2.jsonl, line 1. Run all models on the same version of the task with the same examples and template, or leave these prompts out (`ReadOptions::intersect`)");
}

#[test]
fn trl_by_reward_columns() {
    let folder = Folder::new();
    let path =
        |name: &str| folder.file(name, std::fs::read(golden(&format!("trl/{name}"))).unwrap());
    let paths = [
        path("completions_00005.parquet"),
        path("completions_00010.parquet"),
    ];
    assert_snapshot!(folder.refusal(&Ask::default(), &paths), @"completions_00005.parquet: 2 reward columns in this log; choose one with `LogOptions::reward`: `accuracy_reward`, `format_reward`");
    let accuracy = Ask {
        reward: "accuracy_reward",
        ..Ask::default()
    };
    let logs = accuracy.read(&paths).unwrap();
    let expected = [
        row("step-5", ONE, "0", 1.0),
        row("step-5", ONE, "1", 0.5),
        row("step-5", TWO, "0", 0.0),
        row("step-10", ONE, "0", 1.0),
        row("step-10", ONE, "1", 1.0),
        row("step-10", TWO, "0", 0.25),
        row("step-10", TWO, "1", 0.0),
    ];
    assert_eq!(rows(&logs), expected);
    assert_eq!(
        logs.remarks(),
        ["TRL completions: left out: responses whose reward is NaN or null (1)"]
    );
    let format = Ask {
        reward: "format_reward",
        ..Ask::default()
    };
    assert_snapshot!(folder.refusal(&format, &paths), @"completions_00005.parquet, row 3, field `format_reward`: -1 is not a reward; give a number in [0, 1], or true or false; for rewards of another scale say what counts as right, as in `LogOptions::reward_map` '>0', '>=1', '==1' or 'min=-1,max=1'");
    let advantage = Ask {
        reward: "advantage",
        ..Ask::default()
    };
    assert_snapshot!(folder.refusal(&advantage, &paths), @"completions_00005.parquet: `LogOptions::reward` advantage: no such reward column in this log; it has `accuracy_reward`, `format_reward`");
}

#[test]
fn trl_with_messages_for_prompts() {
    let logs = logs(&["trl/conversations.parquet"]);
    assert_snapshot!(logs.remarks().join("; "), @"TRL completions: rewards are the column `correct`, the only one of numbers");
    let found = rows(&logs);
    assert_eq!(
        found.iter().map(|row| row.3).collect::<Vec<_>>(),
        [1.0, 0.0]
    );
    assert_eq!(
        (&found[0].1, &found[0].2, &found[1].2),
        (&found[1].1, &"0".to_owned(), &"1".to_owned())
    );
}

/// Lines of verl, one response each: text of the prompt, right answer, score.
fn verl(lines: &[(&str, &str, f64)]) -> String {
    let line = |(text, gold, score): &(&str, &str, f64)| {
        format!("{{\"input\":\"{text}\",\"output\":\"a\",\"gts\":\"{gold}\",\"score\":{score}}}\n")
    };
    lines.iter().map(line).collect()
}

#[test]
fn one_text_with_several_right_answers() {
    let folder = Folder::new();
    let which = [
        ("which", "A", 1.0),
        ("which", "B", 0.0),
        ("which", "A", 0.0),
    ];
    let paths = [
        folder.file(
            "1.jsonl",
            verl(&[&which[..], &[("2+2", "4", 1.0)]].concat()),
        ),
        folder.file("2.jsonl", verl(&[("2+2", "4", 1.0), which[1], which[0]])),
    ];
    let logs = Ask::default().read(&paths).unwrap();
    let shown = rows(&logs)
        .into_iter()
        .map(|(model, prompt, response, reward)| format!("{model} {prompt} {response} {reward}"));
    assert_snapshot!(shown.collect::<Vec<_>>().join("\n"), @r"
    step-1 a8b8578bb6b87fdd/aab9e0190150eeab 0 1
    step-1 a8b8578bb6b87fdd/aab9e0191c50e91a 0 0
    step-1 a8b8578bb6b87fdd/aab9e0190150eeab 1 0
    step-1 25e12b6ac22de09a 0 1
    step-2 25e12b6ac22de09a 0 1
    step-2 a8b8578bb6b87fdd/aab9e0191c50e91a 0 0
    step-2 a8b8578bb6b87fdd/aab9e0190150eeab 0 1
    ");
    assert_snapshot!(folder.message(logs.remarks()[1..].join("\n")), @r"
    texts of prompts that have several right answers in one log (1): each answer is taken as that of a prompt of its own (of other images, say)
    1.jsonl: prompts that have twice as many responses as others, or another multiple of their 1 (1 of 3): perhaps several prompts of one text and one right answer (of other images, say), which the log does not tell apart; they count as one
    ");
}

#[test]
fn several_prompts_that_nothing_tells_apart() {
    let folder = Folder::new();
    let many = |text, n| vec![(text, "A", 1.0); n];
    let said = |counts: [usize; 3]| {
        let lines = ["x", "y", "z"].into_iter().zip(counts);
        let lines: Vec<_> = lines.flat_map(|(text, n)| many(text, n)).collect();
        let path = folder.file("1.jsonl", verl(&lines));
        let logs = Ask::default().read(&[path]).unwrap();
        folder.message(logs.remarks()[1..].join("\n"))
    };
    assert_snapshot!(said([2, 4, 2]), @"1.jsonl: prompts that have twice as many responses as others, or another multiple of their 2 (1 of 3): perhaps several prompts of one text and one right answer (of other images, say), which the log does not tell apart; they count as one");
    assert_eq!(said([2, 3, 2]), "");
    assert_eq!(said([2, 2, 2]), "");
}

/// Python writes halves of surrogate pairs, and programs cut texts within a character.
#[test]
fn texts_that_are_no_unicode() {
    let folder = Folder::new();
    let mut log = verl(&[("q", "1", 1.0)]).replace("\"a\"", r#""cut \ud83d, \ud83d\ude00""#);
    log += &verl(&[("r", "1", 0.0)]).replace("\"a\"", "\"bytes X\"");
    let log = log
        .into_bytes()
        .into_iter()
        .map(|b| if b == b'X' { 0xc3 } else { b });
    let path = folder.file("1.jsonl", log.collect::<Vec<u8>>());
    let logs = Ask::default().read(&[path]).unwrap();
    let texts: Vec<Option<String>> = logs.sample_rows().map(|row| row.text).collect();
    let expected = ["cut \u{fffd}, \u{1f600}", "bytes \u{fffd}"];
    assert_eq!(texts, expected.map(|text| Some(text.to_owned())));
    let remarks = logs.remarks();
    assert_snapshot!(remarks.last().unwrap(), @"verl generations: characters that cannot be read (bytes that are not UTF-8, or halves of surrogate pairs) stand as U+FFFD in texts (lines: 2)");
    let prompt = verl(&[("q", "1", 1.0)]).replace("\"q\"", r#""q\ud83d""#);
    assert_snapshot!(refusal("1.jsonl", prompt), @"1.jsonl, line 1, field `prompt`: holds characters that cannot be read (bytes that are not UTF-8, or halves of surrogate pairs), so that different names could become one; save the file as UTF-8");
    let row = r#"{"model":"a","prompt_id":"0","response_id":0,"reward":1,"text":"cut \ud83d"}"#;
    let path = folder.file("table.jsonl", row);
    let options = ReadOptions {
        texts: true,
        ..ReadOptions::default()
    };
    let table = SampleTable::read(&[path], &options).unwrap();
    assert_eq!(table.text.unwrap().texts, ["cut \u{fffd}"]);
}

/// As verl writes what its data sets keep under `reward_model.ground_truth`.
#[test]
fn a_right_answer_in_an_object_is_the_only_one_that_it_holds() {
    let folder = Folder::new();
    let line = |gold: &str| {
        format!(
            "{{\"input\":\"{}\",\"output\":\"a\",\"gts\":{gold},\"score\":1}}\n",
            gold.len()
        )
    };
    let read = |golds: &[&str], ask: Ask| {
        let text: String = golds.iter().map(|gold| line(gold)).collect();
        ask.read(&[folder.file("1.jsonl", text)])
    };
    let golds = [
        r#"{"target":["4"]}"#,
        r#"{"ground_truth":["7","seven"]}"#,
        r#"["7"]"#,
        r#"{"target":98,"numbers":[44,19]}"#,
    ];
    let logs = read(&golds, Ask::default()).unwrap();
    let found: Vec<Option<String>> = logs.sample_rows().map(|row| row.gold).collect();
    let expected = [Some("4"), Some(r#"["7","seven"]"#), Some(r#"["7"]"#), None];
    assert_eq!(found, expected.map(|gold| gold.map(str::to_owned)));
    assert!(
        logs.remarks()[1].contains("right answers that are objects are left out"),
        "{:?}",
        logs.remarks()
    );
    let ask = Ask {
        texts: true,
        ..Ask::default()
    };
    let error = folder.message(read(&golds, ask).err().unwrap());
    assert_snapshot!(error, @"1.jsonl, line 4, field `gts`: an object that does not say which text is right: a verifier reads a text, a list of texts, or one of them under target, ground_truth or answer alone");
}
