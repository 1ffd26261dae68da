//! Weights that add up exactly.

/// Sampling weights as whole numbers of a common unit: exact sums in any order, hence exact ties.
pub(crate) struct IntegerWeights {
    pub(crate) of_row: Vec<u64>,
    unit: Unit,
}

/// What is counted.
#[derive(Clone, Copy)]
enum Unit {
    /// A negative power of ten, by what it is one of.
    Decimal(f64),
    /// A fraction of a power of two, by that and by which one.
    Binary { power: f64, per_power: f64 },
}

impl IntegerWeights {
    /// Weights with few decimals are counted in units of the last one: whole numbers, and 0.1 + 0.2
    /// against 0.3, tie exactly. The unit of others is the finest power of two for which the total
    /// stays below 2^63, of which every weight with few binary digits is a multiple.
    pub(crate) fn of(weights: &[f64]) -> IntegerWeights {
        let decimals = (0..=MOST_DECIMALS).map(|digits| 10_f64.powi(digits));
        decimals
            .map(|per_one| Self::in_units(weights, Unit::Decimal(per_one)))
            .find_map(|exact| exact)
            .unwrap_or_else(|| {
                let unit = Unit::binary(weights);
                let of_row = weights.iter().map(|&w| unit.count(w)).collect();
                IntegerWeights { of_row, unit }
            })
    }

    /// The weights as multiples of a unit, if they are that.
    fn in_units(weights: &[f64], unit: Unit) -> Option<IntegerWeights> {
        let multiple = |&weight: &f64| {
            let count = unit.count(weight);
            (count <= LARGEST_EXACT && unit.weight(count) == weight).then_some(count)
        };
        let of_row = weights.iter().map(multiple).collect::<Option<Vec<u64>>>()?;
        let total = of_row.iter().try_fold(0_u64, |total, &count| {
            total.checked_add(count).filter(|&total| total < 1 << 63)
        });
        total.map(|_| IntegerWeights { of_row, unit })
    }

    /// A number of units as a weight.
    pub(super) fn weight(&self, count: u64) -> f64 {
        self.unit.weight(count)
    }
}

/// Nobody writes weights with more decimals than this by hand; computed ones have as many as f64.
const MOST_DECIMALS: i32 = 9;

/// Up to here every whole number is one of f64.
const LARGEST_EXACT: u64 = 1 << 53;

impl Unit {
    /// The largest of the weights becomes a whole number of 53 bits, or of fewer where there are so
    /// many rows that the total would not stay below 2^63.
    fn binary(weights: &[f64]) -> Self {
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let bits = 62 - (usize::BITS - weights.len().leading_zeros());
        Unit::Binary {
            // Without the digits behind the first; a number below all normal ones has no first one.
            power: f64::from_bits(largest.to_bits() >> 52 << 52).max(f64::MIN_POSITIVE),
            per_power: 2.0_f64.powi(bits.min(53) as i32 - 1),
        }
    }

    fn count(self, weight: f64) -> u64 {
        let count = match self {
            Unit::Decimal(per_one) => weight * per_one,
            Unit::Binary { power, per_power } => weight / power * per_power,
        };
        count.round() as u64
    }

    fn weight(self, count: u64) -> f64 {
        match self {
            Unit::Decimal(per_one) => count as f64 / per_one,
            Unit::Binary { power, per_power } => count as f64 / per_power * power,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What adds up to the same is the same, as with whole numbers so with fractions and decimals.
    #[test]
    fn sums_that_are_equal_tie() {
        let equal = [
            ([3.0, 7.0, 5.0, 2.0], [0, 3], [2, 2]),
            ([0.75, 1.25, 1.75, 0.25], [0, 1], [2, 3]),
            ([0.1, 0.2, 0.3, 0.05], [0, 1], [2, 2]),
            (
                [1.0 / 1024.0, 3.0 / 65536.0, 67.0 / 65536.0, 1.0],
                [0, 1],
                [2, 2],
            ),
            (
                [3e10 / 1024.0, 5e10 / 1024.0, 8e10 / 1024.0, 0.1],
                [0, 1],
                [2, 2],
            ),
        ];
        for (weights, left, right) in equal {
            let units = IntegerWeights::of(&weights).of_row;
            let sum = |rows: [usize; 2]| match rows {
                [a, b] if a == b => units[a],
                [a, b] => units[a] + units[b],
            };
            assert_eq!(sum(left), sum(right), "{weights:?}: {units:?}");
        }
    }

    /// Weights below all normal numbers are counted, and not divided by 0.
    #[test]
    fn the_least_weights_there_are_do_not_overflow() {
        let tiny = 3.0 * f64::from_bits(1 << 40);
        let units = IntegerWeights::of(&[tiny, 2.0 * tiny]).of_row;
        assert!(units[0] > 0 && units[1] == 2 * units[0], "{units:?}");
    }

    /// The total stays within 63 bits for any number of rows, and weights far apart keep their
    /// proportions.
    #[test]
    fn units_are_fine_and_do_not_overflow() {
        for rows in [1, 2, 3, 1000, 100_000] {
            let weights: Vec<f64> = (0..rows)
                .map(|row| 1e-300 * (1.0 + (row % 3) as f64))
                .collect();
            let units = IntegerWeights::of(&weights);
            let total = units
                .of_row
                .iter()
                .try_fold(0_u64, |total, &unit| total.checked_add(unit))
                .unwrap();
            assert!(total < 1 << 63);
            let sum = crate::numerics::sum(weights.iter().copied());
            assert!((units.weight(total) / sum - 1.0).abs() < 1e-12);
        }
    }
}
