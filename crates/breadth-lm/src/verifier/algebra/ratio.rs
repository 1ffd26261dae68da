//! Exact fractions of bounded size.

/// A fraction in lowest terms, its denominator above 0. Every operation says nothing instead of
/// overflowing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio {
    above: i128,
    below: i128,
}

impl Ratio {
    pub const ZERO: Self = Self { above: 0, below: 1 };
    pub const ONE: Self = Self { above: 1, below: 1 };

    /// `above / below`; nothing for a division by 0.
    pub fn new(above: i128, below: i128) -> Option<Self> {
        if below == 0 {
            return None;
        }
        let divisor = gcd(above.unsigned_abs(), below.unsigned_abs());
        let is_negative = (above < 0) != (below < 0);
        let above = i128::try_from(above.unsigned_abs() / divisor).ok()?;
        let below = i128::try_from(below.unsigned_abs() / divisor).ok()?;
        let above = if is_negative { -above } else { above };
        Some(Self { above, below })
    }

    pub fn whole(value: i64) -> Self {
        Self {
            above: value.into(),
            below: 1,
        }
    }

    pub fn above(self) -> i128 {
        self.above
    }

    pub fn below(self) -> i128 {
        self.below
    }

    pub fn is_zero(self) -> bool {
        self.above == 0
    }

    pub fn is_negative(self) -> bool {
        self.above < 0
    }

    /// The value, if it is a whole number of reasonable size.
    pub fn as_whole(self) -> Option<i64> {
        (self.below == 1).then_some(self.above)?.try_into().ok()
    }

    pub fn negated(self) -> Self {
        Self {
            above: -self.above,
            below: self.below,
        }
    }

    pub fn magnitude(self) -> Self {
        Self {
            above: self.above.abs(),
            below: self.below,
        }
    }

    pub fn plus(self, other: Self) -> Option<Self> {
        let left = self.above.checked_mul(other.below)?;
        let right = other.above.checked_mul(self.below)?;
        Self::new(
            left.checked_add(right)?,
            self.below.checked_mul(other.below)?,
        )
    }

    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negated())
    }

    pub fn times(self, other: Self) -> Option<Self> {
        // Factors in common go first, so that only results that are too long are given up.
        let left = Self::new(self.above, other.below)?;
        let right = Self::new(other.above, self.below)?;
        let above = left.above.checked_mul(right.above)?;
        Self::new(above, left.below.checked_mul(right.below)?)
    }

    pub fn inverse(self) -> Option<Self> {
        Self::new(self.below, self.above)
    }

    pub fn over(self, other: Self) -> Option<Self> {
        self.times(other.inverse()?)
    }

    /// The greatest whole number that is not above.
    pub fn floor(self) -> i128 {
        self.above.div_euclid(self.below)
    }

    /// A whole power, where it is of bounded size.
    pub fn power(self, exponent: i64) -> Option<Self> {
        if self.magnitude() == Self::ONE {
            let is_odd = exponent % 2 != 0;
            return Some(if is_odd { self } else { Self::ONE });
        }
        let times = u32::try_from(exponent.unsigned_abs()).ok()?;
        let result = Self {
            above: self.above.checked_pow(times)?,
            below: self.below.checked_pow(times)?,
        };
        if exponent < 0 {
            result.inverse()
        } else {
            Some(result)
        }
    }
}

pub fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
