//! Limits that were too narrow: the inputs of `tests/cases/limits`, and what is right.

use serde_json::Value;

use crate::support::{Folder, case};

/// Runs a command on one of the cases.
fn on(name: &str, arguments: &[&str]) -> Value {
    let folder = Folder::new();
    folder.write(name, &case(name));
    let (command, flags) = arguments.split_first().unwrap();
    folder
        .run(&[&[command, name], flags, &["--json"]].concat())
        .json()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::INFINITY)
}

/// Of 100 prompts with 8 of 16 right, some 3% more may exist of which none is ever solved.
#[test]
fn beyond_the_samples_some_prompts_may_never_be_solved() {
    let document = on(
        "extra_all_half.jsonl",
        &["pass", "-k", "16,17,64", "--extrapolate"],
    );
    let pass = document["models"][0]["pass"].as_array().unwrap();
    let low: Vec<f64> = pass.iter().map(|point| number(&point["low"])).collect();
    assert!(
        low.iter().all(|low| (0.95..=0.971).contains(low)),
        "{low:?}"
    );
    assert!(low[0] <= low[1] && low[1] <= low[2], "{low:?}");
}

#[test]
fn a_hundred_prompts_cannot_show_more_than_a_hundred_can() {
    let document = on("pass_near_one.jsonl", &["pass", "-k", "8,16"]);
    let pass = document["models"][0]["pass"].as_array().unwrap();
    let most = 0.025_f64.powf(0.01);
    let low: Vec<f64> = pass.iter().map(|point| number(&point["low"])).collect();
    assert!(low[0] <= low[1] && low[1] <= most + 1e-6, "{low:?}");
}

#[test]
fn prompts_lost_as_a_whole_may_be_unseen() {
    let document = on("clusters60.csv", &["profile", "-r", "p", "-n", "4"]);
    let point = &document["models"][0]["profile"][0];
    assert!(number(&point["high"]) > 0.06, "{point}");
    assert!(number(&point["effective_rows"]) <= 60.0, "{point}");
}

/// In group A a is behind on 6 of 40 rows, in B b is behind on 360 of 400; A counts nine times as
/// much.
#[test]
fn rows_outside_of_a_comparison_count_within_their_group() {
    let weights = ["select", "-n", "4", "--group-weights", "A=.9,B=.1"];
    let document = on("ne_strata.csv", &weights);
    assert_eq!(document["not_excluded"], serde_json::json!(["a", "b"]));
}

#[test]
fn one_weight_that_carries_everything_leaves_no_limits() {
    let document = on("heavy.csv", &["profile", "-r", "p", "-n", "4"]);
    let kl = &document["models"][0]["kl"];
    assert_eq!((&kl["low"], &kl["high"]), (&0.0.into(), &"inf".into()));
    let remark = kl["remark"].as_str().unwrap();
    assert!(
        remark.starts_with("cannot be bounded: prompt `0` carries"),
        "{remark}"
    );
}
