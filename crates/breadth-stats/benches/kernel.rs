//! The tournament's pairwise kernel: 64 models x 200,000 rows, all ordered pairs, one thread and
//! all.
//!
//! `bench/kernel.sh` runs this and NumPy's column loop on the same data in the same run and prints
//! the ratio.

use breadth_stats::{
    Design, Level, is_uncovered, minimax, rival_counts, rival_counts_at, tournament,
};

const MODELS: usize = 64;
const ROWS: usize = 200_000;

fn main() {
    divan::main();
}

/// Log-probabilities around -60 nats that differ by a few nats between models; `kernel_numpy.py`
/// makes the same ones.
fn columns() -> Vec<Vec<f64>> {
    (0..MODELS as u64)
        .map(|model| (0..ROWS as u64).map(|row| log_prob(model, row)).collect())
        .collect()
}

fn log_prob(model: u64, row: u64) -> f64 {
    let mixed = (row * 64 + model + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let uniform = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
    -60.0 - 6.0 * uniform
}

fn level() -> Level {
    Level::from_n(4.0).unwrap()
}

fn check(columns: &[&[f64]], weights: Option<&[f64]>, counts: &[f64]) {
    for (rival, q) in [(0, 1), (1, 0), (17, 63), (63, 17)] {
        let weight = |row: usize| weights.map_or(1.0, |w| w[row]);
        let behind = |&row: &usize| is_uncovered(columns[rival][row], columns[q][row], level());
        let expected: f64 = (0..ROWS).filter(behind).map(weight).sum();
        assert!((counts[rival * MODELS + q] - expected).abs() <= 1e-9 * expected);
    }
}

fn run(bencher: divan::Bencher, threads: usize, weights: Option<&[f64]>) {
    let owned = columns();
    let columns: Vec<&[f64]> = owned.iter().map(Vec::as_slice).collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let counts = || pool.install(|| rival_counts(&columns, weights, level()).unwrap());
    check(&columns, weights, &counts());
    bencher.bench(counts);
}

#[divan::bench(args = [1, 2], sample_count = 10)]
fn unweighted(bencher: divan::Bencher, threads: usize) {
    run(bencher, threads, None);
}

#[divan::bench(args = [1], sample_count = 10)]
fn weighted(bencher: divan::Bencher, threads: usize) {
    let weights: Vec<f64> = (0..ROWS).map(|row| 0.5 + (row % 7) as f64).collect();
    run(bencher, threads, Some(&weights));
}

/// Checkpoints of a run, each a step away from the one before.
fn checkpoints() -> Vec<Vec<f64>> {
    let steps = columns();
    let mut walk = vec![steps[0].clone()];
    for step in &steps[1..50] {
        let last = &walk[walk.len() - 1];
        walk.push(
            last.iter()
                .zip(step)
                .map(|(last, step)| (last + 0.3 * (step + 63.0)).min(0.0))
                .collect(),
        );
    }
    walk
}

/// Everything `select` prints, limits and certificates included, for 50 checkpoints.
#[divan::bench(args = [1, 2], sample_count = 3)]
fn whole_tournament(bencher: divan::Bencher, threads: usize) {
    let owned = checkpoints();
    let columns: Vec<&[f64]> = owned.iter().map(Vec::as_slice).collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let play = || pool.install(|| tournament(&columns, &Design::default(), level(), 0.95).unwrap());
    let found = play();
    assert!(found.not_excluded.contains(&found.winner));
    assert!(
        found
            .standings
            .iter()
            .all(|standing| standing.value >= found.standings[found.winner].value)
    );
    bencher.bench(play);
}

/// The same with four responses to a prompt.
#[divan::bench(args = [1, 2], sample_count = 3)]
fn whole_tournament_of_clusters(bencher: divan::Bencher, threads: usize) {
    let owned = checkpoints();
    let columns: Vec<&[f64]> = owned.iter().map(Vec::as_slice).collect();
    let clusters: Vec<u32> = (0..ROWS as u32).map(|row| row / 4).collect();
    let design = Design {
        weights: None,
        clusters: Some(&clusters),
        ..Design::default()
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let play = || pool.install(|| tournament(&columns, &design, level(), 0.95).unwrap());
    let found = play();
    let independent = tournament(&columns, &Design::default(), level(), 0.95).unwrap();
    assert_eq!(
        (&found.rival_shares, &found.ranking),
        (&independent.rival_shares, &independent.ranking)
    );
    bencher.bench(play);
}

/// Sixteen levels at once, N = 2^(k/2), all of them below the largest ratio, so that no level is
/// skipped; `LEVEL_ROWS` sets the rows.
#[divan::bench(args = [1], sample_count = 3)]
fn sixteen_levels(bencher: divan::Bencher, threads: usize) {
    let rows = std::env::var("LEVEL_ROWS").map_or(20_000, |n| n.parse().unwrap());
    let owned: Vec<Vec<f64>> = (0..MODELS as u64)
        .map(|model| (0..rows).map(|row| log_prob(model, row)).collect())
        .collect();
    let columns: Vec<&[f64]> = owned.iter().map(Vec::as_slice).collect();
    let levels: Vec<Level> = (0..16)
        .map(|power| Level::from_n(2.0_f64.powf(0.5 * f64::from(power))).unwrap())
        .collect();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let counts = || pool.install(|| rival_counts_at(&columns, None, &levels).unwrap());
    for (level, table) in levels.iter().zip(counts()) {
        let behind = |&row: &usize| is_uncovered(owned[17][row], owned[63][row], *level);
        let expected = (0..rows as usize).filter(behind).count();
        assert_eq!(table[17 * MODELS + 63], expected as f64);
    }
    bencher.bench(counts);
}

/// The winner alone, among checkpoints of a run.
#[divan::bench(sample_count = 10)]
fn winner_alone(bencher: divan::Bencher) {
    let owned = checkpoints();
    let columns: Vec<&[f64]> = owned.iter().map(Vec::as_slice).collect();
    let whole = tournament(&columns, &Design::default(), level(), 0.95).unwrap();
    let alone = minimax(&columns, None, level()).unwrap();
    assert_eq!(alone.models, whole.tied);
    bencher.bench(|| minimax(&columns, None, level()));
}
