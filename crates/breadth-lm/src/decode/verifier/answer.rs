//! Answers of mathematics in one way of writing, so that equal ones are equal texts.

use super::latex::{Node, parse, print};
use super::number::Number;

/// An answer in its one way of writing; what is equal by the rules below is the same text, and the text is its own.
///
/// Not looked at: white space (but between digits), `$`, `%`, degrees, `\left` and `\right`, sizes and spaces of LaTeX, a full stop at the end, `x =` before it,
/// `\text{..}` and the like around words, and such words as a unit behind a number. `\dfrac`, `\tfrac`, `\frac12`, `a/b` are fractions. Numbers are compared
/// exactly: 0.5, .50, 1/2 and `\frac{2}{4}` are one, so are 1,000, 1000.0, `1\,000` and `10^3` written `1\times10^3`; a whole number before a fraction is a mixed number.
/// Tuples, intervals and lists are compared element by element, sets `\{..\}` without regard to order; within brackets a comma parts elements.
///
/// It does no algebra: `x+1` and `1+x`, `2\sqrt{2}` and `\sqrt{8}`, `2^{10}` and 1024 are different; so are 50% and 0.5, `A` and `a`, 5 and `5 cm` with the
/// unit in plain letters, unions of intervals in another order. A division by 0 is no number.
pub(super) fn canonical(text: &str) -> String {
    let mut text = text.trim().to_owned();
    // One pass is enough but for what only LaTeX's own oddities can write, such as a command without its argument at the end of a group.
    for _ in 0..PASSES {
        let next = pass(&text);
        if next == text {
            break;
        }
        text = next;
    }
    text
}

const PASSES: usize = 8;

/// Longer texts, in bytes, are no answers that anybody wrote down; they are taken as they are.
const LONGEST: usize = 2000;

fn pass(text: &str) -> String {
    match Some(text)
        .filter(|text| text.len() <= LONGEST)
        .and_then(parse)
    {
        Some(nodes) => value(&nodes),
        // Too long, or braces that do not match: nothing is sure but the letters.
        None => text.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// The content of the last `\boxed{..}` (or `\fbox{..}`) whose braces match; `\boxed 5` has the next character.
pub(super) fn last_boxed(text: &str) -> Option<&str> {
    let mut from = text.len();
    while let Some(at) = text[..from].rfind("box") {
        from = at;
        let command = [("\\", "boxed"), ("\\f", "box")]
            .into_iter()
            .find_map(|(before, name)| {
                let is_here = text[..at].ends_with(before) && text[at..].starts_with(name);
                is_here.then(|| &text[at + name.len()..])
            });
        if let Some(content) = command.and_then(argument) {
            return Some(content);
        }
    }
    None
}

/// What the braces at the beginning hold.
fn argument(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let Some(inner) = text.strip_prefix('{') else {
        let next = text.chars().next().filter(|c| c.is_alphanumeric())?;
        return Some(&text[..next.len_utf8()]);
    };
    let (mut depth, mut is_escaped) = (1, false);
    for (at, c) in inner.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&inner[..at]);
        }
    }
    None
}

fn value(nodes: &[Node]) -> String {
    let nodes = trimmed(nodes);
    if let Some(inner) = bracketed(nodes) {
        return inner;
    }
    if let Some(number) = number(nodes) {
        return number.to_string();
    }
    let elements = split(nodes);
    if elements.len() > 1 {
        return joined(&elements);
    }
    quotient(nodes).unwrap_or_else(|| print(nodes, &value))
}

/// Without what stands around an answer: separators and a full stop behind it, `x =` before it.
fn trimmed(mut nodes: &[Node]) -> &[Node] {
    while let [
        rest @ ..,
        Node::Char('.' | ',') | Node::Separator | Node::Space,
    ] = nodes
    {
        nodes = rest;
    }
    while let [Node::Char(name), Node::Char('='), rest @ ..] = nodes {
        if !name.is_alphabetic() || rest.is_empty() {
            break;
        }
        nodes = rest;
    }
    nodes
}

fn is_open(node: &Node) -> bool {
    matches!(node, Node::Char('(' | '[')) || node.is_command("{")
}

fn is_close(node: &Node) -> bool {
    matches!(node, Node::Char(')' | ']')) || node.is_command("}")
}

/// A set, a tuple or an interval, if the brackets at both ends belong together.
fn bracketed(nodes: &[Node]) -> Option<String> {
    let [open, inner @ .., close] = nodes else {
        return None;
    };
    if !is_open(open) || !is_close(close) || !is_balanced(inner) {
        return None;
    }
    let elements = split(inner);
    let is_round = *open == Node::Char('(') && *close == Node::Char(')');
    if is_round && elements.len() == 1 && !trimmed(inner).is_empty() {
        return Some(value(inner));
    }
    let is_set = open.is_command("{") && close.is_command("}");
    let content = if is_set {
        joined_set(&elements)
    } else {
        joined(&elements)
    };
    let bracket = |node: &Node| print(std::slice::from_ref(node), &value);
    Some(format!("{}{content}{}", bracket(open), bracket(close)))
}

/// Whether every bracket is closed after it was opened.
fn is_balanced(nodes: &[Node]) -> bool {
    let mut depth = 0;
    for node in nodes {
        depth += i32::from(is_open(node)) - i32::from(is_close(node));
        if depth < 0 {
            return false;
        }
    }
    depth == 0
}

/// The elements between separators that no bracket holds.
fn split(nodes: &[Node]) -> Vec<&[Node]> {
    let mut depth = 0;
    let is_separator = |node: &Node| {
        depth += i32::from(is_open(node)) - i32::from(is_close(node));
        depth == 0 && matches!(node, Node::Separator | Node::Char(','))
    };
    nodes.split(is_separator).collect()
}

fn joined(elements: &[&[Node]]) -> String {
    let values: Vec<String> = elements.iter().map(|one| value(one)).collect();
    values.join(", ")
}

fn joined_set(elements: &[&[Node]]) -> String {
    let mut values: Vec<String> = elements.iter().map(|one| value(one)).collect();
    values.sort();
    values.dedup();
    values.join(", ")
}

fn signed(nodes: &[Node]) -> (bool, &[Node]) {
    match nodes {
        [Node::Char('-'), rest @ ..] => (true, rest),
        [Node::Char('+'), rest @ ..] => (false, rest),
        _ => (false, nodes),
    }
}

fn number(nodes: &[Node]) -> Option<Number> {
    let (is_negative, nodes) = signed(nodes);
    let magnitude = magnitude(nodes).or_else(|| magnitude(without_unit(nodes)?))?;
    Some(if is_negative {
        magnitude.negated()
    } else {
        magnitude
    })
}

/// What stands before a unit, `\text{cm}` or `\text{cm}^2`.
fn without_unit(nodes: &[Node]) -> Option<&[Node]> {
    match nodes {
        [rest @ .., Node::Words(_)] => Some(rest),
        [
            rest @ ..,
            Node::Words(_),
            Node::Char('^'),
            Node::Argument(_),
        ] => Some(rest),
        _ => None,
    }
}

/// A number without a sign.
fn magnitude(nodes: &[Node]) -> Option<Number> {
    match nodes {
        [Node::Fraction(a, b)] => number(a)?.over(&number(b)?),
        [whole @ .., Node::Fraction(a, b)] => {
            let part = magnitude(a)?.over(&magnitude(b)?)?;
            decimal(whole).filter(Number::is_count)?.plus(&part)
        }
        [
            rest @ ..,
            Node::Char('1'),
            Node::Char('0'),
            Node::Char('^'),
            Node::Argument(power),
        ] => {
            let [factor @ .., times] = rest else {
                return None;
            };
            let is_times = times.is_command("times") || times.is_command("cdot");
            decimal(factor)
                .filter(|_| is_times)?
                .scaled(&number(power)?)
        }
        _ => plain(nodes),
    }
}

/// Digits, `a/b`, or `a b/c`.
fn plain(nodes: &[Node]) -> Option<Number> {
    let Some(at) = nodes.iter().position(|node| *node == Node::Char('/')) else {
        return decimal(nodes);
    };
    let below = decimal(&nodes[at + 1..])?;
    match nodes[..at].iter().position(|node| *node == Node::Space) {
        None => decimal(&nodes[..at])?.over(&below),
        Some(space) => {
            let part = decimal(&nodes[space + 1..at])?.over(&below)?;
            decimal(&nodes[..space])
                .filter(Number::is_count)?
                .plus(&part)
        }
    }
}

/// A decimal number without a sign.
fn decimal(nodes: &[Node]) -> Option<Number> {
    let letter = |(i, node): (usize, &Node)| match node {
        Node::Char('-' | '+') if i == 0 => None,
        Node::Char(c) => Some(*c),
        _ => None,
    };
    let text: Option<String> = nodes.iter().enumerate().map(letter).collect();
    Number::decimal(&text?)
}

/// `a/b` as a fraction, where it is all there is: no sum, no second slash.
fn quotient(nodes: &[Node]) -> Option<String> {
    let (is_negative, nodes) = signed(nodes);
    let mut depth = 0;
    let mut slash = None;
    for (i, node) in nodes.iter().enumerate() {
        depth += i32::from(is_open(node)) - i32::from(is_close(node));
        match node {
            Node::Char('/') if depth == 0 && slash.is_none() => slash = Some(i),
            Node::Char('/' | '+' | '-' | '=' | '<' | '>') if depth == 0 => return None,
            _ => {}
        }
    }
    let (above, below) = (&nodes[..slash?], &nodes[slash? + 1..]);
    if above.is_empty() || below.is_empty() {
        return None;
    }
    let sign = if is_negative { "-" } else { "" };
    Some(format!(
        "{sign}\\frac{{{}}}{{{}}}",
        value(above),
        value(below)
    ))
}

#[cfg(test)]
mod tests;
