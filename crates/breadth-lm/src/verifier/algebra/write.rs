//! Values as text.

use std::fmt::Write as _;

use super::ratio::Ratio;
use super::sum::{Atom, Monomial, Quotient, Sum};

impl std::fmt::Display for Quotient {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        if self.is_sum() {
            f.write_str(&sum(&self.above))
        } else {
            write!(f, "\\frac{{{}}}{{{}}}", sum(&self.above), sum(&self.below))
        }
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self.below() {
            1 => write!(f, "{}", self.above()),
            below => write!(f, "{}/{below}", self.above()),
        }
    }
}

/// The terms, constants last.
fn sum(sum: &Sum) -> String {
    let mut out = String::new();
    for (monomial, factor) in sum.0.iter().rev() {
        let is_first = out.is_empty();
        match factor.is_negative() {
            true => out.push('-'),
            false if !is_first => out.push('+'),
            false => {}
        }
        out.push_str(&term(monomial, factor.magnitude()));
    }
    if out.is_empty() { "0".into() } else { out }
}

fn term(monomial: &Monomial, factor: Ratio) -> String {
    if monomial.is_one() {
        return factor.to_string();
    }
    let mut above = Parts::new(factor.above());
    let mut below = Parts::new(factor.below());
    for (atom, exponent) in &monomial.0 {
        if exponent.is_negative() {
            below.push(atom, exponent.magnitude())
        } else {
            above.push(atom, *exponent)
        }
    }
    match below.text() {
        text if text == "1" => above.text(),
        text => format!("\\frac{{{}}}{{{text}}}", above.text()),
    }
}

/// A product that is being written.
struct Parts {
    number: i128,
    under_root: u128,
    text: String,
}

impl Parts {
    fn new(number: i128) -> Self {
        Self {
            number,
            under_root: 1,
            text: String::new(),
        }
    }

    fn push(&mut self, atom: &Atom, exponent: Ratio) {
        let is_half = exponent == Ratio::whole(1).over(Ratio::whole(2)).unwrap_or(Ratio::ZERO);
        if let (Atom::Prime(prime), true) = (atom, is_half)
            && let Some(product) = self.under_root.checked_mul((*prime).into())
        {
            self.under_root = product;
            return;
        }
        let text = power(atom, exponent, is_half);
        join(&mut self.text, &text);
    }

    fn text(&self) -> String {
        let mut out = String::new();
        if self.number != 1 {
            let _ = write!(out, "{}", self.number);
        }
        if self.under_root != 1 {
            let _ = write!(out, "\\sqrt{{{}}}", self.under_root);
        }
        let separator = match (
            out.ends_with(|c: char| c.is_ascii_digit()),
            self.text.starts_with(|c: char| c.is_ascii_digit()),
        ) {
            (true, true) => "\\cdot ",
            _ => "",
        };
        out.push_str(separator);
        join(&mut out, &self.text);
        if out.is_empty() { "1".into() } else { out }
    }
}

/// Appends so that a command's name does not go on.
fn join(out: &mut String, text: &str) {
    let letters = out.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let ends_in_command = letters.ends_with('\\') && letters.len() < out.len();
    if ends_in_command && text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        out.push(' ');
    }
    out.push_str(text);
}

fn power(atom: &Atom, exponent: Ratio, is_half: bool) -> String {
    if let Atom::Power(base, unit) = atom {
        let exponent = Sum::term(exponent, unit.clone());
        return format!("{}^{{{}}}", bracketed(base), sum(&exponent));
    }
    match (atom, exponent) {
        (Atom::Root(inner), _) if is_half => format!("\\sqrt{{{}}}", sum(inner)),
        (_, Ratio::ONE) => written(atom),
        _ => {
            let exponent = exponent.to_string();
            match exponent.len() {
                1 => format!("{}^{exponent}", written(atom)),
                _ => format!("{}^{{{exponent}}}", written(atom)),
            }
        }
    }
}

fn bracketed(base: &Quotient) -> String {
    match base.to_string() {
        text if text.chars().all(char::is_alphanumeric) => text,
        text => format!("({text})"),
    }
}

fn written(atom: &Atom) -> String {
    match atom {
        Atom::Prime(prime) => prime.to_string(),
        Atom::Imaginary => "i".into(),
        Atom::Name(name) => written_name(name),
        Atom::Root(inner) => format!("({})", sum(inner)),
        Atom::Power(base, _) => format!("({base})"),
        Atom::Call(name, arguments) => {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            call(name, &arguments.join(", "))
        }
    }
}

/// Letters as they are, what has a longer name as a command.
fn written_name(name: &str) -> String {
    let is_command = name.len() > 1 && name.chars().all(|c| c.is_ascii_alphabetic());
    if is_command {
        format!("\\{name}")
    } else {
        name.into()
    }
}

fn call(name: &str, arguments: &str) -> String {
    match name {
        "!" => format!("({arguments})!"),
        "abs" => format!("|{arguments}|"),
        "floor" => format!("\\lfloor {arguments}\\rfloor"),
        "ceil" => format!("\\lceil {arguments}\\rceil"),
        _ => format!("{}({arguments})", written_name(name)),
    }
}
