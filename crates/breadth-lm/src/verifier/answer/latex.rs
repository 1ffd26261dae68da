//! As much of LaTeX, and of plain mathematics, as answers are written in: a tree of what is seen,
//! without what only moves or sizes it.

use super::node::{MONEY, Node};
use super::sign;
use super::simplify::{simplified, tidy};

/// Deeper braces than anybody writes.
const DEPTH: usize = 48;

/// Longest room between two rows, in characters.
const LONGEST_LENGTH: usize = 12;

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

/// Several names of one sign.
const SAME: [(&str, &str); 33] = [
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
    ("vee", "lor"),
    ("wedge", "land"),
    ("dots", "ldots"),
    ("cdots", "ldots"),
    ("dotsc", "ldots"),
];

/// The tree of a text; nothing if braces do not match.
pub fn parse(text: &str) -> Option<Vec<Node>> {
    let dollars = text.matches('$').count() - text.matches("\\$").count();
    let begins = text.find('$').filter(|at| {
        let before = &text[..*at];
        before.is_empty() || before == "-"
    });
    match begins {
        // One alone is no mathematics, but money.
        Some(at) if dollars == 1 => parse_at(&format!("{}\\{}", &text[..at], &text[at..]), 0),
        _ => parse_at(text, 0),
    }
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
    /// Everything up to the brace that closes this group, which is taken, or to the end of the text
    /// at the depth where it began.
    fn nodes(&mut self, depth: usize, outer: usize) -> Option<Vec<Node>> {
        let mut nodes: Vec<Node> = Vec::new();
        loop {
            match self.rest.next() {
                None => return (depth == outer).then_some(nodes),
                Some('}') => return (depth > outer).then_some(nodes),
                Some('{') if depth >= DEPTH => return None,
                Some('{') => nodes.push(Node::Group(self.nodes(depth + 1, outer)?)),
                Some('\\') => self.command(depth, &mut nodes)?,
                Some('$') => {}
                Some(c) if MONEY.contains(&&*c.to_string()) => nodes.push(Node::Command(c.into())),
                Some(c) if c.is_whitespace() || c == '~' => nodes.push(Node::Space),
                Some('.') if self.rest.clone().take(2).eq(['.', '.']) => {
                    self.rest.nth(1);
                    nodes.push(Node::Command("ldots".into()));
                }
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
            None | Some('(' | ')' | '[' | ']') => {}
            Some(',' | ';' | ':' | '>') => nodes.push(Node::Space),
            Some('\\') => {
                self.skip_length();
                nodes.push(Node::Command("\\".into()));
            }
            Some('%') => nodes.push(Node::Command("%".into())),
            Some(c) if c.is_whitespace() => nodes.push(Node::Space),
            Some(c) => nodes.push(Node::Command(c.to_string())),
        }
    }

    /// Skips the room between two rows: the `[4pt]` of `\\[4pt]`.
    fn skip_length(&mut self) {
        let text: String = self.rest.clone().take(LONGEST_LENGTH).collect();
        let inner = text.strip_prefix('[').and_then(|text| text.split_once(']'));
        let Some((inner, _)) = inner else {
            return;
        };
        let number = inner.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let is_length = ["pt", "em", "ex", "mm", "cm", "in"].contains(&&inner[number.len()..]);
        if is_length && number.trim().parse::<f64>().is_ok() {
            self.rest.nth(inner.len() + 1);
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
        let raw = self.raw()?;
        let raw = match amount(&raw) {
            Some((number, words)) => {
                number.chars().for_each(|c| sign::push(c, nodes));
                words.to_owned()
            }
            None => raw,
        };
        let mut letters = raw.split(|c: char| !c.is_alphabetic());
        let is_words = !raw.contains(|c: char| "\\{^=".contains(c) || c.is_ascii_digit())
            && letters.any(|run| run.chars().count() > 1);
        let is_letter =
            raw.trim().chars().count() == 1 && raw.trim().chars().all(char::is_alphabetic);
        match is_words || is_letter {
            true => nodes.push(Node::Words(
                raw.replace('$', "")
                    .split_whitespace()
                    .collect::<Vec<_>>()
                    .join(" "),
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

/// The number and the words in a text such as `3 apples`.
fn amount(text: &str) -> Option<(&str, &str)> {
    let (number, words) = text.trim().split_once(' ')?;
    let is_digit = |c: char| c.is_ascii_digit();
    let is_number = number.starts_with(is_digit)
        && number.ends_with(is_digit)
        && number
            .chars()
            .all(|c| c.is_ascii_digit() || ",./".contains(c));
    let is_word = |c: char| c.is_alphabetic() || c == ' ';
    (is_number && words.chars().all(is_word)).then_some((number, words))
}
