//! Functions with their arguments.

use super::super::algebra::{Quotient, Ratio};
use super::bracket;
use super::function::{NAMES, call, logarithm, magnitude};
use super::node::{Node, print};
use super::reader::{Reader, begins_factor, begins_number};

/// Letters that are taken for functions where parentheses follow.
const LETTERS: &str = "fghFGHPQ";

impl Reader<'_> {
    /// A function that stands as a command: with an index, a power, and an argument that may have
    /// no parentheses.
    pub fn function(&mut self, name: &str) -> Option<Quotient> {
        let mut name = name.to_owned();
        if self.next_if(|node| *node == Node::Char('_')).is_some() {
            let Some(Node::Argument(index)) =
                self.next_if(|node| matches!(node, Node::Argument(_)))
            else {
                return None;
            };
            name = format!("{name}_{{{}}}", print(index));
        }
        let power = match self.next_if(|node| *node == Node::Char('^')) {
            Some(_) => Some(self.argument()?),
            None => None,
        };
        let arguments = match self.peek()? {
            Node::Char('(') => {
                let inner = self.bracketed()?;
                let arguments = self.arguments(inner)?;
                if self.peek() == Some(&Node::Char('^')) {
                    return None;
                }
                arguments
            }
            _ => vec![self.bare_argument()?],
        };
        let is_inverse = power.as_ref().and_then(Quotient::rational) == Some(Ratio::ONE.negated());
        match power {
            Some(_) if is_inverse && ["sin", "cos", "tan"].contains(&&*name) => {
                self.applied(&format!("arc{name}"), arguments)
            }
            Some(power) => self
                .calculator
                .power(&self.applied(&name, arguments)?, &power),
            None => self.applied(&name, arguments),
        }
    }

    /// Factors up to the next sign or function; nothing where it is not sure what belongs to the
    /// argument.
    fn bare_argument(&mut self) -> Option<Quotient> {
        let goes_on = |node: &Node| {
            let is_function = matches!(node, Node::Command(name) if NAMES.contains(&&**name));
            begins_factor(node) && !is_function
        };
        self.peek().filter(|node| goes_on(node))?;
        let mut value = self.factor()?;
        while let Some(node) = self.peek().filter(|node| goes_on(node)) {
            if begins_number(node) || *node == Node::Char('(') {
                return None;
            }
            value = self.calculator.times(&value, &self.factor()?)?;
        }
        let is_unsure = matches!(self.peek(), Some(Node::Char('/' | '*')));
        (!is_unsure).then_some(value)
    }

    fn arguments(&self, inner: &[Node]) -> Option<Vec<Quotient>> {
        let parts = bracket::split(inner, |node| {
            matches!(node, Node::Char(',') | Node::Separator)
        });
        parts
            .into_iter()
            .map(|(_, part)| self.inner(part))
            .collect()
    }

    /// A function of its arguments, by sines and cosines where that is what it is.
    fn applied(&self, name: &str, mut arguments: Vec<Quotient>) -> Option<Quotient> {
        let one = Quotient::number(Ratio::ONE);
        if ["gcd", "lcm", "max", "min"].contains(&name) {
            arguments.sort();
            return Some(call(name, arguments));
        }
        let of = |name: &str| match &arguments[..] {
            [angle] if ["sin", "cos"].contains(&name) => self
                .exact_sine(name, angle)
                .unwrap_or_else(|| call(name, arguments.clone())),
            _ => call(name, arguments.clone()),
        };
        match name {
            "sin" | "cos" => Some(of(name)),
            "tan" => self.calculator.over(&of("sin"), &of("cos")),
            "cot" => self.calculator.over(&of("cos"), &of("sin")),
            "sec" => self.calculator.over(&one, &of("cos")),
            "csc" => self.calculator.over(&one, &of("sin")),
            "tanh" => self.calculator.over(&of("sinh"), &of("cosh")),
            "exp" => match &arguments[..] {
                [exponent] => self.calculator.power(&Quotient::name("e"), exponent),
                _ => None,
            },
            "arcsin" | "arccos" | "arctan" => match &arguments[..] {
                [of] => Some(
                    self.exact_angle(name, of)
                        .unwrap_or_else(|| call(name, arguments)),
                ),
                _ => Some(call(name, arguments)),
            },
            _ => Some(logarithm(name, &arguments, self.calculator)),
        }
    }

    /// The angle whose sine, cosine or tangent is that of a multiple of 30 or 45 degrees.
    fn exact_angle(&self, name: &str, of: &Quotient) -> Option<Quotient> {
        let (first, function) = match name {
            "arccos" => (0, "cos"),
            "arcsin" => (-90, "sin"),
            _ => (-60, "tan"),
        };
        (first..=first + 180).step_by(15).find_map(|degrees| {
            let part = Quotient::number(Ratio::new(degrees.into(), 180)?);
            let angle = self.calculator.times(&part, &Quotient::name("pi"))?;
            let value = match function {
                "tan" => self.calculator.over(
                    &self.exact_sine("sin", &angle)?,
                    &self.exact_sine("cos", &angle)?,
                ),
                _ => self.exact_sine(function, &angle),
            };
            self.calculator.is_equal(&value?, of).then_some(angle)
        })
    }

    /// The sine or cosine of a multiple of 30 or 45 degrees.
    fn exact_sine(&self, name: &str, angle: &Quotient) -> Option<Quotient> {
        let ahead = if name == "cos" { 90 } else { 0 };
        let turned = self.degrees(angle)?.as_whole()?.rem_euclid(360) + ahead;
        let half_turn = turned % 180;
        // Four times its square.
        let square = match half_turn.min(180 - half_turn) {
            0 => return Some(Quotient::number(Ratio::whole(0))),
            30 => 1,
            45 => 2,
            60 => 3,
            90 => 4,
            _ => return None,
        };
        let half = Quotient::number(Ratio::new(1, 2)?);
        let root = self
            .calculator
            .power(&Quotient::number(Ratio::whole(square)), &half)?;
        let value = self.calculator.times(&root, &half)?;
        let is_negative = (180..360).contains(&turned);
        Some(if is_negative { value.negated() } else { value })
    }

    /// An angle in degrees, if it is a number of them or of times pi.
    fn degrees(&self, angle: &Quotient) -> Option<Ratio> {
        if angle.rational().is_some_and(Ratio::is_zero) {
            return angle.rational();
        }
        let per = |name: &str, degrees: i64| {
            let number = self.calculator.over(angle, &Quotient::name(name))?;
            number.rational()?.times(Ratio::whole(degrees))
        };
        per("degree", 1).or_else(|| per("pi", 180))
    }

    /// A function in plain letters, its parentheses next.
    pub fn plain_function(&mut self, name: &str) -> Option<Quotient> {
        let inner = self.bracketed()?;
        let arguments = self.arguments(inner)?;
        match (name, &arguments[..]) {
            ("sqrt", [base]) => self
                .calculator
                .power(base, &Quotient::number(Ratio::new(1, 2)?)),
            ("cbrt", [base]) => self
                .calculator
                .power(base, &Quotient::number(Ratio::new(1, 3)?)),
            ("abs", [of]) => magnitude(of),
            ("sqrt" | "cbrt" | "abs", _) => None,
            (name, _) => self.applied(name, arguments),
        }
    }

    /// What a letter is with parentheses behind it, if that is a function: `f(x)`, and any letter
    /// with more than one argument.
    pub fn called(&mut self, name: &str) -> Option<Option<Quotient>> {
        if self.peek() != Some(&Node::Char('(')) {
            return None;
        }
        let start = self.at;
        let inner = self.bracketed()?;
        let has_comma = bracket::find(inner, |node| {
            matches!(node, Node::Char(',') | Node::Separator)
        })
        .is_some();
        let letter = name.chars().next().filter(|c| LETTERS.contains(*c));
        if letter.is_none() && !has_comma {
            self.at = start;
            return None;
        }
        Some(self.arguments(inner).map(|arguments| call(name, arguments)))
    }
}
