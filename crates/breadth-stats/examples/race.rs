//! How often a race keeps the winners of the whole tournament, and what share of the scores it asks
//! for: prints the table of lab/results/race.md.
//!
//! `cargo run --release -p breadth-stats --example race [SERIES]`

use breadth_stats::{Level, minimax, race};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MODELS: usize = 20;

/// How the share of rows that a checkpoint gives up depends on its distance from the best one.
#[derive(Clone, Copy)]
struct Series {
    name: &'static str,
    /// The best one's own share.
    floor: f64,
    /// What the next one gives up beyond that.
    jump: f64,
    /// What each further step adds.
    slope: f64,
}

const SERIES: [Series; 4] = [
    Series {
        name: "one clearly best",
        floor: 0.01,
        jump: 0.1,
        slope: 0.01,
    },
    Series {
        name: "one best by 3 points",
        floor: 0.02,
        jump: 0.03,
        slope: 0.005,
    },
    Series {
        name: "a smooth run",
        floor: 0.05,
        jump: 0.0,
        slope: 0.01,
    },
    Series {
        name: "all alike",
        floor: 0.05,
        jump: 0.0,
        slope: 0.0,
    },
];

/// Neighbours give up nested sets of rows, so that they are strongly correlated.
fn checkpoints(series: Series, rows: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    let best = rng.random_range(0..MODELS);
    let mut columns = vec![Vec::new(); MODELS];
    for _ in 0..rows {
        let (base, hard) = (-20.0 - 10.0 * rng.random::<f64>(), rng.random::<f64>());
        for (model, column) in columns.iter_mut().enumerate() {
            let distance = (model as f64 - best as f64).abs();
            let jump = if distance > 0.0 { series.jump } else { 0.0 };
            let share = series.floor + jump + series.slope * distance;
            // One half of what is given up is common, the other each checkpoint's own.
            let is_given_up = hard < 0.5 * share || rng.random::<f64>() < 0.5 * share;
            column.push(base - if is_given_up { 8.0 } else { 0.0 } - 0.5 * rng.random::<f64>());
        }
    }
    columns
}

fn main() {
    let count: usize = std::env::args()
        .nth(1)
        .map_or(200, |n| n.parse().expect("a number of series"));
    let level = Level::from_n(16.0).expect("a level");
    println!(
        "| series | rows | a winner of the whole tournament is kept | only such | left, mean | share of scores, mean | largest |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for series in SERIES {
        let rows = 4000;
        let (mut kept, mut only, mut left, mut share, mut largest) = (0, 0, 0, 0.0, 0.0_f64);
        for _ in 0..count {
            let columns = checkpoints(series, rows, &mut rng);
            let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let truth = minimax(&slices, None, level).expect("rows").models;
            let mut order: Vec<usize> = (0..rows).collect();
            order.shuffle(&mut rng);
            let found = race(MODELS, rows, level, 0.95, |models, rows| {
                let column = |&model: &usize| {
                    order[rows.clone()]
                        .iter()
                        .map(|&row| columns[model][row])
                        .collect()
                };
                Ok(models.iter().map(column).collect())
            })
            .expect("valid scores");
            kept += usize::from(truth.iter().any(|q| found.winners.contains(q)));
            only += usize::from(found.winners.iter().all(|q| truth.contains(q)));
            left += found.winners.len();
            share += found.share_scored();
            largest = largest.max(found.share_scored());
        }
        let n = count as f64;
        println!(
            "| {} | {rows} | {:.1}% of {count} | {:.1}% | {:.2} | {:.3} | {largest:.3} |",
            series.name,
            100.0 * kept as f64 / n,
            100.0 * only as f64 / n,
            left as f64 / n,
            share / n,
        );
    }
}
