//! The distribution of a sum of independent variables, each given by its distribution function.

/// Log-odds beyond which a distribution function is taken for 0 or 1: probabilities below 1e-12.
const CERTAIN: f64 = 28.0;
/// Neighbouring points differ by at most this much in log-odds while those are within [`CENTRE`] of
/// 0, and by [`WIDE`] farther out.
const FINE: f64 = 0.45;
const WIDE: f64 = 1.2;
const CENTRE: f64 = 6.0;

/// A distribution function, tabulated as log-odds `ln(F / (1 - F))`, between its points a monotone
/// cubic in them.
#[derive(Clone, Debug)]
pub(crate) struct Distribution {
    x: Vec<f64>,
    log_odds: Vec<f64>,
    slope: Vec<f64>,
}

impl Distribution {
    /// Tabulates a distribution function on [low, high], by halves until neighbours are close.
    pub(crate) fn tabulate(low: f64, high: f64, log_odds: impl Fn(f64) -> f64) -> Distribution {
        let mut table = Distribution {
            x: vec![low],
            log_odds: vec![-CERTAIN],
            slope: Vec::new(),
        };
        if high > low {
            table.refine((low, -CERTAIN), (high, CERTAIN), &log_odds, 60);
        }
        table.x.push(high);
        table.log_odds.push(CERTAIN);
        table.set_slopes();
        table
    }

    /// Slopes that keep the cubics monotone: the harmonic mean of those of the two gaps beside a
    /// point (Fritsch and Butland), 0 beyond the ends.
    fn set_slopes(&mut self) {
        let gap =
            |i: usize| (self.log_odds[i + 1] - self.log_odds[i]) / (self.x[i + 1] - self.x[i]);
        let last = self.x.len() - 1;
        let at = |i: usize| {
            if i == 0 || i == last {
                return 0.0;
            }
            let (a, b) = (gap(i - 1), gap(i));
            if a.is_finite() && b.is_finite() && a + b > 0.0 {
                2.0 * a * b / (a + b)
            } else {
                0.0
            }
        };
        self.slope = (0..=last).map(at).collect();
    }

    /// Adds the points needed between two, from left to right.
    fn refine(
        &mut self,
        left: (f64, f64),
        right: (f64, f64),
        log_odds: &impl Fn(f64) -> f64,
        depth: usize,
    ) {
        let nearest = if left.1 * right.1 <= 0.0 {
            0.0
        } else {
            left.1.abs().min(right.1.abs())
        };
        let gap = if nearest < CENTRE { FINE } else { WIDE };
        if depth == 0 || right.1 - left.1 <= gap {
            return;
        }
        let x = 0.5 * (left.0 + right.0);
        let middle = (x, log_odds(x).clamp(left.1, right.1));
        self.refine(left, middle, log_odds, depth - 1);
        self.x.push(middle.0);
        self.log_odds.push(middle.1);
        self.refine(middle, right, log_odds, depth - 1);
    }

    fn ends(&self) -> (f64, f64) {
        (self.x[0], self.x[self.x.len() - 1])
    }

    /// The variable times a positive factor.
    pub(crate) fn scaled(mut self, factor: f64) -> Distribution {
        self.x.iter_mut().for_each(|x| *x *= factor);
        self.slope.iter_mut().for_each(|slope| *slope /= factor);
        self
    }

    /// `F(x)` and `1 - F(x)`, each to its own relative precision.
    fn at(&self, x: f64) -> (f64, f64) {
        let (low, high) = self.ends();
        if x < low {
            return (0.0, 1.0);
        }
        if x >= high {
            return (1.0, 0.0);
        }
        let odds_against = (-self.log_odds_at(x)).exp();
        let below = 1.0 / (1.0 + odds_against);
        (below, odds_against * below)
    }

    /// Log-odds at a point between the ends.
    pub(crate) fn log_odds_at(&self, x: f64) -> f64 {
        let (low, high) = self.ends();
        if x <= low || x >= high {
            return if x <= low { -CERTAIN } else { CERTAIN };
        }
        let after = self.x.partition_point(|&at| at <= x);
        let width = self.x[after] - self.x[after - 1];
        self.within(after, (x - self.x[after - 1]) / width)
    }

    /// Log-odds at the share t of the way from the point before to the point `after`.
    fn within(&self, after: usize, t: f64) -> f64 {
        let (l0, l1) = (self.log_odds[after - 1], self.log_odds[after]);
        let width = self.x[after] - self.x[after - 1];
        let (s0, s1) = (self.slope[after - 1] * width, self.slope[after] * width);
        let u = 1.0 - t;
        l0 * u * u * (1.0 + 2.0 * t) + l1 * t * t * (3.0 - 2.0 * t) + t * u * (s0 * u - s1 * t)
    }

    /// The x with `1 - F(x) = tail`.
    pub(crate) fn upper_quantile(&self, tail: f64) -> f64 {
        let wanted = (-tail).ln_1p() - tail.ln();
        let after = self.log_odds.partition_point(|&l| l < wanted);
        if after == 0 || after == self.x.len() {
            return self.x[after.min(self.x.len() - 1)];
        }
        let (mut left, mut right) = (0.0, 1.0);
        for _ in 0..50 {
            let middle = 0.5 * (left + right);
            if self.within(after, middle) < wanted {
                left = middle;
            } else {
                right = middle;
            }
        }
        let (x0, x1) = (self.x[after - 1], self.x[after]);
        x0 + (x1 - x0) * right
    }

    /// Points with probabilities that stand for the distribution: two for each gap of the table, at
    /// the nodes of Gauss's rule, so that mean and variance of a gap are kept.
    fn points(&self) -> Vec<(f64, f64)> {
        let mut points = Vec::with_capacity(2 * self.x.len());
        for i in 1..self.x.len() {
            let (l0, l1) = (self.log_odds[i - 1], self.log_odds[i]);
            let mass = if l0 + l1 < 0.0 {
                share(l1) - share(l0)
            } else {
                share(-l0) - share(-l1)
            };
            let (middle, half) = (
                0.5 * (self.x[i] + self.x[i - 1]),
                0.5 * (self.x[i] - self.x[i - 1]) / 3.0_f64.sqrt(),
            );
            points.push((middle - half, 0.5 * mass));
            points.push((middle + half, 0.5 * mass));
        }
        points
    }

    /// The distribution of the sum of two independent variables.
    fn plus(&self, other: &Distribution) -> Distribution {
        let width = |d: &Distribution| d.ends().1 - d.ends().0;
        let (narrow, wide) = if width(self) < width(other) {
            (self, other)
        } else {
            (other, self)
        };
        let points = narrow.points();
        let log_odds = |x: f64| {
            let (mut below, mut above) = (0.0, 0.0);
            for &(at, mass) in &points {
                let (b, a) = wide.at(x - at);
                below += mass * b;
                above += mass * a;
            }
            below.ln() - above.ln()
        };
        let ((a, b), (c, d)) = (self.ends(), other.ends());
        Distribution::tabulate(a + c, b + d, log_odds)
    }
}

/// The distribution of the sum of independent variables; the narrow ones are added up first.
pub(crate) fn distribution_of_sum(mut parts: Vec<Distribution>) -> Distribution {
    let width = |d: &Distribution| d.ends().1 - d.ends().0;
    parts.sort_by(|a, b| width(a).total_cmp(&width(b)));
    let mut parts = parts.into_iter();
    let first = parts.next().unwrap_or(Distribution {
        x: vec![0.0],
        log_odds: vec![CERTAIN],
        slope: vec![0.0],
    });
    parts.fold(first, |total, part| total.plus(&part))
}

fn share(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uniform(low: f64, high: f64) -> Distribution {
        Distribution::tabulate(low, high, |x| ((x - low) / (high - x)).ln())
    }

    /// Sums of uniform variables (Irwin and Hall): `F(x) = sum_k (-1)^k C(n,k) (x-k)^n / n!`.
    #[test]
    fn sums_of_uniform_variables_are_irwins_and_halls() {
        for n in [1_i32, 2, 3, 6] {
            let sum = distribution_of_sum((0..n).map(|_| uniform(0.0, 1.0)).collect());
            for x in [0.1, 0.5, 0.9, 1.4, 2.2] {
                let x = x * f64::from(n) / 3.0;
                let mut below = 0.0;
                let (mut choose, mut factorial) = (1.0, 1.0);
                (1..=n).for_each(|i| factorial *= f64::from(i));
                for k in 0..=(x.floor() as i32) {
                    below += f64::from(1 - 2 * (k % 2)) * choose * (x - f64::from(k)).powi(n)
                        / factorial;
                    choose *= f64::from(n - k) / f64::from(k + 1);
                }
                let expected = (below / (1.0 - below)).ln();
                let found = sum.log_odds_at(x);
                assert!(
                    (found - expected).abs() < 2e-3 + 1e-3 * expected.abs(),
                    "{n} at {x}: {found}, not {expected}"
                );
                let back = sum.upper_quantile(1.0 - below);
                assert!((back - x).abs() < 1e-3, "{n}: {back}, not {x}");
            }
        }
    }

    #[test]
    fn widths_may_differ_by_orders_of_magnitude() {
        let sum = distribution_of_sum(vec![
            uniform(0.0, 1.0),
            uniform(0.3, 0.3 + 1e-7),
            uniform(0.5, 0.5),
        ]);
        assert!((sum.upper_quantile(0.25) - 1.55).abs() < 1e-3);
        assert!((sum.upper_quantile(1e-6) - 1.8).abs() < 1e-5);
    }
}
