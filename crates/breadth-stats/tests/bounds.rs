//! Every bound on thousands of random pairs of distributions and on its extremal instance, computed
//! exactly.

use breadth_stats::{Level, bound, finite, pass_at_n_exact};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn coverage(p: &[f64], q: &[f64], level: Level) -> f64 {
    finite::coverage(p, q, level).unwrap()
}

fn kl(p: &[f64], q: &[f64]) -> f64 {
    finite::kl(p, q).unwrap()
}

fn hellinger_squared(p: &[f64], q: &[f64]) -> f64 {
    finite::hellinger_squared(p, q).unwrap()
}

const PAIRS: usize = 10_000;
const SLACK: f64 = 1e-9;

/// A distribution on `cells` points: flat, skewed over many orders of magnitude, or with holes.
fn distribution(rng: &mut ChaCha8Rng, cells: usize) -> Vec<f64> {
    let spread = [0.1, 2.0, 12.0][rng.random_range(0..3)];
    let holes = [0.0, 0.3][rng.random_range(0..2)];
    let mut p: Vec<f64> = (0..cells)
        .map(|_| {
            let weight = (spread * (rng.random::<f64>() - 0.5)).exp();
            if rng.random::<f64>() < holes {
                0.0
            } else {
                weight
            }
        })
        .collect();
    p[0] += 1e-3;
    let total: f64 = p.iter().sum();
    p.iter_mut().for_each(|p| *p /= total);
    p
}

/// Another one, now and then close to the first.
fn other(rng: &mut ChaCha8Rng, p: &[f64]) -> Vec<f64> {
    let q = distribution(rng, p.len());
    match rng.random_range(0..3) {
        0 => p.iter().zip(&q).map(|(p, q)| 0.99 * p + 0.01 * q).collect(),
        _ => q,
    }
}

fn level(rng: &mut ChaCha8Rng) -> Level {
    Level::from_log_n(8.0 * rng.random::<f64>()).unwrap()
}

fn for_pairs(seed: u64, mut check: impl FnMut(&mut ChaCha8Rng, &[f64], &[f64], Level)) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..PAIRS {
        let cells = rng.random_range(2..9);
        let p = distribution(&mut rng, cells);
        let q = other(&mut rng, &p);
        let level = level(&mut rng);
        check(&mut rng, &p, &q, level);
    }
}

#[test]
fn kl_and_hellinger_bound_coverage() {
    let mut informative = 0;
    for_pairs(1, |_, p, q, level| {
        let (cov, kl) = (coverage(p, q, level), kl(p, q).max(0.0));
        let bounds = [
            bound::coverage_upper_from_kl(kl, level),
            bound::coverage_upper_from_kl_sharp(kl, level),
            bound::coverage_upper_from_hellinger(hellinger_squared(p, q).clamp(0.0, 1.0), level),
        ];
        for bound in bounds.into_iter().flatten() {
            assert!(
                cov <= bound + SLACK,
                "{cov} above {bound}: {p:?} {q:?} {level:?}"
            );
            informative += usize::from(bound < 1.0 && cov > 0.0);
        }
    });
    assert!(informative > 1000, "{informative}");
}

#[test]
fn the_profile_bounds_kl() {
    for_pairs(2, |_, p, q, _| {
        let ratios: Vec<f64> = p
            .iter()
            .zip(q)
            .map(|(p, q)| (p / q).ln())
            .filter(|r| !r.is_nan())
            .collect();
        let log_w = ratios.iter().copied().fold(0.0, f64::max);
        if log_w.is_infinite() {
            return;
        }
        // The supremum of Cov_N log N is attained at a ratio that occurs.
        let at = |&r: &f64| coverage(p, q, Level::from_log_n(r.max(0.0)).unwrap()) * r.max(0.0);
        let c = ratios
            .iter()
            .filter(|r| r.is_finite())
            .map(at)
            .fold(0.0, f64::max);
        let bound = bound::kl_upper_from_profile(c.min(log_w), log_w).unwrap();
        assert!(kl(p, q) <= bound + SLACK, "{} above {bound}", kl(p, q));
    });
}

/// D.2's family: the upper bounds are tight up to the constants, at every level.
#[test]
fn the_extremal_family_of_d_2() {
    for s in [0.5, 0.3, 1e-3] {
        for n in [2.0, 8.0, 10.0, 1e3, 1e12] {
            let (p, q) = ([1.0 - s, s], [1.0 - s / n, s / n]);
            let level = Level::from_n(n).unwrap();
            let (cov, kl) = (coverage(&p, &q, level), kl(&p, &q));
            assert!((cov - s).abs() < 1e-12);
            assert!(bound::coverage_lower_from_kl_bernoulli(kl, level).unwrap() <= cov + SLACK);
            assert!(cov <= bound::coverage_upper_from_kl_sharp(kl, level).unwrap() + SLACK);
        }
    }
    let level = Level::from_n(8.0).unwrap();
    let kl = kl(&[0.5, 0.5], &[15.0 / 16.0, 1.0 / 16.0]);
    for (found, printed) in [
        (kl, 0.7254164),
        (
            bound::coverage_lower_from_kl_bernoulli(kl, level).unwrap(),
            0.441804,
        ),
        (
            bound::coverage_upper_from_kl_sharp(kl, level).unwrap(),
            0.602284,
        ),
        (bound::coverage_upper_from_kl(kl, level).unwrap(), 0.672029),
    ] {
        assert!((found - printed).abs() < 1e-6, "{found} {printed}");
    }
}

#[test]
fn chain_rule_triangle_and_markov() {
    for_pairs(3, |rng, p, q, m1| {
        let t = other(rng, p);
        let m2 = Level::from_log_n(m1.log_n() * rng.random::<f64>()).unwrap();
        let rest = Level::from_log_n(m1.log_n() - m2.log_n()).unwrap();
        let chained = bound::coverage_upper_chain_rule(
            m2,
            coverage(p, q, rest).min(1.0),
            coverage(&t, p, m2).min(1.0),
        )
        .unwrap();
        assert!(coverage(&t, q, m1) <= chained + SLACK);

        // All under p: P_p[t/q >= N'N''] and so on.
        let under_p = |a: &[f64], b: &[f64], level| {
            let cells =
                (0..p.len()).filter(|&i| breadth_stats::is_uncovered(a[i].ln(), b[i].ln(), level));
            cells.map(|i| p[i]).sum::<f64>().min(1.0)
        };
        let r = other(rng, q);
        let apart =
            bound::coverage_upper_triangle(under_p(&t, &r, m2), under_p(&r, q, rest)).unwrap();
        assert!(under_p(&t, q, m1) <= apart + SLACK);
        assert!(under_p(&t, p, m1) <= bound::coverage_upper_markov(m1) + 2e-9);
    });
}

/// The regret of Best-of-n for the reward "in A", exactly.
fn regret(t: &[f64], q: &[f64], is_good: &[bool], n: f64) -> f64 {
    let of = |distribution: &[f64]| {
        distribution
            .iter()
            .zip(is_good)
            .filter(|(_, good)| **good)
            .map(|(p, _)| p)
            .sum::<f64>()
    };
    of(t) - (1.0 - (1.0 - of(q)).max(0.0).powf(n))
}

#[test]
fn coverage_is_sufficient_for_best_of_n() {
    let mut applied = 0;
    for_pairs(4, |rng, t, q, m| {
        let cov = coverage(t, q, m);
        let e = 0.001 + 0.5 * rng.random::<f64>();
        let n = bound::best_of_n_samples(m, e).unwrap().ceil();
        let is_good: Vec<bool> = (0..t.len()).map(|_| rng.random()).collect();
        if let Some(most) = bound::best_of_n_regret_upper(n, m, cov) {
            applied += 1;
            assert!(most <= cov + e + SLACK);
            assert!(regret(t, q, &is_good, n) <= most + SLACK);
        }
    });
    assert!(applied > 5000, "{applied}");
}

#[test]
fn coverage_is_necessary_for_best_of_n() {
    for_pairs(5, |rng, t, q, _| {
        let n = f64::from(rng.random_range(2..100_u32));
        let level = Level::from_n(2.0 * n).unwrap();
        let is_good: Vec<bool> = (0..t.len())
            .map(|i| breadth_stats::is_uncovered(t[i].ln(), q[i].ln(), level) && t[i] > 0.0)
            .collect();
        let least = bound::best_of_n_regret_lower(n, coverage(t, q, level).min(1.0)).unwrap();
        assert!(regret(t, q, &is_good, n) >= least - SLACK);
    });
}

#[test]
fn answers_need_the_corrected_inequality() {
    // One answer, two chains: the form that the paper prints fails.
    let (p, q) = ([0.5, 0.5], [0.001, 0.5]);
    let level = Level::from_n(1.9).unwrap();
    let of_answer = coverage(&[1.0], &[0.501], level);
    assert_eq!((of_answer, coverage(&p, &q, level)), (1.0, 0.5));
    for_pairs(6, |rng, p, q, level| {
        // Chains with even places lead to the one answer, the others to the other.
        let merge = |distribution: &[f64]| {
            let answer = |of: usize| {
                distribution
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| i % 2 == of)
                    .map(|(_, p)| p)
                    .sum::<f64>()
            };
            [answer(0), answer(1)]
        };
        let log_c = 1e-3 + level.log_n() * rng.random::<f64>();
        let below = Level::from_log_n((level.log_n() - log_c).max(0.0)).unwrap();
        let most =
            bound::answer_coverage_upper(log_c.exp(), coverage(p, q, below).min(1.0)).unwrap();
        assert!(coverage(&merge(p), &merge(q), level) <= most + 1e-6);
    });
}

/// Binary sequences of three steps: the distribution, and for each sequence the sums of next-token
/// KLs and squared Hellinger distances.
struct Autoregressive {
    p: Vec<f64>,
    q: Vec<f64>,
    kls: Vec<f64>,
    hellingers: Vec<f64>,
}

impl Autoregressive {
    const STEPS: usize = 3;

    fn random(rng: &mut ChaCha8Rng) -> Self {
        // One pair of next-token distributions for each prefix, numbered as a heap.
        let steps: Vec<[Vec<f64>; 2]> = (0..1 << Self::STEPS)
            .map(|_| {
                let p = distribution(rng, 2);
                let q = other(rng, &p);
                [p, q]
            })
            .collect();
        let all = 1 << Self::STEPS;
        let mut model = Autoregressive {
            p: vec![1.0; all],
            q: vec![1.0; all],
            kls: vec![0.0; all],
            hellingers: vec![0.0; all],
        };
        for sequence in 0..all {
            let mut prefix = 1;
            for step in (0..Self::STEPS).rev() {
                let token = sequence >> step & 1;
                let [p, q] = &steps[prefix];
                model.p[sequence] *= p[token];
                model.q[sequence] *= q[token];
                model.kls[sequence] += kl(p, q).max(0.0);
                model.hellingers[sequence] += hellinger_squared(p, q);
                prefix = 2 * prefix + token;
            }
        }
        model
    }
}

#[test]
fn stopped_kl_and_hellinger_sums_bracket_coverage() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut informative = 0;
    for _ in 0..PAIRS {
        let model = Autoregressive::random(&mut rng);
        let level = level(&mut rng);
        let cov = coverage(&model.p, &model.q, level);
        let stopped: f64 = model
            .p
            .iter()
            .zip(&model.kls)
            .filter(|(p, _)| **p > 0.0)
            .map(|(p, kl)| p * kl.min(level.log_n()))
            .sum();
        if let Some(most) = bound::coverage_upper_from_stopped_kl(stopped.min(level.log_n()), level)
        {
            assert!(cov <= most + SLACK, "{cov} {most}");
            informative += usize::from(most < 1.0 && cov > 0.0);
        }
        let delta: f64 = 0.01 + 0.5 * rng.random::<f64>();
        let far = |sum: &f64| *sum >= level.log_n() - delta.ln();
        let share: f64 = model
            .p
            .iter()
            .zip(&model.hellingers)
            .filter(|(_, sum)| far(sum))
            .map(|(p, _)| p)
            .sum();
        assert!(
            cov >= bound::coverage_lower_from_hellinger(share.min(1.0), delta).unwrap() - SLACK
        );
    }
    assert!(informative > 100, "{informative}");
}

#[test]
fn truncation_weights_spend_the_budget_and_no_more() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    for _ in 0..PAIRS {
        let kls: Vec<f64> = (0..rng.random_range(0..9))
            .map(|_| 3.0 * rng.random::<f64>().powi(3))
            .collect();
        let budget = 6.0 * rng.random::<f64>();
        let alpha = bound::truncation_weights(&kls, budget).unwrap();
        let spent: f64 = alpha.iter().zip(&kls).map(|(a, kl)| a * kl).sum();
        assert!((spent - kls.iter().sum::<f64>().min(budget)).abs() < 1e-12);
        assert!(alpha.windows(2).all(|pair| pair[1] <= pair[0]));
    }
    assert_eq!(bound::truncation_weights(&[1.0, f64::NAN], 1.0), None);
    assert_eq!(bound::truncation_weights(&[1.0], -1.0), None);
    assert_eq!(
        bound::truncation_weights(&[f64::INFINITY, 1.0], 2.0),
        Some(vec![0.0, 0.0])
    );
}

/// Figure 2's floor and Figure 1 in closed form.
#[test]
fn the_experiments_in_closed_form() {
    for (layers, printed) in [(8, 0.1386), (16, 0.2773), (24, 0.4159)] {
        let paths = 1 << (layers / 2);
        // 5% of the prompts: one right path, all equally likely to the model.
        let mut p = vec![0.0; paths];
        p[0] = 1.0;
        let q = vec![1.0 / paths as f64; paths];
        assert!((0.05 * kl(&p, &q) - printed).abs() < 5e-5);
        // With 8 layers the ratio is exactly 16: it counts.
        assert_eq!(0.05 * coverage(&p, &q, Level::from_n(16.0).unwrap()), 0.05);
    }
    for (q, divergence, pass, cov) in [
        (0.9, 0.325083, 0.956953, 0.1),
        (0.6, 0.551372, 0.997731, 0.0),
    ] {
        let (p, model) = ([0.9, 0.1], [q, 1.0 - q]);
        // The class of a prompt is hidden; its own rule is the only right one.
        let found = -(0.9 * f64::ln(q) + 0.1 * f64::ln(1.0 - q));
        assert!((found - divergence).abs() < 1e-6, "{found}");
        let pass_8 = 0.9 * pass_at_n_exact(f64::ln(q), 8.0).unwrap()
            + 0.1 * pass_at_n_exact(f64::ln(1.0 - q), 8.0).unwrap();
        assert!((pass_8 - pass).abs() < 1e-6, "{pass_8}");
        let uncovered: f64 = p
            .iter()
            .zip(model)
            .filter(|(_, m)| *m <= 0.25 + 1e-12)
            .map(|(p, _)| p)
            .sum();
        assert_eq!(uncovered, cov);
    }
}

/// Prop E.1: maximum likelihood takes the model with the worse coverage in at least a quarter of
/// the samples.
#[test]
fn maximum_likelihood_can_prefer_the_worse_coverage() {
    let (alpha, m) = (0.5_f64, Level::from_n(16.0).unwrap());
    let (share, cov) = bound::mle_coverage_lower_nonconvex(m, alpha).unwrap();
    let q2 = [
        0.5 * (1.0 - share),
        0.5 * (1.0 - share),
        share * (1.0 - 1.0 / 32.0),
        share / 32.0,
    ];
    let p = [
        0.5 * (1.0 - share),
        0.5 * (1.0 - share),
        0.5 * share,
        0.5 * share,
    ];
    assert!((coverage(&p, &q2, m) - cov).abs() < 1e-15);
}

#[test]
fn outside_their_domains_they_say_nothing() {
    let level = |n| Level::from_n(n).unwrap();
    let nan = f64::NAN;
    assert_eq!(bound::kl_upper_from_profile(2.0, 1.0), None);
    assert_eq!(bound::kl_upper_from_profile(0.0, 1.0), Some(0.0));
    assert_eq!(bound::coverage_upper_from_hellinger(0.1, level(1.0)), None);
    assert_eq!(bound::coverage_upper_from_hellinger(nan, level(4.0)), None);
    assert_eq!(
        bound::coverage_upper_from_hellinger(1e-9, Level::from_log_n(2000.0).unwrap()),
        Some(2e-9)
    );
    assert_eq!(bound::level_from_kl(f64::INFINITY, 0.1), None);
    assert_eq!(bound::coverage_upper_chain_rule(level(2.0), 1.5, 0.0), None);
    assert_eq!(bound::coverage_upper_triangle(nan, 0.0), None);
    assert_eq!(bound::best_of_n_regret_upper(8.0, level(2.0), 0.6), None);
    assert_eq!(bound::best_of_n_samples(level(2.0), 0.0), None);
    assert_eq!(bound::best_of_n_regret_lower(1.0, 0.5), None);
    assert_eq!(bound::coverage_upper_from_stopped_kl(0.1, level(2.0)), None);
    assert_eq!(
        bound::tournament_coverage_upper(0.1, level(8.0), 0.5, 0, 10, 0.1),
        None
    );
    assert_eq!(
        bound::tournament_coverage_upper(0.1, level(8.0), 0.5, 2, 10, 0.1),
        Some(1.0)
    );
    assert_eq!(
        bound::offset_tournament_coverage_rate(level(8.0), 0.1, 2, 10, 0.1),
        None
    );
    assert_eq!(bound::mle_kl_lower(0, 8), None);
    assert_eq!(
        bound::mle_coverage_covering_rate(level(4.0), &[(0.1, 1.0)], 1.0, 0.1, 10),
        None
    );
    assert_eq!(bound::mle_coverage_lower(level(16.0), 11, 100, 6.0), None);
    assert_eq!(bound::mle_convex_class_rate(level(16.0), 0.5), None);
    assert_eq!(bound::mle_coverage_lower_nonconvex(level(1.0), 0.5), None);
}
