//! What a tournament says of long responses, as log N grows: lab/results/long_responses.md.
//!
//! Two kinds of checkpoint: "broad" ones miss each token by a little, "narrow" ones less, but they
//! lost one prompt in ten (30 nats on these responses, and the right answer). The log-ratio to the
//! data of a response of H tokens is normal with mean `-H a` and variance `2 H a`, as for a product
//! of H small perturbations with KL `a` each.

use breadth_stats::{Design, Level, PromptOutcome, answer_coverage, tournament};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MODELS: usize = 6;
const ROWS: usize = 400;
const SERIES: usize = 200;
const LOST: f64 = 0.1;
const LOST_NATS: f64 = 30.0;
/// KL per token of broad and of narrow checkpoints.
const KL: [f64; 2] = [0.012, 0.010];
/// Chance of a right answer where the prompt is not lost.
const RATE: [f64; 2] = [0.3, 0.35];
const SAMPLES: u64 = 64;

fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Scores of even (broad) and odd (narrow) checkpoints, and how often each was right on every
/// prompt.
fn series(rng: &mut ChaCha8Rng, tokens: f64) -> (Vec<Vec<f64>>, Vec<Vec<PromptOutcome>>) {
    let truth: Vec<f64> = (0..ROWS)
        .map(|_| -1.5 * tokens + tokens.sqrt() * normal(rng))
        .collect();
    let lost: Vec<bool> = (0..ROWS).map(|_| rng.random_bool(LOST)).collect();
    let (mut scores, mut answers) = (Vec::new(), Vec::new());
    for model in 0..MODELS {
        let kind = model % 2;
        let (mean, deviation) = (tokens * KL[kind], (2.0 * tokens * KL[kind]).sqrt());
        let is_lost = |row: usize| kind == 1 && lost[row];
        let score = |row: usize, rng: &mut ChaCha8Rng| {
            let penalty = if is_lost(row) { LOST_NATS } else { 0.0 };
            (truth[row] - mean + deviation * normal(rng) - penalty).min(0.0)
        };
        scores.push((0..ROWS).map(|row| score(row, rng)).collect());
        let outcome = |row: usize, rng: &mut ChaCha8Rng| {
            let rate = if is_lost(row) { 0.0 } else { RATE[kind] };
            let c = (0..SAMPLES).filter(|_| rng.random_bool(rate)).count() as u64;
            PromptOutcome::Counts { n: SAMPLES, c }
        };
        answers.push((0..ROWS).map(|row| outcome(row, rng)).collect());
    }
    (scores, answers)
}

fn main() {
    println!(
        "| tokens | log N | median pair differs by N | winner's value | broad chosen |\n|---|---|---|---|---|"
    );
    for tokens in [16.0, 128.0, 1024.0] {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let all: Vec<_> = (0..SERIES).map(|_| series(&mut rng, tokens)).collect();
        for log_n in [16_f64.ln(), 10.0, 20.0, 30.0] {
            let level = Level::from_log_n(log_n).unwrap();
            let (mut apart, mut value, mut broad) = (0.0, 0.0, 0);
            for (scores, _) in &all {
                let columns: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
                let outcome = tournament(&columns, &Design::default(), level, 0.95).unwrap();
                apart += outcome.separated_share().unwrap_or(0.0) / SERIES as f64;
                value += outcome.standings[outcome.winner].value / SERIES as f64;
                broad += usize::from(outcome.winner.is_multiple_of(2));
            }
            println!(
                "| {tokens} | {log_n:.1} | {:.0}% | {:.1}% | {:.1}% of {SERIES} |",
                100.0 * apart,
                100.0 * value,
                100.0 * broad as f64 / SERIES as f64
            );
        }
        // Over answers: the checkpoint that misses the fewest at N = 16.
        let level = Level::from_n(16.0).unwrap();
        let missed = |answers: &Vec<PromptOutcome>| {
            answer_coverage(answers, level, &Design::default(), 0.95)
                .unwrap()
                .value
        };
        let broad = all.iter().filter(|(_, answers)| {
            let values: Vec<f64> = answers.iter().map(missed).collect();
            let best = (0..MODELS).min_by(|&a, &b| values[a].total_cmp(&values[b]));
            best.is_some_and(|best| best.is_multiple_of(2))
        });
        println!(
            "| {tokens} | answers, N = 16 | | | {:.1}% of {SERIES} |",
            100.0 * broad.count() as f64 / SERIES as f64
        );
    }
}
