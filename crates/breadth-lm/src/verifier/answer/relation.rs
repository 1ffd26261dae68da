//! Equations, inequalities, and names before answers.

use super::super::algebra::{Atom, Calculator, Quotient, Ratio, Sum};
use super::bracket;
use super::expression;
use super::function;
use super::node::{Node, print};
use super::shape::{RelationKind, Shape, ShapeReader};
use super::unit::Mark;

fn operator(node: &Node) -> Option<&str> {
    match node {
        Node::Char('=') => Some("="),
        Node::Char('<') => Some("<"),
        Node::Char('>') => Some(">"),
        Node::Command(name) => ["leq", "geq", "neq", "in", "approx", "equiv"]
            .into_iter()
            .find(|own| name == own),
        _ => None,
    }
}

/// Where the first relation is.
pub fn find(nodes: &[Node]) -> Option<usize> {
    bracket::find(nodes, |node| operator(node).is_some())
}

impl ShapeReader<'_> {
    /// An equation, an inequality, or a name with what it is.
    pub fn relation(&self, nodes: &[Node], depth: usize) -> Option<Shape> {
        let parts = bracket::split(nodes, |node| operator(node).is_some());
        let operators: Vec<&str> = parts
            .iter()
            .filter_map(|(before, _)| operator((*before)?))
            .collect();
        let mut parts: Vec<&[Node]> = parts.iter().map(|(_, part)| *part).collect();
        if operators.is_empty() || parts.iter().any(|part| part.is_empty()) {
            return None;
        }
        let exact = operators
            .iter()
            .position(|own| *own == "approx")
            .unwrap_or(operators.len());
        let exact = exact.max(1);
        if operators[exact..].iter().any(|own| *own != "approx") {
            return None;
        }
        parts.truncate(exact + 1);
        match operators[..exact] {
            ["in"] => Some(Shape::Named(
                print(parts[0]),
                Box::new(self.read(parts[1], depth)),
            )),
            ["neq"] => self.related(RelationKind::Different, parts[1], parts[0]),
            ["approx"] if !is_name(parts[0]) => Some(self.read(parts[0], depth)),
            ["approx"] => self.equation(&parts, depth),
            ref all if all.iter().all(|own| *own == "=") => self.equation(&parts, depth),
            ref all if all.iter().all(|own| ["<", "leq"].contains(own)) => {
                self.inequality(&parts, all, "<")
            }
            ref all if all.iter().all(|own| [">", "geq"].contains(own)) => {
                parts.reverse();
                let all: Vec<&str> = all.iter().rev().copied().collect();
                self.inequality(&parts, &all, ">")
            }
            _ => None,
        }
    }

    fn equation(&self, parts: &[&[Node]], depth: usize) -> Option<Shape> {
        let (first, last) = (*parts.first()?, *parts.last()?);
        let named = |name: &[Node], value: &[Node]| {
            Shape::Named(print(name), Box::new(self.read(value, depth)))
        };
        if is_name(first) {
            return Some(named(first, last));
        }
        if parts.len() == 2 && is_name(last) {
            return Some(named(last, first));
        }
        let value = |part: &&[Node]| expression::value(part, self.calculator);
        let values: Vec<Quotient> = parts.iter().map(value).collect::<Option<_>>()?;
        let is_same = values
            .iter()
            .all(|value| self.calculator.is_equal(value, &values[0]));
        if is_same && unknowns(&values[0]).is_empty() {
            return Some(Shape::Value(values[0].clone(), Mark::None));
        }
        match parts {
            [left, right] => self.related(RelationKind::Equal, left, right),
            _ => None,
        }
    }

    /// `left - right` in its relation to 0.
    fn related(&self, kind: RelationKind, left: &[Node], right: &[Node]) -> Option<Shape> {
        let value = |part: &[Node]| expression::value(part, self.calculator);
        let gap = self.calculator.minus(&value(left)?, &value(right)?)?;
        relation(kind, &gap)
    }

    /// A range of one unknown as an interval with its name, anything else as a relation. The parts
    /// are in ascending order.
    fn inequality(&self, parts: &[&[Node]], operators: &[&str], strict: &str) -> Option<Shape> {
        let calculator = self.calculator;
        let is_open = |at: usize| operators[at] == strict;
        let bound = |part: &[Node]| match self.read(part, 20) {
            Shape::Value(value, Mark::None) => Some(value),
            _ => None,
        };
        match parts {
            [left, right] => {
                let (left, right) = (bound(left)?, bound(right)?);
                let gap = calculator.minus(&right, &left)?;
                let Some(line) = line(calculator, &gap) else {
                    let kind = if is_open(0) {
                        RelationKind::Above
                    } else {
                        RelationKind::AtLeast
                    };
                    return relation(kind, &gap);
                };
                let bound =
                    calculator.over(&line.constant.negated(), &Quotient::number(line.slope))?;
                let end = (bound, is_open(0));
                let infinite = Quotient::name("infty");
                if line.slope.is_negative() {
                    Some(interval(&line.unknown, (infinite.negated(), true), end))
                } else {
                    Some(interval(&line.unknown, end, (infinite, true)))
                }
            }
            [left, middle, right] => {
                let line = line(calculator, &bound(middle)?)?;
                let end = |part: &[Node], at: usize| {
                    let gap = calculator.minus(&bound(part)?, &line.constant)?;
                    let bound = calculator.over(&gap, &Quotient::number(line.slope))?;
                    Some((bound, is_open(at)))
                };
                let (low, high) = (end(left, 0)?, end(right, 1)?);
                if line.slope.is_negative() {
                    Some(interval(&line.unknown, high, low))
                } else {
                    Some(interval(&line.unknown, low, high))
                }
            }
            _ => None,
        }
    }
}

/// A relation to 0 in one way of writing: equations by any factor, inequalities by one above 0.
pub fn relation(kind: RelationKind, gap: &Quotient) -> Option<Shape> {
    if gap.above.atoms().is_empty() {
        return None;
    }
    let is_either = matches!(kind, RelationKind::Equal | RelationKind::Different);
    if !is_either && !gap.is_sum() && !is_above_zero(&gap.below) {
        return None;
    }
    let is_negative = is_either && gap.above.lead()?.1.is_negative();
    let above = if is_negative {
        gap.above.negated()
    } else {
        gap.above.clone()
    };
    let above = above.scaled(above.content()?.inverse()?)?;
    Some(Shape::Relation(kind, Quotient::of(above)))
}

/// Whether a divisor is surely above 0, as far as that is looked into: a natural logarithm of a whole
/// number.
fn is_above_zero(below: &Sum) -> bool {
    let Some((monomial, factor)) = below.single() else {
        return false;
    };
    let is_logarithm = |atom: &Atom| {
        let Atom::Call(name, of) = atom else {
            return false;
        };
        let of = of.first().and_then(Quotient::rational);
        name == "ln" && of.and_then(Ratio::as_whole).is_some_and(|of| of > 1)
    };
    !factor.is_negative() && monomial.0.keys().all(is_logarithm)
}

fn interval(unknown: &str, low: (Quotient, bool), high: (Quotient, bool)) -> Shape {
    let end = |value| Shape::Value(value, Mark::None);
    let open = if low.1 { '(' } else { '[' };
    let close = if high.1 { ')' } else { ']' };
    let range = Shape::Range(open, vec![end(low.0), end(high.0)], close);
    Shape::Named(unknown.into(), Box::new(range))
}

/// `slope * unknown + constant`.
struct Line {
    unknown: String,
    slope: Ratio,
    constant: Quotient,
}

/// The names and functions in a value, but for the constants.
fn unknowns(value: &Quotient) -> Vec<&Atom> {
    let atoms = value.above.atoms().into_iter().chain(value.below.atoms());
    let is_known = |atom: &Atom| match atom {
        Atom::Name(name) => ["pi", "e", "infty", "degree"].contains(&&**name),
        Atom::Prime(_) | Atom::Imaginary => true,
        _ => false,
    };
    atoms.filter(|atom| !is_known(atom)).collect()
}

fn line(calculator: &Calculator, value: &Quotient) -> Option<Line> {
    let unknowns = unknowns(value);
    let [atom @ (Atom::Name(_) | Atom::Call(..))] = unknowns[..] else {
        return None;
    };
    if !value.is_sum() {
        return None;
    }
    let with = value
        .above
        .0
        .iter()
        .filter(|(monomial, _)| monomial.0.contains_key(atom));
    let [(monomial, slope)] = with.collect::<Vec<_>>()[..] else {
        return None;
    };
    let is_alone = monomial.0.len() == 1 && monomial.exponent(atom) == Ratio::ONE;
    let unknown = Quotient::of(Sum::term(*slope, monomial.clone()));
    is_alone.then_some(())?;
    Some(Line {
        unknown: Quotient::atom(atom.clone()).to_string(),
        slope: *slope,
        constant: calculator.minus(value, &unknown)?,
    })
}

/// Whether nodes name something: `x`, `x_1`, `f(x)`, `AB`, `\angle ABC`, words, `(x, y)`, or a
/// quotient or product of such lengths.
pub fn is_name(nodes: &[Node]) -> bool {
    match nodes {
        [] => false,
        [Node::Command(name), rest @ ..]
            if ["angle", "triangle", "measuredangle"].contains(&&**name) =>
        {
            is_letters(rest)
        }
        [Node::Char('m'), Node::Command(name), rest @ ..] if name == "angle" => is_letters(rest),
        [Node::Char('('), inner @ .., Node::Char(')')] => {
            let parts = bracket::split(inner, |node| {
                matches!(node, Node::Char(',') | Node::Separator)
            });
            bracket::is_balanced(inner) && parts.iter().all(|(_, part)| is_name(part))
        }
        [Node::Char('|'), inner @ .., Node::Char('|')] => is_letters(inner),
        [derivative] if expression::is_derivative(derivative) => true,
        [Node::Fraction(above, below)] => is_letters(above) && is_letters(below),
        _ if nodes.contains(&Node::Char(':')) => {
            nodes.split(|node| *node == Node::Char(':')).all(is_name)
        }
        _ => is_symbol(nodes) || is_letters(nodes) || is_text(nodes),
    }
}

/// A letter with an index, primes or arguments.
fn is_symbol(nodes: &[Node]) -> bool {
    let (first, mut rest) = match nodes.split_first() {
        Some(split) => split,
        None => return false,
    };
    let is_face = |name: &str| name.contains(':') && !name.starts_with("begin");
    let is_letter = match first {
        Node::Command(name) => function::GREEK.contains(&&**name) && name != "pi" || is_face(name),
        Node::Words(words) => words.chars().count() == 1,
        node => node.is_letter(),
    };
    loop {
        rest = match rest {
            [Node::Char('_'), Node::Argument(_), rest @ ..] | [Node::Char('\''), rest @ ..] => rest,
            [Node::Char('('), ..] => {
                return is_letter && bracket::closing(rest) == Some(rest.len() - 1);
            }
            rest => return is_letter && rest.is_empty(),
        };
    }
}

/// Capital letters in a row: points, lengths, triangles.
fn is_letters(nodes: &[Node]) -> bool {
    let is_one = |node: &Node| node.is_char(|c| c.is_ascii_uppercase());
    (1..=4).contains(&nodes.len()) && nodes.iter().all(is_one)
}

fn is_text(nodes: &[Node]) -> bool {
    nodes
        .iter()
        .all(|node| matches!(node, Node::Words(_) | Node::Space))
}
