//! The log-probabilities of one model, filled row by row in any order.

use crate::io::origins::ABSENT;

/// What one model says, row by row; shorter than the table where it says nothing yet.
#[derive(Default)]
pub(super) struct ModelValues {
    /// NaN where the model says nothing yet: a log-probability is never NaN.
    pub(super) values: Vec<f64>,
    /// The ordinal of the long row that gave the value, or [`ABSENT`].
    pub(super) origin: Vec<u32>,
    pub(super) lists: Vec<Option<Vec<f32>>>,
}

impl ModelValues {
    /// Makes room for so many rows before the first is set, instead of bit by bit.
    pub(super) fn make_room(&mut self, rows: usize) {
        if self.values.capacity() == 0 {
            self.values.reserve_exact(rows);
            self.origin.reserve_exact(rows);
        }
    }

    /// Sets a value; returns the ordinal of the earlier one if there is one.
    #[inline]
    pub(super) fn set(&mut self, row: usize, value: f64, ordinal: u32) -> Option<u32> {
        if row >= self.values.len() {
            self.pad(row);
            self.values.push(value);
            self.origin.push(ordinal);
            return None;
        }
        if !self.values[row].is_nan() {
            return Some(self.origin[row]);
        }
        self.values[row] = value;
        self.origin[row] = ordinal;
        None
    }

    pub(super) fn pad(&mut self, rows: usize) {
        if self.values.len() < rows {
            self.values.resize(rows, f64::NAN);
            self.origin.resize(rows, ABSENT);
        }
    }
}
