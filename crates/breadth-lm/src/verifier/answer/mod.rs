//! Answers of mathematics: read once, written in one way, and compared.

mod application;
mod boxed;
mod bracket;
mod equal;
mod expression;
mod function;
mod interval;
mod latex;
mod list;
mod node;
mod read;
mod reader;
mod relation;
mod shape;
mod sign;
mod simplify;
mod thousands;
mod unit;
mod write;

use super::algebra::Calculator;
use super::number::Number;
pub(super) use boxed::last_boxed;
pub(super) use function::{GREEK, NAMES};
use shape::{Shape, ShapeReader};
pub(super) use sign::{fraction as fraction_sign, script as script_sign};

/// Longer texts, in bytes, are no answers that anybody wrote down; they are taken as they are.
const LONGEST: usize = 2000;

/// An answer, as it is understood.
///
/// Not looked at: white space (but between digits), the `$` of mathematics, `\left` and `\right`,
/// sizes, colours and spaces of LaTeX, a full stop at the end, a name before it (`x =`, `f(x) =`,
/// `\angle ABC =`, `x \in`), and the unit of a number (a sign of currency is one; per cent from 1
/// on) if the other answer has none. Values are compared exactly, as far as
/// algebra goes: 0.5, .50, 1/2, `\frac{2}{4}` and 50% are one, so are 1,000, `1\,000`, `1{,}000`
/// and `10^3`, `2\sqrt{2}` and `\sqrt{8}`, `(x+1)^2` and `x^2+2x+1`; a whole number before a
/// fraction is a mixed number. Tuples and intervals are compared element by element with their
/// brackets, sets and unions without regard to order, answers between commas without brackets as
/// any of these; an inequality in one unknown is its interval, an equation is any multiple of
/// itself.
///
/// What is not sure is different: `1/2x`, a decimal number that is rounded, 5 cm and 5 m, units
/// that are not known and not written alike, a derivative and a quotient, `A` and `a`, a tuple in
/// another order.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    shape: Shape,
    text: String,
    literal: String,
}

impl Answer {
    pub fn read(text: &str) -> Self {
        let text = text.trim();
        let calculator = Calculator::default();
        let nodes = Some(text)
            .filter(|text| text.len() <= LONGEST)
            .and_then(latex::parse);
        let Some(nodes) = nodes else {
            // Too long, or braces that do not match: nothing is sure but the letters.
            let literal = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let shape = Shape::Literal(literal.clone());
            let text = literal.clone();
            return Self {
                shape,
                text,
                literal,
            };
        };
        let reader = ShapeReader {
            calculator: &calculator,
        };
        let shape = reader.read(&nodes, 0);
        let text = shape.to_string();
        let literal = node::print(&nodes);
        Self {
            shape,
            text,
            literal,
        }
    }

    /// The answer in one way of writing.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether another answer says the same; it does of itself, and both ways.
    pub fn is(&self, other: &Self) -> bool {
        self.literal == other.literal
            || equal::is_same(&self.shape, &other.shape, &Calculator::default())
    }

    /// The value, if it is one number without letters; per cent and units behind it, and a name
    /// before it, are not looked at.
    pub fn number(&self) -> Option<Number> {
        self.shape.number()
    }

    /// Whether it was understood as mathematics, and not only as words or letters.
    pub fn is_mathematics(&self) -> bool {
        !matches!(self.shape, Shape::Words(_) | Shape::Literal(_))
    }
}

#[cfg(test)]
mod tests;
