//! pass^k, the best model for k, extrapolation: oracles, properties, simulated coverage, named cases.

use breadth_stats::PromptOutcome::{self, Counts, Rewards};
use breadth_stats::{Error, Extrapolation, all_of_k_estimate, best_for_k, extrapolate_pass};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The share of the k-subsets that are all right, and the mean of their worst, one subset after another.
fn by_hand(rewards: &[f64], k: usize) -> f64 {
    let subsets = (0..1_u32 << rewards.len()).filter(|set| set.count_ones() as usize == k);
    let worst = |set: u32| {
        let members = (0..rewards.len()).filter(|at| set >> at & 1 == 1);
        members.map(|at| rewards[at]).fold(1.0, f64::min)
    };
    let all: Vec<f64> = subsets.map(worst).collect();
    all.iter().sum::<f64>() / all.len() as f64
}

proptest! {
    #[test]
    fn the_worst_of_k_is_that_of_all_subsets(
        rewards in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), 0.0..1.0_f64], 1..9),
        at in any::<prop::sample::Index>(),
    ) {
        let k = 1 + at.index(rewards.len());
        let expected = by_hand(&rewards, k);
        let found = Rewards(rewards.clone()).worst_of(k as u64).unwrap();
        prop_assert!((found - expected).abs() < 1e-12);
        if rewards.iter().all(|r| *r == 0.0 || *r == 1.0) {
            let c = rewards.iter().filter(|r| **r == 1.0).count() as u64;
            let counts = Counts { n: rewards.len() as u64, c };
            prop_assert!((counts.worst_of(k as u64).unwrap() - expected).abs() < 1e-12);
        }
    }
}

#[test]
fn named_cases_of_all_of_k() {
    let estimate = all_of_k_estimate(&[Counts { n: 1, c: 1 }], None, 1, 0.95).unwrap();
    assert_eq!((estimate.value, estimate.high), (1.0, 1.0));
    assert!(matches!(
        all_of_k_estimate(&[], None, 1, 0.95),
        Err(Error::Empty { .. })
    ));
    let broken = [Counts { n: 1, c: 2 }];
    assert!(matches!(
        all_of_k_estimate(&broken, None, 1, 0.95),
        Err(Error::Prompt { .. })
    ));
    let few = [Counts { n: 2, c: 1 }];
    assert!(matches!(
        all_of_k_estimate(&few, None, 3, 0.95),
        Err(Error::Prompt { .. })
    ));
    assert!(Rewards(vec![0.5, f64::NAN]).worst_of(1).is_err());
}

/// The best of three models is kept in at least 93.5% of the simulated tables, and a far worse one is excluded.
#[test]
fn the_best_model_is_not_excluded() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut kept, mut dropped) = (0, 0);
    const RUNS: usize = 400;
    for _ in 0..RUNS {
        // Success rates of prompts are shared up to a factor: 1, 0.97 and 0.5.
        let mut models = vec![vec![]; 3];
        for _ in 0..60 {
            let rate = rng.random::<f64>();
            for (model, factor) in models.iter_mut().zip([1.0, 0.97, 0.5]) {
                let c = (0..8)
                    .filter(|_| rng.random::<f64>() < rate * factor)
                    .count() as u64;
                model.push(Counts { n: 8, c });
            }
        }
        let slices: Vec<&[PromptOutcome]> = models.iter().map(Vec::as_slice).collect();
        let choice = best_for_k(&slices, 2, 0.95).unwrap();
        kept += usize::from(choice.not_excluded.contains(&0));
        dropped += usize::from(!choice.not_excluded.contains(&2));
    }
    assert!(kept as f64 >= 0.935 * RUNS as f64, "{kept}");
    assert!(dropped as f64 >= 0.9 * RUNS as f64, "{dropped}");
}

#[test]
fn named_cases_of_the_best_model() {
    let solved = vec![Counts { n: 4, c: 4 }; 3];
    let choice = best_for_k(&[&solved, &solved], 2, 0.95).unwrap();
    assert_eq!((choice.best, choice.not_excluded), (0, vec![0, 1]));
    let (all, none) = ([Counts { n: 1, c: 1 }], [Counts { n: 1, c: 0 }]);
    assert_eq!(
        best_for_k(&[&none, &all], 1, 0.95).unwrap().not_excluded,
        [0, 1]
    ); // one prompt proves nothing
    assert!(matches!(best_for_k(&[], 1, 0.95), Err(Error::Empty { .. })));
    assert!(matches!(
        best_for_k(&[&solved, &all], 1, 0.95),
        Err(Error::LengthMismatch { .. })
    ));
}

/// Beta(1, 1) and two points, in closed form; `examples/extrapolation.rs` tries many more.
#[test]
fn extrapolation_holds_the_truth() {
    const RUNS: usize = 40;
    let n = 8_u64;
    let k = 8 * n;
    let two_points = 1.0 - 0.5 * 0.98_f64.powf(k as f64) - 0.5 * 0.5_f64.powf(k as f64);
    for (is_uniform, truth) in [(true, k as f64 / (k + 1) as f64), (false, two_points)] {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut held = 0;
        for _ in 0..RUNS {
            let prompts: Vec<PromptOutcome> = (0..300)
                .map(|_| {
                    let draw = rng.random::<f64>();
                    let rate = if is_uniform {
                        draw
                    } else if draw < 0.5 {
                        0.02
                    } else {
                        0.5
                    };
                    let c = (0..n).filter(|_| rng.random::<f64>() < rate).count() as u64;
                    Counts { n, c }
                })
                .collect();
            match extrapolate_pass(&prompts, k, 0.95).unwrap() {
                Extrapolation::Estimate(pass) => {
                    held += usize::from(pass.low <= truth && truth <= pass.high)
                }
                Extrapolation::Refused(why) => panic!("{why}"),
            }
        }
        assert!(
            held * 10 >= RUNS * 9,
            "{held} of {RUNS}, uniform: {is_uniform}"
        );
    }
}

#[test]
fn named_cases_of_extrapolation() {
    let refused = |prompts: &[PromptOutcome], k| match extrapolate_pass(prompts, k, 0.95).unwrap() {
        Extrapolation::Refused(why) => why,
        Extrapolation::Estimate(pass) => panic!("{pass:?}"),
    };
    assert!(refused(&vec![Counts { n: 1, c: 1 }; 9], 4).contains("a single sample"));
    // Nothing solved among few: anything may lie below what the samples see.
    assert!(refused(&vec![Counts { n: 4, c: 0 }; 5], 1000).contains("draw more"));
    assert!(matches!(
        extrapolate_pass(&[], 4, 0.95),
        Err(Error::Empty { .. })
    ));
    assert!(matches!(
        extrapolate_pass(&[Counts { n: 4, c: 2 }], 0, 0.95),
        Err(Error::ZeroAttempts)
    ));
    let broken = extrapolate_pass(&[Counts { n: 4, c: 5 }], 8, 0.95);
    assert!(matches!(broken, Err(Error::Prompt { .. })));
    let graded = extrapolate_pass(&[Rewards(vec![0.5, 1.0])], 8, 0.95);
    assert_eq!(
        graded.unwrap_err().to_string(),
        "prompt 0: sample 0: reward 0.5 is neither 0 nor 1, and only such rewards can be extrapolated"
    );
    let Extrapolation::Estimate(all) =
        extrapolate_pass(&vec![Counts { n: 9, c: 9 }; 200], 64, 0.95).unwrap()
    else {
        panic!("everything solved is no reason to refuse");
    };
    assert!(all.value > 0.999 && all.high == 1.0 && all.low > 0.9);
}
