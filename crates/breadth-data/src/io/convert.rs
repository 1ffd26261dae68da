//! From the types that Parquet files use to the few that chunks have.

use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Float32Array, Float64Array, Int32Array, LargeListArray,
    ListArray, StringArray, new_empty_array, new_null_array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field};

use crate::intern::{Interner, NONE};
use crate::schema::ColumnType;

/// The type of an id column in a chunk.
pub(crate) fn id_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The texts of the first block of a column that was converted. Later blocks usually repeat them, in
/// the same order, and then need no dictionary of their own.
#[derive(Default)]
pub(crate) struct Known(OnceLock<(Interner, Arc<StringArray>)>);

/// The array as the one type that chunks have for what it holds, if it can be that.
pub(crate) fn convert(array: ArrayRef, holds: ColumnType, known: &Known) -> Option<ArrayRef> {
    match (holds, array.data_type()) {
        // A column of nothing but nulls has no type of its own.
        (_, DataType::Null) => Some(nulls(holds, array.len())),
        (ColumnType::Id, found) if *found == id_type() => Some(array),
        (ColumnType::Id, DataType::Utf8View) => {
            Some(dictionary(array.as_string_view().iter(), known))
        }
        (ColumnType::Id, DataType::Utf8) => {
            Some(dictionary(array.as_string::<i32>().iter(), known))
        }
        (ColumnType::Id, DataType::LargeUtf8) => {
            Some(dictionary(array.as_string::<i64>().iter(), known))
        }
        (ColumnType::Id, DataType::Dictionary(..)) => of_dictionary(&array),
        (ColumnType::Id, _) => ids(&array),
        (ColumnType::Number | ColumnType::Flag | ColumnType::LogProb, DataType::Float64) => {
            Some(array)
        }
        (ColumnType::Flag, DataType::Boolean) => {
            let values = array.as_boolean().iter();
            let flags = values.map(|value| value.map(|flag| f64::from(u8::from(flag))));
            Some(Arc::new(flags.collect::<Float64Array>()))
        }
        (ColumnType::Number | ColumnType::Flag | ColumnType::LogProb, _) => {
            numbers(&array).map(|array| Arc::new(array) as ArrayRef)
        }
        (ColumnType::LogProbs, DataType::List(_)) => lists(array.as_list()),
        (ColumnType::LogProbs, DataType::LargeList(_)) => large_lists(array.as_list()),
        (ColumnType::LogProbs, _) => None,
    }
}

/// Whether an array of a type can become what a chunk has: looked at before it is read, as texts
/// where numbers belong may take any room.
pub(crate) fn fits(data_type: &DataType, holds: ColumnType) -> bool {
    convert(new_empty_array(data_type), holds, &Known::default()).is_some()
}

fn nulls(holds: ColumnType, rows: usize) -> ArrayRef {
    let data_type = match holds {
        ColumnType::Id => id_type(),
        ColumnType::Number | ColumnType::Flag | ColumnType::LogProb => DataType::Float64,
        ColumnType::LogProbs => DataType::List(item().into()),
    };
    new_null_array(&data_type, rows)
}

fn item() -> Field {
    Field::new_list_field(DataType::Float32, true)
}

/// Any numeric array as f64.
pub(crate) fn numbers(array: &ArrayRef) -> Option<Float64Array> {
    Some(match *array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().clone(),
        DataType::Float32 => widen::<Float32Type>(array, f64::from),
        DataType::Float16 => widen::<Float16Type>(array, f64::from),
        DataType::Int8 => widen::<Int8Type>(array, f64::from),
        DataType::Int16 => widen::<Int16Type>(array, f64::from),
        DataType::Int32 => widen::<Int32Type>(array, f64::from),
        DataType::Int64 => widen::<Int64Type>(array, |value| value as f64),
        DataType::UInt8 => widen::<UInt8Type>(array, f64::from),
        DataType::UInt16 => widen::<UInt16Type>(array, f64::from),
        DataType::UInt32 => widen::<UInt32Type>(array, f64::from),
        DataType::UInt64 => widen::<UInt64Type>(array, |value| value as f64),
        DataType::Decimal128(_, scale) => {
            let unit = 10f64.powi(scale.into());
            widen::<Decimal128Type>(array, |value| value as f64 / unit)
        }
        _ => return None,
    })
}

fn widen<T: ArrowPrimitiveType>(array: &ArrayRef, to: impl Fn(T::Native) -> f64) -> Float64Array {
    array.as_primitive::<T>().unary(to)
}

fn lists(array: &ListArray) -> Option<ArrayRef> {
    if array.value_type() == DataType::Float32 {
        return Some(Arc::new(array.clone()));
    }
    let values: Float32Array = numbers(array.values())?.unary(|value| value as f32);
    let (offsets, nulls) = (array.offsets().clone(), array.nulls().cloned());
    let lists = ListArray::try_new(item().into(), offsets, Arc::new(values), nulls);
    lists.ok().map(|lists| Arc::new(lists) as ArrayRef)
}

/// Lists whose offsets have 8 bytes.
fn large_lists(array: &LargeListArray) -> Option<ArrayRef> {
    let values: Float32Array = numbers(array.values())?.unary(|value| value as f32);
    let lengths = array.offsets().lengths();
    let first = array.offsets()[0] as usize;
    let used = array.offsets()[array.len()] as usize - first;
    i32::try_from(used).ok()?;
    let (offsets, nulls) = (OffsetBuffer::from_lengths(lengths), array.nulls().cloned());
    let values = Arc::new(values.slice(first, used));
    let lists = ListArray::try_new(item().into(), offsets, values, nulls);
    lists.ok().map(|lists| Arc::new(lists) as ArrayRef)
}

/// Strings as a dictionary, that of an earlier block if it has them all.
fn dictionary<'a>(texts: impl Iterator<Item = Option<&'a str>> + Clone, known: &Known) -> ArrayRef {
    if let Some((interner, values)) = known.0.get()
        && let Some(keys) = keys_of(texts.clone(), |text, last| interner.find(text, last))
    {
        return Arc::new(DictionaryArray::<Int32Type>::new(keys, values.clone()));
    }
    let mut interner = Interner::default();
    let keys = keys_of(texts, |text, _| interner.code(text)).expect("each text gets a code");
    let values = Arc::new(StringArray::from_iter_values(interner.strings()));
    known.0.get_or_init(|| (interner, values.clone()));
    Arc::new(DictionaryArray::<Int32Type>::new(keys, values))
}

/// The keys of texts, as `code` gives them for a text and the key before it; none if one has none.
/// Ids come in runs, of which only the first is looked up.
fn keys_of<'a>(
    texts: impl Iterator<Item = Option<&'a str>>,
    mut code: impl FnMut(&'a str, u32) -> u32,
) -> Option<Int32Array> {
    let mut last = ("", NONE);
    let mut key = |text| {
        if last.1 == NONE || last.0 != text {
            last = (text, code(text, last.1));
        }
        (last.1 != NONE).then_some(last.1 as i32)
    };
    let key = |text: Option<_>| text.map_or(Some(None), |text| key(text).map(Some));
    texts.map(key).collect()
}

/// A dictionary with other keys or other values, such as the categories of a data frame.
fn of_dictionary(array: &ArrayRef) -> Option<ArrayRef> {
    let array = array.as_any_dictionary();
    if array.values().is_empty() {
        return Some(nulls(ColumnType::Id, array.len()));
    }
    let values = convert(array.values().clone(), ColumnType::Id, &Known::default())?;
    let values = values.as_dictionary::<Int32Type>();
    let codes = array.normalized_keys();
    let code = |(row, &at): (usize, &usize)| {
        let is_there = array.is_valid(row) && values.is_valid(at);
        is_there.then(|| values.keys().value(at))
    };
    let keys: Int32Array = codes.iter().enumerate().map(code).collect();
    let values = values.values().clone();
    Some(Arc::new(DictionaryArray::<Int32Type>::new(keys, values)))
}

/// Integers as a dictionary of their decimal forms.
fn ids(array: &ArrayRef) -> Option<ArrayRef> {
    Some(match array.data_type() {
        DataType::Int8 => ids_of::<Int8Type>(array),
        DataType::Int16 => ids_of::<Int16Type>(array),
        DataType::Int32 => ids_of::<Int32Type>(array),
        DataType::Int64 => ids_of::<Int64Type>(array),
        DataType::UInt8 => ids_of::<UInt8Type>(array),
        DataType::UInt16 => ids_of::<UInt16Type>(array),
        DataType::UInt32 => ids_of::<UInt32Type>(array),
        DataType::UInt64 => ids_of::<UInt64Type>(array),
        _ => return None,
    })
}

fn ids_of<T: ArrowPrimitiveType>(array: &ArrayRef) -> ArrayRef
where
    T::Native: ToString + Eq + Hash,
{
    let mut seen = hashbrown::HashMap::new();
    let mut values: Vec<String> = Vec::new();
    let mut code = |value: T::Native| {
        *seen.entry(value).or_insert_with(|| {
            values.push(value.to_string());
            values.len() as i32 - 1
        })
    };
    let given = array.as_primitive::<T>().iter();
    let keys: Int32Array = given.map(|value| value.map(&mut code)).collect();
    let values = Arc::new(StringArray::from(values));
    Arc::new(DictionaryArray::<Int32Type>::new(keys, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(array: &ArrayRef) -> Vec<Option<String>> {
        let array = array.as_dictionary::<Int32Type>();
        let array = array.downcast_dict::<StringArray>().unwrap();
        array
            .into_iter()
            .map(|text| text.map(str::to_owned))
            .collect()
    }

    #[test]
    fn blocks_that_repeat_texts_share_a_dictionary() {
        let known = Known::default();
        let block = |texts: &[Option<&str>]| {
            convert(
                Arc::new(StringArray::from(texts.to_vec())),
                ColumnType::Id,
                &known,
            )
            .unwrap()
        };
        let first = [Some("a"), Some("a"), Some(""), None, Some("b")];
        let again = [None, Some("b"), Some("b"), Some("a"), Some("")];
        let other = [Some("a"), Some("c"), None, Some("a")];
        let blocks = [block(&first), block(&again), block(&other), block(&[None])];
        for (block, wanted) in blocks.iter().zip([&first[..], &again, &other, &[None]]) {
            let wanted: Vec<_> = wanted.iter().map(|text| text.map(str::to_owned)).collect();
            assert_eq!(texts(block), wanted);
        }
        let values = |at: usize| blocks[at].as_dictionary::<Int32Type>().values();
        assert!(Arc::ptr_eq(values(0), values(1)) && Arc::ptr_eq(values(0), values(3)));
        assert_eq!(values(2).len(), 2);
    }
}
