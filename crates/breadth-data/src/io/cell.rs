//! One value of a text format, and the columns that such values are collected in.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Float32Builder, Float64Builder, ListBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;

use crate::message::short;
use crate::schema::ColumnType;
use crate::value;

/// A value as the text gives it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Absent, null or empty.
    Missing,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(Cow<'a, str>),
    List(Vec<Cell<'a>>),
    Object,
}

impl Cell<'_> {
    /// How a message shows the value.
    fn show(&self) -> String {
        match self {
            Cell::Missing => "nothing".into(),
            Cell::Bool(value) => value.to_string(),
            Cell::Integer(value) => value.to_string(),
            // As written: 1.0 is no integer, and -0 is a number of floating point.
            Cell::Float(value) => format!("{value:?}"),
            Cell::Text(text) => format!("{:?}", short(text)),
            Cell::List(_) => "a list".into(),
            Cell::Object => "an object".into(),
        }
    }

    /// A list of texts as the right answer that it is.
    pub(crate) fn listed(&self) -> Option<Cell<'static>> {
        let Cell::List(items) = self else {
            return None;
        };
        let texts = items.iter().map(|item| match item {
            Cell::Text(text) => Some(text.as_ref()),
            _ => None,
        });
        let texts: Vec<&str> = texts.collect::<Option<_>>()?;
        Some(Cell::Text(value::right_answer(&texts.into())?.into()))
    }
}

/// A column under construction.
pub(crate) enum ColumnBuilder {
    Texts {
        holds: ColumnType,
        builder: StringDictionaryBuilder<Int32Type>,
    },
    Numbers {
        flag: bool,
        builder: Float64Builder,
    },
    Lists(ListBuilder<Float32Builder>),
}

impl ColumnBuilder {
    pub(crate) fn new(holds: ColumnType) -> Self {
        match holds {
            ColumnType::Id | ColumnType::Text | ColumnType::Group => ColumnBuilder::Texts {
                holds,
                builder: StringDictionaryBuilder::new(),
            },
            ColumnType::Number | ColumnType::Flag | ColumnType::LogProb => ColumnBuilder::Numbers {
                flag: holds == ColumnType::Flag,
                builder: Float64Builder::new(),
            },
            ColumnType::LogProbs => ColumnBuilder::Lists(ListBuilder::new(Float32Builder::new())),
        }
    }

    /// Appends a value.
    ///
    /// # Errors
    /// The value as text, if it cannot be what the column holds.
    pub(crate) fn push(&mut self, cell: &Cell) -> Result<(), String> {
        match self {
            ColumnBuilder::Texts { holds, builder } => push_text(builder, *holds, cell),
            ColumnBuilder::Numbers { flag, builder } => push_number(builder, *flag, cell),
            ColumnBuilder::Lists(builder) => push_list(builder, cell),
        }
    }

    pub(crate) fn finish(self) -> ArrayRef {
        match self {
            ColumnBuilder::Texts { mut builder, .. } => Arc::new(builder.finish()),
            ColumnBuilder::Numbers { mut builder, .. } => Arc::new(builder.finish()),
            ColumnBuilder::Lists(mut builder) => Arc::new(builder.finish()),
        }
    }
}

fn push_text(
    builder: &mut StringDictionaryBuilder<Int32Type>,
    holds: ColumnType,
    cell: &Cell,
) -> Result<(), String> {
    match cell {
        Cell::Missing => builder.append_null(),
        Cell::Text(text) => builder.append_value(text),
        Cell::Integer(value) => builder.append_value(value.to_string()),
        Cell::Float(value) => builder.append_value(number_as_text(*value, holds)?),
        Cell::Bool(value) if holds != ColumnType::Id => builder.append_value(value.to_string()),
        _ if holds == ColumnType::Group => builder.append_null(),
        other => return Err(other.show()),
    }
    Ok(())
}

/// A number where ids or texts belong.
///
/// # Errors
/// It as text, if it is no id and must be one.
pub(super) fn number_as_text(number: f64, holds: ColumnType) -> Result<String, String> {
    if holds == ColumnType::Id {
        let shown = || format!("{} ({})", Cell::Float(number).show(), value::NO_ID);
        value::id(number).ok_or_else(shown)
    } else {
        Ok(value::text(number))
    }
}

fn push_number(builder: &mut Float64Builder, flag: bool, cell: &Cell) -> Result<(), String> {
    match cell {
        Cell::Missing => builder.append_null(),
        cell => builder.append_value(number(cell, flag).ok_or_else(|| cell.show())?),
    }
    Ok(())
}

fn push_list(builder: &mut ListBuilder<Float32Builder>, cell: &Cell) -> Result<(), String> {
    match cell {
        Cell::Missing => builder.append(false),
        Cell::List(items) => {
            for item in items {
                let value = number(item, false).ok_or_else(|| item.show())?;
                builder.values().append_value(value as f32);
            }
            builder.append(true);
        }
        other => return Err(other.show()),
    }
    Ok(())
}

/// A number, or the text of one: JSON has no other way to write an infinity.
fn number(cell: &Cell, flag: bool) -> Option<f64> {
    match cell {
        Cell::Float(value) => Some(*value),
        Cell::Integer(value) => Some(*value as f64),
        Cell::Bool(value) if flag => Some(f64::from(u8::from(*value))),
        Cell::Text(text) => parse_number(text.trim(), flag),
        _ => None,
    }
}

/// The number that a text is; `flag`: or a truth value.
pub(crate) fn parse_number(text: &str, flag: bool) -> Option<f64> {
    if flag && text.eq_ignore_ascii_case("true") {
        return Some(1.0);
    }
    if flag && text.eq_ignore_ascii_case("false") {
        return Some(0.0);
    }
    text.parse().ok()
}
