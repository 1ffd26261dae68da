//! Verdicts on pairs that graders are tested on or got wrong, and on reports of users
//! (`tests/cases`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::answer::{Answer, last_boxed};
use super::{Judged, Verifier};
use crate::text::{Item, read_references};

fn cases(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../tests/cases", name]
        .iter()
        .collect()
}

fn lines(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(cases(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn reward(verifier: &Verifier, item: &Item, text: &str) -> f64 {
    let judged = Judged {
        item,
        response_id: "0",
        tokens: &[],
        text,
    };
    verifier.judge(&[judged]).unwrap()[0].reward
}

fn boxed(gold: &str, text: &str) -> bool {
    is_right("boxed", gold, text)
}

/// The verdict of a verifier; a gold answer that it refuses makes nothing right.
pub(super) fn is_right(verifier: &str, gold: &str, text: &str) -> bool {
    let item = Item {
        answer: Some(gold.into()),
        ..Item::default()
    };
    let verifier = Verifier::parse(verifier).unwrap();
    verifier.check(&item).is_ok() && reward(&verifier, &item, text) == 1.0
}

/// The verifier that a pair of the table is for.
fn verifier(pair: &Value) -> &str {
    pair["verifier"].as_str().unwrap_or("boxed")
}

/// At most one in a hundred may be wrong, and none may be a wrong answer that is taken for right.
#[test]
fn pairs_of_public_graders() {
    let pairs = lines("graders.jsonl");
    let (mut missed, mut accepted) = (Vec::new(), Vec::new());
    for pair in &pairs {
        let text = |name: &str| pair[name].as_str().unwrap();
        let (gold, given) = (text("gold"), text("text"));
        let line = format!("{gold}   {given}   ({})", verifier(pair));
        let is_right = is_right(verifier(pair), gold, given);
        match (is_right, pair["right"].as_bool().unwrap()) {
            (true, false) => accepted.push(line),
            (false, true) => missed.push(line),
            _ => {}
        }
    }
    println!(
        "{} pairs, {} wrong answers accepted, {} right ones missed:\n{}",
        pairs.len(),
        accepted.len(),
        missed.len(),
        missed.join("\n")
    );
    assert!(pairs.len() >= 1000);
    assert!(
        accepted.is_empty(),
        "wrong answers accepted:\n{}",
        accepted.join("\n")
    );
    assert!(
        missed.len() * 100 <= pairs.len(),
        "right answers missed:\n{}",
        missed.join("\n")
    );
}

/// Pairs are told apart the same way with the sides exchanged.
#[test]
fn pairs_the_other_way_round() {
    for pair in lines("graders.jsonl")
        .iter()
        .filter(|pair| verifier(pair) == "boxed")
    {
        let (gold, given) = (
            pair["gold"].as_str().unwrap(),
            pair["text"].as_str().unwrap(),
        );
        let answer = |text: &str| Answer::read(last_boxed(text).unwrap_or(text));
        let (gold, given) = (answer(gold), answer(given));
        assert_eq!(gold.is(&given), given.is(&gold), "{pair}");
    }
}

/// The rewards of a report's samples; `None` where the verifier refuses the gold answer.
fn rewards(verifier: &Verifier, report: &str) -> BTreeMap<String, Option<f64>> {
    let reference = read_references(&[cases(&format!("field/{report}/data.jsonl"))]).unwrap();
    let judge = |sample: &Value| {
        let prompt = sample["prompt_id"].as_str().unwrap();
        let item = reference.get(prompt).unwrap();
        let reward = verifier
            .check(item)
            .ok()
            .map(|()| reward(verifier, item, sample["text"].as_str().unwrap()));
        (prompt.to_owned(), reward)
    };
    lines(&format!("field/{report}/samples.jsonl"))
        .iter()
        .map(judge)
        .collect()
}

#[test]
fn reports_of_users() {
    for (report, verifier) in [
        ("02-boxed-space-after-comma", "boxed"),
        ("07-number-gold-that-is-no-number", "number"),
        ("18-bare-tuples-ok", "boxed"),
        ("19-last-number-ok", "number"),
        ("20-math-verify-wrong-pairs-ok", "boxed"),
    ] {
        let expected =
            std::fs::read_to_string(cases(&format!("field/{report}/expected.json"))).unwrap();
        let expected: BTreeMap<String, f64> = serde_json::from_str(&expected).unwrap();
        let rewards = rewards(&Verifier::parse(verifier).unwrap(), report);
        assert_eq!(rewards.len(), expected.len());
        for (prompt, expected) in expected {
            let refused = report.starts_with("07") && prompt == "tuple";
            assert_eq!(
                rewards[&prompt],
                (!refused).then_some(expected),
                "{report}, {prompt}"
            );
        }
    }
    for case in lines("field/24-forms-not-equal-unclear/cases.jsonl") {
        let others = case["others"].as_u64() == Some(1);
        assert_eq!(
            boxed(
                case["gold"].as_str().unwrap(),
                case["text"].as_str().unwrap()
            ),
            others,
            "{case}"
        );
    }
}
