//! JSON values whose objects name every member once, and which take no more memory than
//! [`limit`](crate::limit) allows.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::limit::charge;

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

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
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
                return Err(A::Error::custom(format_args!("`{name}` is given twice")));
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
