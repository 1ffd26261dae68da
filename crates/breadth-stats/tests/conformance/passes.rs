//! Pass@k and its kin: prompts with success rates of known distribution, seen through samples.

use breadth_stats::{
    AnswerCount, CorrectResponses, Design, Extrapolation, PromptOutcome, RateModel,
    answer_coverage, best_at_k, extrapolate_pass, majority_of_k, mean_over_prompts,
    pass_at_k_estimate, pass_hat_k_estimate, solved_share,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::distributions::{Always, Beta, Distribution, Hit, Rare, Uniform};
use super::harness::{CONFIDENCE, Case, Verdict, check, is_full};
use super::layouts::{Frame, Layout, Rows, Weights};
use super::level;

/// Distributions of success rates; the last five have a few prompts that never are, or alone are,
/// solved.
const RATES: [Distribution; 10] = [
    Beta(0.5, 1.2),
    Uniform(0.0, 0.04),
    Uniform(0.9, 1.0),
    Rare(0.3, 0.2, 0.9),
    Hit(0.5),
    Rare(0.01, 0.0, 0.78),
    Rare(0.01, 0.0, 0.17),
    Rare(0.003, 0.0, 0.6),
    Rare(0.05, 0.0, 0.6),
    Rare(0.03, 0.8, 0.0),
];

fn successes(rng: &mut ChaCha8Rng, n: u64, rate: f64) -> u64 {
    match rate {
        0.0 => 0,
        1.0 => n,
        _ => (0..n).filter(|_| rng.random_bool(rate)).count() as u64,
    }
}

/// c of n for every row, with its value as the rate.
fn counts(frame: &Frame, n: u64, rng: &mut ChaCha8Rng) -> Vec<u64> {
    let rates = frame.values(rng);
    rates
        .into_iter()
        .map(|rate| successes(rng, n, rate))
        .collect()
}

fn outcomes(frame: &Frame, n: u64, rng: &mut ChaCha8Rng) -> Vec<PromptOutcome> {
    let of = |c| PromptOutcome::Counts { n, c };
    counts(frame, n, rng).into_iter().map(of).collect()
}

fn pass(layout: Layout, n: u64, k: u64) -> Case<'static> {
    let truth = layout.truth(|distribution| distribution.pass(k));
    Case::new(format!("Pass@{k} of {n}: {layout}"), move |rng| {
        let frame = layout.frame(rng);
        let outcomes = outcomes(&frame, n, rng);
        let found = pass_at_k_estimate(&outcomes, &frame.design(), k, CONFIDENCE).unwrap();
        Verdict::of_estimate(&found, truth)
    })
}

#[test]
fn pass_at_k() {
    let mut cases = Vec::new();
    for distribution in RATES {
        for prompts in [10, 30, 100, 500] {
            cases.push(pass(Layout::simple(prompts, distribution), 16, 1));
            cases.push(pass(Layout::simple(prompts, distribution), 16, 8));
        }
    }
    for weights in [Weights::Lognormal, Weights::SixOrders, Weights::OneHuge] {
        for distribution in [Beta(0.5, 1.2), Rare(0.05, 0.0, 0.6), Rare(0.03, 0.8, 0.0)] {
            for prompts in [30, 100, 500] {
                cases.push(pass(
                    Layout::simple(prompts, distribution).weights(weights),
                    16,
                    4,
                ));
            }
        }
    }
    for weights in [Weights::TwoKinds, Weights::Lognormal, Weights::SixOrders] {
        let layout = Layout::simple(100, Hit(0.1))
            .heavy(Beta(0.5, 0.5))
            .weights(weights);
        cases.push(pass(layout, 16, 4));
    }
    check(cases, 6);
}

/// The published misses: 38%, 21.5% and 23.7% by limits that look at the spread of the sample
/// alone.
#[test]
fn pass_at_k_with_a_few_unsolvable_prompts() {
    let cases = vec![
        pass(Layout::simple(100, Rare(0.01, 0.0, 0.78)), 64, 8),
        pass(Layout::simple(500, Rare(0.003, 0.0, 0.6)), 64, 16),
        pass(Layout::simple(30, Rare(0.05, 0.0, 0.6)), 64, 8),
    ];
    check(cases, 1);
}

/// Reach: the probability of each prompt's right response is known, the prompts are a sample.
#[test]
fn reach_of_k() {
    let reach = |layout: Layout, k: u64| {
        let truth = layout.truth(|distribution| distribution.pass(k));
        Case::new(format!("reach at {k}: {layout}"), move |rng| {
            let frame = layout.frame(rng);
            let log_q: Vec<f64> = frame.values(rng).into_iter().map(f64::ln).collect();
            let right = CorrectResponses::new(&[&log_q], &frame.design()).unwrap();
            let found = right.reach(0, k as f64, CONFIDENCE).unwrap();
            Verdict::of((found.low, found.high), truth)
        })
    };
    let mut cases = Vec::new();
    for distribution in RATES {
        for prompts in [10, 30, 100, 500] {
            cases.push(reach(Layout::simple(prompts, distribution), 8));
        }
    }
    for weights in [Weights::Lognormal, Weights::SixOrders, Weights::OneHuge] {
        for distribution in [Beta(0.5, 1.2), Rare(0.05, 0.0, 0.6)] {
            cases.push(reach(
                Layout::simple(100, distribution).weights(weights),
                64,
            ));
        }
    }
    cases.push(reach(
        Layout::strata(&[(0.9, 400, Rare(0.03, 0.8, 0.0)), (0.1, 20, Hit(0.1))]),
        16,
    ));
    check(cases, 3);
}

#[test]
fn all_of_k() {
    let case = |(distribution, prompts): (Distribution, usize)| {
        let layout = Layout::simple(prompts, distribution);
        // P[all of 4 right] = 1 - Pass@4 of the wrong ones; E[s^4] for these distributions.
        let truth = match distribution {
            Rare(chance, rare, other) => chance * rare.powi(4) + (1.0 - chance) * other.powi(4),
            Uniform(a, b) => (b.powi(5) - a.powi(5)) / (5.0 * (b - a)),
            Beta(a, b) => Beta(b, a).power_of_rest(4),
            Hit(p) => p,
            Always(p) => p.powi(4),
        };
        Case::new(format!("all of 4 of 16: {layout}"), move |rng| {
            let outcomes = outcomes(&layout.frame(rng), 16, rng);
            let found = pass_hat_k_estimate(&outcomes, &Design::default(), 4, CONFIDENCE).unwrap();
            Verdict::of_estimate(&found, truth)
        })
    };
    let distributions = [
        Beta(0.5, 1.2),
        Uniform(0.9, 1.0),
        Rare(0.01, 0.0, 0.95),
        Rare(0.05, 1.0, 0.6),
    ];
    let cases = distributions
        .iter()
        .flat_map(|&distribution| [30, 100, 500].map(|prompts| (distribution, prompts)));
    check(cases.map(case).collect(), 4);
}

/// Rewards of 1/2 or 0: half of Pass@k.
#[test]
fn best_of_k_of_rewards() {
    let case = |(distribution, prompts): (Distribution, usize)| {
        let layout = Layout::simple(prompts, distribution);
        let truth = 0.5 * distribution.pass(4);
        Case::new(
            format!("Best-of-4 of 16, rewards 0 and 1/2: {layout}"),
            move |rng| {
                let rewards = |c: u64| {
                    let reward = |i: u64| if i < c { 0.5 } else { 0.0 };
                    PromptOutcome::Rewards((0..16).map(reward).collect())
                };
                let counts = counts(&layout.frame(rng), 16, rng);
                let outcomes: Vec<PromptOutcome> = counts.into_iter().map(rewards).collect();
                Verdict::of_estimate(
                    &pass_at_k_estimate(&outcomes, &Design::default(), 4, CONFIDENCE).unwrap(),
                    truth,
                )
            },
        )
    };
    let distributions = [Beta(0.5, 1.2), Rare(0.01, 0.0, 0.78), Rare(0.03, 0.8, 0.0)];
    let cases = distributions
        .iter()
        .flat_map(|&distribution| [30, 100].map(|prompts| (distribution, prompts)));
    check(cases.map(case).collect(), 3);
}

/// One right and one wrong answer: the majority of 3 is right with `3 s^2 - 2 s^3`.
#[test]
fn majority_votes() {
    let case = |layout: Layout| {
        let truth = layout.truth(|distribution| {
            1.0 - 3.0 * distribution.power_of_rest(2) + 2.0 * distribution.power_of_rest(3)
        });
        Case::new(format!("majority of 3 of 8: {layout}"), move |rng| {
            let frame = layout.frame(rng);
            let vote = |c: u64| {
                let answers = [(c, 1.0), (8 - c, 0.0)].into_iter().filter(|a| a.0 > 0);
                let answers: Vec<AnswerCount> = answers
                    .map(|(count, reward)| AnswerCount { count, reward })
                    .collect();
                majority_of_k(&answers, 3).unwrap()
            };
            let votes: Vec<f64> = counts(&frame, 8, rng).into_iter().map(vote).collect();
            Verdict::of_estimate(
                &mean_over_prompts(&votes, &frame.design(), CONFIDENCE).unwrap(),
                truth,
            )
        })
    };
    let strata = [(0.8, 5, Beta(0.5, 1.2)), (0.2, 100, Rare(0.03, 0.0, 0.9))];
    let mut layouts: Vec<Layout> = [Beta(0.5, 1.2), Rare(0.01, 0.0, 0.95), Rare(0.05, 1.0, 0.02)]
        .iter()
        .flat_map(|&distribution| [30, 100].map(|prompts| Layout::simple(prompts, distribution)))
        .collect();
    layouts.push(Layout::strata(&strata));
    layouts.push(Layout::simple(100, Rare(0.05, 0.0, 0.9)).weights(Weights::Lognormal));
    layouts.push(Layout::simple(40, Rare(0.1, 0.9, 0.02)).rows(Rows::Unequal));
    check(layouts.into_iter().map(case).collect(), 4);
}

/// Designs of prompts whose rates are seen through n samples.
fn seen_through_samples(distribution: Distribution, rare: Distribution) -> Vec<Layout> {
    let mut layouts: Vec<Layout> = [10, 30, 100, 500]
        .map(|prompts| Layout::simple(prompts, distribution))
        .into();
    layouts.extend([
        Layout::simple(100, rare),
        Layout::simple(100, distribution).weights(Weights::Lognormal),
        Layout::simple(300, distribution).weights(Weights::OneHuge),
        Layout::simple(30, distribution).rows(Rows::Equal(4)),
        Layout::strata(&[(0.5, 2, distribution), (0.5, 100, rare)]),
        Layout::strata(&[(0.9, 20, rare), (0.1, 400, distribution)]),
    ]);
    layouts
}

#[test]
fn shares_solved() {
    let mut cases = Vec::new();
    for n in [4, 64] {
        for tau in [0.1, 0.5, 0.9] {
            // All at the threshold, just below it, on both sides close by, and even.
            let near = (tau - 0.05, (tau + 0.05_f64).min(1.0));
            let distributions = [
                (Uniform(0.0, 1.0), 1.0 - tau),
                (Always(tau), 1.0),
                (Always(tau - 1e-9), 0.0),
                (Rare(0.02, near.0, near.1), 0.98),
                (Rare(0.02, near.1, near.0), 0.02),
            ];
            for (distribution, truth) in distributions {
                for prompts in [10, 100] {
                    let layout = Layout::simple(prompts, distribution);
                    cases.push(solved(layout, n, tau, truth));
                }
            }
        }
    }
    let part = |distribution: Distribution| match distribution {
        Uniform(..) => 0.5,
        Rare(chance, ..) => 1.0 - chance,
        _ => panic!("no such distribution here"),
    };
    for layout in seen_through_samples(Uniform(0.0, 1.0), Rare(0.05, 0.1, 0.9)) {
        let truth = layout.truth(part);
        cases.push(solved(layout, 32, 0.5, truth));
    }
    check(cases, 13);
}

fn solved(layout: Layout, n: u64, tau: f64, truth: f64) -> Case<'static> {
    let name = format!("share solved with rate >= {tau}, {n} samples: {layout}");
    Case::new(name, move |rng| {
        let frame = layout.frame(rng);
        let outcomes = outcomes(&frame, n, rng);
        let found = solved_share(&outcomes, tau, &frame.design(), CONFIDENCE).unwrap();
        Verdict::of_estimate(&found, truth)
    })
}

#[test]
fn answer_level_coverage() {
    // P[rate <= 1/N] for rates even on [0, 1], and where a few answers are never given.
    let part = |ratio: f64| {
        move |distribution: Distribution| match distribution {
            Uniform(..) => 1.0 / ratio,
            Rare(chance, ..) => chance,
            _ => panic!("no such distribution here"),
        }
    };
    let mut cases = Vec::new();
    for (n, ratio) in [(16, 2.0), (64, 4.0), (64, 32.0), (256, 32.0)] {
        for layout in seen_through_samples(Uniform(0.0, 1.0), Rare(0.03, 0.0, 0.9)) {
            let truth = layout.truth(part(ratio));
            let name = format!("answer-level coverage at N = {ratio}, {n} samples: {layout}");
            cases.push(Case::new(name, move |rng| {
                let frame = layout.frame(rng);
                let outcomes = outcomes(&frame, n, rng);
                let found = answer_coverage(&outcomes, level(ratio), &frame.design(), CONFIDENCE);
                Verdict::of_estimate(&found.unwrap(), truth)
            }));
        }
    }
    check(cases, 9);
}

/// Pass@k from n samples of each prompt, for k > n.
fn beyond(
    prompts: usize,
    distribution: Distribution,
    n: u64,
    k: u64,
    model: RateModel,
) -> Case<'static> {
    let truth = distribution.pass(k);
    let layout = Layout::simple(prompts, distribution);
    let family = match model {
        RateModel::Nonparametric => "",
        RateModel::Beta => " under a beta law",
    };
    let name = format!("Pass@{k} beyond {n} samples{family}: {layout}");
    let case = Case::new(name, move |rng| {
        let outcomes = outcomes(&layout.frame(rng), n, rng);
        let found = extrapolate_pass(&outcomes, k, model, CONFIDENCE).unwrap();
        let limits = match found {
            Extrapolation::Estimate(found) => Some((found.low, found.high)),
            Extrapolation::Refused(_) => None,
        };
        Verdict::of_limits(limits, truth)
    });
    // A likelihood is maximised some thirty times for each.
    let case = case.may_refuse();
    if is_full() { case } else { case.costly(0.05) }
}

/// Prompts that none of 16 samples tells from unsolvable ones, or the other way round.
#[test]
fn extrapolations() {
    let any = RateModel::Nonparametric;
    let cases = vec![
        beyond(100, Rare(0.01, 0.0, 0.5), 16, 64, any),
        beyond(100, Rare(0.005, 0.0, 0.5), 16, 256, any),
        beyond(100, Always(0.5), 16, 64, any),
        beyond(100, Beta(0.5, 1.2), 16, 64, RateModel::Beta),
        beyond(50, Beta(0.5, 1.2), 16, 32, any),
        beyond(200, Rare(0.3, 0.01, 0.5), 16, 64, any),
    ];
    check(cases, 3);
}

/// Distributions of rates of models of which the first is the best, by no more than a rounding.
const FIELDS: [&[Distribution]; 5] = [
    // All of the first one's mass lies on a few prompts that a sample may lack.
    &[Rare(0.04, 1.0, 0.0), Always(0.04)],
    &[Always(0.6), Rare(0.05, 0.0, 0.6315)],
    &[Beta(0.5, 0.5), Always(0.5)],
    &[Rare(0.02, 1.0, 0.5), Always(0.51), Beta(0.51, 0.49)],
    &[Hit(0.5), Hit(0.5), Hit(0.5), Hit(0.5)],
];

#[test]
fn the_best_model_for_k() {
    let case = |(field, prompts): (&'static [Distribution], usize)| {
        let distributions: Vec<String> = field.iter().map(Distribution::to_string).collect();
        let name = format!(
            "set of the best for k = 1: {prompts} prompts, {}",
            distributions.join(" against ")
        );
        Case::one_sided(name, move |rng| {
            let of = |distribution: &Distribution, rng: &mut ChaCha8Rng| {
                outcomes(&Layout::simple(prompts, *distribution).frame(rng), 16, rng)
            };
            let models: Vec<Vec<PromptOutcome>> = field
                .iter()
                .map(|distribution| of(distribution, rng))
                .collect();
            let models: Vec<&[PromptOutcome]> = models.iter().map(Vec::as_slice).collect();
            let found = best_at_k(&models, 1, CONFIDENCE).unwrap();
            !found.not_excluded.contains(&0)
        })
    };
    let cases = FIELDS
        .iter()
        .flat_map(|&field| [10, 50, 100, 500].map(|prompts| (field, prompts)));
    check(cases.map(case).collect(), 1);
}
