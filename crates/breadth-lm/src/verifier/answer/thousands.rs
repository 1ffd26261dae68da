//! Digits in groups of three.

use super::node::Node;

/// Groups of digits between commas, where they are one number: `1,234,567`.
pub fn without_thousands(nodes: Vec<Node>) -> Vec<Node> {
    let mut out = Vec::with_capacity(nodes.len());
    let (mut at, mut depth) = (0, 0);
    while let Some(node) = nodes.get(at) {
        depth += i32::from(node.is_char(|c| "([".contains(c)) || node.is_command("{"));
        depth -= i32::from(node.is_char(|c| ")]".contains(c)) || node.is_command("}"));
        let is_after =
            at > 0 && (nodes[at - 1].is_digit() || matches!(nodes[at - 1], Node::Char('.' | ',')));
        let end = if node.is_digit() && !is_after && depth == 0 {
            thousands(&nodes[at..])
        } else {
            0
        };
        let taken = &nodes[at..at + end.max(1)];
        out.extend(
            taken
                .iter()
                .filter(|node| end == 0 || **node != Node::Char(','))
                .cloned(),
        );
        at += taken.len();
    }
    out
}

/// How long the number in groups of digits is that begins here; 0 if there is none.
fn thousands(nodes: &[Node]) -> usize {
    let run = |from: usize| {
        nodes[from..]
            .iter()
            .take_while(|node| node.is_digit())
            .count()
    };
    let mut end = run(0);
    if !(1..=3).contains(&end) || nodes[0] == Node::Char('0') {
        return 0;
    }
    let first = end;
    while nodes.get(end) == Some(&Node::Char(',')) {
        match run(end + 1) {
            0 => break,
            3 => end += 4,
            _ => return 0,
        }
    }
    if end == first { 0 } else { end }
}

/// A number in groups of three digits with spaces between, if that is all there is.
pub fn without_spaced_thousands(nodes: Vec<Node>) -> Vec<Node> {
    let (sign, rest) = match &nodes[..] {
        [Node::Char('-' | '+'), rest @ ..] => (1, rest),
        rest => (0, rest),
    };
    let whole = rest
        .iter()
        .position(|node| *node == Node::Char('.'))
        .unwrap_or(rest.len());
    let groups: Vec<&[Node]> = rest[..whole].split(|node| *node == Node::Space).collect();
    let is_digits = |nodes: &[Node]| nodes.iter().all(Node::is_digit);
    let is_number = groups.len() > 1
        && groups.iter().all(|group| is_digits(group))
        && (1..=3).contains(&groups[0].len())
        && groups[0][0] != Node::Char('0')
        && groups[1..].iter().all(|group| group.len() == 3)
        && rest.get(whole + 1..).is_none_or(is_digits);
    if is_number {
        nodes[..sign]
            .iter()
            .chain(rest.iter().filter(|node| **node != Node::Space))
            .cloned()
            .collect()
    } else {
        nodes
    }
}
