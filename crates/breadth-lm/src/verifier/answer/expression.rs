//! Mathematics as it is written, to a value.

use std::borrow::Cow;

use super::super::algebra::{Atom, Calculator, Quotient, Ratio, Sum};
use super::super::number::Number;
use super::bracket;
use super::function;
use super::node::{Node, print};
use super::reader::{Reader, begins_factor, begins_number};
use super::thousands::without_thousands;

/// Deeper nesting than anybody writes.
const DEPTH: usize = 40;

/// Words that letters in a row make, which are no products.
const NO_PRODUCTS: [&str; 28] = [
    "or", "and", "if", "is", "for", "no", "not", "all", "any", "odd", "the", "of", "to", "in",
    "as", "at", "by", "on", "yes", "mod", "cm", "mm", "km", "kg", "ft", "sec", "min", "inf",
];

/// The value of all nodes together. Nothing where what is meant is not sure (`1/2x`, `3 4`, `x2`),
/// where it is no algebra, or too much of it.
pub fn value(nodes: &[Node], calculator: &Calculator) -> Option<Quotient> {
    nested(&without_money(nodes), calculator, 0)
}

/// Without signs of currency, which are no part of a value.
pub fn without_money(nodes: &[Node]) -> Cow<'_, [Node]> {
    if nodes.iter().any(Node::is_money) {
        nodes
            .iter()
            .filter(|node| !node.is_money())
            .cloned()
            .collect()
    } else {
        nodes.into()
    }
}

pub fn nested(nodes: &[Node], calculator: &Calculator, depth: usize) -> Option<Quotient> {
    let joined = nodes
        .contains(&Node::Char(','))
        .then(|| without_thousands(nodes.to_vec()));
    let nodes = joined.as_deref().unwrap_or(nodes);
    let mut reader = Reader {
        nodes,
        at: 0,
        depth: depth + 1,
        calculator,
    };
    if reader.depth > DEPTH {
        return None;
    }
    let value = reader.sum()?;
    (reader.at == nodes.len()).then_some(value)
}

impl<'a> Reader<'a> {
    pub fn inner(&self, nodes: &[Node]) -> Option<Quotient> {
        nested(nodes, self.calculator, self.depth)
    }

    fn sum(&mut self) -> Option<Quotient> {
        let is_signed = self.next_char('+');
        if is_signed && self.peek() == Some(&Node::Char('-')) {
            return None;
        }
        let mut total = self.signed()?;
        while let Some(sign) = self.next_if(|node| matches!(node, Node::Char('+' | '-'))) {
            let part = self.signed()?;
            total = if *sign == Node::Char('-') {
                self.calculator.minus(&total, &part)?
            } else {
                self.calculator.plus(&total, &part)?
            };
        }
        Some(total)
    }

    /// A product with a minus before it, or without.
    fn signed(&mut self) -> Option<Quotient> {
        if self.next_char('-') {
            self.product().map(|value| value.negated())
        } else {
            self.product()
        }
    }

    fn product(&mut self) -> Option<Quotient> {
        let mut value = self.factor()?;
        loop {
            self.next_if(|node| *node == Node::Space);
            if self.is_cross_product() {
                return None;
            }
            if self.next_if(is_times).is_some() {
                value = self.calculator.times(&value, &self.signed_factor()?)?;
            } else if self.next_if(is_over).is_some() {
                value = self.calculator.over(&value, &self.signed_factor()?)?;
                if self.peek().is_some_and(begins_factor) {
                    return None;
                }
            } else if self.peek().is_some_and(begins_factor) {
                if self.peek().is_some_and(begins_number) {
                    return None;
                }
                value = self.calculator.times(&value, &self.factor()?)?;
            } else {
                return Some(value);
            }
        }
    }

    /// Whether a cross stands next between letters in another face, which may be vectors: their
    /// product with a dot is another one.
    fn is_cross_product(&self) -> bool {
        let is_letter = |node: &Node| matches!(node, Node::Words(_));
        let is_vector = |node: &Node| is_letter(node) || node.is_char(|c| "()".contains(c));
        let start = self.at.saturating_sub(1);
        let Some([left, sign, right]) = self.nodes.get(start..start + 3) else {
            return false;
        };
        let is_either = is_letter(left) || is_letter(right);
        sign.is_command("times") && is_either && is_vector(left) && is_vector(right)
    }

    fn signed_factor(&mut self) -> Option<Quotient> {
        if self.next_char('-') {
            self.factor().map(|value| value.negated())
        } else {
            self.factor()
        }
    }

    pub fn factor(&mut self) -> Option<Quotient> {
        let mut value = self.primary()?;
        let mut has_power = false;
        loop {
            match self.peek() {
                Some(Node::Char('^')) if !has_power => {
                    self.at += 1;
                    value = self.calculator.power(&value, &self.argument()?)?;
                    has_power = true;
                }
                Some(Node::Char('!')) => {
                    self.at += 1;
                    value = function::factorial(&value)?;
                }
                Some(node) if node.is_command("degree") => {
                    self.at += 1;
                    value = self.calculator.times(&value, &Quotient::name("degree"))?;
                }
                Some(Node::Char('^' | '_' | '\'')) => return None,
                _ => return Some(value),
            }
        }
    }

    /// What braces hold here.
    pub fn argument(&mut self) -> Option<Quotient> {
        match self.next_if(|node| matches!(node, Node::Argument(_)))? {
            Node::Argument(inner) => self.inner(inner),
            _ => None,
        }
    }

    fn primary(&mut self) -> Option<Quotient> {
        let node = self.peek()?;
        match node {
            node if begins_number(node) => self.number(),
            Node::Fraction(above, below) if has_differential(below) && has_differential(above) => {
                self.at += 1;
                is_derivative(node).then(|| Quotient::name(print(std::slice::from_ref(node))))
            }
            Node::Fraction(above, below) => {
                self.at += 1;
                let (above, below) = (self.inner(above)?, self.inner(below)?);
                self.calculator.over(&above, &below)
            }
            Node::Char('(' | '[') => {
                let inner = self.bracketed()?;
                self.inner(inner)
            }
            Node::Char('|') => {
                let inner = self.between_bars()?;
                function::magnitude(&self.inner(inner)?)
            }
            Node::Char(c) if c.is_alphabetic() => self.letter(*c),
            Node::Words(word) if word.chars().count() == 1 => {
                self.at += 1;
                self.name(word)
            }
            Node::Command(name) => self.command(name),
            _ => None,
        }
    }

    /// What the brackets that begin here hold; they are taken.
    pub fn bracketed(&mut self) -> Option<&'a [Node]> {
        let rest = &self.nodes[self.at..];
        let close = bracket::closing(rest)?;
        let (_, inner, _) = bracket::around(&rest[..=close])?;
        self.at += close + 1;
        Some(inner)
    }

    fn between_bars(&mut self) -> Option<&'a [Node]> {
        let rest = &self.nodes[self.at + 1..];
        let close = bracket::find(rest, |node| *node == Node::Char('|'))?;
        self.at += close + 2;
        Some(&rest[..close])
    }

    /// A number, or a whole number with a fraction behind it.
    fn number(&mut self) -> Option<Quotient> {
        let (number, is_count) = self.decimal()?;
        let is_spaced = is_count && self.peek() == Some(&Node::Space);
        if is_spaced && let Some((part, end)) = small_fraction(&self.nodes[self.at + 1..]) {
            self.at += 1 + end;
            return self.calculator.plus(&number, &Quotient::number(part));
        }
        let Some(Node::Fraction(above, below)) = self.peek().filter(|_| is_count) else {
            return Some(number);
        };
        match (count(above), count(below)) {
            (Some(above), Some(below)) if above < below => {
                self.at += 1;
                let part = Ratio::new(above, below)?;
                self.calculator.plus(&number, &Quotient::number(part))
            }
            // One and three halves, or their product?
            (Some(_), Some(_)) => None,
            _ => Some(number),
        }
    }

    /// Digits with a decimal point and an exponent, and whether they are a whole number.
    fn decimal(&mut self) -> Option<(Quotient, bool)> {
        let start = self.at;
        let mut text = String::new();
        while let Some(Node::Char(c)) =
            self.next_if(|node| node.is_digit() || *node == Node::Char('.'))
        {
            text.push(*c);
        }
        let is_count = !text.contains('.');
        let has_base = self.peek() == Some(&Node::Char('_'));
        if has_base {
            return Some((self.in_base(start)?, false));
        }
        if let Some(repeated) = self.repetend().filter(|_| !is_count) {
            self.at += 1;
            return Some((Quotient::number(repeating(&text, &repeated)?), false));
        }
        text.push_str(&self.exponent());
        Some((number(&Number::decimal(&text)?)?, is_count))
    }

    /// The digits under a bar that come next: `\overline{3}`.
    fn repetend(&self) -> Option<String> {
        let Some(Node::Command(name)) = self.peek() else {
            return None;
        };
        let bars = ["overline:", "bar:"];
        let digits = bars.iter().find_map(|bar| name.strip_prefix(bar))?;
        let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| digits.to_owned())
    }

    /// A number with its base beside it, which is not looked into.
    fn in_base(&mut self, start: usize) -> Option<Quotient> {
        self.at += 2;
        let nodes = self.nodes.get(start..self.at)?;
        match nodes {
            [digits @ .., _, Node::Argument(base)] if print(base) == "10" => self.inner(digits),
            nodes => Some(Quotient::name(print(nodes))),
        }
    }

    fn exponent(&mut self) -> String {
        let rest = &self.nodes[self.at..];
        let ([Node::Char('e' | 'E'), rest @ ..], sign) = (match rest {
            [Node::Char('e' | 'E'), Node::Char(sign @ ('-' | '+')), ..] => (rest, Some(*sign)),
            _ => (rest, None),
        }) else {
            return String::new();
        };
        let digits = &rest[usize::from(sign.is_some())..];
        let digits: String = digits
            .iter()
            .map_while(|node| match node {
                Node::Char(c) if c.is_ascii_digit() => Some(*c),
                _ => None,
            })
            .collect();
        if digits.is_empty() {
            return digits;
        }
        self.at += 1 + usize::from(sign.is_some()) + digits.len();
        format!("e{}{digits}", sign.map_or(String::new(), String::from))
    }

    /// A letter of a product, or a name such as `sqrt` written in letters.
    fn letter(&mut self, c: char) -> Option<Quotient> {
        let is_start = self.at == 0 || !self.nodes[self.at - 1].is_letter();
        if is_start {
            let run = Node::letters(&self.nodes[self.at..]);
            if let Some(value) = self.plain_name(&run) {
                return value;
            }
            if run.chars().count() > 3 || NO_PRODUCTS.contains(&&*run) {
                return None;
            }
        }
        self.at += 1;
        self.name(&c.to_string())
    }

    /// A function or constant that is named in plain letters; nothing if the letters are none.
    fn plain_name(&mut self, run: &str) -> Option<Option<Quotient>> {
        let is_called = self.nodes.get(self.at + run.len()) == Some(&Node::Char('('));
        let name = match run {
            "pi" => "pi",
            "sqrt" | "cbrt" | "abs" if is_called => run,
            _ => function::NAMES
                .iter()
                .find(|name| **name == run && is_called)?,
        };
        self.at += run.len();
        Some(match name {
            "pi" => Some(Quotient::name("pi")),
            _ => self.plain_function(name),
        })
    }

    /// A name with its index, called with arguments if that is what parentheses behind it are.
    fn name(&mut self, name: &str) -> Option<Quotient> {
        let mut name = name.to_owned();
        if self.next_char('_') {
            let Some(Node::Argument(index)) =
                self.next_if(|node| matches!(node, Node::Argument(_)))
            else {
                return None;
            };
            name = format!("{name}_{{{}}}", print(index));
        }
        if name == "i" {
            return Some(Quotient::atom(Atom::Imaginary));
        }
        self.called(&name)
            .unwrap_or_else(|| Some(Quotient::name(name)))
    }

    fn command(&mut self, name: &str) -> Option<Quotient> {
        if function::NAMES.contains(&name) {
            self.at += 1;
            return self.function(name);
        }
        match name {
            "sqrt" => {
                self.at += 1;
                self.root()
            }
            "binom" => {
                self.at += 1;
                let (above, below) = (self.argument()?, self.argument()?);
                function::binomial(above, below)
            }
            "lfloor" | "lceil" => {
                let inner = self.bracketed()?;
                function::rounded(
                    if name == "lfloor" { "floor" } else { "ceil" },
                    &self.inner(inner)?,
                )
            }
            _ if function::GREEK.contains(&name) => {
                self.at += 1;
                self.name(name)
            }
            _ => None,
        }
    }

    fn root(&mut self) -> Option<Quotient> {
        let degree = match self.peek() {
            Some(Node::Char('[')) => {
                let inner = self.bracketed()?;
                self.inner(inner)?
            }
            _ => Quotient::number(Ratio::whole(2)),
        };
        let base = match self.peek()? {
            Node::Argument(_) => self.argument()?,
            _ => return None,
        };
        let exponent = self
            .calculator
            .over(&Quotient::number(Ratio::ONE), &degree)?;
        self.calculator.power(&base, &exponent)
    }
}

/// Whether a fraction is a derivative, whose differentials do not cancel: `dy/dx`, `d^2y/dx^2`.
pub fn is_derivative(node: &Node) -> bool {
    let begins = |nodes: &[Node]| match nodes {
        [first] => is_d(first),
        [first, next, ..] => is_d(first) && (is_symbol(next) || *next == Node::Char('^')),
        [] => false,
    };
    matches!(node, Node::Fraction(above, below) if begins(above) && starts_differential(below))
}

/// Whether a d stands before a letter or alone, brackets aside: a differential.
fn has_differential(nodes: &[Node]) -> bool {
    let is_bracket = |node: &&Node| !matches!(node, Node::Char('(' | ')'));
    let nodes: Vec<Node> = nodes.iter().filter(is_bracket).cloned().collect();
    matches!(&nodes[..], [only] if is_d(only))
        || (0..nodes.len()).any(|at| starts_differential(&nodes[at..]))
        || nodes
            .windows(2)
            .any(|pair| is_d(&pair[0]) && pair[1] == Node::Char('^'))
}

fn starts_differential(nodes: &[Node]) -> bool {
    matches!(nodes, [first, next, ..] if is_d(first) && is_symbol(next))
}

fn is_d(node: &Node) -> bool {
    *node == Node::Char('d') || *node == Node::Words("d".into())
}

fn is_symbol(node: &Node) -> bool {
    node.is_letter()
        || matches!(node, Node::Words(word) if word.chars().count() == 1)
        || matches!(node, Node::Command(name) if function::GREEK.contains(&&**name))
}

fn number(number: &Number) -> Option<Quotient> {
    Some(match number {
        Number::Ratio(above, below) => Quotient::number(Ratio::new(*above, *below)?),
        power => Quotient::of(Sum::atom(Atom::Name(power.to_string()), Ratio::ONE)),
    })
}

/// A whole number in digits alone.
fn count(nodes: &[Node]) -> Option<i128> {
    let is_count = !nodes.is_empty() && nodes.iter().all(Node::is_digit);
    is_count.then(|| print(nodes).parse().ok())?
}

/// `a/b` below 1 in digits, with nothing behind it but what parts terms, and how long it is.
fn small_fraction(nodes: &[Node]) -> Option<(Ratio, usize)> {
    let run = |nodes: &[Node]| nodes.iter().take_while(|node| node.is_digit()).count();
    let above = run(nodes);
    if nodes.get(above) != Some(&Node::Char('/')) {
        return None;
    }
    let below = run(&nodes[above + 1..]);
    let end = above + 1 + below;
    let (above, below) = (count(&nodes[..above])?, count(&nodes[above + 1..end])?);
    let is_end = nodes
        .get(end)
        .is_none_or(|node| matches!(node, Node::Char('+' | '-')));
    (above < below && is_end).then_some((Ratio::new(above, below)?, end))
}

fn is_times(node: &Node) -> bool {
    *node == Node::Char('*') || node.is_command("times") || node.is_command("cdot")
}

fn is_over(node: &Node) -> bool {
    *node == Node::Char('/') || node.is_command("div")
}

/// The value of `text`, which has a decimal point, with digits behind it that repeat for ever:
/// `0.1` and `6` are `1/10 + 6/90`.
fn repeating(text: &str, digits: &str) -> Option<Ratio> {
    let places = text.split_once('.').map_or(0, |(_, after)| after.len());
    let text = if text.ends_with('.') {
        format!("{text}0")
    } else {
        text.to_owned()
    };
    let Number::Ratio(above, below) = Number::decimal(&text)? else {
        return None;
    };
    let power = |exponent: usize| Ratio::whole(10).power(i64::try_from(exponent).ok()?);
    let nines = power(digits.len())?.minus(Ratio::ONE)?;
    let repeated = Ratio::new(digits.parse().ok()?, 1)?.over(nines.times(power(places)?)?)?;
    Ratio::new(above, below)?.plus(repeated)
}
