//! Functions in answers.

use super::super::algebra::{Atom, Quotient, Ratio};
use super::bracket;
use super::expression::{Reader, begins_factor, begins_number};
use super::latex::{Node, print};

/// Functions whose argument may stand without parentheses.
pub const NAMES: [&str; 27] = [
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "ln", "log", "lg", "exp", "det", "gcd", "lcm", "max", "min", "arg", "deg", "dim", "ker", "Re",
    "Im",
];

/// Letters that are commands.
pub const GREEK: [&str; 34] = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "varepsilon",
    "zeta",
    "eta",
    "theta",
    "vartheta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "pi",
    "rho",
    "sigma",
    "tau",
    "phi",
    "varphi",
    "chi",
    "psi",
    "omega",
    "Gamma",
    "Delta",
    "Theta",
    "Lambda",
    "Pi",
    "Sigma",
    "Phi",
    "Psi",
    "Omega",
];

/// Letters that are taken for functions where parentheses follow.
const LETTERS: &str = "fghFGHPQ";

/// Greatest number whose factorial is written out.
const FACTORIAL: i64 = 33;

fn call(name: &str, arguments: Vec<Quotient>) -> Quotient {
    Quotient::atom(Atom::Call(name.into(), arguments))
}

/// A function that stands as a command: with an index, a power, and an argument that may have no parentheses.
pub fn command(reader: &mut Reader, name: &str) -> Option<Quotient> {
    let mut name = name.to_owned();
    if reader.next_if(|node| *node == Node::Char('_')).is_some() {
        let Some(Node::Argument(index)) = reader.next_if(|node| matches!(node, Node::Argument(_)))
        else {
            return None;
        };
        name = format!("{name}_{{{}}}", print(index));
    }
    let power = match reader.next_if(|node| *node == Node::Char('^')) {
        Some(_) => Some(reader.argument()?),
        None => None,
    };
    let arguments = match reader.peek()? {
        Node::Char('(') => {
            let inner = reader.bracketed()?;
            let arguments = arguments(reader, inner)?;
            if reader.peek() == Some(&Node::Char('^')) {
                return None;
            }
            arguments
        }
        _ => vec![bare_argument(reader)?],
    };
    let is_inverse = power.as_ref().and_then(Quotient::rational) == Some(Ratio::ONE.negated());
    match power {
        Some(_) if is_inverse && ["sin", "cos", "tan"].contains(&&*name) => {
            Some(call(&format!("arc{name}"), arguments))
        }
        Some(power) => reader
            .calculator
            .power(&applied(reader, &name, arguments)?, &power),
        None => applied(reader, &name, arguments),
    }
}

/// Factors up to the next sign or function; nothing where it is not sure what belongs to the argument.
fn bare_argument(reader: &mut Reader) -> Option<Quotient> {
    let goes_on = |node: &Node| {
        let is_function = matches!(node, Node::Command(name) if NAMES.contains(&&**name));
        begins_factor(node) && !is_function
    };
    reader.peek().filter(|node| goes_on(node))?;
    let mut value = reader.factor()?;
    while let Some(node) = reader.peek().filter(|node| goes_on(node)) {
        if begins_number(node) || *node == Node::Char('(') {
            return None;
        }
        value = reader.calculator.times(&value, &reader.factor()?)?;
    }
    let is_unsure = matches!(reader.peek(), Some(Node::Char('/' | '*')));
    (!is_unsure).then_some(value)
}

fn arguments(reader: &Reader, inner: &[Node]) -> Option<Vec<Quotient>> {
    let parts = bracket::split(inner, |node| {
        matches!(node, Node::Char(',') | Node::Separator)
    });
    parts
        .into_iter()
        .map(|(_, part)| reader.inner(part))
        .collect()
}

/// A function of its arguments, by sines and cosines where that is what it is.
fn applied(reader: &Reader, name: &str, mut arguments: Vec<Quotient>) -> Option<Quotient> {
    let one = Quotient::number(Ratio::ONE);
    if ["gcd", "lcm", "max", "min"].contains(&name) {
        arguments.sort();
        return Some(call(name, arguments));
    }
    let of = |name: &str| call(name, arguments.clone());
    match name {
        "tan" => reader.calculator.over(&of("sin"), &of("cos")),
        "cot" => reader.calculator.over(&of("cos"), &of("sin")),
        "sec" => reader.calculator.over(&one, &of("cos")),
        "csc" => reader.calculator.over(&one, &of("sin")),
        "tanh" => reader.calculator.over(&of("sinh"), &of("cosh")),
        "exp" => match &arguments[..] {
            [exponent] => reader.calculator.power(&Quotient::name("e"), exponent),
            _ => None,
        },
        _ => Some(call(name, arguments)),
    }
}

/// A function in plain letters, its parentheses next.
pub fn plain(reader: &mut Reader, name: &str) -> Option<Quotient> {
    let inner = reader.bracketed()?;
    let arguments = arguments(reader, inner)?;
    match (name, &arguments[..]) {
        ("sqrt", [base]) => reader
            .calculator
            .power(base, &Quotient::number(Ratio::new(1, 2)?)),
        ("cbrt", [base]) => reader
            .calculator
            .power(base, &Quotient::number(Ratio::new(1, 3)?)),
        ("abs", [of]) => magnitude(of),
        ("sqrt" | "cbrt" | "abs", _) => None,
        (name, _) => applied(reader, name, arguments),
    }
}

/// What a letter is with parentheses behind it, if that is a function: `f(x)`, and any letter with more than one argument.
pub fn called(reader: &mut Reader, name: &str) -> Option<Option<Quotient>> {
    if reader.peek() != Some(&Node::Char('(')) {
        return None;
    }
    let start = reader.at;
    let inner = reader.bracketed()?;
    let has_comma = bracket::find(inner, |node| {
        matches!(node, Node::Char(',') | Node::Separator)
    })
    .is_some();
    let letter = name.chars().next().filter(|c| LETTERS.contains(*c));
    if letter.is_none() && !has_comma {
        reader.at = start;
        return None;
    }
    Some(arguments(reader, inner).map(|arguments| call(name, arguments)))
}

/// The absolute value.
pub fn magnitude(of: &Quotient) -> Option<Quotient> {
    if let Some(value) = of.rational() {
        return Some(Quotient::number(value.magnitude()));
    }
    let is_negative = of.above.lead()?.1.is_negative();
    let of = if is_negative {
        of.negated()
    } else {
        of.clone()
    };
    Some(call("abs", vec![of]))
}

/// The next whole number below, or above.
pub fn rounded(name: &str, of: &Quotient) -> Option<Quotient> {
    let Some(value) = of.rational() else {
        return Some(call(name, vec![of.clone()]));
    };
    let floor = match name {
        "floor" => value.floor(),
        _ => value.negated().floor().checked_neg()?,
    };
    Some(Quotient::number(Ratio::new(floor, 1)?))
}

pub fn factorial(of: &Quotient) -> Option<Quotient> {
    let small = of
        .rational()
        .and_then(Ratio::as_whole)
        .filter(|n| (0..=FACTORIAL).contains(n));
    match small {
        Some(n) => Some(Quotient::number(Ratio::new(
            (1..=i128::from(n)).product(),
            1,
        )?)),
        None => Some(call("!", vec![of.clone()])),
    }
}

pub fn binomial(above: Quotient, below: Quotient) -> Option<Quotient> {
    let whole = |value: &Quotient| value.rational().and_then(Ratio::as_whole);
    if let (Some(n), Some(k)) = (whole(&above), whole(&below))
        && (0..=120).contains(&n)
        && (0..=n).contains(&k)
    {
        let step = |product: Option<Ratio>, j: i64| {
            product?.times(Ratio::new((n - j).into(), (j + 1).into())?)
        };
        if let Some(value) = (0..k.min(n - k)).fold(Some(Ratio::ONE), step) {
            return Some(Quotient::number(value));
        }
    }
    Some(call("binom", vec![above, below]))
}
