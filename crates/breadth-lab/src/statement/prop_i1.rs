//! The inherent variance is needed (Prop I.1).

use rand::Rng;

use crate::check::Check;
use crate::estimate::Estimate;
use crate::fit::{BernoulliCounts, logits_on_ball};
use crate::law::{Coins, binomial, binomial_law, mixed_coverage, multinomial};
use crate::statement::seeds::{exponent, replicates};
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

const ID: &str = "propI1";

pub(super) const STATEMENT: Statement = Statement {
    id: ID,
    paper: "Prop I.1",
    title: "the inherent variance is needed",
    claim: "d = H, phi(-,.) = 0, phi(+,y_1:h) = B y_h e_h: every proper learner has E Cov_N >= c \
            min{1, H/(n log N)}.",
    correction: None,
    cost: 0.5,
    run: Run::Computed(run),
};

const LEVELS: [f64; 3] = [8.0, 64.0, 4096.0];
const HORIZONS: [u64; 3] = [256, 1024, 4096];
/// k: the logits of the truth are ±sqrt(8 k log N / H).
const STRENGTH: f64 = 2.0;
/// c0: rows of the prompt '+' times the squared logit.
const INFORMATION: f64 = 4.0;

/// The rare prompt '+', each of whose H tokens in {0, 1} has a coordinate of its own.
///
/// A sign of the truth only swaps the names of 0 and 1, so all are taken positive.
struct RarePrompt {
    horizon: u64,
    log_n: f64,
    rows: u64,
    information: f64,
}

impl RarePrompt {
    fn new(horizon: u64, log_n: f64, information: f64) -> RarePrompt {
        RarePrompt {
            horizon,
            log_n,
            rows: 16 * horizon,
            information,
        }
    }

    /// B eps
    fn logit(&self) -> f64 {
        (8.0 * STRENGTH * self.log_n / self.horizon as f64).sqrt()
    }

    /// B, at which the truth has length 1.
    fn bound(&self) -> f64 {
        self.logit() * (self.horizon as f64).sqrt()
    }

    /// mu(+)
    fn mass(&self) -> f64 {
        self.information / (self.rows as f64 * self.logit().powi(2))
    }

    /// `n Cov_N log N / H` of a learner on one data set.
    fn scaled_coverage(&self, rng: &mut impl Rng, learner: Learner) -> f64 {
        let one = logistic(self.logit());
        let rows = binomial(rng, self.rows, self.mass());
        // How many coordinates have seen 0, 1, .. ones.
        let coordinates = multinomial(rng, self.horizon, &binomial_law(rows, one));
        let counts: Vec<BernoulliCounts> = (0_u32..)
            .zip(coordinates)
            .filter(|(_, coordinates)| *coordinates > 0)
            .map(|(ones, coordinates)| BernoulliCounts {
                trials: rows as f64,
                ones: f64::from(ones),
                coordinates: coordinates as f64,
            })
            .collect();
        let logits = learner(self, &counts);
        let coins = counts.iter().zip(logits).map(|(kind, logit)| Coins {
            count: kind.coordinates as u64,
            p: one,
            q: logistic(logit),
        });
        let uncovered = mixed_coverage(&coins.collect::<Vec<_>>(), self.log_n);
        self.rows as f64 * self.mass() * uncovered * self.log_n / self.horizon as f64
    }
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Logits of the coordinates from what they have seen.
type Learner = fn(&RarePrompt, &[BernoulliCounts]) -> Vec<f64>;

fn maximum_likelihood(law: &RarePrompt, counts: &[BernoulliCounts]) -> Vec<f64> {
    logits_on_ball(counts, law.bound())
}

/// The posterior mean of theta, each sign as likely before: `u tanh(u (ones - zeros) / 2)`.
fn posterior_mean(law: &RarePrompt, counts: &[BernoulliCounts]) -> Vec<f64> {
    let u = law.logit();
    counts
        .iter()
        .map(|c| u * (0.5 * u * (2.0 * c.ones - c.trials)).tanh())
        .collect()
}

fn run(size: Size, seed: u64) -> Vec<Check> {
    vec![
        measure(size, seed, ("maximum likelihood", maximum_likelihood), 0.12),
        measure(size, seed, ("posterior mean", posterior_mean), 0.05),
    ]
}

fn measure(size: Size, seed: u64, (name, learner): (&str, Learner), floor: f64) -> Check {
    let horizons = size.grid(&HORIZONS);
    let mut rows = Table::new(["N", "H", "n Cov log N/H", "standard error"]).drawn(
        Plot::log_x("H", "n Cov log N/H")
            .by("N")
            .with_errors("standard error"),
    );
    let mut ratios = Vec::new();
    let mut cells = Vec::new();
    for level in LEVELS {
        let mut of_level = Vec::new();
        for &h in &horizons {
            let found = scaled_coverages(size, seed, (level, h, INFORMATION), learner);
            let mean = Estimate::mean(&found);
            rows.numeric_row([level, h as f64, mean.value, mean.standard_error]);
            ratios.push(mean);
            of_level.push(found);
        }
        cells.push(of_level);
    }
    let xs: Vec<f64> = horizons.iter().map(|&h| h as f64).collect();
    let by_level: Vec<Vec<&[f64]>> = cells
        .iter()
        .map(|of_level| of_level.iter().map(Vec::as_slice).collect())
        .collect();
    let by_horizon: Vec<Vec<&[f64]>> = (0..horizons.len())
        .map(|h| {
            cells
                .iter()
                .map(|of_level| of_level[h].as_slice())
                .collect()
        })
        .collect();
    let slopes = [exponent(&xs, &by_level), exponent(&LEVELS, &by_horizon)];
    Check::bounded_below(format!("n Cov log N/H, {name}"), &ratios, floor, &slopes).with_rows(rows)
}

fn scaled_coverages(
    size: Size,
    seed: u64,
    (level, horizon, information): (f64, u64, f64),
    learner: Learner,
) -> Vec<f64> {
    let law = RarePrompt::new(horizon, level.ln(), information);
    let cell = format!("N={level}, H={horizon}, c0={information}");
    replicates((ID, &cell, seed), size.seeds(200), |rng| {
        law.scaled_coverage(rng, learner)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near};
    use crate::stream;
    use rand::RngExt;

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        let found = checks[0].rows.numbers("n Cov log N/H");
        let pilot = [
            0.1390, 0.1387, 0.1398, 0.1486, 0.1464, 0.1465, 0.1389, 0.1558, 0.1547,
        ];
        for (found, pilot) in found.iter().zip(pilot) {
            assert_near("n Cov log N/H", *found, pilot, 0.01);
        }
        for level in LEVELS {
            let few = scaled_coverages(Size::Small, 0, (level, 1024, 1.0), maximum_likelihood);
            assert_near("c0 = 1", Estimate::mean(&few).value, 0.0545, 0.0075);
        }
    }

    /// Who knows the truth has no coverage to pay.
    #[test]
    fn a_learner_that_knows_the_truth_fails() {
        let oracle: Learner = |law, counts| vec![law.logit(); counts.len()];
        let check = measure(Size::Small, 0, ("oracle", oracle), 0.12);
        assert_eq!(check.verdict, Verdict::Fails);
    }

    /// The inverted tail against 40,000 drawn responses, at the logits of a fit.
    #[test]
    fn the_tail_is_that_of_drawn_responses() {
        let law = RarePrompt::new(256, 8_f64.ln(), INFORMATION);
        let rng = &mut stream(ID, "test", 0, 0);
        let p = logistic(law.logit());
        let kinds: Vec<Coins> = (0..16_u32)
            .map(|k| Coins {
                count: 16,
                p,
                q: logistic(0.07 * f64::from(k) - 0.2),
            })
            .collect();
        let log_ratio = |rng: &mut rand_chacha::ChaCha8Rng| -> f64 {
            let of_kind = |kind: &Coins| {
                let ones = (0..kind.count).filter(|_| rng.random::<f64>() < p).count() as f64;
                ones * (p / kind.q).ln()
                    + (kind.count as f64 - ones) * ((1.0 - p) / (1.0 - kind.q)).ln()
            };
            kinds.iter().map(of_kind).sum()
        };
        let sets = 40_000;
        let over = (0..sets).filter(|_| log_ratio(rng) >= law.log_n).count();
        let share = over as f64 / f64::from(sets);
        let exact = mixed_coverage(&kinds, law.log_n);
        assert!(exact > 0.05 && exact < 0.95, "{exact}");
        assert!((share - exact).abs() < 4.0 * 0.0025, "{share}, {exact}");
    }
}
