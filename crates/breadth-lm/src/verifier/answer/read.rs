//! An answer from its nodes.

use super::super::algebra::{Quotient, Ratio};
use super::bracket::{self, around};
use super::expression;
use super::interval;
use super::list;
use super::node::{Node, print};
use super::relation;
use super::shape::{Shape, ShapeReader};
use super::unit::{self, Mark};

/// Deeper nesting than anybody writes.
const DEPTH: usize = 24;

impl ShapeReader<'_> {
    pub fn read(&self, nodes: &[Node], depth: usize) -> Shape {
        let nodes = trimmed(nodes);
        if depth > DEPTH {
            return Shape::Literal(print(nodes));
        }
        let depth = depth + 1;
        if nodes.is_empty() {
            return Shape::Literal(String::new());
        }
        self.list(nodes, depth)
            .or_else(|| choice(nodes))
            .or_else(|| words(nodes))
            .or_else(|| self.union(nodes, depth))
            .or_else(|| self.without(nodes, depth))
            .or_else(|| self.relation(nodes, depth))
            .or_else(|| self.bracketed(nodes, depth))
            .or_else(|| self.proportion(nodes, depth))
            .or_else(|| self.both_signs(nodes, depth))
            .or_else(|| self.matrix(nodes, depth))
            .or_else(|| self.value(nodes))
            .unwrap_or_else(|| Shape::Literal(print(nodes)))
    }

    fn list(&self, nodes: &[Node], depth: usize) -> Option<Shape> {
        let nodes = &list::prepared(nodes, false)[..];
        let groups = list::split(nodes)?;
        if let [group] = &groups[..]
            && let [only] = group[..]
        {
            return Some(self.read(only, depth));
        }
        let read = |group: &Vec<&[Node]>| group.iter().map(|part| self.read(part, depth)).collect();
        Some(list::joined(groups.iter().map(read).collect()))
    }

    fn union(&self, nodes: &[Node], depth: usize) -> Option<Shape> {
        let parts = bracket::split(nodes, |node| node.is_command("cup"));
        let is_union = parts.len() > 1 && parts.iter().all(|(_, part)| !part.is_empty());
        let name = relation::find(nodes);
        (is_union && name.is_none()).then(|| {
            let parts = parts.into_iter().map(|(_, part)| self.read(part, depth));
            interval::union(parts.collect())
        })
    }

    fn without(&self, nodes: &[Node], depth: usize) -> Option<Shape> {
        let at = bracket::find(nodes, |node| node.is_command("setminus"))?;
        let (all, less) = (&nodes[..at], &nodes[at + 1..]);
        let is_difference = !all.is_empty() && !less.is_empty() && relation::find(nodes).is_none();
        is_difference.then(|| {
            let part = |nodes: &[Node]| Box::new(self.read(nodes, depth));
            Shape::Without(part(all), part(less))
        })
    }

    fn bracketed(&self, nodes: &[Node], depth: usize) -> Option<Shape> {
        if let Some(turned) = outward(nodes) {
            return self.bracketed(&turned, depth);
        }
        let (open, inner, close) = around(nodes)?;
        if open.is_command("lfloor") || open.is_command("lceil") {
            return None;
        }
        let is_set = open.is_command("{") && close.is_command("}");
        if is_set && let Some(condition) = list::condition(inner) {
            return match self.read(condition, depth) {
                named @ Shape::Named(..) => Some(named),
                _ => None,
            };
        }
        let inner = &list::prepared(inner, true)[..];
        let parts = list::elements(inner);
        let is_round = *open == Node::Char('(') && *close == Node::Char(')');
        if let ([only @ Node::Matrix(..)], false) = (inner, is_set) {
            return self.matrix(std::slice::from_ref(only), depth);
        }
        if is_round && parts.len() == 1 && !inner.is_empty() {
            return Some(self.read(inner, depth));
        }
        if !is_set
            && parts.len() == 1
            && expression::value(nodes, self.calculator).is_some()
            && *open != Node::Char('[')
        {
            return None;
        }
        let items: Vec<Shape> = if inner.is_empty() {
            Vec::new()
        } else {
            parts.iter().map(|part| self.read(part, depth)).collect()
        };
        Some(if is_set {
            Shape::Set(list::flat(items))
        } else {
            Shape::Bracket(sign(open), items, sign(close))
        })
    }

    fn proportion(&self, nodes: &[Node], depth: usize) -> Option<Shape> {
        let parts = bracket::split(nodes, |node| *node == Node::Char(':'));
        let is_one = parts.len() > 1 && parts.iter().all(|(_, part)| !part.is_empty());
        is_one.then(|| {
            Shape::Proportion(
                parts
                    .iter()
                    .map(|(_, part)| self.read(part, depth))
                    .collect(),
            )
        })
    }

    /// Plus or minus, as the two answers that it stands for.
    fn both_signs(&self, nodes: &[Node], depth: usize) -> Option<Shape> {
        let with = |sign: bool| self.read(&list::with_sign(nodes, sign), depth);
        list::has_both_signs(nodes).then(|| Shape::List(list::flat(vec![with(true), with(false)])))
    }

    fn matrix(&self, nodes: &[Node], depth: usize) -> Option<Shape> {
        let [Node::Matrix(kind, rows)] = nodes else {
            return None;
        };
        let row = |row: &Vec<Vec<Node>>| row.iter().map(|cell| self.read(cell, depth)).collect();
        Some(Shape::Matrix(kind.clone(), rows.iter().map(row).collect()))
    }

    fn value(&self, nodes: &[Node]) -> Option<Shape> {
        if let [only] = nodes
            && only.is_command("emptyset")
        {
            return Some(Shape::Set(Vec::new()));
        }
        if let [only] = nodes
            && only.is_command("mathbb:R")
        {
            let end = |value| Shape::Value(value, Mark::None);
            let infinite = Quotient::name("infty");
            let ends = vec![end(infinite.negated()), end(infinite)];
            return Some(Shape::Range('(', ends, ')'));
        }
        if let Some(infinity) = infinity(nodes) {
            return Some(Shape::Value(infinity, Mark::None));
        }
        let money = nodes.iter().find_map(unit::money);
        let nodes = &expression::without_money(nodes)[..];
        let scaled = unit::scaled(nodes);
        let (nodes, scale) = match &scaled {
            Some((nodes, scale)) => (&nodes[..], *scale),
            None => (nodes, Ratio::ONE),
        };
        let (number, mark) = unit::split(nodes);
        let mark = match mark {
            Mark::None => money.unwrap_or(Mark::None),
            mark => mark,
        };
        let number = &list::prepared(number, false)[..];
        let scale = Quotient::number(scale);
        let value = |nodes: &[Node]| {
            let value = expression::value(nodes, self.calculator)?;
            self.calculator.times(&value, &scale)
        };
        match value(number) {
            Some(number) => Some(Shape::Value(number, mark)),
            None => Some(Shape::Value(value(nodes)?, Mark::None)),
        }
    }
}

/// Without what stands around an answer: separators and a full stop behind it, an equals sign
/// before it.
fn trimmed(mut nodes: &[Node]) -> &[Node] {
    let is_behind = |node: &Node| {
        matches!(
            node,
            Node::Char('.' | ',' | ';' | ':') | Node::Separator | Node::Space
        ) || node.is_command("\\")
    };
    while let Some((_, rest)) = nodes.split_last().filter(|(last, _)| is_behind(last)) {
        nodes = rest;
    }
    while let Some((_, rest)) = nodes
        .split_first()
        .filter(|(first, _)| matches!(first, Node::Space | Node::Char('=')))
    {
        nodes = rest;
    }
    nodes
}

/// Plus or minus infinity.
fn infinity(nodes: &[Node]) -> Option<Quotient> {
    let (is_negative, rest) = match nodes {
        [Node::Char('-'), rest @ ..] => (true, rest),
        [Node::Char('+'), rest @ ..] => (false, rest),
        _ => (false, nodes),
    };
    let is_infinity = match rest {
        [only] => only.is_command("infty"),
        letters => ["infinity", "inf", "infty", "oo"].contains(&&*print(letters)),
    };
    let value = Quotient::name("infty");
    is_infinity.then(|| if is_negative { value.negated() } else { value })
}

/// An open interval in outward square brackets, with the brackets that say the same.
fn outward(nodes: &[Node]) -> Option<Vec<Node>> {
    let [open, inner @ .., close] = nodes else {
        return None;
    };
    let (is_left, is_right) = (*open == Node::Char(']'), *close == Node::Char('['));
    let is_square = |node: &Node| matches!(node, Node::Char('[' | ']'));
    if !(is_left || is_right)
        || !is_square(open)
        || !is_square(close)
        || !bracket::is_balanced(inner)
    {
        return None;
    }
    let open = Node::Char(if is_left { '(' } else { '[' });
    let close = Node::Char(if is_right { ')' } else { ']' });
    Some([&[open], inner, &[close]].concat())
}

fn sign(node: &Node) -> char {
    match node {
        Node::Char(c) => *c,
        Node::Command(name) if name == "}" => '}',
        _ => '{',
    }
}

/// A capital letter with `.` or `)` behind it, or in parentheses, and more: the letter of a choice.
/// `C)` needs no more.
fn choice(nodes: &[Node]) -> Option<Shape> {
    let (letter, rest) = match nodes {
        [Node::Char('('), Node::Char(c), Node::Char(')'), rest @ ..] => (*c, rest),
        [Node::Char(c), Node::Char('.' | ')'), rest @ ..] => (*c, rest),
        _ => return None,
    };
    let is_whole = matches!(nodes, [_, Node::Char(')')]);
    let goes_on = is_whole
        || rest.first().is_some_and(|node| {
            !matches!(
                node,
                Node::Char('(' | '^' | '+' | '-' | '/' | '=' | ',') | Node::Separator
            )
        });
    (('A'..='J').contains(&letter) && goes_on).then_some(Shape::Choice(letter))
}

/// Letters that are words, not a product of variables.
fn words(nodes: &[Node]) -> Option<Shape> {
    let is_word = |node: &Node| {
        node.is_letter() || matches!(node, Node::Words(_) | Node::Space | Node::Char('\'' | '-'))
    };
    if !nodes.iter().all(is_word) {
        return None;
    }
    let text = print_words(nodes);
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let is_short = text.len() <= 3
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() && !"aeiou".contains(c));
    let has_signs = text.contains(['-', '\'']);
    let is_long = text
        .split(|c: char| !c.is_alphabetic())
        .any(|run| run.chars().count() > 3);
    if has_signs && !is_long {
        return None;
    }
    let is_name = ["pi", "infinity", "inf", "infty", "oo"].contains(&&*text);
    (letters > 1 && !is_short && !is_name && !text.starts_with('-')).then_some(Shape::Words(text))
}

fn print_words(nodes: &[Node]) -> String {
    let mut out = String::new();
    for node in nodes {
        match node {
            Node::Words(words) => {
                out.push(' ');
                out.push_str(words);
                out.push(' ');
            }
            node => out.push_str(&print(std::slice::from_ref(node))),
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}
