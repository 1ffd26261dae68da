//! The race against the whole tournament on the same tables.

use breadth_stats::{Design, Error, Level, Race, race, tournament};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MODELS: usize = 20;

/// Checkpoints of a run: `gap` sets how clearly the best one is the best. Each gives up a share of
/// the rows that grows with its distance from it.
fn checkpoints(rng: &mut ChaCha8Rng, rows: usize, gap: f64) -> Vec<Vec<f64>> {
    let best = rng.random_range(0..MODELS);
    let mut columns = vec![Vec::new(); MODELS];
    for _ in 0..rows {
        let (base, hard) = (-20.0 - 10.0 * rng.random::<f64>(), rng.random::<f64>());
        for (model, column) in columns.iter_mut().enumerate() {
            let distance = (model as f64 - best as f64).abs();
            let given_up = if distance == 0.0 {
                0.01
            } else {
                0.01 + gap * (2.0 + distance)
            };
            let penalty = if hard < given_up { 8.0 } else { 0.0 };
            column.push(base - penalty - 0.5 * rng.random::<f64>());
        }
    }
    columns
}

fn run(columns: &[Vec<f64>], rng: &mut ChaCha8Rng, level: Level) -> Race {
    let mut order: Vec<usize> = (0..columns[0].len()).collect();
    order.shuffle(rng);
    let score = |models: &[usize], rows: std::ops::Range<usize>| {
        let column = |&model: &usize| {
            order[rows.clone()]
                .iter()
                .map(|&row| columns[model][row])
                .collect()
        };
        Ok(models.iter().map(column).collect())
    };
    race(columns.len(), columns[0].len(), level, 0.95, score).unwrap()
}

/// Series, how often a race kept all winners, how often all it found are winners, mean share of
/// scores.
fn compare(seed: u64, series: usize, rows: usize, gap: f64) -> (usize, usize, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let level = Level::from_n(16.0).unwrap();
    let (mut kept, mut exact, mut share) = (0, 0, 0.0);
    for _ in 0..series {
        let columns = checkpoints(&mut rng, rows, gap);
        let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let whole = tournament(&slices, &Design::default(), level, 0.95).unwrap();
        let found = run(&columns, &mut rng, level);
        kept += usize::from(whole.tied.iter().all(|q| found.winners.contains(q)));
        exact += usize::from(found.winners.iter().all(|q| whole.tied.contains(q)));
        share += found.share_scored();
    }
    (kept, exact, share / series as f64)
}

#[test]
fn a_clear_winner_is_found_with_a_third_of_the_scores() {
    let (kept, exact, share) = compare(1, 30, 4000, 0.05);
    assert!(kept >= 29 && exact >= 29, "{kept} {exact}");
    assert!(share <= 1.0 / 3.0, "{share}");
}

/// All limits at once fail to hold the values of the whole table in at most 5% of the orders; of
/// two models, so that the union over pairs gives little away.
#[test]
fn limits_hold_at_every_look_at_once() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let value = |model: usize, row: usize| match row % 10 {
        0 | 1 if model == 0 => -9.0,
        2..=4 if model == 1 => -9.0,
        _ => -1.0,
    };
    let columns: Vec<Vec<f64>> = (0..2)
        .map(|model| (0..5000).map(|row| value(model, row)).collect())
        .collect();
    let level = Level::from_n(16.0).unwrap();
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let whole = tournament(&slices, &Design::default(), level, 0.95).unwrap();
    let mut missed = 0;
    for _ in 0..400 {
        let found = run(&columns, &mut rng, level);
        let is_held = |q: usize| {
            let (low, high) = found.values[q];
            (low..=high).contains(&whole.standings[q].value)
        };
        missed += usize::from(!is_held(0) || !is_held(1));
    }
    println!("{missed} of 400");
    assert!(missed <= 20, "{missed} of 400");
}

#[test]
fn where_models_are_alike_everything_is_scored_and_the_result_exact() {
    let (kept, exact, share) = compare(2, 10, 1000, 0.0);
    assert_eq!((kept, exact), (10, 10));
    assert!(share > 0.5, "{share}");
}

#[test]
fn rows_that_run_out_give_the_tournament_itself() {
    for rows in [1, 2, 63, 64, 65, 200] {
        let mut rng = ChaCha8Rng::seed_from_u64(rows as u64);
        let columns = checkpoints(&mut rng, rows, 0.002);
        let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let level = Level::from_n(16.0).unwrap();
        let whole = tournament(&slices, &Design::default(), level, 0.95).unwrap();
        let found = run(&columns, &mut rng, level);
        if found.share_scored() == 1.0 {
            assert_eq!(found.winners, whole.tied, "{rows} rows");
        }
        for (q, &(low, high)) in found.values.iter().enumerate() {
            let value = whole.standings[q].value;
            assert!(
                low <= value && (value <= high || !found.winners.contains(&q)),
                "{q}: {low} {value} {high}"
            );
        }
    }
}

#[test]
fn named_cases() {
    let level = Level::from_n(4.0).unwrap();
    let constant = |value: f64| {
        move |models: &[usize], rows: std::ops::Range<usize>| {
            Ok(vec![vec![value; rows.len()]; models.len()])
        }
    };
    assert!(matches!(
        race(0, 9, level, 0.95, constant(-1.0)),
        Err(Error::Empty { .. })
    ));
    assert!(matches!(
        race(2, 0, level, 0.95, constant(-1.0)),
        Err(Error::Empty { .. })
    ));
    assert!(matches!(
        race(2, 9, level, 0.95, constant(f64::NAN)),
        Err(Error::InvalidLogProb { .. })
    ));
    let alone = race(1, 9, level, 0.95, constant(-1.0)).unwrap();
    assert_eq!((alone.winners, alone.scored), (vec![0], vec![0])); // nothing to compare, nothing scored
    let tied = race(3, 100, level, 0.95, constant(f64::NEG_INFINITY)).unwrap();
    assert_eq!((tied.winners, tied.scored), (vec![0, 1, 2], vec![100; 3]));
    let short = race(2, 9, level, 0.95, |_, _| Ok(vec![vec![-1.0]; 2]));
    assert!(matches!(short, Err(Error::LengthMismatch { .. })));
    let refused = race(2, 9, level, 0.95, |_, _| Err(Error::ZeroAttempts));
    assert_eq!(refused, Err(Error::ZeroAttempts));
}
