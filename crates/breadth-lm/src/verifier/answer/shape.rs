//! What kind of answer a text is, by its parts.

use super::super::algebra::{Calculator, Quotient};
use super::super::number::Number;
use super::unit::Mark;

/// An answer by its parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Words of a language.
    Words(String),
    /// A value with what stands behind it.
    Value(Quotient, Mark),
    /// A tuple or an interval, with its brackets.
    Bracket(char, Vec<Shape>, char),
    /// The range of an unknown between two ends, as an inequality says it.
    Range(char, Vec<Shape>, char),
    /// A set: no order, nothing twice.
    Set(Vec<Shape>),
    /// Several answers without brackets around them, in any order.
    List(Vec<Shape>),
    /// Statements or words, of which one holds.
    Either(Vec<Shape>),
    /// Sets, of which one holds.
    Union(Vec<Shape>),
    /// A set without another.
    Without(Box<Shape>, Box<Shape>),
    /// What a name stands for: `x = 5`, `x \in (1,2)`.
    Named(String, Box<Shape>),
    /// An equation, or another relation of a value to 0.
    Relation(RelationKind, Quotient),
    /// Rows of cells, with what is around them.
    Matrix(String, Vec<Vec<Shape>>),
    /// `a : b : c`.
    Proportion(Vec<Shape>),
    /// A letter of a choice with what it stands for.
    Choice(char),
    /// Anything else, as it is written.
    Literal(String),
}

impl Shape {
    /// The number that is all there is, a name before it aside.
    pub fn number(&self) -> Option<Number> {
        match self {
            Self::Value(value, _) => match value.rational() {
                Some(ratio) => Some(Number::Ratio(ratio.above(), ratio.below())),
                // A number too long for a fraction goes by its digits.
                None => Number::decimal(value.as_name()?),
            },
            Self::Named(_, inner) => inner.number(),
            _ => None,
        }
    }
}

/// How a value is to 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    Equal,
    Different,
    Above,
    AtLeast,
}

impl RelationKind {
    /// The sign between the value and 0.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Different => "\\neq ",
            Self::Above => ">",
            Self::AtLeast => "\\geq ",
        }
    }
}

/// Reads answers within the budget of one calculator.
pub struct ShapeReader<'a> {
    pub calculator: &'a Calculator,
}
