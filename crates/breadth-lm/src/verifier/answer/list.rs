//! Several answers in one: what parts them, and what is in common.

use super::bracket;
use super::node::Node;
use super::relation;
use super::shape::Shape;
use super::thousands::{without_spaced_thousands, without_thousands};

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
    is_or(node) || ["and", "land"].iter().any(|name| node.is_command(name))
}

fn is_or(node: &Node) -> bool {
    node.is_command("or") || node.is_command("lor")
}

/// The parts between commas and conjunctions, if there is one; a group on each side of an `or`.
pub fn split(nodes: &[Node]) -> Option<Vec<Vec<&[Node]>>> {
    let parts = bracket::split(nodes, |node| is_comma(node) || is_conjunction(node));
    let has_sign = bracket::find(nodes, |node| {
        node.is_command("lor") || node.is_command("land")
    });
    // Between letters the signs of logic part no answers: `p \land q`.
    let is_related = |(_, part): &(Option<&Node>, &[Node])| relation::find(part).is_some();
    if parts.len() < 2 || has_sign.is_some() && !parts.iter().all(is_related) {
        return None;
    }
    let mut groups = vec![Vec::new()];
    for (i, (before, part)) in parts.iter().enumerate() {
        if before.is_some_and(is_or) {
            groups.push(Vec::new());
        }
        // `1, 2, and 3` has nothing between comma and conjunction.
        let next = parts.get(i + 1).and_then(|(before, _)| *before);
        match part.is_empty() {
            false => groups.last_mut()?.push(*part),
            true if next.is_some_and(is_conjunction) => {}
            true => return None,
        }
    }
    groups.retain(|group| !group.is_empty());
    Some(groups)
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

/// The items of all groups as one answer: with the name they share, as a union where one of several
/// ranges is meant, and group by group where statements are.
pub fn joined(groups: Vec<Vec<Shape>>) -> Shape {
    let has_or = groups.len() > 1;
    let items: Vec<Shape> = groups.iter().flatten().cloned().collect();
    let all = |items| {
        let items = flat(items);
        let is_word = |item: &Shape| matches!(item, Shape::Words(_));
        match has_or && items.iter().any(is_statement) {
            true if items.iter().all(is_word) => Shape::Either(items),
            true => Shape::Either(groups.into_iter().map(together).collect()),
            false => Shape::List(items),
        }
    };
    let Some(Shape::Named(name, _)) = items.first() else {
        return all(items);
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
        return all(items);
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

/// The statements of one group: `x=1, y=2`.
fn together(mut group: Vec<Shape>) -> Shape {
    match group.len() {
        1 => group.swap_remove(0),
        _ => joined(vec![group]),
    }
}

/// Whether one or all of several makes a difference: of values and sets, several solutions are meant
/// either way.
fn is_statement(item: &Shape) -> bool {
    matches!(
        item,
        Shape::Words(_)
            | Shape::Literal(_)
            | Shape::Choice(_)
            | Shape::Named(..)
            | Shape::Relation(..)
    )
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
