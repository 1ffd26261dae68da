//! What stands behind a number: per cent, degrees, units, words.

use super::super::algebra::{Calculator, Quotient, Ratio};
use super::function::NAMES;
use super::node::{Node, print};

/// What stands behind a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    None,
    Percent,
    Degree,
    /// The unit's dimension if it is known, else its words.
    Unit(Unit),
}

/// A unit, or whatever is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// What is measured and in which unit, with its power: `length`, 2.
    pub dimension: Option<(&'static str, i64)>,
    /// How many of the dimension's least unit it is.
    pub size: Ratio,
    /// As it was written.
    pub text: String,
}

/// Names of units, what they measure, and their size as a fraction.
const UNITS: [(&[&str], &str, i64, i64); 34] = [
    (&["mm", "millimeter", "millimetre"], "length", 1, 1),
    (&["cm", "centimeter", "centimetre"], "length", 10, 1),
    (&["m", "meter", "metre"], "length", 1000, 1),
    (&["km", "kilometer", "kilometre"], "length", 1_000_000, 1),
    (&["in", "inch", "inche"], "length", 127, 5),
    (&["ft", "foot", "feet"], "length", 1524, 5),
    (&["yd", "yard"], "length", 4572, 5),
    (&["mi", "mile"], "length", 8_046_720, 5),
    (&["mg", "milligram"], "mass", 1, 1),
    (&["g", "gram"], "mass", 1000, 1),
    (&["kg", "kilogram"], "mass", 1_000_000, 1),
    (&["s", "sec", "second"], "time", 1, 1),
    (&["min", "minute"], "time", 60, 1),
    (&["h", "hr", "hour"], "time", 3600, 1),
    (&["day"], "time", 86_400, 1),
    (&["week"], "time", 604_800, 1),
    (&["ml", "milliliter", "millilitre"], "volume", 1, 1),
    (&["l", "liter", "litre"], "volume", 1000, 1),
    (&["cent", "\u{a2}"], "money", 1, 1),
    (&["dollar", "usd", "$"], "money", 100, 1),
    (&["euro", "eur", "\u{20ac}"], "euros", 1, 1),
    (&["gbp", "\u{a3}"], "sterling", 1, 1),
    (&["yen", "jpy", "\u{a5}"], "yen", 1, 1),
    (&["m/s", "meters per second"], "speed", 1, 1),
    (&["km/h", "kmph", "kph"], "road speed", 1, 1),
    (&["mph", "miles per hour"], "miles speed", 1, 1),
    (&["lb", "pound"], "weight", 16, 1),
    (&["oz", "ounce"], "weight", 1, 1),
    (&["rad", "radian"], "angle", 1, 1),
    (&["ha", "hectare"], "hectares", 1, 1),
    (&["hz", "hertz"], "frequency", 1, 1),
    (&["n", "newton"], "force", 1, 1),
    (&["j", "joule"], "energy", 1, 1),
    (&["w", "watt"], "power", 1, 1),
];

/// Words that make another number of the one before them, or another answer.
const MEANINGFUL: [&str; 33] = [
    "thousand",
    "million",
    "billion",
    "trillion",
    "hundred",
    "dozen",
    "half",
    "or",
    "and",
    "to",
    "less",
    "more",
    "than",
    "if",
    "when",
    "where",
    "for",
    "times",
    "mod",
    "base",
    "over",
    "plus",
    "minus",
    "not",
    "at",
    "least",
    "most",
    "factorial",
    "squared",
    "cubed",
    "remainder",
    "between",
    "is",
];

/// What a sign of currency says of the number beside it.
pub fn money(sign: &Node) -> Option<Mark> {
    let Node::Command(name) = sign else {
        return None;
    };
    mark(&[Node::Words(name.clone())]).filter(|_| sign.is_money())
}

/// The number, and what stands behind it.
pub fn split(nodes: &[Node]) -> (&[Node], Mark) {
    let [rest @ .., last] = nodes else {
        return (nodes, Mark::None);
    };
    if last.is_command("%") {
        return (rest, Mark::Percent);
    }
    // The degrees of `\sin 30^\circ` are those of its argument.
    let is_function = |node: &Node| NAMES.iter().any(|name| node.is_command(name));
    if last.is_command("degree") && !rest.iter().any(is_function) {
        return (rest, Mark::Degree);
    }
    let start = start_of_words(nodes).or_else(|| start_of_letters(nodes));
    let Some(start) = start.filter(|start| *start > 0) else {
        return (nodes, Mark::None);
    };
    let number = match &nodes[..start] {
        [number @ .., Node::Space] => number,
        number => number,
    };
    match mark(&nodes[start..]) {
        Some(mark) => (number, mark),
        None => (nodes, Mark::None),
    }
}

/// Where the words at the end begin, with slashes and powers between them.
fn start_of_words(nodes: &[Node]) -> Option<usize> {
    let start = nodes
        .iter()
        .position(|node| matches!(node, Node::Words(_)))?;
    let is_unit = |node: &Node| {
        let is_power = matches!(
            node,
            Node::Argument(_) | Node::Words(_) | Node::Space | Node::Char('^' | '/')
        );
        is_power || node.is_command("cdot")
    };
    nodes[start..].iter().all(is_unit).then_some(start)
}

/// Where a known unit in plain letters begins, with its power, behind a single number.
fn start_of_letters(nodes: &[Node]) -> Option<usize> {
    let letters = match nodes {
        [rest @ .., Node::Char('^'), Node::Argument(_)] => rest,
        all => all,
    };
    let is_part = |node: &Node| node.is_letter() || matches!(node, Node::Char('/') | Node::Space);
    let run = letters
        .iter()
        .rev()
        .take_while(|node| is_part(node))
        .count();
    let (number, run) = letters.split_at(letters.len() - run);
    let is_number = |node: &Node| {
        node.is_char(|c| c.is_ascii_digit() || ".,/-".contains(c))
            || matches!(node, Node::Fraction(..) | Node::Space)
    };
    if number.is_empty() || !number.iter().all(is_number) {
        return None;
    }
    let start = number.len() + usize::from(run.first() == Some(&Node::Space));
    let text = print(&letters[start..]);
    let (name, _) = with_power(&text, 1);
    let is_named = NAMED.contains(&&*text) || COUNTED.contains(&name) || known(name).is_some();
    // A single letter is a variable.
    (is_named && text.len() > 1).then_some(start)
}

/// Words for marks that have no unit.
const NAMED: [&str; 5] = ["degrees", "degree", "percent", "percentage", "pct"];

/// Words for what is counted that are taken in plain letters too.
const COUNTED: [&str; 6] = ["units", "unit", "ways", "points", "sq", "people"];

fn mark(nodes: &[Node]) -> Option<Mark> {
    let (words, power) = match nodes {
        [words @ .., Node::Char('^'), Node::Argument(power)]
            if words.len() <= 1 || words.iter().all(Node::is_letter) =>
        {
            (words, print(power).parse().ok()?)
        }
        words => (words, 1),
    };
    let text = print(words).to_lowercase();
    let mut all = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    if all.any(|word| MEANINGFUL.contains(&word)) {
        return None;
    }
    match &*text {
        "percent" | "percentage" | "pct" | "per cent" | "percentage points" => {
            return Some(Mark::Percent);
        }
        "degrees" | "degree" | "deg" => return Some(Mark::Degree),
        _ => {}
    }
    let (name, power) = with_power(&text, power);
    // A single letter may be a unit or a variable; only known ones are units.
    let found = known(name);
    if found.is_none() && text.chars().count() < 2 {
        return None;
    }
    let unit = match found {
        Some((dimension, size)) => Unit {
            dimension: Some((dimension, power)),
            size: size.power(power)?,
            text,
        },
        None => Unit {
            dimension: None,
            size: Ratio::ONE,
            text,
        },
    };
    Some(Mark::Unit(unit))
}

/// A unit's name and its power, said in words: `square feet`.
fn with_power(text: &str, power: i64) -> (&str, i64) {
    for (words, times) in [
        ("square ", 2),
        ("sq ", 2),
        ("sq. ", 2),
        ("cubic ", 3),
        ("cu ", 3),
    ] {
        if let Some(name) = text.strip_prefix(words) {
            return (name, times);
        }
    }
    (text, power)
}

fn known(name: &str) -> Option<(&'static str, Ratio)> {
    let name = name.trim_end_matches('.');
    let singular = name.strip_suffix('s').unwrap_or(name);
    let is_named =
        |names: &&[&str]| names.contains(&name) || names.contains(&singular) && singular.len() > 1;
    let found = UNITS.iter().find(|(names, ..)| is_named(names))?;
    Some((found.1, Ratio::new(found.2.into(), found.3.into())?))
}

/// Whether two values with what stands behind them say the same.
pub fn is_same(a: (&Quotient, &Mark), b: (&Quotient, &Mark), calculator: &Calculator) -> bool {
    let is_equal = |x: &Quotient, y: &Quotient| calculator.is_equal(x, y);
    match (a.1, b.1) {
        (Mark::Unit(one), Mark::Unit(other)) => match (one.dimension, other.dimension) {
            (Some(left), Some(right)) => {
                let sized = |value, size| calculator.times(value, &Quotient::number(size));
                let (x, y) = (sized(a.0, one.size), sized(b.0, other.size));
                left == right && x.zip(y).is_some_and(|(x, y)| is_equal(&x, &y))
            }
            _ => is_equal(a.0, b.0),
        },
        (one, other) if one == other => is_equal(a.0, b.0),
        (mark, Mark::None) => {
            is_equal(a.0, b.0)
                || counted(a.0, mark, calculator).is_some_and(|value| is_equal(&value, b.0))
        }
        (Mark::None, _) => is_same(b, a, calculator),
        _ => false,
    }
}

/// The value with its mark as a factor: a hundredth, or a 180th of pi, or the unit's own name.
fn counted(value: &Quotient, mark: &Mark, calculator: &Calculator) -> Option<Quotient> {
    let factor = match mark {
        Mark::None => return None,
        Mark::Percent => Quotient::number(Ratio::new(1, 100)?),
        Mark::Degree => calculator.times(
            &Quotient::name("pi"),
            &Quotient::number(Ratio::new(1, 180)?),
        )?,
        Mark::Unit(unit) => {
            let power = unit.dimension.map_or(1, |(_, power)| power);
            calculator.power(
                &Quotient::name(&*unit.text),
                &Quotient::number(Ratio::whole(power)),
            )?
        }
    };
    calculator.times(value, &factor)
}
