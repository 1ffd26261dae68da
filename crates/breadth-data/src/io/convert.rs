//! From the types that Parquet files use to the few that chunks have.

use std::hash::Hash;
use std::sync::{Arc, PoisonError, RwLock};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayAccessor, ArrayRef, DictionaryArray, Float32Array, Float64Array, Int32Array,
    LargeListArray, ListArray, StringArray, new_empty_array, new_null_array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field};

use super::cell::{number_as_text, parse_number};
use super::chunk::Places;
use crate::error::Error;
use crate::intern::{Interner, NONE};
use crate::message::short;
use crate::schema::{Column, ColumnType};

/// The type of an id column in a chunk.
pub(crate) fn id_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The texts of a column that were met so far. Blocks usually repeat them, in the same order, and
/// then need no dictionary of their own.
#[derive(Default)]
pub(crate) struct Known(RwLock<Texts>);

/// Texts by number, and the same as an array.
#[derive(Default)]
struct Texts {
    interner: Interner,
    array: Option<Arc<StringArray>>,
    /// Whether they are too many for more to be remembered.
    is_full: bool,
}

/// Texts that are not repeated are remembered for so many blocks: each that adds some copies all.
const BLOCKS: usize = 16;
/// And up to so many bytes.
const BYTES: usize = 1 << 26;

/// Why an array cannot be what a column holds.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// No array of its type can.
    Type,
    /// The value in a row cannot, as messages show it.
    Value(usize, String),
}

impl Unfit {
    /// The error about a column of which an array was found.
    pub(crate) fn error(self, places: &Places, wanted: &Column, found: &DataType) -> Error {
        let belong = wanted.holds.wanted();
        match self {
            Unfit::Type => Error::ColumnType {
                path: places.path.to_path_buf(),
                column: wanted.name.into(),
                found: found.to_string(),
                wanted: belong,
            },
            Unfit::Value(row, found) => Error::Value {
                at: places.at(row),
                column: wanted.name,
                problem: format!("found {found} where {belong} belong"),
            },
        }
    }
}

/// The array as the one type that chunks have for what it holds, if it can be that.
pub(crate) fn convert(
    array: ArrayRef,
    holds: ColumnType,
    known: &Known,
) -> Result<ArrayRef, Unfit> {
    // A column of nothing but nulls has no type of its own.
    if *array.data_type() == DataType::Null {
        return Ok(nulls(holds, array.len()));
    }
    match holds {
        ColumnType::Id | ColumnType::Text | ColumnType::Group => to_texts(array, holds, known),
        ColumnType::Number | ColumnType::Flag | ColumnType::LogProb => to_numbers(array, holds),
        ColumnType::LogProbs => to_lists(&array).ok_or(Unfit::Type),
    }
}

fn to_texts(array: ArrayRef, holds: ColumnType, known: &Known) -> Result<ArrayRef, Unfit> {
    match array.data_type() {
        found if *found == id_type() => Ok(array),
        DataType::Utf8View => {
            let array = array.as_string_view();
            let views = array.views();
            Ok(dictionary(array, |row| views[row] == views[row - 1], known))
        }
        DataType::Utf8 => Ok(dictionary(array.as_string::<i32>(), |_| false, known)),
        DataType::LargeUtf8 => Ok(dictionary(array.as_string::<i64>(), |_| false, known)),
        DataType::Dictionary(..) => of_dictionary(&array, holds),
        DataType::Boolean if holds != ColumnType::Id => {
            let values = array.as_boolean().iter();
            coded_by(values, |flag| Ok(flag.to_string()))
        }
        // Shortest digits are those of its own precision.
        DataType::Float32 if holds != ColumnType::Id => {
            let values = array.as_primitive::<Float32Type>().iter();
            let bits = values.map(|value| value.filter(|v| !v.is_nan()).map(f32::to_bits));
            coded_by(bits, |bits| Ok((f32::from_bits(bits) + 0.0).to_string()))
        }
        _ => match ids(&array) {
            Some(ids) => Ok(ids),
            None => {
                let numbers = numbers(&array).ok_or(Unfit::Type)?;
                // Data frames have NaN where a value is missing.
                let bits = (numbers.iter()).map(|v| v.filter(|v| !v.is_nan()).map(f64::to_bits));
                coded_by(bits, |bits| number_as_text(f64::from_bits(bits), holds))
            }
        },
    }
}

/// Values as a dictionary of their texts.
///
/// # Errors
/// Of the first value that has none, which is shown in its place.
fn coded_by<T: Copy + Eq + Hash>(
    values: impl Iterator<Item = Option<T>>,
    text: impl Fn(T) -> Result<String, String>,
) -> Result<ArrayRef, Unfit> {
    let mut seen = hashbrown::HashMap::new();
    let mut texts: Vec<String> = Vec::new();
    let mut code = |(row, value): (usize, Option<T>)| {
        let Some(value) = value else {
            return Ok(None);
        };
        if let Some(&code) = seen.get(&value) {
            return Ok(Some(code));
        }
        texts.push(text(value).map_err(|shown| Unfit::Value(row, shown))?);
        let code = texts.len() as i32 - 1;
        seen.insert(value, code);
        Ok(Some(code))
    };
    let keys = values.enumerate().map(&mut code);
    let keys: Int32Array = keys.collect::<Result<Vec<_>, Unfit>>()?.into();
    Ok(coded(keys, Arc::new(StringArray::from(texts))))
}

fn to_numbers(array: ArrayRef, holds: ColumnType) -> Result<ArrayRef, Unfit> {
    let flag = holds == ColumnType::Flag;
    match array.data_type() {
        DataType::Float64 => Ok(array),
        DataType::Boolean if flag => {
            let values = array.as_boolean().iter();
            let flags = values.map(|value| value.map(|flag| f64::from(u8::from(flag))));
            Ok(Arc::new(flags.collect::<Float64Array>()))
        }
        DataType::Utf8 => parsed(array.as_string::<i32>().iter(), flag),
        DataType::LargeUtf8 => parsed(array.as_string::<i64>().iter(), flag),
        DataType::Utf8View => parsed(array.as_string_view().iter(), flag),
        DataType::Dictionary(..) => numbers_of_dictionary(&array, holds),
        _ => {
            let numbers = numbers(&array).ok_or(Unfit::Type)?;
            Ok(Arc::new(numbers))
        }
    }
}

/// Texts as the numbers that they are, as in JSON, which has no other way to write an infinity.
fn parsed<'a>(texts: impl Iterator<Item = Option<&'a str>>, flag: bool) -> Result<ArrayRef, Unfit> {
    let number = |(row, text): (usize, Option<&str>)| {
        let text = text.unwrap_or_default();
        if text.trim().is_empty() {
            return Ok(None);
        }
        let shown = || Unfit::Value(row, format!("{:?}", short(text)));
        parse_number(text.trim(), flag).map(Some).ok_or_else(shown)
    };
    let numbers = texts.enumerate().map(number);
    let numbers: Float64Array = numbers.collect::<Result<Vec<_>, Unfit>>()?.into();
    Ok(Arc::new(numbers))
}

fn to_lists(array: &ArrayRef) -> Option<ArrayRef> {
    match array.data_type() {
        DataType::List(_) => lists(array.as_list()),
        DataType::LargeList(_) => large_lists(array.as_list()),
        _ => None,
    }
}

/// Whether an array of a type can become what a chunk has: looked at before it is read, as texts
/// where numbers belong may take any room.
pub(crate) fn fits(data_type: &DataType, holds: ColumnType) -> bool {
    convert(new_empty_array(data_type), holds, &Known::default()).is_ok()
}

fn nulls(holds: ColumnType, rows: usize) -> ArrayRef {
    let data_type = match holds {
        ColumnType::Id | ColumnType::Text | ColumnType::Group => id_type(),
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

/// Strings as a dictionary, that of all blocks so far unless they have too little in common.
///
/// `repeats`: whether a row, not the first, is seen at a glance to have the text of the one before.
fn dictionary<'a, A>(texts: A, repeats: impl Fn(usize) -> bool, known: &Known) -> ArrayRef
where
    A: ArrayAccessor<Item = &'a str> + Copy,
{
    {
        let known = known.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(array) = &known.array {
            let find = |text: &str, last| known.interner.find(text, last);
            if let Some(keys) = keys_of(texts, &repeats, find) {
                return coded(keys, array.clone());
            }
        }
        if known.is_full || known.interner.len() > BLOCKS * texts.len() {
            return Texts::default().add(texts, repeats);
        }
    }
    let mut known = known.0.write().unwrap_or_else(PoisonError::into_inner);
    known.add(texts, repeats)
}

impl Texts {
    /// The texts of a block, which are known from now on.
    fn add<'a, A>(&mut self, texts: A, repeats: impl Fn(usize) -> bool) -> ArrayRef
    where
        A: ArrayAccessor<Item = &'a str> + Copy,
    {
        let before = self.interner.len();
        let keys = keys_of(texts, repeats, |text, _| self.interner.code(text));
        let keys = keys.expect("each text gets a code");
        let array = match self.array.take() {
            Some(array) if self.interner.len() == before => array,
            _ => Arc::new(StringArray::from_iter_values(self.interner.strings())),
        };
        if array.value_data().len() > BYTES {
            (self.interner, self.is_full) = (Interner::default(), true);
        } else {
            self.array = Some(array.clone());
        }
        coded(keys, array)
    }
}

fn coded(keys: Int32Array, values: Arc<StringArray>) -> ArrayRef {
    Arc::new(DictionaryArray::<Int32Type>::new(keys, values))
}

/// The keys of texts, as `code` gives them for a text and the key before it; none if one has none.
/// Ids come in runs, of which only the first is looked up.
fn keys_of<'a, A>(
    texts: A,
    repeats: impl Fn(usize) -> bool,
    mut code: impl FnMut(&'a str, u32) -> u32,
) -> Option<Int32Array>
where
    A: ArrayAccessor<Item = &'a str> + Copy,
{
    let nulls = texts.nulls().filter(|nulls| nulls.null_count() > 0);
    let mut keys: Vec<i32> = Vec::with_capacity(texts.len());
    // The last text that is there, and its code.
    let mut last = ("", NONE);
    for row in 0..texts.len() {
        if nulls.is_some_and(|nulls| nulls.is_null(row)) {
            keys.push(0);
            continue;
        }
        // What is under a null is no text, though it may look like one.
        if nulls.is_some() || row == 0 || !repeats(row) {
            let text = texts.value(row);
            if last.1 == NONE || last.0 != text {
                last = (text, code(text, last.1));
                if last.1 == NONE {
                    return None;
                }
            }
        }
        keys.push(last.1 as i32);
    }
    Some(Int32Array::new(keys.into(), nulls.cloned()))
}

/// A dictionary with other keys or other values, such as the categories of a data frame.
fn of_dictionary(array: &ArrayRef, holds: ColumnType) -> Result<ArrayRef, Unfit> {
    let array = array.as_any_dictionary();
    if array.values().is_empty() {
        return Ok(nulls(holds, array.len()));
    }
    let codes = array.normalized_keys();
    let values = convert(array.values().clone(), holds, &Known::default());
    let values = values.map_err(|unfit| in_its_row(unfit, &codes))?;
    let values = values.as_dictionary::<Int32Type>();
    let code = |(row, &at): (usize, &usize)| {
        let is_there = array.is_valid(row) && values.is_valid(at);
        is_there.then(|| values.keys().value(at))
    };
    let keys: Int32Array = codes.iter().enumerate().map(code).collect();
    let values = values.values().clone();
    Ok(Arc::new(DictionaryArray::<Int32Type>::new(keys, values)))
}

/// The same where numbers belong.
fn numbers_of_dictionary(array: &ArrayRef, holds: ColumnType) -> Result<ArrayRef, Unfit> {
    let array = array.as_any_dictionary();
    if array.values().is_empty() {
        return Ok(nulls(holds, array.len()));
    }
    let codes = array.normalized_keys();
    let values = to_numbers(array.values().clone(), holds);
    let values = values.map_err(|unfit| in_its_row(unfit, &codes))?;
    let values = values.as_primitive::<Float64Type>();
    let value = |(row, &at): (usize, &usize)| {
        let is_there = array.is_valid(row) && values.is_valid(at);
        is_there.then(|| values.value(at))
    };
    let numbers = codes.iter().enumerate().map(value);
    Ok(Arc::new(numbers.collect::<Float64Array>()))
}

/// What is wrong with a value of a dictionary, said of the first row that has it.
fn in_its_row(unfit: Unfit, codes: &[usize]) -> Unfit {
    match unfit {
        Unfit::Value(at, shown) => {
            let row = codes.iter().position(|&code| code == at);
            Unfit::Value(row.unwrap_or(0), shown)
        }
        Unfit::Type => Unfit::Type,
    }
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
    let values = array.as_primitive::<T>().iter();
    let coded = coded_by(values, |value| Ok(value.to_string()));
    coded.expect("every integer has a text")
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
    fn blocks_share_a_dictionary_that_grows() {
        let known = Known::default();
        let block = |texts: &[Option<&str>]| {
            let array = Arc::new(StringArray::from(texts.to_vec()));
            convert(array, ColumnType::Id, &known).unwrap()
        };
        let first = [Some("a"), Some("a"), Some(""), None, Some("b")];
        let again = [None, Some("b"), Some("b"), Some("a"), Some("")];
        let other = [Some("a"), Some("c"), None, Some("a")];
        let blocks = [
            block(&first),
            block(&again),
            block(&[None]),
            block(&other),
            block(&first),
        ];
        let wanted = [&first[..], &again, &[None], &other, &first];
        for (block, wanted) in blocks.iter().zip(wanted) {
            let wanted: Vec<_> = wanted.iter().map(|text| text.map(str::to_owned)).collect();
            assert_eq!(texts(block), wanted);
        }
        let values = |at: usize| blocks[at].as_dictionary::<Int32Type>().values();
        assert!(Arc::ptr_eq(values(0), values(1)) && Arc::ptr_eq(values(0), values(2)));
        assert!(Arc::ptr_eq(values(3), values(4)));
        assert_eq!((values(0).len(), values(3).len()), (3, 4));
    }

    /// Nor are long texts kept, however often they come.
    #[test]
    fn long_texts_are_not_remembered() {
        let known = Known::default();
        let long = "x".repeat(BYTES + 1);
        for _ in 0..2 {
            let array = Arc::new(StringArray::from(vec![&long[..]; 2]));
            let array = convert(array, ColumnType::Id, &known).unwrap();
            assert_eq!(array.as_dictionary::<Int32Type>().values().len(), 1);
        }
        let known = known.0.read().unwrap();
        assert!(known.is_full && known.interner.len() == 0 && known.array.is_none());
    }

    /// Blocks that repeat nothing are not remembered for ever.
    #[test]
    fn a_dictionary_ends_to_grow() {
        let known = Known::default();
        let mut sizes = Vec::new();
        for block in 0..2 * BLOCKS {
            let given = [format!("{block} a"), format!("{block} b")];
            let array = Arc::new(StringArray::from(given.to_vec()));
            let array = convert(array, ColumnType::Id, &known).unwrap();
            assert_eq!(texts(&array), given.map(Some));
            sizes.push(array.as_dictionary::<Int32Type>().values().len());
        }
        assert_eq!(sizes[..3], [2, 4, 6]);
        assert_eq!(sizes[BLOCKS..=BLOCKS + 2], [2 * BLOCKS + 2, 2, 2]);
    }
}
