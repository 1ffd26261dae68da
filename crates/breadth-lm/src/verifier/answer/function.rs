//! Functions in answers.

use super::super::algebra::{Atom, Calculator, Quotient, Ratio};

/// Functions whose argument may stand without parentheses.
pub const NAMES: [&str; 27] = [
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "ln", "log", "lg", "exp", "det", "gcd", "lcm", "max", "min", "arg", "deg", "dim", "ker", "Re",
    "Im",
];

/// Letters that are commands.
pub const GREEK: [&str; 34] = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "varepsilon",
    "zeta",
    "eta",
    "theta",
    "vartheta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "pi",
    "rho",
    "sigma",
    "tau",
    "phi",
    "varphi",
    "chi",
    "psi",
    "omega",
    "Gamma",
    "Delta",
    "Theta",
    "Lambda",
    "Pi",
    "Sigma",
    "Phi",
    "Psi",
    "Omega",
];

/// Greatest number whose factorial is written out.
const FACTORIAL: i64 = 33;

/// A function that is not worked out.
pub fn call(name: &str, arguments: Vec<Quotient>) -> Quotient {
    Quotient::atom(Atom::Call(name.into(), arguments))
}

/// The absolute value.
pub fn magnitude(of: &Quotient) -> Option<Quotient> {
    if let Some(value) = of.rational() {
        return Some(Quotient::number(value.magnitude()));
    }
    let is_negative = of.above.lead()?.1.is_negative();
    let of = if is_negative {
        of.negated()
    } else {
        of.clone()
    };
    Some(call("abs", vec![of]))
}

/// The next whole number below, or above.
pub fn rounded(name: &str, of: &Quotient) -> Option<Quotient> {
    let Some(value) = of.rational() else {
        return Some(call(name, vec![of.clone()]));
    };
    let floor = match name {
        "floor" => value.floor(),
        _ => value.negated().floor().checked_neg()?,
    };
    Some(Quotient::number(Ratio::new(floor, 1)?))
}

/// A logarithm; those to a whole number are quotients of natural ones, as far as they are not exact.
pub fn logarithm(name: &str, arguments: &[Quotient], calculator: &Calculator) -> Quotient {
    let quotient = || {
        let [of] = arguments else {
            return None;
        };
        let base = Ratio::whole(base_of(name)?);
        let above_zero = of.rational().filter(|of| of.above() > 0);
        let exact = above_zero.and_then(|of| exact_logarithm(name, of));
        let natural = |of: &Quotient| summed("ln", std::slice::from_ref(of), calculator);
        exact.or_else(|| calculator.over(&natural(of), &natural(&Quotient::number(base))))
    };
    quotient().unwrap_or_else(|| summed(name, arguments, calculator))
}

/// A logarithm: of a product of powers of primes (and of e, for the natural one) the sum of theirs,
/// anything else as it is.
fn summed(name: &str, arguments: &[Quotient], calculator: &Calculator) -> Quotient {
    let is_one = ["ln", "log", "lg"].contains(&name) || base_of(name).is_some();
    let sum = || {
        let [of] = arguments else {
            return None;
        };
        if let Some(exact) = of
            .rational()
            .filter(|of| of.above() > 0)
            .and_then(|of| exact_logarithm(name, of))
        {
            return Some(exact);
        }
        calculator.powers(of)?.into_iter().try_fold(
            Quotient::number(Ratio::ZERO),
            |sum, (atom, power)| {
                let own = match &atom {
                    Atom::Name(_) if name == "ln" => Quotient::number(Ratio::ONE),
                    Atom::Prime(prime) => {
                        let prime = Ratio::new((*prime).into(), 1)?;
                        exact_logarithm(name, prime)
                            .unwrap_or_else(|| call(name, vec![Quotient::number(prime)]))
                    }
                    _ => return None,
                };
                calculator.plus(&sum, &calculator.times(&Quotient::number(power), &own)?)
            },
        )
    };
    let found = is_one.then(sum).flatten();
    found.unwrap_or_else(|| call(name, arguments.to_vec()))
}

/// A logarithm that is a fraction: of what a power of the base is a power of, where the base is a
/// whole number that is named (`log_{2}`).
fn exact_logarithm(name: &str, of: Ratio) -> Option<Quotient> {
    let number = |value: Ratio| Some(Quotient::number(value));
    let base = Ratio::whole(base_of(name)?);
    for below in 1..=MOST_ROOT {
        let Some(wanted) = of.power(below) else { break };
        let above = (1..=MOST_POWER).map_while(|above| Some((above, base.power(above)?)));
        for (above, power) in above {
            if power == wanted {
                return number(Ratio::new(above.into(), below.into())?);
            }
            if power.inverse() == Some(wanted) {
                return number(Ratio::new((-above).into(), below.into())?);
            }
        }
    }
    None
}

/// The base of `log_{2}`.
fn base_of(name: &str) -> Option<i64> {
    let base = name.strip_prefix("log_{")?.strip_suffix('}')?.parse();
    base.ok().filter(|base| *base >= 2)
}

/// Logarithms that are fractions have at most this below, and powers at most this exponent.
const MOST_ROOT: i64 = 6;
const MOST_POWER: i64 = 126;

pub fn factorial(of: &Quotient) -> Option<Quotient> {
    let small = of
        .rational()
        .and_then(Ratio::as_whole)
        .filter(|n| (0..=FACTORIAL).contains(n));
    match small {
        Some(n) => Some(Quotient::number(Ratio::new(
            (1..=i128::from(n)).product(),
            1,
        )?)),
        None => Some(call("!", vec![of.clone()])),
    }
}

pub fn binomial(above: Quotient, below: Quotient) -> Option<Quotient> {
    let whole = |value: &Quotient| value.rational().and_then(Ratio::as_whole);
    if let (Some(n), Some(k)) = (whole(&above), whole(&below))
        && (0..=120).contains(&n)
        && (0..=n).contains(&k)
    {
        let step = |product: Option<Ratio>, j: i64| {
            product?.times(Ratio::new((n - j).into(), (j + 1).into())?)
        };
        if let Some(value) = (0..k.min(n - k)).fold(Some(Ratio::ONE), step) {
            return Some(Quotient::number(value));
        }
    }
    Some(call("binom", vec![above, below]))
}
