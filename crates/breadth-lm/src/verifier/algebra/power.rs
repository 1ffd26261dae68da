//! Powers and roots.

use super::calculator::{Calculator, MULTIPLIED_OUT};
use super::ratio::Ratio;
use super::sum::{Atom, Monomial, Quotient, Sum};

/// Greatest divisor that is looked for in a number under a root.
const LARGEST_DIVISOR: u64 = 1 << 14;

impl Calculator {
    /// `base ^ exponent`; nothing for 0 to a power that is not above 0, for roots of what may be
    /// negative or imaginary, and for what is too long.
    pub fn power(&self, base: &Quotient, exponent: &Quotient) -> Option<Quotient> {
        match exponent.rational() {
            Some(exponent) => self.rational_power(base, exponent),
            None => self.unknown_power(base, exponent),
        }
    }

    /// The primes and names in a value above 0 with their powers, if it is a product of such.
    pub fn powers(&self, of: &Quotient) -> Option<Vec<(Atom, Ratio)>> {
        let (above, factor) = of.above.single()?;
        let (below, divisor) = of.below.single()?;
        let number = factor.over(divisor)?;
        if number.is_negative() {
            return None;
        }
        let mut out = above.over(below)?.0;
        for (prime, times) in factors(self, number)? {
            let power = out.entry(Atom::Prime(prime)).or_insert(Ratio::ZERO);
            *power = power.plus(Ratio::whole(times))?;
        }
        let is_simple = |atom: &Atom| match atom {
            Atom::Prime(_) => true,
            Atom::Name(name) => name == "e",
            _ => false,
        };
        // 1 is a power of everything.
        out.remove(&Atom::Prime(1));
        out.keys().all(is_simple).then(|| out.into_iter().collect())
    }

    fn rational_power(&self, base: &Quotient, exponent: Ratio) -> Option<Quotient> {
        if base.is_zero() {
            let is_above = !exponent.is_negative() && !exponent.is_zero();
            return is_above.then(|| base.clone());
        }
        let above = self.power_of_sum(&base.above, exponent)?;
        let below = self.power_of_sum(&base.below, exponent)?;
        self.over(&above, &below)
    }

    fn power_of_sum(&self, base: &Sum, exponent: Ratio) -> Option<Quotient> {
        if let Some(value) = base.rational() {
            return power_of_number(self, value, exponent);
        }
        match exponent.as_whole() {
            Some(times) => self.whole_power(base, times),
            None => self.root(base, exponent),
        }
    }

    fn whole_power(&self, base: &Sum, times: i64) -> Option<Quotient> {
        if let Some((monomial, factor)) = base.single() {
            let times = Ratio::whole(times);
            let scale =
                |(atom, exponent): (&Atom, &Ratio)| Some((atom.clone(), exponent.times(times)?));
            let has_root = monomial.0.keys().any(|atom| matches!(atom, Atom::Root(_)));
            if !(has_root && times.is_negative()) {
                let exponents = monomial.0.iter().map(scale).collect::<Option<_>>()?;
                let number = power_of_number(self, factor, times)?;
                let product = Quotient::of(self.reduced(exponents)?);
                return self.times(&number, &product);
            }
        }
        if times.abs() > MULTIPLIED_OUT {
            let base = Box::new(Quotient::of(base.clone()));
            let power = Atom::Power(base, Monomial::default());
            return Some(Quotient::of(Sum::atom(power, Ratio::whole(times))));
        }
        let mut out = Sum::number(Ratio::ONE);
        for _ in 0..times.abs() {
            out = self.product(&out, base)?;
        }
        let one = Sum::number(Ratio::ONE);
        if times < 0 {
            self.quotient(one, out)
        } else {
            self.quotient(out, one)
        }
    }

    /// A power that is not whole: the number in front and one unknown come out of the root, all
    /// else stays in it.
    fn root(&self, base: &Sum, exponent: Ratio) -> Option<Quotient> {
        if base.atoms().contains(&Atom::Imaginary) {
            return None;
        }
        if exponent == Ratio::new(1, 2)?
            && let Some(value) = self.denested(base)
        {
            return Some(value);
        }
        let content = base.content()?;
        let number = power_of_number(self, content, exponent)?;
        let rest = base.scaled(content.inverse()?)?;
        if let Some(product) = single_root(&rest, exponent) {
            return self.times(&number, &Quotient::of(self.reduced(product.0)?));
        }
        let whole = i64::try_from(exponent.floor()).ok()?;
        let left = exponent.minus(Ratio::whole(whole))?;
        let outside = self.whole_power(&rest, whole)?;
        let inside = Quotient::of(Sum::atom(Atom::Root(Box::new(rest)), left));
        self.times(&number, &self.times(&outside, &inside)?)
    }

    /// The root of `a + b sqrt(c)` where `a^2 - b^2 c` is a square `d^2`: the sum or difference of
    /// the roots of `(a + d) / 2` and `(a - d) / 2`.
    fn denested(&self, base: &Sum) -> Option<Quotient> {
        let half = Ratio::new(1, 2)?;
        let square = |value: Ratio| value.times(value);
        let (mut a, mut b, mut squared) = (Ratio::ZERO, Ratio::ZERO, Ratio::ZERO);
        for (monomial, factor) in &base.0 {
            if monomial.is_one() {
                a = *factor;
                continue;
            }
            let mut inner = square(*factor)?;
            for (atom, exponent) in &monomial.0 {
                let Atom::Prime(prime) = atom else {
                    return None;
                };
                inner = inner.times(Ratio::new((*prime).into(), 1)?)?;
                (*exponent == half).then_some(())?;
            }
            (b, squared) = (*factor, inner);
        }
        let gap = square(a)?.minus(squared)?;
        let is_one = base.0.len() == 2 && a.above() > 0 && !b.is_zero() && !gap.is_negative();
        let d = is_one
            .then(|| power_of_number(self, gap, half))??
            .rational()?;
        let part = |sum: Option<Ratio>| power_of_number(self, sum?.times(half)?, half);
        let (more, less) = (part(a.plus(d))?, part(a.minus(d))?);
        if b.is_negative() {
            self.minus(&more, &less)
        } else {
            self.plus(&more, &less)
        }
    }

    /// A power whose exponent has unknowns: `b^(2x + 1)` is `b (b^x)^2`.
    fn unknown_power(&self, base: &Quotient, exponent: &Quotient) -> Option<Quotient> {
        if !exponent.is_sum() || base.is_zero() {
            let arguments = vec![base.clone(), exponent.clone()];
            return Some(Quotient::atom(Atom::Call("power".into(), arguments)));
        }
        let mut out = Quotient::number(Ratio::ONE);
        for (monomial, factor) in &exponent.above.0 {
            let part = if monomial.is_one() {
                self.rational_power(base, *factor)?
            } else {
                self.power_of_product(base, monomial, *factor)?
            };
            out = self.times(&out, &part)?;
        }
        Some(out)
    }

    fn power_of_product(
        &self,
        base: &Quotient,
        unit: &Monomial,
        factor: Ratio,
    ) -> Option<Quotient> {
        let atom = |base: Quotient| Atom::Power(Box::new(base), unit.clone());
        let Some(number) = base.rational() else {
            return Some(Quotient::of(Sum::atom(atom(base.clone()), factor)));
        };
        let mut product = Monomial::default();
        if number.is_negative() {
            let minus = Quotient::number(Ratio::ONE.negated());
            product.0.insert(atom(minus), factor);
        }
        for (prime, times) in factors(self, number)? {
            let prime = Quotient::number(Ratio::new(prime.into(), 1)?);
            product
                .0
                .insert(atom(prime), factor.times(Ratio::whole(times))?);
        }
        Some(Quotient::of(Sum::term(Ratio::ONE, product)))
    }
}

/// The root of one unknown, of primes and of constants above 0.
fn single_root(base: &Sum, exponent: Ratio) -> Option<Monomial> {
    let (monomial, factor) = base.single()?;
    if factor != Ratio::ONE {
        return None;
    }
    let mut unknowns = 0;
    let mut root = |(atom, own): (&Atom, &Ratio)| {
        match atom {
            Atom::Prime(_) => {}
            Atom::Name(name) if name == "pi" || name == "e" => {}
            Atom::Name(_) if own.magnitude() == Ratio::ONE && unknowns == 0 => unknowns += 1,
            _ => return None,
        }
        Some((atom.clone(), own.times(exponent)?))
    };
    let exponents = monomial.0.iter().map(&mut root).collect::<Option<_>>()?;
    Some(Monomial(exponents))
}

/// A rational number to a rational power.
fn power_of_number(calculator: &Calculator, value: Ratio, exponent: Ratio) -> Option<Quotient> {
    if let Some(power) = exponent.as_whole().and_then(|times| value.power(times)) {
        return Some(Quotient::number(power));
    }
    let mut product = std::collections::BTreeMap::new();
    let mut sign = Ratio::ONE;
    if value.is_negative() {
        let is_odd = exponent.above() % 2 != 0;
        match exponent.below() {
            2 => drop(product.insert(Atom::Imaginary, Ratio::new(exponent.above(), 1)?)),
            below if below % 2 != 0 => sign = if is_odd { sign.negated() } else { sign },
            _ => return None,
        }
    }
    for (prime, times) in factors(calculator, value)? {
        let times = exponent.times(Ratio::whole(times))?;
        product.insert(Atom::Prime(prime), times);
    }
    let sum = calculator.reduced(product)?;
    Some(Quotient::of(sum.scaled(sign)?))
}

/// The primes in the magnitude of a number. What has no small divisor is taken as prime: roots of
/// it are then told apart more often than need be, never mixed up.
fn factors(calculator: &Calculator, value: Ratio) -> Option<Vec<(u64, i64)>> {
    calculator.spend(20)?;
    let mut out = Vec::new();
    for (number, sign) in [
        (value.above().unsigned_abs(), 1),
        (value.below().unsigned_abs(), -1),
    ] {
        let mut rest = u64::try_from(number).ok()?;
        let mut divisor = 2;
        while divisor < LARGEST_DIVISOR && divisor * divisor <= rest {
            let mut times = 0;
            while rest % divisor == 0 {
                (rest, times) = (rest / divisor, times + 1);
            }
            if times > 0 {
                out.push((divisor, sign * times));
            }
            divisor += 1 + divisor % 2;
        }
        let root = rest.isqrt();
        match root * root == rest {
            true if rest > 1 => out.push((root, 2 * sign)),
            false => out.push((rest, sign)),
            true => {}
        }
    }
    Some(out)
}
