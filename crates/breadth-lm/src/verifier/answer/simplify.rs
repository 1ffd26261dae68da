//! The tree of what is seen: arguments bound to what takes them, without what only moves or sizes
//! it.

use super::node::{Node, print};

/// Commands that change how something looks and not what it is.
const INVISIBLE: [&str; 42] = [
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
    "tiny",
    "footnotesize",
    "small",
    "normalsize",
    "large",
    "Large",
    "LARGE",
    "huge",
    "Huge",
    "rm",
    "bf",
    "it",
    "sf",
    "boldmath",
];

/// Commands whose first argument says how what follows looks, or how much room it takes.
const DRESSES: [&str; 8] = [
    "color",
    "textcolor",
    "colorbox",
    "hspace",
    "vspace",
    "phantom",
    "hphantom",
    "vphantom",
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

/// Spaces where they mean something only: between letters and digits, and behind a comma.
pub fn tidy(nodes: Vec<Node>) -> Vec<Node> {
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
pub fn simplified(nodes: &[Node]) -> Vec<Node> {
    if let Some(stacked) = stacked(nodes) {
        return stacked;
    }
    let mut out = Vec::with_capacity(nodes.len());
    let mut rest = nodes;
    while let [node, after @ ..] = rest {
        rest = match node {
            Node::Group(inner) => group(inner, after, &mut out),
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

/// What a command between the upper and the lower part makes of all there is: `10 \choose 3`,
/// `3 \over 4`.
fn stacked(nodes: &[Node]) -> Option<Vec<Node>> {
    let is_between = |node: &Node| node.is_command("choose") || node.is_command("over");
    let at = nodes.iter().position(is_between)?;
    if nodes[at + 1..].iter().any(is_between) {
        return None;
    }
    let part = |nodes: &[Node]| tidy(simplified(nodes));
    let (above, below) = (part(&nodes[..at]), part(&nodes[at + 1..]));
    Some(if nodes[at].is_command("over") {
        vec![Node::Fraction(above, below)]
    } else {
        binomial(above, below).into()
    })
}

fn binomial(above: Vec<Node>, below: Vec<Node>) -> [Node; 3] {
    [
        Node::Command("binom".into()),
        Node::Argument(above),
        Node::Argument(below),
    ]
}

/// Adds what braces hold; what comes after it. A comma in braces between digits parts thousands, as
/// all those behind it do, or is a decimal point.
fn group<'a>(inner: &[Node], after: &'a [Node], out: &mut Vec<Node>) -> &'a [Node] {
    let behind = out.iter().rposition(|node| *node != Node::Space);
    if !is_comma(inner) || !behind.is_some_and(|at| out[at].is_digit()) {
        out.extend(simplified(inner));
        return after;
    }
    out.retain(|node| *node != Node::Space);
    let run = |nodes: &[Node]| nodes.iter().take_while(|node| node.is_digit()).count();
    let (first, mut rest) = after.split_at(run(after));
    let mut groups = vec![first];
    while let [Node::Group(inner), more @ ..] = rest
        && is_comma(inner)
        && run(more) > 0
    {
        let (group, behind) = more.split_at(run(more));
        groups.push(group);
        rest = behind;
    }
    let start = out.len() - out.iter().rev().take_while(|node| node.is_digit()).count();
    let is_parted = (1..=3).contains(&(out.len() - start))
        && out[start] != Node::Char('0')
        && groups.iter().all(|group| group.len() == 3);
    let comma = match groups.len() {
        _ if is_parted => None,
        1 => Some(Node::Char('.')),
        _ => Some(Node::Char(',')),
    };
    for group in groups {
        out.extend(comma.clone());
        out.extend_from_slice(group);
    }
    rest
}

/// Whether braces hold a comma alone.
fn is_comma(inner: &[Node]) -> bool {
    let seen = inner.iter().filter(|node| **node != Node::Space);
    seen.eq([&Node::Char(',')])
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
        out.extend(binomial(content(above), content(below)));
        return rest;
    }
    if let Some(kind) = name.strip_prefix("begin:") {
        return environment(kind, after, out);
    }
    match (name, after) {
        ("left" | "right", [Node::Char('.'), rest @ ..]) => rest,
        (name, _) if INVISIBLE.contains(&name) || name.starts_with("end:") => after,
        (name, _) if DRESSES.contains(&name) => argument(after).map_or(after, |(_, rest)| rest),
        ("not", _) => match argument(after) {
            Some((node, rest)) => {
                out.push(Node::Command(negated(&print(&content(node)))));
                rest
            }
            None => after,
        },
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
            let inner = content(node);
            if name == "underline" && !inner.iter().any(Node::is_letter) {
                out.extend(inner);
                return rest;
            }
            let letters: String = print(&inner).split_whitespace().collect();
            out.push(Node::Command(format!("{name}:{letters}")));
            rest
        }
        _ => {
            out.push(Node::Command(name.into()));
            after
        }
    }
}

/// The name of a relation with a stroke through it: `\not=` is `\neq`.
fn negated(sign: &str) -> String {
    match sign.strip_prefix('\\').unwrap_or(sign) {
        "=" => "neq".into(),
        name => format!("not{name}"),
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
    let is_array = kind == "array";
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
    let mut rows = rows(inner);
    match &mut rows[..] {
        // An array of one cell is only a way to place it.
        [row] if is_array && row.len() == 1 => out.append(&mut row[0]),
        _ => out.push(Node::Matrix(kind.into(), rows)),
    }
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

/// Adds a power or an index. Without braces, all digits that follow are meant (`2^10`), a sign
/// before them, or what is in parentheses.
fn script<'a>(c: char, after: &'a [Node], out: &mut Vec<Node>) -> &'a [Node] {
    let Some((node, rest)) = argument(after) else {
        out.push(Node::Char(c));
        return after;
    };
    let is_behind_digit = out.last().is_some_and(Node::is_digit);
    let is_degree = |node: &Node| {
        let is_letter = *node == Node::Char('o') || *node == Node::Words("o".into());
        node.is_command("circ") || node.is_command("degree") || is_behind_digit && is_letter
    };
    if c == '^' && is_degree(node) {
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
        [only] if c == '^' && is_degree(only) => {
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
