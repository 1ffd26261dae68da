//! How often 95% limits of Pass@k beyond the samples miss the truth, on each side: prints the table
//! of lab/results/extrapolation.md.
//!
//! `cargo run --release -p breadth-stats --example extrapolation [DATA_SETS] [beta]`

use breadth_stats::{Extrapolation, PromptOutcome, RateModel, extrapolate_pass};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A distribution of success rates.
#[derive(Clone, Copy)]
enum Rates {
    /// Beta(a, b) for small whole multiples of 1/2.
    Beta(f64, f64),
    /// `low` with probability `share`, else `high`.
    TwoPoints { share: f64, low: f64, high: f64 },
}

impl Rates {
    fn name(self) -> String {
        match self {
            Rates::Beta(a, b) => format!("Beta({a}, {b})"),
            Rates::TwoPoints { share, low, high } => format!("{share} at {low}, else {high}"),
        }
    }

    fn draw(self, rng: &mut impl Rng) -> f64 {
        match self {
            Rates::Beta(a, b) => {
                let (x, y) = (gamma(a, rng), gamma(b, rng));
                x / (x + y)
            }
            Rates::TwoPoints { share, low, high } => {
                if rng.random::<f64>() < share {
                    low
                } else {
                    high
                }
            }
        }
    }

    /// E[1 - (1 - pi)^k].
    fn pass(self, k: u64) -> f64 {
        match self {
            // E[(1 - pi)^k] = prod (b + i) / (a + b + i)
            Rates::Beta(a, b) => {
                1.0 - (0..k)
                    .map(|i| (b + i as f64) / (a + b + i as f64))
                    .product::<f64>()
            }
            Rates::TwoPoints { share, low, high } => {
                let miss = |rate: f64| (1.0 - rate).powf(k as f64);
                1.0 - share * miss(low) - (1.0 - share) * miss(high)
            }
        }
    }
}

/// Gamma(a, 1) by Johnk and by sums of exponentials, for a a multiple of 1/10 below 1 plus a whole
/// number.
fn gamma(a: f64, rng: &mut impl Rng) -> f64 {
    let exponential = |rng: &mut dyn FnMut() -> f64| -(1.0 - rng()).ln();
    let mut uniform = || rng.random::<f64>();
    let whole: f64 = (0..a.floor() as usize)
        .map(|_| exponential(&mut uniform))
        .sum();
    let rest = a.fract();
    if rest == 0.0 {
        return whole;
    }
    loop {
        let (x, y) = (
            uniform().powf(1.0 / rest),
            uniform().powf(1.0 / (1.0 - rest)),
        );
        if x + y <= 1.0 {
            return whole + exponential(&mut uniform) * x / (x + y);
        }
    }
}

fn main() {
    let data_sets: usize = std::env::args()
        .nth(1)
        .map_or(200, |n| n.parse().expect("a number of data sets"));
    let model = match std::env::args().nth(2).as_deref() {
        Some("beta") => RateModel::Beta,
        _ => RateModel::Nonparametric,
    };
    println!(
        "| success rates | prompts | samples n | k | Pass@k | missed low | missed high | refused | mean width |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for (rates, prompts, n, k) in cases() {
        let truth = rates.pass(k);
        let (mut low, mut high, mut refused, mut width) = (0, 0, 0, 0.0);
        for _ in 0..data_sets {
            let outcomes: Vec<PromptOutcome> = (0..prompts)
                .map(|_| {
                    let rate = rates.draw(&mut rng);
                    let c = (0..n).filter(|_| rng.random::<f64>() < rate).count() as u64;
                    PromptOutcome::Counts { n, c }
                })
                .collect();
            match extrapolate_pass(&outcomes, k, model, 0.95).unwrap() {
                Extrapolation::Refused(_) => refused += 1,
                Extrapolation::Estimate(pass) => {
                    low += usize::from(pass.low > truth);
                    high += usize::from(pass.high < truth);
                    width += pass.high - pass.low;
                }
            }
        }
        let given = (data_sets - refused).max(1) as f64;
        println!(
            "| {} | {prompts} | {n} | {k} | {truth:.4} | {:.1}% | {:.1}% | {refused} | {:.3} |",
            rates.name(),
            100.0 * low as f64 / given,
            100.0 * high as f64 / given,
            width / given,
        );
    }
}

/// Success rates, prompts, samples and k: the regular, and those with few prompts that are never
/// solved.
fn cases() -> Vec<(Rates, usize, u64, u64)> {
    let two = |share: f64, low: f64, high: f64| Rates::TwoPoints { share, low, high };
    let regular = [
        Rates::Beta(0.5, 1.2),
        Rates::Beta(2.0, 5.0),
        Rates::Beta(0.3, 3.0),
        two(0.5, 0.01, 0.6),
        two(0.3, 0.0, 0.1),
        two(0.8, 0.03, 0.9),
    ];
    let sizes = [(200, 16), (500, 32)];
    let regular = regular
        .into_iter()
        .flat_map(|rates| sizes.map(|(prompts, n)| (rates, prompts, n, 8 * n)));
    let hostile = [
        (two(0.01, 0.0, 0.78), 100, 64, 128),
        (two(0.005, 0.0, 0.5), 100, 16, 256),
        (two(0.0365, 0.0, 0.6), 100, 16, 64),
        (two(0.05, 0.0, 0.6), 30, 4, 16),
        (two(0.003, 0.0, 0.6), 500, 16, 64),
        (two(0.97, 0.0, 0.5), 100, 16, 32),
        (two(0.95, 0.0, 1.0), 100, 16, 18),
        (Rates::Beta(0.5, 1.2), 30, 16, 17),
    ];
    regular.chain(hostile).collect()
}
