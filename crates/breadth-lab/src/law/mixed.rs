//! Responses of independent coins of several kinds.

use std::f64::consts::PI;

use super::tokens::coin_coverage;

/// Coins of one kind in a response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coins {
    /// How many there are.
    pub count: u64,
    /// The probability of heads under the data.
    pub p: f64,
    /// The probability of heads under the model, in (0, 1).
    pub q: f64,
}

/// A characteristic function is given up where it is smaller than this.
const NEGLIGIBLE: f64 = 1e-15;
/// Standard deviations that a period of the inversion leaves on either side.
const MARGIN: f64 = 9.0;

/// `Cov_N` of a response of independent coins of several kinds.
///
/// `P[ sum of log-ratios >= log N ]`, by inversion of the characteristic function f:
/// `1/2 + 1/pi * integral of Im(f(t) e^{-i t log N}) / t`, with the midpoint rule, whose error is
/// the mass outside of one period (here beyond nine standard deviations, below 1e-18). The integral
/// ends where f has decayed, so a mass on log N itself counts half: it is meant for kinds whose
/// steps differ so that no single sum has much mass. One kind alone is an exact binomial tail.
///
/// # Examples
///
/// ```
/// use breadth_lab::law::{Coins, coin_coverage, mixed_coverage};
/// let fair = Coins { count: 2, p: 0.5, q: 0.125 };
/// assert_eq!(mixed_coverage(&[fair], 2.0), coin_coverage(2, 0.5, 0.125, 2.0));
/// ```
pub fn mixed_coverage(kinds: &[Coins], log_n: f64) -> f64 {
    if let [only] = kinds {
        return coin_coverage(only.count, only.p, only.q, log_n);
    }
    let kinds: Vec<Kind> = kinds.iter().map(Kind::new).collect();
    let mean: f64 = kinds.iter().map(|kind| kind.mean).sum();
    let deviation = kinds.iter().map(|kind| kind.variance).sum::<f64>().sqrt();
    let distance = log_n - mean;
    if deviation == 0.0 {
        return f64::from(u8::from(distance <= 0.0));
    }
    let step = PI / (distance.abs() + MARGIN * deviation);
    let mut integral = 0.0;
    let mut t = 0.5 * step;
    loop {
        let (log_modulus, phase) = kinds
            .iter()
            .map(|kind| kind.characteristic(t))
            .fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        let modulus = f64::exp(log_modulus);
        integral += modulus * (phase - t * distance).sin() / t * step;
        if modulus < NEGLIGIBLE {
            break;
        }
        t += step;
    }
    (0.5 + integral / PI).clamp(0.0, 1.0)
}

/// The log-ratios of coins of one kind: two values a step apart, taken about their mean.
struct Kind {
    count: f64,
    p: f64,
    step: f64,
    mean: f64,
    variance: f64,
}

impl Kind {
    fn new(coins: &Coins) -> Kind {
        let &Coins { count, p, q } = coins;
        let (heads, tails) = ((p / q).ln(), ((1.0 - p) / (1.0 - q)).ln());
        let (count, step) = (count as f64, heads - tails);
        Kind {
            count,
            p,
            step,
            mean: count * (p * heads + (1.0 - p) * tails),
            variance: count * p * (1.0 - p) * step * step,
        }
    }

    /// The logarithm of the centred sum's characteristic function: modulus and phase.
    fn characteristic(&self, t: f64) -> (f64, f64) {
        let (up, down) = (t * self.step * (1.0 - self.p), -t * self.step * self.p);
        let real = self.p * up.cos() + (1.0 - self.p) * down.cos();
        let imaginary = self.p * up.sin() + (1.0 - self.p) * down.sin();
        (
            0.5 * self.count * (real * real + imaginary * imaginary).ln(),
            self.count * imaginary.atan2(real),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::binomial_law;

    /// Every triple of counts of heads.
    fn by_enumeration(kinds: &[Coins; 3], log_n: f64) -> f64 {
        let laws = kinds.map(|kind| binomial_law(kind.count, kind.p));
        let ratio = |kind: &Coins, heads: usize| {
            let tails = kind.count as usize - heads;
            heads as f64 * (kind.p / kind.q).ln()
                + tails as f64 * ((1.0 - kind.p) / (1.0 - kind.q)).ln()
        };
        let mut covered = 0.0;
        for (i, first) in laws[0].iter().enumerate() {
            for (j, second) in laws[1].iter().enumerate() {
                for (k, third) in laws[2].iter().enumerate() {
                    let sum = ratio(&kinds[0], i) + ratio(&kinds[1], j) + ratio(&kinds[2], k);
                    if sum >= log_n {
                        covered += first * second * third;
                    }
                }
            }
        }
        covered
    }

    #[test]
    fn inversion_equals_enumeration() {
        let coins = |count, p, q| Coins { count, p, q };
        // Steps of .325, .236 and .405: no common lattice on which sums would coincide.
        let kinds = [
            coins(100, 0.6, 0.52),
            coins(90, 0.6, 0.655),
            coins(80, 0.6, 0.5),
        ];
        for log_n in [-20.0, -3.0, 0.5, 2.08, 4.2, 8.3, 30.0] {
            let (found, expected) = (mixed_coverage(&kinds, log_n), by_enumeration(&kinds, log_n));
            assert!(
                (found - expected).abs() < 2e-4,
                "{log_n}: {found}, {expected}"
            );
        }
    }

    #[test]
    fn a_model_equal_to_the_truth_covers_it() {
        let kind = Coins {
            count: 5,
            p: 0.3,
            q: 0.3,
        };
        assert_eq!(mixed_coverage(&[kind, kind], 1.0), 0.0);
    }
}
