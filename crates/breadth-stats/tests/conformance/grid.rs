//! The hostile grid: every limit of a mean of values in [0, 1], over distributions, numbers of
//! units, sizes, weights and strata.

use breadth_stats::{
    Estimate, coverage_difference, coverage_profile, mean_over_prompts, pass_from_coverage,
    stopped_kl, tournament, without_worst_token,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::distributions::{Always, Beta, Distribution, Hit, Rare, Uniform};
use super::harness::{CONFIDENCE, Case, Verdict, check};
use super::layouts::{Frame, Layout, Rows, Weights};
use super::level;

const UNITS: [usize; 4] = [10, 30, 100, 500];

/// Units' values: 0 or 1, near 0, near 1, two points, beta, and few that are far from all others.
const DISTRIBUTIONS: [Distribution; 14] = [
    Hit(0.01),
    Hit(0.1),
    Hit(0.5),
    Hit(0.99),
    Uniform(0.0, 0.04),
    Uniform(0.96, 1.0),
    Rare(0.3, 0.2, 0.9),
    Beta(0.5, 1.2),
    Rare(0.003, 0.0, 0.6),
    Rare(0.01, 0.0, 0.78),
    Rare(0.01, 0.0, 0.95),
    Rare(0.02, 1.0, 0.05),
    Rare(0.05, 0.0, 0.6),
    Rare(0.03, 0.98, 0.02),
];

/// Distributions of units with several rows or weights.
const FEW_DISTRIBUTIONS: [Distribution; 6] = [
    Always(0.2),
    Hit(0.02),
    Hit(0.5),
    Beta(0.5, 1.2),
    Rare(0.1, 0.9, 0.02),
    Rare(0.05, 0.0, 0.6),
];

const SIZES: [Rows; 3] = [Rows::Equal(10), Rows::Unequal, Rows::HalfInOne];

const WEIGHTS: [Weights; 3] = [Weights::Lognormal, Weights::SixOrders, Weights::OneHuge];

/// Values of light and heavy units, where the value goes with the weight.
const DEPENDENT: [(Distribution, Distribution); 4] = [
    (Hit(0.0), Hit(0.3)),
    (Hit(0.3), Hit(0.0)),
    (Hit(0.05), Hit(0.5)),
    (Rare(0.05, 0.0, 0.9), Rare(0.05, 1.0, 0.3)),
];

/// Groups of known shares, with 1, 2, 5, 20 or 400 units in the smallest one.
const STRATA: [&[(f64, usize, Distribution)]; 13] = [
    &[(0.1, 400, Hit(0.5)), (0.9, 40, Hit(0.04))],
    &[(0.9, 1000, Hit(0.0)), (0.1, 20, Hit(0.1))],
    &[(0.5, 1, Hit(0.5)), (0.5, 100, Hit(0.1))],
    &[(0.5, 2, Hit(0.5)), (0.5, 100, Hit(0.1))],
    &[(0.3, 5, Hit(0.1)), (0.7, 60, Hit(0.02))],
    &[(0.5, 400, Hit(0.3)), (0.5, 400, Hit(0.005))],
    &[(0.5, 5, Hit(0.5)), (0.5, 5, Hit(0.2))],
    &[
        (0.94, 60, Hit(0.01)),
        (0.05, 60, Hit(0.3)),
        (0.01, 60, Hit(0.95)),
    ],
    &[
        (0.2, 2, Hit(0.2)),
        (0.2, 2, Hit(0.8)),
        (0.2, 2, Hit(0.5)),
        (0.2, 2, Hit(0.05)),
        (0.2, 2, Hit(0.9)),
    ],
    &[
        (0.5, 20, Rare(0.05, 0.0, 0.6)),
        (0.5, 200, Rare(0.01, 0.0, 0.95)),
    ],
    &[(0.2, 1, Beta(0.5, 0.5)), (0.8, 50, Rare(0.03, 0.98, 0.02))],
    &[(0.7, 2, Beta(0.5, 1.0)), (0.3, 400, Uniform(0.96, 1.0))],
    &[(0.9, 400, Rare(0.003, 0.0, 0.6)), (0.1, 5, Beta(0.5, 1.2))],
];

/// Designs of two factors at once.
fn combined() -> Vec<Layout> {
    let groups = [STRATA[0], STRATA[4], STRATA[9]];
    let mut layouts: Vec<Layout> = groups
        .iter()
        .flat_map(|groups| {
            [
                Layout::strata(groups).weights(Weights::Lognormal),
                Layout::strata(groups).weights(Weights::SixOrders),
                Layout::strata(groups)
                    .rows(Rows::Unequal)
                    .weights(Weights::Lognormal),
                Layout::strata(groups).rows(Rows::HalfInOne),
            ]
        })
        .collect();
    for distribution in [Hit(0.1), Rare(0.1, 0.9, 0.02)] {
        for units in [30, 100] {
            let simple = || Layout::simple(units, distribution);
            layouts.push(simple().rows(Rows::Unequal).weights(Weights::Lognormal));
            layouts.push(simple().rows(Rows::HalfInOne).weights(Weights::SixOrders));
            layouts.push(simple().rows(Rows::Equal(5)).weights(Weights::OneHuge));
        }
    }
    layouts
}

/// All designs; where `of_hits`, of rows that are 0 or 1 with the unit's value as the chance.
fn layouts(of_hits: bool) -> Vec<Layout> {
    let mut layouts = Vec::new();
    // Single rows that are 0 or 1 have no other distribution.
    let distributions = DISTRIBUTIONS
        .iter()
        .filter(|distribution| !of_hits || matches!(distribution, Hit(_)));
    let few = |one_row: bool| {
        let distributions = FEW_DISTRIBUTIONS.iter().copied();
        distributions
            .filter(move |distribution| !(of_hits && one_row) || matches!(distribution, Hit(_)))
    };
    for &distribution in distributions {
        layouts.extend(UNITS.map(|units| Layout::simple(units, distribution)));
    }
    for rows in SIZES {
        for distribution in few(false) {
            layouts
                .extend([10, 30, 100].map(|units| Layout::simple(units, distribution).rows(rows)));
        }
        layouts.push(Layout::simple(500, Rare(0.03, 0.98, 0.02)).rows(rows));
    }
    for weights in WEIGHTS {
        for distribution in few(true) {
            layouts.extend(UNITS.map(|units| Layout::simple(units, distribution).weights(weights)));
        }
    }
    for (light, heavy) in DEPENDENT {
        let of = |units| Layout::simple(units, light).heavy(heavy);
        for weights in [Weights::TwoKinds, Weights::Lognormal, Weights::SixOrders] {
            layouts.extend([30, 100, 500].map(|units| of(units).weights(weights)));
        }
        layouts.extend([10, 30, 100, 500].map(|units| of(units).rows(Rows::Unequal)));
    }
    for groups in STRATA {
        layouts.push(Layout::strata(groups));
        layouts.push(Layout::strata(groups).rows(Rows::Equal(4)));
    }
    for (units, distribution) in [(1, Hit(0.5)), (3, Hit(0.5)), (5, Beta(0.5, 1.2))] {
        layouts.push(Layout::simple(units, distribution));
        layouts.push(Layout::simple(units, distribution).rows(Rows::Unequal));
    }
    layouts.extend(combined());
    layouts
}

/// A way to limits of a mean.
struct Method {
    name: &'static str,
    of_hits: bool,
    /// What is estimated, by the mean of the values.
    truth: fn(f64) -> f64,
    find: fn(&Frame, &mut ChaCha8Rng) -> Estimate,
}

fn cases(method: &Method, layouts: Vec<Layout>) -> Vec<Case<'_>> {
    let case = |layout: Layout| {
        let truth = (method.truth)(layout.truth(Distribution::mean));
        let name = format!("{}: {layout}", method.name);
        Case::new(name, move |rng| {
            let frame = layout.frame(rng);
            Verdict::of_estimate(&(method.find)(&frame, rng), truth)
        })
    };
    layouts.into_iter().map(case).collect()
}

/// All designs in the full run; in the ordinary one every `stride`-th.
fn holds_everywhere(method: &Method, stride: usize) {
    check(cases(method, layouts(method.of_hits)), stride);
}

/// Every fifth design; five is prime to the numbers of levels, so that all levels of all factors
/// come.
fn holds_in_a_fifth(method: &Method, stride: usize) {
    let layouts = layouts(method.of_hits).into_iter().step_by(5);
    check(cases(method, layouts.collect()), stride);
}

fn of_flags(flags: &[bool], yes: f64, no: f64) -> Vec<f64> {
    flags
        .iter()
        .map(|&flag| if flag { yes } else { no })
        .collect()
}

const MEAN: Method = Method {
    name: "mean over prompts",
    of_hits: false,
    truth: |mean| mean,
    find: |frame, rng| mean_over_prompts(&frame.values(rng), &frame.design(), CONFIDENCE).unwrap(),
};

const COVERAGE: Method = Method {
    name: "coverage",
    of_hits: true,
    truth: |mean| mean,
    find: |frame, rng| {
        let log_q = of_flags(&frame.hits(rng), -3.0, -1.0);
        let log_p = vec![-1.0; frame.count];
        coverage_of(&log_p, &log_q, frame)
    },
};

fn coverage_of(log_p: &[f64], log_q: &[f64], frame: &Frame) -> Estimate {
    let found = coverage_profile(log_p, log_q, &frame.design(), &[level(2.0)], CONFIDENCE);
    let point = found.unwrap().points[0];
    Estimate {
        value: point.cov,
        low: point.low,
        high: point.high,
    }
}

/// Uncovered even if the worst token is forgiven: those with two bad ones.
const TOKENS: Method = Method {
    name: "coverage, worst token forgiven",
    of_hits: true,
    truth: |mean| mean,
    find: |frame, rng| {
        let hits = frame.hits(rng);
        let log_p = vec![vec![-1.0_f32; 3]; frame.count];
        let second = |hit: &bool| if *hit { -4.0 } else { -1.0 };
        let log_q: Vec<Vec<f32>> = hits
            .iter()
            .map(|hit| vec![-5.0, -1.0, second(hit)])
            .collect();
        let (log_p, log_q) = without_worst_token(&log_p, &log_q).unwrap();
        coverage_of(&log_p, &log_q, frame)
    },
};

/// The value of the worse of two models.
const PAIR: Method = Method {
    name: "tournament of two",
    of_hits: true,
    truth: |mean| mean,
    find: |frame, rng| {
        let worse = of_flags(&frame.hits(rng), -9.0, -1.0);
        let better = vec![-1.0; frame.count];
        let found = tournament(&[&better, &worse], &frame.design(), level(4.0), CONFIDENCE);
        let standing = &found.unwrap().standings[1];
        Estimate {
            value: standing.value,
            low: standing.low,
            high: standing.high,
        }
    },
};

/// b alone misses one row in twenty; of the others a alone misses those that are hit.
const DIFFERENCE: Method = Method {
    name: "difference of coverage",
    of_hits: true,
    truth: |mean| 0.95 * mean - 0.05,
    find: |frame, rng| {
        let hits = frame.hits(rng);
        let only_b: Vec<bool> = hits.iter().map(|_| rng.random_bool(0.05)).collect();
        let only_a: Vec<bool> = hits
            .iter()
            .zip(&only_b)
            .map(|(hit, b)| *hit && !b)
            .collect();
        let (a, b) = (of_flags(&only_a, -9.0, -1.0), of_flags(&only_b, -9.0, -1.0));
        let log_p = vec![-1.0; frame.count];
        coverage_difference(&log_p, &a, &b, &frame.design(), level(4.0), CONFIDENCE).unwrap()
    },
};

/// Chances s with `1 - (1 - s)^4` = the value.
const FORETOLD: Method = Method {
    name: "Pass@4 from coverage",
    of_hits: false,
    truth: |mean| mean,
    find: |frame, rng| {
        let log_q = |value: f64| (1.0 - (1.0 - value).powf(0.25)).ln();
        let log_q: Vec<f64> = frame.values(rng).into_iter().map(log_q).collect();
        let log_p = vec![0.0; frame.count];
        pass_from_coverage(&log_p, &log_q, &frame.design(), 4, CONFIDENCE).unwrap()
    },
};

/// In units of log N; what reaches log N may lie anywhere above.
const STOPPED: Method = Method {
    name: "stopped KL",
    of_hits: false,
    truth: |mean| 8.0_f64.ln() * mean,
    find: |frame, rng| {
        let most = level(8.0);
        let sum = |value: f64| {
            if value == 1.0 {
                f64::INFINITY
            } else {
                most.log_n() * value
            }
        };
        let sums: Vec<f64> = frame.values(rng).into_iter().map(sum).collect();
        stopped_kl(&sums, most, &frame.design(), CONFIDENCE).unwrap()
    },
};

#[test]
fn means_over_prompts() {
    holds_everywhere(&MEAN, 5);
}

#[test]
fn coverage() {
    holds_everywhere(&COVERAGE, 5);
}

#[test]
fn coverage_with_the_worst_token_forgiven() {
    holds_in_a_fifth(&TOKENS, 9);
}

#[test]
fn tournaments_of_two() {
    holds_in_a_fifth(&PAIR, 3);
}

#[test]
fn differences_of_coverage() {
    holds_in_a_fifth(&DIFFERENCE, 3);
}

#[test]
fn pass_foretold_from_coverage() {
    holds_in_a_fifth(&FORETOLD, 3);
}

#[test]
fn stopped_divergences() {
    holds_in_a_fifth(&STOPPED, 3);
}

/// Designs on which limits that look at the spread of the sample alone miss the truth in 12 to 50
/// of 100 samples.
#[test]
fn samples_that_happen_to_hold_no_bad_unit() {
    let means = [
        Layout::simple(100, Rare(0.01, 0.0, 0.78)),
        Layout::simple(500, Rare(0.003, 0.0, 0.6)),
        Layout::simple(30, Rare(0.05, 0.0, 0.6)),
    ];
    let shares = [
        Layout::simple(20, Rare(0.1, 0.9, 0.02)).rows(Rows::Equal(50)),
        Layout::simple(40, Rare(0.05, 0.95, 0.02)).rows(Rows::Equal(50)),
        Layout::simple(60, Rare(0.03, 0.98, 0.02)).rows(Rows::Equal(50)),
        Layout::strata(STRATA[0]),
        Layout::strata(STRATA[1]),
        Layout::strata(&[(0.5, 1, Hit(0.5)), (0.5, 400, Hit(0.5))]),
        Layout::strata(&[(0.5, 2, Hit(0.5)), (0.5, 400, Hit(0.5))]),
        Layout::simple(300, Hit(0.1)).weights(Weights::OneHuge),
    ];
    let mut all = cases(&MEAN, means.to_vec());
    all.extend(cases(&FORETOLD, vec![means[0].clone()]));
    all.extend(cases(&COVERAGE, shares.to_vec()));
    all.extend(cases(&PAIR, shares[..4].to_vec()));
    check(all, 1);
}
