//! Pass@k for more samples than were drawn.

use std::collections::BTreeMap;

use super::beta_binomial::BetaBinomial;
use super::{PromptOutcome, binary_counts};
use crate::error::{Error, Result};
use crate::interval::Estimate;
use crate::numerics::error_rate;

/// Success rates considered between 0 and 1.
const GRID: usize = 120;
/// The least positive success rate considered, in units of 1/k: below it k samples see nothing.
const LEAST: f64 = 0.01;
/// Steps of the maximisation; it stops when a step gains nothing.
const STEPS: usize = 3000;
/// An interval wider than this says too little to print.
const WIDEST: f64 = 0.5;

/// Pass@k beyond the samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Extrapolation {
    /// The value of the most likely distribution of success rates, with its interval.
    Estimate(Estimate),
    /// The data do not say; with the reason.
    Refused(String),
}

/// What is assumed of the distribution of success rates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RateModel {
    /// Nothing.
    #[default]
    Any,
    /// A beta distribution, with a share of prompts that are never and one that are always solved.
    Beta,
}

/// Pass@k for any k, also beyond the samples, from 0/1 outcomes of prompts that count the same.
///
/// Prompts have success rates drawn from an unknown distribution G, of which nothing is assumed with [`RateModel::Any`]: `Pass@k = E_G[1 - (1 - pi)^k]`. The value is that of the nonparametric maximum
/// likelihood estimate of G (Kiefer and Wolfowitz 1956) on a grid of rates. The interval holds the values of all G whose log-likelihood is within half the chi-square quantile with
/// two degrees of freedom, `ln(1 / (1 - confidence))`, of the best: the profile likelihood of a linear functional of G. With one degree, as for a regular model, it held a truth at the
/// edge of what is possible (no rates near 0, Pass@k near 1) in four of five data sets only. Each end is found by maximising the likelihood less a price on what
/// lies on the other side, by EM, which is monotone for it, and bisection over the price. What n samples cannot see, such as rates far below 1/n, widens the
/// interval instead of being assumed away.
///
/// With [`RateModel::Beta`], G is a beta distribution inflated at 0 and 1, and both the value and the ends are those of this family: narrower, and wrong where the family is.
///
/// It is refused where G is not identified: a single sample for every prompt, or limits more than 0.5 apart.
///
/// Errors: no prompts, more correct than samples, rewards other than 0 and 1, k = 0, confidence outside (0, 1).
///
/// ```
/// use breadth_stats::{extrapolate_pass, Extrapolation, PromptOutcome::Counts, RateModel};
/// let prompts: Vec<_> = (0..200).map(|i| Counts { n: 16, c: 1 + i % 8 }).collect();
/// let Extrapolation::Estimate(pass) = extrapolate_pass(&prompts, 128, RateModel::Any, 0.95)? else { panic!() };
/// assert!(pass.value > 0.99 && pass.low > 0.9 && pass.high <= 1.0);
/// let once = [Counts { n: 1, c: 1 }, Counts { n: 1, c: 0 }];
/// assert!(matches!(extrapolate_pass(&once, 8, RateModel::Any, 0.95)?, Extrapolation::Refused(_)));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
pub fn extrapolate_pass(
    prompts: &[PromptOutcome],
    k: u64,
    model: RateModel,
    confidence: f64,
) -> Result<Extrapolation> {
    let alpha = error_rate(confidence)?;
    if k == 0 {
        return Err(Error::ZeroAttempts);
    }
    let outcomes = distinct(prompts)?;
    if outcomes.keys().all(|&(n, _)| n <= 1) && k > 1 {
        let reason = "every prompt has a single sample, which says nothing of how success rates differ; draw at least two for each";
        return Ok(Extrapolation::Refused(reason.into()));
    }
    // Half the chi-square quantile with two degrees of freedom.
    let drop = -alpha.ln();
    let estimate = match model {
        RateModel::Any => {
            let fit = Fit::new(&outcomes, k);
            let best = fit.maximise(None, None);
            Estimate {
                value: fit.pass(&best),
                low: fit.end(&best, End::Low, drop),
                high: fit.end(&best, End::High, drop),
            }
        }
        RateModel::Beta => {
            let fit = BetaBinomial::new(outcomes.iter(), k);
            let best = fit.best();
            Estimate {
                value: fit.pass(&best),
                low: fit.end(&best, -1.0, drop),
                high: fit.end(&best, 1.0, drop),
            }
        }
    };
    if estimate.high - estimate.low > WIDEST {
        return Ok(Extrapolation::Refused(format!(
            "the samples allow anything from {:.2} to {:.2} at k = {k}; draw more of them",
            estimate.low, estimate.high
        )));
    }
    Ok(Extrapolation::Estimate(estimate))
}

/// How many prompts had c correct of n.
fn distinct(prompts: &[PromptOutcome]) -> Result<BTreeMap<(u64, u64), f64>> {
    if prompts.is_empty() {
        return Err(Error::Empty {
            what: "the set of prompts",
        });
    }
    let mut outcomes = BTreeMap::new();
    for counts in binary_counts(prompts)? {
        *outcomes.entry(counts).or_insert(0.0) += 1.0;
    }
    Ok(outcomes)
}

#[derive(Clone, Copy)]
enum End {
    Low,
    High,
}

/// The likelihoods of the outcomes at the rates of the grid.
struct Fit {
    /// Number of prompts with each outcome.
    prompts: Vec<f64>,
    /// `[outcome][rate]`, the largest of each outcome 1.
    likelihood: Vec<Vec<f64>>,
    /// `1 - (1 - rate)^k`.
    pass: Vec<f64>,
    /// `(1 - rate)^k`.
    miss: Vec<f64>,
}

impl Fit {
    fn new(outcomes: &BTreeMap<(u64, u64), f64>, k: u64) -> Fit {
        let rates = rates(k);
        let row = |&(n, c): &(u64, u64)| {
            let log = |rate: &f64| {
                let term = |count: u64, log: f64| if count == 0 { 0.0 } else { count as f64 * log };
                term(c, rate.ln()) + term(n - c, (-rate).ln_1p())
            };
            let logs: Vec<f64> = rates.iter().map(log).collect();
            let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            logs.iter().map(|log| (log - largest).exp()).collect()
        };
        let miss = |rate: &f64| (k as f64 * (-rate).ln_1p()).exp();
        Fit {
            prompts: outcomes.values().copied().collect(),
            likelihood: outcomes.keys().map(row).collect(),
            pass: rates.iter().map(|rate| 1.0 - miss(rate)).collect(),
            miss: rates.iter().map(miss).collect(),
        }
    }

    fn pass(&self, weights: &[f64]) -> f64 {
        dot(&self.pass, weights).clamp(0.0, 1.0)
    }

    fn log_likelihood(&self, weights: &[f64]) -> f64 {
        let of = |(count, row): (&f64, &Vec<f64>)| count * dot(row, weights).ln();
        self.prompts.iter().zip(&self.likelihood).map(of).sum()
    }

    /// EM from `start`, or from equal weights, for the log-likelihood less `price` times what lies on the other side of an end.
    fn maximise(&self, start: Option<&[f64]>, priced: Option<(End, f64)>) -> Vec<f64> {
        let size = self.pass.len() as f64;
        // A little of everything, since EM never brings back a weight of 0.
        let restart = |w: &f64| 0.999 * w + 0.001 / size;
        let mut weights: Vec<f64> = match start {
            Some(start) => start.iter().map(restart).collect(),
            None => vec![1.0 / size; self.pass.len()],
        };
        for _ in 0..STEPS {
            let mut expected = vec![0.0; weights.len()];
            for (row, count) in self.likelihood.iter().zip(&self.prompts) {
                let share = count / dot(row, &weights).max(f64::MIN_POSITIVE);
                expected
                    .iter_mut()
                    .zip(row)
                    .for_each(|(e, l)| *e += share * l);
            }
            expected.iter_mut().zip(&weights).for_each(|(e, w)| *e *= w);
            let next = match priced {
                None => scaled_to_one(expected),
                Some((End::High, price)) => with_price(&expected, &self.miss, price),
                Some((End::Low, price)) => with_price(&expected, &self.pass, price),
            };
            let moved: f64 = next.iter().zip(&weights).map(|(a, b)| (a - b).abs()).sum();
            weights = next;
            if moved < 1e-7 {
                break;
            }
        }
        weights
    }

    /// The value of the functional where the log-likelihood has fallen by `drop`.
    fn end(&self, best: &[f64], end: End, drop: f64) -> f64 {
        let floor = self.log_likelihood(best) - drop;
        let (mut low, mut high) = (-7.0_f64, 0.0_f64);
        let prompts: f64 = self.prompts.iter().sum();
        let at = |log_price: f64| self.maximise(Some(best), Some((end, prompts * log_price.exp())));
        for _ in 0..8 {
            if self.log_likelihood(&at(high)) < floor {
                break;
            }
            high += 2.0;
        }
        for _ in 0..14 {
            let middle = 0.5 * (low + high);
            match self.log_likelihood(&at(middle)) < floor {
                true => high = middle,
                false => low = middle,
            }
        }
        // On the far side of the bisection, so that its error widens the interval.
        let found = at(high);
        match end {
            End::Low => self.pass(&found).min(self.pass(best)),
            End::High => self.pass(&found).max(self.pass(best)),
        }
    }
}

/// The weights that maximise `sum_j expected_j log w_j - price * sum_j cost_j w_j` with sum 1: `expected_j / (nu + price cost_j)`, with nu by Newton's method from
/// the left, from where it rises to the root without overshooting.
fn with_price(expected: &[f64], cost: &[f64], price: f64) -> Vec<f64> {
    let cells = || expected.iter().zip(cost);
    let mut nu = cells()
        .map(|(e, c)| e - price * c)
        .fold(f64::MIN_POSITIVE, f64::max);
    for _ in 0..60 {
        let (mut excess, mut slope) = (-1.0, 0.0);
        for (e, c) in cells() {
            let weight = e / (nu + price * c);
            excess += weight;
            slope += weight / (nu + price * c);
        }
        if slope == 0.0 || excess <= 1e-13 {
            break;
        }
        nu += excess / slope;
    }
    scaled_to_one(cells().map(|(e, c)| e / (nu + price * c)).collect())
}

fn scaled_to_one(mut weights: Vec<f64>) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
    weights
}

/// 0, rates evenly spaced in their log-odds from far below 1/k to near 1, and 1.
fn rates(k: u64) -> Vec<f64> {
    let least = (LEAST / k as f64).ln();
    let most = 999.0_f64.ln();
    let rate = |step: usize| {
        let odds = (least + (most - least) * step as f64 / (GRID - 1) as f64).exp();
        odds / (1.0 + odds)
    };
    std::iter::once(0.0)
        .chain((0..GRID).map(rate))
        .chain([1.0])
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
