//! What must hold of every number in a document.

use serde_json::{Map, Value};

/// One line of JSON, in which limits enclose their value and shares lie in [0, 1].
pub fn check(text: &str) -> Result<(), String> {
    if text.lines().count() != 1 {
        return Err("more than one line".to_owned());
    }
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    walk(&document)
}

fn walk(value: &Value) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(walk),
        Value::Object(members) => {
            check_limits(members)?;
            members.values().try_for_each(walk)
        }
        Value::String(text) if text.contains("NaN") => Err(format!("`{text}`")),
        _ => Ok(()),
    }
}

/// Limits, and what they enclose: of a certificate the value is unknown.
const LIMITS: [(&str, &str, &[&str]); 3] = [
    ("low", "high", &["value", "cov"]),
    ("band_low", "band_high", &["cov"]),
    ("certified_low", "certified_high", &[]),
];

/// Members that are shares.
const SHARES: [&str; 6] = [
    "cov",
    "band_low",
    "band_high",
    "certified_low",
    "certified_high",
    "kl_bound",
];

fn check_limits(members: &Map<String, Value>) -> Result<(), String> {
    for (low, high, inside) in LIMITS {
        let (Some(low), Some(high)) = (number(members, low), number(members, high)) else {
            continue;
        };
        let inside = inside
            .iter()
            .find_map(|name| number(members, name))
            .unwrap_or(low);
        // The estimate of a KL may be negative, which is remarked; its limits are not.
        let is_remarked = inside < 0.0 && members.contains_key("remark");
        let inside = if is_remarked { low } else { inside };
        let slack = 1e-9 * (1.0 + inside.abs());
        if low > high || low > inside + slack || inside > high + slack {
            return Err(format!("limits [{low}, {high}] around {inside}"));
        }
    }
    let not_a_share =
        |name: &&str| number(members, name).is_some_and(|share| !(0.0..=1.0).contains(&share));
    match SHARES.iter().find(|name| not_a_share(name)) {
        Some(name) => Err(format!("{name} is {}", members[*name])),
        None => Ok(()),
    }
}

/// A member that is a number, or an infinity in words.
fn number(members: &Map<String, Value>, name: &str) -> Option<f64> {
    match members.get(name)? {
        Value::String(text) if text == "inf" => Some(f64::INFINITY),
        Value::String(text) if text == "-inf" => Some(f64::NEG_INFINITY),
        value => value.as_f64(),
    }
}
