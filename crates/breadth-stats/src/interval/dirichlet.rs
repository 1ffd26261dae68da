//! Quantiles of a weighted mean of values whose weights are drawn from a Dirichlet distribution.
//!
//! With independent `G_j ~ Gamma(count_j)` the mean is `T = sum_j G_j w_j z_j / sum_j G_j w_j`, and
//! `P[T > x] = P[ sum_j G_j w_j (z_j - x) > 0 ]`: a sum of independent gammas of either sign. For
//! equal weights the distribution function is a B-spline in x with knots z; its textbook recursion
//! loses all digits at a few tens of knots. Here it is the inverse Laplace transform
//!
//! `P = 1/(2 pi i) integral from c - i inf to c + i inf of prod_j (1 - t w_j (z_j - x))^(-count_j)
//! dt / t`
//!
//! through the saddle point c of the integrand, by the trapezoidal rule in s along the hyperbola `t
//! = c + sigma (sin d (cosh s - 1) + i cos d sinh s)`, which follows the path of steepest descent,
//! where the integrand does not oscillate. In s the nearest singularity lies at an imaginary part
//! of pi/4 or more whatever the data, so that a step of 0.15 leaves an error of 1e-14 relative to
//! the (possibly tiny) probability itself, after 20 to 120 steps. (Rice, SIAM J. Sci. Stat. Comput.
//! 1 (1980); Weideman and Trefethen, Math. Comp. 76 (2007), on such contours.)

/// Units that are alike: how many, what each weighs, and its value in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Knot {
    pub(crate) value: f64,
    pub(crate) weight: f64,
    pub(crate) count: f64,
}

/// Step of the trapezoidal rule.
const STEP: f64 = 0.15;
/// Terms smaller than this share of the sum end it.
const NEGLIGIBLE: f64 = 1e-16;
/// Factors are summed through their power sums while |z b| stays below this ..
const SMALL: f64 = 0.2;
/// .. for z up to this many times sigma; farther out each factor is taken by itself.
const REACH: f64 = 9.0;
/// Power sums taken; the first omitted term is below 1e-12 of what matters.
const POWERS: usize = 16;

/// `ln P[T > x]`; `-inf` where no value is above x, 0 where none is at or below it.
pub(crate) fn ln_chance_above(knots: &[Knot], x: f64) -> f64 {
    Inversion::new(knots, x).map_or_else(|certain| certain, |inversion| inversion.ln_chance())
}

/// What one more unit like each knot would add to `ln P[T > x]`, to first order: the derivative by
/// its count at the saddle point t, `-ln(1 - t w (z - x))`; 0 where P needs no integral.
pub(crate) fn influences_on_ln_chance(knots: &[Knot], x: f64) -> Vec<f64> {
    let saddle = Inversion::new(knots, x).map_or(0.0, |inversion| inversion.saddle);
    let influence = |knot: &Knot| -(-saddle * knot.weight * (knot.value - x)).ln_1p();
    knots.iter().map(influence).collect()
}

/// The slope of `ln P[T > x]` by x, to first order; 0 where P needs no integral.
pub(crate) fn slope_of_ln_chance(knots: &[Knot], x: f64) -> f64 {
    Inversion::new(knots, x).map_or(0.0, |inversion| inversion.slope(knots))
}

/// The x with `P[T > x] = tail`, for values in [0, 1] of which one at least is 1.
///
/// Newton's method on the logarithm of the probability, whose slope is known at the saddle point up
/// to a factor near 1, then the secant, within a bracket.
pub(crate) fn upper_quantile(knots: &[Knot], tail: f64) -> f64 {
    let (mut low, mut high) = (least_value(knots), 1.0);
    if low >= high {
        return 1.0;
    }
    let target = tail.ln();
    let (mean, deviation) = moments(knots);
    let mut x =
        (mean + 2.0 * deviation).clamp(low + 0.01 * (high - low), high - 0.01 * (high - low));
    let mut before: Option<(f64, f64)> = None;
    for _ in 0..200 {
        let (value, slope) = match Inversion::new(knots, x) {
            Ok(inversion) => (inversion.ln_chance(), inversion.slope(knots)),
            Err(certain) => (certain, 0.0),
        };
        let excess = value - target;
        if excess.abs() < 1e-13 {
            break;
        }
        if excess > 0.0 {
            low = x;
        } else {
            high = x;
        }
        let secant = before.map(|(x0, e0)| (excess - e0) / (x - x0));
        let slope = secant
            .filter(|s| *s < 0.0 && s.is_finite())
            .unwrap_or(slope);
        before = Some((x, excess));
        let mut next = x - excess / slope;
        if !(next > low && next < high) {
            next = 0.5 * (low + high);
        }
        let moved = (next - x).abs();
        x = next;
        if moved <= 1e-14 * x.min(1.0 - x).max(1e-3) {
            break;
        }
    }
    x
}

fn least_value(knots: &[Knot]) -> f64 {
    knots.iter().map(|knot| knot.value).fold(1.0, f64::min)
}

/// Mean and standard deviation of T: exact for equal weights, linearised otherwise.
pub(crate) fn moments(knots: &[Knot]) -> (f64, f64) {
    let total = |of: &dyn Fn(&Knot) -> f64| knots.iter().map(|k| k.count * of(k)).sum::<f64>();
    let weight = total(&|k| k.weight);
    let mean = total(&|k| k.weight * k.value) / weight;
    let squares = total(&|k| (k.weight * (k.value - mean)).powi(2));
    let units = total(&|_| 1.0);
    let variance = squares / (weight * weight) * units / (units + 1.0);
    (mean, variance.sqrt())
}

/// The integrand on the line through its saddle point.
struct Inversion {
    /// `b_j` and `count_j` of the factors `(1 - z b_j)^(-count_j)`, the pole's among them, in units
    /// of the largest `w_j (z_j - x)`.
    factors: Vec<(f64, f64)>,
    /// `1 / sqrt(sum_j count_j b_j^2)`.
    sigma: f64,
    /// The angle by which the line's ends are turned from the vertical, to the right if positive.
    bend: f64,
    /// The logarithm of the integrand at the saddle point.
    ln_peak: f64,
    /// The saddle point over the largest `w_j (z_j - x)`.
    saddle: f64,
    x: f64,
}

impl Inversion {
    /// `Err` holds ln P where it needs no integral.
    fn new(knots: &[Knot], x: f64) -> Result<Inversion, f64> {
        let gap = |knot: &Knot| knot.weight * (knot.value - x);
        let largest = knots.iter().map(gap).fold(f64::NEG_INFINITY, f64::max);
        let least = knots.iter().map(gap).fold(f64::INFINITY, f64::min);
        if largest <= 0.0 {
            return Err(f64::NEG_INFINITY);
        }
        if least >= 0.0 {
            return Err(0.0);
        }
        let scaled: Vec<(f64, f64)> = knots
            .iter()
            .map(|knot| (gap(knot) / largest, knot.count))
            .filter(|&(a, _)| a != 0.0)
            .collect();
        let tau = saddle_point(&scaled);
        let mut factors = Vec::with_capacity(scaled.len() + 1);
        let (mut ln_peak, mut squares, mut cubes) = (-tau.ln(), tau.powi(-2), -tau.powi(-3));
        for &(a, count) in &scaled {
            let b = a / (1.0 - tau * a);
            ln_peak -= count * (-tau * a).ln_1p();
            squares += count * b * b;
            cubes += count * b * b * b;
            factors.push((b, count));
        }
        factors.push((-1.0 / tau, 1.0));
        let sigma = squares.sqrt().recip();
        Ok(Inversion {
            factors,
            sigma,
            bend: bend(2.0 / 3.0 * cubes * sigma.powi(3)),
            ln_peak,
            saddle: tau / largest,
            x,
        })
    }

    fn ln_chance(&self) -> f64 {
        let near = REACH * self.sigma;
        let is_small = |b: f64| b.abs() * near < SMALL;
        let sums = self.power_sums(is_small);
        let (sin, cos) = self.bend.sin_cos();
        let mut total = 0.5 * cos;
        let (mut grown, mut shrunk) = (1.0, 1.0);
        for _ in 1..2000 {
            (grown, shrunk) = (grown * STEP.exp(), shrunk * (-STEP).exp());
            let (sinh, cosh) = (0.5 * (grown - shrunk), 0.5 * (grown + shrunk));
            let z = (self.sigma * sin * (cosh - 1.0), self.sigma * cos * sinh);
            let Polar {
                modulus,
                cosine,
                sine,
            } = if z.0 * z.0 + z.1 * z.1 <= near * near {
                let small = sums.ln_at(z);
                self.product(z, |b| !is_small(b)).over(small)
            } else {
                self.product(z, |_| true).over((0.0, 0.0))
            };
            total += modulus * (cosine * cos * cosh + sine * sin * sinh);
            if modulus * cosh < NEGLIGIBLE * total.abs() {
                break;
            }
        }
        let ln_integral = (STEP * self.sigma * total / std::f64::consts::PI).ln();
        (self.ln_peak + ln_integral).min(0.0)
    }

    /// The slope of ln P by x, but for the change of the integral beside its peak.
    fn slope(&self, knots: &[Knot]) -> f64 {
        let term = |knot: &Knot| {
            let a = knot.weight * (knot.value - self.x);
            knot.count * knot.weight * self.saddle / (1.0 - self.saddle * a)
        };
        -knots.iter().map(term).sum::<f64>()
    }

    /// `prod_j (1 - z b_j)^count_j` over the `wanted` factors, at a distance z from the saddle
    /// point.
    fn product(&self, z: (f64, f64), wanted: impl Fn(f64) -> bool) -> Product {
        let mut product = Product::default();
        for &(b, count) in self.factors.iter().filter(|&&(b, _)| wanted(b)) {
            product.times((1.0 - z.0 * b, -z.1 * b), count);
        }
        product
    }

    fn power_sums(&self, wanted: impl Fn(f64) -> bool) -> PowerSums {
        let mut sums = [0.0; POWERS];
        for &(b, count) in self.factors.iter().filter(|&&(b, _)| wanted(b)) {
            let mut power = count;
            for sum in &mut sums {
                power *= b;
                *sum += power;
            }
        }
        PowerSums(sums)
    }
}

/// `sum_j count_j b_j^p` for p = 1, 2, ..
struct PowerSums([f64; POWERS]);

impl PowerSums {
    /// The logarithm of `prod_j (1 - z b_j)^(-count_j)`: `sum_p S_p z^p / p`.
    fn ln_at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (index, s) in self.0.iter().enumerate().rev() {
            let term = real + s / (index + 1) as f64;
            (real, imaginary) = (term * x - imaginary * y, term * y + imaginary * x);
        }
        (real, imaginary)
    }
}

/// A complex number.
struct Polar {
    modulus: f64,
    cosine: f64,
    sine: f64,
}

/// A product of powers of complex numbers, without a logarithm for each.
struct Product {
    x: f64,
    y: f64,
    /// The logarithm of what is not in x and y: the modulus taken out to stay within the range of
    /// f64, and high powers.
    ln: (f64, f64),
    factors: u32,
}

impl Default for Product {
    fn default() -> Product {
        Product {
            x: 1.0,
            y: 0.0,
            ln: (0.0, 0.0),
            factors: 0,
        }
    }
}

impl Product {
    fn times(&mut self, (x, y): (f64, f64), count: f64) {
        let square = x * x + y * y;
        if count == 1.0 && square < 1e12 {
            (self.x, self.y) = (self.x * x - self.y * y, self.x * y + self.y * x);
            self.factors += 1;
            if self.factors.is_multiple_of(8) {
                self.rescale();
            }
        } else {
            self.ln.0 += 0.5 * count * square.ln();
            self.ln.1 += count * y.atan2(x);
        }
    }

    fn rescale(&mut self) {
        let square = self.x * self.x + self.y * self.y;
        if !(1e-100..1e100).contains(&square) {
            let modulus = self.x.hypot(self.y);
            self.ln.0 += modulus.ln();
            (self.x, self.y) = (self.x / modulus, self.y / modulus);
        }
    }

    /// `exp(ln) / self`.
    fn over(self, ln: (f64, f64)) -> Polar {
        let size = self.x.hypot(self.y);
        let phase = ln.1 - self.ln.1;
        let (sine, cosine) = if phase == 0.0 {
            (0.0, 1.0)
        } else {
            phase.sin_cos()
        };
        let (x, y) = (self.x / size, self.y / size);
        Polar {
            modulus: (ln.0 - self.ln.0).exp() / size,
            cosine: cosine * x + sine * y,
            sine: sine * x - cosine * y,
        }
    }
}

/// The angle d with `sin d / cos^2 d = curvature`, for which the hyperbola follows the path of
/// steepest descent near the saddle point; at most 45 degrees, so that it stays clear of the
/// singularities.
fn bend(curvature: f64) -> f64 {
    if curvature == 0.0 {
        return 0.0;
    }
    let sine = ((1.0 + 4.0 * curvature * curvature).sqrt() - 1.0) / (2.0 * curvature);
    sine.asin()
        .clamp(-std::f64::consts::FRAC_PI_4, std::f64::consts::FRAC_PI_4)
}

/// The root in (0, 1) of `sum_j count_j a_j / (1 - t a_j) = 1 / t`, for a_j at most 1 and one of
/// them 1. Multiplied by `t (1 - t)` the equation has no poles and rises from -1; Newton's method
/// within a bracket.
fn saddle_point(scaled: &[(f64, f64)]) -> f64 {
    let (mut low, mut high, mut t) = (0.0, 1.0, 0.5);
    for _ in 0..200 {
        let (mut value, mut slope) = (-1.0 / t, 1.0 / (t * t));
        for &(a, count) in scaled {
            let b = a / (1.0 - t * a);
            value += count * b;
            slope += count * b * b;
        }
        if value > 0.0 {
            high = t;
        } else {
            low = t;
        }
        let rise = (1.0 - 2.0 * t) * value + t * (1.0 - t) * slope;
        let mut next = t - t * (1.0 - t) * value / rise;
        if !(next > low && next < high) {
            next = 0.5 * (low + high);
        }
        let moved = (next - t).abs();
        t = next;
        // The integral does not depend on where exactly the line crosses.
        if moved <= 1e-6 * t.min(1.0 - t) {
            break;
        }
    }
    t
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::clopper_pearson::{lower, upper};

    fn knots(values: &[(f64, f64, f64)]) -> Vec<Knot> {
        let knot = |&(value, weight, count): &(f64, f64, f64)| Knot {
            value,
            weight,
            count,
        };
        values
            .iter()
            .map(knot)
            .filter(|knot| knot.count > 0.0)
            .collect()
    }

    /// `P[T > x]` by the B-spline as a divided difference: `sum over z_j > x of (z_j - x)^n /
    /// prod_(i != j) (z_j - z_i)`, for few distinct knots.
    fn by_spline(z: &[f64], x: f64) -> f64 {
        let term = |&zj: &f64| {
            let others: f64 = z.iter().filter(|&&zi| zi != zj).map(|zi| zj - zi).product();
            (zj - x).powi(z.len() as i32 - 1) / others
        };
        z.iter().filter(|&&zj| zj > x).map(term).sum()
    }

    #[test]
    fn the_distribution_function_is_the_b_spline() {
        let z = [0.0, 0.07, 0.2, 0.31, 0.5, 0.62, 0.9, 1.0];
        for used in 2..=z.len() {
            let z = &z[z.len() - used..];
            let all: Vec<Knot> = z
                .iter()
                .map(|&v| Knot {
                    value: v,
                    weight: 1.0,
                    count: 1.0,
                })
                .collect();
            for x in [0.05, 0.3, 0.44, 0.61, 0.7, 0.93, 0.999] {
                let expected = if x < z[0] { 1.0 } else { by_spline(z, x) };
                let found = ln_chance_above(&all, x).exp();
                assert!(
                    (found - expected).abs() <= 1e-10 * expected,
                    "{used} knots, {x}: {found:e}, not {expected:e}"
                );
            }
        }
    }

    #[test]
    fn zeros_and_ones_give_clopper_and_pearsons_limits() {
        for n in [1.0, 2.0, 10.0, 100.0, 4000.0, 1e6] {
            for share in [0.0_f64, 0.01, 0.3, 0.5, 0.99] {
                let c = (n * share).floor();
                for tail in [0.025, 0.2, 1e-5, 1e-9] {
                    let high =
                        upper_quantile(&knots(&[(0.0, 1.0, n - c), (1.0, 1.0, c + 1.0)]), tail);
                    let low = 1.0
                        - upper_quantile(&knots(&[(0.0, 1.0, c), (1.0, 1.0, n - c + 1.0)]), tail);
                    let expected = (lower(c, n, tail), upper(c, n, tail));
                    assert!(
                        (high - expected.1).abs() < 1e-12,
                        "{c} of {n}, {tail}: {high} not {}",
                        expected.1
                    );
                    assert!(
                        (low - expected.0).abs() < 1e-12,
                        "{c} of {n}, {tail}: {low} not {}",
                        expected.0
                    );
                }
            }
        }
    }

    /// Power sums and single factors agree: the same knots as many and as few.
    #[test]
    fn many_knots_are_as_exact_as_few() {
        let few = knots(&[(0.2, 1.0, 3000.0), (0.4, 1.0, 3000.0), (1.0, 1.0, 1.0)]);
        let mut many: Vec<Knot> = few
            .iter()
            .flat_map(|k| vec![Knot { count: 1.0, ..*k }; k.count as usize])
            .collect();
        assert!((upper_quantile(&few, 0.01) - upper_quantile(&many, 0.01)).abs() < 1e-13);
        // A knot that outweighs the rest cannot go through power sums.
        many.push(Knot {
            value: 0.9,
            weight: 5000.0,
            count: 1.0,
        });
        let wide = upper_quantile(&many, 0.01);
        assert!(wide > 0.7 && wide < 0.9 + 1e-3, "{wide}");
    }

    /// Weights: against 2 million draws.
    #[test]
    fn weighted_means_are_as_drawn() {
        use rand::{RngExt, SeedableRng};
        let all = knots(&[
            (0.0, 1.0, 2.0),
            (0.3, 4.0, 1.0),
            (0.7, 0.2, 2.0),
            (1.0, 4.0, 1.0),
        ]);
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let draws = 200_000;
        let x = 0.6;
        let mut above = 0;
        for _ in 0..draws {
            let sum: f64 = all
                .iter()
                .flat_map(|k| vec![k; k.count as usize])
                .map(|k| -(1.0 - rng.random::<f64>()).ln() * k.weight * (k.value - x))
                .sum();
            above += u32::from(sum > 0.0);
        }
        let (drawn, found) = (
            f64::from(above) / f64::from(draws),
            ln_chance_above(&all, x).exp(),
        );
        assert!(
            (drawn - found).abs() < 4.0 * (found / f64::from(draws)).sqrt(),
            "{drawn}, {found}"
        );
    }

    #[test]
    fn what_is_certain_is_said_so() {
        let all = knots(&[(0.2, 1.0, 3.0), (1.0, 1.0, 1.0)]);
        assert_eq!(ln_chance_above(&all, 1.0), f64::NEG_INFINITY);
        assert_eq!(ln_chance_above(&all, 0.1), 0.0);
        assert_eq!(upper_quantile(&knots(&[(1.0, 1.0, 5.0)]), 0.01), 1.0);
    }
}
