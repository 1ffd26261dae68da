//! Reading numbers out of replies: everything that is off is said, nothing is guessed.

use serde_json::Value;

use super::http::{Attempt, Failure};

/// A log-probability above 0 by no more than this is rounding.
const ROUNDING: f64 = 1e-3;
/// vLLM writes this for minus infinity, which JSON lacks.
const VLLM_MINUS_INFINITY: f64 = -9999.0;
/// SGLang clamps minus infinity to the lowest number of its floats: -3.4028e38, or -3.3895e38 in
/// bfloat16.
const LOWEST_FLOAT: f64 = -3.38e38;

/// A token and its log-probability.
pub(super) type Entry = (u32, f64);

pub(super) fn refuse<T>(message: impl Into<String>) -> Attempt<T> {
    Err(Failure::Refused(message.into()))
}

/// The field of a reply, or a refusal that shows what there is.
pub(super) fn field<'a>(value: &'a Value, path: &str) -> Attempt<&'a Value> {
    match value.pointer(path).filter(|v| !v.is_null()) {
        Some(found) => Ok(found),
        None => refuse(format!(
            "the reply has no {}: {}",
            path.trim_start_matches('/'),
            short(value)
        )),
    }
}

pub(super) fn list<'a>(value: &'a Value, path: &str) -> Attempt<&'a Vec<Value>> {
    let found = field(value, path)?;
    match found.as_array() {
        Some(list) => Ok(list),
        None => refuse(format!(
            "{} is no list: {}",
            path.trim_start_matches('/'),
            short(found)
        )),
    }
}

/// A log-probability in nats, at most 0, finite or `-inf`.
pub(super) fn log_prob(value: &Value, place: &str) -> Attempt<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text == "-inf" || text == "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    };
    match number {
        Some(v) if v == VLLM_MINUS_INFINITY || v <= LOWEST_FLOAT => Ok(f64::NEG_INFINITY),
        Some(v) if v.is_finite() && v < VLLM_MINUS_INFINITY => refuse(format!(
            "{place}: {v} nats looks like a stand-in for an impossible token; only -9999 and -inf \
             are known as such"
        )),
        Some(v) if v <= 0.0 => Ok(v),
        Some(v) if v <= ROUNDING => Ok(0.0),
        Some(v) => refuse(format!("{place}: a log-probability of {v} is above 0")),
        None => refuse(format!("{place}: {} is no log-probability", short(value))),
    }
}

pub(super) fn token(value: &Value, place: &str) -> Attempt<u32> {
    let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
    match id {
        Some(id) => Ok(id),
        None => refuse(format!("{place}: {} is no token id", short(value))),
    }
}

/// Checks that the reply speaks of the tokens that were sent.
pub(super) fn same_token(sent: u32, seen: u32, position: usize) -> Attempt<()> {
    if sent == seen {
        Ok(())
    } else {
        refuse(format!(
            "token {position} was sent as {sent} and came back as {seen}: the server changes the \
             tokens (a start token put in front, or text tokenized again)"
        ))
    }
}

/// Checks a list of all token ids of a prompt.
pub(super) fn same_tokens(sent: &[u32], seen: &Value) -> Attempt<()> {
    let seen = list(seen, "")?;
    if seen.len() != sent.len() {
        return refuse(format!(
            "{} tokens were sent and the server saw {}: it changes the tokens (a start token put \
             in front, or text tokenized again)",
            sent.len(),
            seen.len()
        ));
    }
    let pairs = sent.iter().zip(seen).enumerate();
    pairs
        .into_iter()
        .try_for_each(|(i, (&sent, seen))| same_token(sent, token(seen, "prompt token")?, i))
}

/// A piece of a reply that fits into a message.
pub(super) fn short(value: &Value) -> String {
    breadth_data::short(&value.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn number(value: Value) -> Result<f64, String> {
        log_prob(&value, "entry 3").map_err(|e| format!("{e:?}"))
    }

    #[test]
    fn minus_infinity_in_every_spelling() {
        for value in [
            json!(-9999.0),
            json!("-inf"),
            json!(-3.402_823_466e38),
            json!(-3.389e38),
        ] {
            assert_eq!(number(value), Ok(f64::NEG_INFINITY));
        }
    }

    #[test]
    fn numbers_that_are_no_log_probabilities_are_refused() {
        assert_eq!(number(json!(-1.5)), Ok(-1.5));
        assert_eq!(number(json!(-9998.9)), Ok(-9998.9));
        assert_eq!(number(json!(0.0005)), Ok(0.0));
        for (value, said) in [
            (json!(0.5), "0.5 is above 0"),
            (json!(null), "null is no log-probability"),
            (json!("NaN"), "is no log-probability"),
            (json!(-10_000.0), "stand-in for an impossible token"),
            (json!(-1e9), "stand-in for an impossible token"),
        ] {
            let error = number(value).unwrap_err();
            assert!(error.contains(said) && error.contains("entry 3"), "{error}");
        }
    }

    #[test]
    fn changed_tokens_are_named() {
        let same = |seen| same_tokens(&[5, 6, 7], &seen).map_err(|e| format!("{e:?}"));
        assert_eq!(same(json!([5, 6, 7])), Ok(()));
        assert!(
            same(json!([5, 9, 7]))
                .unwrap_err()
                .contains("token 1 was sent as 6 and came back as 9")
        );
        assert!(
            same(json!([1, 5, 6, 7]))
                .unwrap_err()
                .contains("3 tokens were sent and the server saw 4")
        );
    }
}
