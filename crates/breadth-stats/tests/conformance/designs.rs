//! Strata, and differences between two models.

use breadth_stats::{
    Design, coverage_difference, coverage_profile, cross_entropy, cross_entropy_difference,
    stratified_weights,
};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use super::{CONFIDENCE, conforms, level, normal};

/// What a group counts, how many clusters of it are drawn, and its rate.
type Group = (f64, u32, f64);

/// Rows of fixed numbers of clusters of each group, `copies` rows each, half of the clusters unanimous.
fn stratified(
    rng: &mut ChaCha8Rng,
    groups: &[Group],
    copies: usize,
) -> (Vec<u32>, Vec<u32>, Vec<bool>) {
    let (mut strata, mut clusters, mut hits) = (vec![], vec![], vec![]);
    for (group, &(_, count, rate)) in groups.iter().enumerate() {
        for _ in 0..count {
            let (verdict, unanimous) = (rng.random_bool(rate), rng.random_bool(0.5));
            let cluster = clusters.last().map_or(0, |last| last + 1);
            for copy in 0..copies {
                strata.push(group as u32);
                clusters.push(cluster);
                hits.push(if unanimous || copy == 0 {
                    verdict
                } else {
                    rng.random_bool(rate)
                });
            }
        }
    }
    (strata, clusters, hits)
}

#[test]
fn shares_of_strata() {
    let cases: [&[Group]; 6] = [
        &[(0.9, 50, 0.02), (0.1, 50, 0.5)],
        &[(0.9, 100, 0.001), (0.1, 100, 0.9)],
        &[(0.5, 10, 0.3), (0.5, 200, 0.05)],
        &[(0.94, 60, 0.01), (0.05, 60, 0.3), (0.01, 60, 0.95)],
        &[(0.5, 5, 0.5), (0.5, 5, 0.2)],
        &[(0.5, 40, 0.995), (0.5, 40, 0.97)],
    ];
    for (case, groups) in cases.iter().enumerate() {
        for copies in [1, 4] {
            let population: Vec<f64> = groups.iter().map(|group| group.0).collect();
            let truth: f64 = groups.iter().map(|group| group.0 * group.2).sum();
            conforms(
                &format!("share, strata: case {case}, {copies} rows per cluster"),
                1500,
                |rng| {
                    let (strata, clusters, hits) = stratified(rng, groups, copies);
                    let weights = stratified_weights(&strata, &population, None).unwrap();
                    let design = Design {
                        weights: Some(&weights),
                        clusters: Some(&clusters),
                        strata: Some(&strata),
                    };
                    let log_q: Vec<f64> = hits
                        .iter()
                        .map(|&hit| if hit { -3.0 } else { -1.0 })
                        .collect();
                    let log_p = vec![-1.0; hits.len()];
                    let found =
                        coverage_profile(&log_p, &log_q, &design, &[level(2.0)], CONFIDENCE)
                            .unwrap();
                    (found.points[0].low..=found.points[0].high).contains(&truth)
                },
            );
        }
    }
}

#[test]
fn means_of_strata() {
    for copies in [1, 4] {
        conforms(
            &format!("cross-entropy, strata: {copies} rows per cluster"),
            2000,
            |rng| {
                let groups = [(0.9, 15), (0.1, 40)];
                let (mut strata, mut clusters, mut log_q) = (vec![], vec![], vec![]);
                let mut cluster = 0;
                for (group, &(_, count)) in groups.iter().enumerate() {
                    for _ in 0..count {
                        let common = normal(rng);
                        for _ in 0..copies {
                            strata.push(group as u32);
                            clusters.push(cluster);
                            log_q.push(-40.0 - 30.0 * group as f64 - common - normal(rng));
                        }
                        cluster += 1;
                    }
                }
                let weights = stratified_weights(&strata, &groups.map(|g| g.0), None).unwrap();
                let design = Design {
                    weights: Some(&weights),
                    clusters: Some(&clusters),
                    strata: Some(&strata),
                };
                let found = cross_entropy(&log_q, &design, CONFIDENCE).unwrap();
                // Thirty nats between the groups are no matter of chance.
                assert!(found.high - found.low < 3.0);
                (found.low..=found.high).contains(&43.0)
            },
        );
    }
}

/// Whether a alone, b alone, both or neither fall short on a row.
fn pair(rng: &mut impl Rng, only_a: f64, only_b: f64) -> (f64, f64) {
    let left = rng.random::<f64>();
    if left < only_a {
        (-9.0, -1.0)
    } else if left < only_a + only_b {
        (-1.0, -9.0)
    } else if rng.random_bool(0.3) {
        (-9.0, -9.0)
    } else {
        (-1.0, -1.0)
    }
}

#[test]
fn differences_of_coverage() {
    for clusters in [10, 50, 300] {
        for (only_a, only_b) in [
            (0.0, 0.0),
            (0.01, 0.01),
            (0.02, 0.3),
            (0.45, 0.45),
            (0.0, 0.97),
            (0.1, 0.0),
        ] {
            for copies in [1, 4] {
                let name = format!(
                    "difference of coverage: {only_a} - {only_b}, {clusters} clusters of {copies}"
                );
                conforms(&name, 1000, |rng| {
                    let (mut a, mut b, mut labels) = (vec![], vec![], vec![]);
                    for cluster in 0..clusters {
                        let (first, unanimous) = (pair(rng, only_a, only_b), rng.random_bool(0.5));
                        for copy in 0..copies {
                            let (x, y) = if unanimous || copy == 0 {
                                first
                            } else {
                                pair(rng, only_a, only_b)
                            };
                            a.push(x);
                            b.push(y);
                            labels.push(cluster);
                        }
                    }
                    let design = Design {
                        clusters: Some(&labels),
                        ..Design::default()
                    };
                    let log_p = vec![-1.0; a.len()];
                    let found =
                        coverage_difference(&log_p, &a, &b, &design, level(2.0), CONFIDENCE)
                            .unwrap();
                    (found.low..=found.high).contains(&(only_a - only_b))
                });
            }
        }
    }
}

#[test]
fn differences_of_cross_entropy() {
    for rows in [5, 30, 300] {
        conforms(
            &format!("difference of cross-entropy: {rows} rows"),
            2000,
            |rng| {
                let base: Vec<f64> = (0..rows)
                    .map(|_| -60.0 - 10.0 * normal(rng).abs())
                    .collect();
                let column = |rng: &mut ChaCha8Rng, shift: f64| -> Vec<f64> {
                    base.iter()
                        .map(|base| base - shift - 0.3 * normal(rng))
                        .collect()
                };
                let (a, b) = (column(rng, 1.0), column(rng, 0.5));
                let found = cross_entropy_difference(&a, &b, &Design::default(), CONFIDENCE)
                    .unwrap()
                    .unwrap();
                (found.low..=found.high).contains(&0.5)
            },
        );
    }
}
