//! Brackets and what they keep together.

use super::node::Node;

fn is_open(node: &Node) -> bool {
    matches!(node, Node::Char('(' | '['))
        || ["{", "lfloor", "lceil"]
            .iter()
            .any(|name| node.is_command(name))
}

fn is_close(node: &Node) -> bool {
    matches!(node, Node::Char(')' | ']'))
        || ["}", "rfloor", "rceil"]
            .iter()
            .any(|name| node.is_command(name))
}

/// How a node changes how many brackets are open.
fn step(node: &Node) -> i32 {
    i32::from(is_open(node)) - i32::from(is_close(node))
}

/// Whether every bracket is closed after it was opened.
pub fn is_balanced(nodes: &[Node]) -> bool {
    let mut depth = 0;
    let is_above = nodes.iter().all(|node| {
        depth += step(node);
        depth >= 0
    });
    is_above && depth == 0
}

/// Where the bracket that is first is closed.
pub fn closing(nodes: &[Node]) -> Option<usize> {
    let mut depth = 0;
    nodes.iter().position(|node| {
        depth += step(node);
        depth == 0
    })
}

/// The inside, and the brackets, if those at both ends belong together.
pub fn around(nodes: &[Node]) -> Option<(&Node, &[Node], &Node)> {
    let [open, inner @ .., close] = nodes else {
        return None;
    };
    (is_open(open) && is_close(close) && is_balanced(inner)).then_some((open, inner, close))
}

/// The parts between nodes outside of brackets; with the node before each part but the first.
pub fn split(
    nodes: &[Node],
    is_separator: impl Fn(&Node) -> bool,
) -> Vec<(Option<&Node>, &[Node])> {
    let (mut parts, mut start, mut before, mut depth) = (Vec::new(), 0, None, 0);
    for (at, node) in nodes.iter().enumerate() {
        depth += step(node);
        if depth == 0 && is_separator(node) {
            parts.push((before, &nodes[start..at]));
            (start, before) = (at + 1, Some(node));
        }
    }
    parts.push((before, &nodes[start..]));
    parts
}

/// Where a node is, outside of brackets.
pub fn find(nodes: &[Node], is_wanted: impl Fn(&Node) -> bool) -> Option<usize> {
    let mut depth = 0;
    nodes.iter().position(|node| {
        depth += step(node);
        depth == 0 && is_wanted(node)
    })
}
