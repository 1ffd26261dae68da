//! The domain of each value, checked once, on the way in and on the way out.
//!
//! The functions return the valid value, or what is wrong with it and what to do.

use serde_json::Value;

/// A log-probability above 0 by no more than this is rounding, and becomes 0.
pub const LOG_PROB_ROUNDING: f64 = 1e-3;

/// Below this, in nats, only `-inf` is a log-probability: programs write such numbers for
/// "impossible", and sums of them are beyond f64.
pub const LEAST_LOG_PROB: f64 = -1e30;

/// How far token log-probabilities may sum from the whole one, relative to it; they are f32, and
/// servers often print few digits.
pub const TOKEN_SUM_RELATIVE: f64 = 1e-4;
/// As [`TOKEN_SUM_RELATIVE`], in nats.
pub const TOKEN_SUM_ABSOLUTE: f64 = 1e-3;

pub(crate) fn missing() -> String {
    "no value; fill it in or remove the row".into()
}

/// Whether a log-probability is one as it stands: what [`log_prob`] neither changes nor refuses.
pub(crate) fn is_plain_log_prob(value: f64) -> bool {
    (LEAST_LOG_PROB..0.0).contains(&value)
}

/// log q(y|x): not NaN, not above 0, and either `-inf` or no less than [`LEAST_LOG_PROB`].
pub(crate) fn log_prob(value: f64) -> Result<f64, String> {
    if value < LEAST_LOG_PROB && value.is_finite() {
        Err(format!(
            "{value:e} is below what any response has; write -inf where the probability is 0"
        ))
    } else if value <= 0.0 {
        Ok(value + 0.0) // -0 becomes 0
    } else if value <= LOG_PROB_ROUNDING {
        Ok(0.0)
    } else if value.is_nan() {
        Err("NaN is not a log-probability; score this response again or remove it".into())
    } else {
        Err(format!(
            "{value} is above 0, and no probability is above 1; give natural logs of probabilities"
        ))
    }
}

/// The weights of rows and groups: only their ratios matter, and these, with their products and
/// squares, must be numbers.
const WEIGHTS: std::ops::RangeInclusive<f64> = 1e-50..=1e50;

/// A weight of a row or of a group: above 0, and neither so small nor so large (1e-50 to 1e50) that
/// its ratio to another is no number.
///
/// ```
/// assert_eq!(breadth_data::weight(0.25), Ok(0.25));
/// assert!(breadth_data::weight(0.0).is_err() && breadth_data::weight(1e-320).is_err());
/// ```
///
/// # Errors
/// What is wrong with the value, and what to give.
pub fn weight(value: f64) -> Result<f64, String> {
    if WEIGHTS.contains(&value) {
        Ok(value)
    } else if value > 0.0 && value.is_finite() {
        Err(format!(
            "{value:e} is too {} for a weight; only ratios count, so give them in a unit that brings \
             all between 1e-50 and 1e50, and drop rows that should not count",
            if value < 1.0 { "small" } else { "large" }
        ))
    } else {
        Err(format!(
            "{value} is not a weight; give a finite number above 0"
        ))
    }
}

/// The id that a number of floating point stands for: data frames and JSON write whole numbers so.
/// Beyond 2^53 they are no longer told apart.
pub(crate) fn id(value: f64) -> Option<String> {
    const MOST: f64 = (1_u64 << 53) as f64;
    (value.fract() == 0.0 && value.abs() <= MOST).then(|| (value as i64).to_string())
}

/// Said behind a number that is no [`id`].
pub(crate) const NO_ID: &str = "no whole number up to 2^53; write ids as text";

/// A number as text, in its shortest digits.
pub(crate) fn text(value: f64) -> String {
    if value.abs() < 1e16 {
        (value + 0.0).to_string() // -0 becomes 0
    } else {
        format!("{value:e}")
    }
}

/// How far a reward may lie outside of [0, 1] by rounding; it becomes 0 or 1.
const REWARD_ROUNDING: f64 = 1e-9;

/// A reward: in [0, 1].
pub(crate) fn reward(value: f64) -> Result<f64, String> {
    if (-REWARD_ROUNDING..=1.0 + REWARD_ROUNDING).contains(&value) {
        Ok(value.clamp(0.0, 1.0))
    } else {
        Err(format!(
            "{value} is not a reward; give a number in [0, 1], or true or false"
        ))
    }
}

/// A length in tokens: a whole number.
pub(crate) fn tokens(value: f64) -> Result<u32, String> {
    if value >= 0.0 && value <= f64::from(u32::MAX) && value.fract() == 0.0 {
        Ok(value as u32)
    } else {
        Err(format!(
            "{value} is not a number of tokens; give a whole number"
        ))
    }
}

/// A number of samples or of correct ones: a whole number, of as many as anybody draws. Sums run
/// over them.
pub(crate) fn count(value: f64) -> Result<u64, String> {
    const MOST: f64 = 1e9;
    if (0.0..=MOST).contains(&value) && value.fract() == 0.0 {
        Ok(value as u64)
    } else if value > MOST {
        Err(format!(
            "{value} is not a count; nobody draws more than 1,000,000,000 samples of a prompt"
        ))
    } else {
        Err(format!("{value} is not a count; give a whole number"))
    }
}

/// Token log-probabilities: each a log-probability, together the whole one.
pub(crate) fn token_logprobs(
    list: Vec<f32>,
    whole: f64,
    tokens: Option<f64>,
) -> Result<Vec<f32>, String> {
    if let Some(tokens) = tokens.filter(|&tokens| tokens != list.len() as f64) {
        let entries = list.len();
        return Err(format!(
            "{entries} entries, but `tokens` is {tokens}; give one entry for each token"
        ));
    }
    let tokens = list.iter().enumerate().map(|(at, &value)| {
        let valid = log_prob(value.into()).map_err(|p| format!("token {}: {p}", at + 1))?;
        Ok(valid as f32)
    });
    let list = tokens.collect::<Result<Vec<f32>, String>>()?;
    let sum: f64 = list.iter().map(|&value| f64::from(value)).sum();
    let tolerance = TOKEN_SUM_ABSOLUTE + TOKEN_SUM_RELATIVE * whole.abs();
    // Two infinities are equal, but their difference is NaN.
    if sum == whole || (sum - whole).abs() <= tolerance {
        Ok(list)
    } else {
        Err(format!(
            "the entries sum to {sum}, but `logprob` is {whole}; both must be about the same tokens"
        ))
    }
}
/// A right answer as verifiers read it: one text or number, or several texts, any of which is right,
/// as a list in JSON; also where it is all that an object holds under a name of it.
///
/// ```
/// use breadth_data::right_answer;
/// use serde_json::json;
///
/// assert_eq!(right_answer(&json!({"target": ["7"]})).unwrap(), "7");
/// assert_eq!(right_answer(&json!(["7", "seven"])).unwrap(), r#"["7","seven"]"#);
/// // An interval, or two answers?
/// assert_eq!(right_answer(&json!([1, 2])), None);
/// ```
#[must_use]
pub fn right_answer(value: &Value) -> Option<String> {
    const NAMES: [&str; 3] = ["target", "ground_truth", "answer"];
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) => match &items[..] {
            [only] if !(only.is_array() || only.is_object()) => right_answer(only),
            [_, _, ..] if items.iter().all(Value::is_string) => Some(value.to_string()),
            _ => None,
        },
        Value::Object(members) => match members.iter().next() {
            Some((name, value)) if members.len() == 1 && NAMES.contains(&&name[..]) => {
                (!value.is_object()).then(|| right_answer(value)).flatten()
            }
            _ => None,
        },
    }
}
