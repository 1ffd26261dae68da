//! The case study: a frequency covers though its KL is infinite (Section 3).

use breadth_stats::interval::at_most;

use crate::check::Check;
use crate::slope::log_log;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "bernoulli",
    paper: "Section 3",
    title: "coverage of a frequency",
    claim: "p = Ber(s), model = the frequency of n draws: the KL is infinite with probability \
            (1-s)^n, yet with probability 1 - d, Cov_N is of order log(1/d)/n for every s and N.",
    correction: None,
    cost: 0.02,
    run: Run::Computed(run),
};

const LEVELS: [f64; 3] = [2.0, 8.0, 1e9];
/// d, and the n from which n s* is small against n.
const RISKS: [(f64, &[u64]); 2] = [
    (0.05, &[100, 300, 1_000, 3_000, 10_000, 30_000]),
    (0.001, &[1_000, 3_000, 10_000, 30_000, 100_000, 300_000]),
];
/// The constant of Chernoff's bound at N = 2.
const CEILING: f64 = 6.52;

fn run(size: Size, _: u64) -> Vec<Check> {
    measure(size, |n_s, level| n_s / level)
}

/// `most_seen(n s, N)`: the largest count of ones at which s is uncovered.
fn measure(size: Size, most_seen: fn(f64, f64) -> f64) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut largest = f64::NEG_INFINITY;
    for level in LEVELS {
        for (risk, sizes) in RISKS {
            let sizes = size.grid(sizes);
            let name = format!("N = {level}, d = {risk}");
            let scale = -risk.ln();
            let limit = worst_mean(f64::INFINITY, level, risk, most_seen) / scale;
            let mut rows = Table::new(["n", "s*", "n s* / log(1/d)", "limit"])
                .drawn(Plot::log("n", "s*").fitted());
            for &n in &sizes {
                let mean = worst_mean(n as f64, level, risk, most_seen);
                rows.numeric_row([n as f64, mean / n as f64, mean / scale, limit]);
                largest = largest.max(mean / scale);
            }
            let slope = log_log(&rows.numbers("n"), &rows.numbers("s*")).slope;
            let last = rows.numbers("n s* / log(1/d)").last().copied();
            let constant = last.unwrap_or(f64::NAN);
            checks.push(
                Check::slope(format!("slope of s* in n, {name}"), slope, (-1.02, -0.98))
                    .predicting(-1.0)
                    .with_rows(rows),
            );
            checks.push(within(format!("n s* / log(1/d), {name}"), constant, limit));
        }
        let expected = expected(30_000.0, level, most_seen);
        let limit = expected_limit(level);
        checks.push(within(
            format!("n sup_s E Cov, N = {level}"),
            expected,
            limit,
        ));
    }
    checks.push(Check::tight(
        "largest n s* / log(1/d)",
        largest,
        (0.0, CEILING),
    ));
    checks
}

fn within(name: String, measured: f64, limit: f64) -> Check {
    Check::tight(name, measured, (0.99 * limit, 1.01 * limit)).predicting(limit)
}

/// `P[count <= k]` for a count of mean `mean`: binomial in n trials, Poisson for infinite n.
fn count_at_most(k: f64, n: f64, mean: f64) -> f64 {
    if n.is_finite() {
        return at_most(k.floor(), n as u64, mean / n);
    }
    let (mut mass, mut sum) = ((-mean).exp(), 0.0);
    for j in 0..=k as u32 {
        sum += mass;
        mass *= mean / f64::from(j + 1);
    }
    sum
}

/// The pieces [from, to) of the mean n s on which the largest uncovered count is k: the probability
/// is a saw-tooth in s, which falls within each piece.
fn pieces(
    n: f64,
    level: f64,
    most_seen: fn(f64, f64) -> f64,
) -> impl Iterator<Item = (f64, f64, f64)> {
    // Beyond a mean of 60 log(1/d) nothing is left at N = 2.
    let last_mean = if n.is_finite() { 0.5 * n } else { 500.0 };
    let starts_at = move |k: f64| k * most_seen(1.0, level).recip();
    (0..500)
        .map(f64::from)
        .map(move |k| (k, starts_at(k), starts_at(k + 1.0).min(last_mean)))
        .take_while(move |piece| piece.1 < last_mean)
}

/// `n s*`: the largest mean at which s is uncovered with probability more than `risk`.
fn worst_mean(n: f64, level: f64, risk: f64, most_seen: fn(f64, f64) -> f64) -> f64 {
    let of_piece = |(k, from, to): (f64, f64, f64)| {
        if count_at_most(k, n, from) <= risk {
            return 0.0;
        }
        // The probability falls from `from` to `to`: the place where it reaches the risk.
        let (mut low, mut high) = (from, to);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if count_at_most(k, n, middle) > risk {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    };
    pieces(n, level, most_seen)
        .map(of_piece)
        .fold(0.0, f64::max)
}

/// `n sup_s E Cov_N = max_x x P[count <= x/N]`.
fn expected(n: f64, level: f64, most_seen: fn(f64, f64) -> f64) -> f64 {
    let of_piece = |(k, from, to): (f64, f64, f64)| {
        // x P[count <= k] is log-concave in x.
        let value = |x: f64| x * count_at_most(k, n, x);
        let (mut low, mut high) = (from, to);
        for _ in 0..60 {
            let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
            if value(a) < value(b) {
                low = a
            } else {
                high = b
            }
        }
        value(0.5 * (low + high))
    };
    pieces(n, level, most_seen)
        .take(60)
        .map(of_piece)
        .fold(0.0, f64::max)
}

/// The Poisson limit of [`expected`]: 1/e where only an unseen response is uncovered.
fn expected_limit(level: f64) -> f64 {
    expected(f64::INFINITY, level, |n_s, level| n_s / level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near, named};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        let slope = named(&checks, "slope of s* in n, N = 2, d = 0.05");
        assert_near("slope", slope.measured, -0.996, 6e-4);
        let (low, high) = slope.interval95.unwrap();
        assert_near("lower limit", low, -1.000, 6e-4);
        assert_near("upper limit", high, -0.992, 6e-4);
        for (name, pilot) in [
            ("n s* / log(1/d), N = 2, d = 0.05", 3.508),
            ("n s* / log(1/d), N = 2, d = 0.001", 4.722),
            ("n s* / log(1/d), N = 1000000000, d = 0.05", 0.999),
        ] {
            assert_near(name, named(&checks, name).measured, pilot, 1.5e-3);
        }
        // Attained at n s = 4, 52/e^4, where a tooth begins; the pilot's scan had .9511 beside it.
        let half = named(&checks, "n sup_s E Cov, N = 2");
        assert_near("E, N = 2", half.measured, 0.9511, 1.5e-3);
        assert_near(
            "its limit",
            half.predicted.unwrap(),
            52.0 * (-4.0_f64).exp(),
            1e-9,
        );
        for level in ["8", "1000000000"] {
            let check = named(&checks, &format!("n sup_s E Cov, N = {level}"));
            assert_near("E, N >= 8", check.measured, 0.36786, 2e-5);
        }
    }

    /// What the pilot had at n = 30,000.
    #[test]
    fn the_pilot_at_other_risks() {
        let constant = |level, risk: f64| {
            worst_mean(30_000.0, level, risk, |n_s, level| n_s / level) / -risk.ln()
        };
        assert_near("N = 8, d = .05", constant(8.0, 0.05), 0.999, 1.5e-3);
        assert_near("N = 8, d = .001", constant(8.0, 0.001), 1.335, 1.6e-3);
        assert_near("N = 2, d = .001", constant(2.0, 0.001), 4.720, 1.5e-3);
        assert_near("P(KL = inf)", at_most(0.0, 100, 0.01), 0.36603, 5e-6);
    }

    /// The specification scans a grid of 20,000 values of s.
    #[test]
    fn pieces_find_what_a_scan_finds() {
        for (level, risk) in [(2.0, 0.05), (2.0, 0.001), (8.0, 0.05), (8.0, 0.001)] {
            let n = 1000.0;
            let found = worst_mean(n, level, risk, |n_s, level| n_s / level);
            let mean = |i: u32| f64::from(i) * 60.0 / 20_000.0;
            let probability = |x: f64| count_at_most(x / level, n, x);
            let scanned = (1..20_000).map(mean).filter(|&x| probability(x) > risk);
            let scanned = scanned.fold(0.0, f64::max);
            assert!(
                (0.0..0.0031).contains(&(found - scanned)),
                "{found} {scanned}"
            );
            let value = |x: f64| x * probability(x);
            let scanned = (1..20_000).map(mean).map(value).fold(0.0, f64::max);
            let found = expected(n, level, |n_s, level| n_s / level);
            assert!(
                (-1e-9..0.003).contains(&(found - scanned)),
                "{found} {scanned}"
            );
        }
    }

    /// Uncovered already below n s / sqrt N.
    #[test]
    fn a_wrong_threshold_fails() {
        let checks = measure(Size::Small, |n_s, level| n_s / level.sqrt());
        assert!(checks.iter().any(|check| check.verdict == Verdict::Fails));
    }
}
