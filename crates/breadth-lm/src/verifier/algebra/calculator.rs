//! Sums, products and quotients within a budget.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::ratio::Ratio;
use super::sum::{Atom, Monomial, Quotient, Sum};

/// Products of two terms that one answer may cost.
const BUDGET: u32 = 30_000;

/// Terms that a sum may have.
const TERMS: usize = 120;

/// Powers of sums that are multiplied out.
pub(super) const MULTIPLIED_OUT: i64 = 24;

/// Does sums, and gives up when they cost too much.
pub struct Calculator {
    left: Cell<u32>,
}

impl Default for Calculator {
    fn default() -> Self {
        let left = Cell::new(BUDGET);
        Self { left }
    }
}

impl Calculator {
    pub(super) fn spend(&self, cost: u32) -> Option<()> {
        self.left.set(self.left.get().checked_sub(cost)?);
        Some(())
    }

    pub fn plus(&self, a: &Quotient, b: &Quotient) -> Option<Quotient> {
        if a.below == b.below {
            return self.quotient(a.above.plus(&b.above)?, a.below.clone());
        }
        let left = self.product(&a.above, &b.below)?;
        let right = self.product(&b.above, &a.below)?;
        self.quotient(left.plus(&right)?, self.product(&a.below, &b.below)?)
    }

    pub fn minus(&self, a: &Quotient, b: &Quotient) -> Option<Quotient> {
        self.plus(a, &b.negated())
    }

    pub fn times(&self, a: &Quotient, b: &Quotient) -> Option<Quotient> {
        let above = self.product(&a.above, &b.above)?;
        self.quotient(above, self.product(&a.below, &b.below)?)
    }

    pub fn over(&self, a: &Quotient, b: &Quotient) -> Option<Quotient> {
        let above = self.product(&a.above, &b.below)?;
        self.quotient(above, self.product(&a.below, &b.above)?)
    }

    /// Whether two values are the same; `false` also where that costs too much to say.
    pub fn is_equal(&self, a: &Quotient, b: &Quotient) -> bool {
        self.compare(a, b) == Some(true)
    }

    /// Whether two values are the same; `None` where that costs too much to say.
    pub(super) fn compare(&self, a: &Quotient, b: &Quotient) -> Option<bool> {
        if a == b {
            return Some(true);
        }
        let left = self.product(&a.above, &b.below)?;
        let right = self.product(&b.above, &a.below)?;
        Some(left == right)
    }

    /// The product of two sums.
    pub(super) fn product(&self, a: &Sum, b: &Sum) -> Option<Sum> {
        let mut out = Sum::default();
        for (left, x) in &a.0 {
            for (right, y) in &b.0 {
                self.spend(1)?;
                let factor = x.times(*y)?;
                for (monomial, own) in &self.merged(left, right)?.0 {
                    out.add(monomial, own.times(factor)?)?;
                }
            }
        }
        (out.0.len() <= TERMS).then_some(out)?.gathered()
    }

    fn merged(&self, a: &Monomial, b: &Monomial) -> Option<Sum> {
        let mut exponents = a.0.clone();
        for (atom, exponent) in &b.0 {
            let total = a.exponent(atom).plus(*exponent)?;
            exponents.insert(atom.clone(), total);
        }
        self.reduced(exponents)
    }

    /// A product with what its exponents allow taken out: whole powers of primes, of roots and of
    /// the imaginary unit, squares of sines.
    pub(super) fn reduced(&self, exponents: BTreeMap<Atom, Ratio>) -> Option<Sum> {
        let mut factor = Ratio::ONE;
        let mut rest = BTreeMap::new();
        let mut sums = Vec::new();
        for (atom, exponent) in exponents {
            let exponent = match &atom {
                Atom::Imaginary => {
                    let turns = exponent.as_whole()?.rem_euclid(4);
                    factor = if turns >= 2 { factor.negated() } else { factor };
                    Ratio::whole(turns % 2)
                }
                Atom::Prime(prime) => match whole_power(*prime, exponent) {
                    Some((whole, left)) => {
                        factor = factor.times(whole)?;
                        left
                    }
                    None => exponent,
                },
                Atom::Root(sum) => {
                    let whole = i64::try_from(exponent.floor()).ok()?;
                    if !(0..=MULTIPLIED_OUT).contains(&whole) {
                        return None;
                    }
                    sums.extend((0..whole).map(|_| (**sum).clone()));
                    exponent.minus(Ratio::whole(whole))?
                }
                Atom::Call(name, arguments) => match square_of_sine(name, exponent) {
                    Some((sign, squares)) => {
                        let cosine = Atom::Call(name.replace("sin", "cos"), arguments.clone());
                        let square = Sum::atom(cosine, Ratio::whole(2)).scaled(sign.negated())?;
                        let square = square.plus(&Sum::number(sign))?;
                        sums.extend((0..squares).map(|_| square.clone()));
                        exponent.minus(Ratio::whole(2 * squares))?
                    }
                    None => exponent,
                },
                _ => exponent,
            };
            if !exponent.is_zero() {
                rest.insert(atom, exponent);
            }
        }
        let mut out = Sum::term(factor, Monomial(rest));
        for sum in sums {
            out = self.product(&out, &sum)?;
        }
        Some(out)
    }
}

/// The whole power in a power of a prime, and the exponent that is left.
fn whole_power(prime: u64, exponent: Ratio) -> Option<(Ratio, Ratio)> {
    let whole = i64::try_from(exponent.floor()).ok()?;
    let prime = Ratio::new(prime.into(), 1)?;
    Some((prime.power(whole)?, exponent.minus(Ratio::whole(whole))?))
}

/// How many squares are in a power of a sine, and the sign of `1 - cos^2` for it.
fn square_of_sine(name: &str, exponent: Ratio) -> Option<(Ratio, i64)> {
    let sign = match name {
        "sin" => Ratio::ONE,
        "sinh" => Ratio::ONE.negated(),
        _ => return None,
    };
    let whole = exponent.as_whole()?;
    (2..=MULTIPLIED_OUT)
        .contains(&whole)
        .then_some((sign, whole / 2))
}
