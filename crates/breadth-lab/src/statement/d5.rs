//! The chain rule of coverage (Prop D.5).

use breadth_stats::{Level, bound};
use rand::RngExt;

use crate::check::{Check, WorstRatio};
use crate::law::{coverage, law, level};
use crate::random::stream;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "d5",
    paper: "Prop D.5",
    title: "the chain rule",
    claim: "Cov_M1(t||q) <= M2 Cov_(M1/M2)(p||q) + Cov_M2(t||p).",
    correction: Some(
        "Strict and weak inequalities are mixed in print; with >= N everywhere it holds.",
    ),
    cost: 0.05,
    run: Run::Computed(run),
};

fn run(size: Size, seed: u64) -> Vec<Check> {
    let bound = bound::coverage_upper_chain_rule;
    vec![at_random(seed, size.seeds(20_000), bound), extremal(bound)]
}

/// An upper bound on `Cov_M1(t||q)` from M2, `Cov_{M1/M2}(p||q)` and `Cov_M2(t||p)`.
type Bound = fn(Level, f64, f64) -> Option<f64>;

/// The three laws and levels: `(Cov_M1(t||q), bound)`.
fn sides([t, p, q]: [&[f64]; 3], log_m1: f64, log_m2: f64, bound: Bound) -> (f64, f64) {
    let between = coverage(p, q, log_m1 - log_m2);
    let most = bound(level(log_m2), between, coverage(t, p, log_m2));
    (coverage(t, q, log_m1), most.unwrap_or(f64::NAN))
}

fn at_random(seed: u64, count: u64, bound: Bound) -> Check {
    let mut rng = stream("d5", "random triples", seed, 0);
    let mut worst = WorstRatio::default();
    for _ in 0..count {
        let outcomes = rng.random_range(2..9);
        let [t, p, q] = [(); 3].map(|()| law(&mut rng, outcomes));
        let log_m1 = rng.random_range(0.0..8.0);
        let log_m2 = log_m1 * rng.random::<f64>();
        let (cov, most) = sides([&t, &p, &q], log_m1, log_m2, bound);
        // At 1 the bound says nothing; NaN is never skipped.
        if most.is_nan() || most < 1.0 {
            worst.see(cov, most, || {
                format!("log M1 = {log_m1}, log M2 = {log_m2}, t = {t:?}, p = {p:?}, q = {q:?}")
            });
        }
    }
    Check::inequality("coverage over bound, random triples", &worst)
}

/// t has half its mass on an event S with t/p just below M2 and t/q = M1; elsewhere all agree.
fn extremal(bound: Bound) -> Check {
    const BELOW: f64 = 1.0 - 1e-6;
    let mut rows = Table::new(["M1", "M2", "ratio"]).drawn(Plot::log_x("M2", "ratio").by("M1"));
    let mut least = f64::INFINITY;
    for m1 in [1000.0, 1e6_f64] {
        for m2 in [2.0, 10.0, 100.0_f64] {
            let t = [0.5, 0.5];
            let p_on_s = 0.5 / (m2 * BELOW);
            let (p, q) = ([1.0 - p_on_s, p_on_s], [1.0 - 0.5 / m1, 0.5 / m1]);
            let (cov, most) = sides([&t, &p, &q], m1.ln(), m2.ln(), bound);
            rows.numeric_row([m1, m2, cov / most]);
            least = least.min(cov / most);
        }
    }
    Check::tight("smallest extremal ratio", least, (0.99999, 1.0 + 1e-9))
        .predicting(BELOW)
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
        assert!(
            (0.9..=1.0).contains(&checks[0].measured),
            "{}",
            checks[0].measured
        );
        for ratio in checks[1].rows.numbers("ratio") {
            assert_near("extremal", ratio, 0.999999, 5e-9);
        }
    }

    /// p is right one time in ten, t is p given that it is right.
    #[test]
    fn the_papers_example_costs_ten_times_the_coverage() {
        let (p, t) = ([0.002, 0.098, 0.9], [0.02, 0.98, 0.0]);
        let q = [0.002 / 50.0, 0.098, 0.9 + 0.002 * 0.98];
        let (log_m1, log_m2) = (200_f64.ln(), (10.0 + 1e-6_f64).ln());
        let (cov, most) = sides(
            [&t, &p, &q],
            log_m1,
            log_m2,
            bound::coverage_upper_chain_rule,
        );
        assert_near("Cov_M1(t||q)", cov, 0.02, 1e-12);
        assert_near("10 e", most, 10.0 * 0.002, 1e-8);
    }

    #[test]
    fn without_the_factor_m2_it_fails() {
        let wrong: Bound = |_, between, first| Some((between + first).min(1.0));
        assert_eq!(at_random(0, 20_000, wrong).verdict, Verdict::Fails);
        assert_eq!(extremal(wrong).verdict, Verdict::Fails);
    }
}
