//! Signs of Unicode and what stands for them in LaTeX.

use super::node::Node;

/// Signs with a command.
const COMMANDS: [(char, &str); 49] = [
    ('\u{d7}', "times"),
    ('\u{b7}', "cdot"),
    ('\u{22c5}', "cdot"),
    ('\u{2219}', "cdot"),
    ('\u{f7}', "div"),
    ('\u{b1}', "pm"),
    ('\u{2213}', "mp"),
    ('\u{221e}', "infty"),
    ('\u{221a}', "sqrt"),
    ('\u{2264}', "leq"),
    ('\u{2a7d}', "leq"),
    ('\u{2265}', "geq"),
    ('\u{2a7e}', "geq"),
    ('\u{2260}', "neq"),
    ('\u{2248}', "approx"),
    ('\u{2261}', "equiv"),
    ('\u{2208}', "in"),
    ('\u{2209}', "notin"),
    ('\u{2227}', "land"),
    ('\u{2228}', "lor"),
    ('\u{222a}', "cup"),
    ('\u{2229}', "cap"),
    ('\u{2216}', "setminus"),
    ('\u{2205}', "emptyset"),
    ('\u{2220}', "angle"),
    ('\u{25b3}', "triangle"),
    ('\u{b0}', "degree"),
    ('\u{ba}', "degree"),
    ('\u{2026}', "ldots"),
    ('%', "%"),
    ('\u{ff05}', "%"),
    ('\u{211d}', "mathbb:R"),
    ('\u{2124}', "mathbb:Z"),
    ('\u{2115}', "mathbb:N"),
    ('\u{211a}', "mathbb:Q"),
    ('\u{3b1}', "alpha"),
    ('\u{3b2}', "beta"),
    ('\u{3b3}', "gamma"),
    ('\u{3b4}', "delta"),
    ('\u{3b8}', "theta"),
    ('\u{3bb}', "lambda"),
    ('\u{3bc}', "mu"),
    ('\u{3c0}', "pi"),
    ('\u{3c3}', "sigma"),
    ('\u{3c6}', "phi"),
    ('\u{3c9}', "omega"),
    ('\u{3c1}', "rho"),
    ('\u{3c4}', "tau"),
    ('\u{22ef}', "ldots"),
];

/// Signs that are another character.
const CHARACTERS: [(char, char); 13] = [
    ('\u{2212}', '-'),
    ('\u{2010}', '-'),
    ('\u{2011}', '-'),
    ('\u{2013}', '-'),
    ('\u{2014}', '-'),
    ('\u{fe63}', '-'),
    ('\u{2044}', '/'),
    ('\u{2215}', '/'),
    ('\u{3001}', ','),
    ('\u{2223}', '|'),
    ('\u{2032}', '\''),
    ('\u{27e8}', '('),
    ('\u{27e9}', ')'),
];

/// Fractions in one sign.
const FRACTIONS: [(char, u8, u8); 15] = [
    ('\u{bd}', 1, 2),
    ('\u{bc}', 1, 4),
    ('\u{be}', 3, 4),
    ('\u{2153}', 1, 3),
    ('\u{2154}', 2, 3),
    ('\u{2155}', 1, 5),
    ('\u{2156}', 2, 5),
    ('\u{2157}', 3, 5),
    ('\u{2158}', 4, 5),
    ('\u{2159}', 1, 6),
    ('\u{215a}', 5, 6),
    ('\u{215b}', 1, 8),
    ('\u{215c}', 3, 8),
    ('\u{215d}', 5, 8),
    ('\u{215e}', 7, 8),
];

/// Digits that are written high, in their order.
const HIGH: [char; 10] = [
    '\u{2070}', '\u{b9}', '\u{b2}', '\u{b3}', '\u{2074}', '\u{2075}', '\u{2076}', '\u{2077}',
    '\u{2078}', '\u{2079}',
];

/// Digits that are written low, in their order.
const LOW: [char; 10] = [
    '\u{2080}', '\u{2081}', '\u{2082}', '\u{2083}', '\u{2084}', '\u{2085}', '\u{2086}', '\u{2087}',
    '\u{2088}', '\u{2089}',
];

/// What is written high or low, as a character of the line: a digit, or the minus of a power.
pub fn script(c: char) -> Option<(char, char)> {
    let digit = |place: usize| char::from(b'0' + place as u8);
    let high = HIGH.iter().position(|high| *high == c);
    let low = || LOW.iter().position(|low| *low == c);
    match c {
        '\u{207b}' => Some(('^', '-')),
        _ => high
            .map(|at| ('^', digit(at)))
            .or_else(|| low().map(|at| ('_', digit(at)))),
    }
}

/// Adds a character, or what stands for it.
pub fn push(c: char, nodes: &mut Vec<Node>) {
    if c.is_ascii_alphanumeric() {
        nodes.push(Node::Char(c));
    } else if let Some((_, name)) = COMMANDS.iter().find(|(sign, _)| *sign == c) {
        nodes.push(Node::Command((*name).into()));
    } else if let Some((_, other)) = CHARACTERS.iter().find(|(sign, _)| *sign == c) {
        nodes.push(Node::Char(*other));
    } else if let Some((above, below)) = fraction(c) {
        let part = |digit: u8| vec![Node::Char(char::from(b'0' + digit))];
        nodes.push(Node::Fraction(part(above), part(below)));
    } else if let Some((place, plain)) = script(c) {
        // Digits beside one another are one power, or one index.
        match &mut nodes[..] {
            [.., Node::Char(before), Node::Group(inner)]
                if *before == place && is_script(inner) =>
            {
                inner.push(Node::Char(plain));
            }
            _ => nodes.extend([Node::Char(place), Node::Group(vec![Node::Char(plain)])]),
        }
    } else {
        nodes.push(Node::Char(narrow(c)));
    }
}

/// Whether a group may have come from signs that are written high or low.
fn is_script(inner: &[Node]) -> bool {
    inner
        .iter()
        .all(|node| node.is_digit() || *node == Node::Char('-'))
}

/// What a sign such as one half is made of.
pub fn fraction(c: char) -> Option<(u8, u8)> {
    let found = FRACTIONS.iter().find(|(sign, ..)| *sign == c);
    found.map(|(_, above, below)| (*above, *below))
}

/// The narrow form of a full-width sign.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    }
}
