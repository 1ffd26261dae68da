//! Unions of intervals.

use super::super::algebra::{Quotient, Ratio};
use super::shape::Shape;
use super::unit::Mark;

/// An end of an interval: minus infinity, a number, or infinity.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Below,
    At(Ratio),
    Above,
}

impl End {
    fn read(shape: &Shape) -> Option<Self> {
        let Shape::Value(value, Mark::None) = shape else {
            return None;
        };
        let infinite = Quotient::name("infty");
        if *value == infinite {
            return Some(Self::Above);
        }
        if *value == infinite.negated() {
            return Some(Self::Below);
        }
        value.rational().map(Self::At)
    }

    /// Whether it is left of another; nothing for numbers too long.
    fn is_before(self, other: Self) -> Option<bool> {
        match (self, other) {
            (Self::At(own), Self::At(other)) => Some(own.minus(other)?.is_negative()),
            (own, other) => Some(own != other && (own == Self::Below || other == Self::Above)),
        }
    }
}

/// The union of sets, with what intervals of numbers overlap or touch in one.
pub fn union(mut parts: Vec<Shape>) -> Shape {
    while let Some((first, second, whole)) = overlap(&parts) {
        parts.remove(second);
        parts[first] = whole;
    }
    match &parts[..] {
        [only] => only.clone(),
        _ => Shape::Union(parts),
    }
}

/// Two intervals whose union is one, and that.
fn overlap(parts: &[Shape]) -> Option<(usize, usize, Shape)> {
    let pairs = (0..parts.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    pairs.take(MOST_PAIRS).find_map(|(a, b)| {
        let whole = joined(&parts[a], &parts[b]).or_else(|| joined(&parts[b], &parts[a]))?;
        Some((a, b, whole))
    })
}

/// Pairs of intervals that are looked at.
const MOST_PAIRS: usize = 1000;

/// The union of two intervals, where the second begins within the first or at its end, and not
/// before it.
fn joined(a: &Shape, b: &Shape) -> Option<Shape> {
    let (Shape::Bracket(open, x, end) | Shape::Range(open, x, end)) = a else {
        return None;
    };
    let (Shape::Bracket(begin, y, close) | Shape::Range(begin, y, close)) = b else {
        return None;
    };
    let ([low, high], [from, to]) = (&x[..], &y[..]) else {
        return None;
    };
    let [left, right, start, stop] = [low, high, from, to].map(End::read);
    let (left, right, start, stop) = (left?, right?, start?, stop?);
    // What is no interval stays as it is.
    if !left.is_before(right)? || !start.is_before(stop)? {
        return None;
    }
    let touches = start == right && (*end == ']' || *begin == '[');
    if start.is_before(left)? || !(start.is_before(right)? || touches) {
        return None;
    }
    let open = if left == start && *begin == '[' {
        '['
    } else {
        *open
    };
    let (high, close) = match right == stop {
        true if *end == ']' => (high, ']'),
        true => (high, *close),
        false if right.is_before(stop)? => (to, *close),
        false => (high, *end),
    };
    Some(Shape::Range(open, vec![low.clone(), high.clone()], close))
}
