//! What the planner promises: with the rows it asks for the question is answered with the stated
//! chance, and with a fifth fewer it is not.

use breadth_stats::{
    Design, coverage_profile, rows_to_certify, rows_to_separate, samples_to_see, tournament,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::harness::CONFIDENCE;
use crate::level;

const POWER: f64 = 0.9;
const REPLICATES: usize = 600;

/// The share of the replicates that succeed.
fn share(mut succeeds: impl FnMut(&mut ChaCha8Rng) -> bool) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    (0..REPLICATES).filter(|_| succeeds(&mut rng)).count() as f64 / REPLICATES as f64
}

fn check(what: &str, rows: u64, of_rows: impl Fn(u64) -> f64) {
    let (enough, fewer) = (of_rows(rows), of_rows(rows * 8 / 10));
    println!(
        "| plan: {what}, {rows} rows, chance 90% | {REPLICATES} | {:.1}% |",
        100.0 * enough
    );
    // Three standard errors of a share of 600 at 0.9 are 0.037.
    assert!(enough >= POWER - 0.037, "{what}: {enough} with {rows} rows");
    assert!(
        fewer < POWER,
        "{what}: {fewer} with a fifth fewer than {rows} rows"
    );
}

#[test]
fn rows_that_certify() {
    for (coverage, e) in [(0.01, 0.03), (0.1, 0.15), (0.5, 0.6)] {
        let rows = rows_to_certify(coverage, e, CONFIDENCE, POWER)
            .unwrap()
            .unwrap();
        check(
            &format!("Cov {coverage} certified to be <= {e}"),
            rows,
            |n| {
                share(|rng| {
                    let log_q: Vec<f64> = (0..n)
                        .map(|_| {
                            if rng.random_bool(coverage) {
                                -9.0
                            } else {
                                -1.0
                            }
                        })
                        .collect();
                    let profile = coverage_profile(
                        &vec![-1.0; n as usize],
                        &log_q,
                        &Design::default(),
                        &[level(4.0)],
                        CONFIDENCE,
                    );
                    profile.unwrap().points[0].high <= e
                })
            },
        );
    }
}

#[test]
fn rows_that_separate() {
    for (ahead, behind, models) in [(0.1, 0.05, 2), (0.2, 0.0, 2), (0.15, 0.05, 10)] {
        let rows = rows_to_separate(ahead, behind, models, CONFIDENCE, POWER)
            .unwrap()
            .unwrap();
        check(
            &format!("{models} models, ahead {ahead}, behind {behind}"),
            rows,
            |n| {
                share(|rng| {
                    let mut columns = vec![vec![-3.0; n as usize]; models];
                    let (best, rest) = columns.split_at_mut(1);
                    for (first, second) in best[0].iter_mut().zip(&mut rest[0]) {
                        let place = rng.random::<f64>();
                        if place < ahead {
                            *second = -9.0;
                        } else if place < ahead + behind {
                            *first = -9.0;
                        }
                    }
                    // The others are far behind the first two everywhere.
                    for column in &mut columns[2..] {
                        column.fill(-9.0);
                    }
                    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
                    let outcome =
                        tournament(&columns, &Design::default(), level(4.0), CONFIDENCE).unwrap();
                    !outcome.not_excluded.contains(&1)
                })
            },
        );
    }
}

#[test]
fn samples_that_show_a_rate() {
    for rate in [0.5, 1.0 / 64.0] {
        let samples = samples_to_see(rate, POWER).unwrap();
        let seen = share(|rng| (0..samples).any(|_| rng.random_bool(rate)));
        assert!(seen >= POWER - 0.037, "{seen}");
    }
}
