//! Every interval meets its promise: over seeded replicates of samples whose truth is known it holds the truth at least as often as stated,
//! less 1.5 points.

use breadth_stats::{
    Design, Level, PromptOutcome, Tournament, coverage_profile, cross_entropy, kl, pass_estimate,
    tournament,
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

mod designs;
mod plans;
mod rates;

const CONFIDENCE: f64 = 0.95;

/// Share of the replicates in which `holds` is true; fails below nominal minus 1.5 points. Prints a row of the table in lab/results/intervals.md.
#[track_caller]
fn conforms(what: &str, replicates: usize, mut holds: impl FnMut(&mut ChaCha8Rng) -> bool) {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let held = (0..replicates).filter(|_| holds(&mut rng)).count() as f64 / replicates as f64;
    println!("| {what} | {replicates} | {:.1}% |", 100.0 * held);
    assert!(
        held >= CONFIDENCE - 0.015,
        "{what}: {held:.3} of the intervals hold the truth"
    );
}

fn level(n: f64) -> Level {
    Level::from_n(n).unwrap()
}

fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// Rows of a sample: weight, cluster, and whether the model leaves the row uncovered.
type Sample = Vec<(f64, u32, bool)>;

fn covers(sample: &Sample, weighted: bool, clustered: bool, truth: f64) -> bool {
    let weights: Vec<f64> = sample.iter().map(|row| row.0).collect();
    let clusters: Vec<u32> = sample.iter().map(|row| row.1).collect();
    let log_q: Vec<f64> = sample
        .iter()
        .map(|row| if row.2 { -3.0 } else { -1.0 })
        .collect();
    let design = Design {
        weights: weighted.then_some(&weights[..]),
        clusters: clustered.then_some(&clusters[..]),
        ..Design::default()
    };
    let profile = coverage_profile(
        &vec![-1.0; sample.len()],
        &log_q,
        &design,
        &[level(2.0)],
        CONFIDENCE,
    )
    .unwrap();
    (profile.points[0].low..=profile.points[0].high).contains(&truth)
}

#[test]
fn clopper_pearson_limits() {
    for n in [1, 10, 100, 400] {
        for p in [0.005, 0.1, 0.5, 0.99] {
            conforms(
                &format!("share, independent rows: n = {n}, p = {p}"),
                2000,
                |rng| {
                    let sample = (0..n).map(|_| (1.0, 0, rng.random_bool(p))).collect();
                    covers(&sample, false, false, p)
                },
            );
        }
    }
}

#[test]
fn limits_with_unrelated_weights() {
    for n in [10, 50, 300] {
        for p in [0.01, 0.2, 0.5, 0.95] {
            conforms(
                &format!("share, weights unrelated to the outcome: n = {n}, p = {p}"),
                1500,
                |rng| {
                    let sample = (0..n)
                        .map(|_| (normal(rng).exp(), 0, rng.random_bool(p)))
                        .collect();
                    covers(&sample, true, false, p)
                },
            );
        }
    }
}

/// Weights 9 : 1, all uncovered rows among the heavy or among the light ones.
#[test]
fn limits_with_weights_that_go_with_the_outcome() {
    for (heavy, total) in [(true, 0.9), (false, 0.1)] {
        for n in [10, 50, 300] {
            for rate in [0.05, 0.3, 0.9] {
                conforms(
                    &format!(
                        "share, weights that go with the outcome: heavy = {heavy}, n = {n}, rate = {rate}"
                    ),
                    1500,
                    |rng| {
                        let mut row = || {
                            let is_heavy = rng.random_bool(0.5);
                            (
                                if is_heavy { 9.0 } else { 1.0 },
                                0,
                                is_heavy == heavy && rng.random_bool(rate),
                            )
                        };
                        let sample = (0..n).map(|_| row()).collect();
                        covers(&sample, true, false, total * rate)
                    },
                );
            }
        }
    }
}

/// A cluster is either unanimous (with probability `together`) or a set of independent rows.
fn clustered_sample(
    rng: &mut ChaCha8Rng,
    clusters: u32,
    together: f64,
    p: f64,
    unequal: bool,
) -> Sample {
    let mut sample = Vec::new();
    for cluster in 0..clusters {
        let size = if unequal { rng.random_range(1..20) } else { 10 };
        let unanimous = rng.random_bool(together);
        let verdict = rng.random_bool(p);
        sample.extend((0..size).map(|_| {
            (
                1.0,
                cluster,
                if unanimous {
                    verdict
                } else {
                    rng.random_bool(p)
                },
            )
        }));
    }
    sample
}

#[test]
fn limits_with_correlated_clusters() {
    for clusters in [5, 30, 150] {
        for together in [0.0, 0.3, 1.0] {
            for p in [0.01, 0.2, 0.5] {
                for unequal in [false, true] {
                    conforms(
                        &format!(
                            "share, clusters: {clusters} clusters, {together} together, p = {p}, unequal = {unequal}"
                        ),
                        1000,
                        |rng| {
                            covers(
                                &clustered_sample(rng, clusters, together, p, unequal),
                                false,
                                true,
                                p,
                            )
                        },
                    );
                }
            }
        }
    }
}

/// Log-ratios are exponential, so `Cov_N = 1/N`; the band must hold at all of 25 levels.
fn band_holds(ratios: &[f64], design: &Design) -> bool {
    let levels: Vec<Level> = (0..60)
        .map(|i| Level::from_log_n(0.05 * f64::from(i)).unwrap())
        .collect();
    let log_q: Vec<f64> = ratios.iter().map(|ratio| -1.0 - ratio).collect();
    let profile = coverage_profile(
        &vec![-1.0; ratios.len()],
        &log_q,
        design,
        &levels,
        CONFIDENCE,
    )
    .unwrap();
    profile.points.iter().all(|point| {
        let truth = (-point.level.log_n()).exp();
        (point.band_low..=point.band_high).contains(&truth)
    })
}

fn exponential(rng: &mut impl Rng) -> f64 {
    -(1.0 - rng.random::<f64>()).ln()
}

#[test]
fn dkw_band_at_all_levels_at_once() {
    conforms("band over all N: independent rows", 800, |rng| {
        let ratios: Vec<f64> = (0..100).map(|_| exponential(rng)).collect();
        band_holds(&ratios, &Design::default())
    });
    conforms("band over all N: weighted rows", 800, |rng| {
        let ratios: Vec<f64> = (0..200).map(|_| exponential(rng)).collect();
        let weights: Vec<f64> = ratios.iter().map(|_| normal(rng).exp()).collect();
        band_holds(
            &ratios,
            &Design {
                weights: Some(&weights),
                clusters: None,
                ..Design::default()
            },
        )
    });
    conforms("band over all N: clusters of copies", 800, |rng| {
        let ratios: Vec<f64> = (0..60)
            .map(|_| exponential(rng))
            .flat_map(|ratio| [ratio; 4])
            .collect();
        let clusters: Vec<u32> = (0..240).map(|row| row / 4).collect();
        band_holds(
            &ratios,
            &Design {
                weights: None,
                clusters: Some(&clusters),
                ..Design::default()
            },
        )
    });
}

/// Normal log-ratios of mean 1, in clusters that share half of their variance, with or without weights.
#[test]
fn student_limits_of_kl_and_cross_entropy() {
    for (rows_per_cluster, weighted) in [(1, false), (1, true), (5, false), (5, true)] {
        conforms(
            &format!(
                "KL and cross-entropy: {rows_per_cluster} rows per cluster, weighted = {weighted}"
            ),
            2000,
            |rng| {
                let (mut ratios, mut clusters, mut weights) = (vec![], vec![], vec![]);
                for cluster in 0..20 {
                    let common = normal(rng);
                    for _ in 0..rows_per_cluster {
                        ratios.push(1.0 + common + normal(rng));
                        clusters.push(cluster);
                        weights.push(if weighted {
                            rng.random_range(0.3..2.0)
                        } else {
                            1.0
                        });
                    }
                }
                let design = Design {
                    weights: Some(&weights),
                    clusters: Some(&clusters),
                    ..Design::default()
                };
                let log_p: Vec<f64> = ratios.iter().map(|_| -40.0).collect();
                let log_q: Vec<f64> = ratios.iter().map(|ratio| -40.0 - ratio).collect();
                let kl = kl(&log_p, &log_q, &design, CONFIDENCE).unwrap();
                let cross_entropy = cross_entropy(&log_q, &design, CONFIDENCE).unwrap();
                (kl.low..=kl.high).contains(&1.0)
                    && (cross_entropy.low..=cross_entropy.high).contains(&41.0)
            },
        );
    }
}

/// A Beta(a, b) success rate with a, b of order 1 or less (Johnk).
fn beta(rng: &mut impl Rng, a: f64, b: f64) -> f64 {
    loop {
        let (x, y) = (
            rng.random::<f64>().powf(1.0 / a),
            rng.random::<f64>().powf(1.0 / b),
        );
        if x + y <= 1.0 && x + y > 0.0 {
            return x / (x + y);
        }
    }
}

/// E[1 - (1 - s)^k] for s ~ Beta(a, b).
fn beta_pass(a: f64, b: f64, k: u64) -> f64 {
    1.0 - (0..k)
        .map(|j| (b + j as f64) / (a + b + j as f64))
        .product::<f64>()
}

fn pass_holds(
    rng: &mut ChaCha8Rng,
    prompts: usize,
    weighted: bool,
    k: u64,
    truth: f64,
    rate: impl Fn(&mut ChaCha8Rng) -> f64,
) -> bool {
    let outcome = |rng: &mut ChaCha8Rng| {
        let s = rate(rng);
        PromptOutcome::Counts {
            n: 16,
            c: (0..16).filter(|_| rng.random_bool(s)).count() as u64,
        }
    };
    let outcomes: Vec<PromptOutcome> = (0..prompts).map(|_| outcome(rng)).collect();
    let weights: Vec<f64> = (0..prompts).map(|_| rng.random_range(0.5..2.0)).collect();
    let found = pass_estimate(
        &outcomes,
        &Design {
            weights: weighted.then_some(&weights[..]),
            ..Design::default()
        },
        k,
        CONFIDENCE,
    )
    .unwrap();
    (found.low..=found.high).contains(&truth)
}

#[test]
fn pass_at_k_limits() {
    for prompts in [5, 10, 40, 200] {
        for k in [1, 4, 16] {
            for weighted in [false, true] {
                let name = format!("{prompts} prompts, k = {k}, weighted = {weighted}");
                conforms(&format!("Pass@k: beta rates, {name}"), 1000, |rng| {
                    pass_holds(rng, prompts, weighted, k, beta_pass(0.5, 1.2, k), |rng| {
                        beta(rng, 0.5, 1.2)
                    })
                });
                conforms(&format!("Pass@k: nearly all solved, {name}"), 1000, |rng| {
                    pass_holds(rng, prompts, weighted, k, beta_pass(20.0, 1.0, k), |rng| {
                        rng.random::<f64>().powf(0.05)
                    })
                });
                let mixture = 0.03 * (1.0 - 0.2_f64.powi(k as i32));
                conforms(&format!("Pass@k: few solvable, {name}"), 1000, |rng| {
                    pass_holds(rng, prompts, weighted, k, mixture, |rng| {
                        if rng.random_bool(0.03) { 0.8 } else { 0.0 }
                    })
                });
            }
        }
    }
}

/// One prompt with a handful of responses: probabilities under the data distribution (first) and under the models.
struct World {
    responses: Vec<Vec<f64>>,
    n: f64,
}

impl World {
    fn random(seed: u64, models: usize, n: f64) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut law = || {
            let masses: Vec<f64> = (0..6).map(|_| exponential(&mut rng).powi(2)).collect();
            let total: f64 = masses.iter().sum();
            masses.into_iter().map(|mass| mass / total).collect()
        };
        World {
            responses: (0..=models).map(|_| law()).collect(),
            n,
        }
    }

    fn p(&self) -> &[f64] {
        &self.responses[0]
    }

    fn models(&self) -> &[Vec<f64>] {
        &self.responses[1..]
    }

    /// `P_p[ a/b >= N ]`
    fn behind(&self, a: &[f64], b: &[f64]) -> f64 {
        (0..6)
            .filter(|&y| a[y] >= self.n * b[y])
            .map(|y| self.p()[y])
            .sum()
    }

    /// The true tournament values.
    fn values(&self) -> Vec<f64> {
        let worst = |(q, model): (usize, &Vec<f64>)| {
            let rivals = self.models().iter().enumerate().filter(|&(r, _)| r != q);
            rivals
                .map(|(_, rival)| self.behind(rival, model))
                .fold(0.0, f64::max)
        };
        self.models().iter().enumerate().map(worst).collect()
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> usize {
        let mut left = rng.random::<f64>();
        (0..5)
            .find(|&y| {
                left -= self.p()[y];
                left < 0.0
            })
            .unwrap_or(5)
    }

    /// A tournament on rows in clusters of `copies` responses, half of the clusters unanimous.
    fn play(
        &self,
        rng: &mut ChaCha8Rng,
        clusters: u32,
        copies: usize,
        weighted: bool,
    ) -> Tournament {
        let (mut rows, mut labels, mut weights) = (vec![], vec![], vec![]);
        for cluster in 0..clusters {
            let (first, unanimous) = (self.draw(rng), rng.random_bool(0.5));
            for _ in 0..copies {
                rows.push(if unanimous || copies == 1 {
                    first
                } else {
                    self.draw(rng)
                });
                labels.push(cluster);
                weights.push(if weighted {
                    rng.random_range(0.3..3.0)
                } else {
                    1.0
                });
            }
        }
        let columns: Vec<Vec<f64>> = self
            .models()
            .iter()
            .map(|model| rows.iter().map(|&y| model[y].ln()).collect())
            .collect();
        let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
        let design = Design {
            weights: Some(&weights),
            clusters: Some(&labels),
            ..Design::default()
        };
        tournament(&columns, &design, level(self.n), CONFIDENCE).unwrap()
    }
}

/// Clusters, rows per cluster, weighted.
const DESIGNS: [(u32, usize, bool); 4] = [
    (25, 1, false),
    (300, 1, false),
    (80, 1, true),
    (40, 4, false),
];

/// Shares of seeded replicates in which each promise of a tournament held, against the nominal share less 1.5 points.
fn tournament_conforms(world: &World, replicates: u32, name: &str) {
    let truth = world.values();
    let coverage: Vec<f64> = world
        .models()
        .iter()
        .map(|model| world.behind(world.p(), model))
        .collect();
    let smallest = truth.iter().copied().fold(f64::INFINITY, f64::min);
    for (clusters, copies, weighted) in DESIGNS {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut failed = vec![[0_u32; 3]; truth.len()];
        let mut exceeded = 0_u32;
        for _ in 0..replicates {
            let found = world.play(&mut rng, clusters, copies, weighted);
            let beyond = |q: usize| truth[q] > found.standings[q].excess + 1e-12;
            exceeded += u32::from((0..truth.len()).any(beyond));
            for (q, standing) in found.standings.iter().enumerate() {
                let misses = |low: f64, truth: f64, high: f64| {
                    u32::from(low > truth + 1e-12 || truth > high + 1e-12)
                };
                failed[q][0] += misses(standing.low, truth[q], standing.high);
                failed[q][1] +=
                    misses(standing.certified_low, coverage[q], standing.certified_high);
                failed[q][2] += u32::from(truth[q] == smallest && !found.not_excluded.contains(&q));
            }
        }
        let most = f64::from(replicates) * (1.0 - CONFIDENCE + 0.015);
        let ok = failed
            .iter()
            .flatten()
            .all(|&count| f64::from(count) <= most);
        let held = |of: usize| {
            let worst = failed.iter().map(|counts| counts[of]).max().unwrap_or(0);
            100.0 * (1.0 - f64::from(worst) / f64::from(replicates))
        };
        let design = format!(
            "{name}, {} models, {clusters} x {copies}, weighted = {weighted}",
            truth.len()
        );
        for (of, what) in ["limits", "certificate", "set of the not excluded"]
            .iter()
            .enumerate()
        {
            println!(
                "| tournament, {what} of the worst model: {design} | {replicates} | {:.1}% |",
                held(of)
            );
        }
        let all = 100.0 * (1.0 - f64::from(exceeded) / f64::from(replicates));
        println!(
            "| tournament, excess of all models at once: {design} | {replicates} | {all:.1}% |"
        );
        assert!(
            f64::from(exceeded) <= most,
            "{design}: excess failed {exceeded}"
        );
        assert!(
            ok,
            "{name}, {clusters} x {copies}, weighted = {weighted}: limits, certificate, set failed {failed:?} of {replicates}"
        );
    }
}

#[test]
fn tournament_limits_sets_and_certificates() {
    for seed in 0..5 {
        tournament_conforms(&World::random(seed, 5, 3.0), 250, &format!("world {seed}"));
    }
}

#[test]
fn forty_models() {
    for seed in 0..2 {
        tournament_conforms(
            &World::random(seed, 40, 3.0),
            150,
            &format!("wide world {seed}"),
        );
    }
}

/// A rival as good as the truth makes the lower certificate as sharp as it can be; a model that lost five of six responses gives it much to certify.
#[test]
fn sharp_certificates() {
    for seed in 0..3 {
        let mut world = World::random(seed, 4, 3.0);
        world.responses[1] = world.responses[0].clone();
        world.responses[4] = vec![1.0 - 5e-4, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4];
        tournament_conforms(&world, 250, &format!("sharp world {seed}"));
    }
}

/// Two models of equal true value, each behind the other on half of the data: the hardest case for the set of the not excluded.
#[test]
fn not_excluded_holds_either_of_two_equals() {
    let law = |a: f64, b: f64| vec![a, b, 0.0, 0.0, 0.0, 0.0];
    let world = World {
        responses: vec![law(0.5, 0.5), law(0.8, 0.2), law(0.2, 0.8)],
        n: 3.0,
    };
    tournament_conforms(&world, 1000, "two equals");
}
