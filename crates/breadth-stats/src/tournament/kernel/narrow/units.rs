//! What all loops over units go by.

use crate::tournament::kernel::pair::BLOCK;

/// A pair's columns in units, filled up to a multiple of [`FULL`].
pub(super) type Units<'a> = [&'a [i16]; 2];
/// A pair's log-probabilities.
pub(super) type Columns<'a> = [&'a [f64]; 2];

/// The loops work on so many rows at a time.
pub(super) const FULL: usize = 256;
const _: () = assert!(BLOCK.is_multiple_of(FULL));
/// What rounding in `f64` may add to an error of a unit, with room.
pub(super) const SLACK: f64 = 1e-3;
/// More units than [`above`] say that a threshold is reached, and so many fewer that it is not.
pub(super) const DOUBT: i16 = 3;

/// A difference of more units than this reaches the threshold for certain, and one of [`DOUBT`]
/// fewer does not. The largest number if no difference reaches it.
pub(super) fn above(threshold: f64, scale: f64) -> i16 {
    // Conversion saturates.
    (magnitude(threshold) * scale + 1.0 + SLACK).floor() as i16
}

/// The magnitude that a difference must reach. A threshold of 0 or less is reached by all but those
/// that the other side is ahead of by more than its magnitude: the next number above it counts
/// these.
pub(super) fn magnitude(threshold: f64) -> f64 {
    if threshold > 0.0 {
        threshold
    } else {
        threshold.abs().next_up()
    }
}
