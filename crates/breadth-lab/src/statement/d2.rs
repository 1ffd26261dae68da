//! The conversion from KL to coverage is tight (Lemma D.2).

use breadth_stats::bound;

use crate::check::{Check, WorstRatio};
use crate::law::{bernoulli, coverage, divergence, level};
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "d2",
    paper: "Lemma D.2",
    title: "the conversion is tight",
    claim: "p = Ber(s), q = Ber(s/N), s <= 1/2: Cov_N = s >= KL / (log N - 1/2 + 1/(2N)).",
    correction: None,
    cost: 0.01,
    run: Run::Computed(run),
};

fn run(_: Size, _: u64) -> Vec<Check> {
    let lower = |kl, n: f64| bound::coverage_lower_from_kl_bernoulli(kl, level(n.ln()));
    vec![measure(|kl, n| lower(kl, n).unwrap_or(f64::NAN))]
}

/// `lower`: the claimed lower bound on coverage, from the KL and N.
fn measure(lower: impl Fn(f64, f64) -> f64) -> Check {
    let mut worst = WorstRatio::default();
    let mut rows = Table::new(["s", "N", "KL", "lower", "Cov"])
        .drawn(Plot::log("s", "Cov").by("N").against("lower"));
    for n in [4.0, 8.0, 64.0, 4096.0_f64] {
        for s in [0.5, 0.1, 0.01, 1e-4] {
            let (p, q) = (bernoulli(s), bernoulli(s / n));
            let (cov, kl) = (coverage(&p, &q, n.ln()), divergence(&p, &q));
            let bound = lower(kl, n);
            worst.see(bound, cov, || format!("s = {s}, N = {n}"));
            rows.numeric_row([s, n, kl, bound, cov]);
        }
    }
    Check::inequality("lower bound over coverage", &worst).with_rows(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let check = &assert_holds(&STATEMENT)[0];
        assert_eq!(check.rows.rows.len(), 16);
        let at = check
            .rows
            .numbers("N")
            .iter()
            .position(|&n| n == 8.0)
            .unwrap();
        assert_near("KL", check.rows.numbers("KL")[at], 0.7254164, 5e-8);
        assert_near("lower", check.rows.numbers("lower")[at], 0.4418041, 5e-8);
    }

    /// D.1's denominator instead of D.2's is an upper bound, not a lower one.
    #[test]
    fn a_wrong_formula_fails() {
        let check = measure(|kl, n: f64| kl / (n.ln() - 1.0 + 1.0 / n));
        assert_eq!(check.verdict, Verdict::Fails);
    }
}
