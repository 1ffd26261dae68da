//! The tree that an answer is read into.

/// Signs of currency, which stand in the tree as commands.
pub const MONEY: [&str; 4] = ["$", "\u{20ac}", "\u{a3}", "\u{a5}"];

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

    /// Whether this is a sign of currency.
    pub fn is_money(&self) -> bool {
        matches!(self, Self::Command(name) if MONEY.contains(&&**name))
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

    /// The letters in a row at the beginning.
    pub fn letters(nodes: &[Self]) -> String {
        let letter = |node: &Self| match node {
            Self::Char(c) if c.is_alphabetic() => Some(*c),
            _ => None,
        };
        nodes.iter().map_while(letter).collect()
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
