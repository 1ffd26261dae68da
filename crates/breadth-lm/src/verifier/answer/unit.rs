//! What stands behind a number: per cent, degrees, units, words.

use std::collections::BTreeMap;

use super::super::algebra::{Calculator, Quotient, Ratio};
use super::super::number::scale;
use super::function::NAMES;
use super::node::{Node, print};
use super::simplify::tidy;

/// What stands behind a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    None,
    Percent,
    Degree,
    /// A unit, or what is counted.
    Unit(Unit),
}

/// A product of powers of units, or of whatever is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// What is measured, or the name of a unit that is not known, each with its power.
    pub dimensions: BTreeMap<String, i64>,
    /// How many of the dimensions' least units it is.
    pub size: Ratio,
    /// As it was written: the name of a single unit and its power, else all of it.
    pub name: (String, i64),
}

/// Names of units, what they measure, and their size as a fraction.
const UNITS: [(&[&str], &str, i64, i64); 39] = [
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
    (&["month"], "months", 1, 1),
    (&["year", "yr"], "months", 12, 1),
    (&["am"], "before noon", 1, 1),
    (&["pm"], "after noon", 1, 1),
    (&["ml", "milliliter", "millilitre"], "volume", 1, 1),
    (&["l", "liter", "litre"], "volume", 1000, 1),
    (&["cup"], "cups", 1, 1),
    (&["pint"], "cups", 2, 1),
    (&["quart"], "cups", 4, 1),
    (&["gallon"], "cups", 16, 1),
    (&["cent", "\u{a2}"], "money", 1, 1),
    (&["dollar", "usd", "$"], "money", 100, 1),
    (&["euro", "eur", "\u{20ac}"], "euros", 1, 1),
    (&["gbp", "\u{a3}"], "sterling", 1, 1),
    (&["yen", "jpy", "\u{a5}"], "yen", 1, 1),
    (&["lb", "pound"], "weight", 16, 1),
    (&["oz", "ounce"], "weight", 1, 1),
    (&["rad", "radian"], "angle", 1, 1),
    (&["ha", "hectare"], "hectares", 1, 1),
    (&["hz", "hertz"], "frequency", 1, 1),
    (&["n", "newton"], "force", 1, 1),
    (&["j", "joule"], "energy", 1, 1),
    (&["w", "watt"], "power", 1, 1),
];

/// Speeds in one word.
const SPEEDS: [(&str, &str); 3] = [("mph", "mile/hour"), ("kmph", "km/h"), ("kph", "km/h")];

/// Symbols that are another unit than the same letters in lower case.
const OTHER_CASE: [&str; 6] = ["M", "S", "H", "G", "Mm", "Mg"];

/// Words that make another number of the one before them, or another answer.
const MEANINGFUL: [&str; 42] = [
    "thousand",
    "million",
    "billion",
    "trillion",
    "hundred",
    "dozen",
    "half",
    "tenths",
    "hundredths",
    "thousandths",
    "or",
    "and",
    "to",
    "less",
    "more",
    "fewer",
    "below",
    "above",
    "under",
    "short",
    "too",
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

/// Without the word behind a number that multiplies it, and by how much: `1.2\text{ million}`.
pub fn scaled(nodes: &[Node]) -> Option<(Vec<Node>, Ratio)> {
    let is_number = |node: &Node| {
        node.is_char(|c| c.is_ascii_digit() || ".,".contains(c)) || *node == Node::Space
    };
    let sign = usize::from(nodes.first() == Some(&Node::Char('-')));
    let digits = nodes[sign..].iter().take_while(|node| is_number(node));
    let start = sign + digits.count();
    let (number, behind) = nodes.split_at(start);
    let (word, words, rest) = match behind {
        [Node::Words(words), rest @ ..] => {
            let (word, words) = words.split_once(' ').unwrap_or((words, ""));
            (word.to_owned(), Some(Node::Words(words.into())), rest)
        }
        letters => {
            let word = Node::letters(letters);
            let length = word.chars().count();
            (word, None, &letters[length..])
        }
    };
    let scale = scale(&word).filter(|_| number.iter().any(Node::is_digit))?;
    let words = words.filter(|words| *words != Node::Words(String::new()));
    let nodes = number
        .iter()
        .cloned()
        .chain(words)
        .chain(rest.iter().cloned());
    let nodes = tidy(nodes.collect());
    let scale = Ratio::whole(scale);
    match scaled(&nodes) {
        Some((nodes, more)) => Some((nodes, scale.times(more)?)),
        None => Some((nodes, scale)),
    }
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
    let is_known = |name: &str| COUNTED.contains(&name) || known(name).is_some();
    let is_named = NAMED.contains(&&*text)
        || factors(&text).is_some_and(|all| all.iter().all(|(name, _)| is_known(name)));
    // A single letter is a variable.
    (is_named && text.len() > 1).then_some(start)
}

/// Words for marks that have no unit.
const NAMED: [&str; 5] = ["degrees", "degree", "percent", "percentage", "pct"];

/// Words for what is counted that are taken in plain letters too.
const COUNTED: [&str; 6] = ["units", "unit", "ways", "points", "sq", "people"];

fn mark(nodes: &[Node]) -> Option<Mark> {
    let text = text(nodes);
    let lower = text.to_lowercase();
    let mut all = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    if all.any(|word| MEANINGFUL.contains(&word)) {
        return None;
    }
    match &*lower {
        "percent" | "percentage" | "pct" | "per cent" | "percentage points" => {
            return Some(Mark::Percent);
        }
        "degrees" | "degree" | "deg" => return Some(Mark::Degree),
        _ => {}
    }
    let factors = factors(&text)?;
    let name = match &factors[..] {
        [single] => single.clone(),
        _ => (text, 1),
    };
    let (mut dimensions, mut size) = (BTreeMap::new(), Ratio::ONE);
    for (own, power) in &factors {
        // A single letter may be a unit or a variable; only known ones are units.
        let (dimension, least) = match known(own) {
            Some((dimension, least)) => (dimension.to_owned(), least),
            None if name.0.chars().count() < 2 => return None,
            None => (singular(own), Ratio::ONE),
        };
        size = size.times(least.power(*power)?)?;
        *dimensions.entry(dimension).or_insert(0) += power;
    }
    dimensions.retain(|_, power| *power != 0);
    Some(Mark::Unit(Unit {
        dimensions,
        size,
        name,
    }))
}

/// The words at the end as they are written, with a space between them.
fn text(nodes: &[Node]) -> String {
    let piece = |node: &Node| match node {
        Node::Words(words) => format!(" {words} "),
        node => print(std::slice::from_ref(node)),
    };
    let text: String = nodes.iter().map(piece).collect();
    let words: Vec<&str> = text
        .split([' ', '~'])
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").replace(" ^", "^")
}

/// The units in a product of powers: `m/s^2`, `square feet`, `miles per hour`.
fn factors(text: &str) -> Option<Vec<(String, i64)>> {
    let speed = SPEEDS.iter().find(|(name, _)| *name == text);
    let text = speed.map_or(text, |(_, units)| units);
    let text = text.replace("\\cdot", " ").replace(" per ", "/");
    let mut out = Vec::new();
    for (at, part) in text.split('/').enumerate() {
        let mut words = part.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let times = match word {
                "square" | "sq" | "sq." => 2,
                "cubic" | "cu" | "cu." => 3,
                _ => 1,
            };
            let word = words.next_if(|_| times > 1).unwrap_or(word);
            let (name, power) = word.split_once('^').unwrap_or((word, "1"));
            let power: i8 = power.trim_matches(['{', '}']).parse().ok()?;
            let times = if at == 0 { times } else { -times };
            out.push((name.to_owned(), times * i64::from(power)));
        }
    }
    let is_named = out.iter().all(|(name, _)| !name.is_empty());
    (is_named && !out.is_empty()).then_some(out)
}

/// The name of a unit that is not known, or of what is counted: short ones are symbols, where
/// capitals mean something (`MJ`, `mJ`).
fn singular(name: &str) -> String {
    if name.chars().count() <= 3 {
        return name.into();
    }
    let name = name.to_lowercase();
    let ends = [
        ("ies", "y"),
        ("xes", "x"),
        ("shes", "sh"),
        ("ches", "ch"),
        ("ss", "ss"),
        ("s", ""),
    ];
    let found = ends
        .iter()
        .find_map(|(many, one)| Some((name.strip_suffix(many)?, one)));
    found.map_or(name.clone(), |(stem, one)| format!("{stem}{one}"))
}

fn known(name: &str) -> Option<(&'static str, Ratio)> {
    let lower = name.trim_end_matches('.').to_lowercase();
    let singular = lower.strip_suffix('s').unwrap_or(&lower);
    let is_named = |names: &&[&str]| {
        names.contains(&&*lower) || names.contains(&singular) && singular.len() > 1
    };
    let found = UNITS.iter().find(|(names, ..)| is_named(names))?;
    let size = Ratio::new(found.2.into(), found.3.into())?;
    (!OTHER_CASE.contains(&name)).then_some((found.1, size))
}

/// Whether two values with what stands behind them say the same.
pub fn is_same(a: (&Quotient, &Mark), b: (&Quotient, &Mark), calculator: &Calculator) -> bool {
    let is_equal = |x: &Quotient, y: &Quotient| calculator.is_equal(x, y);
    match (a.1, b.1) {
        (Mark::Unit(one), Mark::Unit(other)) => {
            let sized = |value, size| calculator.times(value, &Quotient::number(size));
            let (x, y) = (sized(a.0, one.size), sized(b.0, other.size));
            one.dimensions == other.dimensions && x.zip(y).is_some_and(|(x, y)| is_equal(&x, &y))
        }
        (one, other) if one == other => is_equal(a.0, b.0),
        (mark, Mark::None) => {
            is_equal(a.0, b.0) && may_be_missing(a.0, mark)
                || counted(a.0, mark, calculator).is_some_and(|value| is_equal(&value, b.0))
        }
        (Mark::None, _) => is_same(b, a, calculator),
        _ => false,
    }
}

/// Whether a bare number may stand for the one with its mark: less than 1 is not a number of per
/// cents.
fn may_be_missing(value: &Quotient, mark: &Mark) -> bool {
    let is_part = |value: Ratio| value.magnitude().floor() == 0;
    *mark != Mark::Percent || !value.rational().is_some_and(is_part)
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
        Mark::Unit(unit) => calculator.power(
            &Quotient::name(&*unit.name.0),
            &Quotient::number(Ratio::whole(unit.name.1)),
        )?,
    };
    calculator.times(value, &factor)
}
