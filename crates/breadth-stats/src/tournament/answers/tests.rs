//! The tests of ratios against sums over all outcomes, limits and set by simulation, named cases.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::ratio::{Claim, Count, failures};
use super::*;
use crate::error::Error;

/// `P[Bin(n, p) = c]`, factor by factor.
fn mass(n: u64, c: u64, p: f64) -> f64 {
    let choose = (0..c).fold(1.0, |x, i| x * (n - i) as f64 / (i + 1) as f64);
    choose * p.powi(c as i32) * (1.0 - p).powi((n - c) as i32)
}

/// The probability that the samples prove the claim at each error, summed over all outcomes.
fn chance_of_proof(
    claim: Claim,
    (n, r): (u64, f64),
    (m, q): (u64, f64),
    level: Level,
    errors: &[f64],
) -> Vec<f64> {
    let mut chances = vec![0.0; errors.len()];
    for (c, k) in (0..=n).flat_map(|c| (0..=m).map(move |k| (c, k))) {
        let failed = failures(claim, (n, c), (m, k), level, errors);
        for chance in &mut chances[failed..] {
            *chance += mass(n, c, r) * mass(m, k, q);
        }
    }
    chances
}

const ERRORS: [f64; 4] = [0.01, 0.05, 0.2, 0.5];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_test_errs_more_often_than_it_says(
        n in 0..9_u64,
        m in 0..9_u64,
        log_n in prop_oneof![Just(0.0), Just(2.0_f64.ln()), 0.0..4.0, Just(50.0), Just(900.0)],
        r in prop_oneof![2 => 0.0..=1.0_f64, 1 => Just(0.0), 1 => Just(1.0)],
        towards in prop_oneof![2 => Just(1.0_f64), 1 => 0.0..1.0_f64],
    ) {
        let level = Level::from_log_n(log_n).unwrap();
        let q = r * (-log_n).exp();
        // The rates are N apart, or on the wrong side of that.
        let nearer = chance_of_proof(Claim::Behind, (n, r * towards), (m, q), level, &ERRORS);
        let further = chance_of_proof(Claim::NotBehind, (n, r), (m, q * towards), level, &ERRORS);
        for (at, error) in ERRORS.into_iter().enumerate() {
            prop_assert!(nearer[at] <= error + 1e-9 && further[at] <= error + 1e-9, "{nearer:?} {further:?}");
        }
    }
}

/// The p-value of the likelihood ratio, by its definition on a fine grid.
fn p_by_hand(claim: Claim, (n, c): Count, (m, k): Count, level: Level) -> f64 {
    let grid: Vec<f64> = (0..=4000)
        .map(|i| f64::from(i) / 4000.0)
        .map(|x| x * x)
        .collect();
    let log = |count: u64, p: f64| {
        if count == 0 {
            0.0
        } else {
            count as f64 * p.ln()
        }
    };
    let log_likelihood = |c: u64, k: u64, r: f64, q: f64| {
        log(c, r) + log(n - c, 1.0 - r) + log(k, q) + log(m - k, 1.0 - q)
    };
    let statistic = |c: u64, k: u64| {
        let (r, q) = (c as f64 / n as f64, k as f64 / m as f64);
        let best = log_likelihood(c, k, r, q);
        let tied = grid
            .iter()
            .map(|&r| log_likelihood(c, k, r, r / level.n()))
            .fold(f64::NEG_INFINITY, f64::max);
        (best - tied).max(0.0) * if r > level.n() * q { 1.0 } else { -1.0 }
    };
    let seen = statistic(c, k);
    let outcomes = (0..=n).flat_map(|c| (0..=m).map(move |k| (c, k)));
    let extreme: Vec<(u64, u64)> = outcomes
        .filter(|&(c, k)| match claim {
            Claim::Behind => statistic(c, k) >= seen - 1e-4,
            Claim::NotBehind => statistic(c, k) <= seen + 1e-4,
        })
        .collect();
    let chance = |&r: &f64| {
        extreme
            .iter()
            .map(|&(c, k)| mass(n, c, r) * mass(m, k, r / level.n()))
            .sum::<f64>()
    };
    grid.iter().step_by(10).map(chance).fold(0.0, f64::max)
}

#[test]
fn p_values_are_suprema_over_all_rates() {
    for (n, m, ratio) in [(5, 5, 1.0), (6, 4, 2.0), (3, 9, 2.5)] {
        let level = Level::from_n(ratio).unwrap();
        for (c, k) in (0..=n).flat_map(|c| (0..=m).map(move |k| (c, k))) {
            for claim in [Claim::Behind, Claim::NotBehind] {
                let p = p_by_hand(claim, (n, c), (m, k), level);
                let is_ahead = c as f64 / n as f64 > ratio * k as f64 / m as f64;
                let is_even = c * m == (ratio * 2.0) as u64 * k * n / 2;
                if is_even || is_ahead != (claim == Claim::Behind) {
                    assert_eq!(failures(claim, (n, c), (m, k), level, &ERRORS), 4);
                    continue;
                }
                // From both sides, with room for the grid here and the bound there.
                let errors = [0.96 * p, 1.03 * p + 1e-6];
                let found = failures(claim, (n, c), (m, k), level, &errors);
                assert_eq!(found, 1, "{c} of {n}, {k} of {m}, N = {ratio}: {p}");
            }
        }
    }
}

#[test]
fn many_samples_prove_as_much_within_their_error() {
    let level = Level::from_n(8.0).unwrap();
    let (n, m, q) = (700, 400, 0.02);
    for claim in [Claim::Behind, Claim::NotBehind] {
        let mut chances = [0.0; 4];
        for (c, k) in (70..160).flat_map(|c| (0..24).map(move |k| (c, k))) {
            let failed = failures(claim, (n, c), (m, k), level, &ERRORS);
            let log_mass = |n: u64, c: u64, p: f64| {
                (0..c)
                    .map(|i| ((n - i) as f64 / (i + 1) as f64 * p / (1.0 - p)).ln())
                    .sum::<f64>()
                    + n as f64 * (-p).ln_1p()
            };
            let chance = (log_mass(n, c, 8.0 * q) + log_mass(m, k, q)).exp();
            chances[failed..].iter_mut().for_each(|sum| *sum += chance);
        }
        for (chance, error) in chances.into_iter().zip(ERRORS) {
            assert!(chance <= error, "{chances:?}");
        }
        assert!(chances[3] > 0.1, "{chances:?}");
    }
    // Where nothing is doubtful.
    let proved = |claim, c, k| failures(claim, (1_000_000, c), (1_000_000, k), level, &ERRORS);
    assert_eq!(proved(Claim::Behind, 500_000, 100), 0);
    assert_eq!(proved(Claim::NotBehind, 500_000, 100), 4);
    assert_eq!(proved(Claim::NotBehind, 500_000, 400_000), 0);
    assert_eq!(proved(Claim::Behind, 500_000, 400_000), 4);
    assert_eq!(
        (proved(Claim::Behind, 0, 0), proved(Claim::NotBehind, 0, 0)),
        (4, 4)
    );
}

/// How the rates of a prompt are drawn: one for each model.
type Rates = fn(&mut ChaCha8Rng) -> Vec<f64>;

/// Samples of a model for a prompt.
#[derive(Clone, Copy, Debug)]
enum Samples {
    Each(u64),
    /// 4 to 64, by model and prompt.
    Unequal,
}

struct Hostile {
    name: &'static str,
    level: f64,
    rates: Rates,
    /// True values.
    values: &'static [f64],
}

const HOSTILE: [Hostile; 9] = [
    Hostile {
        name: "equal and small",
        level: 2.0,
        rates: |rng| vec![0.08 * rng.random::<f64>(); 2],
        values: &[0.0, 0.0],
    },
    Hostile {
        name: "equal, three models",
        level: 2.0,
        rates: |rng| vec![rng.random::<f64>().powi(3); 3],
        values: &[0.0; 3],
    },
    Hostile {
        name: "exactly N on three of ten",
        level: 4.0,
        rates: |rng| {
            let r = 0.2 + 0.8 * rng.random::<f64>();
            if rng.random::<f64>() < 0.3 {
                vec![r, r / 4.0]
            } else {
                vec![r, r]
            }
        },
        values: &[0.0, 0.3],
    },
    Hostile {
        name: "just below N everywhere",
        level: 2.0,
        rates: |rng| {
            let r = 0.1 + 0.9 * rng.random::<f64>();
            vec![r, r / 1.999]
        },
        values: &[0.0, 0.0],
    },
    Hostile {
        name: "exactly N everywhere",
        level: 2.0,
        rates: |rng| {
            let r = 0.1 + 0.9 * rng.random::<f64>();
            vec![r, r / 2.0]
        },
        values: &[0.0, 1.0],
    },
    Hostile {
        name: "A never right on 2%, B seldom right on as many",
        level: 2.0,
        rates: |rng| match rng.random::<f64>() {
            u if u < 0.02 => vec![0.0, 0.03],
            u if u < 0.04 => vec![0.04, 0.02],
            _ => vec![0.04, 0.04],
        },
        values: &[0.02, 0.02],
    },
    Hostile {
        name: "three models, one behind on a tenth, one on .14, one on .3",
        level: 8.0,
        rates: |rng| match rng.random::<f64>() {
            u if u < 0.1 => vec![0.05, 0.6, 0.6],
            u if u < 0.24 => vec![0.6, 0.05, 0.6],
            u if u < 0.54 => vec![0.9, 0.9, 0.1],
            _ => vec![0.6, 0.6, 0.6],
        },
        values: &[0.1, 0.14, 0.3],
    },
    Hostile {
        name: "three models, clearly behind on .02, .05 and .3",
        level: 8.0,
        rates: |rng| match rng.random::<f64>() {
            u if u < 0.02 => vec![0.002, 0.6, 0.5],
            u if u < 0.07 => vec![0.6, 0.002, 0.6],
            u if u < 0.37 => vec![0.9, 0.7, 0.01],
            _ => vec![0.7, 0.3, 0.4],
        },
        values: &[0.02, 0.05, 0.3],
    },
    Hostile {
        name: "two models, each clearly behind on a fifth",
        level: 8.0,
        rates: |rng| match rng.random::<f64>() {
            u if u < 0.2 => vec![0.0, 0.8],
            u if u < 0.4 => vec![0.8, 0.0],
            _ => vec![0.7, 0.7],
        },
        values: &[0.2, 0.2],
    },
];

#[derive(Debug, Default)]
struct Misses {
    low: Vec<usize>,
    high: Vec<usize>,
    best: usize,
    /// Models excluded, and the sum of widths.
    excluded: usize,
    width: f64,
}

fn simulate(design: &Hostile, prompts: usize, samples: Samples, runs: usize, seed: u64) -> Misses {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let models = design.values.len();
    let level = Level::from_n(design.level).unwrap();
    let least = design.values.iter().copied().fold(1.0, f64::min);
    let mut misses = Misses {
        low: vec![0; models],
        high: vec![0; models],
        ..Misses::default()
    };
    for _ in 0..runs {
        let mut counts = vec![Vec::new(); models];
        for _ in 0..prompts {
            for (counts, rate) in counts.iter_mut().zip((design.rates)(&mut rng)) {
                let n = match samples {
                    Samples::Each(n) => n,
                    Samples::Unequal => [4, 7, 16, 64][rng.random_range(0..4)],
                };
                let c = (0..n).filter(|_| rng.random::<f64>() < rate).count() as u64;
                counts.push(PromptOutcome::Counts { n, c });
            }
        }
        let counts: Vec<&[PromptOutcome]> = counts.iter().map(Vec::as_slice).collect();
        let found = answer_tournament(
            &counts,
            DataAnswers::Correct,
            &Design::default(),
            level,
            0.95,
        )
        .unwrap();
        for (q, standing) in found.standings.iter().enumerate() {
            misses.low[q] += usize::from(standing.low > design.values[q] + 1e-12);
            misses.high[q] += usize::from(standing.high < design.values[q] - 1e-12);
            misses.width += (standing.high - standing.low) / (models * runs) as f64;
        }
        let is_best = |&q: &usize| design.values[q] == least;
        // All of the best must be in the set: it promises each of them.
        misses.best += usize::from(
            (0..models)
                .filter(is_best)
                .any(|q| !found.not_excluded.contains(&q)),
        );
        misses.excluded += models - found.not_excluded.len();
    }
    misses
}

fn check_misses(runs: usize, of_prompts: &[usize], most: f64, most_best: f64) {
    HOSTILE.par_iter().for_each(|design| {
        for &prompts in of_prompts {
            for samples in [
                Samples::Each(4),
                Samples::Each(16),
                Samples::Each(64),
                Samples::Unequal,
            ] {
                let misses = simulate(design, prompts, samples, runs, prompts as u64);
                let told = format!(
                    "{}, {prompts} prompts, {samples:?}: {misses:?}",
                    design.name
                );
                println!("{told}");
                let share = |count: usize| count as f64 / runs as f64;
                for count in misses.low.iter().chain(&misses.high) {
                    assert!(share(*count) <= most, "{told}");
                }
                assert!(share(misses.best) <= most_best, "{told}");
            }
        }
    });
}

/// At length (minutes) where `BREADTH_REPLICATES` says how often, as in `scripts/intervals`.
#[test]
fn limits_and_set_hold_on_hostile_designs() {
    let asked = std::env::var("BREADTH_REPLICATES").ok();
    match asked.and_then(|runs| runs.parse().ok()) {
        Some(runs) => check_misses(runs, &[30, 100, 500], 0.03, 0.05),
        None => check_misses(300, &[30], 0.03, 0.05),
    }
}

fn counts(pairs: &[(u64, u64)]) -> Vec<PromptOutcome> {
    pairs
        .iter()
        .map(|&(n, c)| PromptOutcome::Counts { n, c })
        .collect()
}

fn play(models: &[Vec<PromptOutcome>], design: &Design, n: f64) -> Result<Tournament> {
    let models: Vec<&[PromptOutcome]> = models.iter().map(Vec::as_slice).collect();
    answer_tournament(
        &models,
        DataAnswers::Correct,
        design,
        Level::from_n(n)?,
        0.95,
    )
}

/// Counts of models for a few prompts, numbers of samples from none to 40, and the order in which
/// to look at them.
fn field() -> impl Strategy<Value = (Vec<Vec<(u64, u64)>>, Vec<usize>)> {
    let count = prop_oneof![1 => Just((0, 0)), 9 => (1..40_u64, 0.0..=1.0_f64).prop_map(|(n, r)| (n, (n as f64 * r * r) as u64))];
    (1..4_usize, 1..14_usize).prop_flat_map(move |(models, rows)| {
        let field = prop::collection::vec(prop::collection::vec(count.clone(), rows), models);
        (
            field,
            Just((0..rows).collect::<Vec<usize>>()).prop_shuffle(),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn limits_hold_the_value_and_do_not_depend_on_order((models, order) in field(), n in 1.0..12.0_f64) {
        let of = |models: &[Vec<(u64, u64)>]| play(&models.iter().map(|m| counts(m)).collect::<Vec<_>>(), &Design::default(), n).unwrap();
        let found = of(&models);
        let shuffled: Vec<Vec<(u64, u64)>> = models.iter().map(|m| order.iter().map(|&row| m[row]).collect()).collect();
        let again = of(&shuffled);
        prop_assert_eq!(&again.not_excluded, &found.not_excluded);
        prop_assert!(found.not_excluded.contains(&found.winner));
        for (a, b) in found.standings.iter().zip(&again.standings) {
            prop_assert!(0.0 <= a.low && a.low <= a.value && a.value <= a.high && a.high <= 1.0, "{a:?}");
            prop_assert!(a.certified_low <= a.certified_high && (models.len() < 2 || a.excess >= 0.0));
            prop_assert!((a.low - b.low).abs() < 1e-12 && (a.high - b.high).abs() < 1e-12);
        }
        // The other way round the models change places with what is said of them.
        let turned: Vec<Vec<(u64, u64)>> = models.iter().rev().cloned().collect();
        for (a, b) in found.standings.iter().zip(of(&turned).standings.iter().rev()) {
            prop_assert!((a.low - b.low).abs() < 1e-12 && (a.high - b.high).abs() < 1e-12);
        }
    }
}

#[test]
fn limits_are_the_best_of_three_errors() {
    // 40 prompts on which A is behind for certain, 160 on which it is not; B is never behind.
    let a: Vec<(u64, u64)> = (0..200)
        .map(|i| if i < 40 { (64, 0) } else { (64, 50) })
        .collect();
    let models = [counts(&a), counts(&[(64, 50); 200])];
    let found = play(&models, &Design::default(), 8.0).unwrap();
    let limit = |side: fn(f64, f64, f64) -> f64, c: f64| side(c, 200.0, 0.025 / 3.0);
    let (lower, upper) = (crate::interval::lower, crate::interval::upper);
    let low = BEHIND
        .map(|b| (limit(lower, 40.0) - b) / (1.0 - b))
        .into_iter()
        .fold(0.0, f64::max);
    let high = NOT_BEHIND
        .map(|b| limit(upper, 40.0) / (1.0 - b))
        .into_iter()
        .fold(1.0, f64::min);
    let standing = &found.standings[0];
    assert!(
        (standing.low - low).abs() < 1e-12 && (standing.high - high).abs() < 1e-12,
        "{standing:?}"
    );
    assert_eq!((found.not_excluded, found.winner), (vec![1], 1));
}

#[test]
fn strata_and_clusters_count_as_they_say() {
    // Group 0 is a hundredth of the population and holds all prompts on which A is behind.
    let a: Vec<(u64, u64)> = (0..200)
        .map(|i| if i < 100 { (64, 0) } else { (64, 50) })
        .collect();
    let models = [counts(&a), counts(&[(64, 50); 200])];
    let strata: Vec<u32> = (0..200).map(|i| u32::from(i >= 100)).collect();
    let weights = crate::stratified_weights(&strata, &[0.01, 0.99], None).unwrap();
    let design = Design {
        weights: Some(&weights),
        strata: Some(&strata),
        clusters: None,
    };
    let found = play(&models, &design, 8.0).unwrap();
    assert!((found.standings[0].value - 0.01).abs() < 1e-12);
    assert!(found.standings[0].high < 0.12, "{:?}", found.standings[0]);
    // Twenty rows to a prompt are ten prompts, not two hundred.
    let clusters: Vec<u32> = (0..200).map(|i| i / 20).collect();
    let design = Design {
        clusters: Some(&clusters),
        ..Design::default()
    };
    let clustered = &play(&models, &design, 8.0).unwrap().standings[0];
    let independent = &play(&models, &Design::default(), 8.0).unwrap().standings[0];
    assert!(clustered.low < independent.low - 0.1 && clustered.high > independent.high + 0.1);
}

#[test]
fn named_cases() {
    let alone = play(&[counts(&[(4, 1)])], &Design::default(), 2.0).unwrap();
    let standing = &alone.standings[0];
    assert_eq!(
        (
            standing.low,
            standing.value,
            standing.high,
            alone.not_excluded
        ),
        (0.0, 0.0, 0.0, vec![0])
    );
    // One sample, none, and nothing seen: nothing is known.
    for (a, b) in [
        ((1, 1), (1, 0)),
        ((0, 0), (0, 0)),
        ((0, 0), (64, 64)),
        ((64, 0), (64, 0)),
    ] {
        let found = play(
            &[counts(&[a; 50]), counts(&[b; 50])],
            &Design::default(),
            2.0,
        )
        .unwrap();
        assert_eq!(found.not_excluded, [0, 1], "{a:?} {b:?}");
        assert!(
            found.standings.iter().any(|s| s.low == 0.0 && s.high > 0.9),
            "{a:?} {b:?}"
        );
    }
    // At N = 1 equal rates are behind one another, both 0 included.
    let even = play(
        &[counts(&[(64, 0); 50]), counts(&[(64, 0); 50])],
        &Design::default(),
        1.0,
    )
    .unwrap();
    assert!(
        even.standings
            .iter()
            .all(|s| s.value == 1.0 && s.high == 1.0 && s.low == 0.0)
    );
    // N beyond all samples, and beyond f64.
    for log_n in [30.0, 1000.0] {
        let level = Level::from_log_n(log_n).unwrap();
        let (some, none) = (counts(&[(64, 60); 50]), counts(&[(64, 0); 50]));
        let found = answer_tournament(
            &[&some, &none],
            DataAnswers::Drawn,
            &Design::default(),
            level,
            0.95,
        )
        .unwrap();
        let limits: Vec<(f64, f64)> = found.standings.iter().map(|s| (s.low, s.high)).collect();
        assert!(limits[0].1 < 0.2 && limits[1] == (0.0, 1.0), "{limits:?}");
        assert!(found.standings.iter().all(|s| s.certified_low == 0.0));
    }
    // Rewards and counts say the same.
    let rewards = vec![PromptOutcome::Rewards(vec![1.0, 0.0, 1.0]); 20];
    let other = counts(&[(3, 0); 20]);
    let by_rewards = play(&[rewards, other.clone()], &Design::default(), 1.5).unwrap();
    assert_eq!(
        by_rewards,
        play(&[counts(&[(3, 2); 20]), other], &Design::default(), 1.5).unwrap()
    );
    let refused =
        |models: &[Vec<PromptOutcome>]| play(models, &Design::default(), 2.0).unwrap_err();
    assert!(matches!(refused(&[]), Error::Empty { .. }));
    assert!(matches!(refused(&[vec![]]), Error::Empty { .. }));
    assert!(matches!(
        refused(&[counts(&[(4, 1)]), counts(&[])]),
        Error::LengthMismatch { .. }
    ));
    assert!(matches!(
        refused(&[counts(&[(4, 5)])]),
        Error::Prompt { index: 0, .. }
    ));
    assert!(matches!(
        refused(&[vec![PromptOutcome::Rewards(vec![f64::NAN])]]),
        Error::Prompt { index: 0, .. }
    ));
}
