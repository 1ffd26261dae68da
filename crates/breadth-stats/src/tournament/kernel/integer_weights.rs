//! Weights that add up exactly.

/// Sampling weights as whole numbers of a common unit: exact sums in any order, hence exact ties.
pub(crate) struct IntegerWeights {
    pub(crate) of_row: Vec<u64>,
    largest: f64,
    per_largest: f64,
}

impl IntegerWeights {
    /// The unit is the finest power-of-two fraction of the largest weight for which the total stays
    /// below 2^63.
    pub(crate) fn of(weights: &[f64]) -> IntegerWeights {
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let bits = 62 - (usize::BITS - weights.len().leading_zeros());
        let per_largest = 2.0_f64.powi(bits.min(52) as i32);
        let unit = |w: &f64| (w / largest * per_largest).round() as u64;
        IntegerWeights {
            of_row: weights.iter().map(unit).collect(),
            largest,
            per_largest,
        }
    }

    /// A number of units as a weight.
    pub(super) fn weight(&self, count: u64) -> f64 {
        count as f64 / self.per_largest * self.largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
