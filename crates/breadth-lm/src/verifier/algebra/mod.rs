//! Exact algebra on answers: rational numbers, roots, powers, variables and functions as unknowns.
//!
//! A value is a quotient of two sums of products. Products hold primes and sums under roots (by their exponents between 0 and 1), names, functions of values and
//! powers with unknown exponents. Equal quotients by the laws of the field are found equal: both are multiplied out, so there is no rounding, and no two
//! different rational functions are ever taken for equal. Beyond that `i^2 = -1`, `sin^2 = 1 - cos^2` and `sinh^2 = cosh^2 - 1` are known, and roots are those of positive numbers.
//! Work is bounded: what would take too long, or has numbers too long for 128 bits, is given up as no value.

mod calculator;
mod division;
mod power;
mod ratio;
mod sum;
mod write;

pub use calculator::Calculator;
pub use ratio::Ratio;
pub use sum::{Atom, Sum};

/// A quotient of two sums; the lower one is not 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quotient {
    pub above: Sum,
    pub below: Sum,
}

impl Quotient {
    pub fn of(above: Sum) -> Self {
        let below = Sum::number(Ratio::ONE);
        Self { above, below }
    }

    pub fn number(value: Ratio) -> Self {
        Self::of(Sum::number(value))
    }

    pub fn name(name: impl Into<String>) -> Self {
        Self::atom(Atom::Name(name.into()))
    }

    pub fn atom(atom: Atom) -> Self {
        Self::of(Sum::atom(atom, Ratio::ONE))
    }

    pub fn is_zero(&self) -> bool {
        self.above.is_zero()
    }

    /// Whether nothing is divided by.
    pub fn is_sum(&self) -> bool {
        self.below.rational() == Some(Ratio::ONE)
    }

    /// The value, if it is a rational number.
    pub fn rational(&self) -> Option<Ratio> {
        self.is_sum().then(|| self.above.rational())?
    }

    pub fn negated(&self) -> Self {
        Self {
            above: self.above.negated(),
            below: self.below.clone(),
        }
    }

    /// The name, if that is all there is.
    pub fn as_name(&self) -> Option<&str> {
        let (monomial, factor) = self.above.single()?;
        let (atom, exponent) = monomial.0.first_key_value()?;
        let is_plain = self.is_sum()
            && monomial.0.len() == 1
            && (factor, *exponent) == (Ratio::ONE, Ratio::ONE);
        match atom {
            Atom::Name(name) if is_plain => Some(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
