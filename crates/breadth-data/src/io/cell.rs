//! One value of a text format, and the columns that such values are collected in.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Float32Builder, Float64Builder, ListBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;

use crate::message::short;
use crate::schema::ColumnType;

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
}

/// A column under construction.
pub(crate) enum ColumnBuilder {
    Ids(StringDictionaryBuilder<Int32Type>),
    Numbers { flag: bool, builder: Float64Builder },
    Lists(ListBuilder<Float32Builder>),
}

impl ColumnBuilder {
    pub(crate) fn new(holds: ColumnType) -> Self {
        match holds {
            ColumnType::Id => ColumnBuilder::Ids(StringDictionaryBuilder::new()),
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
            ColumnBuilder::Ids(builder) => push_id(builder, cell),
            ColumnBuilder::Numbers { flag, builder } => push_number(builder, *flag, cell),
            ColumnBuilder::Lists(builder) => push_list(builder, cell),
        }
    }

    pub(crate) fn finish(self) -> ArrayRef {
        match self {
            ColumnBuilder::Ids(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Numbers { mut builder, .. } => Arc::new(builder.finish()),
            ColumnBuilder::Lists(mut builder) => Arc::new(builder.finish()),
        }
    }
}

fn push_id(builder: &mut StringDictionaryBuilder<Int32Type>, cell: &Cell) -> Result<(), String> {
    match cell {
        Cell::Missing => builder.append_null(),
        Cell::Text(text) => builder.append_value(text),
        Cell::Integer(value) => builder.append_value(value.to_string()),
        other => return Err(other.show()),
    }
    Ok(())
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
        Cell::Text(text) => parse(text.trim(), flag),
        _ => None,
    }
}

fn parse(text: &str, flag: bool) -> Option<f64> {
    if flag && text.eq_ignore_ascii_case("true") {
        return Some(1.0);
    }
    if flag && text.eq_ignore_ascii_case("false") {
        return Some(0.0);
    }
    text.parse().ok()
}
