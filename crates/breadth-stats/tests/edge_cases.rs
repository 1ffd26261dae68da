//! Named cases: NaN, infinities, no rows, one row, ties, thresholds, and every refusal with its
//! message.

use breadth_stats::interval::clopper_pearson;
use breadth_stats::{
    Design, Error, Level, PromptOutcome, best_of_k, bound, coverage_profile, cross_entropy,
    is_uncovered, kl, log_ratio, pass_at_k, pass_at_k_estimate, pass_at_n_exact, rival_counts,
    tournament,
};

const INF: f64 = f64::INFINITY;
const IID: Design = Design {
    weights: None,
    clusters: None,
    strata: None,
};

fn level(n: f64) -> Level {
    Level::from_n(n).unwrap()
}

#[track_caller]
fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn levels_below_one_nan_and_infinite_are_refused() {
    for n in [0.999, 0.0, -3.0, f64::NAN, INF] {
        assert!(Level::from_n(n).is_err(), "{n}");
    }
    for log_n in [-1e-12, f64::NAN, INF] {
        assert!(Level::from_log_n(log_n).is_err(), "{log_n}");
    }
    assert_eq!(Level::from_log_n(0.0).unwrap(), level(1.0));
    assert_eq!(
        message(Level::from_n(0.5)),
        "level N = 0.5 (log N = -0.6931471805599453) is not a finite number with N >= 1"
    );
}

#[test]
fn exact_powers_count_as_uncovered() {
    for n in [2, 7, 10, 22, 52, 1000] {
        for power in 1..40 {
            let log_q = -f64::from(power) * f64::from(n).ln();
            let whole = Level::from_n(f64::from(n).powi(power));
            if let Ok(whole) = whole {
                assert!(is_uncovered(0.0, log_q, whole), "{n}^{power}");
                assert!(!is_uncovered(0.0, log_q + 1e-6, whole), "{n}^{power}");
            }
        }
    }
}

#[test]
fn zero_probabilities() {
    for n in [1.0, 1.5, 1e300] {
        assert!(is_uncovered(-1.0, -INF, level(n)));
        assert!(!is_uncovered(-INF, -1.0, level(n)));
        assert_eq!(is_uncovered(-INF, -INF, level(n)), n == 1.0);
    }
    assert_eq!(log_ratio(-INF, -2.0), -INF);
}

#[test]
fn one_row_and_one_cluster_are_never_certain() {
    let point = coverage_profile(&[-1.0], &[-9.0], &IID, &[level(2.0)], 0.95)
        .unwrap()
        .points[0];
    assert_eq!(
        (point.cov, point.high, point.band_low, point.band_high),
        (1.0, 1.0, 0.0, 1.0)
    );
    assert!((point.low - 0.025).abs() < 1e-12);
    let one_cluster = Design {
        weights: None,
        clusters: Some(&[7, 7, 7]),
        ..Design::default()
    };
    let point = coverage_profile(
        &[-1.0; 3],
        &[-9.0, -1.0, -1.0],
        &one_cluster,
        &[level(2.0)],
        0.95,
    )
    .unwrap()
    .points[0];
    assert!(point.low < 0.05 && point.high > 0.95, "{point:?}");
    let spread_unknown = kl(&[-1.0], &[-2.0], &IID, 0.95).unwrap();
    assert_eq!(
        (
            spread_unknown.value,
            spread_unknown.low,
            spread_unknown.high
        ),
        (1.0, 0.0, INF)
    );
    let spread_unknown = cross_entropy(
        &[-2.0, -4.0],
        &Design {
            weights: None,
            clusters: Some(&[1, 1]),
            ..Design::default()
        },
        0.95,
    )
    .unwrap();
    assert_eq!(
        (
            spread_unknown.value,
            spread_unknown.low,
            spread_unknown.high
        ),
        (3.0, 0.0, INF)
    );
}

#[test]
fn unanimous_samples_keep_a_width_and_stay_in_the_unit_interval() {
    let weights: Vec<f64> = (0..20).map(|row| 1.0 + f64::from(row)).collect();
    let clusters: Vec<u32> = (0..20).map(|row| row / 4).collect();
    for design in [
        IID,
        Design {
            weights: Some(&weights),
            clusters: None,
            ..Design::default()
        },
        Design {
            weights: Some(&weights),
            clusters: Some(&clusters),
            ..Design::default()
        },
    ] {
        for (log_q, cov) in [(-1.0, 0.0), (-9.0, 1.0)] {
            let point = coverage_profile(&[-1.0; 20], &[log_q; 20], &design, &[level(2.0)], 0.95)
                .unwrap()
                .points[0];
            assert_eq!(point.cov, cov);
            assert!(
                0.0 <= point.low && point.high <= 1.0 && point.high - point.low > 0.1,
                "{point:?}"
            );
            assert!(point.low == 0.0 || point.high == 1.0);
        }
    }
}

#[test]
fn equal_weights_and_singleton_clusters_are_no_design() {
    let (log_p, log_q) = ([-1.0; 6], [-1.0, -4.0, -2.0, -8.0, -1.5, -3.0]);
    let same = Design {
        weights: Some(&[0.7; 6]),
        clusters: Some(&[9, 3, 4, 1, 0, 77]),
        ..Design::default()
    };
    let of =
        |design: &Design| coverage_profile(&log_p, &log_q, design, &[level(3.0)], 0.9).unwrap();
    assert_eq!(of(&same), of(&IID));
    assert_eq!(of(&same).method, "Clopper-Pearson limits, DKW band");
}

#[test]
fn weights_at_the_ends_of_f64_are_ratios_like_any_others() {
    let (log_p, log_q) = ([-1.0; 5], [-1.0, -4.0, -2.0, -8.0, -1.5]);
    let of = |scale: f64| {
        let weights = [1.0, 2.0, 3.0, 1.0, 1.5].map(|w| w * scale);
        let design = Design {
            weights: Some(&weights),
            clusters: None,
            ..Design::default()
        };
        let profile = coverage_profile(&log_p, &log_q, &design, &[level(3.0)], 0.9).unwrap();
        let found = tournament(&[&log_p, &log_q], &design, level(3.0), 0.9).unwrap();
        (
            profile,
            found,
            kl(&log_p, &log_q, &design, 0.9).unwrap(),
            cross_entropy(&log_q, &design, 0.9).unwrap(),
        )
    };
    assert_eq!(of(1.0), of(2.0_f64.powi(1021)));
    assert_eq!(of(1.0), of(2.0_f64.powi(-1000)));
}

#[test]
fn infinite_kl_and_cross_entropy_are_certain() {
    let found = kl(&[-1.0, -1.0], &[-1.0, -INF], &IID, 0.95).unwrap();
    assert_eq!((found.value, found.low, found.high), (INF, INF, INF));
    let found = cross_entropy(&[-1.0, -INF], &IID, 0.95).unwrap();
    assert_eq!((found.value, found.low, found.high), (INF, INF, INF));
    assert_eq!(
        kl(&[-INF, -1.0], &[-INF, -1.0], &IID, 0.95).unwrap().value,
        0.0
    );
}

#[test]
fn refusals_say_where_and_what() {
    let levels = [level(2.0)];
    let profile =
        |p: &[f64], q: &[f64], design: &Design| coverage_profile(p, q, design, &levels, 0.95);
    assert_eq!(
        message(profile(&[], &[], &IID)),
        "the set of rows is empty: at least one row is needed"
    );
    assert_eq!(
        message(profile(&[-1.0], &[-1.0, -1.0], &IID)),
        "log_q has 2 rows but log_p has 1: rows must be aligned one to one"
    );
    assert_eq!(
        message(profile(&[-1.0, -1.0], &[-1.0, f64::NAN], &IID)),
        "log_q, row 1: NaN is not a log-probability: neither in [-1e30, 0] nor -inf; give natural logs of probabilities"
    );
    assert_eq!(
        message(profile(&[0.5], &[-1.0], &IID)),
        "log_p, row 0: 0.5 is not a log-probability: neither in [-1e30, 0] nor -inf; give natural logs of probabilities"
    );
    for weight in [0.0, -1.0, f64::NAN, INF] {
        let weights = [1.0, weight];
        let found = message(profile(
            &[-1.0; 2],
            &[-1.0; 2],
            &Design {
                weights: Some(&weights),
                clusters: None,
                ..Design::default()
            },
        ));
        assert_eq!(
            found,
            format!(
                "weight {weight} in row 1 is not a positive finite number; drop rows that should not count"
            )
        );
    }
    let short = Design {
        weights: None,
        clusters: Some(&[1]),
        ..Design::default()
    };
    assert_eq!(
        message(profile(&[-1.0; 2], &[-1.0; 2], &short)),
        "design.clusters has 1 rows but the data has 2: rows must be aligned one to one"
    );
    assert_eq!(
        message(cross_entropy(&[-1.0], &IID, 1.0)),
        "confidence 1 is not strictly between 0 and 1; 0.95 is usual"
    );
    assert_eq!(
        message(cross_entropy(&[-1.0], &IID, f64::NAN)),
        "confidence NaN is not strictly between 0 and 1; 0.95 is usual"
    );
    assert_eq!(
        message(kl(&[-INF], &[-2.0], &IID, 0.95)),
        "row 0: log p is -inf but log q is -2; KL needs a reference that gives every row a positive probability"
    );
    assert_eq!(
        message(tournament(&[], &IID, levels[0], 0.95)),
        "the set of models is empty: at least one row is needed"
    );
    assert_eq!(
        message(tournament(&[&[-1.0, -1.0], &[-1.0]], &IID, levels[0], 0.95)),
        "column 1 has 1 rows but column 0 has 2: rows must be aligned one to one"
    );
}

#[test]
fn pass_refusals() {
    assert_eq!(
        message(pass_at_k(4, 5, 1)),
        "5 correct of 4 samples: the correct ones cannot be more than all"
    );
    assert_eq!(
        message(pass_at_k(4, 2, 0)),
        "k = 0 is no number of attempts; k starts at 1"
    );
    assert_eq!(
        message(best_of_k(&[0.5, 1.5], 1)),
        "sample 1: reward 1.5 is not in [0, 1]; map rewards to that range, and remove samples without \
         one"
    );
    assert!(best_of_k(&[f64::NAN], 1).is_err() && best_of_k(&[], 1).is_err());
    let prompts = [
        PromptOutcome::Counts { n: 8, c: 1 },
        PromptOutcome::Rewards(vec![0.0; 3]),
    ];
    assert_eq!(
        message(pass_at_k_estimate(&prompts, &Design::default(), 4, 0.95)),
        "prompt 1: 3 samples cannot give an unbiased estimate at k = 4; draw more samples or ask for a smaller k"
    );
    assert!(pass_at_k_estimate(&[], &Design::default(), 1, 0.95).is_err());
    assert!(clopper_pearson(0, 0, 0.95).is_err() && clopper_pearson(2, 1, 0.95).is_err());
}

#[test]
fn pass_at_the_ends() {
    assert_eq!(
        (
            pass_at_k(7, 0, 7).unwrap(),
            pass_at_k(7, 7, 1).unwrap(),
            pass_at_k(7, 1, 7).unwrap()
        ),
        (0.0, 1.0, 1.0)
    );
    for (log_q, n, expected) in [
        (0.0, 3.0, 1.0),
        (-INF, 3.0, 0.0),
        (-2.0, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        (-20.0, INF, 1.0),
    ] {
        assert_eq!(pass_at_n_exact(log_q, n).unwrap(), expected, "{log_q} {n}");
    }
    assert_eq!(pass_at_n_exact(1e-3, 3.0).unwrap(), 1.0); // rounding
    for log_q in [f64::NAN, 0.0011, INF] {
        let found = pass_at_n_exact(log_q, 3.0);
        assert!(
            matches!(found, Err(Error::InvalidLogProb { .. })),
            "{log_q}"
        );
    }
    assert!(matches!(
        pass_at_n_exact(-1.0, f64::NAN),
        Err(Error::InvalidAttempts(_))
    ));
    let solved: Vec<PromptOutcome> = (0..30)
        .map(|_| PromptOutcome::Counts { n: 8, c: 8 })
        .collect();
    let found = pass_at_k_estimate(&solved, &Design::default(), 4, 0.95).unwrap();
    // Exactly Clopper-Pearson's for 30 of 30 prompts, however many samples there were.
    assert_eq!((found.value, found.high), (1.0, 1.0));
    assert!((found.low - clopper_pearson(30, 30, 0.95).unwrap().0).abs() < 1e-12);
    let one = pass_at_k_estimate(&solved[..1], &Design::default(), 4, 0.95).unwrap();
    assert!((one.low - 0.025).abs() < 1e-12);
}

#[test]
fn bounds_outside_their_domain_are_none_and_never_above_one() {
    assert_eq!(bound::coverage_upper_from_kl(1.0, level(2.0)), None);
    assert_eq!(bound::coverage_upper_from_kl_sharp(1.0, level(1.9)), None);
    assert_eq!(
        bound::coverage_lower_from_kl_bernoulli(1.0, level(1.0)),
        None
    );
    assert_eq!(
        bound::coverage_upper_from_kl_sharp(f64::NAN, level(4.0)),
        None
    );
    assert_eq!(bound::coverage_upper_from_kl_sharp(-0.1, level(4.0)), None);
    assert_eq!(
        bound::coverage_upper_from_kl_sharp(INF, level(4.0)),
        Some(1.0)
    );
    assert_eq!(
        bound::coverage_upper_from_kl_sharp(0.0, level(4.0)),
        Some(0.0)
    );
}

#[test]
fn a_model_without_rivals() {
    let found = tournament(&[&[-1.0, -2.0]], &IID, level(2.0), 0.95).unwrap();
    let only = &found.standings[0];
    assert_eq!(
        (only.rank, only.value, only.worst_rival, only.low, only.high),
        (1, 0.0, None, 0.0, 0.0)
    );
    assert_eq!(
        (found.winner, &found.tied[..], &found.not_excluded[..]),
        (0, &[0][..], &[0][..])
    );
    assert_eq!((only.cross_entropy, only.certified_low), (1.5, 0.0));
}

#[test]
fn ties_go_to_the_lower_cross_entropy_and_then_to_the_first() {
    let (a, b) = ([-2.0, -2.0, -2.5], [-2.0, -2.0, -2.4]);
    let found = tournament(&[&a, &b, &b], &IID, level(4.0), 0.95).unwrap();
    assert_eq!(
        (found.winner, &found.ranking[..], &found.tied[..]),
        (1, &[1, 2, 0][..], &[0, 1, 2][..])
    );
    assert_eq!(
        (found.cross_entropy_winner, found.standings[0].rank),
        (1, 3)
    );
    assert_eq!(found.standings[0].worst_rival, Some(1));
}

#[test]
fn the_kernel_refuses_what_the_tournament_refuses() {
    use breadth_stats::{RivalCounts, minimax, rival_counts_at};
    let (good, nan, short) = ([-1.0, -2.0], [-1.0, f64::NAN], [-1.0]);
    let (none, no_rows): (&[&[f64]], &[&[f64]]) = (&[], &[&[], &[]]);
    let at = level(2.0);
    for (columns, weights) in [
        (&[&good[..], &nan[..]][..], None),
        (&[&good[..], &short[..]], None),
        (&[&good[..], &good[..]], Some(&[1.0][..])),
        (&[&good[..], &good[..]], Some(&[1.0, f64::NAN])),
        (none, None),
        (no_rows, None),
    ] {
        let expected = rival_counts(columns, weights, at).unwrap_err().to_string();
        assert_eq!(
            minimax(columns, weights, at).unwrap_err().to_string(),
            expected
        );
        let found = rival_counts_at(columns, weights, &[at]).unwrap_err();
        assert_eq!(found.to_string(), expected);
    }
    assert_eq!(
        rival_counts(&[&good, &nan], None, at)
            .unwrap_err()
            .to_string(),
        "column 1, row 1: NaN is not a log-probability: neither in [-1e30, 0] nor -inf; give natural logs of probabilities"
    );
    let mut counts = RivalCounts::new(2, &[at]);
    assert!(counts.add(&[&good]).is_err() && counts.add(&[&good, &nan]).is_err());
    assert!(counts.add(&[&good, &short]).is_err());
    assert_eq!(counts.rows(), 0);
    counts.add(&[&[], &[]]).unwrap();
    counts.add(&[&good, &good]).unwrap();
    assert_eq!((counts.rows(), counts.share(0, 0, 1)), (2, 0.0)); // ties are no lead
    assert_eq!(minimax(&[&good], None, at).unwrap().models, [0]);
}

#[test]
fn named_cases_of_finite_distributions() {
    use breadth_stats::finite::{coverage, hellinger_squared, kl as divergence};
    let all = |p: &[f64], q: &[f64]| {
        [
            coverage(p, q, level(2.0)),
            divergence(p, q),
            hellinger_squared(p, q),
        ]
    };
    assert_eq!(all(&[], &[]), [Ok(0.0), Ok(0.0), Ok(0.0)]);
    assert_eq!(all(&[1.0], &[1.0]), [Ok(0.0), Ok(0.0), Ok(0.0)]);
    assert_eq!(all(&[1.0], &[0.0]), [Ok(1.0), Ok(INF), Ok(0.5)]);
    for found in all(&[0.5, 0.5], &[1.0]) {
        assert!(matches!(found, Err(Error::LengthMismatch { .. })));
    }
    for bad in [f64::NAN, -0.1, INF] {
        let refused = all(&[0.5, 0.5], &[0.5, bad]).into_iter();
        for found in refused.chain(all(&[bad], &[1.0])) {
            assert!(
                matches!(found, Err(Error::InvalidProbability { .. })),
                "{bad}"
            );
        }
    }
}

#[test]
fn impossible_responses_in_a_tournament() {
    let (a, b, c) = ([-1.0, -INF, -INF], [-1.0, -INF, -3.0], [-1.0, -2.0, -3.0]);
    assert_eq!(
        rival_counts(&[&a, &b, &c], None, level(1e9)).unwrap(),
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 2.0, 1.0, 0.0]
    );
    // At N = 1 ties count on both sides, and two zeros are a tie.
    assert_eq!(
        rival_counts(&[&a, &b, &c], None, level(1.0)).unwrap(),
        [0.0, 2.0, 1.0, 3.0, 0.0, 2.0, 3.0, 3.0, 0.0]
    );
    let found = tournament(&[&a, &b, &c], &IID, level(2.0), 0.95).unwrap();
    assert_eq!((found.winner, found.standings[0].cross_entropy), (2, INF));
    assert!(
        found
            .standings
            .iter()
            .all(|s| !s.low.is_nan() && !s.high.is_nan() && s.low <= s.value && s.value <= s.high)
    );
}

#[test]
fn a_clearly_worse_model_is_excluded_and_certified() {
    let good: Vec<f64> = (0..200)
        .map(|row| -3.0 - 0.1 * f64::from(row % 5))
        .collect();
    let close: Vec<f64> = good.iter().map(|v| v - 0.01).collect();
    let bad: Vec<f64> = good
        .iter()
        .enumerate()
        .map(|(row, v)| if row % 2 == 0 { v - 20.0 } else { *v })
        .collect();
    let found = tournament(&[&bad, &good, &close], &IID, level(4.0), 0.95).unwrap();
    assert_eq!(found.not_excluded, [1, 2]);
    let bad = &found.standings[0];
    assert_eq!((bad.value, bad.rank), (0.5, 3));
    // Half of the rows are lost by e^20: certain for all but sampling error and a slack of 1/256 or
    // so.
    assert!(
        bad.certified_low > 0.38 && bad.certified_low < 0.5,
        "{}",
        bad.certified_low
    );
    assert!(found.standings[1].certified_low == 0.0 && found.standings[1].certified_high == 1.0);
}

/// Whatever model and level are picked: the limits are those of one tournament at the error that is
/// left for each.
#[test]
fn limits_along_a_landscape_hold_for_all_models_and_levels_at_once() {
    let value = |model: usize, row: usize| if row % 5 == model { -30.0 } else { -1.0 };
    let columns: Vec<Vec<f64>> = (0..3)
        .map(|model| (0..400).map(|row| value(model, row)).collect())
        .collect();
    let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let levels = [level(2.0), level(100.0)];
    let along = breadth_stats::landscape(&slices, &IID, &levels, 0.95).unwrap();
    for (found, at) in along.iter().zip(levels) {
        let alone = tournament(&slices, &IID, at, 1.0 - 0.05 / 6.0).unwrap();
        let plain = tournament(&slices, &IID, at, 0.95).unwrap();
        for q in 0..3 {
            let low = found.standings[q].certified_low;
            assert!((low - alone.standings[q].certified_low).abs() < 1e-9);
            assert!(low < plain.standings[q].certified_low);
        }
    }
    assert!(
        breadth_stats::landscape(&slices, &IID, &[], 0.95)
            .unwrap()
            .is_empty()
    );
    assert!(breadth_stats::landscape(&slices, &IID, &levels, 1.0).is_err());
    assert!(breadth_stats::landscape(&[&[f64::NAN]], &IID, &levels, 0.95).is_err());
}

#[test]
fn levels_of_a_landscape() {
    use breadth_stats::{landscape, landscape_levels};
    assert!(landscape_levels(&[], 5).len() <= 1);
    assert_eq!(
        landscape_levels(&[&[-1.0, -2.0], &[-1.0, -2.0]], 5).len(),
        1
    ); // all alike
    assert_eq!(landscape_levels(&[&[-1.0], &[-INF]], 5).len(), 1); // an infinite gap is no level
    assert_eq!(landscape_levels(&[&[-1.0], &[-9.0]], 0).len(), 0);
    let levels = landscape_levels(&[&[-1.0; 3000], &[-9.0; 3000]], 4);
    assert_eq!(levels.len(), 4);
    assert!(
        levels
            .windows(2)
            .all(|pair| pair[0].log_n() < pair[1].log_n())
    );
    let fought = landscape(&[&[-1.0], &[-9.0]], &IID, &levels, 0.95).unwrap();
    assert!(fought.iter().all(|one| one.winner == 0));
}
