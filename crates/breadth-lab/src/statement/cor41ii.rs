//! The nonparametric rate (Cor 4.1(ii)).

use crate::check::Check;
use crate::estimate::Estimate;
use crate::law::SignedCoins;
use crate::statement::p41b::takes_tilted;
use crate::statement::seeds::{exponent, replicates};
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

const ID: &str = "cor41ii";

pub(super) const STATEMENT: Statement = Statement {
    id: ID,
    paper: "Cor 4.1(ii)",
    title: "nonparametric rate",
    claim: "log Ninf(a) <= (C/a)^p gives Cov_N of order (1/log N) (C^p/n)^(1/(p+1)).",
    correction: Some(
        "The bound holds with room: this law has n^(-2/(p+2)), the minimax rate of density \
         estimation. No law that attains n^(-1/(p+1)) is known to us.",
    ),
    cost: 0.8,
    run: Run::Computed(run),
};

const LEVEL: f64 = 64.0;

fn run(size: Size, seed: u64) -> Vec<Check> {
    measure(size, seed, |p| p / (p + 2.0))
}

/// `resolution`: the exponent of n in the number of coins, from the exponent p of the class.
fn measure(size: Size, seed: u64, resolution: fn(f64) -> f64) -> Vec<Check> {
    let grid = size.grid(&[256, 1024, 4096, 16384, 65536]);
    let xs: Vec<f64> = grid.iter().map(|&n| n as f64).collect();
    let mut rows = Table::new(["p", "n", "d", "Cov", "standard error"]).drawn(
        Plot::log("n", "Cov")
            .by("p")
            .with_errors("standard error")
            .fitted(),
    );
    let mut checks = Vec::new();
    for p in [1.0, 2.0, 4.0] {
        let mut cells = Vec::new();
        for &n in &grid {
            let coins = (n as f64).powf(resolution(p)).round();
            let law = SignedCoins::visible(coins as usize, n, LEVEL.ln());
            let cov = law.coverage_of_tilted(LEVEL.ln());
            let cell = format!("p={p}, n={n}");
            let found = replicates((ID, &cell, seed), size.seeds(1000), |rng| {
                if takes_tilted(&law, rng) { cov } else { 0.0 }
            });
            let mean = Estimate::mean(&found);
            rows.numeric_row([p, n as f64, coins, mean.value, mean.standard_error]);
            cells.push(found);
        }
        let slope = exponent(&xs, &[cells.iter().map(Vec::as_slice).collect()]);
        let band = (f64::NEG_INFINITY, -1.0 / (p + 1.0));
        checks.push(
            Check::slope(format!("exponent of n for p = {p}"), slope, band)
                .predicting(-2.0 / (p + 2.0)),
        );
    }
    checks[0].rows = rows;
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near};

    /// The pilot's standard errors, from the residuals of five points: .022, .010, .007.
    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        for (check, (pilot, error)) in
            checks
                .iter()
                .zip([(-0.631, 0.022), (-0.457, 0.01), (-0.311, 0.007)])
        {
            assert_near(&check.name, check.measured, pilot, 3.0 * error);
        }
    }

    /// Too fine a resolution gives n^(-1/(p+2)).
    #[test]
    fn a_wrong_resolution_fails() {
        let checks = measure(Size::Small, 0, |p| (p + 1.0) / (p + 2.0));
        assert!(checks.iter().all(|check| check.verdict == Verdict::Fails));
    }
}
