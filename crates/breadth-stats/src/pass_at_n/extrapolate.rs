//! Pass@k for more samples than were drawn.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::beta_binomial::BetaBinomials;
use super::mixture::{Mixture, classes};
use super::numbers::go_with_rates;
use super::over_prompts::over_prompts;
use crate::error::{Error, Result};
use crate::interval::{CheckedDesign, Design, Estimate};
use crate::numerics::{error_rate, sum};
use crate::outcome::{PromptOutcome, binary_counts, each_prompt};

/// An interval wider than this says too little to print, unless that within the samples is about as
/// wide.
const WIDEST: f64 = 0.5;
/// Pass@k for more samples than were drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Extrapolation {
    /// The value of the most likely distribution of success rates, with its interval.
    Estimate(Estimate),
    /// The data do not determine it; with the reason.
    Refused(String),
}

/// The family of distributions of success rates over prompts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RateModel {
    /// All distributions.
    #[default]
    Nonparametric,
    /// Beta distributions, with a share of prompts that are never solved and one of prompts that
    /// always are. Values and limits are right only for success rates of this family: the limits
    /// held the truth in none of 100 data sets whose rates take two other values.
    Beta,
}

/// Pass@k for any k, also beyond the samples, from 0/1 outcomes of prompts of equal weight.
///
/// `prompts`: (prompts) samples of each; `k`: attempts. Up to the fewest samples of any prompt this
/// is [`super::pass_at_k_estimate`]. Beyond, prompts have success rates pi drawn from an unknown
/// distribution G of the family `model`: `Pass@k = E_G[1 - (1 - pi)^k]`. With
/// [`RateModel::Nonparametric`], let `M_j = E_G[(1 - pi)^j]` under the nonparametric maximum
/// likelihood estimate of G on a grid of rates from 0 to 1. Prompts with other numbers of samples
/// may be of other kinds, easier and harder ones in other shares, so that each number of samples
/// (where there are more than four: each class of numbers within twice the least of it) has a G of its own, and
/// none borrows from another; the likelihood is that of all together. A prompt with n < k samples then fails
/// with the unbiased probability of its n samples times `M_k / M_n`, so that the value continues
/// the unbiased ones and never falls with k.
///
/// The limits, each at error `(1 - confidence) / 2`:
///
/// - *likelihood*: the least and the largest Pass@k of all G whose log-likelihood is within
///   `ln(2 / (1 - confidence))` of the best. It is what m prompts need to rule out a share e of
///   prompts none of which was drawn, `m ln(1 / (1 - e))` at that error: the probability
///   `(1 - e)^m` itself. Mass that no sample speaks against goes to rate 0 at the low end and to
///   rate 1 at the high one. With the drop of a regular model, half the chi-square quantile with
///   one degree of freedom, a truth at the edge of the family is missed in one of five data sets.
/// - *within the samples*: those of the mean of the prompts' unbiased `Pass@min(n, k)`, which is at
///   most Pass@k, and at least Pass@k less the mean over prompts of
///   `max_pi [(1 - pi)^n - (1 - pi)^k] = (n/k)^(n/(k-n)) (k-n)/k`.
///
/// The lower limit is the larger of the two; the upper one the smaller, but no less than that
/// within the samples: both continue those at k = n, and neither falls with k. The larger of two
/// limits could miss more often than each; in simulation it does not
/// (`lab/results/extrapolation.md`), the likelihood's being wider than it need be where the other
/// one is sharp. What n samples cannot see, such as rates far below 1/n, widens the interval
/// instead of being assumed away.
///
/// With [`RateModel::Beta`], G is a beta distribution inflated at 0 and 1, and both the value and
/// the limits are those of this family: narrower, and wrong where the family is.
///
/// It is refused where G is not identified: a single sample for every prompt, or limits more than
/// 0.5 apart (and clearly more than within the samples). And where the prompts' numbers of samples
/// go with their success rates: if those that failed were sampled on, say, those that were not are
/// no longer prompts like any other.
///
/// # Errors
///
/// No prompts, more correct than samples, rewards other than 0 and 1, k = 0, or a confidence
/// outside (0, 1).
///
/// # Examples
///
/// ```
/// use breadth_stats::{Extrapolation, PromptOutcome::Counts, RateModel, extrapolate_pass};
/// let prompts: Vec<_> = (0..200)
///     .map(|i| Counts {
///         n: 16,
///         c: 1 + i % 8,
///     })
///     .collect();
/// let Extrapolation::Estimate(pass) =
///     extrapolate_pass(&prompts, 128, RateModel::Nonparametric, 0.95)?
/// else {
///     panic!()
/// };
/// assert!(pass.value > 0.99 && pass.low > 0.9 && pass.high <= 1.0);
/// // A hundred prompts solved half of the time cannot show that there are none that are never solved.
/// let Extrapolation::Estimate(half) = extrapolate_pass(
///     &vec![Counts { n: 16, c: 8 }; 100],
///     64,
///     RateModel::Nonparametric,
///     0.95,
/// )?
/// else {
///     panic!()
/// };
/// assert!((half.low - 0.025_f64.powf(0.01)).abs() < 1e-3);
/// let once = [Counts { n: 1, c: 1 }, Counts { n: 1, c: 0 }];
/// assert!(matches!(
///     extrapolate_pass(&once, 8, RateModel::Nonparametric, 0.95)?,
///     Extrapolation::Refused(_)
/// ));
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// Kiefer and Wolfowitz, Annals of Mathematical Statistics 27 (1956), for the estimate of G.
#[doc(alias = "NPMLE")]
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
    let within = over_prompts(prompts, &Design::default(), confidence, |prompt| {
        as_far(prompt, k)
    })?;
    if outcomes.keys().all(|&(n, _)| n >= k) {
        return Ok(Extrapolation::Estimate(within));
    }
    if outcomes.keys().all(|&(n, _)| n <= 1) {
        let reason = "every prompt has a single sample, which says nothing of how success rates differ; draw at least two for each";
        return Ok(Extrapolation::Refused(reason.into()));
    }
    let rate = |n: u64, c: u64| if n > 0 { c as f64 / n as f64 } else { 0.0 };
    let points = outcomes
        .iter()
        .map(|(&(n, c), &count)| (n, rate(n, c), count));
    if let Some(more) = go_with_rates(points) {
        return Ok(Extrapolation::Refused(format!(
            "prompts with more samples are {} than those with fewer, far beyond chance, so that no \
             one distribution of success rates holds for all; draw as many for each, or \
             extrapolate the kinds of prompts apart",
            if more == Ordering::Less {
                "harder"
            } else {
                "easier"
            }
        )));
    }
    let estimate = match model {
        RateModel::Nonparametric => of_any(prompts, &outcomes, k, alpha, within)?,
        RateModel::Beta => {
            let fit = BetaBinomials::new(&outcomes, &classes(&outcomes), k);
            let best = fit.best();
            // Half the chi-square quantile with two degrees of freedom.
            let drop = -alpha.ln();
            Estimate {
                value: fit.pass(&best),
                low: fit.end(&best, -1.0, drop),
                high: fit.end(&best, 1.0, drop),
            }
        }
    };
    let width = estimate.high - estimate.low;
    if width > WIDEST.max(1.2 * (within.high - within.low)) {
        return Ok(Extrapolation::Refused(format!(
            "the samples allow anything from {:.2} to {:.2} at k = {k}; draw more of them",
            estimate.low, estimate.high
        )));
    }
    Ok(Extrapolation::Estimate(estimate))
}

/// Unbiased Pass@k of a prompt as far as its samples go; 0 without samples.
fn as_far(prompt: &PromptOutcome, k: u64) -> Result<f64> {
    match prompt.samples() {
        0 => Ok(0.0),
        n => prompt.best_of(k.min(n)),
    }
}

/// The value of [`extrapolate_pass`] where nothing is assumed, whatever its limits are: the most
/// likely Pass@k for any k, from 0/1 outcomes of prompts, which may have weights.
///
/// `weights`: (prompts) what each prompt counts, `None` where all count the same; a prompt counts in
/// the likelihood as it does in the mean. For comparing models; alone it promises nothing.
///
/// # Errors
///
/// As [`extrapolate_pass`]; also weights that are not one positive number for each prompt.
///
/// # Examples
///
/// Sixteen samples of which one is right say little of one prompt, and of a hundred that Pass@256 is
/// near 1.
///
/// ```
/// use breadth_stats::{PromptOutcome::Counts, most_likely_pass};
/// let rare = vec![Counts { n: 16, c: 1 }; 100];
/// let pass = most_likely_pass(&rare, None, 256)?;
/// assert!((pass - (1.0 - (15.0_f64 / 16.0).powi(256))).abs() < 1e-3);
/// let split = [vec![Counts { n: 16, c: 15 }; 60], vec![Counts { n: 16, c: 0 }; 40]].concat();
/// assert!((most_likely_pass(&split, None, 256)? - 0.6).abs() < 0.01);
/// let weights = [vec![1.0; 60], vec![3.0; 40]].concat();
/// assert!((most_likely_pass(&split, Some(&weights), 256)? - 60.0 / 180.0).abs() < 0.01);
/// # Ok::<(), breadth_stats::Error>(())
/// ```
///
/// # Source
///
/// As [`extrapolate_pass`].
pub fn most_likely_pass(prompts: &[PromptOutcome], weights: Option<&[f64]>, k: u64) -> Result<f64> {
    if k == 0 {
        return Err(Error::ZeroAttempts);
    }
    let design = Design {
        weights,
        ..Design::default()
    };
    let rows = CheckedDesign::new(&design, prompts.len())?;
    let scale = prompts.len() as f64 / rows.total_weight();
    let mut outcomes = BTreeMap::new();
    for (row, counts) in binary_counts(prompts)?.into_iter().enumerate() {
        *outcomes.entry(counts).or_insert(0.0) += scale * rows.weight(row);
    }
    let fit = Mixture::new(&outcomes, k);
    let missed = missed(prompts, &fit, &fit.best(), k)?;
    Ok((1.0 - rows.mean(|row| missed[row])).clamp(0.0, 1.0))
}

/// The unbiased values within the samples, continued by a distribution of success rates.
fn value_of(prompts: &[PromptOutcome], fit: &Mixture, best: &[f64], k: u64) -> Result<f64> {
    let missed = missed(prompts, fit, best, k)?;
    Ok((1.0 - sum(missed) / prompts.len() as f64).clamp(0.0, 1.0))
}

/// How likely k samples of each prompt are all wrong: unbiased within its own, then as the
/// distribution says.
fn missed(prompts: &[PromptOutcome], fit: &Mixture, best: &[f64], k: u64) -> Result<Vec<f64>> {
    let mut further = BTreeMap::new();
    for n in prompts.iter().map(PromptOutcome::samples) {
        let beyond = || fit.further(n, [k.min(n), k], best);
        further.entry(n).or_insert_with(beyond);
    }
    each_prompt(prompts, |prompt| {
        let further = further[&prompt.samples()];
        Ok((1.0 - as_far(prompt, k)?) * further.min(1.0))
    })
}

/// The value and the limits where nothing is assumed.
fn of_any(
    prompts: &[PromptOutcome],
    outcomes: &BTreeMap<(u64, u64), f64>,
    k: u64,
    alpha: f64,
    within: Estimate,
) -> Result<Estimate> {
    let fit = Mixture::new(outcomes, k);
    let best = fit.best();
    let miss = fit.miss(k);
    let pass: Vec<f64> = miss.iter().map(|miss| 1.0 - miss).collect();
    let m = prompts.len() as f64;
    let value = value_of(prompts, &fit, &best, k)?;
    let drop = (2.0 / alpha).ln();
    let unseen = sum(prompts
        .iter()
        .map(|prompt| most_gained(prompt.samples(), k)))
        / m;
    let high = (1.0 - fit.least(&best, &miss, drop)).min(within.high + unseen);
    Ok(Estimate {
        value,
        low: fit.least(&best, &pass, drop).max(within.low).min(value),
        high: high.max(within.high).max(value).min(1.0),
    })
}

/// `max over pi of (1 - pi)^n - (1 - pi)^k`: what samples n + 1 to k may add.
fn most_gained(n: u64, k: u64) -> f64 {
    if n >= k {
        return 0.0;
    }
    let (n, k) = (n as f64, k as f64);
    (n / k).powf(n / (k - n)) * (k - n) / k
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
