//! Distributions of a unit's value in [0, 1] with known moments.

use std::fmt;

use rand::{Rng, RngExt};

/// The distribution of a unit's value.
#[derive(Clone, Copy)]
pub enum Distribution {
    /// 1 with this chance, else 0.
    Hit(f64),
    /// The same for all.
    Always(f64),
    /// Even between two ends.
    Uniform(f64, f64),
    /// Beta(a, b).
    Beta(f64, f64),
    /// Two values: the first with the given chance, else the second. `Rare(0.01, 0.0, 0.78)`: one
    /// unit in a hundred is lost.
    Rare(f64, f64, f64),
}

pub use Distribution::{Always, Beta, Hit, Rare, Uniform};

impl Distribution {
    pub fn draw(self, rng: &mut impl Rng) -> f64 {
        match self {
            Hit(p) => f64::from(u8::from(rng.random_bool(p))),
            Always(value) => value,
            Uniform(a, b) => rng.random_range(a..b),
            Beta(a, b) => beta(rng, a, b),
            Rare(chance, rare, other) => {
                if rng.random_bool(chance) {
                    rare
                } else {
                    other
                }
            }
        }
    }

    pub fn mean(self) -> f64 {
        self.pass(1)
    }

    /// `E[(1 - s)^k]`.
    pub fn power_of_rest(self, k: u64) -> f64 {
        let power = |x: f64| (1.0 - x).powi(k as i32);
        match self {
            Hit(p) => p * power(1.0) + (1.0 - p) * power(0.0),
            Always(value) => power(value),
            Uniform(a, b) => {
                let whole = |x: f64| (1.0 - x).powi(k as i32 + 1) / (k as f64 + 1.0);
                (whole(a) - whole(b)) / (b - a)
            }
            Beta(a, b) => {
                let factor = |j: u64| (b + j as f64) / (a + b + j as f64);
                (0..k).map(factor).product()
            }
            Rare(chance, rare, other) => chance * power(rare) + (1.0 - chance) * power(other),
        }
    }

    /// `E[1 - (1 - s)^k]`.
    pub fn pass(self, k: u64) -> f64 {
        1.0 - self.power_of_rest(k)
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Hit(p) => write!(f, "0/1 with {p}"),
            Always(value) => write!(f, "all at {value}"),
            Uniform(a, b) => write!(f, "uniform on [{a}, {b}]"),
            Beta(a, b) => write!(f, "Beta({a}, {b})"),
            Rare(chance, rare, other) => {
                write!(f, "{}% at {rare}, others {other}", digits(100.0 * chance))
            }
        }
    }
}

/// A share in percent without the noise of its floating point.
fn digits(percent: f64) -> f64 {
    (percent * 1e6).round() / 1e6
}

/// Beta(a, b) with a, b of order 1 or less (Johnk).
fn beta(rng: &mut impl Rng, a: f64, b: f64) -> f64 {
    loop {
        let (x, y) = (
            rng.random::<f64>().powf(1.0 / a),
            rng.random::<f64>().powf(1.0 / b),
        );
        if x + y <= 1.0 && x + y > 0.0 {
            return x / (x + y);
        }
    }
}

pub fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

pub fn exponential(rng: &mut impl Rng) -> f64 {
    -(1.0 - rng.random::<f64>()).ln()
}

#[test]
fn means_are_those_of_draws() {
    use rand::SeedableRng;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let distributions = [
        Hit(0.3),
        Always(0.3),
        Uniform(0.2, 0.5),
        Beta(0.5, 1.2),
        Rare(0.1, 0.9, 0.02),
    ];
    for distribution in distributions {
        for k in [1, 3] {
            let draws = 40_000;
            let pass = |s: f64| 1.0 - (1.0 - s).powi(k as i32);
            let mean = (0..draws)
                .map(|_| pass(distribution.draw(&mut rng)))
                .sum::<f64>()
                / f64::from(draws);
            assert!(
                (mean - distribution.pass(k)).abs() < 0.012,
                "{distribution}, k = {k}: {mean}"
            );
        }
    }
}
