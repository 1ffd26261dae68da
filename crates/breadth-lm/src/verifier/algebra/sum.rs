//! Sums of products in one way of writing, and their quotients.

use std::collections::BTreeMap;

use super::ratio::{Ratio, gcd};

/// What products are made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// A prime number; its exponents are between 0 and 1, but where the power would be too long to
    /// write.
    Prime(u64),
    /// The imaginary unit.
    Imaginary,
    /// A variable or a constant without a value: `x`, `x_1`, `pi`.
    Name(String),
    /// What a root is taken of; its exponents are between 0 and 1.
    Root(Box<Sum>),
    /// A function of its arguments.
    Call(String, Vec<Quotient>),
    /// A base to the power of a product; the exponent beside it is the product's factor.
    Power(Box<Quotient>, Monomial),
}

/// A product of atoms to rational powers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monomial(pub BTreeMap<Atom, Ratio>);

impl Monomial {
    pub fn of(atom: Atom, exponent: Ratio) -> Self {
        Self(BTreeMap::from([(atom, exponent)]))
    }

    pub fn is_one(&self) -> bool {
        self.0.is_empty()
    }

    pub fn exponent(&self, atom: &Atom) -> Ratio {
        self.0.get(atom).copied().unwrap_or(Ratio::ZERO)
    }

    /// The quotient of two products, with negative exponents where need be.
    pub fn over(&self, other: &Self) -> Option<Self> {
        let mut out = self.0.clone();
        for (atom, exponent) in &other.0 {
            let rest = self.exponent(atom).minus(*exponent)?;
            if rest.is_zero() {
                out.remove(atom);
            } else {
                out.insert(atom.clone(), rest);
            }
        }
        Some(Self(out))
    }

    /// Lexicographic order of exponents, which multiplication keeps.
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        let atoms: std::collections::BTreeSet<&Atom> =
            self.0.keys().chain(other.0.keys()).collect();
        let compare = |atom: &&Atom| {
            let (a, b) = (self.exponent(atom), other.exponent(atom));
            match a.minus(b) {
                Some(gap) => gap.above().cmp(&0),
                None => a.floor().cmp(&b.floor()),
            }
        };
        atoms
            .iter()
            .map(compare)
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    }
}

/// Products with their factors, none of which is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum(pub BTreeMap<Monomial, Ratio>);

impl Sum {
    pub fn term(factor: Ratio, monomial: Monomial) -> Self {
        if factor.is_zero() {
            Self::default()
        } else {
            Self(BTreeMap::from([(monomial, factor)]))
        }
    }

    pub fn number(value: Ratio) -> Self {
        Self::term(value, Monomial::default())
    }

    pub fn atom(atom: Atom, exponent: Ratio) -> Self {
        Self::term(Ratio::ONE, Monomial::of(atom, exponent))
    }

    pub fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The only product there is.
    pub fn single(&self) -> Option<(&Monomial, Ratio)> {
        let (monomial, factor) = self.0.first_key_value()?;
        (self.0.len() == 1).then_some((monomial, *factor))
    }

    /// The value, if it is a rational number.
    pub fn rational(&self) -> Option<Ratio> {
        match self.single() {
            None => self.is_zero().then_some(Ratio::ZERO),
            Some((monomial, factor)) => monomial.is_one().then_some(factor),
        }
    }

    pub fn add(&mut self, monomial: &Monomial, factor: Ratio) -> Option<()> {
        let total = self.0.get(monomial).copied().unwrap_or(Ratio::ZERO);
        let total = total.plus(factor)?;
        if total.is_zero() {
            self.0.remove(monomial);
        } else {
            self.0.insert(monomial.clone(), total);
        }
        Some(())
    }

    /// With the primes of a factor in the powers of the same primes, where these are too long to be
    /// written out: `2 * 2^1008` as `2^1009`.
    pub fn gathered(self) -> Option<Self> {
        let is_long =
            |(atom, power): (&Atom, &Ratio)| matches!(atom, Atom::Prime(_)) && power.floor() != 0;
        if !self.0.keys().any(|monomial| monomial.0.iter().any(is_long)) {
            return Some(self);
        }
        let mut out = Self::default();
        for (mut monomial, mut factor) in self.0 {
            for (atom, power) in &mut monomial.0 {
                if !is_long((atom, power)) {
                    continue;
                }
                let Atom::Prime(prime) = atom else { continue };
                let prime = i128::from(*prime);
                let (mut above, mut below) = (factor.above(), factor.below());
                while prime > 1 && above % prime == 0 {
                    (above, *power) = (above / prime, power.plus(Ratio::ONE)?);
                }
                while prime > 1 && below % prime == 0 {
                    (below, *power) = (below / prime, power.minus(Ratio::ONE)?);
                }
                factor = Ratio::new(above, below)?;
            }
            out.add(&monomial, factor)?;
        }
        Some(out)
    }

    pub fn plus(&self, other: &Self) -> Option<Self> {
        let mut out = self.clone();
        for (monomial, factor) in &other.0 {
            out.add(monomial, *factor)?;
        }
        Some(out)
    }

    pub fn scaled(&self, by: Ratio) -> Option<Self> {
        if by.is_zero() {
            return Some(Self::default());
        }
        let scale =
            |(monomial, factor): (&Monomial, &Ratio)| Some((monomial.clone(), factor.times(by)?));
        self.0.iter().map(scale).collect::<Option<_>>().map(Self)
    }

    pub fn negated(&self) -> Self {
        Self(
            self.0
                .iter()
                .map(|(m, f)| (m.clone(), f.negated()))
                .collect(),
        )
    }

    /// The term of the greatest product.
    pub fn lead(&self) -> Option<(&Monomial, Ratio)> {
        let greatest = self.0.iter().max_by(|a, b| a.0.order(b.0));
        greatest.map(|(monomial, factor)| (monomial, *factor))
    }

    /// The number above 0 by which the factors become whole numbers without a common divisor.
    pub fn content(&self) -> Option<Ratio> {
        let (mut above, mut below) = (0_u128, 1_u128);
        for factor in self.0.values() {
            above = gcd(above, factor.above().unsigned_abs());
            let own = factor.below().unsigned_abs();
            below = (below / gcd(below, own)).checked_mul(own)?;
        }
        Ratio::new(above.try_into().ok()?, below.try_into().ok()?)
    }

    /// All atoms, once each.
    pub fn atoms(&self) -> std::collections::BTreeSet<&Atom> {
        self.0
            .keys()
            .flat_map(|monomial| monomial.0.keys())
            .collect()
    }
}

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
