//! `breadth pass`: values, ks, tables.

use insta::assert_snapshot;

use crate::support::{Folder, counts};

fn pass(table: &str, arguments: &[&str]) -> String {
    let folder = Folder::with(&[("samples.jsonl", table)]);
    folder.run(&[&["pass", "samples.jsonl"], arguments].concat()).success()
}

fn pass_json(table: &str, arguments: &[&str]) -> serde_json::Value {
    let folder = Folder::with(&[("samples.jsonl", table)]);
    folder.run(&[&["pass", "samples.jsonl", "--json"], arguments].concat()).json()
}

fn points(document: &serde_json::Value, field: &str) -> Vec<f64> {
    let points = document["models"][0]["pass"].as_array().unwrap();
    points.iter().map(|point| point[field].as_f64().unwrap()).collect()
}

fn two_models() -> String {
    counts(&[("good", &[(8, 8), (8, 2), (16, 1)]), ("poor", &[(8, 0), (8, 1), (8, 0)])])
}

#[test]
fn models_stand_below_each_other() {
    assert_snapshot!(pass(&two_models(), &[]), @"");
}

#[test]
fn values_are_the_unbiased_ones() {
    let document = pass_json(&counts(&[("m", &[(5, 2)])]), &["-k", "3"]);
    assert!((points(&document, "value")[0] - 0.9).abs() < 1e-12);
    let document = pass_json(&counts(&[("m", &[(200, 3), (10000, 1)])]), &["-k", "100"]);
    assert!((points(&document, "value")[0] - (0.876884 + 0.01) / 2.0).abs() < 1e-6);
}

#[test]
fn ks_go_as_far_as_the_samples() {
    assert_eq!(points(&pass_json(&two_models(), &[]), "k"), [1., 2., 4., 8.]);
    assert_eq!(points(&pass_json(&two_models(), &["-k", "1,3,.."]), "k"), [1., 3.]);
    assert_eq!(points(&pass_json(&two_models(), &["-k", "1,2,3,.."]), "k").len(), 8);
}

#[test]
fn rewards_between_zero_and_one_make_it_best_of_k() {
    let rows = [0.0, 0.5, 1.0].map(|reward| {
        format!(r#"{{"model":"m","prompt_id":1,"response_id":"{reward}","reward":{reward}}}"#) + "\n"
    });
    let table = rows.concat();
    assert_eq!(points(&pass_json(&table, &["-k", "1,2,3"]), "value"), [0.5, 5.0 / 6.0, 1.0]);
    assert!(pass(&table, &[]).starts_with("Best-of-k"));
}

#[test]
fn rows_of_samples_and_counts_agree() {
    let rows: String = [(0, true), (1, false), (2, false), (3, true)].map(|(response, correct)| {
        format!("{{\"model\":\"m\",\"prompt_id\":1,\"response_id\":{response},\"correct\":{correct}}}\n")
    }).concat();
    assert_eq!(pass_json(&rows, &[]), pass_json(&counts(&[("m", &[(4, 2)])]), &[]));
}
