//! Going through the nodes of an expression.

use super::super::algebra::Calculator;
use super::function;
use super::node::Node;

/// Reads nodes from left to right.
pub struct Reader<'a> {
    pub nodes: &'a [Node],
    pub at: usize,
    pub depth: usize,
    pub calculator: &'a Calculator,
}

impl<'a> Reader<'a> {
    pub fn peek(&self) -> Option<&'a Node> {
        self.nodes.get(self.at)
    }

    pub fn next_if(&mut self, test: impl Fn(&Node) -> bool) -> Option<&'a Node> {
        let node = self.peek().filter(|node| test(node))?;
        self.at += 1;
        Some(node)
    }

    pub fn next_char(&mut self, c: char) -> bool {
        self.next_if(|node| *node == Node::Char(c)).is_some()
    }
}

/// Whether a number can begin with this.
pub fn begins_number(node: &Node) -> bool {
    node.is_char(|c| c.is_ascii_digit() || c == '.')
}

/// Whether a factor can begin with this.
pub fn begins_factor(node: &Node) -> bool {
    match node {
        Node::Char(c) => c.is_alphanumeric() || "([|.".contains(*c),
        Node::Fraction(..) | Node::Words(_) | Node::Argument(_) | Node::Matrix(..) => true,
        Node::Command(name) => {
            let others = ["sqrt", "binom", "lfloor", "lceil", "infty"];
            others.contains(&&**name)
                || function::NAMES.contains(&&**name)
                || function::GREEK.contains(&&**name)
        }
        _ => false,
    }
}
