//! Cross-entropy pays H/n (Prop 3.2).

use breadth_stats::bound;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::check::Check;
use crate::estimate::Estimate;
use crate::fit::frequency;
use crate::law::{binomial, binomial_law, coin_kl};
use crate::random::stream;
use crate::slope::log_log;
use crate::statement::{Run, Size, Statement};
use crate::table::{Plot, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "p32",
    paper: "Prop 3.2",
    title: "cross-entropy pays H/n",
    claim: "With one parameter, and a prompt of probability 1/(2n) whose H tokens carry it, every \
            proper estimator has KL >= c H/n with probability at least 1/4, for some truth.",
    correction: Some(
        "Printed c = 1/4; the proof uses 2 kl(s, 1/2) >= 1 where it is .6556, s = 1/(1+e^-2). Its \
         constant is kl(s, 1/2)/2 = .1639.",
    ),
    cost: 0.15,
    run: Run::Computed(run),
};

const ROWS: u64 = 100;
const HORIZONS: [u64; 6] = [8, 16, 32, 64, 128, 256];
/// Data sets come in batches, so that exponents have a standard error.
const BATCHES: u64 = 20;

fn run(size: Size, seed: u64) -> Vec<Check> {
    let least = |horizon| bound::mle_kl_lower(ROWS, horizon).unwrap_or(f64::NAN);
    let data_sets = size.seeds(2_000);
    let mut checks: Vec<Check> = ESTIMATORS
        .iter()
        .map(|estimator| probability(&Runs::of(estimator, seed, data_sets), least))
        .collect();
    checks.extend(growth(
        &Runs::of(&ESTIMATORS[0], seed, data_sets),
        kl_of_response,
    ));
    checks
}

/// The probability of token +1 where theta = 1, the largest of the class.
fn largest() -> f64 {
    of_theta(1.0)
}

/// The probabilities of the class.
fn class() -> (f64, f64) {
    (1.0 - largest(), largest())
}

fn of_theta(theta: f64) -> f64 {
    1.0 / (1.0 + (-2.0 * theta).exp())
}

/// A proper estimator of the probability of token +1.
struct Estimator {
    name: &'static str,
    /// The truth, theta = 1 or -1, at which it does worse.
    truth: f64,
    /// From how many of the tokens were +1, and of how many; the random stream is for ties.
    estimate: fn(u64, u64, &mut ChaCha8Rng) -> f64,
}

/// The maximum likelihood estimates, which differ where prompt 1 was never seen, and shrinkage.
const ESTIMATORS: [Estimator; 4] = [
    Estimator {
        name: "theta = 0 if unseen",
        truth: 1.0,
        estimate: |heads, tokens, _| frequency(heads, tokens, class(), 0.5),
    },
    Estimator {
        name: "theta = 1 if unseen",
        truth: -1.0,
        estimate: |heads, tokens, _| frequency(heads, tokens, class(), largest()),
    },
    Estimator {
        name: "uniform theta if unseen",
        truth: 1.0,
        estimate: |heads, tokens, rng| {
            let unseen = of_theta(rng.random_range(-1.0..1.0));
            frequency(heads, tokens, class(), unseen)
        },
    },
    Estimator {
        name: "add-one shrinkage",
        truth: 1.0,
        estimate: |heads, tokens, _| frequency(heads + 1, tokens + 2, class(), 0.5),
    },
];

/// KL of a whole response over all prompts, in nats; `token`: KL of one token of prompt 1.
fn kl_of_response(token: f64, horizon: u64) -> f64 {
    horizon as f64 * token / (2.0 * ROWS as f64)
}

/// The token KLs of an estimator on many data sets.
struct Runs {
    name: &'static str,
    /// (batches, data sets, horizons) KL of one token of prompt 1.
    kl: Vec<Vec<[f64; HORIZONS.len()]>>,
}

impl Runs {
    fn of(estimator: &Estimator, seed: u64, data_sets: u64) -> Runs {
        let batch = |batch| {
            let mut rng = stream("p32", "data sets", seed, batch);
            let mut ties = stream("p32", estimator.name, seed, batch);
            (0..data_sets)
                .map(|_| data_set(estimator, &mut rng, &mut ties))
                .collect()
        };
        Runs {
            name: estimator.name,
            kl: (0..BATCHES).map(batch).collect(),
        }
    }
}

/// One data set for each horizon; a longer response continues the shorter one.
fn data_set(
    estimator: &Estimator,
    rng: &mut ChaCha8Rng,
    ties: &mut ChaCha8Rng,
) -> [f64; HORIZONS.len()] {
    let p = of_theta(estimator.truth);
    let rows = binomial(rng, ROWS, 0.5 / ROWS as f64);
    let (mut heads, mut before) = (0, 0);
    HORIZONS.map(|horizon| {
        heads += binomial(rng, rows * (horizon - before), p);
        before = horizon;
        coin_kl(p, (estimator.estimate)(heads, rows * horizon, ties))
    })
}

/// P(KL >= least(H)) at the horizon where it is smallest.
fn probability(runs: &Runs, least: impl Fn(u64) -> f64) -> Check {
    let mut rows =
        Table::new(["H", "P", "predicted"]).drawn(Plot::log_x("H", "P").against("predicted"));
    let trials = runs.kl.iter().map(Vec::len).sum::<usize>() as u64;
    // At theta = 0 the KL is the bound itself, up to rounding.
    const ROUNDING: f64 = 1.0 - 1e-12;
    let mut fewest = trials;
    for (i, horizon) in HORIZONS.into_iter().enumerate() {
        let reached = |kl: &&[f64; HORIZONS.len()]| {
            kl_of_response(kl[i], horizon) >= ROUNDING * least(horizon)
        };
        let successes = runs.kl.iter().flatten().filter(reached).count() as u64;
        rows.numeric_row([horizon as f64, successes as f64 / trials as f64, unseen()]);
        fewest = fewest.min(successes);
    }
    let name = format!("P(KL >= c H/n), {}", runs.name);
    Check::probability(name, fewest, trials, 0.25).with_rows(rows)
}

/// The probability that prompt 1 is never seen.
fn unseen() -> f64 {
    (1.0 - 0.5 / ROWS as f64).powf(ROWS as f64)
}

/// E KL grows like H, with the constant that its exact expectation gives.
fn growth(runs: &Runs, kl: fn(f64, u64) -> f64) -> Vec<Check> {
    let batch_means: Vec<Vec<f64>> = runs
        .kl
        .iter()
        .map(|batch| {
            let mean = |i: usize| {
                let values = batch.iter().map(|set| kl(set[i], HORIZONS[i]));
                values.sum::<f64>() / batch.len() as f64
            };
            (0..HORIZONS.len()).map(mean).collect()
        })
        .collect();
    let at = |i: usize| batch_means.iter().map(|batch| batch[i]).collect::<Vec<_>>();
    let mut rows = Table::new(["H", "E KL", "standard error", "exact"]).drawn(
        Plot::log("H", "E KL")
            .against("exact")
            .with_errors("standard error")
            .fitted(),
    );
    let mut constants = Vec::new();
    for (i, horizon) in HORIZONS.into_iter().enumerate() {
        let (mean, exact) = (Estimate::mean(&at(i)), expected_kl(horizon));
        rows.numeric_row([horizon as f64, mean.value, mean.standard_error, exact]);
        if horizon >= 64 {
            let scale = ROWS as f64 / horizon as f64;
            let name = format!("E KL n/H at H = {horizon}");
            let measured = mean.scaled(scale);
            constants.push(Check::constant_estimate(
                name,
                measured,
                exact * scale,
                0.03,
            ));
        }
    }
    let horizons = HORIZONS.map(|horizon| horizon as f64);
    let slopes: Vec<f64> = batch_means
        .iter()
        .map(|means| log_log(&horizons, means).slope.value)
        .collect();
    let slope = Check::slope("slope of E KL in H", Estimate::mean(&slopes), (0.96, 1.02))
        .predicting(1.0)
        .with_rows(rows);
    [vec![slope], constants].concat()
}

/// The exact mean KL of the first estimator.
fn expected_kl(horizon: u64) -> f64 {
    let p = largest();
    let of_rows = |(rows, weight): (usize, f64)| {
        let tokens = rows as u64 * horizon;
        let law = binomial_law(tokens, p);
        let of_heads = |(heads, mass): (usize, &f64)| {
            mass * coin_kl(p, frequency(heads as u64, tokens, class(), 0.5))
        };
        weight * law.iter().enumerate().map(of_heads).sum::<f64>()
    };
    // More than twelve rows of prompt 1 have a probability below 1e-13.
    let rows = binomial_law(ROWS, 0.5 / ROWS as f64).into_iter().take(13);
    kl_of_response(rows.enumerate().map(of_rows).sum(), horizon)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::{assert_holds, assert_near, named};

    #[test]
    fn holds_and_reproduces_the_pilot() {
        let checks = assert_holds(&STATEMENT);
        let standard_error = 0.0035;
        for (check, pilot) in checks.iter().zip([0.605, 0.609, 0.307, 0.612]) {
            assert_near(&check.name, check.measured, pilot, 4.0 * standard_error);
        }
        let growth = named(&checks, "slope of E KL in H");
        assert_near("slope", growth.measured, 0.9885, 0.013);
        let pilot = [0.00835, 0.01604, 0.03180, 0.06447, 0.12747, 0.25306];
        for (found, pilot) in growth.rows.numbers("E KL").into_iter().zip(pilot) {
            // .5% of standard error in each.
            assert_near("E KL", found, pilot, 3.0 * 0.007 * pilot);
        }
    }

    #[test]
    fn the_printed_constant_fails() {
        let printed = |horizon| horizon as f64 / (4.0 * ROWS as f64);
        let check = probability(&Runs::of(&ESTIMATORS[0], 0, 1_000), printed);
        assert_eq!(check.verdict, Verdict::Fails);
    }

    #[test]
    fn the_kl_of_a_token_instead_of_a_response_fails() {
        let runs = Runs::of(&ESTIMATORS[0], 0, 1_000);
        let checks = growth(&runs, |token, _| token);
        assert!(checks.iter().all(|check| check.verdict == Verdict::Fails));
    }

    /// The other truth is the easier one.
    #[test]
    fn each_estimator_is_measured_at_its_worse_truth() {
        for Estimator {
            name,
            truth,
            estimate,
        } in ESTIMATORS
        {
            let at = |truth| {
                let estimator = Estimator {
                    name,
                    truth,
                    estimate,
                };
                let least = |horizon| bound::mle_kl_lower(ROWS, horizon).unwrap();
                probability(&Runs::of(&estimator, 1, 500), least).measured
            };
            assert!(at(truth) > at(-truth) - 0.03, "{name}");
        }
    }
}
