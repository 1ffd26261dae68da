//! JSON whose objects keep the order of their fields: chat templates print them as they were
//! written.

use std::collections::HashSet;

use minijinja::value::Value as JinjaValue;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Whole(i64),
    Real(f64),
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
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
            Self::Whole(value) => JinjaValue::from(*value),
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
        Ok(Json::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Real(value as f64), Json::Whole))
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
