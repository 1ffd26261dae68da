//! How heavy units may be that were not drawn yet.

use super::dirichlet::Knot;

/// The upper tail of weights that vary continuously, as a power law: `above` units are heavier than
/// `weight`, and `above (v / weight)^(-1 / exponent)` heavier than v.
///
/// `exponent` is the mean of `ln(v / weight)` over the units above, a tenth of all but five at
/// least; at most 1/2, beyond which weights have no variance, nor the weighted mean a standard error.
/// Of n times as many units the heaviest is at most `weight (n above / -ln power)^exponent` with
/// the chance `power`. For tails lighter than a power law that is too much: of lognormal weights
/// it is more than twice the quantile where the logarithms have a standard deviation of 1.
///
/// # Source
///
/// Hill, Annals of Statistics 3 (1975); Weissman, Journal of the American Statistical Association
/// 73 (1978), for quantiles beyond the sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct WeightTail {
    weight: f64,
    above: f64,
    exponent: f64,
}

impl WeightTail {
    /// Of units from the heaviest down; none where the largest weight is that of several, as it is
    /// where weights take a few values or have a bound.
    pub(super) fn of(knots: &[Knot]) -> Option<WeightTail> {
        const LEAST: f64 = 5.0;
        const SHARE: f64 = 0.1;
        const MOST: f64 = 0.5;
        const ALIKE: f64 = 1.0 - 1e-9;
        let heaviest = knots.first()?.weight;
        let as_heavy = knots.iter().take_while(|k| k.weight >= ALIKE * heaviest);
        if as_heavy.map(|k| k.count).sum::<f64>() > 1.0 {
            return None;
        }
        let units: f64 = knots.iter().map(|k| k.count).sum();
        let wanted = (SHARE * units).max(LEAST).min(units - 1.0).floor();
        let (mut above, mut logarithms) = (0.0, 0.0);
        for knot in knots {
            if above > 0.0 && above >= wanted {
                return Some(WeightTail {
                    weight: knot.weight,
                    above,
                    exponent: (logarithms / above - knot.weight.ln()).min(MOST),
                });
            }
            above += knot.count;
            logarithms += knot.count * knot.weight.ln();
        }
        None
    }

    /// What the heaviest of `times` as many units weighs at most with the chance `power`.
    pub(super) fn heaviest(self, times: f64, power: f64) -> f64 {
        let rarer = (times * self.above / -power.ln()).max(1.0);
        self.weight * rarer.powf(self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(weights: impl Iterator<Item = f64>) -> Vec<Knot> {
        let knot = |weight| Knot {
            value: 0.0,
            weight,
            count: 1.0,
        };
        weights.map(knot).collect()
    }

    /// Of 1000 units `1000 v^-4` are heavier than v.
    #[test]
    fn a_power_law_goes_on() {
        let weights = (0..1000).map(|rank| (1000.0 / (f64::from(rank) + 0.5)).powf(0.25));
        let tail = WeightTail::of(&units(weights)).unwrap();
        for times in [0.5, 1.0, 10.0, 1000.0] {
            let expected = (1000.0 * times / -0.9_f64.ln()).powf(0.25);
            let found = tail.heaviest(times, 0.9);
            assert!((found / expected - 1.0).abs() < 0.03, "{found} {expected}");
        }
    }

    #[test]
    fn weights_of_a_few_kinds_have_no_tail() {
        assert!(WeightTail::of(&[]).is_none());
        assert!(WeightTail::of(&units([2.0].into_iter())).is_none());
        assert!(WeightTail::of(&units([2.0, 2.0, 1.0, 0.5].into_iter())).is_none());
        let tail = WeightTail::of(&units([2.0, 1.0].into_iter())).unwrap();
        assert!(tail.heaviest(1.0, 0.9) >= 2.0);
    }
}
