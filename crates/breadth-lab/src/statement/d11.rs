//! A lower bound on coverage from Hellinger distances (Lemma D.11).

use breadth_stats::bound;
use breadth_stats::interval::at_most;
use rand::RngExt;

use crate::check::{Check, WorstRatio};
use crate::law::{Leaf, bernoulli, coin_coverage, hellinger_squared, tree_coverage, trees};
use crate::random::stream;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "d11",
    paper: "Lemma D.11",
    title: "a lower bound from Hellinger distances",
    claim: "Cov_N >= P_p(sum_h H2_h >= log(N/d)) - d.",
    correction: Some(
        "The proof bounds half the log-ratio, so it gives the same for Cov at N^2, which is \
         checked too.",
    ),
    cost: 0.1,
    run: Run::Computed(run),
};

fn run(size: Size, seed: u64) -> Vec<Check> {
    let trees = (seed, size.seeds(6_000));
    vec![
        at_random("bound over Cov_N, random trees", trees, 1.0),
        at_random("bound over Cov at N^2, random trees", trees, 2.0),
        long_responses(0.5, 0.05),
    ]
}

/// `power`: at which power of N the coverage must be above the bound.
fn at_random(name: &str, (seed, count): (u64, u64), power: f64) -> Check {
    let mut rng = stream("d11", "levels", seed, 0);
    let mut worst = WorstRatio::default();
    for tree in trees("d11", seed, count) {
        let log_n = rng.random_range(0.0..1.5);
        let d = rng.random_range(0.05_f64.ln()..0.6_f64.ln()).exp();
        let needed = log_n - f64::ln(d);
        let far: f64 = tree
            .iter()
            .filter(|leaf| leaf.hellinger >= needed)
            .map(p)
            .sum();
        let least = bound::coverage_lower_from_hellinger(far.min(1.0), d).unwrap_or(f64::NAN);
        // At 0 the bound says nothing; NaN is never skipped.
        if least.is_nan() || least > 0.0 {
            let cov = tree_coverage(&tree, power * log_n);
            worst.see(least, cov, || format!("log N = {log_n}, d = {d}, {tree:?}"));
        }
    }
    Check::inequality(name, &worst)
}

fn p(leaf: &Leaf) -> f64 {
    leaf.p
}

/// How far the bound is from the truth on 200 independent tokens, Ber(p) against Ber(q): the true
/// 95% level over the one at which the bound says 95%, both as log N.
fn long_responses(p: f64, q: f64) -> Check {
    const HORIZON: u64 = 200;
    const D: f64 = 0.05;
    let mut rows = Table::new(["log N", "bound", "uncovered less, N", "uncovered less, N^2"])
        .drawn(Plot::linear("log N", "bound"));
    let summed = HORIZON as f64 * hellinger_squared(&bernoulli(p), &bernoulli(q));
    let bound_level = summed + f64::ln(D);
    for step in 0..=10 {
        let log_n = 2.0 * bound_level * f64::from(step) / 10.0;
        let share = if summed >= log_n - f64::ln(D) {
            1.0
        } else {
            0.0
        };
        let least = bound::coverage_lower_from_hellinger(share, D).unwrap_or(f64::NAN);
        let missing = |power: f64| covered(HORIZON, p, q, power * log_n);
        rows.numeric_row([log_n, least, missing(1.0), missing(2.0)]);
    }
    let truth = true_level(HORIZON, p, q, 1.0 - D);
    Check::tight(
        "log N of the 95% level, truth over bound",
        truth / bound_level,
        (4.6, 4.9),
    )
    .noting(format!(
        "the bound says log N = {bound_level:.2}, the truth is {truth:.2}"
    ))
    .with_rows(rows)
}

/// `1 - Cov_N` of coins, exact where it is tiny.
fn covered(horizon: u64, p: f64, q: f64, log_n: f64) -> f64 {
    let (heads, tails) = ((p / q).ln(), ((1.0 - p) / (1.0 - q)).ln());
    let threshold =
        (log_n - breadth_stats::numerics::TOLERANCE - horizon as f64 * tails) / (heads - tails);
    // Covered: fewer heads than the threshold, for p > q.
    at_most(threshold.ceil() - 1.0, horizon, p)
}

/// The largest log N at which the coverage is still `share`.
fn true_level(horizon: u64, p: f64, q: f64, share: f64) -> f64 {
    let (heads, tails) = ((p / q).ln(), ((1.0 - p) / (1.0 - q)).ln());
    let of_heads = |k: u64| k as f64 * heads + (horizon - k) as f64 * tails;
    let is_covered = |&k: &u64| coin_coverage(horizon, p, q, of_heads(k).max(0.0)) >= share;
    (0..=horizon)
        .rev()
        .find(is_covered)
        .map_or(f64::NAN, of_heads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        for check in &checks[..2] {
            let note = check.note.as_deref().unwrap();
            let instances: u64 = note.split(' ').nth(2).unwrap().parse().unwrap();
            assert!(
                instances > 300,
                "only {instances} trees where the bound says something"
            );
        }
        assert_near(
            "log N of the truth",
            true_level(200, 0.5, 0.05, 0.95),
            130.7,
            0.05,
        );
        assert_near("truth over bound", checks[2].measured, 4.7, 0.06);
        assert_near("1 - Cov_N", covered(200, 0.5, 0.05, 27.5), 3.6e-12, 5e-14);
        assert_near("1 - Cov_N^2", covered(200, 0.5, 0.05, 55.0), 4e-8, 5e-9);
        let complement = 1.0 - coin_coverage(200, 0.5, 0.05, 100.0);
        assert_near(
            "complement",
            covered(200, 0.5, 0.05, 100.0),
            complement,
            1e-12,
        );
    }

    #[test]
    fn a_power_of_eight_fails() {
        assert_eq!(at_random("", (0, 6_000), 8.0).verdict, Verdict::Fails);
    }
}
