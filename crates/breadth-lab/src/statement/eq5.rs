//! The scaling law of the KL, and where it misleads (Eq 5).

use breadth_stats::bound;

use crate::check::{Check, WorstRatio};
use crate::estimate::Estimate;
use crate::fit::frequency;
use crate::law::FadingPrompts;
use crate::random::stream;
use crate::slope::log_log;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "eq5",
    paper: "Eq 5",
    title: "the scaling law of the KL, and where it misleads",
    claim: "Where p is good on every prompt, regret e needs N = exp(KL/e) samples: right for the \
            worst law, and exponential in the length of responses where the KL grows with it, \
            though coverage does not.",
    correction: None,
    cost: 0.25,
    run: Run::Computed(run),
};

/// The regret that is asked for.
const REGRET: f64 = 0.01;

fn run(size: Size, seed: u64) -> Vec<Check> {
    let log_n = |kl, e| bound::level_from_kl(kl, e).map_or(f64::NAN, |level| level.log_n());
    let mut checks = worst_law(log_n);
    checks.extend(long_responses(size, seed, log_n));
    checks
}

/// log N that a scaling law asks for, from the KL and the regret.
type Law = fn(f64, f64) -> f64;

/// A share m = k e of the prompts whose right response has probability 1/W, the others certain.
fn worst_law(law: Law) -> Vec<Check> {
    let mut rows = Table::new(["k", "log W", "log N", "log N by Eq 5", "ratio", "1/k"])
        .drawn(Plot::log_x("log W", "ratio").by("k").against("1/k"));
    let mut worst = WorstRatio::default();
    let mut checks = Vec::new();
    for k in [1.1, 2.0, 4.0_f64] {
        for log_w in [5.0, 10.0, 20.0, 40.0_f64] {
            // Regret m (1 - 1/W)^N is e at this N.
            let needed = (-k.ln() / (-(-log_w).exp()).ln_1p()).ln();
            let kl = k * REGRET * log_w;
            let by_law = law(kl, REGRET);
            let ratio = needed / by_law;
            worst.see(needed, by_law, || format!("k = {k}, log W = {log_w}"));
            rows.numeric_row([k, log_w, needed, by_law, ratio, k.recip()]);
            if log_w == 40.0 && k >= 2.0 {
                let band = (0.98 / k, 1.02 / k);
                let name = format!("log N over KL/e, k = {k}, log W = 40");
                checks.push(Check::tight(name, ratio, band).predicting(k.recip()));
            }
        }
    }
    checks.insert(
        0,
        Check::inequality("log N over KL/e", &worst).with_rows(rows),
    );
    checks
}

const ROWS: u64 = 1024;
/// Data sets come in batches, so that exponents have a standard error.
const BATCHES: u64 = 20;
/// The regret asked for, times n: just above what maximum likelihood's coverage tends to, 1/log 2.
const SCALED_REGRET: f64 = 1.2 / std::f64::consts::LN_2;

/// Maximum likelihood on fading prompts: what Eq 5 asks for against what is needed for
/// `E Cov_N <= e`.
fn long_responses(size: Size, seed: u64, law: Law) -> Vec<Check> {
    let horizons = size.grid(&[16, 32, 64, 128, 256, 512, 1024]);
    let prompts = FadingPrompts::default();
    let regret = SCALED_REGRET / ROWS as f64;
    // (batches, data sets, horizons) models.
    let batches: Vec<Vec<Vec<Vec<f64>>>> = (0..BATCHES)
        .map(|batch| {
            let mut rng = stream("eq5", "fading prompts", seed, batch);
            let data_set = |_| fitted(&prompts, &mut rng, &horizons);
            (0..size.seeds(20)).map(data_set).collect()
        })
        .collect();
    let mean = |batch: &[Vec<Vec<f64>>], i: usize, of_model: &dyn Fn(&[f64]) -> f64| {
        batch.iter().map(|models| of_model(&models[i])).sum::<f64>() / batch.len() as f64
    };
    let by_law = |batch: &[Vec<Vec<f64>>], i: usize| {
        law(
            mean(batch, i, &|model| prompts.kl(model, horizons[i])),
            regret,
        )
    };
    let everything: Vec<Vec<Vec<f64>>> = batches.iter().flatten().cloned().collect();
    let needed = |i: usize| {
        let cov = |log_n: f64| {
            mean(&everything, i, &|model| {
                prompts.coverage(model, horizons[i], log_n)
            })
        };
        smallest_level(|log_n| cov(log_n) <= regret)
    };
    let mut rows = Table::new(["H", "which", "log N"]).drawn(Plot::log("H", "log N").by("which"));
    let mut largest = f64::NEG_INFINITY;
    for (i, &horizon) in horizons.iter().enumerate() {
        let log_n = needed(i);
        largest = largest.max(log_n);
        let asked = by_law(&everything, i);
        rows.row([horizon.into(), "asked for by Eq 5".into(), asked.into()]);
        rows.row([horizon.into(), "needed".into(), log_n.into()]);
    }
    let lengths: Vec<f64> = horizons.iter().map(|&horizon| horizon as f64).collect();
    let exponent = |batch: &Vec<Vec<Vec<f64>>>| {
        let asked: Vec<f64> = (0..horizons.len()).map(|i| by_law(batch, i)).collect();
        log_log(&lengths, &asked).slope.value
    };
    let exponents: Vec<f64> = batches.iter().map(exponent).collect();
    vec![
        Check::slope(
            "exponent of H in KL/e",
            Estimate::mean(&exponents),
            (0.9, 1.05),
        )
        .predicting(1.0)
        .with_rows(rows),
        Check::tight(
            "largest log N needed, whatever H",
            largest,
            (0.0, 8_f64.ln()),
        ),
    ]
}

/// (horizons, prompts) maximum likelihood's probabilities of +1 on one data set.
fn fitted(prompts: &FadingPrompts, rng: &mut impl rand::Rng, horizons: &[u64]) -> Vec<Vec<f64>> {
    let class = (1.0 - prompts.heads, prompts.heads);
    let drawn = prompts.draw(rng, ROWS, horizons);
    let model =
        |counts: &crate::law::CoinCounts| frequency(counts.heads, counts.tokens, class, 0.5);
    drawn
        .iter()
        .map(|seen| seen.iter().map(model).collect())
        .collect()
}

/// The smallest log N at which a condition holds that holds from there on, by halves up to 2^10.
fn smallest_level(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1024.0);
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            high = middle
        } else {
            low = middle
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near, named};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        let rows = &named(&checks, "log N over KL/e").rows;
        let (log_w, ratio) = (rows.numbers("log W"), rows.numbers("ratio"));
        let last: Vec<f64> = (0..ratio.len())
            .filter(|&i| log_w[i] == 40.0)
            .map(|i| ratio[i])
            .collect();
        for (found, pilot) in last.into_iter().zip([0.856, 0.4954, 0.2520]) {
            assert_near("log W = 40", found, pilot, 6e-4);
        }
        // .33 H at a regret of 1.44/n.
        let long = named(&checks, "exponent of H in KL/e")
            .rows
            .numbers("log N");
        let asked_last = long[long.len() - 2];
        assert_near("KL/e over H", asked_last / 1024.0 * 1.2, 0.33, 0.03);
    }

    #[test]
    fn twice_the_regret_in_the_exponent_fails() {
        let wrong: Law = |kl, e| kl / (2.0 * e);
        assert!(
            worst_law(wrong)
                .iter()
                .all(|check| check.verdict == Verdict::Fails)
        );
        let flat: Law = |kl, e| (kl / e).ln();
        assert_eq!(
            long_responses(Size::Small, 0, flat)[0].verdict,
            Verdict::Fails
        );
    }
}
