//! How often 95% limits of Pass@k beyond the samples miss the truth where prompts have different
//! numbers of samples, by kind or by chance: prints the table of lab/results/extrapolation.md.
//!
//! `cargo run --release -p breadth-stats --example extrapolation_kinds [DATA_SETS] [any|beta] [DESIGN]`

use breadth_stats::{Extrapolation, PromptOutcome, RateModel, extrapolate_pass};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Prompts with from so many to so many samples each, and success rates with their shares.
struct Kind {
    prompts: usize,
    samples: (u64, u64),
    rates: &'static [(f64, f64)],
}

impl Kind {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<PromptOutcome> {
        let one = |_| {
            let mut draw = rng.random::<f64>();
            let found = self.rates.iter().find(|(share, _)| {
                draw -= share;
                draw < 0.0
            });
            let rate = found.unwrap_or(&self.rates[0]).1;
            let n = rng.random_range(self.samples.0..=self.samples.1);
            let c = (0..n).filter(|_| rng.random::<f64>() < rate).count() as u64;
            PromptOutcome::Counts { n, c }
        };
        (0..self.prompts).map(one).collect()
    }

    fn pass(&self, k: u64) -> f64 {
        let rates = self.rates.iter();
        rates
            .map(|(share, rate)| share * (1.0 - (1.0 - rate).powf(k as f64)))
            .sum()
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let data_sets: usize = arguments
        .next()
        .map_or(200, |n| n.parse().expect("a number of data sets"));
    let model = match arguments.next().as_deref() {
        Some("beta") => RateModel::Beta,
        _ => RateModel::Nonparametric,
    };
    let only = arguments.next().unwrap_or_default();
    println!("| design | k | Pass@k | missed low | missed high | refused | mean width |");
    println!("|---|---|---|---|---|---|---|");
    for (name, kinds, k) in designs() {
        if !name.contains(&only) {
            continue;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let prompts: usize = kinds.iter().map(|kind| kind.prompts).sum();
        let passes = kinds.iter().map(|kind| kind.prompts as f64 * kind.pass(k));
        let truth = passes.sum::<f64>() / prompts as f64;
        let (mut low, mut high, mut refused, mut width) = (0, 0, 0, 0.0);
        for _ in 0..data_sets {
            let outcomes = kinds.iter().flat_map(|kind| kind.draw(&mut rng));
            let outcomes: Vec<PromptOutcome> = outcomes.collect();
            match extrapolate_pass(&outcomes, k, model, 0.95).unwrap() {
                Extrapolation::Refused(_) => refused += 1,
                Extrapolation::Estimate(pass) => {
                    low += usize::from(pass.low > truth);
                    high += usize::from(pass.high < truth);
                    width += pass.high - pass.low;
                }
            }
        }
        let share = |count: usize| 100.0 * count as f64 / data_sets as f64;
        println!(
            "| {name} | {k} | {truth:.4} | {:.1}% | {:.1}% | {:.1}% | {:.3} |",
            share(low),
            share(high),
            share(refused),
            width / (data_sets - refused).max(1) as f64,
        );
    }
}

const HALF_AT_0: &[(f64, f64)] = &[(0.5, 0.0), (0.5, 0.2)];
const TENTH: &[(f64, f64)] = &[(1.0, 0.1)];
const TWO_POINTS: &[(f64, f64)] = &[(0.5, 0.02), (0.5, 0.3)];
const FOUR_POINTS: &[(f64, f64)] = &[(0.25, 0.0), (0.25, 0.05), (0.25, 0.3), (0.25, 0.8)];

fn kind(prompts: usize, samples: (u64, u64), rates: &'static [(f64, f64)]) -> Kind {
    Kind {
        prompts,
        samples,
        rates,
    }
}

/// Two kinds of prompts of equal mean, equal numbers of samples, and numbers drawn at random.
fn designs() -> Vec<(&'static str, Vec<Kind>, u64)> {
    let all = |n| (n, n);
    vec![
        (
            "100 of n = 64, half at 0, else .2; 100 of n = 8 at .1",
            vec![kind(100, all(64), HALF_AT_0), kind(100, all(8), TENTH)],
            64,
        ),
        (
            "100 of n = 64, half at 0, else .2; 200 of n = 4 at .1",
            vec![kind(100, all(64), HALF_AT_0), kind(200, all(4), TENTH)],
            64,
        ),
        (
            "100 of n = 64 at .1; 100 of n = 8, half at 0, else .2",
            vec![kind(100, all(64), TENTH), kind(100, all(8), HALF_AT_0)],
            64,
        ),
        (
            "200 of n = 32, .7 at 0, else .3; 200 of n = 8 at .09",
            vec![
                kind(200, all(32), &[(0.7, 0.0), (0.3, 0.3)]),
                kind(200, all(8), &[(1.0, 0.09)]),
            ],
            32,
        ),
        (
            "100 of n = 16, half at 0, else .2; 100 of n = 12 at .1",
            vec![kind(100, all(16), HALF_AT_0), kind(100, all(12), TENTH)],
            64,
        ),
        (
            "200 of n = 16, half at .02, else .3",
            vec![kind(200, all(16), TWO_POINTS)],
            64,
        ),
        (
            "100 of n = 8, a quarter at 0, .05, .3, .8",
            vec![kind(100, all(8), FOUR_POINTS)],
            32,
        ),
        (
            "200 of n = 4 to 64, half at .02, else .3",
            vec![kind(200, (4, 64), TWO_POINTS)],
            128,
        ),
        (
            "200 of n = 12 to 16, a quarter at 0, .05, .3, .8",
            vec![kind(200, (12, 16), FOUR_POINTS)],
            64,
        ),
        (
            "100 of n = 8, 100 of n = 16, all half at .02, else .3",
            vec![
                kind(100, all(8), TWO_POINTS),
                kind(100, all(16), TWO_POINTS),
            ],
            64,
        ),
    ]
}
