//! Autoregressive linear models: gradients by finite differences, distributions by brute force,
//! maximum likelihood by its gap, the paper's instances by their numbers.

use breadth_lm::model::DistillTarget;
use breadth_lm::model::linear::{
    Features, compare, compare_sampled, descend, distilled_gradient, gradient, log_prob,
    maximum_likelihood, project_onto_unit_ball, sample, token_level_sgd, ttt_kl, ttt_log_prob,
    ttt_sample,
};
use breadth_lm::optim::{ProjectOntoBall, ScaleBySchedule, Schedule, Shape, chain};
use breadth_lm::rng::{stream, uniform};
use breadth_stats::Level;
use proptest::prelude::*;

/// phi as a hash of everything, in [-1, 1]: a model without structure.
struct Hashed {
    dimension: usize,
    vocabulary: usize,
    horizon: usize,
}

impl Features for Hashed {
    fn dimension(&self) -> usize {
        self.dimension
    }
    fn vocabulary(&self) -> usize {
        self.vocabulary
    }
    fn horizon(&self, _: usize) -> usize {
        self.horizon
    }
    fn features(&self, prompt: usize, prefix: &[u32], out: &mut [f64]) {
        let name = format!("{prompt} {prefix:?}");
        let mut rng = stream(1, &name, 0);
        out.iter_mut()
            .for_each(|value| *value = 2.0 * uniform(&mut rng) - 1.0);
    }
}

const SMALL: Hashed = Hashed {
    dimension: 3,
    vocabulary: 3,
    horizon: 4,
};

/// Prop 3.2: phi(0, .) = 0, phi(1, y) = y in {-1, 1}.
struct Signs(usize);

impl Features for Signs {
    fn dimension(&self) -> usize {
        1
    }
    fn vocabulary(&self) -> usize {
        2
    }
    fn horizon(&self, _: usize) -> usize {
        self.0
    }
    fn features(&self, prompt: usize, _: &[u32], out: &mut [f64]) {
        out.copy_from_slice(if prompt == 1 {
            &[-1.0, 1.0]
        } else {
            &[0.0, 0.0]
        });
    }
}

fn responses(vocabulary: u32, horizon: u32) -> Vec<Vec<u32>> {
    let digit = |index: u32, h: u32| index / vocabulary.pow(h) % vocabulary;
    let response = |index| (0..horizon).map(|h| digit(index, h)).collect();
    (0..vocabulary.pow(horizon)).map(response).collect()
}

/// Eq 3 written out.
fn by_definition(features: &dyn Features, theta: &[f64], prompt: usize, response: &[u32]) -> f64 {
    let (d, v) = (features.dimension(), features.vocabulary());
    let mut total = 0.0;
    for h in 0..response.len() {
        let mut phi = vec![0.0; d * v];
        features.features(prompt, &response[..h], &mut phi);
        let weight = |y: usize| (0..d).map(|i| theta[i] * phi[y * d + i]).sum::<f64>().exp();
        total += (weight(response[h] as usize) / (0..v).map(weight).sum::<f64>()).ln();
    }
    total
}

#[test]
fn gradients_by_finite_differences() {
    let theta = [0.3, -0.5, 0.2];
    let response = [2, 0, 1, 1];
    let exact = gradient(&SMALL, &theta, 5, &response);
    for i in 0..3 {
        let at = |step: f64| {
            let mut moved = theta;
            moved[i] += step;
            log_prob(&SMALL, &moved, 5, &response)
        };
        let h = 1e-5;
        let difference = (at(h) - at(-h)) / (2.0 * h);
        assert!((exact[i] - difference).abs() < 1e-7, "{i}: {exact:?}");
    }
}

#[test]
fn comparisons_by_brute_force() {
    let (truth, theta) = ([0.6, 0.5, -0.4], [-0.2, -0.7, 0.3]);
    let prompts = [(0, 0.25), (1, 0.75)];
    let exact = compare(&SMALL, &prompts, &truth, &theta).unwrap();
    for n in [1.0_f64, 1.5, 2.0, 4.0] {
        let (mut kl, mut cov) = (0.0, 0.0);
        for (prompt, share) in prompts {
            for y in responses(3, 4) {
                let log_p = by_definition(&SMALL, &truth, prompt, &y);
                let log_q = by_definition(&SMALL, &theta, prompt, &y);
                kl += share * log_p.exp() * (log_p - log_q);
                if log_p - log_q >= n.ln() - 1e-9 {
                    cov += share * log_p.exp();
                }
            }
        }
        let level = Level::from_n(n).unwrap();
        assert!((exact.kl() - kl).abs() < 1e-12);
        assert!((exact.coverage(level) - cov).abs() < 1e-12);
        assert!(exact.stopped_kl(level) <= exact.kl() + 1e-15);
    }
    assert!(exact.inherent_variance() > 0.0);
    // Samples agree within four standard errors of a share.
    let mut rng = stream(3, "compare", 0);
    let sampled = compare_sampled(&SMALL, &prompts, &truth, &theta, 4000, &mut rng);
    let level = Level::from_n(1.5).unwrap();
    let error = (exact.coverage(level) - sampled.coverage(level)).abs();
    assert!(error < 4.0 * 0.5 / 4000_f64.sqrt(), "{error}");
    assert!((exact.kl() - sampled.kl()).abs() < 0.05 * exact.kl());
}

#[test]
fn samples_follow_the_law() {
    let theta = [0.6, 0.5, -0.4];
    let mut rng = stream(4, "sample", 0);
    let mut counts = std::collections::HashMap::new();
    for _ in 0..20_000 {
        *counts
            .entry(sample(&SMALL, &theta, 0, &mut rng))
            .or_insert(0.0) += 1.0;
    }
    let mut chi2 = 0.0;
    for y in responses(3, 4) {
        let expected = 20_000.0 * log_prob(&SMALL, &theta, 0, &y).exp();
        let seen: f64 = counts.get(&y).copied().unwrap_or(0.0);
        chi2 += (seen - expected).powi(2) / expected;
    }
    assert!(chi2 < 80.0 + 5.0 * 160_f64.sqrt(), "{chi2}"); // 80 degrees of freedom
}

#[test]
fn too_many_responses_are_refused() {
    let long = Hashed {
        horizon: 20,
        ..SMALL
    };
    let error = compare(&long, &[(7, 1.0)], &[0.0; 3], &[0.0; 3]).unwrap_err();
    assert!(error.to_string().contains("compare on samples"), "{error}");
}

#[test]
fn degenerate_sizes() {
    let empty = Hashed {
        horizon: 0,
        ..SMALL
    };
    let exact = compare(&empty, &[(0, 1.0)], &[0.5; 3], &[0.0; 3]).unwrap();
    assert_eq!((exact.paths.len(), exact.kl()), (1, 0.0));
    assert_eq!(exact.coverage(Level::from_n(2.0).unwrap()), 0.0);
    assert_eq!(log_prob(&empty, &[0.0; 3], 0, &[]), 0.0);
    let certain = Hashed {
        vocabulary: 1,
        ..SMALL
    };
    assert_eq!(log_prob(&certain, &[0.9, 0.1, 0.1], 0, &[0, 0, 0, 0]), 0.0);
    assert_eq!(gradient(&certain, &[0.9, 0.1, 0.1], 0, &[0; 4]), [0.0; 3]);
    // phi = 0: every theta is uniform and a maximiser.
    let fitted = maximum_likelihood(&Signs(2), &[(0, vec![0, 1])]).unwrap();
    assert!((fitted.log_likelihood + 2.0 * 2_f64.ln()).abs() < 1e-15);
    assert!(maximum_likelihood(&SMALL, &[]).is_err());
}

#[test]
fn maximum_likelihood_inside_and_on_the_sphere() {
    // Three of four tokens +1: e^(2 theta) = 3 inside the ball; all of them +1: theta = 1 on its
    // edge.
    let inside = maximum_likelihood(&Signs(4), &[(1, vec![1, 1, 1, 0])]).unwrap();
    assert!((inside.theta[0] - 3_f64.ln() / 2.0).abs() < 1e-6);
    assert!(inside.gap <= 1e-9);
    let edge = maximum_likelihood(&Signs(4), &[(1, vec![1; 4])]).unwrap();
    assert!((edge.theta[0] - 1.0).abs() < 1e-12);
}

/// Prop 3.2's truth for a prompt is theta* = 1 on x = 1; the model stays at 0.
#[test]
fn prop_3_2() {
    for (horizon, printed) in [(8, 0.013_112_5), (16, 0.026_225_1), (24, 0.039_337_6)] {
        let n = 100.0;
        let prompts = [(0, 1.0 - 0.5 / n), (1, 0.5 / n)];
        let mut rng = stream(1, "one sample is exact here", 0);
        let model = compare_sampled(&Signs(horizon), &prompts, &[1.0], &[0.0], 1, &mut rng);
        assert!((model.kl() - printed).abs() < 5e-8, "{}", model.kl());
    }
    let printed = [
        (8, 0.87, 2.62, 0.010),
        (16, 1.30, 5.25, 0.014),
        (64, 3.79, 20.98, 0.026),
        (256, 13.99, 83.92, 0.052),
    ];
    for (horizon, decoder, constant, error) in printed {
        let features = Signs(horizon);
        let runs = 4000;
        let mut total = 0.0;
        for index in 0..runs {
            let mut rng = stream(7, "ttt", index);
            let truth = if index.is_multiple_of(2) { 1.0 } else { -1.0 };
            total += ttt_kl(&features, &[truth], &[0.0], 1, 0.5, &mut rng);
        }
        let mean = total / runs as f64;
        assert!(
            (mean - decoder).abs() < 5.0 * error,
            "H = {horizon}: {mean}"
        );
        let stays = ttt_kl(&features, &[1.0], &[0.0], 1, 0.0, &mut stream(7, "0", 0));
        assert!((stays - constant).abs() < 6e-3, "{stays}");
    }
}

/// Test-time training is a distribution: over all responses its probabilities add to 1, and samples
/// follow it.
#[test]
fn test_time_training_is_a_law() {
    let theta = [0.6, 0.5, -0.4];
    let probability = |y: &Vec<u32>| ttt_log_prob(&SMALL, &theta, 0, y, 0.3).exp();
    let total: f64 = responses(3, 4).iter().map(probability).sum();
    assert!((total - 1.0).abs() < 1e-12);
    let mut rng = stream(5, "ttt law", 0);
    let mut counts = std::collections::HashMap::new();
    for _ in 0..20_000 {
        *counts
            .entry(ttt_sample(&SMALL, &theta, 0, 0.3, &mut rng))
            .or_insert(0.0) += 1.0;
    }
    let mut chi2 = 0.0;
    for y in responses(3, 4) {
        let expected = 20_000.0 * probability(&y);
        chi2 += (counts.get(&y).copied().unwrap_or(0.0) - expected).powi(2) / expected;
    }
    assert!(chi2 < 80.0 + 5.0 * 160_f64.sqrt(), "{chi2}");
    // Rate 0 is the model itself; a token-level pass moves theta and stays in the ball.
    let plain = log_prob(&SMALL, &theta, 0, &[0, 1, 2, 0]);
    assert_eq!(ttt_log_prob(&SMALL, &theta, 0, &[0, 1, 2, 0], 0.0), plain);
    let mut moved = theta;
    token_level_sgd(&SMALL, &mut moved, 0, &[0, 1, 2, 0], 5.0);
    assert!(moved != theta && moved.iter().map(|v| v * v).sum::<f64>() <= 1.0 + 1e-12);
}

/// The gradient of whole distributions is the mean of the tokens' over the next token, and
/// truncation leaves A nats.
#[test]
fn distillation() {
    let (truth, theta) = ([0.6, 0.5, -0.4], [-0.2, -0.7, 0.3]);
    let one = Hashed {
        horizon: 1,
        ..SMALL
    };
    let what = |distributions, budget| DistillTarget {
        distributions,
        budget,
    };
    let mut mean = [0.0; 3];
    for y in 0..3 {
        let p = log_prob(&one, &truth, 0, &[y]).exp();
        let g = distilled_gradient(&one, &truth, &theta, 0, &[y], what(false, None));
        assert_eq!(g, gradient(&one, &theta, 0, &[y]));
        mean.iter_mut().zip(&g).for_each(|(m, g)| *m += p * g);
    }
    let whole = distilled_gradient(&one, &truth, &theta, 0, &[0], what(true, None));
    assert!(whole.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-14));
    // A budget above the KLs changes nothing, one of half the KL of the only token halves it.
    let kl = compare(&one, &[(0, 1.0)], &truth, &theta).unwrap().kl();
    let half = distilled_gradient(&one, &truth, &theta, 0, &[0], what(true, Some(kl / 2.0)));
    assert!(
        half.iter()
            .zip(&whole)
            .all(|(a, b)| (a - b / 2.0).abs() < 1e-14)
    );
    let ample = distilled_gradient(&one, &truth, &theta, 0, &[0], what(true, Some(9.0)));
    assert_eq!(ample, whole);
}

/// Prop 5.1, large step: i.i.d. tokens -1, 0, 1 with `phi = B v(y)`.
struct TwoCycle {
    b: f64,
    alpha: f64,
    horizon: usize,
}

impl TwoCycle {
    fn v(&self, token: usize) -> [f64; 2] {
        let side = (1.0 - self.alpha * self.alpha).sqrt();
        [[self.alpha, -side], [1.0, 0.0], [self.alpha, side]][token]
    }
}

impl Features for TwoCycle {
    fn dimension(&self) -> usize {
        2
    }
    fn vocabulary(&self) -> usize {
        3
    }
    fn horizon(&self, _: usize) -> usize {
        self.horizon
    }
    fn features(&self, _: usize, _: &[u32], out: &mut [f64]) {
        for token in 0..3 {
            let v = self.v(token);
            out[2 * token..][..2].copy_from_slice(&[self.b * v[0], self.b * v[1]]);
        }
    }
}

/// With `eta >= 8/(HB)` the iterate jumps between v(1) and v(-1) for ever, and nothing is ever
/// covered.
#[test]
fn prop_5_1_two_cycle() {
    let (b, horizon, steps) = (100.0, 16, 200);
    for excess in [8.0, 11.0] {
        let eta = excess / (horizon as f64 * b);
        let features = TwoCycle {
            b,
            alpha: excess / (2.0 * (excess - 1.0)),
            horizon,
        };
        let truth = features.v(1);
        let schedule = Schedule {
            peak: eta,
            warmup_steps: 0,
            decay_to: 1.0,
            shape: Shape::Linear,
            steps,
        };
        let mut sgd = chain(vec![
            Box::new(ScaleBySchedule(schedule)),
            Box::new(ProjectOntoBall { radius: 1.0 }),
        ]);
        let mut rng = stream(9, "two-cycle", 0);
        let mut batch = |_| vec![(0, sample(&features, &truth, 0, &mut rng))];
        let mut seen = |step: u64, theta: &[f64]| {
            let expected = features.v(if step.is_multiple_of(2) { 0 } else { 2 });
            let apart = (theta[0] - expected[0]).hypot(theta[1] - expected[1]);
            assert!(apart < 1e-9, "step {step}: {theta:?}, not {expected:?}");
            let mut rng = stream(10, "two-cycle", step);
            let model = compare_sampled(&features, &[(0, 1.0)], &truth, theta, 4, &mut rng);
            assert_eq!(model.coverage(Level::from_n(1e6).unwrap()), 1.0);
        };
        descend(
            &features,
            &features.v(2),
            &mut sgd,
            steps,
            &mut batch,
            &mut seen,
        );
    }
}

proptest! {
    #[test]
    fn likelihood_is_concave_and_its_maximum_beats_every_theta(
        seed in 0_u64..1000, other in prop::array::uniform3(-1.0..1.0_f64),
    ) {
        let mut rng = stream(seed, "data", 0);
        let pairs: Vec<_> = (0..8)
            .map(|prompt| (prompt, sample(&SMALL, &[0.5, -0.5, 0.5], prompt, &mut rng)))
            .collect();
        let mean = |theta: &[f64]| {
            pairs.iter().map(|(x, y)| log_prob(&SMALL, theta, *x, y)).sum::<f64>() / 8.0
        };
        let fitted = maximum_likelihood(&SMALL, &pairs).unwrap();
        prop_assert!(fitted.theta.iter().map(|v| v * v).sum::<f64>() <= 1.0 + 1e-12);
        prop_assert!((fitted.log_likelihood - mean(&fitted.theta)).abs() < 1e-12);
        prop_assert!(fitted.gap <= 1e-10 * fitted.log_likelihood.abs().max(1.0));
        let mut theta = other;
        project_onto_unit_ball(&mut theta);
        prop_assert!(mean(&theta) <= fitted.log_likelihood + fitted.gap + 1e-12);
        let middle: Vec<f64> = theta.iter().zip(&fitted.theta).map(|(a, b)| (a + b) / 2.0).collect();
        prop_assert!(mean(&middle) + 1e-12 >= (mean(&theta) + fitted.log_likelihood) / 2.0);
        // At most 2 B H, with B = sqrt(3).
        let gradient = gradient(&SMALL, &theta, 0, &pairs[0].1);
        prop_assert!(gradient.iter().map(|v| v * v).sum::<f64>().sqrt() <= 2.0 * 3_f64.sqrt() * 4.0);
    }
}
