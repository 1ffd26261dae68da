//! Overparameterised maximum likelihood (Thm 4.2).

use std::collections::BTreeMap;

use breadth_stats::bound;
use rand::Rng;

use crate::check::Check;
use crate::estimate::Estimate;
use crate::fit::{BernoulliCounts, logits_on_ball};
use crate::law::{CoinCounts, FadingPrompts, binomial, coin_coverage, level, scatter};
use crate::slope::log_log;
use crate::statement::headline::maximum_likelihood;
use crate::statement::seeds::{exponent, replicates};
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

const ID: &str = "thm42";

pub(super) const STATEMENT: Statement = Statement {
    id: ID,
    paper: "Thm 4.2",
    title: "overparameterised maximum likelihood",
    claim: "Over an autoregressive linear model of any dimension, Cov_N of maximum likelihood is \
            of order sqrt(s2/(n log N)) + B^2/n.",
    correction: Some(
        "The paper shows that s2 is needed (Prop I.1). This instance attains the first term in n, \
         N and s2 together, for any H and B.",
    ),
    cost: 0.5,
    run: Run::Computed(run),
};

const LEVELS: [f64; 3] = [8.0, 64.0, 4096.0];
const BOUNDS: [f64; 2] = [1.0, 4.0];
/// c: rows that a hard prompt gets on average.
const ROWS_OF_EACH: f64 = 0.5;
/// Rows for each hard prompt, n/d.
const RATIO: u64 = 8;

/// d hard prompts with a coordinate each, `phi(x = j, y_1:h) = B y_h e_j` with y in {0, 1}, and an
/// easy one with phi = 0.
///
/// The truth has `theta_j = ±1/sqrt d`, so that its length is 1; a sign only swaps the names of 0
/// and 1, so all are taken positive. `d = H B^2 / (16 log N)`: the logit is then `4 sqrt(log N/H)`,
/// and a prompt that was not seen has KL 2 log N.
struct HardPrompts {
    prompts: usize,
    rows: u64,
    horizon: u64,
    bound: f64,
    log_n: f64,
}

impl HardPrompts {
    fn new(horizon: u64, bound: f64, log_n: f64, ratio: u64) -> HardPrompts {
        let prompts = (horizon as f64 * bound * bound / (16.0 * log_n)).round();
        HardPrompts {
            prompts: prompts as usize,
            rows: ratio * prompts as u64,
            horizon,
            bound,
            log_n,
        }
    }

    /// The mass of all hard prompts together.
    fn mass(&self) -> f64 {
        ROWS_OF_EACH * self.prompts as f64 / self.rows as f64
    }

    /// P(1) at a hard prompt.
    fn ones(&self) -> f64 {
        1.0 / (1.0 + (-self.bound / (self.prompts as f64).sqrt()).exp())
    }

    fn inherent_variance(&self) -> f64 {
        let one = self.ones();
        self.mass() * self.horizon as f64 * self.bound.powi(2) * one * (1.0 - one)
    }

    /// `sqrt(s2 / (n log N))`, the first term of the bound.
    fn first_term(&self) -> f64 {
        (self.inherent_variance() / (self.rows as f64 * self.log_n)).sqrt()
    }

    /// Cov_N of maximum likelihood on the unit ball, for one data set.
    fn coverage(&self, rng: &mut impl Rng) -> f64 {
        let hard = binomial(rng, self.rows, self.mass());
        let mut kinds: BTreeMap<(u32, u64), f64> = BTreeMap::new();
        for rows in scatter(rng, hard, self.prompts) {
            let ones = binomial(rng, u64::from(rows) * self.horizon, self.ones());
            *kinds.entry((rows, ones)).or_default() += 1.0;
        }
        let counts: Vec<BernoulliCounts> = kinds
            .iter()
            .map(|(&(rows, ones), &coordinates)| BernoulliCounts {
                trials: f64::from(rows) * self.horizon as f64,
                ones: ones as f64,
                coordinates,
            })
            .collect();
        let logits = logits_on_ball(&counts, self.bound);
        let uncovered = counts.iter().zip(&logits).map(|(kind, logit)| {
            let q = 1.0 / (1.0 + (-logit).exp());
            kind.coordinates * coin_coverage(self.horizon, self.ones(), q, self.log_n)
        });
        uncovered.sum::<f64>() * ROWS_OF_EACH / self.rows as f64
    }
}

fn run(size: Size, seed: u64) -> Vec<Check> {
    let mut checks = rate(size, seed, HardPrompts::first_term);
    checks.push(fixed_law(size, seed));
    checks
}

/// Coverage over the first term of the bound, instance by instance.
struct Ratios {
    seed: u64,
    bound: fn(&HardPrompts) -> f64,
    rows: Table,
    means: Vec<Estimate>,
}

impl Ratios {
    fn new(seed: u64, bound: fn(&HardPrompts) -> f64) -> Ratios {
        let columns = [
            "N",
            "B",
            "H",
            "n",
            "Cov / sqrt(s2/(n log N))",
            "standard error",
        ];
        let plot = Plot::log_x("H", columns[4])
            .by("N")
            .with_errors("standard error");
        Ratios {
            seed,
            bound,
            rows: Table::new(columns).drawn(plot),
            means: Vec::new(),
        }
    }

    /// One ratio for each data set.
    fn measure(&mut self, law: &HardPrompts, sets: u64) -> Vec<f64> {
        let (n, h) = (law.rows as f64, law.horizon as f64);
        let level = law.log_n.exp();
        let cell = format!("N={level:.0}, B={}, H={h}, n={n}", law.bound);
        let scale = (self.bound)(law).recip();
        let found = replicates((ID, &cell, self.seed), sets, |rng| {
            scale * law.coverage(rng)
        });
        let mean = Estimate::mean(&found);
        self.rows
            .numeric_row([level, law.bound, h, n, mean.value, mean.standard_error]);
        self.means.push(mean);
        found
    }
}

/// `bound`: what the coverage of an instance is divided by.
fn rate(size: Size, seed: u64, bound: fn(&HardPrompts) -> f64) -> Vec<Check> {
    let mut ratios = Ratios::new(seed, bound);
    let horizons = size.grid(&[4096, 65536]);
    // (N, B)(H); few prompts tell little, so small instances are repeated.
    let mut cells = Vec::new();
    for (level, b) in LEVELS.iter().flat_map(|level| BOUNDS.map(|b| (level, b))) {
        let mut of_horizon = |&h: &u64| {
            let law = HardPrompts::new(h, b, level.ln(), RATIO);
            ratios.measure(
                &law,
                size.seeds((100_000 / law.prompts as u64).clamp(20, 400)),
            )
        };
        cells.push(horizons.iter().map(&mut of_horizon).collect::<Vec<_>>());
    }
    let multiples = size.grid(&[2, 8, 32, 128]);
    let mut of_rows = |&ratio: &u64| {
        let law = HardPrompts::new(4096, 1.0, 64_f64.ln(), ratio);
        ratios.measure(&law, size.seeds(400))
    };
    let in_rows: Vec<Vec<f64>> = multiples.iter().map(&mut of_rows).collect();

    let all: Vec<Vec<&[f64]>> = cells.iter().map(|of_horizon| slices(of_horizon)).collect();
    let slopes = [
        exponent(&numbers(&horizons), &all),
        exponent(&numbers(&multiples), &[slices(&in_rows)]),
        exponent(&LEVELS, &in_level(&cells)),
    ];
    let Ratios { rows, means, .. } = ratios;
    let name = |side| format!("Cov / sqrt(s2/(n log N)), from {side}");
    vec![
        Check::bounded_above(name("above"), &means, 0.22, &slopes).with_rows(rows),
        Check::bounded_below(name("below"), &means, 0.15, &slopes),
    ]
}

fn numbers(values: &[u64]) -> Vec<f64> {
    values.iter().map(|&value| value as f64).collect()
}

fn slices(cells: &[Vec<f64>]) -> Vec<&[f64]> {
    cells.iter().map(Vec::as_slice).collect()
}

/// From (N, B)(H) to one curve in N for each B and H.
fn in_level(cells: &[Vec<Vec<f64>>]) -> Vec<Vec<&[f64]>> {
    let curve = |(b, h): (usize, usize)| -> Vec<&[f64]> {
        let of_level = |level: usize| cells[level * BOUNDS.len() + b][h].as_slice();
        (0..LEVELS.len()).map(of_level).collect()
    };
    let horizons = cells[0].len();
    let grid = (0..BOUNDS.len()).flat_map(|b| (0..horizons).map(move |h| (b, h)));
    grid.map(curve).collect()
}

/// With one law for all n, coverage falls faster than the bound.
fn fixed_law(size: Size, seed: u64) -> Check {
    const HORIZON: u64 = 256;
    let law = &FadingPrompts::default();
    let log_n = 8_f64.ln();
    let grid = size.grid(&[16, 64, 256, 1024, 4096]);
    let cells: Vec<Vec<f64>> = grid
        .iter()
        .map(|&n| {
            let s2 = law.inherent_variance(HORIZON);
            let rate = bound::mle_coverage_overparameterised_rate(level(log_n), s2, 1.0, n)
                .expect("n > 0 and N > 1");
            replicates(
                (ID, &format!("fixed law, n={n}"), seed),
                size.seeds(2000),
                |rng| {
                    let seen: Vec<CoinCounts> = law.draw(rng, n, &[HORIZON]).remove(0);
                    let model: Vec<f64> = seen
                        .into_iter()
                        .map(|c| maximum_likelihood(law, c, HORIZON))
                        .collect();
                    law.coverage(&model, HORIZON, log_n) / rate
                },
            )
        })
        .collect();
    let mut rows = Table::new(["n", "Cov / bound", "standard error"]).drawn(
        Plot::log("n", "Cov / bound")
            .with_errors("standard error")
            .fitted(),
    );
    for (cell, &n) in cells.iter().zip(&grid) {
        let mean = Estimate::mean(cell);
        rows.numeric_row([n as f64, mean.value, mean.standard_error]);
    }
    let of_set = |set: usize| {
        let ys: Vec<f64> = cells.iter().map(|cell| cell[set]).collect();
        log_log(&numbers(&grid), &ys).slope.value
    };
    let slopes: Vec<f64> = (0..cells[0].len()).map(of_set).collect();
    Check::slope(
        "exponent of n in Cov_8 / bound, law fixed",
        Estimate::mean(&slopes),
        (-0.55, -0.45),
    )
    .predicting(-0.5)
    .with_rows(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        let found = checks[0].rows.numbers("Cov / sqrt(s2/(n log N))");
        // (N, B)(H), as the rows come; the pilot's 20 data sets know d prompts to about .3/sqrt d.
        let pilot = [
            (8.0, 1.0, [0.1724, 0.1745]),
            (8.0, 4.0, [0.1735, 0.1746]),
            (64.0, 1.0, [0.1799, 0.1830]),
            (64.0, 4.0, [0.1848, 0.1839]),
            (4096.0, 1.0, [0.1981, 0.1995]),
            (4096.0, 4.0, [0.1996, 0.1989]),
        ];
        for (i, (n, b, ratios)) in pilot.into_iter().enumerate() {
            for (j, (h, ratio)) in [4096, 65536].into_iter().zip(ratios).enumerate() {
                let prompts = HardPrompts::new(h, b, f64::ln(n), RATIO).prompts as f64;
                let error = (1.0 / (20.0 * prompts).sqrt()) * ratio;
                let what = format!("N = {n}, B = {b}, H = {h}");
                assert_near(&what, found[2 * i + j], ratio, 3.0 * error + 0.001);
            }
        }
    }

    /// The inherent variance of one token in place of the whole response's.
    #[test]
    fn a_wrong_inherent_variance_fails() {
        let checks = rate(Size::Small, 0, |law| {
            law.first_term() / (law.horizon as f64).sqrt()
        });
        assert_eq!(checks[0].verdict, Verdict::Fails);
    }

    #[test]
    fn an_unseen_prompt_has_twice_log_n_nats() {
        let law = HardPrompts::new(65536, 4.0, 64_f64.ln(), RATIO);
        let kl = law.horizon as f64 * crate::law::coin_kl(law.ones(), 0.5);
        assert!((kl / (2.0 * law.log_n) - 1.0).abs() < 1e-3);
    }
}
