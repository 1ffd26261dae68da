//! Many prompts with a fair coin and a certain one: the law of Prop 4.1(b).

use rand::Rng;

use super::counts::{binomial, scatter};

/// The tokens seen at a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PromptCounts {
    /// How often token 1.
    pub ones: u32,
    /// How often token 0.
    pub zeros: u32,
}

/// Prompts 1..d with a fair coin each, and prompt 0, whose token is certain.
///
/// `p(.|i) = Ber(1/2)`, `p(1|0) = 1`; the mass of prompt 0 is `certain`, the rest is shared alike.
/// The models of the class that are not p itself tilt every coin by `tilt` to one side or the
/// other, and put only `1/N` on the certain token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedCoins {
    /// How many prompts have a coin, d.
    pub coins: usize,
    /// Rows of a data set, n.
    pub rows: u64,
    /// log N of the class, in nats.
    pub log_n: f64,
    /// e: a model's coins are Ber((1 ± e) / 2).
    pub tilt: f64,
    /// The mass of prompt 0.
    pub certain: f64,
}

impl SignedCoins {
    /// The law at which the effect is seen: `e = .8 sqrt(d/n)`, `mu(0) = .15 d / (n log N)`.
    ///
    /// The best signs then gain `(.8 E|Z| - .32) d = .318 d` nats on average (Z standard normal),
    /// twice the `.15 d` that they cost at prompt 0. (The proof's constants are at most 1e-4: its
    /// prompt 0 would be met once in 10^12 d rows.)
    pub fn visible(coins: usize, rows: u64, log_n: f64) -> SignedCoins {
        let share = coins as f64 / rows as f64;
        SignedCoins {
            coins,
            rows,
            log_n,
            tilt: 0.8 * share.sqrt(),
            certain: 0.15 * share / log_n,
        }
    }

    /// A data set: how often prompt 0 came, and what was seen at the others.
    pub fn draw(&self, rng: &mut impl Rng) -> (u64, Vec<PromptCounts>) {
        let certain = binomial(rng, self.rows, self.certain);
        let rows = scatter(rng, self.rows - certain, self.coins);
        let mut flip = |rows: u32| {
            let ones = binomial(rng, u64::from(rows), 0.5) as u32;
            let zeros = rows - ones;
            PromptCounts { ones, zeros }
        };
        (certain, rows.into_iter().map(&mut flip).collect())
    }

    /// `Cov_N` of any model of the class other than p.
    pub fn coverage_of_tilted(&self, log_n: f64) -> f64 {
        let uncovered = |log_ratio: f64| {
            f64::from(u8::from(
                log_ratio >= log_n - breadth_stats::numerics::TOLERANCE,
            ))
        };
        let coin = 0.5 * (uncovered(-self.tilt.ln_1p()) + uncovered(-(-self.tilt).ln_1p()));
        self.certain * uncovered(self.log_n) + (1.0 - self.certain) * coin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Estimate, law, stream};

    #[test]
    fn coverage_is_that_of_the_finite_law() {
        let log_n = 4_f64.ln();
        let coins = SignedCoins::visible(2, 4, log_n);
        let (m, e) = (coins.certain, coins.tilt);
        let rest = 0.25 * (1.0 - m);
        let p = [m, 0.0, rest, rest, rest, rest];
        let half = 0.5 * (1.0 - m);
        let (up, down) = (0.5 * half * (1.0 + e), 0.5 * half * (1.0 - e));
        let q = [m / 4.0, m * 0.75, up, down, down, up];
        for n in [1.5_f64, 2.0, 3.0, 4.0, 4.1] {
            let expected = law::coverage(&p, &q, n.ln());
            assert!(
                (coins.coverage_of_tilted(n.ln()) - expected).abs() < 1e-15,
                "N = {n}"
            );
        }
    }

    #[test]
    fn every_row_is_drawn_and_coins_are_fair() {
        let coins = SignedCoins::visible(5, 50, 8_f64.ln());
        let rng = &mut stream("test", "signed", 0, 0);
        let (mut certain, mut ones) = (Vec::new(), Vec::new());
        for _ in 0..4000 {
            let (zero, seen) = coins.draw(rng);
            let total: u32 = seen.iter().map(|c| c.ones + c.zeros).sum();
            assert_eq!(zero + u64::from(total), 50);
            certain.push(zero as f64);
            ones.push(seen.iter().map(|c| f64::from(c.ones)).sum::<f64>() / f64::from(total));
        }
        let (certain, ones) = (Estimate::mean(&certain), Estimate::mean(&ones));
        assert!((certain.value - 50.0 * coins.certain).abs() < 5.0 * certain.standard_error);
        assert!((ones.value - 0.5).abs() < 5.0 * ones.standard_error);
    }
}
