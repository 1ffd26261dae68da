//! The numbers of SciPy and NumPy (made by scripts/golden_stats.py) and those of the mathematics,
//! section 9.

use std::collections::BTreeMap;

use breadth_stats::interval::clopper_pearson;
use breadth_stats::{
    Design, Level, best_of_k, bound, coverage_profile, cross_entropy, kl, pass_at_k,
    pass_at_n_exact,
};

fn table(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .skip(1)
        .map(|line| line.split(',').collect())
        .collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64, what: &dyn std::fmt::Debug) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what:?}: {found}, expected {expected}"
    );
}

#[test]
fn clopper_pearson_is_scipys() {
    for row in table(include_str!(
        "../../../tests/golden/stats/clopper_pearson.csv"
    )) {
        let (low, high) = clopper_pearson(
            row[0].parse().unwrap(),
            row[1].parse().unwrap(),
            number(row[2]),
        )
        .unwrap();
        assert_close(low, number(row[3]), 1e-9 * number(row[3]), &row);
        assert_close(high, number(row[4]), 1e-9 * number(row[4]), &row);
    }
}

#[test]
fn pass_at_k_is_scipys_hypergeometric() {
    for row in table(include_str!("../../../tests/golden/stats/pass_at_k.csv")) {
        let found = pass_at_k(
            row[0].parse().unwrap(),
            row[1].parse().unwrap(),
            row[2].parse().unwrap(),
        )
        .unwrap();
        assert_close(found, number(row[3]), 1e-9 * number(row[3]), &row);
    }
}

#[test]
fn best_of_k_is_the_mean_over_all_subsets() {
    for row in table(include_str!("../../../tests/golden/stats/best_of_k.csv")) {
        let rewards: Vec<f64> = row[2].split(' ').map(number).collect();
        assert_close(
            best_of_k(&rewards, row[0].parse().unwrap()).unwrap(),
            number(row[1]),
            1e-12,
            &row,
        );
    }
}

/// The rows of a golden file by its first column.
fn cases<'a>(rows: &'a [Vec<&'a str>]) -> BTreeMap<&'a str, Vec<&'a Vec<&'a str>>> {
    let mut cases = BTreeMap::<_, Vec<_>>::new();
    for row in rows {
        cases.entry(row[0]).or_default().push(row);
    }
    cases
}

#[test]
fn cross_entropy_of_weighted_clusters_is_numpys() {
    let rows = table(include_str!(
        "../../../tests/golden/stats/cross_entropy.csv"
    ));
    for rows in cases(&rows).values() {
        let clusters: Vec<u32> = rows.iter().map(|row| row[2].parse().unwrap()).collect();
        let weights: Vec<f64> = rows.iter().map(|row| number(row[3])).collect();
        let log_q: Vec<f64> = rows.iter().map(|row| number(row[4])).collect();
        let design = Design {
            weights: Some(&weights),
            clusters: Some(&clusters),
            ..Design::default()
        };
        let found = cross_entropy(&log_q, &design, number(rows[0][1])).unwrap();
        assert_close(found.value, number(rows[0][5]), 1e-12, &rows[0]);
        assert_close(found.low, number(rows[0][6]).max(0.0), 1e-9, &rows[0]);
        assert_close(found.high, number(rows[0][7]), 1e-9, &rows[0]);
    }
}

#[test]
fn limits_of_weighted_clusters_are_numpys() {
    let rows = table(include_str!("../../../tests/golden/stats/share.csv"));
    for rows in cases(&rows).values() {
        let clusters: Vec<u32> = rows.iter().map(|row| row[1].parse().unwrap()).collect();
        let weights: Vec<f64> = rows.iter().map(|row| number(row[2])).collect();
        let log_q: Vec<f64> = rows
            .iter()
            .map(|row| if row[3] == "1" { -9.0 } else { -1.0 })
            .collect();
        let log_p = vec![-1.0; rows.len()];
        let design = Design {
            weights: Some(&weights),
            clusters: Some(&clusters),
            ..Design::default()
        };
        let levels = [Level::from_n(4.0).unwrap()];
        let point = coverage_profile(&log_p, &log_q, &design, &levels, 0.95)
            .unwrap()
            .points[0];
        assert_close(point.cov, number(rows[0][4]), 1e-12, &rows[0]);
        assert_close(point.low, number(rows[0][5]), 1e-9, &rows[0]);
        assert_close(point.high, number(rows[0][6]), 1e-9, &rows[0]);
    }
}

/// A distribution over few outcomes, as weighted rows: exact expectations.
fn exact(p: &[f64], q: &[f64], n: f64) -> (f64, f64) {
    let kept: Vec<usize> = (0..p.len()).filter(|&i| p[i] > 0.0).collect();
    let weights: Vec<f64> = kept.iter().map(|&i| p[i]).collect();
    let log = |of: &[f64]| -> Vec<f64> { kept.iter().map(|&i| of[i].ln()).collect() };
    let design = Design {
        weights: Some(&weights),
        clusters: None,
        ..Design::default()
    };
    let levels = [Level::from_n(n).unwrap()];
    let cov = coverage_profile(&log(p), &log(q), &design, &levels, 0.95)
        .unwrap()
        .points[0]
        .cov;
    (kl(&log(p), &log(q), &design, 0.95).unwrap().value, cov)
}

#[test]
fn section_9_lemma_d_2() {
    let (s, n) = (0.5, 8.0);
    let (kl, cov) = exact(&[s, 1.0 - s], &[s / n, 1.0 - s / n], n);
    let level = Level::from_n(n).unwrap();
    assert_close(cov, 0.5, 1e-12, &"Cov");
    assert_close(kl, 0.7254164, 1e-7, &"KL");
    assert_close(
        bound::coverage_lower_from_kl_bernoulli(kl, level).unwrap(),
        0.441804,
        1e-6,
        &"D.2",
    );
    assert_close(
        bound::coverage_upper_from_kl_sharp(kl, level).unwrap(),
        0.602284,
        1e-6,
        &"D.1",
    );
    assert_close(
        bound::coverage_upper_from_kl(kl, level).unwrap(),
        0.672029,
        1e-6,
        &"Prop 3.1",
    );
}

#[test]
fn section_9_pass_at_k() {
    for ((n, c, k), expected) in [
        ((5, 2, 3), 0.9),
        ((200, 3, 100), 0.876884),
        ((10_000, 1, 5000), 0.5),
    ] {
        assert_close(pass_at_k(n, c, k).unwrap(), expected, 5e-7, &(n, c, k));
    }
}

/// Classes 0.9 / 0.1, and a model that puts a on the first rule and 1 - a on the second.
#[test]
fn section_9_figure_1_in_closed_form() {
    for (a, kl_expected, pass_expected, cov_expected) in [
        (0.9, 0.325083, 0.956953, 0.1),
        (0.6, 0.551372, 0.997731, 0.0),
    ] {
        let design = Design {
            weights: Some(&[0.9, 0.1]),
            clusters: None,
            ..Design::default()
        };
        let (log_p, log_q) = ([0.0, 0.0], [f64::ln(a), f64::ln_1p(-a)]);
        let pass = 0.9 * pass_at_n_exact(log_q[0], 8.0).unwrap()
            + 0.1 * pass_at_n_exact(log_q[1], 8.0).unwrap();
        let levels = [Level::from_n(4.0).unwrap()];
        let cov = coverage_profile(&log_p, &log_q, &design, &levels, 0.95)
            .unwrap()
            .points[0]
            .cov;
        assert_close(
            kl(&log_p, &log_q, &design, 0.95).unwrap().value,
            kl_expected,
            1e-6,
            &a,
        );
        assert_close(pass, pass_expected, 1e-6, &a);
        assert_close(cov, cov_expected, 1e-12, &a);
    }
}

/// Figure 2's floor: 5% of the prompts end in a path that looks uniform over 2^(H/2); H = 8 sits on
/// the threshold of N = 16.
#[test]
fn section_9_figure_2_floor() {
    for (h, expected) in [(8, 0.1386), (16, 0.2773), (24, 0.4159)] {
        let log_q = -f64::from(h / 2) * 2.0_f64.ln();
        let design = Design {
            weights: Some(&[0.95, 0.05]),
            clusters: None,
            ..Design::default()
        };
        let levels = [Level::from_n(16.0).unwrap()];
        let cov = coverage_profile(&[0.0, 0.0], &[0.0, log_q], &design, &levels, 0.95)
            .unwrap()
            .points[0]
            .cov;
        assert_close(
            kl(&[0.0, 0.0], &[0.0, log_q], &design, 0.95).unwrap().value,
            expected,
            5e-5,
            &h,
        );
        assert_close(cov, 0.05, 1e-12, &h);
    }
}

/// Success rates that are Beta(0.5, 1.2): the mean of 1 - (1 - s)^k by the trapezoid rule in s =
/// sin^2.
#[test]
fn section_9_beta_distributed_success_rates() {
    let steps = 400_000;
    let density = |s: f64| (0.2 * (-s).ln_1p()).exp() / s.sqrt();
    let mean = |k: f64| {
        let (mut total, mut mass) = (0.0, 0.0);
        for i in 0..steps {
            let angle = (f64::from(i) + 0.5) / f64::from(steps) * std::f64::consts::FRAC_PI_2;
            let s = angle.sin().powi(2);
            let weight = density(s) * (2.0 * angle).sin();
            mass += weight;
            total += weight * pass_at_n_exact(s.ln(), k).unwrap();
        }
        total / mass
    };
    for (k, expected) in [
        (1.0, 0.294118),
        (8.0, 0.669271),
        (64.0, 0.877206),
        (1024.0, 0.969089),
    ] {
        assert_close(mean(k), expected, 1e-6, &k);
    }
}
