//! The JSON documents hold every key that the published interface shows, with values of the same
//! kind.

use serde_json::Value;

use crate::support::{Folder, counts, three_checkpoints};

/// The examples of the interface, to the letter.
const PROFILE: &str = r#"{"command":"profile","reference":"teacher","confidence":0.95,
 "models":[{"model":"ckpt-10","rows":4000,"prompts":4000,
   "kl":{"value":0.41,"low":0.38,"high":0.44},"cross_entropy":{"value":3.2,"low":3.1,"high":3.3},
   "profile":[{"n":2.0,"cov":0.11,"low":0.100,"high":0.121,"band_low":0.09,"band_high":0.13,"kl_bound":1.0}]}]}"#;
const SELECT: &str = r#"{"command":"select","rule":"tournament","n":4.0,"confidence":0.95,"rows":2000,"prompts":2000,
 "winner":"ckpt-07","tied":["ckpt-06","ckpt-07"],"not_excluded":["ckpt-05","ckpt-06","ckpt-07","ckpt-08"],
 "cross_entropy_winner":"ckpt-20",
 "models":[{"model":"ckpt-07","rank":1,"value":0.0,"worst_rival":"ckpt-06","low":0.0,"high":0.002,
            "cross_entropy":3.3,"certified_low":0.0,"certified_high":1.0}]}"#;
const PASS: &str = r#"{"command":"pass","confidence":0.95,"models":[{"model":"ckpt-07","prompts":500,"samples_min":32,"samples_max":32,
   "pass":[{"k":8,"value":0.91,"low":0.89,"high":0.93,"extrapolated":false}]}]}"#;

/// Every path in `shown` is in `printed`, as the same kind of value.
#[track_caller]
fn assert_holds(printed: &Value, shown: &Value, path: &str) {
    match (printed, shown) {
        (Value::Object(printed), Value::Object(shown)) => {
            for (key, value) in shown {
                let inner = printed
                    .get(key)
                    .unwrap_or_else(|| panic!("{path}.{key} is missing"));
                assert_holds(inner, value, &format!("{path}.{key}"));
            }
        }
        (Value::Array(printed), Value::Array(shown)) => {
            assert!(!printed.is_empty(), "{path} is empty");
            printed
                .iter()
                .for_each(|item| assert_holds(item, &shown[0], &format!("{path}[]")));
        }
        (Value::Number(printed), Value::Number(shown)) => {
            assert_eq!(
                printed.is_f64(),
                shown.is_f64(),
                "{path}: {printed} for {shown}"
            );
        }
        // Numbers that JSON has none for.
        (Value::String(printed), Value::Number(_)) if printed == "inf" => {}
        (Value::String(_), Value::String(_)) | (Value::Bool(_), Value::Bool(_)) => {}
        _ => panic!("{path}: {printed} for {shown}"),
    }
}

#[track_caller]
fn assert_prints(table: &str, arguments: &[&str], shown: &str) -> Value {
    let folder = Folder::with(&[("table.jsonl", table)]);
    let printed = folder
        .run(&[arguments, &["table.jsonl", "--json"]].concat())
        .json();
    let shown: Value = serde_json::from_str(shown).unwrap();
    assert_holds(&printed, &shown, arguments[0]);
    assert_eq!(printed["command"], shown["command"]);
    printed
}

#[test]
fn profile() {
    let printed = assert_prints(
        &three_checkpoints(),
        &["profile", "--reference", "teacher", "-n", "2"],
        PROFILE,
    );
    assert_eq!(printed["models"][0]["profile"][0]["log_n"], 2_f64.ln());
}

#[test]
fn select() {
    let printed = assert_prints(&three_checkpoints(), &["select"], SELECT);
    assert_eq!(
        (&printed["rule"], &printed["log_n"]),
        (&"tournament".into(), &4_f64.ln().into())
    );
}

#[test]
fn pass() {
    assert_prints(&counts(&[("m", &[(8, 3), (8, 2)])]), &["pass"], PASS);
}
