//! Coverage is necessary for Best-of-N (Prop D.7).

use breadth_stats::bound;
use rand::RngExt;

use crate::check::{Check, WorstRatio};
use crate::law::{best_of_n, coverage, pairs};
use crate::random::stream;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "d7",
    paper: "Prop D.7",
    title: "coverage is necessary for Best-of-N",
    claim: "With the reward 1[t/q >= 2N], Best-of-N has regret at least Cov_2N / 2.",
    correction: None,
    cost: 0.05,
    run: Run::Computed(run),
};

fn run(size: Size, seed: u64) -> Vec<Check> {
    let bound = bound::best_of_n_regret_lower;
    vec![at_random(seed, size.seeds(20_000), bound), extremal(bound)]
}

/// A lower bound on the regret from N and `Cov_2N`.
type Bound = fn(f64, f64) -> Option<f64>;

/// `(Cov_2N, regret)` for the reward of the statement.
fn regret(t: &[f64], q: &[f64], n: f64) -> (f64, f64) {
    let cov = coverage(t, q, (2.0 * n).ln());
    let is_uncovered = |(t, q): (&f64, &f64)| coverage(&[*t], &[*q], (2.0 * n).ln()) > 0.0;
    let rewards: Vec<f64> = t
        .iter()
        .zip(q)
        .map(|cell| f64::from(u8::from(is_uncovered(cell))))
        .collect();
    (cov, cov - best_of_n(q, &rewards, n))
}

fn at_random(seed: u64, count: u64, bound: Bound) -> Check {
    let mut rng = stream("d7", "samples", seed, 0);
    let mut worst = WorstRatio::default();
    for pair in pairs("d7", seed, count) {
        let n = rng.random_range(2_f64.ln()..8.0).exp().round();
        let (cov, found) = regret(&pair.p, &pair.q, n);
        if cov > 0.0 {
            let least = bound(n, cov).unwrap_or(f64::NAN);
            worst.see(least, found, || format!("N = {n}, {pair}"));
        }
    }
    Check::inequality("bound over regret, random laws", &worst)
}

/// One event of probability s under t, with a ratio of exactly 2N.
fn extremal(bound: Bound) -> Check {
    let mut rows = Table::new(["s", "N", "ratio"]).drawn(Plot::log_x("s", "ratio").by("N"));
    let mut largest = f64::NEG_INFINITY;
    for n in [2.0, 8.0, 64.0] {
        for s in [0.5, 0.1, 0.01, 0.001] {
            let (t, q) = ([1.0 - s, s], [1.0 - s / (2.0 * n), s / (2.0 * n)]);
            let (cov, found) = regret(&t, &q, n);
            let ratio = found / bound(n, cov).unwrap_or(f64::NAN);
            rows.numeric_row([s, n, ratio]);
            if s == 0.001 {
                largest = largest.max(ratio);
            }
        }
    }
    Check::tight(
        "largest extremal regret over bound, s = .001",
        largest,
        (1.0, 1.001),
    )
    .predicting(1.0)
    .with_rows(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        // The pilot's smallest regret was .5069 Cov_2N, over other draws: .5/.5069 = .986.
        assert!(
            (0.9..=1.0).contains(&checks[0].measured),
            "{}",
            checks[0].measured
        );
        let ratios = checks[1].rows.numbers("ratio");
        for (i, pilot) in [1.000125, 1.000219, 1.000246].into_iter().enumerate() {
            assert_near("s = .001", ratios[4 * i + 3], pilot, 6e-7);
        }
    }

    #[test]
    fn regret_of_the_whole_coverage_fails() {
        let wrong: Bound = |_, cov| Some(cov);
        assert_eq!(at_random(0, 20_000, wrong).verdict, Verdict::Fails);
        assert_eq!(extremal(wrong).verdict, Verdict::Fails);
    }
}
