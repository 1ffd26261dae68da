//! As much of LaTeX as answers are written in: a tree of what is seen, without what only moves or sizes it.

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A character.
    Char(char),
    /// White space between digits.
    Space,
    /// A comma with white space behind it, which parts elements and never thousands.
    Separator,
    /// `\name`, or a sign such as `\{`.
    Command(String),
    /// Braces, in a tree that is not simplified yet.
    Group(Vec<Node>),
    /// What a power, an index or a root takes.
    Argument(Vec<Node>),
    /// `\text{..}` and the like.
    Words(Vec<Node>),
    /// Numerator and denominator.
    Fraction(Vec<Node>, Vec<Node>),
}

impl Node {
    pub fn is_command(&self, name: &str) -> bool {
        matches!(self, Self::Command(own) if own == name)
    }

    fn is_digit(&self) -> bool {
        matches!(self, Self::Char(c) if c.is_ascii_digit())
    }
}

/// Deeper braces than anybody writes.
const DEPTH: usize = 48;

/// Commands that change how something looks and not what it is.
const INVISIBLE: [&str; 20] = [
    "left",
    "right",
    "middle",
    "big",
    "Big",
    "bigg",
    "Bigg",
    "bigl",
    "bigr",
    "Bigl",
    "Bigr",
    "biggl",
    "biggr",
    "Biggl",
    "Biggr",
    "displaystyle",
    "textstyle",
    "limits",
    "degree",
    "strut",
];

/// Commands whose argument is words, or letters in another face.
const WORDS: [&str; 14] = [
    "text",
    "textbf",
    "textit",
    "textrm",
    "textnormal",
    "mathrm",
    "mathbf",
    "mathit",
    "mathsf",
    "mbox",
    "hbox",
    "operatorname",
    "emph",
    "textsf",
];

/// Several names of one sign.
const SAME: [(&str, &str); 10] = [
    ("le", "leq"),
    ("ge", "geq"),
    ("ne", "neq"),
    ("lbrace", "{"),
    ("rbrace", "}"),
    ("varnothing", "emptyset"),
    ("dfrac", "frac"),
    ("tfrac", "frac"),
    ("cfrac", "frac"),
    ("fbox", "boxed"),
];

/// The tree of a text; nothing if braces do not match.
pub(super) fn parse(text: &str) -> Option<Vec<Node>> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
    };
    let nodes = reader.nodes(0)?;
    reader.rest.next().is_none().then(|| simplified(&nodes))
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
}

impl Reader<'_> {
    /// Everything up to the brace that closes this group, which is taken, or to the end of the text at depth 0.
    fn nodes(&mut self, depth: usize) -> Option<Vec<Node>> {
        let mut nodes: Vec<Node> = Vec::new();
        let mut is_spaced = false;
        loop {
            let node = match self.rest.next() {
                None => return (depth == 0).then_some(nodes),
                Some('}') => return (depth > 0).then_some(nodes),
                Some('{') if depth == DEPTH => return None,
                Some('{') => Node::Group(self.nodes(depth + 1)?),
                Some('\\') => match self.command() {
                    Some(Node::Space) => {
                        is_spaced = true;
                        continue;
                    }
                    Some(node) => node,
                    None => continue,
                },
                Some('$' | '%' | '\u{b0}') => continue,
                Some(c) if c.is_whitespace() || c == '~' => {
                    is_spaced = true;
                    continue;
                }
                Some(c) => sign(c),
            };
            if std::mem::take(&mut is_spaced) {
                match nodes.last_mut() {
                    Some(last @ Node::Char(',')) => *last = Node::Separator,
                    Some(last) if last.is_digit() && node.is_digit() => nodes.push(Node::Space),
                    _ => {}
                }
            }
            nodes.push(node);
        }
    }

    /// What a backslash begins; nothing for narrow spaces and signs that are not looked at.
    fn command(&mut self) -> Option<Node> {
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(char::is_ascii_alphabetic) {
            name.push(c);
        }
        if !name.is_empty() {
            let is_space = name == "quad" || name == "qquad";
            return Some(if is_space {
                Node::Space
            } else {
                Node::Command(name)
            });
        }
        match self.rest.next() {
            Some(',' | ';' | ':' | '!' | '>' | '%' | '$' | '(' | ')' | '[' | ']') | None => None,
            Some(c) if c.is_whitespace() => Some(Node::Space),
            Some(c) => Some(Node::Command(c.to_string())),
        }
    }
}

/// A character, or what stands for it in LaTeX.
fn sign(c: char) -> Node {
    let command = |name: &str| Node::Command(name.into());
    match c {
        '\u{2212}' | '\u{2010}' | '\u{2013}' => Node::Char('-'),
        '\u{d7}' => command("times"),
        '\u{b7}' | '\u{22c5}' => command("cdot"),
        '\u{3c0}' => command("pi"),
        '\u{221e}' => command("infty"),
        '\u{221a}' => command("sqrt"),
        '\u{2264}' => command("leq"),
        '\u{2265}' => command("geq"),
        _ => Node::Char(c),
    }
}

/// The tree without groups and without what is not seen, arguments bound to what takes them.
fn simplified(nodes: &[Node]) -> Vec<Node> {
    let mut out = Vec::with_capacity(nodes.len());
    let mut rest = nodes;
    while let [node, after @ ..] = rest {
        rest = match node {
            Node::Group(inner) => {
                let is_thousand = **inner == [Node::Char(',')]
                    && out.last().is_some_and(Node::is_digit)
                    && after.first().is_some_and(Node::is_digit);
                if !is_thousand {
                    out.extend(simplified(inner));
                }
                after
            }
            Node::Command(name) => command(name, after, &mut out),
            Node::Char(c @ ('^' | '_')) => script(*c, after, &mut out),
            other => {
                out.push(other.clone());
                after
            }
        };
    }
    out
}

/// Adds a command with its arguments; what comes after them.
fn command<'a>(name: &str, after: &'a [Node], out: &mut Vec<Node>) -> &'a [Node] {
    let name = SAME
        .iter()
        .find(|(other, _)| *other == name)
        .map_or(name, |(_, name)| name);
    if name == "frac"
        && let Some((above, rest)) = argument(after)
        && let Some((below, rest)) = argument(rest)
    {
        out.push(Node::Fraction(content(above), content(below)));
        return rest;
    }
    match (name, after) {
        (name, [Node::Char('.'), rest @ ..]) if name == "left" || name == "right" => rest,
        (name, _) if INVISIBLE.contains(&name) => after,
        ("sqrt", [Node::Char('['), rest @ ..]) => root(rest, after, out),
        ("sqrt", [node, rest @ ..]) => {
            out.extend([Node::Command("sqrt".into()), Node::Argument(content(node))]);
            rest
        }
        ("boxed", [Node::Group(inner), rest @ ..]) => {
            out.extend(simplified(inner));
            rest
        }
        (name, [Node::Group(inner), rest @ ..]) if WORDS.contains(&name) => {
            out.push(Node::Words(simplified(inner)));
            rest
        }
        _ => {
            out.push(Node::Command(name.into()));
            after
        }
    }
}

/// The next thing but white space, and what comes after it.
fn argument(nodes: &[Node]) -> Option<(&Node, &[Node])> {
    match nodes {
        [Node::Space, node, rest @ ..] | [node, rest @ ..] => Some((node, rest)),
        [] => None,
    }
}

/// A root with its degree in square brackets.
fn root<'a>(rest: &'a [Node], after: &'a [Node], out: &mut Vec<Node>) -> &'a [Node] {
    out.push(Node::Command("sqrt".into()));
    let close = rest.iter().position(|node| *node == Node::Char(']'));
    let Some((close, node)) = close.and_then(|at| Some((at, rest.get(at + 1)?))) else {
        return after;
    };
    out.push(Node::Char('['));
    out.extend(simplified(&rest[..close]));
    out.extend([Node::Char(']'), Node::Argument(content(node))]);
    &rest[close + 2..]
}

/// Adds a power or an index; degrees are not looked at.
fn script<'a>(c: char, after: &'a [Node], out: &mut Vec<Node>) -> &'a [Node] {
    let [node, rest @ ..] = after else {
        out.push(Node::Char(c));
        return after;
    };
    let argument = content(node);
    if !(c == '^' && matches!(&argument[..], [only] if only.is_command("circ"))) {
        out.extend([Node::Char(c), Node::Argument(argument)]);
    }
    rest
}

/// What an argument holds: a group's content, or the one thing itself.
fn content(node: &Node) -> Vec<Node> {
    match node {
        Node::Group(inner) => simplified(inner),
        other => simplified(std::slice::from_ref(other)),
    }
}

/// The tree as text; numerators and denominators are written by `value`.
pub(super) fn print(nodes: &[Node], value: &dyn Fn(&[Node]) -> String) -> String {
    let mut out = String::new();
    for node in nodes {
        let piece = match node {
            Node::Char(c) => c.to_string(),
            Node::Space => " ".into(),
            Node::Separator => ", ".into(),
            Node::Command(name) => format!("\\{name}"),
            Node::Group(inner) | Node::Words(inner) => print(inner, value),
            Node::Argument(inner) => match &inner[..] {
                [Node::Char(c)] if c.is_alphanumeric() => c.to_string(),
                inner => format!("{{{}}}", print(inner, value)),
            },
            Node::Fraction(above, below) => {
                format!("\\frac{{{}}}{{{}}}", value(above), value(below))
            }
        };
        if piece.starts_with(|c: char| c.is_ascii_alphabetic()) && ends_in_command(&out) {
            out.push(' ');
        }
        out.push_str(&piece);
    }
    out
}

/// Whether a letter at the end would go on with a command's name.
fn ends_in_command(text: &str) -> bool {
    text.trim_end_matches(|c: char| c.is_ascii_alphabetic())
        .ends_with('\\')
        && !text.ends_with('\\')
}
