//! From KL to coverage (Prop 3.1, Lemma D.1).

use breadth_stats::{Level, bound};

use crate::check::{Check, WorstRatio};
use crate::law::{bernoulli, coverage, divergence, level, pairs};
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "d1",
    paper: "Prop 3.1, Lemma D.1",
    title: "from KL to coverage",
    claim: "Cov_N <= KL / (log N - 1 + 1/N) for N >= 2, hence KL / log(N/e) for N > e.",
    correction: Some("Printed for N >= e, where the second form divides by 0; N > e is meant."),
    cost: 0.05,
    run: Run::Computed(run),
};

fn run(size: Size, seed: u64) -> Vec<Check> {
    let pairs = size.seeds(20_000);
    vec![
        at_random(
            "coverage over bound, random laws (D.1)",
            (seed, pairs),
            bound::coverage_upper_from_kl_sharp,
        ),
        at_random(
            "coverage over bound, random laws (3.1)",
            (seed, pairs),
            bound::coverage_upper_from_kl,
        ),
        extremal(bound::coverage_upper_from_kl_sharp),
    ]
}

/// An upper bound on coverage from the KL and N.
type Bound = fn(f64, Level) -> Option<f64>;

/// The worst ratio over the random pairs for which the bound says anything.
fn at_random(name: &str, (seed, count): (u64, u64), bound: Bound) -> Check {
    let mut worst = WorstRatio::default();
    for pair in pairs("d1", seed, count) {
        let kl = divergence(&pair.p, &pair.q);
        if let Some(most) = bound(kl, level(pair.log_n)).filter(|&most| most < 1.0) {
            let cov = coverage(&pair.p, &pair.q, pair.log_n);
            worst.see(cov, most, || pair.to_string());
        }
    }
    Check::inequality(name, &worst)
}

/// p = Ber(s), q = Ber(s/N): the ratio at s = 1e-4, and the way there.
fn extremal(bound: Bound) -> Check {
    let mut rows = Table::new(["s", "N", "ratio"]).drawn(Plot::log_x("s", "ratio").by("N"));
    let mut least = f64::INFINITY;
    for n in [4.0, 8.0, 64.0, 4096.0_f64] {
        for s in [0.5, 0.1, 0.01, 1e-3, 1e-4] {
            let (p, q) = (bernoulli(s), bernoulli(s / n));
            let most = bound(divergence(&p, &q), level(n.ln())).unwrap_or(f64::NAN);
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
        // The pilot's largest ratio at random was .946, over other draws.
        assert!(
            (0.85..=1.0).contains(&checks[0].measured),
            "{}",
            checks[0].measured
        );
        let ratios = checks[2].rows.numbers("ratio");
        for (i, [half, small]) in [
            [0.770, 0.99996],
            [0.830, 0.99997],
            [0.914, 0.99998],
            [0.960, 0.99999],
        ]
        .into_iter()
        .enumerate()
        {
            assert_near("s = 1/2", ratios[5 * i], half, 5e-4);
            assert_near("s = 1e-4", ratios[5 * i + 4], small, 5e-6);
        }
    }

    #[test]
    fn log_n_alone_in_the_denominator_fails() {
        let wrong: Bound = |kl, level| Some((kl / level.log_n()).min(1.0));
        assert_eq!(at_random("", (0, 20_000), wrong).verdict, Verdict::Fails);
        assert_eq!(extremal(wrong).verdict, Verdict::Fails);
    }

    /// The paper prints N >= e, where log(N/e) = 0.
    #[test]
    fn the_printed_range_includes_a_division_by_zero() {
        assert_eq!(bound::coverage_upper_from_kl(0.5, level(1.0)), None);
        assert!(bound::coverage_upper_from_kl(0.5, level(1.0 + 1e-12)).is_some());
    }
}
