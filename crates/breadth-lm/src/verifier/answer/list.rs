//! Several answers in one: what parts them, and what is in common.

use super::bracket;
use super::node::Node;
use super::relation;
use super::shape::Shape;
use super::thousands::{without_spaced_thousands, without_thousands};

/// The parts of a list without brackets.
pub struct Parts<'a> {
    pub items: Vec<&'a [Node]>,
    pub has_or: bool,
}

/// With words between answers as commands, and without the commas of thousands. In brackets a comma
/// parts elements, unless others there have a space behind them.
pub fn prepared(nodes: &[Node], is_in_brackets: bool) -> Vec<Node> {
    let nodes = without_conjunctions(nodes);
    let has_spaced = bracket::find(&nodes, |node| *node == Node::Separator).is_some();
    let nodes = if is_in_brackets && !has_spaced {
        nodes
    } else {
        without_thousands(nodes)
    };
    without_spaced_thousands(nodes)
}

/// `or` and `and` as commands, however they are written.
fn without_conjunctions(nodes: &[Node]) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    let mut at = 0;
    while let Some(node) = nodes.get(at) {
        let word: String = match node {
            Node::Words(word) => word.to_lowercase(),
            Node::Char('\u{6216}') => "or".into(),
            node if node.is_letter() && !(at > 0 && nodes[at - 1].is_letter()) => {
                Node::letters(&nodes[at..])
            }
            _ => String::new(),
        };
        if word != "or" && word != "and" {
            out.push(node.clone());
            at += 1;
            continue;
        }
        if out.last() == Some(&Node::Space) {
            out.pop();
        }
        at += if node.is_letter() && *node != Node::Char('\u{6216}') {
            word.len()
        } else {
            1
        };
        at += usize::from(nodes.get(at) == Some(&Node::Space));
        out.push(Node::Command(word));
    }
    out
}

fn is_comma(node: &Node) -> bool {
    matches!(node, Node::Char(',' | ';') | Node::Separator)
}

fn is_conjunction(node: &Node) -> bool {
    node.is_command("or") || node.is_command("and")
}

/// The parts between commas and conjunctions, if there is one.
pub fn split(nodes: &[Node]) -> Option<Parts<'_>> {
    let parts = bracket::split(nodes, |node| is_comma(node) || is_conjunction(node));
    if parts.len() < 2 {
        return None;
    }
    let has_or = parts
        .iter()
        .any(|(before, _)| before.is_some_and(|node| node.is_command("or")));
    let mut items = Vec::new();
    for (i, (_, part)) in parts.iter().enumerate() {
        // `1, 2, and 3` has nothing between comma and conjunction.
        let next = parts.get(i + 1).and_then(|(before, _)| *before);
        match part.is_empty() {
            false => items.push(*part),
            true if next.is_some_and(is_conjunction) => {}
            true => return None,
        }
    }
    Some(Parts { items, has_or })
}

/// What stands between commas within brackets.
pub fn elements(nodes: &[Node]) -> Vec<&[Node]> {
    bracket::split(nodes, is_comma)
        .into_iter()
        .map(|(_, part)| part)
        .collect()
}

/// The condition of a set that is given by one: `x | x > 1`.
pub fn condition(nodes: &[Node]) -> Option<&[Node]> {
    let at = bracket::find(nodes, |node| matches!(node, Node::Char('|' | ':')))?;
    let (name, condition) = (&nodes[..at], &nodes[at + 1..]);
    let name = match name {
        [name @ .., set, domain] if set.is_command("in") && matches!(domain, Node::Command(_)) => {
            name
        }
        name => name,
    };
    (relation::is_name(name) && !condition.is_empty()).then_some(condition)
}

/// Lists within a list as part of it.
pub fn flat(items: Vec<Shape>) -> Vec<Shape> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Shape::List(inner) => out.extend(inner),
            other => out.push(other),
        }
    }
    out
}

/// The items as one answer: with the name they share, and as a union where one of several ranges is
/// meant.
pub fn joined(items: Vec<Shape>, has_or: bool) -> Shape {
    let Some(Shape::Named(name, _)) = items.first() else {
        return Shape::List(flat(items));
    };
    let name = name.clone();
    let named = items
        .iter()
        .filter(|item| matches!(item, Shape::Named(own, _) if *own == name));
    let named = named.count();
    let has_others = items[1..]
        .iter()
        .any(|item| matches!(item, Shape::Named(..) | Shape::Relation(..)));
    if named != items.len() && has_others {
        return Shape::List(flat(items));
    }
    let inner: Vec<Shape> = items
        .into_iter()
        .map(|item| match item {
            Shape::Named(_, inner) => *inner,
            other => other,
        })
        .collect();
    let is_union = has_or && inner.iter().all(|item| matches!(item, Shape::Range(..)));
    let inner = if is_union && named == inner.len() {
        Shape::Union(inner)
    } else {
        Shape::List(flat(inner))
    };
    Shape::Named(name, Box::new(inner))
}

/// Whether plus or minus stands somewhere.
pub fn has_both_signs(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Command(name) => name == "pm" || name == "mp",
        Node::Fraction(above, below) => has_both_signs(above) || has_both_signs(below),
        Node::Argument(inner) => has_both_signs(inner),
        _ => false,
    })
}

/// With the upper of both signs, or the lower.
pub fn with_sign(nodes: &[Node], is_upper: bool) -> Vec<Node> {
    let inner = |nodes: &[Node]| with_sign(nodes, is_upper);
    let sign = |node: &Node| match node {
        Node::Command(name) if name == "pm" => Node::Char(if is_upper { '+' } else { '-' }),
        Node::Command(name) if name == "mp" => Node::Char(if is_upper { '-' } else { '+' }),
        Node::Fraction(above, below) => Node::Fraction(inner(above), inner(below)),
        Node::Argument(argument) => Node::Argument(inner(argument)),
        other => other.clone(),
    };
    nodes.iter().map(sign).collect()
}
