//! Does answer-level coverage predict what reinforcement learning reaches?

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use crate::check::{Check, Kind};
use crate::estimate::Estimate;
use crate::law::binomial;
use crate::random::stream;
use crate::slope::rank_correlation;
use crate::statement::{Run, Size, Statement};
use crate::table::{Cell, Table};

pub(super) const STATEMENT: Statement = Statement {
    id: "beyond-answers",
    paper: "beyond the paper, after Section 7.1",
    title: "answer-level coverage and what reinforcement learning reaches",
    claim: "After R samples of a prompt in groups of 8, the rewards of models are ordered by \
            Cov^ans_N with N that grows with R, better than by KL, by coverage of sequences or by \
            Pass@1.",
    correction: None,
    cost: 4.0,
    run: Run::Computed(run),
};

/// Draws of a set of models.
const DRAWS: u64 = 12;
const MODELS: usize = 40;
const PROMPTS: usize = 400;
/// Equivalent chains of the right answer.
const CHAINS: usize = 8;
/// Responses of a group.
const GROUP: u64 = 8;
const RATE: f64 = 0.5;
/// Updates after which the reward is measured.
const UPDATES: [usize; 3] = [10, 50, 200];

/// What models are ordered by, each so that more is better.
const PREDICTORS: [&str; 9] = [
    "-KL of sequences",
    "-KL of answers",
    "Pass@1",
    "-Cov_8 of sequences",
    "-Cov_8 of answers",
    "-Cov_64 of answers",
    "-Cov_512 of answers",
    "Pass@8",
    "Pass@64",
];
/// Places among the predictors.
const KL_SEQUENCES: usize = 0;
const KL_ANSWERS: usize = 1;
const PASS_1: usize = 2;
const COV_SEQUENCES: usize = 3;
const COV_8: usize = 4;
const COV_64: usize = 5;

/// (updates, predictors) rank correlations of one draw.
type Correlations = [[f64; PREDICTORS.len()]; UPDATES.len()];

fn run(size: Size, seed: u64) -> Vec<Check> {
    let one = |draw| correlations(MODELS, PROMPTS, seed, draw);
    let draws: Vec<Correlations> = (0..size.seeds(DRAWS)).into_par_iter().map(one).collect();
    let gain = |at: usize, better: usize, than: usize| {
        let name = format!(
            "{} before {} at {} samples",
            PREDICTORS[better],
            PREDICTORS[than],
            GROUP as usize * UPDATES[at]
        );
        before(&name, &draws, at, better, than)
    };
    let few = gain(0, COV_8, COV_64).with_rows(table(&draws));
    let last = UPDATES.len() - 1;
    let mut checks = vec![few, gain(1, COV_64, COV_8), gain(last, COV_64, COV_8)];
    for (at, best) in [(0, COV_8), (1, COV_64), (last, COV_64)] {
        for other in [KL_SEQUENCES, KL_ANSWERS, COV_SEQUENCES, PASS_1] {
            checks.push(gain(at, best, other));
        }
    }
    checks
}

/// The mean difference of two rank correlations is above 0.
fn before(name: &str, draws: &[Correlations], at: usize, better: usize, than: usize) -> Check {
    let differences: Vec<f64> = draws.iter().map(|d| d[at][better] - d[at][than]).collect();
    Check {
        kind: Kind::Constant, // a mean over draws, against an open band
        ..Check::slope(name, Estimate::mean(&differences), (0.0, f64::INFINITY))
    }
}

fn table(draws: &[Correlations]) -> Table {
    let mut rows = Table::new(["samples", "predictor", "rank correlation", "se"]);
    for (at, updates) in UPDATES.into_iter().enumerate() {
        for (which, name) in PREDICTORS.into_iter().enumerate() {
            let all: Vec<f64> = draws.iter().map(|draw| draw[at][which]).collect();
            let mean = Estimate::mean(&all);
            let samples = Cell::from(GROUP as usize * updates);
            rows.row([
                samples,
                name.into(),
                mean.value.into(),
                mean.standard_error.into(),
            ]);
        }
    }
    rows
}

/// The policy on one prompt: logits of the right answer's chains, and of every other response
/// together.
#[derive(Clone, Copy)]
struct Policy {
    logits: [f64; CHAINS + 1],
}

impl Policy {
    /// The probability `right` of the right answer, on chains of random weights: the standard
    /// deviation of their logarithms is `concentration`.
    fn new(right: f64, concentration: f64, rng: &mut ChaCha8Rng) -> Policy {
        let mut logits = [0.0; CHAINS + 1];
        for logit in &mut logits[..CHAINS] {
            *logit = concentration * rng.sample::<f64, _>(StandardNormal);
        }
        let total: f64 = logits[..CHAINS].iter().map(|logit| logit.exp()).sum();
        logits[CHAINS] = total.ln() - (right / (1.0 - right)).ln();
        Policy { logits }
    }

    /// Probabilities of the chains, and of all else.
    fn probabilities(&self) -> [f64; CHAINS + 1] {
        let largest = self
            .logits
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let weights = self.logits.map(|logit| (logit - largest).exp());
        let total: f64 = weights.iter().sum();
        weights.map(|weight| weight / total)
    }

    fn right(&self) -> f64 {
        self.probabilities()[..CHAINS].iter().sum()
    }

    /// One update of group-relative policy optimisation: advantages are the rewards less their mean
    /// over their standard deviation; as they add up to 0, the gradient is that of the responses
    /// drawn.
    fn update(&mut self, rng: &mut ChaCha8Rng) {
        let q = self.probabilities();
        let right: f64 = q[..CHAINS].iter().sum();
        let hits = binomial(rng, GROUP, right);
        if hits == 0 || hits == GROUP {
            return;
        }
        let share = hits as f64 / GROUP as f64;
        let deviation = (share * (1.0 - share)).sqrt();
        let step = |advantage: f64| RATE * advantage / (GROUP as f64 * deviation);
        for _ in 0..hits {
            let mut left = rng.random::<f64>() * right;
            let chain = q[..CHAINS].iter().position(|chain| {
                left -= chain;
                left < 0.0
            });
            self.logits[chain.unwrap_or(CHAINS - 1)] += step(1.0 - share);
        }
        self.logits[CHAINS] -= step(share) * (GROUP - hits) as f64;
    }
}

/// The rank correlations of one draw of models.
fn correlations(models: usize, prompts: usize, seed: u64, draw: u64) -> Correlations {
    let (mut predictors, mut rewards) = (Vec::new(), Vec::new());
    for model in 0..models {
        let rng = &mut stream(STATEMENT.id, &format!("model {model}"), seed, draw);
        let mut policies = random_model(prompts, rng);
        predictors.push(predict(&policies));
        rewards.push(train(&mut policies, rng));
    }
    std::array::from_fn(|at| {
        let reached: Vec<f64> = rewards.iter().map(|reward| reward[at]).collect();
        std::array::from_fn(|which| {
            let values: Vec<f64> = predictors.iter().map(|values| values[which]).collect();
            rank_correlation(&values, &reached)
        })
    })
}

/// A model: logistic success rates with a random base and spread, a share of them cut by 1e-4 to
/// 1e-2.
fn random_model(prompts: usize, rng: &mut ChaCha8Rng) -> Vec<Policy> {
    let base = rng.random_range(-2.5..0.5);
    let spread = rng.random_range(0.5..2.0);
    let cut = rng.random_range(0.0..0.3);
    let concentration = rng.random_range(0.0..3.0);
    let policy = |_| {
        let noise: f64 = rng.sample(StandardNormal);
        let mut right = (1.0 + (-(base + spread * noise)).exp()).recip();
        if rng.random::<f64>() < cut {
            right *= 10_f64.powf(rng.random_range(-4.0..-2.0));
        }
        Policy::new(right, concentration, rng)
    };
    (0..prompts).map(policy).collect()
}

/// The mean reward after each number of updates.
fn train(policies: &mut [Policy], rng: &mut ChaCha8Rng) -> [f64; UPDATES.len()] {
    let mut done = 0;
    UPDATES.map(|updates| {
        for policy in policies.iter_mut() {
            (done..updates).for_each(|_| policy.update(rng));
        }
        done = updates;
        policies.iter().map(Policy::right).sum::<f64>() / policies.len() as f64
    })
}

/// The data law is uniform on the chains of the right answer.
fn predict(policies: &[Policy]) -> [f64; PREDICTORS.len()] {
    let mut total = [0.0; PREDICTORS.len()];
    for policy in policies {
        let q = policy.probabilities();
        let right = policy.right();
        let each = (CHAINS as f64).recip();
        let log_ratios: Vec<f64> = q[..CHAINS]
            .iter()
            .map(|chain| (each / chain).ln())
            .collect();
        let uncovered = |n: f64| log_ratios.iter().filter(|ratio| **ratio >= n.ln()).count() as f64;
        let missed = |n: f64| f64::from(u8::from(right <= n.recip()));
        let pass = |n: f64| -(n * (-right).ln_1p()).exp_m1();
        let values = [
            -each * log_ratios.iter().sum::<f64>(),
            right.ln(),
            right,
            -each * uncovered(8.0),
            -missed(8.0),
            -missed(64.0),
            -missed(512.0),
            pass(8.0),
            pass(64.0),
        ];
        total
            .iter_mut()
            .zip(values)
            .for_each(|(total, value)| *total += value);
    }
    total.map(|total| total / policies.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Verdict;
    use crate::statement::testing::assert_holds;

    #[test]
    fn is_as_the_pilot_found_it() {
        let checks = assert_holds(&STATEMENT);
        let of = |samples: f64, name: &str| {
            let rows = &checks[0].rows.rows;
            let is_it = |row: &&Vec<Cell>| row[0] == Cell::Number(samples) && row[1] == name.into();
            match &rows.iter().find(is_it).expect("a row")[2] {
                Cell::Number(value) => *value,
                Cell::Text(_) => f64::NAN,
            }
        };
        assert!(of(80.0, "-Cov_8 of answers") > 0.9);
        assert!(of(1600.0, "-Cov_64 of answers") > 0.9);
        // Pass@N at the same N is no worse a predictor.
        assert!(of(400.0, "Pass@64") > 0.9);
    }

    #[test]
    fn a_policy_has_the_success_rate_asked_for() {
        let rng = &mut stream("test", "policy", 0, 0);
        for right in [1e-5, 0.3, 0.99] {
            let policy = Policy::new(right, 2.0, rng);
            assert!((policy.right() / right - 1.0).abs() < 1e-9);
        }
    }

    /// The expected change of the logits for the chance of each group, written out for the answer.
    #[test]
    fn an_update_is_the_group_relative_gradient() {
        let rng = &mut stream("test", "update", 0, 0);
        let start = Policy::new(0.4, 0.0, rng);
        let mut changes = Vec::new();
        for _ in 0..20_000 {
            let mut policy = start;
            policy.update(rng);
            changes.push(policy.logits[CHAINS] - start.logits[CHAINS]);
        }
        let mut expected = 0.0;
        for hits in 1..8_u32 {
            let share = f64::from(hits) / 8.0;
            let ways = [8.0, 28.0, 56.0, 70.0, 56.0, 28.0, 8.0][hits as usize - 1];
            let chance = ways * 0.4_f64.powi(hits as i32) * 0.6_f64.powi(8 - hits as i32);
            expected -= chance * RATE * (share * (1.0 - share)).sqrt();
        }
        let mean = Estimate::mean(&changes);
        assert!((mean.value - expected).abs() < 4.0 * mean.standard_error);
    }

    /// Coverage of sequences in the place of coverage of answers.
    #[test]
    fn coverage_of_sequences_in_its_place_fails() {
        let draws: Vec<Correlations> = (0..12).map(|draw| correlations(30, 60, 0, draw)).collect();
        let check = before("", &draws, 0, COV_SEQUENCES, COV_8);
        assert_eq!(check.verdict, Verdict::Fails);
    }
}
