//! From the Hellinger distance to coverage (Lemma D.4).

use breadth_stats::{Level, bound};

use crate::check::{Check, WorstRatio};
use crate::law::{bernoulli, coverage, hellinger_squared, level, pairs};
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "d4",
    paper: "Lemma D.4",
    title: "from the Hellinger distance to coverage",
    claim: "Cov_N <= 2N / (sqrt N - 1)^2 * H2 for N > 1.",
    correction: None,
    cost: 0.05,
    run: Run::Computed(run),
};

fn run(size: Size, seed: u64) -> Vec<Check> {
    let bound = bound::coverage_upper_from_hellinger;
    vec![at_random(seed, size.seeds(20_000), bound), extremal(bound)]
}

/// An upper bound on coverage from H2 and N.
type Bound = fn(f64, Level) -> Option<f64>;

fn at_random(seed: u64, count: u64, bound: Bound) -> Check {
    let mut worst = WorstRatio::default();
    for pair in pairs("d4", seed, count) {
        let h2 = hellinger_squared(&pair.p, &pair.q);
        if let Some(most) = bound(h2, level(pair.log_n)).filter(|&most| most < 1.0) {
            let cov = coverage(&pair.p, &pair.q, pair.log_n);
            worst.see(cov, most, || pair.to_string());
        }
    }
    Check::inequality("coverage over bound, random laws", &worst)
}

fn extremal(bound: Bound) -> Check {
    let mut rows = Table::new(["s", "N", "ratio"]).drawn(Plot::log_x("s", "ratio").by("N"));
    let mut least = f64::INFINITY;
    for n in [4.0, 8.0, 64.0, 4096.0_f64] {
        for s in [0.5, 0.1, 0.01, 1e-3, 1e-4] {
            let (p, q) = (bernoulli(s), bernoulli(s / n));
            let most = bound(hellinger_squared(&p, &q), level(n.ln())).unwrap_or(f64::NAN);
            let ratio = coverage(&p, &q, n.ln()) / most;
            rows.numeric_row([s, n, ratio]);
            if s == 1e-4 {
                least = least.min(ratio);
            }
        }
    }
    Check::tight(
        "smallest extremal ratio, s = 1e-4",
        least,
        (0.9999, 1.0 + 1e-9),
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
        assert!(
            (0.9..=1.0).contains(&checks[0].measured),
            "{}",
            checks[0].measured
        );
        let ratios = checks[1].rows.numbers("ratio");
        for (i, pilot) in [0.99994, 0.99995, 0.99997, 0.99997].into_iter().enumerate() {
            assert_near("s = 1e-4", ratios[5 * i + 4], pilot, 6e-6);
        }
    }

    /// N/(sqrt N - 1)^2, without the 2 that H2's 1/2 brings.
    #[test]
    fn half_the_constant_fails() {
        let wrong: Bound = |h2, level| bound::coverage_upper_from_hellinger(h2 / 2.0, level);
        assert_eq!(at_random(0, 20_000, wrong).verdict, Verdict::Fails);
        assert_eq!(extremal(wrong).verdict, Verdict::Fails);
    }
}
