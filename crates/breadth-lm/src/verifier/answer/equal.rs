//! When two answers say the same.

use super::super::algebra::{Calculator, Quotient};
use super::node::MONEY;
use super::relation;
use super::shape::{RelationKind, Shape};
use super::unit::{self, Mark};

/// Longest lists whose orders are matched element by element.
const MATCHED: usize = 100;

pub fn is_same(a: &Shape, b: &Shape, calculator: &Calculator) -> bool {
    let pairs = |x: &[Shape], y: &[Shape]| {
        x.len() == y.len() && x.iter().zip(y).all(|(x, y)| is_same(x, y, calculator))
    };
    match (a, b) {
        (Shape::Value(x, m), Shape::Value(y, n)) => unit::is_same((x, m), (y, n), calculator),
        (Shape::Words(x), Shape::Words(y)) => is_same_words(x, y),
        (Shape::Literal(x), Shape::Literal(y)) => x == y || is_same_amount(x, y),
        (Shape::Choice(x), Shape::Choice(y)) => x == y,
        (Shape::Choice(letter), Shape::Value(value, Mark::None))
        | (Shape::Value(value, Mark::None), Shape::Choice(letter)) => {
            value.as_name() == Some(&letter.to_string())
        }
        (Shape::Named(m, x), Shape::Named(n, y)) => is_same_name(m, n) && is_same(x, y, calculator),
        (Shape::Named(name, value), Shape::Relation(RelationKind::Equal, gap))
        | (Shape::Relation(RelationKind::Equal, gap), Shape::Named(name, value)) => {
            is_solved(name, value, gap, calculator)
        }
        // Several values of one unknown are no tuple.
        (Shape::Named(_, inner), Shape::Bracket(..))
        | (Shape::Bracket(..), Shape::Named(_, inner))
            if matches!(**inner, Shape::List(_)) =>
        {
            false
        }
        (Shape::Named(_, inner), other) | (other, Shape::Named(_, inner)) => {
            is_same(inner, other, calculator)
        }
        (Shape::Relation(m, x), Shape::Relation(n, y)) => m == n && calculator.is_equal(x, y),
        (
            Shape::Bracket(a, x, b) | Shape::Range(a, x, b),
            Shape::Bracket(c, y, d) | Shape::Range(c, y, d),
        ) => (a, b) == (c, d) && pairs(x, y),
        (Shape::List(x), Shape::Bracket('(', y, ')'))
        | (Shape::Bracket('(', y, ')'), Shape::List(x)) => pairs(x, y),
        (Shape::List(x), Shape::List(y)) | (Shape::Set(x), Shape::Set(y))
            if goes_on(x) || goes_on(y) =>
        {
            pairs(x, y)
        }
        // Values of several unknowns without their names stand in the order of the names.
        (Shape::List(x), Shape::List(y)) if has_names(x) != has_names(y) => pairs(x, y),
        (Shape::List(x), Shape::List(y)) => x.len() == y.len() && is_permuted(x, y, calculator),
        (Shape::Set(x), Shape::Set(y)) => {
            is_within(x, y, calculator) && is_within(y, x, calculator)
        }
        (Shape::Set(x), Shape::List(y)) | (Shape::List(y), Shape::Set(x)) => {
            // A set has no order that says which value is whose.
            has_names(x) == has_names(y)
                && y.len() <= x.len()
                && is_within(x, y, calculator)
                && is_within(y, x, calculator)
        }
        (Shape::Union(x), Shape::Union(y)) | (Shape::Either(x), Shape::Either(y)) => {
            x.len() == y.len() && is_permuted(x, y, calculator)
        }
        (Shape::Set(x), Shape::Value(..)) => {
            matches!(&x[..], [only] if is_same(only, b, calculator))
        }
        (Shape::Value(..), Shape::Set(x)) => {
            matches!(&x[..], [only] if is_same(a, only, calculator))
        }
        (Shape::Without(x, y), Shape::Without(v, w)) => {
            is_same(x, v, calculator) && is_same(y, w, calculator)
        }
        (Shape::Proportion(x), Shape::Proportion(y)) => pairs(x, y),
        (Shape::Matrix(m, x), Shape::Matrix(n, y)) => {
            m == n && x.len() == y.len() && x.iter().zip(y).all(|(x, y)| pairs(x, y))
        }
        _ => false,
    }
}

/// Whether texts are the same but for signs of currency that only one of them has.
fn is_same_amount(a: &str, b: &str) -> bool {
    let without = |text: &str| {
        let signs = MONEY.iter();
        signs.fold(text.to_owned(), |text, sign| {
            text.replace(&format!("\\{sign}"), "")
        })
    };
    let (plain_a, plain_b) = (without(a), without(b));
    plain_a == plain_b && (plain_a == a || plain_b == b)
}

/// Whether dots stand for more of a sequence, which then has an order.
fn goes_on(items: &[Shape]) -> bool {
    items.contains(&Shape::Literal("\\ldots".into()))
}

/// Whether a list says what several different names are.
fn has_names(items: &[Shape]) -> bool {
    let name = |item: &Shape| match item {
        Shape::Named(name, _) => Some(name.clone()),
        _ => None,
    };
    let names: Vec<String> = items.iter().filter_map(name).collect();
    names.iter().any(|name| *name != names[0])
}

/// Words are the same but for capitals, unless they are letters in capitals.
fn is_same_words(a: &str, b: &str) -> bool {
    let is_code = |text: &str| text.len() <= 4 && text.chars().all(char::is_uppercase);
    let is_code = is_code(a) || is_code(b);
    a == b || !is_code && a.to_lowercase() == b.to_lowercase()
}

/// Names are the same if written alike; `y` and `f(x)` both stand for the value of a function.
fn is_same_name(a: &str, b: &str) -> bool {
    let is_value = |one: &str, other: &str| one == "y" && other.ends_with("(x)");
    a == b || is_value(a, b) || is_value(b, a)
}

/// Whether an equation says what a name is.
fn is_solved(name: &str, value: &Shape, gap: &Quotient, calculator: &Calculator) -> bool {
    let Shape::Value(value, Mark::None) = value else {
        return false;
    };
    let own = calculator.minus(&Quotient::name(name), value);
    match own.and_then(|own| relation::relation(RelationKind::Equal, &own)) {
        Some(Shape::Relation(_, own)) => calculator.is_equal(&own, gap),
        _ => false,
    }
}

/// Whether the elements are the same in some order.
fn is_permuted(a: &[Shape], b: &[Shape], calculator: &Calculator) -> bool {
    if a.len() > MATCHED {
        return a == b;
    }
    let mut left: Vec<&Shape> = b.iter().collect();
    a.iter().all(|one| {
        let at = left
            .iter()
            .position(|other| is_same(one, other, calculator));
        at.map(|at| left.swap_remove(at)).is_some()
    })
}

fn is_within(a: &[Shape], b: &[Shape], calculator: &Calculator) -> bool {
    if a.len().max(b.len()) > MATCHED {
        a == b
    } else {
        a.iter()
            .all(|one| b.iter().any(|other| is_same(one, other, calculator)))
    }
}
