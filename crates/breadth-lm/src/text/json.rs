//! JSON whose objects keep the order of their fields: chat templates print them as they were
//! written.

use std::collections::HashSet;
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value as JinjaValue};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Whole(i128),
    /// A whole number of more than 128 bits, in its digits.
    Long(String),
    Real(f64),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
    /// Reads JSON. Whole numbers keep all their digits, as in Python; those beyond `f64` are
    /// refused.
    ///
    /// # Errors
    /// If the text is no JSON, or an object has two fields of one name.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        let mut json: Self = serde_json::from_str(text)?;
        json.restore(&mut numbers(text));
        Ok(json)
    }

    /// Takes whole numbers that the parser made `f64` of from the text, whose numbers stand in the
    /// same order.
    fn restore<'a>(&mut self, numbers: &mut impl Iterator<Item = &'a str>) {
        match self {
            Self::Whole(_) | Self::Long(_) => drop(numbers.next()),
            Self::Real(_) => {
                let digits = numbers
                    .next()
                    .filter(|text| !text.contains(['.', 'e', 'E']));
                if let Some(digits) = digits {
                    let whole = digits.parse().map(Self::Whole);
                    *self = whole.unwrap_or_else(|_| Self::Long(digits.to_owned()));
                }
            }
            Self::List(list) => list.iter_mut().for_each(|value| value.restore(numbers)),
            Self::Map(fields) => fields
                .iter_mut()
                .for_each(|(_, value)| value.restore(numbers)),
            Self::Null | Self::Bool(_) | Self::Text(_) => {}
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&[(String, Json)]> {
        match self {
            Self::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// A field of an object.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_map()?
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    pub fn as_token(&self) -> Option<u32> {
        match self {
            Self::Whole(id) => u32::try_from(*id).ok(),
            _ => None,
        }
    }

    /// An object of texts.
    pub fn object<const N: usize>(fields: [(&str, &str); N]) -> Self {
        Self::Map(
            fields
                .map(|(key, value)| (key.to_owned(), Self::Text(value.to_owned())))
                .into(),
        )
    }

    /// The value as templates see it.
    pub fn to_jinja(&self) -> JinjaValue {
        match self {
            Self::Null => JinjaValue::from(()),
            Self::Bool(value) => JinjaValue::from(*value),
            Self::Whole(value) => {
                i64::try_from(*value).map_or_else(|_| JinjaValue::from(*value), JinjaValue::from)
            }
            Self::Long(digits) => JinjaValue::from_object(Digits(digits.clone())),
            Self::Real(value) => JinjaValue::from(*value),
            Self::Text(text) => JinjaValue::from(text.as_str()),
            Self::List(list) => list.iter().map(Self::to_jinja).collect(),
            Self::Map(fields) => JinjaValue::from_pairs(
                fields
                    .iter()
                    .map(|(key, value)| (key.as_str(), value.to_jinja())),
            ),
        }
    }
}

/// As JSON, for messages.
impl std::fmt::Display for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", serde_json::Value::from(text.as_str())),
            Self::Real(value) => write!(f, "{value}"),
            Self::Whole(value) => write!(f, "{value}"),
            Self::Long(digits) => f.write_str(digits),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Null => f.write_str("null"),
            Self::List(list) => {
                let items: Vec<String> = list.iter().map(Self::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Map(fields) => {
                let field =
                    |(key, value): &(String, Json)| format!("{}: {value}", Json::Text(key.clone()));
                write!(
                    f,
                    "{{{}}}",
                    fields.iter().map(field).collect::<Vec<_>>().join(", ")
                )
            }
        }
    }
}

/// A whole number of more than 128 bits as templates see it: its digits, not to be calculated with.
#[derive(Debug)]
pub(super) struct Digits(String);

impl Object for Digits {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The numbers of a JSON text, in their order.
fn numbers(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| matches!(c, '"' | '-' | '0'..='9'))?;
            let token = &rest[start..];
            if let Some(inside) = token.strip_prefix('"') {
                rest = &inside[end_of_string(inside)?..];
                continue;
            }
            let is_part = |c: char| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
            let (number, after) =
                token.split_at(token.find(|c| !is_part(c)).unwrap_or(token.len()));
            rest = after;
            return Some(number);
        }
    })
}

/// Where what follows a string begins, from behind its first quote.
fn end_of_string(inside: &str) -> Option<usize> {
    let mut is_escaped = false;
    let quote = inside.find(|c: char| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    })?;
    Some(quote + 1)
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Whole(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element()? {
            list.push(value);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let (mut fields, mut names) = (Vec::new(), HashSet::new());
        while let Some((name, value)) = access.next_entry::<String, Json>()? {
            if !names.insert(name.clone()) {
                let name = breadth_data::short(&name);
                return Err(A::Error::custom(format_args!("`{name}` is given twice")));
            }
            fields.push((name, value));
        }
        Ok(Json::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        Json::parse(text).unwrap().to_string()
    }

    #[test]
    fn whole_numbers_keep_their_digits() {
        let most = u64::MAX;
        let longer = format!("{}{}", i128::MAX, i128::MAX);
        for number in [
            "0",
            "-7",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "10000000000000000000",
            &most.to_string(),
            &i128::MAX.to_string(),
            &i128::MIN.to_string(),
            &longer,
            &format!("-{longer}"),
        ] {
            assert_eq!(read(number), number);
            // Beside numbers in strings, names and other places.
            let all = format!(
                r#"{{"1e5\\\"7": ["-3\\", {number}, 1.5, [], {{"é": {number}}}], "b": 1e+19, "c": true}}"#
            );
            let expected = all.replace("1e+19", "10000000000000000000");
            assert_eq!(read(&all), expected);
        }
        // Python reads the first as 0, and only the second as a float.
        assert_eq!(Json::parse("-0").unwrap(), Json::Whole(0));
        assert_eq!(Json::parse("-0.0").unwrap(), Json::Real(-0.0));
        assert_eq!(Json::parse("1e19").unwrap(), Json::Real(1e19));
        let beyond = Json::parse(&"9".repeat(400)).unwrap_err().to_string();
        assert!(beyond.contains("number out of range"), "{beyond}");
    }
}
