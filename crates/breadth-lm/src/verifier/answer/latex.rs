//! As much of LaTeX, and of plain mathematics, as answers are written in: a tree of what is seen, without what only moves or sizes it.

use super::sign;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A character.
    Char(char),
    /// White space between letters and digits.
    Space,
    /// A comma with white space behind it, which parts elements and never thousands.
    Separator,
    /// `\name`, or a sign such as `\{`.
    Command(String),
    /// Braces, in a tree that is not simplified yet.
    Group(Vec<Node>),
    /// What a power, an index or a root takes.
    Argument(Vec<Node>),
    /// What `\text{..}` and the like hold, if there are letters.
    Words(String),
    /// Numerator and denominator.
    Fraction(Vec<Node>, Vec<Node>),
    /// Rows of cells, and what is around them if that means something (`vmatrix`).
    Matrix(String, Vec<Vec<Vec<Node>>>),
}

impl Node {
    pub fn is_command(&self, name: &str) -> bool {
        matches!(self, Self::Command(own) if own == name)
    }

    pub fn is_char(&self, test: impl Fn(char) -> bool) -> bool {
        matches!(self, Self::Char(c) if test(*c))
    }

    pub fn is_digit(&self) -> bool {
        self.is_char(|c| c.is_ascii_digit())
    }

    pub fn is_letter(&self) -> bool {
        self.is_char(char::is_alphabetic)
    }
}

/// Deeper braces than anybody writes.
const DEPTH: usize = 48;

/// Commands that change how something looks and not what it is.
const INVISIBLE: [&str; 28] = [
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
    "strut",
    "mathop",
    "nolimits",
    "ensuremath",
    "mathstrut",
    "allowbreak",
    "nobreak",
    "scriptstyle",
    "hfill",
    "thinspace",
];

/// Commands whose argument is words, or letters in another face.
const WORDS: [&str; 16] = [
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
    "boldsymbol",
    "bm",
];

/// Commands whose argument is a letter that is another one for it.
const FACES: [&str; 12] = [
    "mathbb",
    "mathcal",
    "mathfrak",
    "mathscr",
    "vec",
    "overline",
    "bar",
    "hat",
    "tilde",
    "widehat",
    "overrightarrow",
    "underline",
];

/// Several names of one sign.
const SAME: [(&str, &str); 31] = [
    ("le", "leq"),
    ("leqslant", "leq"),
    ("ge", "geq"),
    ("geqslant", "geq"),
    ("ne", "neq"),
    ("lt", "<"),
    ("gt", ">"),
    ("lbrace", "{"),
    ("rbrace", "}"),
    ("lbrack", "["),
    ("rbrack", "]"),
    ("varnothing", "emptyset"),
    ("dfrac", "frac"),
    ("tfrac", "frac"),
    ("cfrac", "frac"),
    ("dbinom", "binom"),
    ("tbinom", "binom"),
    ("fbox", "boxed"),
    ("ast", "*"),
    ("backslash", "setminus"),
    ("smallsetminus", "setminus"),
    ("lvert", "|"),
    ("rvert", "|"),
    ("vert", "|"),
    ("mid", "|"),
    ("langle", "("),
    ("rangle", ")"),
    ("colon", ":"),
    ("lor", "or"),
    ("vee", "or"),
    ("land", "and"),
];

/// The tree of a text; nothing if braces do not match.
pub fn parse(text: &str) -> Option<Vec<Node>> {
    parse_at(text, 0)
}

fn parse_at(text: &str, depth: usize) -> Option<Vec<Node>> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
    };
    let nodes = reader.nodes(depth, depth)?;
    reader
        .rest
        .next()
        .is_none()
        .then(|| tidy(simplified(&nodes)))
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
}

impl Reader<'_> {
    /// Everything up to the brace that closes this group, which is taken, or to the end of the text at the depth where it began.
    fn nodes(&mut self, depth: usize, outer: usize) -> Option<Vec<Node>> {
        let mut nodes: Vec<Node> = Vec::new();
        loop {
            match self.rest.next() {
                None => return (depth == outer).then_some(nodes),
                Some('}') => return (depth > outer).then_some(nodes),
                Some('{') if depth >= DEPTH => return None,
                Some('{') => nodes.push(Node::Group(self.nodes(depth + 1, outer)?)),
                Some('\\') => self.command(depth, &mut nodes)?,
                Some('$' | '\u{20ac}' | '\u{a3}' | '\u{a5}') => {}
                Some(c) if c.is_whitespace() || c == '~' => nodes.push(Node::Space),
                Some('*') if self.rest.next_if_eq(&'*').is_some() => nodes.push(Node::Char('^')),
                Some('<') if self.rest.next_if_eq(&'=').is_some() => {
                    nodes.push(Node::Command("leq".into()))
                }
                Some('>') if self.rest.next_if_eq(&'=').is_some() => {
                    nodes.push(Node::Command("geq".into()))
                }
                Some('!') if self.rest.next_if_eq(&'=').is_some() => {
                    nodes.push(Node::Command("neq".into()))
                }
                Some(c) => sign::push(c, &mut nodes),
            }
        }
    }

    /// What a backslash begins.
    fn command(&mut self, depth: usize, nodes: &mut Vec<Node>) -> Option<()> {
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(char::is_ascii_alphabetic) {
            name.push(c);
        }
        let name = SAME
            .iter()
            .find(|(other, _)| *other == name)
            .map_or(&*name, |(_, name)| name);
        match name {
            "" => self.sign(nodes),
            "quad" | "qquad" | "enspace" | "space" => nodes.push(Node::Space),
            "begin" | "end" => {
                let environment = self.raw()?;
                let environment = environment.trim_end_matches('*');
                nodes.push(Node::Command(format!("{name}:{environment}")));
            }
            _ if WORDS.contains(&name) => self.words(depth, nodes)?,
            _ if name.len() == 1
                && !name.starts_with(char::is_alphabetic)
                && !"{}".contains(name) =>
            {
                sign::push(name.chars().next()?, nodes);
            }
            _ => nodes.push(Node::Command(name.into())),
        }
        Some(())
    }

    fn sign(&mut self, nodes: &mut Vec<Node>) {
        match self.rest.next() {
            // A negative space parts thousands: `1,\! 000`.
            Some('!') => while self.rest.next_if(|c| c.is_whitespace()).is_some() {},
            None | Some('$' | '(' | ')' | '[' | ']') => {}
            Some(',' | ';' | ':' | '>') => nodes.push(Node::Space),
            Some('%') => nodes.push(Node::Command("%".into())),
            Some(c) if c.is_whitespace() => nodes.push(Node::Space),
            Some(c) => nodes.push(Node::Command(c.to_string())),
        }
    }

    /// What is between the next braces, as it is written.
    fn raw(&mut self) -> Option<String> {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {}
        self.rest.next_if_eq(&'{')?;
        let (mut out, mut depth) = (String::new(), 1);
        loop {
            let c = self.rest.next()?;
            depth += i32::from(c == '{') - i32::from(c == '}');
            if depth == 0 {
                return Some(out);
            }
            out.push(c);
            if c == '\\' {
                out.extend(self.rest.next());
            }
        }
    }

    /// Words; what has other signs in it is read as mathematics in another face.
    fn words(&mut self, depth: usize, nodes: &mut Vec<Node>) -> Option<()> {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {}
        if self.rest.peek() != Some(&'{') {
            return Some(());
        }
        let raw = self.raw()?.replace('$', "");
        let mut letters = raw.split(|c: char| !c.is_alphabetic());
        let is_words = !raw.contains(|c: char| "\\{^=".contains(c) || c.is_ascii_digit())
            && letters.any(|run| run.chars().count() > 1);
        let is_letter =
            raw.trim().chars().count() == 1 && raw.trim().chars().all(char::is_alphabetic);
        match is_words || is_letter {
            true => nodes.push(Node::Words(
                raw.split_whitespace().collect::<Vec<_>>().join(" "),
            )),
            false if depth >= DEPTH => return None,
            false => {
                let mut inner = Reader {
                    rest: raw.chars().peekable(),
                };
                nodes.push(Node::Group(inner.nodes(depth + 1, depth + 1)?));
            }
        }
        Some(())
    }
}

/// Spaces where they mean something only: between letters and digits, and behind a comma.
fn tidy(nodes: Vec<Node>) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    let mut is_spaced = false;
    let is_text = |node: &Node| node.is_char(char::is_alphanumeric);
    for node in nodes {
        if node == Node::Space {
            is_spaced = true;
            continue;
        }
        if std::mem::take(&mut is_spaced) {
            match out.last_mut() {
                Some(last @ Node::Char(',')) => *last = Node::Separator,
                Some(last) if is_text(last) && is_text(&node) => out.push(Node::Space),
                _ => {}
            }
        }
        out.push(node);
    }
    if is_spaced && let Some(last @ Node::Char(',')) = out.last_mut() {
        *last = Node::Separator;
    }
    out
}

/// The tree without groups and without what is not seen, arguments bound to what takes them.
fn simplified(nodes: &[Node]) -> Vec<Node> {
    let mut out = Vec::with_capacity(nodes.len());
    let mut rest = nodes;
    while let [node, after @ ..] = rest {
        rest = match node {
            Node::Group(inner) => {
                group(inner, after, &mut out);
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

/// What braces hold; a comma in braces between digits parts thousands, or is a decimal point.
fn group(inner: &[Node], after: &[Node], out: &mut Vec<Node>) {
    let is_comma = inner
        .iter()
        .filter(|node| **node != Node::Space)
        .eq([&Node::Char(',')]);
    let behind = out.iter().rposition(|node| *node != Node::Space);
    if !is_comma || !behind.is_some_and(|at| out[at].is_digit()) {
        out.extend(simplified(inner));
        return;
    }
    out.retain(|node| *node != Node::Space);
    let digits = after.iter().take_while(|node| node.is_digit()).count();
    let before = out.iter().rev().take_while(|node| node.is_digit()).count();
    let is_zero = before == 1 && out.last() == Some(&Node::Char('0'));
    if digits != 3 || before > 3 || is_zero {
        out.push(Node::Char('.'));
    }
}

/// Adds a command with its arguments; what comes after them.
fn command<'a>(name: &str, after: &'a [Node], out: &mut Vec<Node>) -> &'a [Node] {
    if name == "frac"
        && let Some((above, rest)) = argument(after)
        && let Some((below, rest)) = argument(rest)
    {
        out.push(Node::Fraction(content(above), content(below)));
        return rest;
    }
    if name == "binom"
        && let Some((above, rest)) = argument(after)
        && let Some((below, rest)) = argument(rest)
    {
        out.push(Node::Command("binom".into()));
        out.extend([
            Node::Argument(content(above)),
            Node::Argument(content(below)),
        ]);
        return rest;
    }
    if let Some(kind) = name.strip_prefix("begin:") {
        return environment(kind, after, out);
    }
    match (name, after) {
        ("left" | "right", [Node::Char('.'), rest @ ..]) => rest,
        (name, _) if INVISIBLE.contains(&name) || name.starts_with("end:") => after,
        ("degree", _) => {
            out.push(Node::Command("degree".into()));
            after
        }
        ("sqrt", [Node::Char('['), rest @ ..]) => root(rest, after, out),
        ("sqrt", _) => match argument(after) {
            Some((node, rest)) => {
                out.extend([Node::Command("sqrt".into()), Node::Argument(content(node))]);
                rest
            }
            None => after,
        },
        ("boxed", [Node::Group(inner), rest @ ..]) => {
            out.extend(simplified(inner));
            rest
        }
        (name, [node, rest @ ..]) if FACES.contains(&name) => {
            let letters: String = print(&content(node)).split_whitespace().collect();
            out.push(Node::Command(format!("{name}:{letters}")));
            rest
        }
        _ => {
            out.push(Node::Command(name.into()));
            after
        }
    }
}

/// Adds a matrix, or the content of another environment; what comes after its end.
fn environment<'a>(kind: &str, after: &'a [Node], out: &mut Vec<Node>) -> &'a [Node] {
    let mut depth = 1;
    let is_end = |node: &Node| {
        if let Node::Command(name) = node {
            depth += i32::from(name.starts_with("begin:")) - i32::from(name.starts_with("end:"));
        }
        depth == 0
    };
    let Some(end) = after.iter().position(is_end) else {
        out.push(Node::Command(format!("begin:{kind}")));
        return after;
    };
    let (mut inner, rest) = (&after[..end], &after[end + 1..]);
    let kind = match kind {
        "pmatrix" | "bmatrix" | "matrix" | "smallmatrix" => "matrix",
        "array" => {
            inner = match inner {
                [Node::Group(_), inner @ ..] => inner,
                inner => inner,
            };
            "matrix"
        }
        "vmatrix" | "Vmatrix" | "cases" => kind,
        _ => {
            out.extend(
                simplified(inner)
                    .into_iter()
                    .filter(|node| !node.is_char(|c| c == '&')),
            );
            return rest;
        }
    };
    out.push(Node::Matrix(kind.into(), rows(inner)));
    rest
}

fn rows(nodes: &[Node]) -> Vec<Vec<Vec<Node>>> {
    let cells = |row: &[Node]| {
        let cells = row.split(|node| *node == Node::Char('&'));
        cells.map(|cell| tidy(simplified(cell))).collect()
    };
    let is_seen = |row: &&[Node]| {
        row.iter()
            .any(|node| *node != Node::Space && !node.is_command("hline"))
    };
    nodes
        .split(|node| node.is_command("\\"))
        .filter(is_seen)
        .map(cells)
        .collect()
}

/// The next thing but white space, and what comes after it.
fn argument(nodes: &[Node]) -> Option<(&Node, &[Node])> {
    let start = nodes.iter().position(|node| *node != Node::Space)?;
    Some((&nodes[start], &nodes[start + 1..]))
}

/// A root with its degree in square brackets.
fn root<'a>(rest: &'a [Node], after: &'a [Node], out: &mut Vec<Node>) -> &'a [Node] {
    out.push(Node::Command("sqrt".into()));
    let close = rest.iter().position(|node| *node == Node::Char(']'));
    let Some((close, (node, behind))) = close.and_then(|at| Some((at, argument(&rest[at + 1..])?)))
    else {
        return after;
    };
    out.push(Node::Char('['));
    out.extend(simplified(&rest[..close]));
    out.extend([Node::Char(']'), Node::Argument(content(node))]);
    behind
}

/// Adds a power or an index. Without braces, all digits that follow are meant (`2^10`), a sign before them, or what is in parentheses.
fn script<'a>(c: char, after: &'a [Node], out: &mut Vec<Node>) -> &'a [Node] {
    let Some((node, rest)) = argument(after) else {
        out.push(Node::Char(c));
        return after;
    };
    if c == '^' && (node.is_command("circ") || node.is_command("degree")) {
        out.push(Node::Command("degree".into()));
        return rest;
    }
    let (argument, rest) = match node {
        Node::Char('-') => signed(rest).unwrap_or((content(node), rest)),
        Node::Char('(') if c == '^' => parenthesised(rest).unwrap_or((content(node), rest)),
        node if node.is_digit() => digits(node, rest),
        node => (content(node), rest),
    };
    match &argument[..] {
        [only] if c == '^' && (only.is_command("circ") || only.is_command("degree")) => {
            out.push(Node::Command("degree".into()));
        }
        _ => out.extend([Node::Char(c), Node::Argument(argument)]),
    }
    rest
}

fn digits<'a>(first: &Node, rest: &'a [Node]) -> (Vec<Node>, &'a [Node]) {
    let more = rest.iter().take_while(|node| node.is_digit()).count();
    // In 2^23^2 the powers are 2 and 2.
    let more = if rest.get(more) == Some(&Node::Char('^')) {
        0
    } else {
        more
    };
    let all = std::iter::once(first).chain(&rest[..more]).cloned();
    (all.collect(), &rest[more..])
}

fn signed(rest: &[Node]) -> Option<(Vec<Node>, &[Node])> {
    let (node, rest) = rest.split_first()?;
    let (mut argument, rest) = match node.is_digit() {
        true => digits(node, rest),
        false if node.is_letter() || matches!(node, Node::Group(_)) => (content(node), rest),
        false => return None,
    };
    argument.insert(0, Node::Char('-'));
    Some((argument, rest))
}

fn parenthesised(rest: &[Node]) -> Option<(Vec<Node>, &[Node])> {
    let mut depth = 1;
    let is_close = |node: &Node| {
        depth += i32::from(*node == Node::Char('(')) - i32::from(*node == Node::Char(')'));
        depth == 0
    };
    let close = rest.iter().position(is_close)?;
    Some((tidy(simplified(&rest[..close])), &rest[close + 1..]))
}

/// What an argument holds: a group's content, or the one thing itself.
fn content(node: &Node) -> Vec<Node> {
    match node {
        Node::Group(inner) => tidy(simplified(inner)),
        other => tidy(simplified(std::slice::from_ref(other))),
    }
}

/// The tree as text.
pub fn print(nodes: &[Node]) -> String {
    let mut out = String::new();
    for node in nodes {
        let piece = match node {
            Node::Char(c) => c.to_string(),
            Node::Space => " ".into(),
            Node::Separator => ",".into(),
            Node::Command(name) => format!("\\{name}"),
            Node::Group(inner) => print(inner),
            Node::Words(words) => words.clone(),
            Node::Argument(inner) => match &inner[..] {
                [Node::Char(c)] if c.is_alphanumeric() => c.to_string(),
                inner => format!("{{{}}}", print(inner)),
            },
            Node::Fraction(above, below) => {
                format!("\\frac{{{}}}{{{}}}", print(above), print(below))
            }
            Node::Matrix(kind, rows) => {
                let row = |row: &Vec<Vec<Node>>| {
                    row.iter()
                        .map(|cell| print(cell))
                        .collect::<Vec<_>>()
                        .join("&")
                };
                let rows: Vec<String> = rows.iter().map(row).collect();
                format!("\\begin{{{kind}}}{}\\end{{{kind}}}", rows.join("\\\\"))
            }
        };
        if piece.starts_with(char::is_alphabetic) && ends_in_command(&out) {
            out.push(' ');
        }
        out.push_str(&piece);
    }
    out
}

/// Whether a letter at the end would go on with a command's name.
fn ends_in_command(text: &str) -> bool {
    let before = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ':');
    before.ends_with('\\') && before.len() < text.len()
}
