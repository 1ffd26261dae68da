//! The two terms of the bound on maximum likelihood (Thm 4.1).

use crate::check::Check;
use crate::estimate::Estimate;
use crate::fit::probabilities_in_box;
use crate::law::{SignedCoins, binomial, coverage, lopsided, lopsided_unseen, multinomial};
use crate::slope::line;
use crate::statement::p41a::{self, Estimator};
use crate::statement::p41b::takes_tilted;
use crate::statement::seeds::{mean, replicates};
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

const ID: &str = "thm41";

pub(super) const STATEMENT: Statement = Statement {
    id: ID,
    paper: "Thm 4.1",
    title: "a fine term that falls with log N and a coarse one that does not",
    claim: "Cov_N of maximum likelihood is of order (1/log N) inf_e {log Ninf(e)/n + e} + (log \
            Ninf(c log N) + log 1/d)/n.",
    correction: None,
    cost: 0.2,
    run: Run::Computed(run),
};

const OUTCOMES: usize = 64;
const COINS: usize = 256;
/// log2 N: 8, 64, 4096, 2^24, 2^40.
const LOG2_LEVELS: [f64; 5] = [3.0, 6.0, 12.0, 24.0, 40.0];
/// Standard errors that a term must be away from 0.
const CLEARLY: f64 = 10.0;

fn run(size: Size, seed: u64) -> Vec<Check> {
    measure(size, seed, probabilities_in_box)
}

fn measure(size: Size, seed: u64, estimator: Estimator) -> Vec<Check> {
    let mut rows = Table::new(["n", "log N", "1/log N", "n Cov", "standard error"]).drawn(
        Plot::linear("1/log N", "n Cov")
            .by("n")
            .with_errors("standard error")
            .fitted(),
    );
    let mut checks = Vec::new();
    for n in size.grid(&[512, 4096]) {
        let mut columns = Vec::new();
        let mut inverse = Vec::new();
        for log_n in LOG2_LEVELS.map(|bits| bits * std::f64::consts::LN_2) {
            let found = scaled_coverage(size, seed, (n, log_n), estimator);
            let mean = Estimate::mean(&found);
            rows.numeric_row([
                n as f64,
                log_n,
                log_n.recip(),
                mean.value,
                mean.standard_error,
            ]);
            inverse.push(log_n.recip());
            columns.push(found);
        }
        checks.extend(terms(n, &inverse, &columns));
    }
    checks[0].rows = rows;
    checks
}

/// n Cov_N of maximum likelihood, data set by data set: half the prompts are those of Prop 4.1(a),
/// half those of Prop 4.1(b). The class is a product, so each half is fitted alone.
fn scaled_coverage(
    size: Size,
    seed: u64,
    (n, log_n): (u64, f64),
    estimator: Estimator,
) -> Vec<f64> {
    let half = n / 2;
    let p = &lopsided(OUTCOMES, half);
    let coins = SignedCoins::visible(COINS, half, log_n);
    let cell = format!("n={n}, log N={log_n:.2}");
    replicates((ID, &cell, seed), size.seeds(400), |rng| {
        let rows = binomial(rng, n, 0.5);
        let model = estimator(&multinomial(rng, rows, p), p41a::BOUND);
        let seen = SignedCoins {
            rows: n - rows,
            ..coins
        };
        let fine = if takes_tilted(&seen, rng) {
            coins.coverage_of_tilted(log_n)
        } else {
            0.0
        };
        0.5 * n as f64 * (coverage(p, &model, log_n) + fine)
    })
}

/// The line through n Cov against 1/log N: its intercept is the coarse term, its slope the fine.
fn terms(n: u64, inverse: &[f64], columns: &[Vec<f64>]) -> Vec<Check> {
    let of_set = |set: usize| {
        let ys: Vec<f64> = columns.iter().map(|column| column[set]).collect();
        let fit = line(inverse, &ys);
        (fit.intercept.value, fit.slope.value)
    };
    let (coarse, fine): (Vec<f64>, Vec<f64>) = (0..columns[0].len()).map(of_set).unzip();
    let half = n / 2;
    let predicted = half as f64 * lopsided_unseen(OUTCOMES, half);
    let away = |name: &str, values: &[f64]| {
        let found = Estimate::mean(values);
        let name = format!("{name} term in standard errors at n = {n}");
        Check::tight(
            name,
            found.value / found.standard_error,
            (CLEARLY, f64::INFINITY),
        )
    };
    if n < 4096 {
        // P(MLE is tilted) is still below 1.
        let fits = format!("n Cov = {:.2} + {:.2}/log N", mean(&coarse), mean(&fine));
        return vec![away("coarse", &coarse).noting(fits), away("fine", &fine)];
    }
    vec![
        Check::constant(format!("coarse term at n = {n}"), &coarse, predicted, 0.04),
        Check::constant(
            format!("fine term at n = {n}"),
            &fine,
            0.15 * COINS as f64,
            0.04,
        ),
        away("coarse", &coarse),
        away("fine", &fine),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near, named};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        let coarse = named(&checks, "coarse term at n = 4096").measured;
        let fine = named(&checks, "fine term at n = 4096").measured;
        assert_near("coarse", coarse, 12.02, 3.0 * 0.07);
        assert_near("fine", fine, 38.67, 3.0 * 0.28);
        let found = &checks[0].rows.numbers("n Cov")[5..];
        for (found, pilot) in found.iter().zip([30.65, 21.23, 16.75, 14.35, 13.40]) {
            assert_near("n Cov", *found, pilot, 3.0 * 0.08);
        }
    }

    #[test]
    fn add_one_smoothing_has_no_coarse_term() {
        let checks = measure(Size::Small, 0, p41a::add_one);
        assert_eq!(
            named(&checks, "coarse term at n = 4096").verdict,
            Verdict::Fails
        );
    }
}
