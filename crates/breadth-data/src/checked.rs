//! JSON values whose objects name every member once, and which take no more memory than
//! [`limit`](crate::limit) allows.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limit::{allow_bytes, charge};
use crate::message::short;

/// Parses JSON whose objects name every member once.
///
/// ```
/// use breadth_data::parse_json;
/// assert_eq!(parse_json(r#"{"rope": {"theta": 1e4}}"#)?["rope"]["theta"], 1e4);
/// let error = parse_json(r#"{"layers": 2, "layers": 3}"#).unwrap_err();
/// assert!(error.to_string().starts_with("`layers` is given twice"));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
/// If the text is not JSON, or names a member twice.
pub fn parse_json(text: impl AsRef<[u8]>) -> serde_json::Result<Value> {
    allow_bytes(u64::MAX);
    serde_json::from_slice(text.as_ref()).map(|Checked(value)| value)
}

/// Checks what [`parse_json`] checks, and keeps nothing.
///
/// ```
/// assert!(breadth_data::check_json(r#"{"a": [1, {"b": 2}], "b": 3}"#).is_ok());
/// assert!(breadth_data::check_json(r#"{"a": [1, {"b": 2, "b": 3}]}"#).is_err());
/// ```
///
/// # Errors
/// If the text is not JSON, or names a member twice.
pub fn check_json(text: impl AsRef<[u8]>) -> serde_json::Result<()> {
    serde_json::from_slice(text.as_ref()).map(|Seen| ())
}

/// A value of any kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Checked(pub(crate) Value);

/// An object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CheckedMap(pub(crate) Map<String, Value>);

/// For `deserialize_with`.
pub(crate) fn value<'de, D: Deserializer<'de>>(json: D) -> Result<Value, D::Error> {
    Checked::deserialize(json).map(|checked| checked.0)
}

/// For `deserialize_with`, of a value that may be null.
pub(crate) fn optional_map<'de, D: Deserializer<'de>>(
    json: D,
) -> Result<Option<Map<String, Value>>, D::Error> {
    Ok(Option::<CheckedMap>::deserialize(json)?.map(|checked| checked.0))
}

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Any).map(Checked)
    }
}

impl<'de> Deserialize<'de> for CheckedMap {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(Members).map(CheckedMap)
    }
}

/// A value that was looked at and not kept.
struct Seen;

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_str<E>(self, _: &str) -> Result<Seen, E> {
        Ok(Seen)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Seen, A::Error> {
        while seq.next_element::<Seen>()?.is_some() {}
        Ok(Seen)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seen, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if names.contains(&name) {
                return Err(twice(&name));
            }
            names.insert(name);
            map.next_value::<Seen>()?;
        }
        Ok(Seen)
    }
}

/// The error about a name that stands in an object twice.
fn twice<E: Error>(name: &str) -> E {
    E::custom(format_args!("`{}` is given twice", short(name)))
}

/// What a value takes in a list, and what a member takes in an object (a node of a tree has room
/// for several).
const ITEM: u64 = 32;
const MEMBER: u64 = 160;
const OBJECT: u64 = 640;

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        charge(text.len() as u64)?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        charge(text.len() as u64)?;
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Checked(item)) = seq.next_element()? {
            charge(ITEM)?;
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        Members.visit_map(map).map(Value::Object)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        charge(OBJECT)?;
        while let Some(name) = map.next_key::<String>()? {
            charge(MEMBER + name.len() as u64)?;
            if members.contains_key(&name) {
                return Err(twice(&name));
            }
            let Checked(value) = map.next_value()?;
            members.insert(name, value);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::{Checked, CheckedMap};
    use crate::limit::{VALUES, allow, max_record_bytes};

    #[test]
    fn values_come_back_as_they_are() {
        let text = r#"{"a":[1,-2,2.5,true,null,"x"],"b":{"c":{}}}"#;
        allow(text.len());
        let checked: Checked = serde_json::from_str(text).unwrap();
        assert_eq!(
            checked.0,
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
    }

    #[test]
    fn a_name_twice() {
        allow(100);
        for text in [r#"{"a":0,"a":1}"#, r#"{"b":[{"a":0,"a":1}]}"#] {
            let error = serde_json::from_str::<CheckedMap>(text).unwrap_err();
            assert!(
                error.to_string().starts_with("`a` is given twice"),
                "{error}"
            );
        }
    }

    #[test]
    fn values_that_take_too_much() {
        let text = format!("[{}0]", "0,".repeat((max_record_bytes() / 4) as usize));
        allow(0);
        let error = serde_json::from_str::<Checked>(&text).unwrap_err();
        assert!(error.to_string().starts_with(VALUES), "{error}");
    }
}
