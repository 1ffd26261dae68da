//! Limits of shares of success rates, which are seen through a few samples each.

use breadth_stats::{Design, PromptOutcome, answer_coverage, pass_from_coverage, solved_share};
use rand::{Rng, RngExt};

use super::{CONFIDENCE, beta, conforms, level};

/// Prompts with rates drawn by `rate`, with n samples each.
fn sampled<R: Rng>(
    rng: &mut R,
    prompts: usize,
    n: u64,
    rate: impl Fn(&mut R) -> f64,
) -> Vec<PromptOutcome> {
    let outcome = |rng: &mut R| {
        let rate = rate(rng);
        PromptOutcome::Counts {
            n,
            c: (0..n).filter(|_| rng.random_bool(rate)).count() as u64,
        }
    };
    (0..prompts).map(|_| outcome(rng)).collect()
}

#[test]
fn shares_of_rates() {
    for prompts in [10, 100, 400] {
        for n in [4, 32, 256] {
            for tau in [0.1, 0.5, 0.9] {
                let name = format!("share solved with rate >= {tau}: {prompts} prompts of {n}");
                let design = Design::default();
                conforms(&format!("{name}, uniform rates"), 400, |rng| {
                    let outcomes = sampled(rng, prompts, n, |rng| rng.random());
                    let found = solved_share(&outcomes, tau, &design, CONFIDENCE).unwrap();
                    (found.low..=found.high).contains(&(1.0 - tau))
                });
                // The hardest: all rates at the threshold, or just below it.
                conforms(&format!("{name}, all at it"), 400, |rng| {
                    let outcomes = sampled(rng, prompts, n, |_| tau);
                    solved_share(&outcomes, tau, &design, CONFIDENCE)
                        .unwrap()
                        .high
                        == 1.0
                });
                conforms(&format!("{name}, all just below"), 400, |rng| {
                    let outcomes = sampled(rng, prompts, n, |_| tau * (1.0 - 1e-9));
                    solved_share(&outcomes, tau, &design, CONFIDENCE)
                        .unwrap()
                        .low
                        <= 0.0
                });
            }
        }
    }
}

#[test]
fn answer_level_coverage() {
    for (prompts, n) in [(50, 16), (300, 64), (300, 512)] {
        for ratio in [4.0, 16.0, 100.0] {
            // Rates u^4: P[u^4 <= t] = t^(1/4).
            conforms(
                &format!("answer-level coverage at N = {ratio}: {prompts} prompts of {n}"),
                600,
                |rng| {
                    let outcomes = sampled(rng, prompts, n, |rng| rng.random::<f64>().powi(4));
                    let found =
                        answer_coverage(&outcomes, level(ratio), &Design::default(), CONFIDENCE)
                            .unwrap();
                    (found.low..=found.high).contains(&(1.0 / ratio).powf(0.25))
                },
            );
        }
    }
}

#[test]
fn pass_foretold_from_coverage() {
    for prompts in [10, 50, 400] {
        for k in [1, 8, 64] {
            conforms(
                &format!("Pass@{k} from coverage: {prompts} prompts"),
                1500,
                |rng| {
                    let log_q: Vec<f64> = (0..prompts).map(|_| beta(rng, 0.5, 1.0).ln()).collect();
                    let found = pass_from_coverage(
                        &vec![0.0; prompts],
                        &log_q,
                        &Design::default(),
                        k,
                        CONFIDENCE,
                    )
                    .unwrap();
                    // E[(1 - s)^k] = prod (1 + i) / (1.5 + i)
                    let truth = 1.0
                        - (0..k)
                            .map(|i| (1.0 + i as f64) / (1.5 + i as f64))
                            .product::<f64>();
                    (found.low..=found.high).contains(&truth)
                },
            );
        }
    }
}
