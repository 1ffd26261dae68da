//! A block of decoded rows, and where they stand in their file.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, DictionaryArray, Float64Array, ListArray};

use crate::error::{At, Place};

/// Rows of one input, column by column in the order of the layout that was read.
pub(crate) struct Chunk {
    pub(crate) rows: usize,
    pub(crate) places: Places,
    /// `None` where the file has no such column.
    pub(crate) columns: Vec<Option<ArrayRef>>,
}

impl Chunk {
    pub(crate) fn ids(&self, column: usize) -> Option<&DictionaryArray<Int32Type>> {
        self.columns[column]
            .as_ref()
            .map(|array| array.as_dictionary())
    }

    pub(crate) fn numbers(&self, column: usize) -> Option<&Float64Array> {
        self.columns[column]
            .as_ref()
            .map(|array| array.as_primitive())
    }

    pub(crate) fn lists(&self, column: usize) -> Option<&ListArray> {
        self.columns[column].as_ref().map(|array| array.as_list())
    }

    /// The number in a row, if the file has the column and the row a value.
    pub(crate) fn number(&self, column: usize, row: usize) -> Option<f64> {
        let array = self.numbers(column)?;
        array.is_valid(row).then(|| array.value(row))
    }
}

/// Where the rows of a chunk stand.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    pub(crate) path: Arc<Path>,
    /// The place of the first row; the others follow it one by one unless `numbers` says otherwise.
    pub(crate) first: Place,
    /// Numbers of lines or rows, where some were skipped or a row took several.
    pub(crate) numbers: Option<Vec<u64>>,
}

impl Places {
    pub(crate) fn at(&self, row: usize) -> At {
        let number = |first: u64| match &self.numbers {
            Some(numbers) => numbers[row],
            None => first + row as u64,
        };
        let place = match self.first {
            Place::Row(first) => Place::Row(number(first)),
            Place::Line(first) => Place::Line(number(first)),
        };
        At {
            path: self.path.clone(),
            place: Some(place),
        }
    }

    /// The places of rows that stand on `lines`, in the short form where possible.
    pub(crate) fn of_lines(path: Arc<Path>, lines: Vec<u64>) -> Self {
        Self::numbered(path, lines, Place::Line)
    }

    /// The same for rows that are not lines.
    pub(crate) fn of_rows(path: Arc<Path>, rows: Vec<u64>) -> Self {
        Self::numbered(path, rows, Place::Row)
    }

    fn numbered(path: Arc<Path>, numbers: Vec<u64>, place: fn(u64) -> Place) -> Self {
        let first = numbers.first().copied().unwrap_or(1);
        let consecutive = numbers
            .iter()
            .zip(first..)
            .all(|(&line, expected)| line == expected);
        Self {
            path,
            first: place(first),
            numbers: (!consecutive).then_some(numbers),
        }
    }
}
