//! Functions in answers.

use super::super::algebra::{Atom, Quotient, Ratio};

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

/// A logarithm that is a fraction: of 1 to any base, and of what a power of the base is a power of,
/// where the base is a whole number that is named (`log_{2}`).
pub fn logarithm(name: &str, arguments: &[Quotient]) -> Option<Quotient> {
    let [of] = arguments else {
        return None;
    };
    let of = of
        .rational()
        .filter(|of| !of.is_zero() && !of.is_negative())?;
    let number = |value: Ratio| Some(Quotient::number(value));
    if of == Ratio::ONE && (["ln", "log", "lg"].contains(&name) || base_of(name).is_some()) {
        return number(Ratio::whole(0));
    }
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
