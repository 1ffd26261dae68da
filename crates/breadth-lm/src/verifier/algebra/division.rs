//! Quotients in lowest terms, as far as that is easy to find.

use super::calculator::Calculator;
use super::ratio::Ratio;
use super::sum::{Atom, Monomial, Quotient, Sum};

/// Steps of a division that are tried.
const STEPS: usize = 64;

/// Roots that are removed from a denominator.
const ROOTS: usize = 6;

impl Calculator {
    /// `above / below`, shortened; nothing for a division by 0.
    pub fn quotient(&self, above: Sum, below: Sum) -> Option<Quotient> {
        if below.is_zero() {
            return None;
        }
        if above.is_zero() {
            return Some(Quotient::of(above));
        }
        let (above, below) = self.without_roots(above, below)?;
        if let Some(sum) = self.by_a_term(&above, &below) {
            return Some(Quotient::of(sum));
        }
        let (common, above, below) = without_common_products(&above, &below)?;
        let (above, below) = self.shortened(above, below)?;
        let above = self.product(&above, &Sum::term(Ratio::ONE, common))?;
        if let Some(sum) = self.by_a_term(&above, &below) {
            return Some(Quotient::of(sum));
        }
        let sign = if below.lead()?.1.is_negative() {
            Ratio::ONE.negated()
        } else {
            Ratio::ONE
        };
        let scale = below.content()?.times(sign)?.inverse()?;
        let (above, below) = (above.scaled(scale)?, below.scaled(scale)?);
        Some(Quotient { above, below })
    }

    /// The quotient by a single term.
    fn by_a_term(&self, above: &Sum, below: &Sum) -> Option<Sum> {
        let (monomial, factor) = below.single()?;
        if monomial.0.keys().any(|atom| matches!(atom, Atom::Root(_))) {
            return None;
        }
        let negated = monomial.0.iter().map(|(a, e)| (a.clone(), e.negated()));
        let inverse = self.reduced(negated.collect())?;
        self.product(above, &inverse.scaled(factor.inverse()?)?)
    }

    /// Both multiplied until the lower one has no square roots, where that works.
    fn without_roots(&self, mut above: Sum, mut below: Sum) -> Option<(Sum, Sum)> {
        for _ in 0..ROOTS {
            let Some(by) = conjugate(&below) else { break };
            above = self.product(&above, &by)?;
            below = self.product(&below, &by)?;
            if below.is_zero() {
                return None;
            }
        }
        Some((above, below))
    }

    /// Both without a common divisor, where one divides the other or there is one unknown only.
    fn shortened(&self, above: Sum, below: Sum) -> Option<(Sum, Sum)> {
        if below.single().is_some() {
            return Some((above, below));
        }
        if let Some((whole, _)) = self
            .divided(&above, &below)
            .filter(|(_, rest)| rest.is_zero())
        {
            return Some((whole, Sum::number(Ratio::ONE)));
        }
        let Some(divisor) = self.common_divisor(&above, &below) else {
            return Some((above, below));
        };
        let (a, b) = (
            self.divided(&above, &divisor),
            self.divided(&below, &divisor),
        );
        match (a, b) {
            (Some((a, x)), Some((b, y))) if x.is_zero() && y.is_zero() => Some((a, b)),
            _ => Some((above, below)),
        }
    }

    fn common_divisor(&self, above: &Sum, below: &Sum) -> Option<Sum> {
        let mut atoms = above.atoms();
        atoms.extend(below.atoms());
        if atoms.len() != 1 {
            return None;
        }
        let (mut a, mut b) = (above.clone(), below.clone());
        for _ in 0..STEPS {
            if b.is_zero() {
                let content = a.content()?.inverse()?;
                return a.scaled(content).filter(|a| a.rational().is_none());
            }
            let (_, rest) = self.divided(&a, &b)?;
            (a, b) = (b, rest);
        }
        None
    }

    /// Quotient and remainder of a division of polynomials.
    fn divided(&self, above: &Sum, below: &Sum) -> Option<(Sum, Sum)> {
        let (lead, factor) = below.lead()?;
        let (mut whole, mut rest) = (Sum::default(), above.clone());
        for _ in 0..STEPS {
            let Some((monomial, own)) = rest.lead() else {
                break;
            };
            let ratio = monomial.over(lead)?;
            if ratio.0.values().any(|exponent| exponent.is_negative()) {
                break;
            }
            let own = own.over(factor)?;
            whole.add(&ratio, own)?;
            let part = self.product(below, &Sum::term(own, ratio))?;
            let next = rest.plus(&part.negated())?;
            // Products that reduce (roots, sines) may not lower the degree.
            if next
                .lead()
                .is_some_and(|(m, _)| m.order(rest.lead().map_or(m, |r| r.0)).is_ge())
            {
                return None;
            }
            rest = next;
        }
        Some((whole, rest))
    }
}

/// What a sum is multiplied by to have one root less.
fn conjugate(sum: &Sum) -> Option<Sum> {
    let half = Ratio::new(1, 2)?;
    let is_root = |(atom, exponent): &(&Atom, &Ratio)| match atom {
        Atom::Prime(_) | Atom::Root(_) => exponent.floor() == 0 && exponent.below() > 1,
        Atom::Imaginary => true,
        _ => false,
    };
    if let Some((monomial, _)) = sum.single() {
        let (atom, exponent) = monomial.0.iter().find(is_root)?;
        let rest = match atom {
            Atom::Imaginary => Ratio::ONE,
            _ => Ratio::ONE.minus(*exponent)?,
        };
        return Some(Sum::atom(atom.clone(), rest));
    }
    let mut roots = sum
        .0
        .keys()
        .flat_map(|monomial| monomial.0.iter().filter(is_root));
    let (atom, _) = roots.next()?;
    let unit = if *atom == Atom::Imaginary {
        Ratio::ONE
    } else {
        half
    };
    let is_square = |monomial: &Monomial| {
        let exponent = monomial.exponent(atom);
        exponent.is_zero() || exponent == unit
    };
    if !sum.0.keys().all(is_square) {
        return None;
    }
    let flip = |(monomial, factor): (&Monomial, &Ratio)| {
        let factor = if monomial.exponent(atom).is_zero() {
            *factor
        } else {
            factor.negated()
        };
        (monomial.clone(), factor)
    };
    Some(Sum(sum.0.iter().map(flip).collect()))
}

/// Both without the product that all their terms have in common, and the quotient of these
/// products.
fn without_common_products(above: &Sum, below: &Sum) -> Option<(Monomial, Sum, Sum)> {
    let (a, b) = (common_product(above), common_product(below));
    let without = |sum: &Sum, common: &Monomial| -> Option<Sum> {
        let term =
            |(monomial, factor): (&Monomial, &Ratio)| Some((monomial.over(common)?, *factor));
        sum.0.iter().map(term).collect::<Option<_>>().map(Sum)
    };
    Some((a.over(&b)?, without(above, &a)?, without(below, &b)?))
}

fn common_product(sum: &Sum) -> Monomial {
    let mut common = Monomial::default();
    for atom in sum.atoms() {
        if matches!(atom, Atom::Prime(_) | Atom::Imaginary | Atom::Root(_)) {
            continue;
        }
        let exponents = sum.0.keys().map(|monomial| monomial.exponent(atom));
        let least = exponents.reduce(|a, b| match a.minus(b) {
            Some(gap) if gap.is_negative() => a,
            _ => b,
        });
        if let Some(least) = least.filter(|least| !least.is_zero()) {
            common.0.insert(atom.clone(), least);
        }
    }
    common
}
